//! What the window itself does on threads of its own: the desktop's dialogs, the browser, and terminals.

use std::path::PathBuf;
use std::process::Stdio;
use std::sync::Arc;

use crossbeam_channel::{Receiver, Sender, unbounded};
use eframe::egui::{ColorImage, Context, ViewportId};

use super::{file_dialog, motion, picture, terminal};
use crate::command::Outcome;
use crate::engine::{Handle, Origin, Request};
use crate::export::{MAX_FILE, read_limited};
use crate::lab::Lab;
use crate::sys::thread;
use crate::ui::terminal::{Terminal, TerminalInput};

/// The result of a job.
#[derive(Debug)]
pub enum Answer {
    /// The text of a manifest that was chosen, or why it cannot be read.
    Manifest {
        path: PathBuf,
        read: Result<String, String>,
    },
    /// The desktop has no file dialog. A sentence says why, and another one what else can be done.
    NoFileDialog(String),
    /// A path to save to was chosen in the file dialog.
    SavePath(PathBuf),
    /// Whether the desktop wishes for less motion.
    ReducedMotion(bool),
    Failed(String),
    /// The settings are not kept any more.
    SettingsFailed(String),
}

fn read_manifest(path: PathBuf) -> Answer {
    let read = read_limited(&path, MAX_FILE).map_err(|e| e.to_string());
    Answer::Manifest { path, read }
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

    /// What the file of the settings tells when it can no longer be written.
    pub fn settings_failed(&self) -> impl Fn(String) + Send + use<> {
        let (answers, ctx) = (self.answers.0.clone(), self.ctx.clone());
        move |why| {
            // an error means that the window is gone
            let _ = answers.send(Answer::SettingsFailed(why));
            ctx.request_repaint_of(ViewportId::ROOT);
        }
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

    /// Reads the text of a manifest.
    pub fn read_manifest(&self, path: PathBuf) {
        self.spawn("read manifest", move || Some(read_manifest(path)), Answer::Failed);
    }

    /// Asks with the desktop's file dialog for a manifest, and reads its text.
    pub fn ask_manifest(&self) {
        self.dialog(|dialog| {
            let dialog = dialog.set_title("Open a manifest").add_filter("Pod manifest", &["yaml", "yml", "json"]);
            dialog.pick_file().map(read_manifest)
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
        let job = move || match file_dialog::missing() {
            Some(why) => Some(Answer::NoFileDialog(why)),
            // no answer: cancelled
            None => ask(rfd::FileDialog::new()),
        };
        self.spawn("file dialog", job, Answer::Failed);
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
            write_picture(&engine, origin, move || picture::write_png(&path, &image, replace));
        });
    }

    /// Writes a film of these images, and reports the outcome to the engine.
    pub fn write_film(
        engine: &Handle,
        path: PathBuf,
        images: Vec<Arc<ColorImage>>,
        frame_ms: u16,
        replace: bool,
        origin: Origin,
    ) {
        write_picture(engine, origin, move || picture::write_film(&path, &images, frame_ms, replace));
    }
}

/// Writes on a thread of its own: encoding and `fsync(2)` take time. Reports the outcome to the engine.
fn write_picture(engine: &Handle, origin: Origin, write: impl FnOnce() -> Result<(), String> + Send + 'static) {
    let reporting = engine.clone();
    let run = move || {
        let outcome = write().map_or_else(Outcome::Failed, |()| Outcome::Done);
        reporting.send(Request::Completed { origin, outcome });
    };
    if let Err(e) = thread::spawn("picture", run) {
        engine.send(Request::Completed { origin, outcome: Outcome::Failed(e.to_string()) });
    }
}
