//! What happened to pods and to processes of pods, in the order of time.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::model::{self, Parent, Stamp, World};
use crate::wording::outcome::not_sent;

use super::Selection;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum EventType {
    /// A pod's event of type Normal, as `kubectl describe pod` lists it.
    Normal,
    /// A pod's event of type Warning.
    Warning,
    /// A process of a pod was born.
    Born,
    /// The process ended and is a zombie from now on.
    Exited,
    /// Its parent died; `by` is the new parent.
    Reparented,
    /// It left the process table; `by` is the process that reaped it.
    Reaped,
    /// The user sent it a signal.
    Signalled,
}

/// One thing that happened.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Event {
    /// RFC 3339, in UTC.
    #[schemars(extend("format" = "date-time"))]
    pub at: String,
    /// Nanoseconds on the monotonic clock.
    pub mono_ns: u64,
    /// The source: connector, pidfd, pause, node, scan, bpf, app, inferred.
    pub source: String,
    /// exact: the kernel's own time; prompt: late by a wake-up; by_then: happened at this time or before.
    pub precision: String,
    #[serde(rename = "type")]
    pub kind: EventType,
    /// The name of the pod.
    pub pod: Option<String>,
    /// The name of the container; null for the pause and for the pod as a whole.
    pub container: Option<String>,
    pub pid: Option<u32>,
    pub start_time: Option<u64>,
    /// The new parent, or the process that reaped it; 0 if it cannot be seen.
    pub by: Option<u32>,
    /// The exit code; 128 + n for signal n; null if no source reported it.
    pub exit_code: Option<i32>,
    /// Started, Killing, BackOff, …; the name of the signal; null for other types.
    pub reason: Option<String>,
    pub message: Option<String>,
}

pub(super) fn pid_of(parent: Parent) -> Option<u32> {
    match parent {
        Parent::Process(id) => Some(id.pid),
        Parent::Outside => Some(0),
        Parent::Unknown => None,
    }
}

struct EventBuilder<'a> {
    world: &'a World,
}

impl EventBuilder<'_> {
    fn bare(&self, kind: EventType, at: Stamp) -> Event {
        Event {
            at: super::build::rfc3339(self.world, at.t),
            mono_ns: at.t.0,
            source: super::source(at.source).into(),
            precision: super::precision(at.precision).into(),
            kind,
            pod: None,
            container: None,
            pid: None,
            start_time: None,
            by: None,
            exit_code: None,
            reason: None,
            message: None,
        }
    }

    fn of(&self, p: &model::Process, kind: EventType, at: Stamp) -> Event {
        Event {
            pod: p.member.as_ref().map(|m| super::build::pod_name(self.world, &m.pod)),
            container: p.member.as_ref().and_then(|m| m.container.clone()),
            pid: Some(p.id.pid),
            start_time: Some(p.id.start),
            ..self.bare(kind, at)
        }
    }

    fn life(&self, p: &model::Process) -> Vec<Event> {
        let mut events = vec![Event { message: Some(p.comm.clone()), ..self.of(p, EventType::Born, p.born) }];
        if let Some(exit) = p.exit {
            let exit_code = exit.status.map(model::WaitStatus::code);
            let message = exit.status.map(|s| s.to_string());
            events.push(Event { exit_code, message, ..self.of(p, EventType::Exited, exit.at) });
        }
        let moved = |r: &model::Reparent| Event { by: pid_of(r.to), ..self.of(p, EventType::Reparented, r.at) };
        events.extend(p.reparents.iter().map(moved));
        if let Some(reap) = p.reap {
            events.push(Event { by: pid_of(reap.by), ..self.of(p, EventType::Reaped, reap.at) });
        }
        events
    }
}

/// The lives of the pods' processes, the events of the pods, and the signals that were sent.
pub(super) fn all(world: &World, selection: &Selection) -> Vec<Event> {
    let builder = EventBuilder { world };
    let lives = world.remembered_of_pods().into_iter().filter(|p| selection.includes(p));
    let mut events: Vec<Event> = lives.flat_map(|p| builder.life(p)).collect();
    if selection.pids.is_empty() {
        events.extend(world.events.iter().map(|e| Event {
            pod: Some(super::build::pod_name(world, &e.pod)),
            reason: Some(e.reason.to_string()),
            message: Some(e.message.clone()),
            ..builder.bare(super::event_kind(e.kind), e.at)
        }));
    }
    let sent = world.sent.iter().filter(|s| selection.pids.is_empty() || selection.pids.contains(&s.target.pid));
    events.extend(sent.map(|s| {
        let bare = match world.process(s.target) {
            Some(p) => builder.of(p, EventType::Signalled, s.at),
            None => builder.bare(EventType::Signalled, s.at),
        };
        let (pid, start_time) = (Some(s.target.pid), Some(s.target.start));
        Event { pid, start_time, reason: Some(s.signal.to_string()), message: s.error.map(not_sent), ..bare }
    }));
    events.sort_by(|a, b| (a.mono_ns, a.kind, a.pid, &a.reason).cmp(&(b.mono_ns, b.kind, b.pid, &b.reason)));
    events
}
