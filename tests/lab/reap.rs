//! Orphans, who reaps them, and the leftovers of containers.

use podscope::lab::spec::{ContainerSpec, RestartPolicy};
use podscope::lab::{NamespaceStep, Options};
use podscope::model::{Member, MonoNs, NsKind, ProcId, SandboxKind};
use podscope::observe::Input;

use crate::support::{
    Bench, children, container, exists, ns, pause, process, spec, start_time, status_field, wait_for,
};

/// Starts a process whose parent ends at once. Kubernetes replaces `$$` by `$`.
const ORPHAN: &str = "(sh -c 'echo $$$$ > /tmp/orphan; exec sleep 0.2' &); sleep 1000";

#[test]
fn an_orphan_is_reparented_to_pause_and_reaped() {
    let mut bench = Bench::new();
    let pod = bench.run(spec("orphan", true, vec![container("a", ORPHAN)]));
    let pause = pause(&pod);
    let mut pid_in_pod = String::new();
    wait_for("the orphan's pid", || {
        pid_in_pod = String::from_utf8_lossy(&bench.exec(&pod, "a", "cat /tmp/orphan").stdout).trim().to_owned();
        !pid_in_pod.is_empty()
    });
    let pid_in_pod: u32 = pid_in_pod.parse().expect("a pid");
    let (status, at) = bench.until("pause's record", |received| {
        received.iter().find_map(|i| match i {
            Input::PauseReaped { pause: by, pid_in_pod: pid, status, at } if *by == pause && *pid == pid_in_pod => {
                Some((*status, *at))
            }
            _ => None,
        })
    });
    assert!(status.success());
    assert!(at > pod.created.t && at > MonoNs(0));
    assert!(children(pause.pid).is_empty());
}

#[test]
fn a_pause_that_does_not_reap_keeps_the_zombie() {
    let mut bench = Bench::new();
    let mut spec = spec("leak", true, vec![container("a", ORPHAN)]);
    spec.sandbox = SandboxKind::PauseNoReap;
    let pod = bench.run(spec);
    let pause = pause(&pod);
    let zombie = |pid: &u32| status_field(*pid, "State").is_some_and(|s| s.starts_with('Z'));
    wait_for("a zombie below pause", || children(pause.pid).iter().any(zombie));
    // the zombie is reaped when the pod ends
    let zombie = children(pause.pid)[0];
    let start = start_time(zombie);
    crate::support::kill(pause, "KILL");
    wait_for("the zombie is gone", || start_time(zombie) != start || start_time(zombie).is_none());
}

#[test]
fn the_leftovers_of_a_container_end_with_it() {
    let mut bench = Bench::new();
    let script = "(sleep 1000 &); (setsid sleep 1000 &); sleep 1000";
    let pod = bench.run(spec("left", true, vec![container("a", script), container("b", "(sleep 1000 &); sleep 1000")]));
    let pause = pause(&pod);
    wait_for("three orphans", || children(pause.pid).len() == 3);
    crate::support::kill(process(&pod, "a"), "KILL");
    // the two of a are killed, the one of b stays
    wait_for("one orphan", || children(pause.pid).len() == 1);
    assert!(exists(process(&pod, "b")) && exists(pause));
}

/// Orphans of two containers that have left everything that identifies their container, except its limits. Both
/// containers unshare their mount, cgroup and ipc namespaces. When the first ends, none of its orphans may remain, and
/// all of the second must.
fn check_leftovers_that_left_their_namespaces(options: Options) {
    let mut bench = Bench::with(options);
    let hand = |name: &str| ContainerSpec {
        name: name.to_owned(),
        image: "podscope/hand".to_owned(),
        ..ContainerSpec::default()
    };
    let mut spec = spec("left", true, vec![hand("a"), hand("b")]);
    spec.restart = RestartPolicy::Always;
    let pod = bench.run(spec);
    let pause = pause(&pod);
    for name in ["a", "b"] {
        let kinds = vec![NsKind::Mnt, NsKind::Cgroup, NsKind::Ipc];
        bench.lab.change_namespaces(&Member::container(&pod.uid, name), NamespaceStep::Unshare(kinds)).expect("it may");
        let orphan = |own: &str| bench.exec(&pod, name, &format!("setsid {own} sleep 1000 >/dev/null 2>&1 &"));
        orphan("");
        // and an orphan that has lowered its limits
        if name == "a" {
            orphan("prlimit --locks=5:5");
        }
    }
    let sleepers = || -> Vec<ProcId> {
        let pids = children(pause.pid).into_iter();
        let asleep = pids.filter(|pid| status_field(*pid, "Name").as_deref() == Some("sleep"));
        asleep.filter_map(|pid| Some(ProcId { pid, start: start_time(pid)? })).collect()
    };
    wait_for("three orphans", || sleepers().len() == 3);
    let before = sleepers();
    let of_b: Vec<ProcId> =
        before.iter().copied().filter(|id| ns(id.pid, "mnt") == ns(process(&pod, "b").pid, "mnt")).collect();
    assert_eq!(of_b.len(), 1, "{before:?}");
    let (a, b) = (process(&pod, "a"), process(&pod, "b"));
    crate::support::kill(a, "KILL");
    // the container restarts only after its orphans are gone
    bench.pod_until(&pod.uid, "a again", |p| p.restarts() == Some(1) && p.containers[0].state.word() == "Running");
    let left: Vec<ProcId> = before.iter().copied().filter(|id| exists(*id) && !is_zombie(id.pid)).collect();
    assert_eq!(left, of_b);
    assert!(exists(b) && exists(pause));
}

fn is_zombie(pid: u32) -> bool {
    status_field(pid, "State").is_some_and(|state| state.starts_with('Z'))
}

#[test]
fn leftovers_that_left_their_namespaces_are_killed_by_cgroup() {
    check_leftovers_that_left_their_namespaces(Options::default());
}

#[test]
fn leftovers_that_left_their_namespaces_are_killed_without_a_cgroup() {
    check_leftovers_that_left_their_namespaces(Options { without_cgroups: true, ..Options::default() });
}

#[test]
fn the_leftovers_of_a_pod_in_the_nodes_pid_namespace_end_with_it() {
    let mut bench = Bench::with(Options { without_cgroups: true, ..Options::default() });
    let mut spec = spec("host", true, vec![container("a", "(setsid sleep 1000 &); sleep 1000")]);
    spec.host.pid = true;
    let pod = bench.run(spec);
    let a = process(&pod, "a");
    let orphans = || {
        let mut all = children(bench.lab.node().pid);
        all.retain(|pid| status_field(*pid, "Name").as_deref() == Some("sleep"));
        all
    };
    wait_for("an orphan of the node", || orphans().len() == 1 && !orphans().contains(&a.pid));
    bench.lab.delete_within(&pod.uid, Some(std::time::Duration::ZERO)).expect("deleted");
    wait_for("no orphan", || orphans().is_empty());
    bench.wait_removed(&pod.uid);
}

#[test]
fn every_orphan_of_a_storm_is_recorded_or_counted_as_lost() {
    const N: usize = 300;
    let mut bench = Bench::new();
    let pod = bench.run(spec("storm", true, vec![container("a", "sleep 1000")]));
    let script = format!("i=0; while [ $i -lt {N} ]; do (true &) ; i=$((i+1)); done");
    assert!(bench.exec(&pod, "a", &script).status.success());
    bench.until("every orphan reaped or its record counted as lost", |received| {
        let records: usize = received
            .iter()
            .map(|i| match i {
                Input::PauseReaped { .. } => 1,
                Input::PauseDropped { count, .. } => *count as usize,
                _ => 0,
            })
            .sum();
        (records >= N).then_some(())
    });
    assert!(children(pause(&pod).pid).is_empty());
}
