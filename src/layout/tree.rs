//! The process tree as rows.

use std::collections::{BTreeMap, BTreeSet};

use crate::model::{ProcId, Process, World};

/// The column to sort by. Only siblings are sorted, so the tree stays a tree.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub enum Column {
    #[default]
    Pid,
    PidInPod,
    Parent,
    State,
    Threads,
    Cpu,
    Memory,
    Pod,
    Age,
    Command,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    pub id: ProcId,
    pub depth: usize,
    /// For each ancestor, from the topmost: whether siblings of it follow further down.
    pub continues: Vec<bool>,
    /// No sibling follows.
    pub is_last: bool,
    pub has_children: bool,
    /// Only a descendant of it matches the filter.
    pub is_only_ancestor: bool,
}

/// Which rows to show, and in which order.
#[derive(Clone, Debug, Default)]
pub struct Query<'a> {
    /// Words that the title, pid, pod or member must contain. Upper and lower case are the same.
    pub filter: &'a str,
    pub sort: Column,
    pub descending: bool,
    pub collapsed: Option<&'a BTreeSet<ProcId>>,
}

/// Flattens the tree of processes that have not been reaped. The ancestors of a match are kept.
pub fn rows(world: &World, query: &Query<'_>) -> Vec<Row> {
    let present: BTreeMap<ProcId, &Process> = world.present().map(|p| (p.id, p)).collect();
    let mut children: BTreeMap<Option<ProcId>, Vec<&Process>> = BTreeMap::new();
    for p in present.values() {
        let parent = p.parent.process().filter(|id| present.contains_key(id) && *id != p.id);
        children.entry(parent).or_default().push(p);
    }
    for list in children.values_mut() {
        sort(world, list, query);
    }
    let needle = query.filter.trim().to_lowercase();
    let matching: BTreeSet<ProcId> =
        present.values().filter(|p| needle.is_empty() || matches(world, p, &needle)).map(|p| p.id).collect();
    let mut keep = matching.clone();
    for id in &matching {
        let mut at = present.get(id).and_then(|p| p.parent.process());
        while let Some(parent) = at.filter(|id| present.contains_key(id)) {
            if !keep.insert(parent) {
                break;
            }
            at = present.get(&parent).and_then(|p| p.parent.process());
        }
    }
    let mut walk =
        Walk { children: &children, keep: &keep, matching: &matching, collapsed: query.collapsed, out: Vec::new() };
    walk.level(None, &mut Vec::new());
    walk.out
}

struct Walk<'a> {
    children: &'a BTreeMap<Option<ProcId>, Vec<&'a Process>>,
    keep: &'a BTreeSet<ProcId>,
    matching: &'a BTreeSet<ProcId>,
    collapsed: Option<&'a BTreeSet<ProcId>>,
    out: Vec<Row>,
}

impl Walk<'_> {
    fn level(&mut self, parent: Option<ProcId>, continues: &mut Vec<bool>) {
        let Some(list) = self.children.get(&parent) else { return };
        let shown: Vec<ProcId> = list.iter().map(|p| p.id).filter(|id| self.keep.contains(id)).collect();
        for (i, id) in shown.iter().enumerate() {
            let has_children =
                self.children.get(&Some(*id)).is_some_and(|c| c.iter().any(|p| self.keep.contains(&p.id)));
            self.out.push(Row {
                id: *id,
                depth: continues.len(),
                continues: continues.clone(),
                is_last: i + 1 == shown.len(),
                has_children,
                is_only_ancestor: !self.matching.contains(id),
            });
            let open = self.collapsed.is_none_or(|c| !c.contains(id));
            if has_children && open && continues.len() < 512 {
                continues.push(i + 1 < shown.len());
                self.level(Some(*id), continues);
                continues.pop();
            }
        }
    }
}

fn matches(world: &World, p: &Process, needle: &str) -> bool {
    let pod = p.member.as_ref().and_then(|m| world.pod(&m.pod));
    let hay = format!(
        "{} {} {} {} {}",
        p.title(),
        p.id.pid,
        p.pid_in_pod().map_or(String::new(), |n| n.to_string()),
        p.member.as_ref().map_or("", |m| m.name()),
        pod.map_or("", |p| p.name.as_str()),
    );
    let hay = hay.to_lowercase();
    needle.split_whitespace().all(|word| hay.contains(word))
}

fn sort(world: &World, list: &mut [&Process], query: &Query<'_>) {
    let pod = |p: &Process| p.member.as_ref().map(|m| (world.pod(&m.pod).map(|p| p.name.clone()), m.container.clone()));
    match query.sort {
        Column::Pid => list.sort_by_key(|p| p.id.pid),
        Column::PidInPod => list.sort_by_key(|p| (p.pid_in_pod(), p.id)),
        Column::Parent => list.sort_by_key(|p| (p.parent.process(), p.id)),
        Column::State => list.sort_by_key(|p| (p.state, p.id)),
        Column::Threads => list.sort_by_key(|p| (p.threads, p.id)),
        Column::Cpu => list.sort_by_key(|p| (p.cpu.permille, p.cpu.time_ns, p.id)),
        Column::Memory => list.sort_by_key(|p| (p.rss_bytes, p.id)),
        Column::Pod => list.sort_by_cached_key(|p| (pod(p), p.id)),
        Column::Age => list.sort_by_key(|p| (std::cmp::Reverse(p.born.t), p.id)),
        Column::Command => list.sort_by_cached_key(|p| (p.title(), p.id)),
    }
    if query.descending {
        list.reverse();
    }
}
