use std::fs;
use std::os::fd::AsFd as _;
use std::os::unix::fs::MetadataExt as _;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use nix::poll::{PollFd, PollFlags, poll};
use nix::sys::signal::{Signal, kill};
use nix::unistd::{Pid, gettid};
use podscope::model::{NsKind, ProcId, Signal as Number, SignalResult, WaitStatus};
use podscope::observe::bpf::{Event, Events, Happening, Loader, Origin, RawSignal, Subject, Task, Tracepoint};
use podscope::observe::{identify, now};

use super::{Group, Started, available};
use crate::support::{ns_inode, sleeper, wait_for};

/// Only a failing test waits this long.
const TIMEOUT: Duration = Duration::from_mins(1);

struct Recorder {
    events: Events,
    seen: Vec<Event>,
}

impl Recorder {
    fn start(tracepoints: &[Tracepoint]) -> Option<Self> {
        let events = available(Events::open(tracepoints, 4 << 20))?;
        assert!(events.missing().is_empty(), "{:?}", events.missing());
        Some(Self { events, seen: Vec::new() })
    }

    /// The first event of which this tells something, and what it tells.
    fn until<T>(&mut self, what: &str, tell: impl Fn(&Event) -> Option<T>) -> T {
        let deadline = Instant::now() + TIMEOUT;
        loop {
            let drained = self.events.drain().expect("it can be read");
            assert_eq!((drained.lost, drained.damaged), (0, 0));
            self.seen.extend(drained.events);
            if let Some(found) = self.seen.iter().find_map(&tell) {
                return found;
            }
            assert!(Instant::now() < deadline, "no {what} among {} events", self.seen.len());
            let _ = poll(&mut [PollFd::new(self.events.as_fd(), PollFlags::POLLIN)], 1000_u16);
        }
    }

    fn signal_to(&mut self, target: u32, signal: Number) -> RawSignal {
        self.until("signal", |event| match event.happening {
            Happening::Signal(sent) if sent.target.tgid == target && sent.signal == signal => Some(sent),
            _ => None,
        })
    }
}

#[test]
fn a_signal_tells_who_sent_it_to_whom() {
    let Some(mut recorder) = Recorder::start(&[Tracepoint::Signal]) else { return };
    let target = Started(sleeper());
    let id = identify(target.id()).expect("it runs");
    // a zombie keeps its identity until we wait for it
    let script = format!("kill -TERM {}", target.id());
    let sender = Started::shell(&script);
    let sender_id = identify(sender.id()).expect("our child");
    let sent = recorder.signal_to(target.id(), Number::TERM);
    assert_eq!((sent.origin, sent.result, sent.to_process), (Origin::Process, SignalResult::Delivered, true));
    assert_eq!(sent.sender().and_then(|sender| sender.process()), Some(sender_id));
    assert_eq!(sent.target.process(), Some(id));
    let child_signal = recorder.until("the signal of its end", |event| match event.happening {
        Happening::Signal(s) if s.signal == Number::CHLD && s.current.tgid == target.id() => Some(s),
        _ => None,
    });
    assert_eq!(child_signal.target.tgid, std::process::id());
    assert_eq!(child_signal.sender(), None, "the kernel sends it");

    // from a thread, and to a process that ignores it
    let target = Started::shell("trap '' USR1; exec sleep 1000");
    let ignored = || {
        let status = fs::read_to_string(format!("/proc/{}/status", target.id())).expect("it runs");
        let set = status.lines().find_map(|line| line.strip_prefix("SigIgn:")).expect("a set");
        u64::from_str_radix(set.trim(), 16).expect("a set") & 1 << 9 != 0
    };
    wait_for("it ignores the signal", ignored);
    let before = now();
    kill(Pid::from_raw(target.id() as i32), Signal::SIGUSR1).expect("our child");
    let sent = recorder.signal_to(target.id(), Number::USR1);
    assert_eq!(sent.result, SignalResult::Ignored);
    let sender = sent.sender().expect("a process");
    assert_eq!((sender.tgid, sender.pid), (std::process::id(), gettid().as_raw() as u32));
    let at = recorder.until("it", |event| match event.happening {
        Happening::Signal(s) if s == sent => Some(event.at),
        _ => None,
    });
    assert!(before <= at && at <= now(), "{before:?} {at:?}");
}

#[test]
fn a_short_life_is_reported_from_birth_to_exit() {
    let Some(mut recorder) = Recorder::start(&[Tracepoint::Fork, Tracepoint::Exec, Tracepoint::Exit]) else { return };
    let child = Started::shell("exit 3");
    let id = identify(child.id()).expect("our child, a zombie at most");
    let of = |task: &Task| (task.process() == id).then(|| task.clone());
    let (ended, status, exit_at) = recorder.until("exit", |event| match &event.happening {
        Happening::Exit { task, status, of_process } => of(task).map(|task| (task, (*status, *of_process), event.at)),
        _ => None,
    });
    let exited = WaitStatus::exited(3);
    assert_eq!((status, ended.exit_status), ((exited, Some(exited)), None), "it has one thread");
    assert_eq!(ended.comm, "sh");
    assert_eq!(ended.ppid, std::process::id());
    let (born, born_at) = recorder.until("fork", |event| match &event.happening {
        Happening::Fork(task) => of(task).map(|task| (task, event.at)),
        _ => None,
    });
    assert_eq!((born.pid, born.ppid), (child.id(), std::process::id()));
    assert_eq!(born.namespaces, ended.namespaces);
    let (executed, pid_before) = recorder.until("exec", |event| match &event.happening {
        Happening::Exec { task, pid_before } => of(task).map(|task| (task, *pid_before)),
        _ => None,
    });
    assert_eq!((executed.comm.as_str(), pid_before), ("sh", child.id()));
    assert!(born_at < exit_at);
}

#[test]
fn only_watched_processes_and_their_children_are_reported() {
    let tracepoints = [Tracepoint::Signal, Tracepoint::Exit];
    let loaded = Loader::new().and_then(|loader| Events::load(&loader, &tracepoints, Subject::Watched, 4 << 20));
    let Some(events) = available(loaded) else { return };
    let watched = events.watched().expect("there are descriptors");
    let mut recorder = Recorder { events, seen: Vec::new() };
    let words = "read go; sh -c 'exit 4'; kill -URG $$; exec sleep 1000";
    let shell = || Started::new(Command::new("sh").args(["-c", words]).stdin(Stdio::piped()));
    let (mut one, mut other) = (shell(), shell());
    watched.add(one.id()).expect("there is room");
    drop(other.0.stdin.take());
    // it has sent its signal
    let comm = |pid: u32| fs::read_to_string(format!("/proc/{pid}/comm")).expect("it runs");
    wait_for("the other one has done all", || comm(other.id()) == "sleep\n");
    drop(one.0.stdin.take());
    assert_eq!(recorder.signal_to(one.id(), Number(libc::SIGURG)).current.tgid, one.id());
    let status = |event: &Event| match &event.happening {
        Happening::Exit { task, of_process: Some(status), .. } if task.ppid == one.id() => Some(*status),
        _ => None,
    };
    assert_eq!(recorder.until("the end of its child", status), WaitStatus::exited(4));
    let is_of_other = |event: &Event| match &event.happening {
        Happening::Signal(s) => s.current.tgid == other.id() || s.target.tgid == other.id(),
        Happening::Exit { task, .. } => task.ppid == other.id(),
        _ => false,
    };
    assert!(!recorder.seen.iter().any(is_of_other), "{:?}", recorder.seen);
    watched.remove(one.id());
    let before = recorder.seen.len();
    kill(Pid::from_raw(one.id() as i32), Signal::SIGURG).expect("our child");
    watched.add(other.id()).expect("there is room");
    kill(Pid::from_raw(other.id() as i32), Signal::SIGURG).expect("our child");
    recorder.signal_to(other.id(), Number(libc::SIGURG));
    let is_of_one = |event: &Event| matches!(event.happening, Happening::Signal(s) if s.target.tgid == one.id());
    assert!(!recorder.seen[before..].iter().any(is_of_one), "it is no longer watched");
}

#[test]
fn setns_and_unshare_tell_the_new_namespaces() {
    let Some(mut recorder) = Recorder::start(&[Tracepoint::Namespaces]) else { return };
    let child = Started::new(Command::new("unshare").args(["--uts", "sleep", "1000"]).stdin(Stdio::null()));
    let id = identify(child.id()).expect("it runs");
    let of = |task: &Task, id: ProcId| (task.process() == id).then(|| task.clone());
    let after = recorder.until("unshare", |event| match &event.happening {
        Happening::Unshare(task) => of(task, id),
        _ => None,
    });
    let inode = |task: &Task| task.namespaces[NsKind::Uts as usize].map(|n| u64::from(n.inode));
    assert_ne!(inode(&after), ns_inode(std::process::id(), "uts"));
    assert_eq!(inode(&after), ns_inode(child.id(), "uts"));

    let target = child.id().to_string();
    let visitor = Started::new(Command::new("nsenter").args(["--target", &target, "--uts", "true"]));
    let id = identify(visitor.id()).expect("our child, a zombie at most");
    let joined = recorder.until("setns", |event| match &event.happening {
        Happening::Setns(task) => of(task, id),
        _ => None,
    });
    assert_eq!(inode(&joined), inode(&after));
}

#[test]
fn a_move_to_another_cgroup_is_reported() {
    let Some(mut recorder) = Recorder::start(&[Tracepoint::CgroupMove]) else { return };
    // only the unified hierarchy has this file
    let Some((group, _)) = Group::new("move", &["cgroup.events"]) else { return };
    let child = Started(sleeper());
    let id = identify(child.id()).expect("it runs");
    group.add(child.id());
    let inode = fs::metadata(group.path()).expect("it is there").ino();
    let (task, hierarchy, cgroup) = recorder.until("move", |event| match &event.happening {
        Happening::CgroupMove { task, hierarchy, cgroup } if task.process() == id => {
            Some((task.clone(), *hierarchy, *cgroup))
        }
        _ => None,
    });
    assert_eq!((hierarchy, cgroup, task.cgroup), (0, inode, inode));
}

#[test]
fn a_kill_for_lack_of_memory_names_the_victim() {
    let Some(mut recorder) = Recorder::start(&[Tracepoint::OomKill]) else { return };
    let Some(group) = Group::with_little_memory("victim") else { return };
    // it waits for its cgroup, then holds all that it reads
    let mut child = Started::new(Command::new("sh").args(["-c", "read go; exec tail /dev/zero"]).stdin(Stdio::piped()));
    let id = identify(child.id()).expect("it runs");
    group.add(child.id());
    drop(child.0.stdin.take());
    let (victim, caused_by) = recorder.until("kill", |event| match event.happening {
        Happening::OomKill { victim, caused_by, caused_by_comm, .. } if victim.tgid == id.pid => {
            assert_eq!(caused_by_comm.to_string(), "tail");
            Some((victim, caused_by))
        }
        _ => None,
    });
    assert_eq!(victim.process(), Some(id));
    assert_eq!(caused_by.process(), Some(id));
}

#[test]
fn events_without_room_are_counted() {
    const SENT: u64 = 1_000;
    let Some(mut events) = available(Events::open(&[Tracepoint::Signal], 4096)) else { return };
    let own = Pid::this();
    let is_own = |event: &Event| match event.happening {
        Happening::Signal(s) => {
            s.signal == Number(libc::SIGURG)
                && s.current.pid == gettid().as_raw() as u32
                && s.target.tgid == own.as_raw() as u32
        }
        _ => false,
    };
    // its default action is none
    for _ in 0..SENT {
        kill(own, Signal::SIGURG).expect("we are here");
    }
    let drained = events.drain().expect("it can be read");
    let kept = drained.events.iter().filter(|event| is_own(event)).count() as u64;
    assert!(kept > 0 && kept < SENT, "{kept}");
    assert!(kept + drained.lost >= SENT, "{kept} kept, {} lost", drained.lost);
    assert_eq!(drained.damaged, 0);

    // there is room again
    kill(own, Signal::SIGURG).expect("we are here");
    let drained = events.drain().expect("it can be read");
    assert!(drained.events.iter().any(is_own), "{drained:?}");
}
