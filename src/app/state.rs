//! What the user has chosen, and what the user can want.

use std::path::PathBuf;

use crate::command::Command;
use crate::model::{Member, MonoNs, NsId, PodUid, ProcId, World};
use crate::steps::Template;

/// What the inspector tells of.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Selection {
    /// The pod that the map and the timeline show.
    pub pod: Option<PodUid>,
    pub process: Option<ProcId>,
    pub namespace: Option<NsId>,
}

impl Selection {
    pub fn process(world: &World, id: ProcId, previous: &Self) -> Self {
        let pod = world.process(id).and_then(|p| p.member.as_ref()).map(|m| m.pod.clone());
        Self { pod: pod.or_else(|| previous.pod.clone()), process: Some(id), namespace: None }
    }
}

/// A wish of the user, from any view; the window carries it out after the frame.
#[derive(Clone, Debug, PartialEq)]
pub enum Action {
    /// What a script can do as well. A signal to anything but a member of a lab pod is sent only after
    /// a confirmation that names it.
    Do(Command),
    SelectPod(PodUid),
    SelectProcess(ProcId),
    SelectNamespace(NsId),
    /// Look at the past; `None` returns to live.
    Look(Option<MonoNs>),
    /// Move the playhead by so many ns, back if negative; from live into the past, and back to live at its end.
    Step(i64),
    /// Ask for a manifest and start it.
    OpenManifest,
    /// Ask where to write a snapshot of what is shown.
    AskExport,
    /// Write the snapshot, or the manifest of a pod, that the export dialog asks for; `replace`: also over a file that is
    /// there.
    Export {
        path: PathBuf,
        pod: Option<PodUid>,
        redact: bool,
        replace: bool,
    },
    /// Ask for the name of a sandbox.
    AskSandbox,
    /// Ask which container joins this pod, and how.
    AskJoin {
        pod: PodUid,
        template: Template,
    },
    /// Ask where to write a pod as a manifest.
    AskManifest(PodUid),
    CancelDialog,
    /// Do what the open dialog asks about.
    Confirm,
    ToggleTheme,
    /// Do, or leave, what a bar asks.
    AnswerBar {
        id: u64,
        yes: bool,
    },
    /// Run a program in a container and show what it writes.
    RunIn {
        member: Member,
        argv: Vec<String>,
    },
    /// End the program that was run last.
    CancelExec,
    /// Open a terminal in a container: for a program, or the container's own.
    OpenTerminal {
        member: Member,
        argv: Option<Vec<String>>,
    },
    /// Close the terminal; its program gets SIGHUP.
    CloseTerminal,
}
