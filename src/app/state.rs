//! What the user has chosen, and what the user can want.

use std::path::PathBuf;

use crate::model::{MonoNs, NsId, PodUid, ProcId, Signal, World};

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
    SelectPod(PodUid),
    SelectProcess(ProcId),
    SelectNamespace(NsId),
    /// Send now. To anything but a member of a lab pod only after a confirmation that names it.
    Signal(ProcId, Signal),
    /// Look at the past; `None` returns to live.
    Look(Option<MonoNs>),
    /// Start a pod from a preset of this name.
    StartPreset(String),
    /// Ask for a manifest and start it.
    OpenManifest,
    DeletePod(PodUid),
    /// Ask where, then write a snapshot of what is shown.
    Export,
    ExportTo(PathBuf),
    CancelDialog,
    Confirmed,
    /// Start a node again after the last one ended.
    RestartNode,
    ToggleTheme,
    DismissNotice(u64),
}
