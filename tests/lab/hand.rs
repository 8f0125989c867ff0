//! The image `podscope/hand`: changes its namespaces with one system call at a time.

use podscope::lab::NamespaceStep;
use podscope::lab::spec::ContainerSpec;
use podscope::model::{Member, NsKind};

use crate::support::{Bench, KINDS, children, container, ns, pause, process, spec, status_field, wait_for};

fn links(pid: u32) -> [u64; 8] {
    KINDS.map(|kind| ns(pid, kind))
}

/// The kinds in which two readings differ.
fn differing(a: [u64; 8], b: [u64; 8]) -> Vec<&'static str> {
    KINDS.into_iter().zip(a.into_iter().zip(b)).filter(|(_, (a, b))| a != b).map(|(kind, _)| kind).collect()
}

#[test]
fn each_step_changes_only_the_named_namespace_links() {
    let mut bench = Bench::new();
    let hand = ContainerSpec { name: "hand".to_owned(), image: "podscope/hand".to_owned(), ..ContainerSpec::default() };
    let pod = bench.run(spec("by-hand", true, vec![hand, container("b", "exec sleep 1000")]));
    let (member, pid) = (Member::container(&pod.uid, "hand"), process(&pod, "hand").pid);
    let pause = pause(&pod).pid;
    assert_eq!(differing(links(pid), links(pause)), ["cgroup", "mnt"]);

    let mut before = links(pid);
    let mut step = |what: NamespaceStep, want: &[&str]| {
        bench.lab.change_namespaces(&member, what.clone()).unwrap_or_else(|e| panic!("{what:?}: {e}"));
        let after = links(pid);
        assert_eq!(differing(before, after), want, "{what:?}");
        before = after;
    };
    step(NamespaceStep::Unshare(vec![NsKind::Net, NsKind::Uts]), &["net", "uts"]);
    step(NamespaceStep::Unshare(vec![NsKind::Cgroup, NsKind::Ipc, NsKind::Mnt]), &["cgroup", "ipc", "mnt"]);
    let back = |kinds: &[NsKind]| NamespaceStep::Join { kinds: kinds.to_vec(), target: Member::pause(&pod.uid) };
    step(back(&[NsKind::Net]), &["net"]);
    assert_eq!(ns(pid, "net"), ns(pause, "net"));
    step(back(&[NsKind::Uts, NsKind::Ipc]), &["ipc", "uts"]);
    // only its children enter a new pid namespace
    step(NamespaceStep::Unshare(vec![NsKind::Pid]), &[]);
    wait_for("its child", || {
        children(pid).iter().any(|child| {
            status_field(*child, "Name").as_deref() == Some("hand: child")
                && status_field(*child, "NSpid").is_some_and(|pids| pids.ends_with("\t1"))
        })
    });
    // in a new user namespace it is root, but has no rights over the pod's namespaces
    step(NamespaceStep::Unshare(vec![NsKind::User]), &["user"]);
    let why = bench.lab.change_namespaces(&member, back(&[NsKind::Net])).expect_err("no way back");
    assert!(why.to_string().contains("Operation not permitted"), "{why}");
    // the error for another image names the right one
    let other = Member::container(&pod.uid, "b");
    let why = bench.lab.change_namespaces(&other, NamespaceStep::Unshare(vec![NsKind::Net])).expect_err("no");
    assert!(why.to_string().contains("podscope/hand"), "{why}");
}
