//! Which changes the user can see, and how soon they must be on screen.
//!
//! A machine can change thousands of times a second. A window that is redrawn for each change takes a whole core where
//! drawing is done in software, so the window is woken for what it shows, and at a rate that a person can follow. While
//! the user acts it is woken at once.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::inside::InsideOf;
use crate::model::{Delta, MonoNs, NsId, OutputSource, PodUid, Scope, World};

/// The shortest time between two wake-ups while the user does nothing: ten a second, as animations have.
const UNATTENDED_INTERVAL_NS: u64 = 100_000_000;
/// The same while the user acts and the whole machine is observed: it changes all the time.
const MACHINE_INTERVAL_NS: u64 = 50_000_000;
/// How long the user counts as attentive after an input.
const ATTENTION_NS: u64 = 1_000_000_000;

/// What a front end shows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Watched {
    /// It shows the processes of this pod. `None`: of all pods.
    pub pod: Option<PodUid>,
    /// It shows processes of no pod: the lab's node, and with the scope of the whole machine many more.
    pub others: bool,
    /// It shows what programs write.
    pub output: bool,
    /// It shows what is in these namespaces.
    pub inside: Option<InsideOf>,
    /// It shows what holds this namespace.
    pub holders: Option<NsId>,
}

impl Default for Watched {
    fn default() -> Self {
        Self { pod: None, others: true, output: true, inside: None, holders: None }
    }
}

impl Watched {
    /// Whether a front end shows the effect of a Delta. `after` is the World with it.
    pub(super) fn shows(&self, delta: &Delta, after: &World) -> bool {
        let is_shown = |pod: &PodUid| self.pod.as_ref().is_none_or(|shown| shown == pod);
        match delta {
            Delta::Output { from: OutputSource::Member(member), .. } => self.output && is_shown(&member.pod),
            Delta::Output { from: OutputSource::Exec { exec, .. }, .. } => {
                self.output && after.execs.get(exec).is_some_and(|run| is_shown(&run.member.pod))
            }
            _ => {
                let Some(id) = delta.process() else { return true };
                match after.process(id).and_then(|p| p.member.as_ref()) {
                    Some(member) => is_shown(&member.pod),
                    None => self.others,
                }
            }
        }
    }
}

/// Whether a Delta changes a pod or one of its processes. `after` is the World with it.
pub(super) fn is_of_pods(delta: &Delta, after: &World) -> bool {
    match delta {
        Delta::Host { .. }
        | Delta::Visibility { .. }
        | Delta::Scope { .. }
        | Delta::Namespace { .. }
        | Delta::Searched { .. }
        | Delta::Inside { .. }
        | Delta::Lost { .. } => false,
        _ => delta.process().is_none_or(|id| after.process(id).is_some_and(|p| p.member.is_some())),
    }
}

/// Since when the user has done nothing. Shared by the engine and its front end.
#[derive(Clone, Debug, Default)]
pub(super) struct Attention {
    until: Arc<AtomicU64>,
}

impl Attention {
    /// The user has done something.
    pub fn note(&self, now: MonoNs) {
        self.until.fetch_max(now.0.saturating_add(ATTENTION_NS), Ordering::Relaxed);
    }

    /// When the window may be woken after it was woken last.
    pub fn next_wake(&self, last: MonoNs, now: MonoNs, scope: Scope) -> MonoNs {
        let interval = match (now.0 < self.until.load(Ordering::Relaxed), scope) {
            (true, Scope::Lab) => return now,
            (true, Scope::Host) => MACHINE_INTERVAL_NS,
            (false, _) => UNATTENDED_INTERVAL_NS,
        };
        last.plus(interval).max(now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_window_is_woken_at_once_only_while_the_user_acts() {
        let attention = Attention::default();
        let (last, now) = (MonoNs(5_000_000_000), MonoNs(5_010_000_000));
        let next = |last, now| attention.next_wake(last, now, Scope::Lab);
        assert_eq!(next(last, now), last.plus(UNATTENDED_INTERVAL_NS));
        assert_eq!(next(MonoNs(0), now), now, "it was woken long ago");
        attention.note(now);
        assert_eq!(next(last, now), now);
        assert_eq!(next(last, now.plus(ATTENTION_NS)), now.plus(ATTENTION_NS));
        let of_machine = attention.next_wake(last, now, Scope::Host);
        assert_eq!(of_machine, last.plus(MACHINE_INTERVAL_NS), "a machine changes all the time");
    }
}
