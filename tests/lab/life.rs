//! A pod comes up, shares what it should, and goes.

use crate::support::{Bench, container, exists, ns, pause, process, spec, status_field, wait_for};

#[test]
fn a_pod_shares_what_kubernetes_shares() {
    let mut bench = Bench::new();
    let pod = bench.run(spec("pair", true, vec![container("a", "sleep 1000"), container("b", "sleep 1000")]));
    let (pause, a, b) = (pause(&pod), process(&pod, "a"), process(&pod, "b"));
    for kind in ["net", "ipc", "uts", "pid", "user", "cgroup"] {
        assert_eq!(ns(a.pid, kind), ns(pause.pid, kind), "{kind} of a and pause");
        assert_eq!(ns(b.pid, kind), ns(pause.pid, kind), "{kind} of b and pause");
    }
    let mounts = [pause, a, b].map(|p| ns(p.pid, "mnt"));
    assert!(mounts[0] != mounts[1] && mounts[1] != mounts[2] && mounts[0] != mounts[2], "{mounts:?}");
    // pause is PID 1 of the pod
    let inside = status_field(pause.pid, "NSpid").expect("NSpid");
    assert_eq!(inside.split_whitespace().next_back(), Some("1"), "{inside}");
    assert_eq!(status_field(pause.pid, "Name").as_deref(), Some("pause"));

    bench.lab.delete_within(&pod.uid, Some(std::time::Duration::ZERO)).expect("deleted");
    for id in [pause, a, b] {
        wait_for("all gone", || !exists(id));
    }
}
