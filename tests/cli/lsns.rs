//! Compares snapshots with `lsns(8)` of util-linux.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::process::Command;
use std::time::{Duration, Instant};

use podscope::export::Snapshot;
use serde_json::Value;

use crate::command_line::{podscope, text};

const KINDS: [&str; 8] = ["cgroup", "ipc", "mnt", "net", "pid", "time", "user", "uts"];

/// (kind, inode) → the number of processes in the namespace, and the lowest pid.
type Counts = BTreeMap<(String, u64), (u64, u64)>;

/// `None` if lsns failed, since a process ended while it was read.
fn by_lsns() -> Option<Counts> {
    let out = Command::new("lsns").args(["-J", "-l"]).output().expect("util-linux is installed");
    if !out.status.success() {
        return None;
    }
    let parsed: Value = serde_json::from_slice(&out.stdout).expect("JSON");
    let rows = parsed["namespaces"].as_array().expect("a list");
    // newer versions also list namespaces without processes
    let with_processes = rows.iter().filter(|row| row["nprocs"].as_u64() != Some(0));
    let number = |row: &Value, name: &str| row[name].as_u64().expect("a number");
    let counts = with_processes
        .map(|row| {
            let kind = row["type"].as_str().expect("a kind").to_owned();
            ((kind, number(row, "ns")), (number(row, "nprocs"), number(row, "pid")))
        })
        .collect();
    Some(counts)
}

fn by_snapshot() -> (Snapshot, Counts) {
    let out = podscope(&["snapshot"]);
    assert!(out.status.success(), "{}", text(&out.stderr));
    let snapshot: Snapshot = serde_json::from_slice(&out.stdout).expect("a snapshot");
    let with_processes = snapshot.namespaces.iter().filter(|ns| !ns.members.is_empty());
    let counts = with_processes
        .map(|ns| {
            let lowest = ns.members.iter().min().copied().unwrap_or_default();
            ((ns.kind.to_string(), ns.id), (ns.members.len() as u64, u64::from(lowest)))
        })
        .collect();
    (snapshot, counts)
}

fn by_table() -> Counts {
    let out = podscope(&["snapshot", "--format", "lsns"]);
    assert!(out.status.success(), "{}", text(&out.stderr));
    let table = text(&out.stdout);
    table
        .lines()
        .skip(1)
        .map(|line| {
            let words: Vec<&str> = line.split_whitespace().collect();
            let number = |i: usize| words[i].parse().expect("a number");
            ((words[1].to_owned(), number(0)), (number(2), number(3)))
        })
        .collect()
}

/// Every namespace link of every process that can be read.
fn links() -> BTreeSet<(u32, &'static str, u64)> {
    let pids = fs::read_dir("/proc").expect("/proc").flatten().filter_map(|e| e.file_name().to_str()?.parse().ok());
    pids.flat_map(|pid: u32| {
        KINDS.into_iter().filter_map(move |kind| {
            let link = fs::read_link(format!("/proc/{pid}/ns/{kind}")).ok()?;
            let ino = link.to_str()?.split(['[', ']']).nth(1)?.parse().ok()?;
            Some((pid, kind, ino))
        })
    })
    .collect()
}

/// A zombie child, which is still in two namespaces. Its user namespace is its own.
struct Zombie(std::process::Child);

impl Zombie {
    fn new() -> Self {
        let child = Command::new("unshare").args(["--user", "true"]).spawn().unwrap();
        let stat = format!("/proc/{}/stat", child.id());
        while !fs::read_to_string(&stat).unwrap().contains(") Z ") {
            std::thread::yield_now();
        }
        Self(child)
    }
}

impl Drop for Zombie {
    fn drop(&mut self) {
        let _ = self.0.wait();
    }
}

#[test]
fn every_count_equals_that_of_lsns() {
    let _zombie = Zombie::new();
    let deadline = Instant::now() + Duration::from_mins(2);
    loop {
        // The first moment in which no process starts or ends decides. A process that lives for less time than one
        // reading takes is in at most one of two readings.
        let before = links();
        let lsns = by_lsns();
        let (_, snapshot) = by_snapshot();
        let table = by_table();
        let same = lsns == by_lsns() && snapshot == by_snapshot().1 && table == by_table();
        let quiet = same && before == links();
        if let Some(lsns) = lsns.filter(|_| quiet) {
            assert_eq!(snapshot, lsns);
            assert_eq!(table, lsns);
            return;
        }
        assert!(Instant::now() < deadline, "the machine is never quiet");
    }
}

#[test]
fn every_process_is_in_the_namespaces_that_proc_shows() {
    let zombie = Zombie::new();
    let before = links();
    let (snapshot, _) = by_snapshot();
    let after = links();
    let mut listed = BTreeSet::new();
    for ns in &snapshot.namespaces {
        for kind in KINDS.into_iter().filter(|kind| *kind == ns.kind.name()) {
            listed.extend(ns.members.iter().map(|pid| (*pid, kind, ns.id)));
        }
    }
    let of_zombie = snapshot.processes.iter().find(|p| p.pid == zombie.0.id()).expect("the zombie is listed");
    let kept = serde_json::to_value(of_zombie.namespaces).expect("JSON");
    let kept: Vec<_> = kept.as_object().expect("by kind").iter().filter(|(_, id)| !id.is_null()).collect();
    assert_eq!(
        kept.iter().map(|(kind, _)| kind.as_str()).collect::<Vec<_>>(),
        ["pid", "user"],
        "a zombie keeps only these"
    );
    let missing: Vec<_> = before.intersection(&after).filter(|link| !listed.contains(link)).collect();
    assert!(missing.is_empty(), "{missing:?}");
    let kernel = after.iter().filter(|(pid, ..)| *pid == 2).count();
    assert!(kernel == 8 || !nix::unistd::geteuid().is_root(), "root sees those of kthreadd, pid 2");
}
