//! What of a reading is worth reporting. `known` is what was reported so far, as the World has it.

use super::usage::{cpu_is_news, memory_is_news};
use crate::model::{FactChanges, Facts, NsSet, ProcessUsage, State};
use crate::observe::proc::Reading;

/// What a reading says differently, `namespaces` being those of its links. `known` becomes the same. State and usage
/// are not looked at: a small change of these is no news.
pub fn take_changes(known: &mut Facts, reading: Reading, namespaces: NsSet) -> FactChanges {
    let Reading { stat, status, cmdline, .. } = reading;
    let mut changes = FactChanges { comm: take(&mut known.comm, stat.comm), ..FactChanges::default() };
    // a zombie has no arguments any more: the earlier ones stay
    if !cmdline.is_empty() {
        changes.cmdline = take(&mut known.cmdline, cmdline);
    }
    if let Some(status) = status {
        changes.uid = take(&mut known.uid, status.uid);
        changes.signals = take(&mut known.signals, status.signals);
        if !status.nspid.is_empty() {
            changes.nspid = take(&mut known.nspid, status.nspid);
        }
    }
    changes.namespaces.extend(namespaces.iter().filter(|id| known.namespaces.get(id.kind) != Some(*id)));
    known.namespaces = namespaces;
    changes
}

/// The new value, if it is another one.
fn take<T: Clone + PartialEq>(known: &mut T, new: T) -> Option<T> {
    (*known != new).then(|| {
        known.clone_from(&new);
        new
    })
}

/// Whether a state is news. A process that was running in one reading only is no news; one that was running in two is.
pub fn state_is_news(known: State, new: State, unconfirmed: &mut Option<State>) -> bool {
    if known == new {
        *unconfirmed = None;
        return false;
    }
    let scheduler = |s: State| matches!(s, State::Running | State::Sleeping | State::Disk | State::Idle);
    // a process that was reported as running and now sleeps is news at once
    let at_once = known == State::Running || !scheduler(known) || !scheduler(new);
    at_once || unconfirmed.replace(new) == Some(new)
}

/// Whether a change of what a process uses is news.
pub fn usage_is_news(known: &ProcessUsage, new: &ProcessUsage) -> bool {
    known.threads != new.threads
        || cpu_is_news(known.cpu, new.cpu)
        || cpu_is_news(known.waited_cpu, new.waited_cpu)
        || memory_is_news(known.rss_bytes, new.rss_bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Cpu, NsId, NsKind, Parent, ProcId, SignalMasks};
    use crate::observe::proc::Status;
    use crate::procfs::Stat;

    #[test]
    fn a_state_seen_once_is_not_news_but_seen_twice_it_is() {
        let mut unconfirmed = None;
        let (asleep, running) = (State::Sleeping, State::Running);
        assert!(!state_is_news(asleep, running, &mut unconfirmed));
        assert!(!state_is_news(asleep, asleep, &mut unconfirmed));
        assert!(!state_is_news(asleep, running, &mut unconfirmed));
        assert!(state_is_news(asleep, running, &mut unconfirmed), "running twice");
        assert!(state_is_news(running, asleep, &mut None), "asleep once");
        assert!(state_is_news(asleep, State::Stopped, &mut None));
        assert!(state_is_news(State::Stopped, asleep, &mut None));
    }

    #[test]
    fn a_small_change_of_memory_or_cpu_is_not_news() {
        let of = |rss_bytes| ProcessUsage { threads: 1, rss_bytes, ..ProcessUsage::default() };
        assert!(!usage_is_news(&of(1 << 20), &of((1 << 20) + 4096)));
        assert!(usage_is_news(&of(1 << 20), &of(2 << 20)));
        assert!(usage_is_news(&of(0), &ProcessUsage { threads: 2, ..of(0) }));
        let busy = |permille| ProcessUsage { cpu: Cpu { time_ns: 0, permille }, ..of(0) };
        assert!(!usage_is_news(&busy(300), &busy(301)));
        assert!(usage_is_news(&busy(300), &busy(900)));
    }

    #[test]
    fn only_what_changed_is_reported_and_only_once() {
        let ns = |kind, ino| NsId { kind, dev: 4, ino, generation: 0 };
        let set = |all: &[NsId]| {
            let mut set = NsSet::default();
            for id in all {
                set.set(*id);
            }
            set
        };
        let mut known = Facts {
            id: ProcId { pid: 1, start: 1 },
            parent: Parent::Outside,
            comm: "sh".into(),
            cmdline: vec!["sh".into()],
            state: State::Sleeping,
            uid: 5,
            nspid: vec![1],
            threads: 1,
            rss_bytes: 0,
            cpu: Cpu::default(),
            waited_cpu: Cpu::default(),
            signals: SignalMasks::default(),
            namespaces: set(&[ns(NsKind::Net, 1), ns(NsKind::Uts, 2)]),
        };
        let stat = Stat { comm: "sh".into(), cpu_ticks: 9, ..Stat::default() };
        let status = Status { uid: 5, nspid: vec![1], ..Status::default() };
        let same = Reading { stat, status: Some(status), cmdline: vec!["sh".into()], ..Reading::default() };
        let namespaces = known.namespaces;
        assert_eq!(take_changes(&mut known, same.clone(), namespaces), FactChanges::default());
        let dead = Reading { status: None, cmdline: Vec::new(), ..same.clone() };
        assert!(take_changes(&mut known, dead, namespaces).is_empty(), "what was not read has not changed");

        let signals = SignalMasks { blocked: 1, ..SignalMasks::default() };
        let mut other = same;
        other.stat.comm = "web".into();
        other.status = Some(Status { uid: 6, nspid: vec![1], signals, rss_bytes: Some(1), tracer: 0 });
        let moved = set(&[ns(NsKind::Net, 1), ns(NsKind::Uts, 3)]);
        let expected = FactChanges {
            comm: Some("web".into()),
            uid: Some(6),
            signals: Some(signals),
            namespaces: vec![ns(NsKind::Uts, 3)],
            ..FactChanges::default()
        };
        assert_eq!(take_changes(&mut known, other.clone(), moved), expected);
        assert!(take_changes(&mut known, other, moved).is_empty(), "reported once");
    }
}
