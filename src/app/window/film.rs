//! A film of what happened last: slow motion step by step, each as a frame.

use std::path::PathBuf;
use std::sync::Arc;

use crossbeam_channel::{Receiver, Sender, unbounded};
use eframe::egui::{ColorImage, Context, ViewportId};

use super::Window;
use crate::app::jobs::Jobs;
use crate::command::Outcome;
use crate::engine::{Origin, Request};
use crate::ui::slow_motion::SlowMotionAction;

/// How long a step stays.
const FRAME_MS: u16 = 900;

/// A film that is being taken.
#[derive(Debug)]
pub(super) struct Film {
    path: PathBuf,
    replace: bool,
    origin: Origin,
    images: Vec<Arc<ColorImage>>,
    taken: (Sender<Arc<ColorImage>>, Receiver<Arc<ColorImage>>),
    phase: Phase,
}

#[derive(Debug, PartialEq, Eq)]
enum Phase {
    /// The step is shown for the first time: egui may need a second frame to give everything its place.
    First,
    /// It is in its place.
    Settled,
    /// A picture of it was requested.
    Requested,
}

impl Window {
    /// Begins a film. `Some` is the outcome if there is nothing to film.
    pub(super) fn begin_film(&mut self, path: PathBuf, replace: bool, origin: Origin) -> Option<Outcome> {
        if self.film.is_some() {
            return Some(Outcome::Failed("another film is being taken".into()));
        }
        self.act_in_slow_motion(SlowMotionAction::Play);
        if self.slow_motions.playing().is_none() {
            let why = "nothing has happened to a pod in a moment, in the last minute; there is nothing to play slowly";
            return Some(Outcome::Failed(why.into()));
        }
        self.act_in_slow_motion(SlowMotionAction::GoTo(0));
        let (images, taken) = (Vec::new(), unbounded());
        self.film = Some(Film { path, replace, origin, images, taken, phase: Phase::First });
        None
    }

    /// Goes on with the film, if there is one. Called once in each frame, before it is drawn.
    pub(super) fn continue_film(&mut self, ctx: &Context) {
        let Some(film) = &mut self.film else { return };
        let Some(slow) = self.slow_motions.playing() else {
            let film = self.film.take();
            return self.end_film(film, Some("slow motion was ended".into()));
        };
        let is_last = slow.step() + 1 == slow.burst().steps.len();
        match film.phase {
            Phase::First => {
                film.phase = Phase::Settled;
                ctx.request_repaint();
            }
            Phase::Settled => {
                film.phase = Phase::Requested;
                let (taken, repaint) = (film.taken.0.clone(), ctx.clone());
                ctx.request_screenshot(move |image| {
                    // an error means that the film was ended
                    let _ = taken.send(image);
                    repaint.request_repaint_of(ViewportId::ROOT);
                });
            }
            Phase::Requested => {
                let Ok(image) = film.taken.1.try_recv() else { return };
                film.images.push(image);
                film.phase = Phase::First;
                if is_last {
                    let film = self.film.take();
                    self.act(ctx, crate::ui::Action::Seek(None));
                    self.end_film(film, None);
                } else {
                    self.act_in_slow_motion(SlowMotionAction::Step(1));
                    ctx.request_repaint();
                }
            }
        }
    }

    fn end_film(&self, film: Option<Film>, failed: Option<String>) {
        let Some(Film { path, replace, origin, images, .. }) = film else { return };
        match failed {
            Some(why) => self.engine.send(Request::Completed { origin, outcome: Outcome::Failed(why) }),
            None => Jobs::write_film(&self.engine, path, images, FRAME_MS, replace, origin),
        }
    }
}
