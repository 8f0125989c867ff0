//! What the fuse remembers of one process.

use super::REREAD_NS;
use super::usage::Meter;
use crate::model::{Facts, MonoNs, NsSet, Parent, ProcId, Stamp, State, WaitStatus};
use crate::observe::proc::{Depth, Ran};

/// It is no longer in the process table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Gone {
    /// The best word on when.
    pub at: Stamp,
    /// It was reaped by this time, whoever says so.
    pub by_then: MonoNs,
    /// Known only when the one who reaped said so.
    pub by: Option<Parent>,
}

#[derive(Debug)]
pub struct Entry {
    pub id: ProcId,
    /// The start time was read, not derived from the time of the fork.
    pub exact_start: bool,
    /// The kernel told the birth.
    pub exact_birth: bool,
    pub parent: Parent,
    /// Threads by the connector's count; right only if `exact_threads`.
    pub threads: u32,
    pub exact_threads: bool,
    /// The leader ended with this while threads live on: no exit of the process yet.
    pub leader: Option<WaitStatus>,
    pub exit: Option<(Stamp, Option<WaitStatus>)>,
    pub gone: Option<Gone>,
    /// `Reaped` was told, with this reaper.
    pub reaped: Option<Parent>,
    pub facts: Option<Facts>,
    pub namespaces: NsSet,
    /// The links were refused to us.
    pub denied: bool,
    /// Process 1 of its pid namespace, and its pid there.
    pub init: Option<ProcId>,
    pub inner: Option<u32>,
    /// `inner` was read, not predicted.
    pub exact_inner: bool,
    /// A running or sleeping state seen once and not yet told.
    pub flicker: Option<State>,
    /// A reading ran ahead of the events once; believed when seen again.
    pub suspect: bool,
    /// When it was read whole, and what it had run before.
    pub whole: Option<(MonoNs, Ran)>,
    /// CPU time, its own and that of the children it has waited for.
    pub cpu: Meter,
    pub waited_cpu: Meter,
}

impl Entry {
    pub fn new(id: ProcId, parent: Parent) -> Self {
        Self {
            id,
            exact_start: false,
            exact_birth: false,
            parent,
            threads: 1,
            exact_threads: false,
            leader: None,
            exit: None,
            gone: None,
            reaped: None,
            facts: None,
            namespaces: NsSet::default(),
            denied: false,
            init: None,
            inner: None,
            exact_inner: false,
            flicker: None,
            suspect: false,
            whole: None,
            cpu: Meter::default(),
            waited_cpu: Meter::default(),
        }
    }

    pub const fn is_alive(&self) -> bool {
        self.exit.is_none() && self.gone.is_none()
    }

    /// How deep to read it now to know all of it.
    pub fn depth(&self, now: MonoNs) -> Depth {
        match self.whole {
            Some((then, ran)) if now.since(then) < REREAD_NS => Depth::IfRan(ran),
            _ => Depth::All,
        }
    }

    pub const fn is_unreaped(&self) -> bool {
        self.reaped.is_none()
    }

    /// Whether a start time from elsewhere means this very process. `derived` ones come from the time the
    /// fork was told: never early, and late by as long as the forking process was kept from telling. A pid
    /// comes round again only after all others, which takes far longer than the second allowed here.
    pub const fn is(&self, start: u64, derived: bool) -> bool {
        const SLACK: u64 = 100;
        let own = self.id.start;
        match (self.exact_start, derived) {
            (true, false) => own == start,
            (true, true) => own <= start + 1 && start <= own + SLACK,
            (false, false) => start <= own + 1 && own <= start + SLACK,
            (false, true) => own.abs_diff(start) <= SLACK,
        }
    }
}
