//! Collects all descendants of a process that are seen while it runs.

use std::collections::{BTreeMap, BTreeSet};

/// A process: pid and start time, since pids are reused.
type Id = (u32, u64);

pub struct Descendants {
    root: u32,
    seen: BTreeMap<Id, String>,
}

impl Descendants {
    pub fn of(root: u32) -> Self {
        Self { root, seen: BTreeMap::new() }
    }

    /// Records the descendants that exist now.
    pub fn record(&mut self) {
        let all = processes();
        let mut found: BTreeSet<u32> = BTreeSet::from([self.root]);
        // a parent may be listed after its children, since pids wrap around
        loop {
            let more: Vec<_> = all.iter().filter(|p| found.contains(&p.parent) && !found.contains(&p.id.0)).collect();
            if more.is_empty() {
                return;
            }
            for process in more {
                found.insert(process.id.0);
                self.seen.insert(process.id, process.name.clone());
            }
        }
    }

    pub fn add(&mut self, others: impl IntoIterator<Item = (Id, String)>) {
        self.seen.extend(others);
    }

    pub fn is_empty(&self) -> bool {
        self.seen.is_empty()
    }

    /// The recorded processes that are still in the process table.
    pub fn remaining(&self) -> Vec<(Id, &str)> {
        let now: BTreeSet<Id> = processes().into_iter().map(|p| p.id).collect();
        self.seen.iter().filter(|(id, _)| now.contains(id)).map(|(id, name)| (*id, name.as_str())).collect()
    }
}

struct Process {
    id: Id,
    parent: u32,
    name: String,
}

fn processes() -> Vec<Process> {
    let entries = std::fs::read_dir("/proc").expect("/proc");
    entries.filter_map(|e| process(e.ok()?.file_name().to_str()?.parse().ok()?)).collect()
}

/// Fields 2, 4 and 22 of `proc_pid_stat(5)`.
fn process(pid: u32) -> Option<Process> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let (name, rest) = stat.split_once('(')?.1.rsplit_once(") ")?;
    let fields: Vec<&str> = rest.split(' ').collect();
    Some(Process { id: (pid, fields.get(19)?.parse().ok()?), parent: fields.get(1)?.parse().ok()?, name: name.into() })
}
