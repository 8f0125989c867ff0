//! Signals with their senders, and what else BPF adds to the observer. As an ordinary user, and on machines that do not
//! have it, the observer must say so.

use std::fs;
use std::os::unix::process::ExitStatusExt as _;
use std::process::{Command, Stdio};
use std::time::Duration;

use nix::sys::signal::kill;
use nix::unistd::Pid;
use podscope::model::{
    BpfProblem, Capability, Coverage, Delta, Limitation, NsKind, Precision, ProcId, Process, Signal, SignalResult,
    SignalSender, SignalSent, Source, State, WaitStatus,
};
use podscope::observe::{Input, Options, identify, now, signal};
use podscope::sys::pidfd;

use crate::bpf::{Group, Started};
use crate::roles::{hear, say};
use crate::support::{Helper, Watched, is_root, sleeper, wait_for};

/// An observer that watches this process, once it reports signals. `None` where it cannot.
fn watch_signals(options: Options, pid: u32) -> Option<(Watched, ProcId)> {
    let mut w = Watched::start(options);
    let id = w.watch(pid);
    w.until("what is seen of signals", |w| w.world.visibility.contains_key(&Capability::Signals));
    match &w.world.visibility[&Capability::Signals] {
        Coverage::Full => {
            assert!(is_root(), "an ordinary user is not permitted to use BPF");
            Some((w, id))
        }
        Coverage::Missing(Limitation::Bpf(BpfProblem::NotPermitted)) if !is_root() => {
            eprintln!("skipped: an ordinary user is not permitted to use BPF");
            None
        }
        Coverage::Missing(
            why @ Limitation::Bpf(BpfProblem::NotPermitted | BpfProblem::NoTypes | BpfProblem::OtherNamespace { .. }),
        ) => {
            eprintln!("skipped: {why:?}");
            None
        }
        other => panic!("{other:?}"),
    }
}

/// Reads `HOW PID SIGNAL TIMES` and sends that signal to that process so many times, by `kill` or by `pidfd`.
pub fn sender() {
    say("ready");
    loop {
        let line = hear();
        let [how, pid, signal, times] = line.split(' ').collect::<Vec<_>>()[..] else { return };
        let number = |word: &str| word.parse::<i32>().expect("a number");
        let pidfd = pidfd::open(number(pid) as u32).expect("it runs");
        let signal = number(signal);
        for _ in 0..number(times) {
            match how {
                "pidfd" => pidfd::send_signal(&pidfd, signal).expect("we may"),
                _ => kill(Pid::from_raw(number(pid)), nix::sys::signal::Signal::try_from(signal).ok()).expect("we may"),
            }
        }
        say("sent");
    }
}

fn until_signal(w: &mut Watched, to: ProcId, signal: Signal) -> SignalSent {
    w.until("the signal", |w| w.world.signals_to(to).any(|sent| sent.signal == signal));
    w.world.signals_to(to).find(|sent| sent.signal == signal).expect("it is there").clone()
}

#[test]
fn a_kill_from_a_shell_names_the_shell() {
    let mut target = Started(sleeper());
    let Some((mut w, id)) = watch_signals(Options::default(), target.id()) else { return };
    wait_for("it sleeps", || fs::read_to_string(format!("/proc/{}/comm", id.pid)).is_ok_and(|name| name == "sleep\n"));
    let shell = Started::shell(&format!("kill -TERM {}; exec sleep 1000", target.id()));
    // it is not reaped before the end
    let sender = identify(shell.id()).expect("our child");
    let sent = until_signal(&mut w, id, Signal::TERM);
    assert_eq!(sent.sender, SignalSender::Process { id: sender, name: "sh".into() });
    assert_eq!((sent.target_name.as_str(), sent.result, sent.skipped), ("sleep", SignalResult::Delivered, None));
    assert_eq!((sent.at.source, sent.at.precision), (Source::Bpf, Precision::Exact));
    assert!(w.world.process(sender).is_none(), "the sender is not watched");
    let status = target.0.wait().expect("our child");
    assert_eq!(status.signal(), Some(15));
    w.until_gone(id);
    assert_eq!(w.world.signal_that_ended(id), Some(&sent));
    let exit = w.process(id).exit.expect("it has ended");
    assert!(sent.at.t < exit.at.t);
    // the end of the target is a signal to us, who are not watched: the kernel has sent it, and not the target
    assert!(w.world.signals.iter().all(|sent| sent.signal != Signal::CHLD), "{:?}", w.world.signals);
}

#[test]
fn a_signal_by_pidfd_is_reported_and_one_of_our_own_is_the_apps() {
    let mut target = Started(sleeper());
    let Some((mut w, id)) = watch_signals(Options::default(), target.id()) else { return };
    let mut helper = Helper::start("sender");
    helper.tell(&format!("pidfd {} {} 1", id.pid, Signal::CONT.0));
    assert_eq!(helper.answer(), "sent");
    let sent = until_signal(&mut w, id, Signal::CONT);
    let sender = identify(helper.pid).expect("our child");
    assert!(matches!(sent.sender, SignalSender::Process { id, .. } if id == sender), "{sent:?}");

    // pidfd_send_signal, as the app sends it
    signal::send(id, Signal::KILL).expect("our child");
    assert_eq!(until_signal(&mut w, id, Signal::KILL).sender, SignalSender::App);
    target.0.wait().expect("our child");
    w.until_gone(id);
}

#[test]
fn signals_that_the_kernel_sends_have_no_sender() {
    let shell = Started::shell("trap : CHLD; while :; do sleep 1000; done");
    let Some((mut w, id)) = watch_signals(Options::default(), shell.id()) else { return };
    w.until("its child", |w| w.world.children(id).any(|p| p.comm == "sleep" && !p.is_gone()));
    let sleep = w.world.children(id).find(|p| p.comm == "sleep").expect("it is there").id;
    signal::send(sleep, Signal::KILL).expect("a child of our child");
    let sent = until_signal(&mut w, id, Signal::CHLD);
    assert_eq!((sent.sender, sent.result), (SignalSender::Child, SignalResult::Delivered));
    // its next child would outlive it
    w.until("the next child", |w| w.world.children(id).any(|p| p.comm == "sleep" && p.id != sleep));
    let next = w.world.children(id).find(|p| p.comm == "sleep" && p.id != sleep).expect("it is there").id;
    drop(shell);
    signal::send(next, Signal::KILL).expect("nobody else ends it");
}

#[test]
fn a_child_is_followed_from_its_birth() {
    // each child gets its signal at once, before anybody can have read it
    let words = "read go; for i in 1 2 3; do sleep 1000 & kill -USR1 $!; wait $!; done; exec sleep 1000";
    let mut shell = Started::new(Command::new("sh").args(["-c", words]).stdin(Stdio::piped()));
    let Some((mut w, id)) = watch_signals(Options::default(), shell.id()) else { return };
    drop(shell.0.stdin.take());
    w.until("three children that it has killed", |w| {
        let by_shell = |p: &&Process| {
            let by = w.world.signal_that_ended(p.id).map(|sent| &sent.sender);
            matches!(by, Some(SignalSender::Process { id: sender, .. }) if *sender == id)
        };
        w.world.children(id).filter(by_shell).count() == 3
    });
}

#[test]
fn a_storm_of_signals_is_bounded() {
    const SENT: u64 = 20_000;
    // both are ignored if nothing is done about them
    let (storm, last) = (Signal(libc::SIGURG), Signal(libc::SIGWINCH));
    let mut helper = Helper::start("sender");
    let Some((mut w, id)) = watch_signals(Options::default(), helper.pid) else { return };
    for (signal, times) in [(storm, SENT), (last, 1)] {
        helper.tell(&format!("kill {} {} {times}", id.pid, signal.0));
        assert_eq!(helper.answer(), "sent");
    }
    w.until("the last signal", |w| w.world.signals_to(id).any(|sent| sent.signal == last));
    let of_storm =
        |w: &Watched| w.world.signals_to(id).filter(|sent| sent.signal == storm).cloned().collect::<Vec<_>>();
    let counted = |w: &Watched| -> u64 {
        let lost = w.world.lost.get(&Source::Bpf).copied().unwrap_or_default();
        of_storm(w).iter().map(|sent| 1 + sent.skipped.map_or(0, std::num::NonZeroU64::get)).sum::<u64>() + lost
    };
    w.until("all signals, there or counted", |w| counted(w) >= SENT);
    let reported = of_storm(&w);
    assert!(reported.len() < 100, "{} in the stream", reported.len());
    assert!(reported.iter().all(|sent| sent.result == SignalResult::Ignored), "{reported:?}");
}

#[test]
fn a_stop_by_another_process_shows_at_once() {
    let target = Started(sleeper());
    let Some((mut w, id)) = watch_signals(Options::default(), target.id()) else { return };
    for (name, state) in [("STOP", State::Stopped), ("CONT", State::Sleeping)] {
        Command::new("sh").args(["-c", &format!("kill -{name} {}", id.pid)]).status().expect("there is a shell");
        w.until("its state", |w| w.process(id).state == state);
    }
}

#[test]
fn without_the_connector_short_lives_are_known_with_times_and_statuses() {
    let mut helper = Helper::start("storm");
    let Some((mut w, parent)) = watch_signals(Options::without("connector"), helper.pid) else { return };
    helper.tell("100");
    let mut ends = Vec::new();
    loop {
        let line = helper.answer();
        let Some((pid, status)) = line.split_once(' ') else { break };
        ends.push((pid.parse::<u32>().expect("a pid"), status.parse().expect("a status")));
    }
    assert_eq!(ends.len(), 100);
    w.until("every reap", |w| w.world.children(parent).filter(|p| p.is_gone()).count() >= 100);
    for (pid, status) in ends {
        let all = w.all_of(pid);
        assert_eq!(all.len(), 1, "{pid} is one process");
        let exit = all[0].exit.expect("ended");
        assert_eq!(exit.status, Some(WaitStatus(status)), "{pid}");
        assert_eq!((all[0].born.source, exit.at.source), (Source::Bpf, Source::Bpf), "{pid}");
        assert!(all[0].born.t < exit.at.t, "{pid}");
    }
}

#[test]
fn a_kill_for_lack_of_memory_is_reported() {
    let mut child = Command::new("sh");
    let child = child.args(["-c", "read go; exec tail /dev/zero"]).stdin(Stdio::piped());
    let mut child = Started::new(child);
    let Some((mut w, id)) = watch_signals(Options::default(), child.id()) else { return };
    let Some(group) = Group::with_little_memory("observed") else { return };
    group.add(id.pid);
    drop(child.0.stdin.take());
    w.until("the kill", |w| w.world.oom_kill_of(id).is_some());
    let kill = w.world.oom_kill_of(id).expect("it is there");
    assert_eq!((kill.caused_by, kill.caused_by_name.as_str()), (id, "tail"));
    child.0.wait().expect("our child");
    w.until_gone(id);
    let by = w.world.signal_that_ended(id).expect("a signal has ended it");
    assert_eq!((by.signal, &by.sender), (Signal::KILL, &SignalSender::Kernel));
}

#[test]
fn an_unshare_is_noticed_within_two_scans() {
    let mut child = Command::new("sh");
    let child = child.args(["-c", "read go; exec unshare --user --uts sleep 1000"]).stdin(Stdio::piped());
    let mut child = Started::new(child);
    let mut w = Watched::start(Options::without("bpf"));
    let id = w.watch(child.id());
    // more than one scan reads in turn
    let others: Vec<Started> = (0..100).map(|_| Started(sleeper())).collect();
    for other in &others {
        w.send(Input::Watch(identify(other.id()).expect("it runs")));
    }
    let last = identify(others[99].id()).expect("it runs");
    w.until("the others", |w| w.world.process(last).is_some());
    let before = now();
    drop(child.0.stdin.take());
    let own = crate::support::ns_inode(std::process::id(), "uts");
    w.until("its new namespace", |w| {
        let uts = w.process(id).namespaces.get(NsKind::Uts);
        uts.is_some_and(|uts| Some(uts.ino) != own)
    });
    let changed = w.log.iter().rev().find_map(|delta| match delta {
        Delta::Changed { id: of, changes, at } if *of == id && !changes.namespaces.is_empty() => Some(at.t),
        _ => None,
    });
    let took = Duration::from_nanos(changed.expect("it was reported").since(before));
    println!("after {took:?}, among {} processes", w.world.present().count());
}
