//! What the engine reports to its front end.

use std::path::PathBuf;

use super::export::{Export, ExportError};
use super::manifests::Update;
use super::pods::StartedPod;
use super::question::Question;
use super::request::Origin;
use crate::command::{Outcome, PictureKind};
use crate::control;
use crate::lab;
use crate::lab::spec::{PodSpec, Warning};
use crate::model::burst::Burst;
use crate::model::{Delta, NsId, PodUid, ProcId, Signal, World};
use crate::observe;
use crate::script;
use crate::steps::Report;

#[derive(Debug)]
pub enum Event {
    /// Something new is published. Only for a window.
    Changed,
    /// What has happened, and the World after it. Only for a terminal.
    Deltas(Vec<Delta>, Box<World>),
    /// The observer cannot start, so nothing can be done.
    ObserverFailed(observe::Error),

    LabStarted,
    LabFailed(lab::Error),
    /// The lab runs again after its node had ended. These pods ended with the last node.
    LabRestarted {
        lost: Vec<StartedPod>,
    },
    /// Commands in other terminals cannot reach the lab.
    ControlFailed(control::StartError),
    /// A pod was started from a manifest.
    PodStarted {
        pod: PodUid,
        from: StartedPod,
        warnings: Vec<Warning>,
        /// The number of the request that has started it. Pods of one manifest have the same.
        start: u64,
    },
    /// A pod could not be started.
    StartFailed {
        name: String,
        why: String,
    },
    /// A manifest has changed and was read again. What has to be replaced is replaced by the engine; the front end
    /// decides about the rest.
    ManifestRead {
        path: PathBuf,
        updates: Vec<Update>,
        warnings: Vec<Warning>,
    },
    /// A manifest has changed and cannot be read.
    ManifestUnreadable {
        path: PathBuf,
        why: String,
    },
    /// A pod has followed its manifest, or could not.
    Replaced(PodReplaced),
    /// Manifests are not watched for changes.
    WatchFailed(String),
    /// A step of building a pod is done.
    StepDone(Report),
    /// Much has happened to a pod in a moment. Only for a window.
    Burst(Box<Burst>),
    /// A signal was sent.
    Signalled {
        target: ProcId,
        signal: Signal,
    },
    /// A command of the user has failed.
    CommandFailed(String),
    /// A file was written; or it could not be, on the user's request.
    Exported {
        export: Export,
        written: Result<(), ExportError>,
        origin: Origin,
    },
    /// The user must answer this before the command is carried out.
    Asked(Question),
    /// These questions need no answer any more: the script that asked has ended.
    QuestionsWithdrawn(Vec<u64>),
    /// The front end must carry this out, and then send [`Request::Completed`](super::Request::Completed).
    FrontEnd {
        command: FrontEndCommand,
        origin: Origin,
    },
    /// The script has begun a step, which is this one.
    ScriptStep(script::Step),
    /// A command of the script has ended.
    ScriptOutput(Outcome),
    /// The script waits before this step, counted from 0.
    ScriptPaused(usize),
    /// The user has stopped the script.
    ScriptStopped,
    ScriptEnded {
        result: Result<(), ScriptFailure>,
        /// Whether the front end has asked to play it. Otherwise a preset is built by it.
        was_requested: bool,
    },
}

/// A pod has followed its manifest, or could not.
#[derive(Debug)]
pub struct PodReplaced {
    pub path: PathBuf,
    pub pod: Box<PodSpec>,
    /// The containers with another definition. If there are none, only files of ConfigMaps and Secrets have changed.
    pub containers: Vec<String>,
    pub result: Result<(), String>,
}

/// A command that only a front end can carry out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FrontEndCommand {
    /// Write a picture of the window as PNG.
    Picture { path: PathBuf, kind: PictureKind, replace: bool },
    /// Select a process.
    Select(ProcId),
    /// Select a namespace.
    SelectNamespace(NsId),
    /// Bring a view to the front, by its name in lower case.
    Show(String),
}

/// Why a script has failed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{script}:{line}: {why}")]
pub struct ScriptFailure {
    /// The name of the script's file.
    pub script: String,
    pub line: usize,
    pub why: String,
}
