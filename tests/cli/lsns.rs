//! Compares snapshots with `lsns(8)` of util-linux.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use podscope::export::Snapshot;
use serde_json::Value;

use crate::command_line::{podscope, text};

const KINDS: [&str; 8] = ["cgroup", "ipc", "mnt", "net", "pid", "time", "user", "uts"];

const PATIENCE: Duration = Duration::from_secs(30);

/// (kind, inode) → the number of processes in the namespace, and the lowest pid.
type Counts = BTreeMap<(String, u64), (u64, u64)>;

/// What it prints. Waits until lsns succeeds: it fails if a process ends while it reads that process.
fn output_of(command: &mut Command) -> String {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let out = command.stdin(Stdio::null()).output().expect("util-linux is installed");
        if out.status.success() {
            return text(&out.stdout);
        }
        assert!(Instant::now() < deadline, "lsns fails: {}{}", text(&out.stdout), text(&out.stderr));
    }
}

fn by_lsns() -> Counts {
    let out = output_of(Command::new("lsns").args(["-J", "-l"]));
    let parsed: Value = serde_json::from_str(&out).expect("JSON");
    let rows = parsed["namespaces"].as_array().expect("a list");
    // newer versions also list namespaces without processes
    let with_processes = rows.iter().filter(|row| row["nprocs"].as_u64() != Some(0));
    let number = |row: &Value, name: &str| row[name].as_u64().expect("a number");
    with_processes
        .map(|row| {
            let kind = row["type"].as_str().expect("a kind").to_owned();
            ((kind, number(row, "ns")), (number(row, "nprocs"), number(row, "pid")))
        })
        .collect()
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

/// The namespace that a link leads to, such as `net:[4026531833]`.
fn namespace(link: impl AsRef<Path>) -> (String, u64) {
    let name = fs::read_link(link).expect("our own process").to_string_lossy().into_owned();
    let (kind, number) = name.split_once(":[").expect("a kind and a number");
    (kind.to_owned(), number.trim_end_matches(']').parse().expect("a number"))
}

/// A zombie child, which is still in two namespaces. Its user namespace is its own.
struct Zombie(Child);

impl Zombie {
    fn new() -> Self {
        // reaped when it is dropped, also if it does not end
        let zombie = Self(Command::new("unshare").args(["--user", "true"]).spawn().unwrap());
        let stat = format!("/proc/{}/stat", zombie.0.id());
        let deadline = Instant::now() + PATIENCE;
        loop {
            let stat = fs::read_to_string(&stat).unwrap();
            if stat.contains(") Z ") {
                return zombie;
            }
            assert!(Instant::now() < deadline, "it has not ended: {stat}");
            std::thread::sleep(Duration::from_millis(2));
        }
    }
}

impl Drop for Zombie {
    fn drop(&mut self) {
        let _ = self.0.wait();
    }
}

/// Several processes in namespaces of their own, one of each kind. No other process enters or leaves them.
struct Apart(Child);

impl Apart {
    fn new() -> Self {
        let kinds = ["--cgroup", "--ipc", "--mount", "--net", "--pid", "--time", "--user", "--uts"];
        let script = "sleep 300 & sleep 300 & echo all are there; wait";
        let mut command = Command::new("unshare");
        command.args(kinds).args(["--map-root-user", "--fork", "--kill-child", "sh", "-c", script]);
        let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn().expect("util-linux is installed");
        let mut line = String::new();
        BufReader::new(child.stdout.take().expect("piped")).read_line(&mut line).expect("UTF-8");
        assert_eq!(line, "all are there\n");
        Self(child)
    }

    /// The process itself is not in the pid and time namespaces, but its children are.
    fn namespaces(&self) -> BTreeSet<(String, u64)> {
        let file =
            |kind| if ["pid", "time"].contains(&kind) { format!("{kind}_for_children") } else { kind.to_owned() };
        KINDS.into_iter().map(|kind| namespace(format!("/proc/{}/ns/{}", self.0.id(), file(kind)))).collect()
    }
}

impl Drop for Apart {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Other tests start and end processes meanwhile, so only namespaces that none of them is in are compared.
#[test]
fn the_counts_of_namespaces_equal_those_of_lsns() {
    let (zombie, apart) = (Zombie::new(), Apart::new());
    let mut ours = apart.namespaces();
    ours.insert(namespace(format!("/proc/{}/ns/user", zombie.0.id())));
    let of_ours = |counts: Counts| counts.into_iter().filter(|(ns, _)| ours.contains(ns)).collect::<Counts>();
    let lsns = of_ours(by_lsns());
    let counts: Vec<u64> = lsns.values().map(|(count, _)| *count).collect();
    // unshare, its shell and two sleeps; the zombie is alone, and unshare stays in the pid and time namespaces of before
    assert_eq!((counts.len(), counts.iter().sum::<u64>()), (9, 6 * 4 + 2 * 3 + 1), "{lsns:?}");
    assert_eq!(of_ours(by_snapshot().1), lsns);
    assert_eq!(of_ours(by_table()), lsns);
}

/// What a command prints on a terminal of this width.
fn on_terminal(words: &str, width: u32) -> String {
    let shell = format!("stty cols {width} rows 24; {words}");
    output_of(Command::new("script").args(["-qec", &shell, "/dev/null"])).replace('\r', "")
}

/// The rows of a table for these namespaces: the columns but the last with single spaces, and the command. Also where
/// the commands begin, which depends on all rows.
fn rows_of(table: &str, namespaces: &BTreeSet<(String, u64)>) -> (usize, Vec<(String, String)>) {
    let head = table.lines().next().expect("it has a head");
    let offset = head.find("COMMAND").unwrap_or_else(|| panic!("no last column in {table}"));
    let rows = table.lines().skip(1).map(|line| {
        let columns: String = line.chars().take(offset).collect();
        let command = line.chars().skip(offset).collect();
        (columns.split_whitespace().collect::<Vec<_>>().join(" "), command)
    });
    let is_ours = |columns: &str| {
        let mut words = columns.split(' ');
        let ns = words.next().and_then(|word| word.parse().ok());
        ns.zip(words.next()).is_some_and(|(ns, kind)| namespaces.contains(&(kind.to_owned(), ns)))
    };
    (offset, rows.filter(|(columns, _)| is_ours(columns)).collect())
}

/// Processes of other tests change how wide the columns are, so each command is compared with as much of it as has room
/// beside them.
#[test]
fn the_table_equals_that_of_lsns_on_a_terminal_and_in_a_file() {
    let apart = Apart::new();
    let ours = apart.namespaces();
    let podscope = env!("CARGO_BIN_EXE_podscope");
    for locale in ["C", "C.UTF-8"] {
        let in_file = |program: &str, args: &[&str]| {
            rows_of(&output_of(Command::new(program).args(args).env("LC_ALL", locale)), &ours).1
        };
        let whole = in_file("lsns", &[]);
        assert_eq!(whole.len(), 8, "{whole:?}");
        assert_eq!(in_file(podscope, &["snapshot", "--format", "lsns"]), whole, "{locale}");
        for width in [200, 60, 20] {
            for program in ["lsns", &format!("{podscope} snapshot --format lsns")] {
                // lsns complains there about processes that end meanwhile
                let table = on_terminal(&format!("LC_ALL={locale} {program} 2>/dev/null"), width);
                let (offset, rows) = rows_of(&table, &ours);
                let room = (width as usize).saturating_sub(offset).max("COMMAND".len());
                let cut = |command: &String| command.chars().take(room).collect::<String>();
                let expected: Vec<_> = whole.iter().map(|(columns, command)| (columns.clone(), cut(command))).collect();
                assert_eq!(rows, expected, "{program} with {locale} and {width} columns");
            }
        }
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
