//! The output of containers for the view that shows it. It is followed only while the view is on screen.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use crossbeam_channel::unbounded;
use eframe::egui;

use super::Window;
use crate::lab::Follow;
use crate::model::Member;
use crate::ui::logs::{Exec, Lines};
use crate::ui::terminal::{Terminal, TerminalInput};

/// The longest time until new output is shown. A program that writes all the time causes a frame this often.
const FRAME: Duration = Duration::from_millis(100);

/// The member whose output is followed, and the number of the request.
#[derive(Debug, Default)]
pub struct Following {
    member: Option<Member>,
    request: u64,
    /// Ends when dropped.
    held: Option<Follow>,
}

impl Window {
    /// Follows the output that the view has requested in this frame, and no other.
    pub(super) fn follow_output(&mut self) {
        let wanted = self.views.logs.wanted.take();
        if wanted == self.following.member {
            return;
        }
        let request = self.following.request + 1;
        self.following = Following { member: wanted.clone(), request, held: None };
        self.views.logs.problem = None;
        let Some(member) = wanted else { return };
        // a new log, so that late output of another member cannot get into it
        let log = Arc::new(Mutex::new(Lines::default()));
        self.views.logs.log = Arc::clone(&log);
        self.jobs.follow(self.shown.state().lab(), member, request, log);
    }

    pub(super) fn output_followed(&mut self, request: u64, follow: Result<Follow, String>) {
        if request != self.following.request {
            return;
        }
        match follow {
            Ok(follow) => self.following.held = Some(follow),
            Err(why) => self.views.logs.problem = Some(why),
        }
    }

    pub(super) fn run_in(&mut self, member: Member, argv: Vec<String>) {
        let exec = Exec::new(member, &argv);
        self.views.logs.exec = Some(exec.clone());
        self.jobs.exec_live(self.shown.state().lab(), &exec, argv);
    }

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

    pub(super) fn cancel_exec(&self) {
        if let Some(exec) = &self.views.logs.exec {
            exec.cancel();
        }
    }
}

/// Appends output to the shown lines and requests a frame. `restart`: the output begins again, so the lines are cleared
/// first.
pub fn append_output(lines: &Mutex<Lines>, restart: bool, bytes: &[u8], ctx: &egui::Context) {
    let mut lines = lines.lock().unwrap_or_else(PoisonError::into_inner);
    if restart {
        lines.clear();
    }
    lines.push(bytes);
    drop(lines);
    ctx.request_repaint_after_for(FRAME, egui::ViewportId::ROOT);
}
