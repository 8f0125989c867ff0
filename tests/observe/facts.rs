//! What is read about processes and namespaces, compared with /proc itself.

use std::collections::BTreeSet;

use podscope::model::{Capability, Coverage, Delta, NsKind, World};
use podscope::observe::{Options, identify, once};

use crate::bpf::{Group, Started};
use crate::support::{Helper, Sentinel, Watched, ns_inode, sleeper};

fn scan(pids: Option<&[u32]>) -> (World, Vec<Delta>) {
    let deltas = once(pids).expect("/proc is there");
    let mut world = World::default();
    for delta in &deltas {
        world.apply(delta);
    }
    (world, deltas)
}

fn all_pids() -> BTreeSet<u32> {
    let entries = std::fs::read_dir("/proc").expect("/proc").flatten();
    entries.filter_map(|e| e.file_name().to_str()?.parse().ok()).collect()
}

#[test]
fn one_scan_finds_all_processes() {
    let before = all_pids();
    let (world, _) = scan(None);
    let after = all_pids();
    let seen: BTreeSet<u32> = world.present().map(|p| p.id.pid).collect();
    for pid in before.intersection(&after) {
        assert!(seen.contains(pid), "{pid} was there before and after");
    }
    let me = world.process(identify(std::process::id()).expect("we are here")).expect("seen");
    for kind in NsKind::ALL {
        assert_eq!(me.namespaces.get(kind).map(|ns| ns.ino), ns_inode(me.id.pid, kind.name()), "{kind}");
        assert!(world.is_host_ns(me.namespaces.get(kind).expect("our own")));
    }
    assert_eq!(me.uid, Some(nix::unistd::geteuid().as_raw()));
    assert_eq!(me.cmdline, std::env::args().collect::<Vec<_>>());
    assert!(me.rss_bytes > 100_000 && me.threads > 1);
    assert_eq!(me.parent.process().map(|p| p.pid), Some(std::os::unix::process::parent_id()));
}

#[test]
fn the_host_is_described() {
    let (world, _) = scan(Some(&[]));
    let read = |path: &str| std::fs::read_to_string(path).expect(path).trim().to_owned();
    assert_eq!(world.host.kernel, read("/proc/sys/kernel/osrelease"));
    assert_eq!(world.host.boot_id, read("/proc/sys/kernel/random/boot_id"));
    assert_eq!(world.host.uid, nix::unistd::geteuid().as_raw());
    assert!(world.host.anchor.unix_ns > 1_600_000_000_000_000_000);
    assert_eq!(world.host.namespaces.iter().count(), 8);
    assert_eq!(world.visibility.get(&Capability::Processes), Some(&Coverage::Full));
}

#[test]
fn only_the_chosen_pids_are_read() {
    let mut child = sleeper();
    let (world, deltas) = scan(Some(&[child.id(), u32::MAX >> 1]));
    assert_eq!(deltas.iter().filter(|d| matches!(d, Delta::Facts { .. })).count(), 1);
    let p = world.process(identify(child.id()).expect("it runs")).expect("seen");
    assert_eq!(p.parent.process().map(|p| p.pid), Some(std::process::id()));
    child.kill().and_then(|()| child.wait().map(drop)).expect("our child");
}

#[test]
fn namespaces_that_may_not_be_read_are_reported_as_missing() {
    let (world, _) = scan(Some(&[1]));
    let init = world.by_pid(1).and_then(|id| world.process(id)).expect("seen");
    // root may lack CAP_SYS_PTRACE too
    if ns_inode(1, "net").is_some() {
        assert_eq!(init.namespaces.iter().count(), 8);
    } else {
        assert_eq!(init.namespaces.iter().count(), 0);
        assert_eq!(init.nspid, [1], "status can still be read");
        assert!(world.visibility.get(&Capability::Namespaces).is_some_and(|s| !s.is_full()));
    }
}

#[test]
fn owners_and_parents_of_namespaces_are_known() {
    let flags = ["unshare", "--user", "--map-root-user", "--pid", "--net", "--uts", "--fork"];
    let pod = Helper::under(&flags, "init");
    let mut w = Watched::start(Options::default());
    w.watch(pod.wrapper_pid());
    let id = identify(pod.pid).expect("it runs");
    w.until("pause", |w| w.world.process(id).is_some_and(|p| p.pid_inside() == Some(1)));
    let p = w.process(id);
    for kind in NsKind::ALL {
        assert_eq!(p.namespaces.get(kind).map(|ns| ns.ino), ns_inode(pod.pid, kind.name()), "{kind}");
    }
    let of = |kind| &w.world.namespaces[&p.namespaces.get(kind).expect("read")];
    let own = |kind: NsKind| ns_inode(std::process::id(), kind.name());
    let user = of(NsKind::User);
    assert_eq!(user.parent.map(|ns| ns.ino), own(NsKind::User));
    assert_eq!(user.owner_uid, Some(nix::unistd::geteuid().as_raw()));
    assert_eq!(of(NsKind::Pid).parent.map(|ns| ns.ino), own(NsKind::Pid));
    for kind in [NsKind::Pid, NsKind::Net, NsKind::Uts] {
        assert_eq!(of(kind).owner, Some(user.id), "{kind} is owned by the new user namespace");
        assert!(!w.world.is_host_ns(of(kind).id));
    }
    assert!(w.world.is_host_ns(of(NsKind::Ipc).id));
}

#[test]
fn a_scan_finds_a_change_without_an_event() {
    // unshare(2) without a fork or an exec causes no event
    let mut helper = Helper::start("unsharer");
    let mut w = Watched::start(Options::without("bpf"));
    let id = w.watch(helper.pid);
    let before = w.process(id).namespaces.get(NsKind::User);
    helper.tell("go");
    let child = helper.answer_number();
    let id = identify(child).expect("it runs");
    w.until("its old namespace", |w| w.world.process(id).is_some_and(|p| p.namespaces.get(NsKind::User) == before));
    // by then it is no longer read because it has just been born
    Sentinel::start(&mut w).wait_for_scan(&mut w);
    helper.tell("leave it");
    assert_eq!(helper.answer(), "left");
    let inode = ns_inode(child, "user");
    w.until("the new namespace", |w| {
        w.world.process(id).is_some_and(|p| {
            let now = p.namespaces.get(NsKind::User);
            now != before && (inode.is_none() || now.map(|ns| ns.ino) == inode)
        })
    });
}

#[test]
fn a_scan_finds_a_sleeping_process_that_was_moved_to_another_cgroup() {
    // a group of version 2 has this file
    let Some((group, _)) = Group::new("moved", &["cgroup.events"]) else { return };
    let child = Started(sleeper());
    let mut w = Watched::start(Options::without("bpf"));
    let id = w.watch(child.id());
    let there = |pid: u32| {
        let text = std::fs::read_to_string(format!("/proc/{pid}/cgroup")).expect("it lives");
        text.lines().find_map(|line| line.strip_prefix("0::")).map(str::to_owned)
    };
    let before = there(id.pid);
    w.until("its cgroup", |w| w.process(id).cgroup.as_deref() == before.as_deref());
    // it is asleep, has been read, and does not run meanwhile
    Sentinel::start(&mut w).wait_for_scan(&mut w);
    group.add(id.pid);
    let after = there(id.pid);
    assert_ne!(after, before);
    w.until("its new cgroup", |w| w.process(id).cgroup.as_deref() == after.as_deref());
}
