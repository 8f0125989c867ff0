//! Tells the engine what is on screen, so that it wakes the window for that.

use super::{Pane, Window};
use crate::engine::{Request, Watched};
use crate::model::Scope;

impl Window {
    /// Tells the engine which processes are on screen. Other changes are drawn with the next frame.
    pub(super) fn watch(&mut self) {
        let watched = Watched {
            pod: self.selection.pod.clone().filter(|_| !self.focus.shows_all_pods()),
            // with the whole machine these are many, and change all the time
            others: self.focus.shows_all_pods() || self.shown.live().scope == Scope::Lab,
            output: self.focus.shows(Pane::Logs),
            inside: (self.focus.shows(Pane::Inside) && self.shown.is_live())
                .then(|| self.views.inside.shows(&self.selection)),
            holders: self.selection.namespace.filter(|_| self.focus.shows(Pane::Namespaces) && self.shown.is_live()),
        };
        if self.watched != watched {
            self.engine.send(Request::Watch(watched.clone()));
            self.watched = watched;
        }
    }
}
