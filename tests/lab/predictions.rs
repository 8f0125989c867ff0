//! Compares predictions, which are made from what the observer sees, with what /proc and wait statuses show after the
//! signal was sent.

use std::collections::BTreeMap;
use std::os::fd::{AsFd as _, OwnedFd};

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use podscope::lab::Options;
use podscope::lab::spec::{ContainerSpec, PodSpec, RestartPolicy};
use podscope::model::prediction::{Effect, Prediction, predict};
use podscope::model::{Pod, PodUid, ProcId, Process, SandboxKind, Signal, WaitStatus};
use podscope::observe::signal;
use podscope::sys::pidfd;
use podscope::wording::prediction::sentences;

use crate::observed_lab::ObservedLab;
use crate::support::{children, container, exists, spec, status_field, wait_for};

impl ObservedLab {
    fn pod(&self, uid: &PodUid) -> Pod {
        self.world.pod(uid).expect("the pod").clone()
    }

    /// Starts a pod. Returns it once all containers run and `n` processes are observed in their current state.
    fn run(&mut self, spec: PodSpec, n: usize) -> Pod {
        let uid = self.lab.run(spec).expect("the pod is accepted");
        self.until_all_run(&uid);
        self.until("all are seen", |world| world.pod_processes(&uid).count() == n);
        self.settle(&uid);
        self.pod(&uid)
    }

    /// Waits until all known facts of each process match the kernel's, and each process sleeps.
    fn settle(&mut self, uid: &PodUid) {
        self.until("facts as in /proc", |world| world.pod_processes(uid).all(is_as_in_proc));
    }

    fn process(&self, pod: &Pod, name: &str) -> ProcId {
        let named = |p: &&Process| {
            if name == "pause" {
                p.member.as_ref().is_some_and(|m| m.container.is_none())
            } else {
                podscope::model::names::short_name(p) == name
            }
        };
        self.world.pod_processes(&pod.uid).find(named).unwrap_or_else(|| panic!("no {name}")).id
    }

    fn predict(&self, target: ProcId, name: &str) -> Prediction {
        let signal = Signal::parse(name).expect("a signal");
        predict(&self.world, target, signal).expect("a known process")
    }
}

/// Whether the observed facts of a process match /proc. `false` if the process does not sleep.
fn is_as_in_proc(p: &Process) -> bool {
    let field = |name| status_field(p.id.pid, name);
    let mask = |name| field(name).and_then(|m| u64::from_str_radix(&m, 16).ok());
    field("State").is_some_and(|s| s.starts_with('S'))
        && mask("SigBlk") == Some(p.signals.blocked)
        && mask("SigIgn") == Some(p.signals.ignored)
        && mask("SigCgt") == Some(p.signals.caught)
        && field("Name").as_deref() == Some(&p.comm)
        // the master creates its signalfd shortly after it has set its masks
        && (!p.own_title().is_some_and(|title| title.starts_with("master")) || p.signals.signalfd != 0)
        // our pause sleeps in sigtimedwait(2), an own pause in pause(2)
        && (p.comm != "pause" || p.signals.awaiting || p.signals.blocked == 0)
}

/// A pidfd for each process of a pod, opened before the signal is sent.
struct Held(BTreeMap<ProcId, OwnedFd>);

impl Held {
    fn all(seen: &ObservedLab, pod: &Pod) -> Self {
        let ids = seen.world.pod_processes(&pod.uid).map(|p| p.id);
        Self(ids.map(|id| (id, pidfd::open(id.pid).expect("a pidfd"))).collect())
    }

    fn has_ended(&self, id: ProcId) -> bool {
        let mut fds = [PollFd::new(self.0[&id].as_fd(), PollFlags::POLLIN)];
        poll(&mut fds, PollTimeout::ZERO).expect("poll") > 0
    }

    /// The wait status, once the process has been reaped.
    fn status(&self, id: ProcId) -> Option<WaitStatus> {
        pidfd::exit_status(&self.0[&id]).expect("Linux 6.15").map(WaitStatus)
    }

    fn ended(&self) -> Vec<ProcId> {
        self.0.keys().copied().filter(|id| self.has_ended(*id)).collect()
    }
}

/// Sends a signal, and compares the outcome with the prediction.
fn check(seen: &mut ObservedLab, pod: &Pod, name: &str, signal_name: &str) -> Prediction {
    let target = seen.process(pod, name);
    let predicted = seen.predict(target, signal_name);
    let held = Held::all(seen, pod);
    let what = format!("{signal_name} to {name}: {:?} {:#?}", predicted.effect, predicted.consequences);
    assert!(exists(target), "{what}");
    signal::send(target, predicted.signal).expect("the signal is sent");
    let is_pending = || {
        let bit = 1_u64 << (predicted.signal.0 - 1);
        ["SigPnd", "ShdPnd"].iter().any(|set| {
            let mask = status_field(target.pid, set).and_then(|m| u64::from_str_radix(&m, 16).ok());
            mask.is_some_and(|mask| mask & bit != 0)
        })
    };
    let state = || status_field(target.pid, "State").and_then(|s| s.chars().next());
    match predicted.effect {
        Effect::Ends(status) => {
            wait_for(&what, || held.status(target).is_some());
            // the core dump flag is not predicted
            let masked = |s: WaitStatus| WaitStatus(s.0 & !0x80);
            assert_eq!(held.status(target).map(masked), Some(status), "{what}");
            wait_for(&what, || predicted.also_end.iter().all(|id| held.has_ended(*id)));
        }
        // dropped by the time the call returns
        Effect::Nothing => assert!(!is_pending() && state() == Some('S'), "{what}"),
        Effect::Pending => assert!(is_pending() && matches!(state(), Some('S' | 'T')), "{what}"),
        // it was handled: it does not stay pending, and the process does not end by the default action
        Effect::Handled => {
            wait_for(&what, || !is_pending());
            let killed = held.has_ended(target) && held.status(target).is_none_or(|s| s.signal().is_some());
            assert!(!killed, "{what}");
        }
        Effect::Stops => wait_for(&what, || state() == Some('T')),
        Effect::Continues => wait_for(&what, || matches!(state(), Some('S' | 'R'))),
        // the process is not killed by this signal, whichever process reads it
        Effect::Readable => {
            let killed = held.status(target).is_some_and(|s| s.signal().is_some());
            assert!(!killed, "{what}");
        }
        Effect::MayStop | Effect::Awaited => assert!(!held.has_ended(target), "{what}"),
    }
    if !matches!(predicted.effect, Effect::Handled | Effect::Readable) {
        let mut expected: Vec<ProcId> = predicted.also_end.iter().copied().collect();
        expected.extend(predicted.is_deadly().then_some(target));
        expected.sort_unstable();
        assert_eq!(held.ended(), expected, "{what}");
    }
    predicted
}

/// A shell that waits for two sleeps. It outlives one of them.
const SLEEPERS: &str = "sleep 1000 & sleep 1000 & wait";

fn web() -> ContainerSpec {
    ContainerSpec { name: "web".into(), image: "nginx".into(), ..ContainerSpec::default() }
}

fn deaf() -> ContainerSpec {
    ContainerSpec { name: "deaf".into(), image: "podscope/deaf".into(), ..ContainerSpec::default() }
}

/// pause, nginx: master with two workers, deaf, and a shell that waits for two sleeps.
fn shared(seen: &mut ObservedLab, name: &str) -> Pod {
    seen.run(spec(name, true, vec![web(), deaf(), container("sh", SLEEPERS)]), 8)
}

#[test]
fn predictions_for_pause_are_correct() {
    let mut seen = ObservedLab::new(Options::default());
    let pod = shared(&mut seen, "pause");
    let pause = seen.process(&pod, "pause");
    let masks = seen.world.process(pause).expect("pause").signals;
    assert_eq!(masks.awaited, Some(1 << 1 | 1 << 14 | 1 << 16), "INT TERM CHLD, as pause-init waits for them");
    for (signal, effect) in [
        ("HUP", Effect::Nothing),
        ("USR1", Effect::Nothing),
        ("QUIT", Effect::Nothing),
        ("CHLD", Effect::Handled),
        ("PIPE", Effect::Pending),
    ] {
        assert_eq!(check(&mut seen, &pod, "pause", signal).effect, effect, "{signal}");
    }
    check(&mut seen, &pod, "pause", "STOP");
    let wanted = podscope::model::State::Stopped;
    seen.until("pause is seen stopped", |w| w.process(pause).is_some_and(|p| p.state == wanted));
    assert_eq!(check(&mut seen, &pod, "pause", "CONT").effect, Effect::Continues);
    seen.settle(&pod.uid);
    let predicted = check(&mut seen, &pod, "pause", "KILL");
    assert_eq!(predicted.also_end.len(), 7, "all of the pod");
    // processes that the dying namespace reaped are all shown so, whichever process the kernel chose to reap them
    let uid = pod.uid;
    seen.until("all reaped", |w| {
        w.process(pause).is_some_and(Process::is_gone) && w.pod_processes(&uid).next().is_none()
    });
    for id in predicted.also_end {
        let p = seen.world.process(id).expect("remembered");
        let by = podscope::wording::reaper::reaped_by(&seen.world, p);
        assert_eq!(by, "reaped by the kernel, with the pid namespace", "{}", p.title());
    }
}

/// Only the signal masks of an own pause are known.
#[test]
fn predictions_for_an_own_pause_follow_its_signal_masks() {
    let sleeper = || spec("own", true, vec![container("sh", SLEEPERS)]);
    for (file, signal, effect) in [
        ("naive-pause.c", "TERM", Effect::Nothing),
        ("naive-pause.c", "CHLD", Effect::Nothing),
        ("naive-pause.c", "STOP", Effect::Stops),
        ("naive-pause.c", "KILL", Effect::Ends(WaitStatus::killed(9))),
        ("reaping-pause.c", "HUP", Effect::Nothing),
        ("reaping-pause.c", "CHLD", Effect::Handled),
        ("reaping-pause.c", "TERM", Effect::Handled),
    ] {
        let mut seen = ObservedLab::new(Options::default());
        let pod = seen.run(crate::own_pause::with_pause(sleeper(), file), 4);
        let predicted = check(&mut seen, &pod, "pause", signal);
        assert_eq!(predicted.effect, effect, "{signal} to {file}: {:#?}", predicted.consequences);
        let words = sentences(&seen.world, &predicted).join(" ");
        assert!(!words.contains("reaps") && !words.contains("exits 0"), "{words}");
    }
}

/// When its last container ends, the pod is over, and its sandbox is stopped.
#[test]
fn the_last_container_is_predicted_to_end_pause_too() {
    for (share_pid, restart, ends) in [
        (true, RestartPolicy::Never, 3),
        (false, RestartPolicy::Never, 3),
        (true, RestartPolicy::OnFailure, 2),
        (true, RestartPolicy::Always, 2),
    ] {
        let mut seen = ObservedLab::new(Options::default());
        let mut spec = spec("last", share_pid, vec![container("sh", SLEEPERS)]);
        spec.restart = restart;
        let pod = seen.run(spec, 4);
        let pause = seen.process(&pod, "pause");
        let predicted = seen.predict(seen.process(&pod, "sh"), "KILL");
        assert_eq!(predicted.also_end.len(), ends, "{restart:?} {:#?}", predicted.consequences);
        let words = sentences(&seen.world, &predicted).join(" ");
        let over = restart == RestartPolicy::Never;
        assert_eq!((predicted.also_end.contains(&pause), words.contains("Pod last is then finished")), (over, over));
        assert_eq!(words.contains("pause holds them"), !over, "{words}");
        if over {
            check(&mut seen, &pod, "sh", "KILL");
        }
    }
}

#[test]
fn term_to_pause_ends_all_members() {
    let mut seen = ObservedLab::new(Options::default());
    let pod = shared(&mut seen, "term");
    let predicted = check(&mut seen, &pod, "pause", "TERM");
    assert_eq!(predicted.effect, Effect::Ends(WaitStatus::exited(0)));
}

#[test]
fn signals_that_the_web_master_reads_from_its_signalfd_are_predicted() {
    let mut seen = ObservedLab::new(Options::default());
    let pod = shared(&mut seen, "web");
    let master = seen.process(&pod, "nginx: master");
    let before = children(master.pid);
    let predicted = check(&mut seen, &pod, "nginx: master", "HUP");
    assert_eq!(predicted.effect, Effect::Readable, "{:#?}", predicted.consequences);
    wait_for("new workers", || {
        let now = children(master.pid);
        now.len() == 2 && now.iter().all(|pid| !before.contains(pid))
    });
    for signal in ["USR2", "CHLD"] {
        let uid = pod.uid.clone();
        seen.until("eight again", |w| w.pod_processes(&uid).count() == 8);
        seen.settle(&pod.uid);
        assert_eq!(check(&mut seen, &pod, "nginx: master", signal).effect, Effect::Readable);
    }
    let held = Held::all(&seen, &pod);
    assert_eq!(check(&mut seen, &pod, "nginx: master", "TERM").effect, Effect::Readable);
    // it reads the signal and exits
    wait_for("its end", || held.status(master).is_some());
    assert_eq!(held.status(master), Some(WaitStatus::exited(0)));
}

/// The worker inherits the descriptor from the master, but does not read it.
#[test]
fn a_worker_with_its_masters_signalfd_is_not_predicted_to_take_the_signal() {
    let mut seen = ObservedLab::new(Options::default());
    let pod = shared(&mut seen, "worker");
    assert_eq!(check(&mut seen, &pod, "nginx: worker", "HUP").effect, Effect::Readable);
    let worker = seen.process(&pod, "nginx: worker");
    let pending = status_field(worker.pid, "ShdPnd").and_then(|m| u64::from_str_radix(&m, 16).ok());
    assert_eq!(pending, Some(1), "HUP stays pending");
}

#[test]
fn a_containers_leftovers_are_predicted_to_end_with_it() {
    for (first, left) in [("nginx: master", 2), ("sh", 2), ("deaf", 0)] {
        let mut seen = ObservedLab::new(Options::default());
        let pod = shared(&mut seen, "left");
        let predicted = check(&mut seen, &pod, first, "KILL");
        assert_eq!(predicted.also_end.len(), left, "{:#?}", predicted.consequences);
        assert!(!sentences(&seen.world, &predicted).iter().any(|l| l.contains("live on") || l.contains("lives on")));
    }
}

#[test]
fn predictions_for_members_follow_their_signal_masks() {
    for (name, signal, effect) in [
        ("deaf", "TERM", Effect::Nothing),
        ("deaf", "HUP", Effect::Ends(WaitStatus::killed(1))),
        ("deaf", "WINCH", Effect::Nothing),
        ("deaf", "TSTP", Effect::MayStop),
        ("sh", "TERM", Effect::Ends(WaitStatus::killed(15))),
        ("sleep", "TERM", Effect::Ends(WaitStatus::killed(15))),
        ("sleep", "STOP", Effect::Stops),
        ("nginx: worker", "TERM", Effect::Ends(WaitStatus::killed(15))),
        ("nginx: worker", "QUIT", Effect::Readable),
        ("nginx: master", "PIPE", Effect::Nothing),
    ] {
        let mut seen = ObservedLab::new(Options::default());
        let pod = shared(&mut seen, "masks");
        assert_eq!(check(&mut seen, &pod, name, signal).effect, effect, "{signal} to {name}");
    }
}

#[test]
fn with_pid_namespaces_of_their_own_each_container_has_its_init() {
    for (name, signal, effect, also) in [
        ("sh", "TERM", Effect::Nothing, 0),
        ("sh", "KILL", Effect::Ends(WaitStatus::killed(9)), 2),
        ("pause", "KILL", Effect::Ends(WaitStatus::killed(9)), 0),
        ("deaf", "INT", Effect::Nothing, 0),
    ] {
        let mut seen = ObservedLab::new(Options::default());
        let pod = seen.run(spec("own", false, vec![deaf(), container("sh", SLEEPERS)]), 5);
        let predicted = check(&mut seen, &pod, name, signal);
        assert_eq!((predicted.effect, predicted.also_end.len()), (effect, also), "{signal} to {name}");
    }
}

#[test]
fn the_end_of_a_container_in_pauses_place_ends_all_members() {
    let mut seen = ObservedLab::new(Options::default());
    let mut infra = spec("infra", true, vec![web(), container("sh", SLEEPERS)]);
    infra.sandbox = SandboxKind::Infra("web".into());
    let pod = seen.run(infra, 6);
    let master = seen.process(&pod, "nginx: master");
    let ns = seen.world.process(master).and_then(|p| p.namespaces.get(podscope::model::NsKind::Pid)).expect("known");
    let init = seen.world.pid_ns_init(ns).map(podscope::model::names::member_name);
    assert_eq!(init.as_deref(), Some("web (nginx: master)"));
    // it is PID 1: PIPE is ignored, and signals without a handler are dropped
    check(&mut seen, &pod, "nginx: master", "WINCH");
    assert_eq!(check(&mut seen, &pod, "sh", "KILL").also_end.len(), 2);
    let uid = pod.uid.clone();
    seen.until("sh is gone", |w| w.pod_processes(&uid).count() == 3);
    assert_eq!(check(&mut seen, &pod, "nginx: master", "KILL").also_end.len(), 2);
}
