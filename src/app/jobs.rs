//! What the window itself does on threads of its own: the desktop's dialogs, the browser, and terminals.

use std::path::PathBuf;
use std::process::Stdio;
use std::sync::Arc;

use crossbeam_channel::{Receiver, Sender, unbounded};
use eframe::egui::{ColorImage, Context, ViewportId};

use super::{motion, screenshot, terminal};
use crate::command::Outcome;
use crate::engine::{Handle, Origin, Request};
use crate::lab::Lab;
use crate::sys::thread;
use crate::ui::terminal::{Terminal, TerminalInput};

/// The result of a job.
#[derive(Debug)]
pub enum Answer {
    /// A manifest was chosen in the file dialog.
    Manifest(PathBuf),
    /// A path to save to was chosen in the file dialog.
    SavePath(PathBuf),
    /// Whether the desktop wishes for less motion.
    ReducedMotion(bool),
    Failed(String),
}

type LabResult = Result<Arc<Lab>, String>;

pub struct Jobs {
    answers: (Sender<Answer>, Receiver<Answer>),
    ctx: Context,
}

impl Jobs {
    pub fn new(ctx: &Context) -> Self {
        Self { answers: unbounded(), ctx: ctx.clone() }
    }

    pub fn answers(&self) -> impl Iterator<Item = Answer> + '_ {
        self.answers.1.try_iter()
    }

    /// Runs a job that may have an answer. `failed` makes the answer if no thread can be started.
    fn spawn(
        &self,
        name: &str,
        job: impl FnOnce() -> Option<Answer> + Send + 'static,
        failed: impl FnOnce(String) -> Answer,
    ) {
        let (answers, ctx) = (self.answers.0.clone(), self.ctx.clone());
        let run = move || {
            if let Some(answer) = job() {
                // an error means that the window is gone
                let _ = answers.send(answer);
                ctx.request_repaint_of(ViewportId::ROOT);
            }
        };
        if let Err(e) = thread::spawn(name, run) {
            let _ = self.answers.0.send(failed(e.to_string()));
        }
    }

    /// Opens a terminal in a container and serves it until it ends.
    pub fn serve_terminal(
        &self,
        lab: LabResult,
        terminal: &Terminal,
        argv: Option<Vec<String>>,
        input: Receiver<TerminalInput>,
    ) {
        let (ctx, served) = (self.ctx.clone(), terminal.clone());
        let serve = move || terminal::serve(lab, argv.as_deref(), &served, input, &ctx);
        if let Err(e) = thread::spawn("terminal", serve) {
            terminal.end(Err(e.to_string()));
        }
    }

    /// Asks with the desktop's file dialog for a manifest.
    pub fn ask_manifest(&self) {
        self.dialog(|dialog| {
            let dialog = dialog.set_title("Start a pod from a manifest").add_filter("Pod manifest", &["yaml", "yml"]);
            dialog.pick_file().map(Answer::Manifest)
        });
    }

    /// Asks with the desktop's file dialog where to save a file.
    pub fn ask_save(&self, title: &'static str, suggestion: PathBuf) {
        self.dialog(move |dialog| {
            let name = suggestion.file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default();
            let mut dialog = dialog.set_title(title).set_file_name(name);
            if let Some(dir) = suggestion.parent().filter(|d| d.is_dir()) {
                dialog = dialog.set_directory(dir);
            }
            dialog.save_file().map(Answer::SavePath)
        });
    }

    fn dialog(&self, ask: impl FnOnce(rfd::FileDialog) -> Option<Answer> + Send + 'static) {
        // no answer means cancelled, or that this desktop has no portal; the typed path stays
        self.spawn("file dialog", move || ask(rfd::FileDialog::new()), Answer::Failed);
    }

    /// Asks whether the desktop wishes for less motion.
    pub fn ask_reduced_motion(&self) {
        let ask = || Some(Answer::ReducedMotion(motion::is_reduced_by_desktop()));
        self.spawn("motion", ask, Answer::Failed);
    }

    /// Opens a page in the browser of the desktop (`xdg-open(1)`).
    pub fn open_page(&self, url: String) {
        let open = move || {
            let run = std::process::Command::new("xdg-open").arg(&url).stdin(Stdio::null()).output();
            let why = match run {
                Ok(done) if done.status.success() => return None,
                Ok(done) => {
                    let why = String::from_utf8_lossy(&done.stderr);
                    why.lines().next().unwrap_or("xdg-open failed").to_owned()
                }
                Err(e) => format!("xdg-open: {e}"),
            };
            Some(Answer::Failed(format!("{url} was not opened: {why}; a right click copies it")))
        };
        self.spawn("open page", open, Answer::Failed);
    }

    /// Writes the next frame as a PNG, and reports the outcome to the engine.
    pub fn take_screenshot(&self, engine: &Handle, path: PathBuf, replace: bool, origin: Origin) {
        let engine = engine.clone();
        self.ctx.request_screenshot(move |image: Arc<ColorImage>| {
            // encoding and `fsync(2)` take time, and this is the ui thread
            let (write_to, failing) = (engine.clone(), engine);
            let write = move || {
                let written = screenshot::write_png(&path, &image, replace);
                let outcome = written.map_or_else(Outcome::Failed, |()| Outcome::Done);
                write_to.send(Request::Completed { origin, outcome });
            };
            if let Err(e) = thread::spawn("screenshot", write) {
                failing.send(Request::Completed { origin, outcome: Outcome::Failed(e.to_string()) });
            }
        });
    }
}
