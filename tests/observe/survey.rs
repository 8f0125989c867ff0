//! One look at the whole machine, against a program that knows the answer and against `ps(1)`.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::process::Command;

use podscope::export::{Format, Selection, render};
use podscope::model::{Capability, Holder, Namespace, NsId, NsKind, NsSet, ProcId, Process, World};
use podscope::observe::{identify, once};
use serde_json::Value;

use crate::churn::Churn;
use crate::keeper::{Keeper, Kept};
use crate::support::{is_root, ns_inode, sleeper};

/// The machine now.
pub fn world() -> World {
    let mut world = World::default();
    for delta in once(None).expect("/proc is there") {
        world.apply(&delta);
    }
    world
}

fn namespace<'a>(world: &'a World, kept: &Kept) -> &'a Namespace {
    let found = world.namespaces.values().find(|ns| ns.id.ino == kept.ino && ns.id.kind == kept.kind);
    found.unwrap_or_else(|| panic!("{kept:?} was not found"))
}

fn members(world: &World, ns: NsId) -> Vec<u32> {
    world.ns_members(ns).map(|p| p.id.pid).collect()
}

#[test]
fn every_kind_of_holder_is_found() {
    let keeper = Keeper::start();
    let world = world();
    let process = identify(keeper.helper.pid).expect("it lives");
    let ns = |name: &str| namespace(&world, &keeper.kept[name]);
    let holders = |name: &str| ns(name).holders.as_deref().expect("they were searched for").to_vec();
    let detail = |name: &str| keeper.kept[name].details[0];

    assert_eq!(holders("thread"), [Holder::Thread { process, tid: detail("thread") }]);
    assert_eq!(holders("file"), [Holder::File { process, fd: detail("file") }]);
    assert_eq!(holders("empty"), [Holder::File { process, fd: detail("empty") }]);
    assert_eq!(holders("socket"), [Holder::Socket { process, fd: detail("socket") }]);
    let [Holder::Mount { inside, point, .. }] = &holders("mount")[..] else { panic!("{:?}", holders("mount")) };
    assert_eq!((Some(inside.ino), point), (ns_inode(keeper.helper.pid, "mnt"), &keeper.place));
    let mut without = vec!["thread", "file", "empty", "socket", "mount", "above"];
    // before Linux 6.11 nothing lists the mounts where nobody is
    if world.search.is_some_and(|search| search.mounts.failed == 0) {
        let [Holder::Mount { inside, point, .. }] = &holders("mount-in-empty")[..] else {
            panic!("{:?}", holders("mount-in-empty"))
        };
        assert_eq!((*inside, point), (ns("empty").id, &keeper.place));
        without.push("mount-in-empty");
    }
    assert_eq!(holders("above"), [], "only a namespace below keeps it");
    assert_eq!(ns("below").parent, Some(ns("above").id));
    assert_eq!(members(&world, ns("below").id), [detail("below")]);
    let outside = identify(detail("for-children")).expect("it lives");
    assert_eq!(holders("for-children"), [Holder::ForChildren { process: outside, tid: outside.pid }]);

    for name in without {
        assert!(members(&world, ns(name).id).is_empty(), "no process is in {name}");
    }
    let user = world.process(process).expect("read").namespaces.get(NsKind::User);
    for name in ["thread", "file", "empty", "socket", "mount", "for-children"] {
        assert_eq!(ns(name).owner, user, "{name}");
    }
    assert_eq!(ns("above").parent, user);
    assert_eq!(ns("above").owner_uid, Some(nix::unistd::geteuid().as_raw()));
    // nothing opens a namespace that is mounted where nobody is
    let opened = keeper.kept.keys().filter(|name| *name != "mount-in-empty");
    let unique: Vec<Option<u64>> = opened.map(|name| ns(name).unique).collect();
    let distinct: BTreeSet<_> = unique.iter().flatten().collect();
    let kernel_has_them = world.namespaces.values().any(|ns| ns.id.kind == NsKind::Uts && ns.unique.is_some());
    // before Linux 6.18 only the mount namespace has one
    assert_eq!(distinct.len(), if kernel_has_them { unique.len() } else { 1 }, "{unique:?}");
}

#[test]
fn the_holders_are_in_every_format() {
    let keeper = Keeper::start();
    let world = world();
    let kept = |name: &str| keeper.kept[name].ino;
    let pid = keeper.helper.pid;
    let json =
        |format| -> Value { serde_json::from_str(&render(&world, format, &Selection::default())).expect("valid JSON") };

    let snapshot = json(Format::Json);
    let of = |name: &str| {
        let all = snapshot["namespaces"].as_array().expect("a list");
        all.iter().find(|ns| ns["id"] == kept(name)).unwrap_or_else(|| panic!("no {name}"))
    };
    let fd = keeper.kept["file"].details[0];
    assert_eq!(of("file")["holders"], serde_json::json!([format!("/proc/{pid}/fd/{fd}")]));
    assert_eq!(of("file")["held_by"], serde_json::json!([{ "kind": "file", "pid": pid, "fd": fd }]));
    assert_eq!(of("mount")["holders"], serde_json::json!([keeper.place]));
    assert_eq!(of("above")["held_by"], serde_json::json!([]));
    assert_eq!(of("below")["parent"], kept("above"));

    let discovery = json(Format::Lxkns);
    let of = |name: &str| &discovery["namespaces"][kept(name).to_string()];
    assert_eq!(of("file")["reference"], serde_json::json!([format!("/proc/{pid}/fd/{fd}")]));
    assert_eq!(of("thread")["loose-threads"], serde_json::json!(keeper.kept["thread"].details));
    let mount = serde_json::json!([format!("/proc/{pid}/ns/mnt"), keeper.place]);
    assert_eq!(of("mount")["reference"], mount);
    assert_eq!(of("above")["children"], serde_json::json!([kept("below")]));
    assert_eq!(of("above")["user-id"], nix::unistd::geteuid().as_raw());
    assert_eq!(of("below")["leaders"], serde_json::json!(keeper.kept["below"].details));
    assert_eq!(discovery["processes"][pid.to_string()]["namespaces"]["mnt"], ns_inode(pid, "mnt").expect("read"));
}

#[test]
fn a_search_says_what_it_could_not_see() {
    let keeper = Keeper::start();
    let world = world();
    let search = world.search.expect("the whole machine was searched");
    assert!(search.links.found > 1 && search.files.found > 1, "{search:?}");
    assert!(search.mounts.found > search.mounts.unseen(), "{search:?}");
    assert!(search.sockets.found > search.sockets.unseen(), "{search:?}");
    // a process whose links are all unknown was denied, or it was about to end
    let unknown: Vec<&Process> = world.present().filter(|p| p.namespaces == NsSet::default()).collect();
    let denied = |p: &&Process| {
        let link = fs::read_link(format!("/proc/{}/ns/user", p.id));
        link.is_err_and(|e| e.kind() == std::io::ErrorKind::PermissionDenied)
    };
    let (most, least) = (unknown.len() as u32, unknown.into_iter().filter(denied).count() as u32);
    assert!((least..=most).contains(&search.links.denied), "{least} to {most}: {search:?}");
    assert!((least..=most).contains(&search.files.denied), "{least} to {most}: {search:?}");
    assert!(least > 0 || is_root(), "process 1 belongs to root");
    let coverage = world.visibility.get(&Capability::Holders).expect("it is said");
    let all = [search.links, search.files, search.threads, search.sockets, search.mounts];
    assert_eq!(coverage.is_full(), all.iter().all(|looked| looked.unseen() == 0), "{coverage:?}");
    drop(keeper);
}

#[test]
fn chosen_processes_are_read_without_a_search() {
    let mut child = sleeper();
    let id = identify(child.id()).expect("it runs");
    let mut world = World::default();
    for delta in once(Some(&[id.pid, u32::MAX / 2])).expect("it can be read") {
        world.apply(&delta);
    }
    child.kill().and_then(|()| child.wait().map(drop)).expect("our child");
    let all: Vec<ProcId> = world.present().map(|p| p.id).collect();
    assert_eq!(all, [id]);
    let own = identify(std::process::id()).expect("we are here");
    assert_eq!(world.process(id).and_then(|p| p.parent.process()), Some(own));
    assert!(world.search.is_none());
    let net = world.process(id).and_then(|p| p.namespaces.get(NsKind::Net)).expect("read");
    assert!(world.is_host_ns(net));
    assert_eq!(world.namespaces[&net].holders, None);
}

/// Processes that were there all the time: they are in both Worlds.
pub fn stayed<'a>(before: &'a World, after: &'a World) -> impl Iterator<Item = (&'a Process, &'a Process)> {
    before.present().filter_map(|p| Some((p, after.process(p.id)?)))
}

/// A kernel worker's name ends with what it does at the moment: `kworker/0:1-events`.
fn lasting_name(comm: &str) -> &str {
    if comm.starts_with("kworker/") { comm.split(['-', '+']).next().unwrap_or(comm) } else { comm }
}

/// All processes, kernel threads too. A process that `ps` does not list, or shows with another parent or name, came,
/// went, ran another program or lost its parent between the two looks around it.
fn compare_with_ps() {
    let before = world();
    let columns = ["-o", "pid=", "-o", "ppid=", "-o", "euid=", "-o", "comm="];
    let out = Command::new("ps").arg("-e").args(columns).output().expect("procps is installed");
    let after = world();
    let text = String::from_utf8_lossy(&out.stdout);
    let mut listed: BTreeMap<u32, (u32, u32, &str)> = BTreeMap::new();
    for line in text.lines() {
        let mut rest = line.trim_start();
        let mut number = || {
            let (word, more) = rest.split_once(' ').expect("more words");
            rest = more.trim_start();
            word.parse().expect("a number")
        };
        let (pid, ppid, uid) = (number(), number(), number());
        listed.insert(pid, (ppid, uid, lasting_name(rest)));
    }
    let mut compared = 0;
    for (p, again) in stayed(&before, &after) {
        let facts = |p: &Process| {
            let ppid = p.parent.process().map_or(0, |parent| parent.pid);
            (ppid, p.uid.expect("it was read"), lasting_name(&p.comm).to_owned())
        };
        if facts(p) != facts(again) || !p.is_alive() || !again.is_alive() {
            continue;
        }
        let by_ps = listed.get(&p.id.pid).unwrap_or_else(|| panic!("ps does not list {} {}", p.id, p.comm));
        let (ppid, uid, comm) = facts(p);
        assert_eq!(by_ps, &(ppid, uid, comm.as_str()), "{}", p.id);
        compared += 1;
    }
    assert!(compared > 10, "only {compared} processes stayed");
    let kernel = before.present().filter(|p| p.parent.process().is_some_and(|parent| parent.pid == 2)).count();
    let by_proc = fs::read_to_string("/proc/2/comm").is_ok_and(|comm| comm.trim() == "kthreadd");
    assert!(kernel > 0 || !by_proc, "kernel threads are processes too");
}

#[test]
fn the_processes_are_those_of_ps() {
    compare_with_ps();
}

#[test]
fn the_processes_are_those_of_ps_while_many_come_and_go() {
    let churn = Churn::start();
    let before = churn.rounds();
    for _ in 0..5 {
        compare_with_ps();
    }
    println!("{} processes came and went", churn.rounds() - before);
}
