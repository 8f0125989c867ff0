//! What a user can do: views and scripts return these, and only the app or the terminal carries them out.

use std::path::PathBuf;
use std::time::Duration;

use crate::export::Format;
use crate::lab::{HandStep, Url};
use crate::model::{Member, PodUid, ProcId, Runtime, Signal, World, forecast};
use crate::steps::Step;

/// One wish. Carried out by whoever drives: the window's app, or `podscope run`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Command {
    /// By pidfd, so that a reused pid cannot be hit.
    Signal { target: ProcId, signal: Signal },
    /// Start a pod in the lab.
    Create(PodSource),
    /// Stop a pod as kubelet does: TERM, grace, KILL, pause last.
    Delete(PodUid),
    /// Run a program of the host inside a member; what runs longer than `limit` is killed.
    Exec { member: Member, argv: Vec<String>, limit: Duration },
    /// What a member has written so far.
    Logs(Member),
    /// Get a page over HTTP, from the host's network.
    Fetch(Url),
    /// Build a pod: a sandbox alone, a container that joins, is replaced or is taken out.
    Build(Step),
    /// Tell a container that obeys what to do with its own namespaces.
    Hand { member: Member, step: HandStep },
    /// Write the World at the cursor to a file.
    Export { path: PathBuf, format: Format, redact: bool },
    /// Write what the window shows as a PNG; nothing in a terminal.
    Screenshot(PathBuf),
    /// Start the lab's node anew after it ended.
    StartNode,
    /// Select a process in the window; nothing in a terminal.
    Select(ProcId),
    /// Bring a view of the window to the front, by its name in lower case; nothing in a terminal.
    Show(String),
}

/// Where a pod's manifest comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PodSource {
    /// One of the bundled ones, by name.
    Preset(String),
    File(PathBuf),
}

/// How a command ended, told to whoever asked for it.
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
    /// One line: what, and the way out.
    Failed(String),
}

/// Whether a signal may be sent to a process.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SignalRule {
    /// To a member of a lab pod: these are there to be killed.
    Allowed,
    /// To any other process, which is named here: only once the user has confirmed it, and never where nobody can
    /// be asked.
    Ask { name: String },
    /// One line: why not.
    Refused(String),
}

/// The one rule for clicks, keys and scripts, in the window and in the terminal.
pub fn signal_rule(world: &World, target: ProcId) -> SignalRule {
    let Some(p) = world.process(target) else {
        return SignalRule::Refused(format!("process {target} is not known; nothing was sent"));
    };
    if p.is_gone() {
        return SignalRule::Refused(format!("{} (pid {target}) is gone; nothing was sent", forecast::short_name(p)));
    }
    let pod = p.member.as_ref().and_then(|m| world.pod(&m.pod));
    if pod.is_some_and(|pod| pod.runtime == Runtime::Lab) {
        SignalRule::Allowed
    } else {
        SignalRule::Ask { name: forecast::short_name(p) }
    }
}
