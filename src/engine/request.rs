//! What a front end asks of the engine.

use std::path::PathBuf;

use super::attention::Watched;
use super::export::Export;
use super::pods::ReadPod;
use crate::command::{Command, Outcome};
use crate::model::{PodUid, Scope};
use crate::script::Script;
use crate::store::Cursor;

/// Who gave a command, and so who gets its outcome.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    User,
    /// A script, by the number of its run: a late outcome must not get to the next script.
    Script(u64),
}

#[derive(Debug)]
pub enum Request {
    /// Carry out a command of the user.
    Execute(Command),
    /// The user has answered a [`Question`](super::Question).
    Answer { question: u64, confirmed: bool },
    /// Start pods whose manifest was read before.
    Start(Vec<ReadPod>),
    /// Delete a pod, and start it again from this once it is gone.
    Recreate { pod: PodUid, from: Box<ReadPod> },
    /// Write a file that the user has chosen.
    Export(Export),
    /// Observe the lab only, or the whole machine.
    Observe(Scope),
    /// The processes that are on screen from now on.
    Watch(Watched),
    /// Publish the World of this moment as well.
    Show(Cursor),
    Play {
        script: Box<Script>,
        /// The directory for the relative paths of the script. It may replace the files there.
        out_dir: Option<PathBuf>,
    },
    /// Play the script of a preset beside its pods, and pause before the step `until`, counted from 0. A paused one is
    /// replaced.
    PlayGuide { script: Box<Script>, until: Option<usize> },
    /// Play on, and pause before the step `until`.
    ContinueGuide { until: Option<usize> },
    /// End the script of [`Self::PlayGuide`].
    StopGuide,
    /// The front end has carried out a [`FrontEndCommand`](super::FrontEndCommand).
    Completed { origin: Origin, outcome: Outcome },
    /// End the lab, then the engine.
    Quit,
}
