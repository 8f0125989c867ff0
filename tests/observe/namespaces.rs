//! Namespaces that are kept alive by something other than a process.

use std::collections::BTreeSet;
use std::fs::File;
use std::os::fd::AsRawFd as _;
use std::process::{Command, Stdio};

use podscope::model::{NsId, NsKind};
use podscope::observe::{Options, identify};

use crate::support::{Helper, Watched, is_root, ns_inode};

/// Runs this program as a child and kills it. Returns the child's network namespace as the observer saw it.
fn visit(w: &mut Watched, words: &[String]) -> NsId {
    let mut child =
        Command::new(&words[0]).args(&words[1..]).stdin(Stdio::null()).spawn().expect("the program is installed");
    let id = identify(child.id()).expect("it runs");
    let own = ns_inode(std::process::id(), "net");
    w.until("the visitor", |w| {
        let p = w.world.process(id);
        p.is_some_and(|p| p.cmdline.first().is_some_and(|a| a == "sleep") && p.namespaces.get(NsKind::Net).is_some())
    });
    let inode = ns_inode(id.pid, "net");
    assert_ne!(inode, own, "it is in another namespace");
    w.until("its namespace", |w| w.process(id).namespaces.get(NsKind::Net).map(|ns| ns.ino) == inode);
    let seen = w.process(id).namespaces.get(NsKind::Net).expect("read");
    child.kill().and_then(|()| child.wait().map(drop)).expect("our child");
    w.until_gone(id);
    seen
}

fn three_visits(options: Options, words: &[String]) {
    let mut w = Watched::start(options);
    w.watch(std::process::id());
    let seen: BTreeSet<NsId> = (0..3).map(|_| visit(&mut w, words)).collect();
    let [ns] = seen.iter().copied().collect::<Vec<_>>()[..] else { panic!("one namespace became {seen:?}") };
    let known: Vec<_> =
        w.world.namespaces.values().filter(|n| n.id.ino == ns.ino && n.id.kind == NsKind::Net).collect();
    assert_eq!(known.len(), 1, "{known:?}");
    let owner = known[0].owner.expect("it has one");
    assert!(w.world.namespaces.contains_key(&owner), "the owner is reported too");
}

/// A network namespace made by `ip netns add`; removed on drop.
struct Named(String);

impl Named {
    fn new(name: &str) -> Self {
        let name = format!("podscope-{name}-{}", std::process::id());
        let done = Command::new("ip").args(["netns", "add", &name]).status().expect("iproute2 is installed");
        assert!(done.success());
        Self(name)
    }
}

impl Drop for Named {
    fn drop(&mut self) {
        let _ = Command::new("ip").args(["netns", "del", &self.0]).status();
    }
}

fn words(all: &[&str]) -> Vec<String> {
    all.iter().map(|word| (*word).to_owned()).collect()
}

#[test]
fn repeated_ip_netns_exec_runs_in_one_namespace() {
    if !is_root() {
        return;
    }
    let named = Named::new("again");
    let exec = words(&["ip", "netns", "exec", &named.0, "sleep", "1000"]);
    three_visits(Options::default(), &exec);
    three_visits(Options { namespace_ids: false, ..Options::default() }, &exec);
}

#[test]
fn an_open_file_keeps_a_namespace_alive() {
    let mut made = Helper::under(&["unshare", "--user", "--map-root-user", "--net"], "holder");
    let open = |kind: &str| File::open(format!("/proc/{}/ns/{kind}", made.pid)).expect("our own child");
    let (user, net) = (open("user"), open("net"));
    made.kill();
    let path = |file: &File| format!("/proc/{}/fd/{}", std::process::id(), file.as_raw_fd());
    let enter = words(&[
        "nsenter",
        &format!("--user={}", path(&user)),
        &format!("--net={}", path(&net)),
        "--preserve-credentials",
        "sleep",
        "1000",
    ]);
    three_visits(Options::default(), &enter);
    three_visits(Options { namespace_ids: false, ..Options::default() }, &enter);
}
