//! One look at the whole machine against `lsns(8)`, while other tests start and end processes.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::process::Command;
use std::time::{Duration, Instant};

use podscope::export::{Format, Selection, render};
use podscope::model::{NsId, NsKind, ProcId, Process, State, World};
use serde_json::Value;

use crate::churn::Churn;
use crate::keeper::Keeper;
use crate::survey::{stayed, world};

const COLUMNS: &str = "NS,TYPE,PATH,NPROCS,PID,PPID,COMMAND,UID,USER,NETNSID,NSFS,PNS,ONS";

/// Only a failing test waits this long.
const PATIENCE: Duration = Duration::from_secs(30);

/// Rows of `lsns` by namespace.
fn rows(json: &str) -> BTreeMap<u64, Value> {
    let parsed: Value = serde_json::from_str(json).expect("JSON");
    let rows = parsed["namespaces"].as_array().expect("a list").clone();
    // newer versions also list namespaces without processes
    let rows = rows.into_iter().filter(|row| row["nprocs"].as_u64() != Some(0));
    rows.map(|row| (row["ns"].as_u64().expect("a number"), row)).collect()
}

/// `lsns` fails if a process ends while it reads that process.
fn by_lsns() -> BTreeMap<u64, Value> {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let out = Command::new("lsns").args(["-J", "-l", "-o", COLUMNS]).output().expect("util-linux is installed");
        if out.status.success() {
            return rows(&String::from_utf8_lossy(&out.stdout));
        }
        assert!(Instant::now() < deadline, "lsns fails: {}", String::from_utf8_lossy(&out.stderr));
    }
}

fn by_us(world: &World) -> BTreeMap<u64, Value> {
    rows(&render(world, Format::LsnsJson, &Selection::default()))
}

/// How many processes and threads were started since boot.
fn births() -> u64 {
    let text = fs::read_to_string("/proc/stat").expect("/proc is there");
    text.lines().find_map(|line| line.strip_prefix("processes ")?.parse().ok()).expect("the kernel counts them")
}

/// A zombie has left all but two.
fn is_in(p: &Process, ns: NsId) -> bool {
    p.namespaces.get(ns.kind) == Some(ns) && (p.state != State::Zombie || matches!(ns.kind, NsKind::User | NsKind::Pid))
}

fn members(world: &World, ns: NsId) -> BTreeSet<ProcId> {
    world.present().filter(|p| is_in(p, ns)).map(|p| p.id).collect()
}

/// Between the two looks `lsns` itself and processes of other tests came and went. Therefore the rules are:
///
/// - a process that was in a namespace before and after is counted, and no more than those, those that came or went,
///   and those that were born meanwhile;
/// - the lowest pid is that of the oldest of them or a lower one, which came or went;
/// - everything else that did not change between our two looks is equal.
fn compare() {
    let keeper = Keeper::start();
    let began = births();
    let before = world();
    let lsns = by_lsns();
    let after = world();
    let born = births() - began;
    let (first, second) = (by_us(&before), by_us(&after));
    let mut equal = 0;
    for ns in before.namespaces.keys().filter(|ns| after.namespaces.contains_key(*ns)) {
        let then = members(&before, *ns);
        let now = members(&after, *ns);
        let both: BTreeSet<ProcId> = then.intersection(&now).copied().collect();
        let Some(row) = lsns.get(&ns.ino) else {
            assert!(both.is_empty(), "lsns does not list {ns} with {both:?}");
            continue;
        };
        let count = row["nprocs"].as_u64().expect("a number");
        let most = then.union(&now).count() as u64 + born;
        assert!((both.len() as u64..=most).contains(&count), "{ns}: lsns counts {count}, we {then:?} and {now:?}");
        let (Some(ours), Some(again)) = (first.get(&ns.ino), second.get(&ns.ino)) else { continue };
        let lowest = both.iter().map(|id| id.pid).min();
        let pid = row["pid"].as_u64().expect("a number") as u32;
        assert!(lowest.is_none_or(|lowest| pid <= lowest), "{ns}: lsns shows {pid}, we {lowest:?}");
        if Some(pid) != lowest {
            continue;
        }
        for (name, value) in row.as_object().expect("an object").iter().filter(|(name, _)| *name != "nprocs") {
            assert!(ours[name] != again[name] || &ours[name] == value, "{ns}: {name} is {value}, not {}", ours[name]);
        }
        if ours == again && ours == row {
            equal += 1;
        }
    }
    for (ns, row) in &lsns {
        let is_known = first.contains_key(ns) || second.contains_key(ns);
        assert!(is_known || born > 0, "we do not list {row}");
    }
    // nothing else enters those of the keeper
    for pid in [keeper.helper.pid, keeper.kept["below"].details[0]] {
        for kind in ["mnt", "user"] {
            let ino = crate::support::ns_inode(pid, kind).expect("our own");
            assert_eq!((first.get(&ino), second.get(&ino)), (lsns.get(&ino), lsns.get(&ino)));
            assert!(lsns.contains_key(&ino), "{kind} of {pid}");
        }
    }
    println!("{equal} of {} namespaces were equal in all columns", lsns.len());
    assert!(stayed(&before, &after).count() > 1);
}

#[test]
fn every_namespace_is_that_of_lsns() {
    compare();
}

#[test]
fn every_namespace_is_that_of_lsns_while_many_come_and_go() {
    let churn = Churn::start();
    let before = churn.rounds();
    for _ in 0..3 {
        compare();
    }
    println!("{} processes with namespaces of their own came and went", churn.rounds() - before);
}
