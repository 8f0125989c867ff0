//! What the timeline shows in place of processes: a track for each reason of pod events, or for each kind of what the
//! kernel has done.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::model::{EventReason, MonoNs, PodUid};
use crate::store::{History, Kinds, Moment, Note, Told, What};

/// What the timeline shows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Subject {
    #[default]
    Processes,
    PodEvents,
    KernelEvents,
}

impl Subject {
    pub const ALL: [Self; 3] = [Self::Processes, Self::PodEvents, Self::KernelEvents];

    pub const fn name(self) -> &'static str {
        match self {
            Self::Processes => "Processes",
            Self::PodEvents => "Pod events",
            Self::KernelEvents => "Kernel events",
        }
    }

    /// What the steps to the next and to the previous event stop at.
    pub const fn kinds(self) -> Kinds {
        match self {
            Self::Processes => Kinds { steps: true, signals: true, events: true },
            Self::PodEvents => Kinds { steps: false, signals: false, events: true },
            Self::KernelEvents => Kinds { steps: true, signals: true, events: false },
        }
    }
}

/// Something on a track.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Item {
    Step(Moment),
    Told(Arc<Note>),
}

impl Item {
    pub fn t(&self) -> MonoNs {
        match self {
            Self::Step(moment) => moment.t,
            Self::Told(note) => note.moment.t,
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Track {
    pub name: String,
    /// In the order of their times.
    pub items: Vec<Item>,
}

/// The tracks of a pod, or of all, that have something in a span. They keep their order whatever the span is.
pub fn tracks(history: &History, pod: Option<&PodUid>, subject: Subject, from: MonoNs, to: MonoNs) -> Vec<Track> {
    let mut all: BTreeMap<(usize, String), Vec<Item>> = BTreeMap::new();
    let kinds = subject.kinds();
    if kinds.events {
        for note in history.events(pod, from, to) {
            let Told::Event(event) = &note.told else { continue };
            let key = (rank(&event.reason), event.reason.as_str().to_owned());
            all.entry(key).or_default().push(Item::Told(Arc::clone(note)));
        }
    }
    if kinds.steps {
        for moment in history.steps(pod, from, to) {
            all.entry(kind(moment.what)).or_default().push(Item::Step(moment));
        }
    }
    if kinds.signals {
        for note in history.signals(pod, from, to) {
            all.entry(kind(note.moment.what)).or_default().push(Item::Told(Arc::clone(note)));
        }
    }
    all.into_iter().map(|((_, name), items)| Track { name, items }).collect()
}

/// The place of a reason: as they follow one another in the life of a pod.
fn rank(reason: &EventReason) -> usize {
    const ORDER: [EventReason; 15] = [
        EventReason::Scheduled,
        EventReason::FailedMount,
        EventReason::FailedCreatePodSandBox,
        EventReason::SandboxChanged,
        EventReason::HostPortMoved,
        EventReason::HostPortConflict,
        EventReason::LimitNotEnforced,
        EventReason::Pulling,
        EventReason::Pulled,
        EventReason::ErrImageNeverPull,
        EventReason::Created,
        EventReason::Started,
        EventReason::Failed,
        EventReason::Killing,
        EventReason::BackOff,
    ];
    ORDER.iter().position(|known| known == reason).unwrap_or(ORDER.len())
}

/// The place and the name of a track of the kernel.
fn kind(what: What) -> (usize, String) {
    let name = match what {
        What::Fork => "Fork",
        What::Exec => "Exec",
        What::Adoption => "New parent",
        What::Exit => "Exit",
        What::Reap => "Reap",
        What::Signal => "Signal",
        What::OutOfMemory => "Out of memory",
        What::PodEvent => "Pod event",
    };
    (what as usize, name.to_owned())
}
