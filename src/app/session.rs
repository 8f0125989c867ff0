//! The threads behind the window: the observer, the link to the node, and background jobs.

mod building;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use crossbeam_channel::{Receiver, Sender, bounded, unbounded};
use eframe::egui::{Context, ViewportId};

use super::window::append_output;
use super::{manifests, terminal};
use crate::command::{Outcome, PodSource};
use crate::control::{Server, StartError, StateSender};
use crate::export;
use crate::lab::spec::{PodSpec, Warning};
use crate::lab::{self, Follow, Lab, NamespaceStep, Url};
use crate::model::{Delta, Member, PodUid, World};
use crate::observe::{Input, Observer, Options, Scope};
use crate::steps::{Pending, Step};
use crate::sys::thread;
use crate::ui::logs::{EXEC_LIMIT, Exec, Lines};
use crate::ui::terminal::{Terminal, TerminalInput};

/// The number of delta batches that may wait while the window is busy. Beyond that the observer waits.
const MAX_BATCHES: usize = 4_096;

/// The result of a background job, or an event, for the window.
#[derive(Debug)]
pub enum Answer {
    /// A command has ended. `scripted`: a script waits for its outcome.
    Ended { outcome: Outcome, scripted: bool },
    /// The pods of a manifest were started, or one of them could not be.
    Created { done: Result<(), String>, scripted: bool },
    /// A manifest was chosen in the file dialog.
    Manifest(PathBuf),
    /// A path to save to was chosen in the file dialog.
    SavePath(PathBuf),
    /// A pod was started from a manifest.
    Started(Started),
    /// A manifest on disk has changed.
    ManifestChanged(PathBuf),
    /// A changed manifest was read again.
    ManifestRead(PathBuf, Result<Vec<(PodSpec, Vec<Warning>)>, String>),
    /// An export was written, or has failed.
    Exported { export: Export, written: Result<(), ExportError>, scripted: bool },
    /// The output of a member is followed, or cannot be. The number is that of the request.
    Followed(u64, Result<Follow, String>),
    /// A command in another terminal asks for the World and the lab.
    ControlRequest(StateSender),
    /// The lab has accepted a step of building a pod.
    Building { pending: Box<Pending>, scripted: bool },
}

/// A pod that was started, and its manifest.
#[derive(Debug)]
pub struct Started {
    pub path: PathBuf,
    pub uid: PodUid,
    pub spec: Box<PodSpec>,
    pub warnings: Vec<Warning>,
    /// Whether the path is that of a file; a preset has none.
    pub is_file: bool,
}

/// A file to write.
#[derive(Clone, Debug)]
pub struct Export {
    pub path: PathBuf,
    pub content: ExportContent,
    /// Whether an existing file may be replaced.
    pub replace: bool,
}

/// The content of an exported file.
#[derive(Clone, Debug)]
pub enum ExportContent {
    Snapshot {
        format: export::Format,
        redact: bool,
    },
    /// A pod as a manifest.
    Manifest(PodUid),
}

#[derive(Debug, thiserror::Error)]
pub enum ExportError {
    #[error("{0}")]
    Write(export::WriteError),
    /// The pod cannot be written as a manifest.
    #[error("{0}")]
    Manifest(String),
    #[error("{0}")]
    Thread(String),
}

/// The last requested spec of each pod. It differs from the manifest if, for example, a command was replaced.
type Specs = Arc<Mutex<BTreeMap<PodUid, PodSpec>>>;

pub struct Session {
    control: Option<Server>,
    observer: Observer,
    lab: Option<Arc<Lab>>,
    options: lab::Options,
    specs: Specs,
    deltas: Receiver<Vec<Delta>>,
    answers: (Sender<Answer>, Receiver<Answer>),
    ctx: Context,
}

impl Session {
    pub fn start(ctx: &Context, options: lab::Options) -> Result<Self, crate::observe::Error> {
        let (out, deltas) = bounded(MAX_BATCHES);
        let wake = ctx.clone();
        let sink = move |batch: Vec<Delta>| {
            // an error means that the window is gone; the observer ends soon after it
            let _ = out.send(batch);
            wake.request_repaint_of(ViewportId::ROOT);
        };
        let observer = Observer::start(Scope::Lab, Options::from_env(), Box::new(sink))?;
        let (specs, answers) = (Specs::default(), unbounded());
        Ok(Self { control: None, observer, lab: None, options, specs, deltas, answers, ctx: ctx.clone() })
    }

    /// Sends a fact of the app to the observer, which merges it with those of the kernel.
    pub fn send_delta(&self, delta: Delta) {
        self.observer.input().send(Input::Delta(delta));
    }

    /// Starts the server through which commands in other terminals reach the lab.
    pub fn start_control_server(&mut self) -> Result<(), StartError> {
        let (answers, ctx) = self.answer_sender();
        let on_request = move |request: StateSender| {
            let _ = answers.send(Answer::ControlRequest(request));
            ctx.request_repaint_of(ViewportId::ROOT);
        };
        self.control = Some(Server::start(true, Arc::new(on_request))?);
        Ok(())
    }

    /// Starts the node. A previous one ends.
    pub fn start_node(&mut self) -> Result<(), lab::Error> {
        self.lab = None;
        let input = self.observer.input();
        self.lab = Some(Arc::new(Lab::start_with(Path::new("/proc/self/exe"), self.options, input)?));
        Ok(())
    }

    /// The batches of deltas that wait.
    pub fn batches(&self) -> impl Iterator<Item = Vec<Delta>> + '_ {
        self.deltas.try_iter()
    }

    pub fn answers(&self) -> impl Iterator<Item = Answer> + '_ {
        self.answers.1.try_iter()
    }

    /// The last requested spec of a pod.
    pub fn spec(&self, uid: &PodUid) -> Option<PodSpec> {
        lock(&self.specs).get(uid).cloned()
    }

    pub fn lab(&self) -> Result<&Arc<Lab>, String> {
        self.lab.as_ref().ok_or_else(|| "the lab is not running; start it again on the left".into())
    }

    /// Reads a manifest and starts its pods, on a background thread.
    pub fn create(&self, source: PodSource, scripted: bool) {
        let (lab, specs) = (self.lab().cloned(), Arc::clone(&self.specs));
        let create = move |answers: &Sender<Answer>| {
            let done = lab.and_then(|lab| create(&lab, &source, &specs, answers));
            Some(Answer::Created { done, scripted })
        };
        self.spawn_job("create", create, |why| Answer::Created { done: Err(why), scripted });
    }

    /// Does a step of building a pod. `before` is the present World.
    pub fn build(&self, step: Step, before: World, scripted: bool) {
        let (lab, specs) = (self.lab().cloned(), Arc::clone(&self.specs));
        let build = move |answers: &Sender<Answer>| {
            Some(match lab.and_then(|lab| building::build(&lab, &specs, step, &before, answers)) {
                Ok(pending) => Answer::Building { pending: Box::new(pending), scripted },
                Err(why) => Answer::Ended { outcome: Outcome::Failed(why), scripted },
            })
        };
        self.spawn_job("build", build, |why| Answer::Ended { outcome: Outcome::Failed(why), scripted });
    }

    pub fn change_namespaces(&self, member: Member, step: NamespaceStep, scripted: bool) {
        let lab = self.lab().cloned();
        self.spawn_command(scripted, move |_| {
            to_outcome(lab.and_then(|lab| lab.change_namespaces(&member, step).map_err(|e| e.to_string())))
        });
    }

    pub fn logs(&self, member: Member, scripted: bool) {
        let lab = self.lab().cloned();
        self.spawn_command(scripted, move |_| match lab.and_then(|lab| lab.logs(&member).map_err(|e| e.to_string())) {
            Ok(bytes) => Outcome::Output(String::from_utf8_lossy(&bytes).into_owned()),
            Err(why) => Outcome::Failed(why),
        });
    }

    pub fn fetch(&self, url: Url, scripted: bool) {
        self.spawn_command(scripted, move |_| crate::fetch::outcome(&url));
    }

    pub fn delete(&self, uid: PodUid, scripted: bool) {
        let lab = self.lab().cloned();
        self.spawn_command(scripted, move |_| {
            to_outcome(lab.and_then(|lab| lab.delete(&uid).map_err(|e| e.to_string())))
        });
    }

    pub fn exec(&self, member: Member, argv: Vec<String>, limit: Duration, scripted: bool) {
        let lab = self.lab().cloned();
        self.spawn_command(scripted, move |_| {
            let ran = lab.and_then(|lab| lab.exec(&member, &argv, limit).map_err(|e| e.to_string()));
            match ran {
                Ok(ran) if ran.timed_out => {
                    let limit = limit.as_secs_f64();
                    Outcome::Failed(format!("{}: not done after {limit} s, and killed", argv.join(" ")))
                }
                Ok(ran) => {
                    let output = [ran.stdout, ran.stderr].concat();
                    let output = String::from_utf8_lossy(&output).into_owned();
                    Outcome::Exec { code: ran.status.code(), output }
                }
                Err(why) => Outcome::Failed(why),
            }
        });
    }

    /// Starts a pod of a manifest that was read before. `is_file`: the path is that of a file, not of a preset.
    pub fn start_from(&self, path: PathBuf, spec: PodSpec, is_file: bool) {
        let (lab, specs) = (self.lab().cloned(), Arc::clone(&self.specs));
        self.spawn_command(false, move |answers| {
            to_outcome(lab.and_then(|lab| start(&lab, &specs, (spec, Vec::new()), path, is_file, answers).map(drop)))
        });
    }

    /// Replaces some containers of a pod by those of a changed spec.
    pub fn replace(&self, pod: PodUid, spec: PodSpec, containers: Vec<String>) {
        let (lab, specs) = (self.lab().cloned(), Arc::clone(&self.specs));
        self.spawn_command(false, move |_| {
            to_outcome(lab.and_then(|lab| replace(&lab, &specs, &pod, spec, containers)))
        });
    }

    /// Reads a manifest again, on a background thread.
    pub fn read_manifest(&self, path: PathBuf) {
        let unread = path.clone();
        let read = move |_: &Sender<Answer>| {
            let read = manifests::read(&path);
            Some(Answer::ManifestRead(path, read))
        };
        self.spawn_job("read manifest", read, |why| Answer::ManifestRead(unread, Err(why)));
    }

    /// Runs a program in a container and shows its output live.
    pub fn exec_live(&self, exec: &Exec, argv: Vec<String>) {
        let (lab, ctx, running) = (self.lab().cloned(), self.ctx.clone(), exec.clone());
        let run = move || {
            let began = std::time::Instant::now();
            let (output, wake) = (Arc::clone(&running.output), ctx.clone());
            let on_output = move |_, bytes: &[u8]| append_output(&output, false, bytes, &wake);
            let ran = lab.and_then(|lab| {
                let started = lab.start_exec(&running.member, &argv, EXEC_LIMIT, on_output);
                let started = started.map_err(|e| e.to_string())?;
                running.set_cancel_handle(started.cancel_handle());
                started.wait().map_err(|e| e.to_string())
            });
            running.end(match ran {
                Ok(ran) if ran.cancelled => Err("cancelled".to_owned()),
                Ok(ran) if ran.timed_out => Err(format!("killed after {} s", EXEC_LIMIT.as_secs())),
                Ok(ran) => Ok((ran.status.code(), began.elapsed())),
                Err(why) => Err(why),
            });
            ctx.request_repaint_of(ViewportId::ROOT);
        };
        if let Err(e) = thread::spawn("exec", run) {
            exec.end(Err(e.to_string()));
        }
    }

    /// Opens a terminal in a container and serves it until it ends.
    pub fn serve_terminal(&self, terminal: &Terminal, argv: Option<Vec<String>>, input: Receiver<TerminalInput>) {
        let (lab, ctx, served) = (self.lab().cloned(), self.ctx.clone(), terminal.clone());
        let serve = move || terminal::serve(lab, argv.as_deref(), &served, input, &ctx);
        if let Err(e) = thread::spawn("terminal", serve) {
            terminal.end(Err(e.to_string()));
        }
    }

    /// Appends the output of a member to `log` as it arrives.
    pub fn follow(&self, member: Member, request: u64, log: Arc<Mutex<Lines>>) {
        let lab = self.lab().cloned();
        let ctx = self.ctx.clone();
        let follow = move |_: &Sender<Answer>| {
            let on_output = move |restart, bytes: &[u8]| append_output(&log, restart, bytes, &ctx);
            let follow = lab.and_then(|lab| lab.follow(&member, on_output).map_err(|e| e.to_string()));
            Some(Answer::Followed(request, follow))
        };
        self.spawn_job("follow", follow, |why| Answer::Followed(request, Err(why)));
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
        let failed = |why| Answer::Ended { outcome: Outcome::Failed(why), scripted: false };
        self.spawn_job("file dialog", move |_| ask(rfd::FileDialog::new()), failed);
    }

    /// Writes a snapshot of a World, or a manifest, on a background thread, since rendering and `fsync(2)` take time.
    pub fn export(&self, world: World, export: Export, scripted: bool) {
        let unwritten = export.clone();
        let lab = self.lab().cloned();
        let write = move |_: &Sender<Answer>| {
            let text = match &export.content {
                ExportContent::Snapshot { format, redact } => {
                    let selection = export::Selection { redact: *redact, ..Default::default() };
                    Ok(export::render(&world, *format, &selection))
                }
                ExportContent::Manifest(pod) => lab.and_then(|lab| building::manifest_of(&lab, pod)),
            };
            let write = if export.replace { export::write_file } else { export::write_new };
            let written = text
                .map_err(ExportError::Manifest)
                .and_then(|text| write(&export.path, text.as_bytes()).map_err(ExportError::Write));
            Some(Answer::Exported { export, written, scripted })
        };
        let failed = |why| Answer::Exported { export: unwritten, written: Err(ExportError::Thread(why)), scripted };
        self.spawn_job("export", write, failed);
    }

    /// A sender for answers that do not come from a background job, such as that of a screenshot.
    pub fn answer_sender(&self) -> (Sender<Answer>, Context) {
        (self.answers.0.clone(), self.ctx.clone())
    }

    /// Opens a page in the browser of the desktop (`xdg-open(1)`).
    pub fn open_page(&self, url: String) {
        self.spawn_command(false, move |_| {
            let run = std::process::Command::new("xdg-open").arg(&url).stdin(Stdio::null()).output();
            match run {
                Ok(done) if done.status.success() => Outcome::Done,
                Ok(done) => {
                    let why = String::from_utf8_lossy(&done.stderr);
                    let why = why.lines().next().unwrap_or("xdg-open failed");
                    Outcome::Failed(format!("{url} was not opened: {why}; a right click copies it"))
                }
                Err(e) => Outcome::Failed(format!("{url} was not opened: xdg-open: {e}; a right click copies it")),
            }
        });
    }

    /// Runs a command that takes time on its own thread.
    fn spawn_command(&self, scripted: bool, run: impl FnOnce(&Sender<Answer>) -> Outcome + Send + 'static) {
        let run = move |answers: &Sender<Answer>| Some(Answer::Ended { outcome: run(answers), scripted });
        self.spawn_job("command", run, |why| Answer::Ended { outcome: Outcome::Failed(why), scripted });
    }

    /// Runs a job on its own thread. `failed` gives the answer if the thread cannot be started.
    fn spawn_job(
        &self,
        name: &str,
        run: impl FnOnce(&Sender<Answer>) -> Option<Answer> + Send + 'static,
        failed: impl FnOnce(String) -> Answer,
    ) {
        let (answers, ctx) = self.answer_sender();
        let started = thread::spawn(name, move || {
            if let Some(answer) = run(&answers) {
                let _ = answers.send(answer);
            }
            ctx.request_repaint_of(ViewportId::ROOT);
        });
        if let Err(e) = started {
            let _ = self.answers.0.send(failed(e.to_string()));
            self.ctx.request_repaint_of(ViewportId::ROOT);
        }
    }
}

fn to_outcome(result: Result<(), String>) -> Outcome {
    result.map_or_else(Outcome::Failed, |()| Outcome::Done)
}

fn replace(lab: &Lab, specs: &Specs, pod: &PodUid, spec: PodSpec, containers: Vec<String>) -> Result<(), String> {
    lab.replace(pod, spec.clone(), containers).map_err(|e| e.to_string())?;
    lock(specs).insert(pod.clone(), spec);
    Ok(())
}

/// Stores the present spec of a pod, to start it again after the node is lost.
fn store_spec(lab: &Lab, specs: &Specs, pod: &PodUid) -> Result<(), String> {
    let mut spec = lab.spec(pod).map_err(|e| e.to_string())?;
    // a pod cannot start with ephemeral containers
    spec.ephemeral_containers.clear();
    lock(specs).insert(pod.clone(), spec);
    Ok(())
}

fn lock(specs: &Specs) -> std::sync::MutexGuard<'_, BTreeMap<PodUid, PodSpec>> {
    specs.lock().unwrap_or_else(PoisonError::into_inner)
}

fn create(lab: &Lab, source: &PodSource, specs: &Specs, answers: &Sender<Answer>) -> Result<(), String> {
    let (path, pods, is_file) = match source {
        PodSource::Preset(name) => {
            let preset = crate::presets::find(name).ok_or_else(|| format!("no preset is named {name}"))?;
            (PathBuf::from(format!("{name}.yaml")), preset.pods().map_err(|e| e.to_string())?, false)
        }
        PodSource::File(path) => (path.clone(), manifests::read(path)?, true),
    };
    for pod in pods {
        start(lab, specs, pod, path.clone(), is_file, answers)?;
    }
    Ok(())
}

fn start(
    lab: &Lab,
    specs: &Specs,
    (spec, warnings): (PodSpec, Vec<Warning>),
    path: PathBuf,
    is_file: bool,
    answers: &Sender<Answer>,
) -> Result<PodUid, String> {
    let uid = lab.run(spec.clone()).map_err(|e| e.to_string())?;
    lock(specs).insert(uid.clone(), spec.clone());
    let started = Started { path, uid: uid.clone(), spec: Box::new(spec), warnings, is_file };
    let _ = answers.send(Answer::Started(started));
    Ok(uid)
}
