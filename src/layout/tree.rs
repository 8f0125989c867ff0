//! The processes as rows: a tree in which siblings are sorted, or a sorted list.

mod column;
mod filter;

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::model::{PodUid, ProcId, Process, World};
use column::SortKey;

pub use column::Column;
pub use filter::{Filter, SYNTAX};

/// How the rows are arranged.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Shape {
    /// Each process below its parent. Siblings are sorted.
    #[default]
    Tree,
    /// All processes are sorted, whatever their parents are.
    List,
}

/// Where each process was in rows that were made before.
pub type Places = BTreeMap<ProcId, usize>;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    pub id: ProcId,
    pub depth: usize,
    /// The row of its parent.
    pub parent: Option<usize>,
    /// No sibling follows.
    pub is_last: bool,
    pub has_children: bool,
    /// How many processes below it have no row because it is folded.
    pub hidden: usize,
    /// Only a descendant of it matches the filter.
    pub is_only_ancestor: bool,
}

/// Which rows to show, and in which order.
#[derive(Clone, Debug, Default)]
pub struct Query<'a> {
    /// See [`SYNTAX`].
    pub filter: &'a str,
    /// Only the processes of this pod.
    pub pod: Option<&'a PodUid>,
    pub shape: Shape,
    pub sort: Column,
    pub descending: bool,
    /// The rows that are folded. One that is shown only for its descendants is open all the same.
    pub collapsed: Option<&'a BTreeSet<ProcId>>,
    /// Keep this order instead of sorting. What is new comes last.
    pub keep: Option<&'a Places>,
}

/// The rows, and what they were chosen from.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rows {
    pub rows: Vec<Row>,
    /// How many processes match the filter.
    pub matching: usize,
    /// How many there are to choose from.
    pub total: usize,
    /// What of the filter is not understood.
    pub problem: Option<String>,
}

/// The processes that have not been reaped, as rows. In a tree the ancestors of a match are kept.
pub fn rows(world: &World, query: &Query<'_>) -> Rows {
    let all: Vec<&Process> = match query.pod {
        Some(pod) => world.pod_processes(pod).collect(),
        None => world.present().collect(),
    };
    let filter = Filter::parse(query.filter, world);
    let matching: Vec<bool> = all.iter().map(|p| filter.matches(world, p)).collect();
    let order = sorted(world, &all, query);
    let rows = match query.shape {
        Shape::List => list(&all, &order, &matching),
        Shape::Tree => Tree::new(&all, &order, &matching, query.collapsed).rows(),
    };
    let count = matching.iter().filter(|matches| **matches).count();
    Rows { rows, matching: count, total: all.len(), problem: filter.problem().map(str::to_owned) }
}

impl Rows {
    pub fn place(&self, id: ProcId) -> Option<usize> {
        self.rows.iter().position(|row| row.id == id)
    }

    pub fn places(&self) -> Places {
        self.rows.iter().enumerate().map(|(at, row)| (row.id, at)).collect()
    }

    /// For each level left of a row's own, from the topmost: whether a line goes on there to a sibling further down.
    pub fn lines(&self, row: &Row) -> Vec<bool> {
        let above = std::iter::successors(row.parent, |at| self.rows.get(*at)?.parent);
        // the topmost rows have no lines between them
        let mut lines: Vec<bool> =
            above.filter_map(|at| self.rows.get(at)).filter(|row| row.depth > 0).map(|row| !row.is_last).collect();
        lines.reverse();
        lines
    }
}

fn list(all: &[&Process], order: &[usize], matching: &[bool]) -> Vec<Row> {
    let row = |at: &usize| Row {
        id: all[*at].id,
        depth: 0,
        parent: None,
        is_last: false,
        has_children: false,
        hidden: 0,
        is_only_ancestor: false,
    };
    order.iter().filter(|at| matching[**at]).map(row).collect()
}

/// The processes of a tree, by their places in the order of (pid, start).
struct Tree<'a> {
    all: &'a [&'a Process],
    order: &'a [usize],
    matching: &'a [bool],
    /// A match, or an ancestor of one.
    kept: Vec<bool>,
    parents: Vec<Option<usize>>,
    /// The kept children of each process, in the order of the rows.
    children: Vec<Vec<usize>>,
    collapsed: Option<&'a BTreeSet<ProcId>>,
}

/// A process that is to get a row.
struct Next {
    at: usize,
    depth: usize,
    parent: Option<usize>,
    is_last: bool,
}

impl<'a> Tree<'a> {
    fn new(
        all: &'a [&'a Process],
        order: &'a [usize],
        matching: &'a [bool],
        collapsed: Option<&'a BTreeSet<ProcId>>,
    ) -> Self {
        let place = |id: ProcId| all.binary_search_by_key(&id, |p| p.id).ok();
        let parents: Vec<Option<usize>> =
            all.iter().map(|p| p.parent.process().filter(|id| *id != p.id).and_then(place)).collect();
        let mut kept = vec![false; all.len()];
        for at in (0..all.len()).filter(|at| matching[*at]) {
            let mut up = Some(at);
            while let Some(next) = up.filter(|next| !std::mem::replace(&mut kept[*next], true)) {
                up = parents[next];
            }
        }
        let mut children = vec![Vec::new(); all.len()];
        for at in order.iter().copied().filter(|at| kept[*at]) {
            if let Some(parent) = parents[at] {
                children[parent].push(at);
            }
        }
        Self { all, order, matching, kept, parents, children, collapsed }
    }

    fn rows(&self) -> Vec<Row> {
        let mut rows = Vec::new();
        let mut seen = vec![false; self.all.len()];
        let kept: Vec<usize> = self.order.iter().copied().filter(|at| self.kept[*at]).collect();
        let roots: Vec<usize> = kept.iter().copied().filter(|at| self.parents[*at].is_none()).collect();
        self.add(&mut rows, &mut seen, &roots);
        // a reused pid can make a circle for a moment: then none of it has a topmost row
        for at in kept {
            if !seen[at] {
                self.add(&mut rows, &mut seen, &[at]);
            }
        }
        rows
    }

    fn add(&self, rows: &mut Vec<Row>, seen: &mut [bool], roots: &[usize]) {
        let below = |list: &[usize], depth: usize, parent: Option<usize>| -> Vec<Next> {
            let last = list.len().saturating_sub(1);
            let next = |(nth, at): (usize, &usize)| Next { at: *at, depth, parent, is_last: nth == last };
            list.iter().enumerate().map(next).rev().collect()
        };
        let mut open = below(roots, 0, None);
        while let Some(Next { at, depth, parent, is_last }) = open.pop() {
            if std::mem::replace(&mut seen[at], true) {
                continue;
            }
            let (id, children) = (self.all[at].id, &self.children[at]);
            let is_only_ancestor = !self.matching[at];
            let is_folded = !is_only_ancestor && self.collapsed.is_some_and(|collapsed| collapsed.contains(&id));
            let hidden = if is_folded { self.hide_below(at, seen) } else { 0 };
            let row = rows.len();
            let has_children = !children.is_empty();
            rows.push(Row { id, depth, parent, is_last, has_children, hidden, is_only_ancestor });
            if !is_folded {
                open.extend(below(children, depth + 1, Some(row)));
            }
        }
    }

    /// Marks what is below a folded row as seen. Returns how many there are.
    fn hide_below(&self, at: usize, seen: &mut [bool]) -> usize {
        let mut count = 0;
        let mut open: Vec<usize> = self.children[at].clone();
        while let Some(at) = open.pop() {
            if !std::mem::replace(&mut seen[at], true) {
                count += 1;
                open.extend(&self.children[at]);
            }
        }
        count
    }
}

/// The places of all processes in the order of the rows. Equal ones are in the order of (pid, start).
fn sorted(world: &World, all: &[&Process], query: &Query<'_>) -> Vec<usize> {
    let mut order: Vec<usize> = (0..all.len()).collect();
    if let Some(places) = query.keep {
        order.sort_by_key(|at| places.get(&all[*at].id).copied().unwrap_or(usize::MAX));
        return order;
    }
    let is_in_order = query.sort == Column::Pid && !query.descending;
    if !is_in_order {
        let key = |at: &usize| query.sort.key(world, all[*at]);
        if query.descending {
            order.sort_by_cached_key(|at| {
                let key = key(at);
                (key == SortKey::None, Reverse(key))
            });
        } else {
            order.sort_by_cached_key(key);
        }
    }
    order
}
