//! The actions of a user. Views and scripts return commands; only the app or `podscope run` executes them.

use std::path::PathBuf;
use std::time::Duration;

use crate::export::Format;
use crate::inside::InsideOf;
use crate::lab::{NamespaceStep, Url};
use crate::model::{ExecId, Member, NsId, PodUid, ProcId, Process, Signal, World, names};
use crate::steps::Step;

/// One action, executed by the app of the window or by `podscope run`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Command {
    /// Send a signal by pidfd, so that a reused pid cannot be hit.
    Signal { target: ProcId, signal: Signal },
    /// Send a signal to several processes, by pidfd. One question lists them before anything is sent.
    SignalAll { targets: Vec<ProcId>, signal: Signal },
    /// Start a pod in the lab.
    Create(PodSource),
    /// Stop a pod as a kubelet does: TERM, grace period, KILL, pause last.
    Delete(PodUid),
    /// Stop several pods, all at the same time.
    DeleteAll(Vec<PodUid>),
    /// Run a program of the host inside a member; it is killed after `limit`.
    Exec { member: Member, argv: Vec<String>, limit: Duration },
    /// Kill a program that was executed in a member.
    CancelExec(ExecId),
    /// Read what a member has written so far.
    Logs(Member),
    /// Get a page over HTTP, from the host's network.
    Fetch(Url),
    /// Execute a step of building a pod: create a sandbox; add, replace or remove a container.
    Build(Step),
    /// Tell a `podscope/hand` container what to do with its own namespaces.
    ChangeNamespaces { member: Member, step: NamespaceStep },
    /// Write the World at the time cursor to a file.
    Export { path: PathBuf, format: Format, redact: bool },
    /// Write a picture of the window as PNG; no effect in a terminal.
    Picture { path: PathBuf, kind: PictureKind },
    /// Start the lab's node again after it has ended.
    StartNode,
    /// Read again what is in namespaces.
    ReadInside(InsideOf),
    /// Search the machine for what holds namespaces, above all this one.
    FindHolders(NsId),
    /// Select a process in the window; no effect in a terminal.
    Select(ProcId),
    /// Select a namespace in the window; no effect in a terminal.
    SelectNamespace(NsId),
    /// Bring a view of the window to the front, by its name in lower case; no effect in a terminal.
    Show(String),
}

/// What a picture of the window shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PictureKind {
    /// The window as it is.
    Screenshot,
    /// The last burst of changes in slow motion: an animated PNG with one frame for each step.
    Film,
}

/// Where a pod's manifest comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PodSource {
    /// A preset, by name. If a pod of that name is there already, the new one gets another name.
    Preset(String),
    File(PathBuf),
    /// A manifest that the user has before the eyes, and may have changed.
    Text(ManifestText),
}

/// A manifest in the window's editor.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ManifestText {
    pub text: String,
    pub from: TextOrigin,
}

/// Where the text of a manifest comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TextOrigin {
    /// The user has written it.
    New,
    /// The manifest of a preset, by name, which the user has changed.
    Preset(String),
    /// A file. `is_changed`: the user has changed the text, so its pods do not follow the file.
    File { path: PathBuf, is_changed: bool },
}

/// The result of a command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    Done,
    /// An exec ended with this code (128 + n for signal n) and wrote this.
    Exec {
        code: i32,
        output: String,
    },
    /// A log, a page with its status line, or what a step of building a pod has changed.
    Output(String),
    /// One line: what failed, and how to fix it.
    Failed(String),
}

/// Whether a signal may be sent to a process.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SignalRule {
    /// The process is a member of a lab pod, which may be killed.
    Allowed,
    /// Any other process, named here: the user must confirm it, and with a caution a second time. Refused where the user
    /// cannot be asked.
    NeedsConfirmation { name: String, caution: Option<Caution> },
    /// Not allowed. One line: why.
    Refused(String),
}

/// Why a signal to a process outside the lab needs a second confirmation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Caution {
    /// It is PID 1 of the machine.
    Init,
    /// It runs as root.
    Root,
    /// Its user could not be read, so it may be root's.
    UnknownUser,
}

impl Caution {
    fn of(p: &Process) -> Option<Self> {
        match p.uid {
            _ if names::is_own_init(p) => Some(Self::Init),
            Some(0) => Some(Self::Root),
            Some(_) => None,
            None => Some(Self::UnknownUser),
        }
    }
}

/// The rule for clicks, keys and scripts, in the window and in the terminal.
pub fn signal_rule(world: &World, target: ProcId) -> SignalRule {
    let Some(p) = world.process(target) else {
        return SignalRule::Refused(format!("process {target} is not known; nothing was sent"));
    };
    if p.is_gone() {
        return SignalRule::Refused(format!("{} (pid {target}) is gone; nothing was sent", names::short_name(p)));
    }
    let (name, caution) = (names::short_name(p), Caution::of(p));
    let member = p.member.as_ref().and_then(|member| Some((member, world.pod(&member.pod)?)));
    match member {
        Some((_, pod)) if pod.is_of_lab() => SignalRule::Allowed,
        Some((member, pod)) => {
            let (of, engine) = (member.name(), pod.runtime.name());
            let name = format!("{name} of {of} in pod {} of {engine}", pod.name);
            SignalRule::NeedsConfirmation { name, caution }
        }
        None => SignalRule::NeedsConfirmation { name, caution },
    }
}
