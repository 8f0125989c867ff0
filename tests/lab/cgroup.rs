//! Cgroups of members, where the machine allows them, and the measured usage with and without cgroups.

use std::fs;
use std::path::{Path, PathBuf};

use podscope::lab::Options;
use podscope::model::{Capability, Coverage, Delta, Member, Origin, ProcId, World};
use podscope::observe::Input;

use crate::observed_lab::ObservedLab;
use crate::support::{
    Bench, PATIENCE, children, container, kill, ns, pause, pods, process, spec, status_field, wait_for, wait_within,
};

/// The cgroup of a process from `/proc/PID/cgroup`, or an empty text if the process is gone.
fn cgroup_of(pid: u32) -> String {
    let text = fs::read_to_string(format!("/proc/{pid}/cgroup")).unwrap_or_default();
    text.lines().find_map(|l| l.strip_prefix("0::")).unwrap_or_default().to_owned()
}

fn directory(cgroup: &str) -> PathBuf {
    let mounts = fs::read_to_string("/proc/mounts").expect("mounts");
    let at = mounts.lines().find(|l| l.split(' ').nth(2) == Some("cgroup2")).expect("a hierarchy");
    Path::new(at.split(' ').nth(1).expect("where")).join(cgroup.trim_start_matches('/'))
}

/// The directory of the cgroup that we are in, if there are cgroups.
pub fn own_directory() -> Option<PathBuf> {
    let mounted = fs::read_to_string("/proc/mounts").is_ok_and(|m| m.lines().any(|l| l.contains(" cgroup2 ")));
    mounted.then(|| directory(&cgroup_of(std::process::id())))
}

fn coverage(bench: &mut Bench) -> Coverage {
    bench.until("what cgroups are worth", |received| {
        received.iter().find_map(|input| match input {
            Input::Delta(Delta::Visibility { capability: Capability::Cgroups, coverage, .. }) => Some(coverage.clone()),
            _ => None,
        })
    })
}

/// A child of a shell that will fork one. Waits for it, since the shell may have started just now.
fn child_of(parent: ProcId) -> u32 {
    let mut child = None;
    wait_for("a child", || {
        child = children(parent.pid).first().copied();
        child.is_some()
    });
    child.expect("it was waited for")
}

/// The last reported cgroup of a member.
fn last_cgroup(received: &[Input], member: &Member) -> Option<String> {
    received.iter().rev().find_map(|input| match input {
        Input::Delta(Delta::Cgroup { member: it, path, .. }) if it == member => Some(path.clone()),
        _ => None,
    })?
}

#[test]
fn each_member_has_its_own_cgroup_or_the_reason_is_reported() {
    let mut bench = Bench::new();
    let coverage = coverage(&mut bench);
    let pod =
        bench.run(spec("own", true, vec![container("a", "sleep 1000 & sleep 1000"), container("b", "sleep 1000")]));
    let (a, b) = (process(&pod, "a"), process(&pod, "b"));
    let all = [pause(&pod), a, b].map(|id| cgroup_of(id.pid));
    if matches!(coverage, Coverage::Missing(_)) {
        let ours = cgroup_of(std::process::id());
        assert!(all.iter().all(|cgroup| *cgroup == ours), "{all:?} are not {ours}");
        assert!(!bench.received.iter().any(|i| matches!(i, Input::Delta(Delta::Cgroup { .. }))));
        return;
    }
    assert!(all[0] != all[1] && all[1] != all[2] && all[0] != all[2], "{all:?}");
    let node = cgroup_of(bench.lab.node().pid);
    assert!(!all.contains(&node), "the node has a cgroup of its own: {node}");
    for (member, cgroup) in [(Member::pause(&pod.uid), &all[0]), (Member::container(&pod.uid, "a"), &all[1])] {
        assert_eq!(last_cgroup(&bench.received, &member).as_ref(), Some(cgroup));
        assert!(cgroup.contains(&format!("/pod{}/", pod.uid)), "{cgroup}");
    }
    // its child processes are in the same cgroup
    assert_eq!(cgroup_of(child_of(a)), all[1]);

    // after the pod is deleted its cgroup is removed
    let top = directory(&all[1]).ancestors().nth(2).expect("the lab's").to_owned();
    bench.lab.delete_within(&pod.uid, Some(std::time::Duration::ZERO)).expect("deleted");
    bench.wait_removed(&pod.uid);
    wait_for("the pod's cgroup to go", || !directory(&all[1]).parent().expect("the pod's").exists());
    assert!(top.exists(), "the lab's own stays: {}", top.display());
    drop(bench);
    wait_for("the lab's cgroup to go", || !top.exists());
}

#[test]
fn a_member_sees_no_cgroup_above_its_own() {
    let mut bench = Bench::new();
    let pod =
        bench.run(spec("view", true, vec![container("a", "sleep 1000 & sleep 1000"), container("b", "sleep 1000")]));
    let links = [pause(&pod), process(&pod, "a"), process(&pod, "b")].map(|id| ns(id.pid, "cgroup"));
    let host = ns(std::process::id(), "cgroup");
    assert!(links.iter().all(|link| *link != host), "{links:?}, the host's is {host}");
    assert!(links[0] != links[1] && links[1] != links[2] && links[0] != links[2], "{links:?}");
    assert_eq!(ns(child_of(process(&pod, "a")), "cgroup"), links[1]);
    // its own cgroup is the root in every hierarchy, also for a program that is executed in it
    let inside = bench.exec(&pod, "a", "cat /proc/self/cgroup; readlink /proc/self/ns/cgroup");
    let inside = String::from_utf8_lossy(&inside.stdout).into_owned();
    let (lines, link) = inside.trim_end().rsplit_once('\n').expect("lines");
    assert_eq!(link, format!("cgroup:[{}]", links[1]));
    assert!(lines.lines().all(|line| line.ends_with(":/")), "{lines}");
    // it sees another member's cgroup only relative to its own, not the path from the machine's root
    let pause = bench.exec(&pod, "a", "cat /proc/1/cgroup");
    let pause = String::from_utf8_lossy(&pause.stdout).into_owned();
    assert!(!pause.contains("podscope") && !pause.contains(&pod.uid.0), "{pause}");
}

#[test]
fn a_restarted_container_gets_a_new_cgroup() {
    let mut bench = Bench::new();
    if matches!(coverage(&mut bench), Coverage::Missing(_)) {
        return;
    }
    let mut spec = spec("again", true, vec![container("a", "sleep 1000 & sleep 1000")]);
    spec.restart = podscope::lab::spec::RestartPolicy::Always;
    let pod = bench.run(spec);
    let first = process(&pod, "a");
    let before = directory(&cgroup_of(first.pid));
    child_of(first);
    kill(first, "KILL");
    let pod = bench.pod_until(&pod.uid, "a new process", |p| {
        p.containers[0].process.is_some_and(|id| id != first) && p.containers[0].state.word() == "Running"
    });
    let after = directory(&cgroup_of(process(&pod, "a").pid));
    assert_ne!(before, after);
    // its orphan was killed as well before the new one started
    assert!(!before.exists(), "{} is left", before.display());
    assert_eq!(pods(&bench.received).len(), 1);
}

#[test]
fn a_pod_that_forks_without_end_leaves_room_for_the_others() {
    let mut bench = Bench::new();
    if coverage(&mut bench) != Coverage::Full {
        return;
    }
    let bomb = "i=0; while [ $i -lt 1500 ]; do sleep 1000 & i=$((i+1)); done; wait";
    let other = bench.run(spec("other", true, vec![container("a", "sleep 1000")]));
    let bomb = bench.run(spec("bomb", true, vec![container("bomb", bomb)]));
    // a thousand forks take 15 s on an emulated processor
    wait_within(6 * PATIENCE, "a fork that is refused", || {
        let log = bench.lab.logs(&Member::container(&bomb.uid, "bomb")).expect("a log");
        String::from_utf8_lossy(&log).contains("fork")
    });
    let cgroup = directory(&cgroup_of(process(&bomb, "bomb").pid));
    let events = fs::read_to_string(cgroup.parent().expect("the pod's").join("pids.events")).expect("a controller");
    let refused: u64 = events.trim().strip_prefix("max ").and_then(|n| n.parse().ok()).expect("max");
    assert!(refused > 0, "its own limit stopped it: {events}");
    let output = bench.exec(&other, "a", "sleep 0 & sleep 0 & wait; echo forks");
    assert_eq!(String::from_utf8_lossy(&output.stdout), "forks\n");
}

/// CPU time of a process and of the children it has waited for, in ns.
fn cpu_ns(pid: u32) -> Option<u64> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let fields: Vec<&str> = stat.rsplit_once(')')?.1.split_whitespace().collect();
    fields.get(11..15)?.iter().map(|ticks| Some(ticks.parse::<u64>().ok()? * 10_000_000)).sum()
}

fn check_usage_of_a_busy_container(options: Options) {
    let mut seen = ObservedLab::new(options);
    // all its work is done in children that end before they can be observed
    let busy = "while :; do sh -c 'i=0; while [ $i -lt 3000 ]; do i=$((i+1)); done'; done";
    let spec = spec("busy", false, vec![container("busy", busy), container("idle", "sleep 1000")]);
    let uid = seen.lab.run(spec).expect("accepted");
    let (busy, idle) = (Member::container(&uid, "busy"), Member::container(&uid, "idle"));
    let has_none = |world: &World| matches!(world.visibility.get(&Capability::Cgroups), Some(Coverage::Missing(_)));
    seen.until("the share of one that works", |world| {
        let Some(cpu) = world.usage(&busy).map(|usage| usage.cpu) else { return false };
        let counted_by = if has_none(world) { Origin::Proc } else { Origin::Cgroup };
        // on a loaded machine it gets less than a core
        cpu.value.permille >= 100 && cpu.value.time_ns >= 300_000_000 && cpu.origin == counted_by
    });
    assert!(has_none(&seen.world) || !options.without_cgroups, "{:?}", seen.world.visibility);
    let shown = seen.world.usage(&busy).expect("it lives");
    let process = seen.world.pod(&uid).and_then(|p| p.container("busy")?.process).expect("it runs");
    // read the children first: the time of a child moves to the parent when it ends
    let now =
        children(process.pid).into_iter().filter_map(cpu_ns).sum::<u64>() + cpu_ns(process.pid).expect("it lives");
    // it was reported at most a second ago, with a finer resolution than ticks
    assert!(shown.cpu.value.time_ns <= now + 100_000_000, "{shown:?} and the kernel says {now}");
    assert!(shown.cpu.value.permille <= 1_500, "one thread can use no more than a core: {shown:?}");
    assert!(shown.tasks.value >= 1 && shown.memory_bytes.value > 100_000, "{shown:?}");
    let idle_usage = seen.world.usage(&idle).expect("it lives");
    assert!(idle_usage.cpu.value.permille < 50 && idle_usage.cpu.value.time_ns < 200_000_000, "{idle_usage:?}");
    // memory that was measured by /proc must match /proc
    if shown.memory_bytes.origin == Origin::Proc {
        let rss = status_field(process.pid, "VmRSS").expect("VmRSS");
        let kb: u64 = rss.trim_end_matches(" kB").trim().parse().expect("a number");
        assert!(shown.memory_bytes.value >= kb * 1024 / 2, "{shown:?}, {rss}");
    }
}

#[test]
fn the_usage_of_a_container_is_measured_by_its_cgroup() {
    check_usage_of_a_busy_container(Options::default());
}

#[test]
fn the_usage_of_a_container_is_measured_without_a_cgroup() {
    check_usage_of_a_busy_container(Options { without_cgroups: true, ..Options::default() });
}

#[test]
fn stale_cgroups_of_a_killed_lab_are_removed_by_the_next_lab() {
    let mut bench = Bench::new();
    if matches!(coverage(&mut bench), Coverage::Missing(_)) || Path::new("/run/systemd/system").exists() {
        // nothing was made, or systemd removes it
        return;
    }
    let parent = directory(&cgroup_of(std::process::id()));
    // as an ended app leaves it behind; no pid is that high
    let stale = parent.join("podscope-4294967295-0");
    fs::create_dir_all(stale.join("pod1/a.0")).expect("it may be made");
    // and one that another lab still uses, which shows by its lock
    let used = parent.join("podscope-4294967295-1");
    fs::create_dir(&used).expect("it may be made");
    let lock = fs::File::open(&used).and_then(|dir| dir.try_lock().map(|()| dir).map_err(Into::into));
    let lock = lock.expect("it may be locked");
    drop(Bench::new());
    assert!(!stale.exists());
    assert!(used.exists());
    drop(lock);
    drop(Bench::new());
    assert!(!used.exists());
}
