//! Output of containers, for the view that shows it: followed only while it is on screen.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use crossbeam_channel::unbounded;
use eframe::egui;

use super::Window;
use crate::lab::Follow;
use crate::model::Member;
use crate::ui::logs::{Exec, Lines};
use crate::ui::terminal::{Terminal, Typed};

/// A program that writes all the time is shown this often.
const FRAME: Duration = Duration::from_millis(100);

/// What is followed, and under which number the answer to the request comes.
#[derive(Debug, Default)]
pub struct Following {
    member: Option<Member>,
    request: u64,
    /// Ends when dropped.
    held: Option<Follow>,
}

impl Window {
    /// Follows what the view has asked for in this frame, and nothing else.
    pub(super) fn follow_output(&mut self) {
        let wanted = self.views.logs.wanted.take();
        if wanted == self.following.member {
            return;
        }
        let request = self.following.request + 1;
        self.following = Following { member: wanted.clone(), request, held: None };
        self.views.logs.problem = None;
        let Some(member) = wanted else { return };
        // of its own, so that the last words of another cannot end up in it
        let log = Arc::new(Mutex::new(Lines::default()));
        self.views.logs.log = Arc::clone(&log);
        if let Some(session) = &self.session {
            session.follow(member, request, log);
        }
    }

    pub(super) fn follows(&mut self, request: u64, follow: Result<Follow, String>) {
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
        if let Some(session) = &self.session {
            session.exec_live(&exec, argv);
        }
    }
}

impl Window {
    pub(super) fn open_terminal(&mut self, member: Member, argv: Option<Vec<String>>) {
        self.close_terminal();
        let (input, typed) = unbounded();
        let title = argv.as_ref().map_or_else(|| "attached".to_owned(), |argv| argv.join(" "));
        let terminal = Terminal::new(member, title, input);
        self.views.logs.terminal = Some(terminal.clone());
        self.views.logs.focus_terminal = true;
        if let Some(session) = &self.session {
            session.serve_terminal(&terminal, argv, typed);
        }
    }

    pub(super) fn close_terminal(&mut self) {
        if let Some(terminal) = self.views.logs.terminal.take() {
            terminal.send(Typed::Close);
        }
    }

    pub(super) fn cancel_exec(&self) {
        if let Some(exec) = &self.views.logs.exec {
            exec.cancel();
        }
    }
}

/// Appends to what is shown, and has it shown soon.
pub fn hear(lines: &Mutex<Lines>, anew: bool, bytes: &[u8], ctx: &egui::Context) {
    let mut lines = lines.lock().unwrap_or_else(PoisonError::into_inner);
    if anew {
        lines.clear();
    }
    lines.push(bytes);
    drop(lines);
    ctx.request_repaint_after_for(FRAME, egui::ViewportId::ROOT);
}
