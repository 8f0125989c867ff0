//! The terminal that the view of output can show.

use crossbeam_channel::unbounded;

use super::Window;
use crate::model::Member;
use crate::ui::terminal::{Terminal, TerminalInput};

impl Window {
    pub(super) fn open_terminal(&mut self, member: Member, argv: Option<Vec<String>>) {
        self.close_terminal();
        let (sender, input) = unbounded();
        let title = argv.as_ref().map_or_else(|| "attached".to_owned(), |argv| argv.join(" "));
        let terminal = Terminal::new(member, title, sender);
        self.views.logs.terminal = Some(terminal.clone());
        self.views.logs.focus_terminal = true;
        self.jobs.serve_terminal(self.shown.state().lab(), &terminal, argv, input);
    }

    pub(super) fn close_terminal(&mut self) {
        if let Some(terminal) = self.views.logs.terminal.take() {
            terminal.send(TerminalInput::Close);
        }
    }
}
