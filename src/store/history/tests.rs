use super::*;
use crate::model::{
    EventKind, EventReason, Facts, NsSet, PodEvent, SentBy, Signal, SignalMasks, SignalResult, SignalSent, Source,
    Stamp, State, WaitStatus,
};
use crate::store::{Bounds, Store};

fn at(t: u64) -> Stamp {
    Stamp::connector(MonoNs(t))
}

const fn id(pid: u32) -> ProcId {
    ProcId { pid, start: 0 }
}

fn uid() -> PodUid {
    PodUid("u".into())
}

fn born(pid: u32, parent: Parent, t: u64) -> Delta {
    Delta::Born { id: id(pid), parent, at: at(t) }
}

fn joined(pid: u32, t: u64) -> Delta {
    Delta::Joined { id: id(pid), member: Member::container(&uid(), "web"), at: at(t) }
}

fn exec(pid: u32, name: &str, t: u64) -> Delta {
    Delta::Exec { id: id(pid), comm: name.into(), cmdline: vec![name.into()], at: at(t) }
}

fn state(pid: u32, state: State, t: u64) -> Delta {
    Delta::State { id: id(pid), state, at: at(t) }
}

fn exited(pid: u32, t: u64) -> Delta {
    Delta::Exited { id: id(pid), status: Some(WaitStatus::exited(0)), at: at(t) }
}

fn reaped(pid: u32, t: u64) -> Delta {
    Delta::Reaped { id: id(pid), by: Parent::Process(id(1)), at: at(t) }
}

fn sent(pid: u32, t: u64) -> Delta {
    let (target, signal, by) = (id(pid), Signal::TERM, SentBy::User);
    Delta::Signalled { target, signal, effect: None, also_end: Vec::new(), error: None, by, at: at(t) }
}

fn event(reason: EventReason, t: u64) -> Delta {
    let event = PodEvent { pod: uid(), kind: EventKind::Normal, reason, message: "told".into(), at: at(t) };
    Delta::Event { event }
}

fn store(deltas: impl IntoIterator<Item = Delta>) -> Store {
    let mut store = Store::default();
    deltas.into_iter().for_each(|delta| store.push(delta));
    store
}

#[test]
fn a_life_has_its_states_and_names_with_their_times() {
    let store = store([
        born(10, Parent::Outside, 10),
        joined(10, 10),
        exec(10, "sh", 20),
        state(10, State::Sleeping, 30),
        state(10, State::Sleeping, 35),
        state(10, State::Stopped, 40),
        exec(10, "sleep", 50),
        exited(10, 60),
        reaped(10, 70),
    ]);
    let life = store.history().life(id(10)).expect("it is of a pod");
    let states = [9, 10, 30, 39, 40, 59, 60, 69, 70].map(|t| life.state_at(MonoNs(t)));
    let (run, sleep, stop) = (Some(State::Running), Some(State::Sleeping), Some(State::Stopped));
    let (zombie, gone) = (Some(State::Zombie), Some(State::Gone));
    assert_eq!(states, [None, run, sleep, sleep, stop, stop, zombie, zombie, gone]);
    let names = [0, 20, 49, 50, 99].map(|t| life.name_at(MonoNs(t)).to_owned());
    assert_eq!(names[1..], ["sh", "sh", "sleep", "sleep"], "a name of the past does not change");
    let stretches: Vec<_> = life.stretches().map(|s| (s.from.0, s.to.map(|t| t.0), s.state)).collect();
    assert_eq!(stretches, [(10, Some(30), run), (30, Some(40), sleep), (40, Some(60), stop)]);
}

#[test]
fn a_life_of_which_the_beginning_is_forgotten_says_so() {
    let mut all = vec![born(10, Parent::Outside, 1), joined(10, 1)];
    for t in 2..2_000 {
        all.push(state(10, if t % 2 == 0 { State::Sleeping } else { State::Running }, t));
    }
    let store = store(all);
    let life = store.history().life(id(10)).expect("it is of a pod");
    let first = life.stretches().next().expect("one");
    assert_eq!((first.from, first.state), (MonoNs(1), None));
    assert_eq!(life.state_at(MonoNs(5)), None);
    assert_eq!(life.state_at(MonoNs(1_999)), Some(State::Running));
    let ends: Vec<_> = life.stretches().map(|s| s.to).collect();
    let begins: Vec<_> = life.stretches().skip(1).map(|s| Some(s.from)).collect();
    assert_eq!(ends[..ends.len() - 1], begins, "without gaps");
}

#[test]
fn signals_have_the_names_of_their_time() {
    let store = store([
        born(10, Parent::Outside, 1),
        joined(10, 1),
        exec(10, "nginx", 2),
        sent(10, 3),
        exec(10, "other", 4),
        // one that could not be sent is none
        Delta::Signalled {
            target: id(10),
            signal: Signal::KILL,
            effect: None,
            also_end: Vec::new(),
            error: Some(crate::model::SendError::Denied),
            by: SentBy::User,
            at: at(5),
        },
    ]);
    let history = store.history();
    let notes = history.signals(Some(&uid()), MonoNs(0), MonoNs(9));
    let names: Vec<&str> = notes
        .iter()
        .map(|note| match &note.told {
            Told::User { target_name, .. } => target_name.as_str(),
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(names, ["nginx"]);
}

#[test]
fn a_signal_of_the_node_is_noted_once() {
    let node = id(5);
    let reported = SignalSent {
        signal: Signal::TERM,
        sender: SignalSender::Process { id: node, name: "node".into() },
        target: id(10),
        target_name: "sh".into(),
        result: SignalResult::Delivered,
        skipped: None,
        at: at(7),
    };
    let other = SignalSent { sender: SignalSender::Kernel, at: at(8), ..reported.clone() };
    let by_node = Delta::NodeSignalled { to: NodeSignalTarget::Process(id(10)), signal: Signal::TERM, at: at(7) };
    let store = store([
        born(10, Parent::Outside, 1),
        joined(10, 1),
        Delta::NodeStarted { id: node, at: at(1) },
        by_node,
        Delta::SignalSent { sent: Box::new(reported) },
        Delta::SignalSent { sent: Box::new(other) },
    ]);
    let notes = store.history().signals(Some(&uid()), MonoNs(0), MonoNs(9));
    assert!(matches!(notes[..], [a, b] if matches!(a.told, Told::Node { .. }) && matches!(b.told, Told::Reported(_))));
}

#[test]
fn steps_lead_from_one_event_to_the_next_and_back() {
    let store = store([
        born(10, Parent::Outside, 10),
        joined(10, 10),
        event(EventReason::Started, 15),
        exec(10, "sh", 20),
        sent(10, 25),
        exited(10, 30),
        reaped(10, 30),
    ]);
    let history = store.history();
    let all = Kinds { steps: true, signals: true, events: true };
    let walk = |of: Kinds, from: u64, is_next: bool| {
        let step = |t: &MonoNs| {
            if is_next { history.next(Some(&uid()), of, *t) } else { history.previous(Some(&uid()), of, *t) }
        };
        std::iter::successors(step(&MonoNs(from)), step).map(|t| t.0).collect::<Vec<_>>()
    };
    assert_eq!(walk(all, 0, true), [10, 15, 20, 25, 30]);
    assert_eq!(walk(all, 99, false), [30, 25, 20, 15, 10]);
    assert_eq!(walk(Kinds { steps: false, signals: false, events: true }, 0, true), [15]);
    assert_eq!(walk(Kinds { steps: true, signals: false, events: false }, 10, true), [20, 30]);
    assert_eq!(history.count_after(Some(&uid()), all, MonoNs(15), 99), 4);
    assert_eq!(history.count_after(Some(&uid()), all, MonoNs(15), 2), 2);
    let other = PodUid("other".into());
    assert_eq!(history.next(Some(&other), all, MonoNs(0)), None);
    assert_eq!(history.next(None, all, MonoNs(0)), Some(MonoNs(10)));
}

#[test]
fn a_head_is_the_first_process_of_the_container() {
    let facts = |pid: u32, parent: u32| {
        let facts = Facts {
            id: id(pid),
            parent: Parent::Process(id(parent)),
            comm: "x".into(),
            cmdline: Vec::new(),
            state: State::Sleeping,
            uid: 0,
            nspid: vec![pid],
            threads: 1,
            rss_bytes: 0,
            cpu: crate::model::Cpu::default(),
            waited_cpu: crate::model::Cpu::default(),
            signals: SignalMasks::default(),
            namespaces: NsSet::default(),
        };
        Delta::Facts { facts: Box::new(facts), at: at(u64::from(pid)) }
    };
    // the children are known before the report that they belong to the container
    let store =
        store([facts(10, 1), facts(11, 10), facts(12, 11), joined(10, 20), born(13, Parent::Process(id(12)), 21)]);
    for pid in 10..=13 {
        assert_eq!(store.history().life(id(pid)).map(|life| life.head), Some(id(10)), "{pid}");
    }
}

#[test]
fn what_the_ring_has_forgotten_is_forgotten() {
    let bounds = Bounds { entries: 64, bytes: 1 << 20, stride: 8 };
    let mut store = Store::new(bounds);
    for n in 0..200_u32 {
        let t = u64::from(n) * 10;
        store.push(born(100 + n, Parent::Outside, t));
        store.push(joined(100 + n, t));
        store.push(exited(100 + n, t + 1));
        store.push(reaped(100 + n, t + 2));
    }
    // but for those of the segment that has just gone
    let oldest = store.span().0.minus(50);
    let all: Vec<&Arc<Life>> = store.history().lives.values().collect();
    assert!(all.len() < 40 && all.iter().all(|life| life.reap >= Some(oldest)), "{}", all.len());
    let steps = store.history().steps(None, MonoNs(0), MonoNs(u64::MAX));
    assert!(steps.iter().all(|step| store.history().life(step.process).is_some()));
    let families: usize = store.history().pods.values().map(|pod| pod.families().count()).sum();
    assert_eq!(families, all.len(), "each has a family of its own");
    assert!(Store::new(Bounds::NO_HISTORY).history().lives.is_empty());
    let stamp = Stamp::by_then(oldest, Source::Scan);
    store.push(Delta::PodRemoved { uid: uid(), at: stamp });
    assert!(store.history().pods(Some(&uid())).next().is_some(), "it still has lives");
}
