//! One look at the whole machine by BPF against one by /proc.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::process::CommandExt as _;
use std::process::{Command, Stdio};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use podscope::model::{
    Capability, Coverage, Cpu, Delta, Holder, Limitation, Looked, MonoNs, Namespace, NsKind, Process, Search, Source,
    Stamp, State, World,
};
use podscope::observe::{identify, once, once_by_proc};

use super::{Started, reader};
use crate::keeper::Keeper;
use crate::support::{children, sleeper, stat, wait_for};

fn world(deltas: &[Delta]) -> World {
    let mut world = World::default();
    for delta in deltas {
        world.apply(delta);
    }
    world
}

fn by_proc() -> World {
    world(&once_by_proc().expect("/proc is there"))
}

fn by_bpf() -> World {
    world(&once(None).expect("/proc is there"))
}

/// What both must tell of a process, and what does not change while it sleeps. Left out are:
///
/// - who has told and when;
/// - CPU time: `/proc` counts in hundredths of a second, and cuts user and system time apart;
/// - memory, and whether it runs: another test checks them on a process that sleeps;
/// - more than two threads, since other tests of this program start and end some;
/// - the name of a kernel worker, which says what it does at the moment.
fn lasting(p: &Process) -> Process {
    let (mut p, stamp) = (p.clone(), Stamp::by_then(MonoNs(0), Source::Scan));
    (p.born, p.rss_bytes, p.cpu, p.waited_cpu) = (stamp, 0, Cpu::default(), Cpu::default());
    p.threads = p.threads.min(2);
    if p.state != State::Zombie {
        p.state = State::Sleeping;
    }
    if p.comm.starts_with("kworker/") {
        p.comm.clear();
    }
    if let Some(exit) = &mut p.exit {
        exit.at = stamp;
    }
    p
}

/// A process that is the same for /proc before and after is the same for BPF in between.
#[test]
fn bpf_and_proc_see_the_same_processes() {
    let Some(mut reader) = reader() else { return };
    let zombie = Started::shell("exit 7");
    wait_for("a zombie", || stat(zombie.id()).is_some_and(|(state, _)| state == 'Z'));
    let stopped = Started(sleeper());
    kill(Pid::from_raw(stopped.id() as i32), Signal::SIGSTOP).expect("our child");
    let ignoring = Started::shell("trap '' HUP; trap : TERM; sleep 1000 & wait");
    wait_for("its child", || children(ignoring.id()).len() == 1);
    let mut command = Command::new("unshare");
    command.args(["--cgroup", "--ipc", "--mount", "--net", "--uts", "--time", "--user", "--map-root-user", "--pid"]);
    command.args(["--fork", "--kill-child=KILL", "sleep", "1000"]).stdin(Stdio::null());
    let outer = Started::new(&mut command);
    wait_for("its child", || children(outer.id()).len() == 1);
    let nameless = Started::new(Command::new("sleep").arg0("").arg("1000").stdin(Stdio::null()));

    let (before, middle, after) = (by_proc(), by_bpf(), by_proc());
    let told: BTreeSet<u32> = reader.read_tasks().expect("it can be read").iter().map(|task| task.tgid).collect();
    let mut compared = 0;
    for p in before.present() {
        let (then, Some(now)) = (lasting(p), after.process(p.id).map(lasting)) else { continue };
        if then != now {
            continue;
        }
        let seen = middle.process(p.id).unwrap_or_else(|| panic!("{} {} is missing", p.id, p.comm));
        assert_eq!(lasting(seen), then);
        // a kernel may keep processes from BPF; /proc tells of them
        let by = if told.contains(&p.id.pid) { Source::Bpf } else { Source::Scan };
        assert_eq!(seen.born.source, by, "{} {}", p.id, p.comm);
        compared += 1;
    }
    assert!(compared > 10, "only {compared} processes stayed");
    for child in [&zombie, &stopped, &ignoring, &outer, &nameless] {
        let id = identify(child.id()).expect("our child");
        assert_eq!(middle.process(id).map(|p| p.born.source), Some(Source::Bpf), "{id}");
    }
    assert_eq!(middle.visibility[&Capability::Bpf], Coverage::Full);
    assert_eq!(before.visibility[&Capability::Bpf], Coverage::Missing(Limitation::SwitchedOff));
    for child in children(ignoring.id()) {
        kill(Pid::from_raw(child as i32), Signal::SIGKILL).expect("it is asleep");
    }
}

/// `VmRSS` of /proc/PID/status is exact since Linux 6.16.
#[test]
fn a_process_that_sleeps_has_the_same_memory_and_cpu_time() {
    let Some(_) = reader() else { return };
    // it waits for a child that has used CPU time, with 20 MB in its memory
    let script = "x=$(head -c 20000000 /dev/zero | tr '\\0' x); sleep 1000; echo $x";
    let child = Started::shell(script);
    wait_for("the last child", || {
        children(child.id()).iter().any(|c| fs::read_to_string(format!("/proc/{c}/comm")).is_ok_and(|c| c == "sleep\n"))
            && stat(child.id()).is_some_and(|(state, _)| state == 'S')
    });
    let id = identify(child.id()).expect("our child");
    let [before, middle, after] = [by_proc(), by_bpf(), by_proc()].map(|world| world.process(id).cloned());
    let [before, middle, after] = [before, middle, after].map(|p| p.expect("it lives"));
    assert_eq!((before.rss_bytes, before.cpu), (after.rss_bytes, after.cpu), "it sleeps");
    assert!(before.rss_bytes > 20_000_000, "{}", before.rss_bytes);
    assert_eq!(middle.rss_bytes, before.rss_bytes);
    assert_eq!((middle.state, middle.threads), (State::Sleeping, 1));
    assert_eq!(middle.waited_cpu, before.waited_cpu);
    assert_eq!(middle.born.source, Source::Bpf);
    // user and system time, each cut to hundredths
    let cut = 20_000_000;
    let (seen, shown) = (middle.cpu.time_ns, before.cpu.time_ns);
    assert!((shown..shown + cut).contains(&seen), "{seen} {shown}");
    for sleeper in children(child.id()) {
        kill(Pid::from_raw(sleeper as i32), Signal::SIGKILL).expect("it is asleep");
    }
}

#[test]
fn bpf_and_proc_find_the_same_holders() {
    let Some(_) = reader() else { return };
    let keeper = Keeper::start();
    let (before, middle, after) = (by_proc(), by_bpf(), by_proc());
    let kept = |world: &World, ino: u64| world.namespaces.values().find(|ns| ns.id.ino == ino).cloned();
    for (name, what) in &keeper.kept {
        let [before, middle, after] = [&before, &middle, &after].map(|world| kept(world, what.ino));
        assert!(before.is_some(), "{name}");
        assert_eq!(before, after, "{name}");
        assert_eq!(middle, before, "{name}");
    }
    // of the others other tests may open and close some
    let known = |ns: &Namespace| Namespace { net: None, holders: None, ..ns.clone() };
    let both = before.namespaces.values().filter(|ns| after.namespaces.get(&ns.id) == Some(*ns));
    let compared = both.map(|ns| assert_eq!(middle.namespaces.get(&ns.id).map(known), Some(known(ns)))).count();
    assert!(compared >= 8, "{compared}");
    let unseen = |world: &World| {
        let Search { processes, links, threads, files, sockets, mounts, .. } = world.search.expect("all was searched");
        [processes, links, threads, files, sockets, mounts].map(Looked::unseen)
    };
    let (by_bpf, by_proc) = (unseen(&middle), unseen(&before));
    assert!(by_bpf.iter().zip(by_proc).all(|(bpf, proc)| *bpf <= proc), "{by_bpf:?} {by_proc:?}");
}

/// No link leads to a pid namespace before it has a first process, so `/proc` cannot show it.
#[test]
fn only_bpf_sees_a_pid_namespace_that_has_no_process_yet() {
    let Some(mut reader) = reader() else { return };
    let empty = Started::new(Command::new("unshare").args(["--pid", "sleep", "1000"]).stdin(Stdio::null()));
    let mut found = None;
    wait_for("its namespace", || {
        let tasks = reader.read_tasks().expect("it can be read");
        let task = tasks.into_iter().find(|task| task.pid == empty.id());
        found = task.filter(|task| task.pid_for_children != task.namespaces[NsKind::Pid as usize]);
        found.is_some()
    });
    let ns = found.and_then(|task| task.pid_for_children).expect("waited for");
    let process = identify(empty.id()).expect("our child");
    let (by_proc, by_bpf) = (by_proc(), by_bpf());
    let find = |world: &World| world.namespaces.values().find(|known| known.id.ino == u64::from(ns.inode)).cloned();
    assert_eq!(find(&by_proc), None);
    let seen = find(&by_bpf).expect("BPF tells of it");
    assert_eq!((seen.id.kind, seen.unique), (NsKind::Pid, ns.unique));
    assert_eq!(seen.holders.as_deref(), Some(&[Holder::ForChildren { process, tid: process.pid }][..]));
}
