//! The processes of one member as pills in rows, with the lines from parents to children.

use std::collections::BTreeMap;

use super::folds::{Alike, Fold};
use super::{
    Arrangement, Column, ColumnShape, HEAD_H, HEXAGON, HEXAGON_FOOT, Link, MIN_COLUMN_H, MIN_ROWS, MemberRows, PAD,
    PILL_STEP, Pill,
};
use crate::layout::Rect;
use crate::layout::slots::{Unit, rows};
use crate::model::names::is_ns_init;
use crate::model::{MonoNs, ProcId, Process, World};

const PILL_H: f32 = 36.0;
/// Small pills, for processes of a former run: two rows of them in one ordinary row, and as many side by side as fit.
const SMALL_H: f32 = 17.0;
const SMALL_STEP: f32 = PILL_STEP / 2.0;
const SMALL_MIN_W: f32 = 100.0;
const SIDE_GAP: f32 = 6.0;
/// The pills of an open fold are side by side where they fit.
const MEMBER_MIN_W: f32 = 168.0;
/// If there are more rows than this, a last row says how many processes are in them.
const MAX_ROWS: usize = 512;
/// Below this width of a column, indents and edges are narrow.
const NARROW: f32 = 220.0;

/// The place and the widths of a column.
#[derive(Clone, Copy, Debug)]
pub(super) struct Metrics {
    x: f32,
    w: f32,
    pad: f32,
    indent: f32,
}

impl Metrics {
    pub fn of(x: f32, w: f32) -> Self {
        let (pad, indent) = if w < NARROW { (8.0, 12.0) } else { (PAD, 24.0) };
        Self { x, w, pad, indent }
    }

    /// The pill in a row, at this depth below the first process.
    fn pill(&self, top: f32, row: usize, depth: f32) -> Rect {
        let indent = depth * self.indent;
        let y = top + row as f32 * PILL_STEP;
        Rect::new(self.x + self.pad + indent, y, self.w - 2.0 * self.pad - indent, PILL_H)
    }
}

/// The column of a member, as high as its processes need it.
pub(super) fn column(
    world: &World,
    member: MemberRows<'_>,
    metrics: &Metrics,
    arrangement: &Arrangement,
    pause: Option<ProcId>,
    now: MonoNs,
) -> Column {
    let MemberRows { member, shown, folded, shape } = member;
    let is_pause = member.container.is_none();
    let hexagon = is_pause.then(|| {
        // near the top, so that it is visible however many processes the other members have
        let y = HEAD_H + (MIN_COLUMN_H - HEAD_H - 44.0 - HEXAGON).max(0.0) / 2.0;
        Rect::new(metrics.x + (metrics.w - HEXAGON) / 2.0, y, HEXAGON, HEXAGON)
    });
    let top = hexagon.map_or(HEAD_H, |hexagon| hexagon.bottom() + HEXAGON_FOOT);
    let mut column = Column {
        member,
        rect: Rect::new(metrics.x, 0.0, metrics.w, MIN_COLUMN_H),
        hexagon,
        shape,
        pills: Vec::new(),
        folds: Vec::new(),
        links: Vec::new(),
        more: None,
    };
    if shape != ColumnShape::Open {
        return column;
    }
    // pause itself is the hexagon
    let is_drawn = |id: &ProcId| !(is_pause && world.process(*id).is_some_and(is_ns_init));
    let mut by_row: Vec<(usize, ProcId)> = shown.rows.iter().map(|(id, row)| (*row, *id)).collect();
    by_row.retain(|(_, id)| is_drawn(id));
    by_row.sort_unstable();
    if is_pause {
        // the first row is that of the hexagon
        for (row, _) in &mut by_row {
            *row = row.saturating_sub(1);
        }
    }
    let group_of = |id: ProcId| folded.iter().find(|group| group.first == id);
    let adopter = pause.filter(|_| !is_pause);
    let mut placing = Placing { world, metrics, top, arrangement, adopter, now, column: &mut column, more: 0, rows: 0 };
    let mut places: BTreeMap<ProcId, Rect> = BTreeMap::new();
    let mut children: Vec<(ProcId, Option<ProcId>, Rect)> = Vec::new();
    // how many rows open folds need more
    let mut extra = 0;
    for (row, id) in by_row {
        let group = group_of(id);
        let parent = match group {
            Some(group) => Some(group.key.parent),
            None => world.process(id).and_then(|p| p.parent.process()),
        };
        let depth = parent.map_or(0, |parent| depth(world, parent, &shown.rows)).min(4) as f32;
        let depth = if is_pause { 0.0 } else { depth };
        let row = row + extra;
        if row >= MAX_ROWS {
            placing.more += group.map_or(1, |group| group.shown.len());
            continue;
        }
        placing.rows = placing.rows.max(row + 1);
        let rect = metrics.pill(top, row, depth);
        children.extend(parent.map(|parent| (parent, group.is_none().then_some(id), rect)));
        if let Some(group) = group {
            extra += placing.fold(group, rect, row, depth);
        } else {
            places.insert(id, rect);
            placing.process(id, rect);
        }
    }
    for (parent, child, rect) in children {
        if let Some(parent) = places.get(&parent).filter(|parent| parent.x < rect.x) {
            let bend_x = parent.x + metrics.indent / 2.0 + 4.0;
            let mid = rect.y + rect.h / 2.0;
            let link = Link { child, from: (bend_x, parent.bottom()), bend: (bend_x, mid), to: (rect.x, mid) };
            placing.column.links.push(link);
        }
    }
    let fading: Vec<ProcId> = shown.fading.iter().copied().filter(is_drawn).collect();
    placing.fading(&fading, group_of);
    placing.finish();
    column
}

struct Placing<'a> {
    world: &'a World,
    metrics: &'a Metrics,
    /// Where the first row is.
    top: f32,
    arrangement: &'a Arrangement,
    /// The pod's pause: a line leads from it to the processes that it has adopted.
    adopter: Option<ProcId>,
    now: MonoNs,
    column: &'a mut Column,
    /// How many processes do not fit.
    more: usize,
    /// How many rows are used.
    rows: usize,
}

impl Placing<'_> {
    fn process(&mut self, id: ProcId, rect: Rect) {
        let parent = self.world.process(id).and_then(|p| p.parent.process());
        let is_adopted = self.adopter.is_some() && parent == self.adopter;
        self.column.pills.push(Pill { id, rect, is_small: false, is_adopted });
    }

    /// Returns how many rows its processes need.
    fn fold(&mut self, group: &Alike<'_>, rect: Rect, row: usize, depth: f32) -> usize {
        let is_held_open = self.arrangement.selected.is_some_and(|id| group.shown.iter().any(|p| p.id == id));
        let is_open = is_held_open || self.arrangement.open.contains(&group.key);
        let is_adopted = Some(group.key.parent) == self.adopter;
        self.column.folds.push(Fold { rect, is_open, is_held_open, is_adopted, ..plain_fold(group) });
        if !is_open {
            return 0;
        }
        let whole = self.metrics.pill(self.top, 0, depth + 1.0);
        let beside = (((whole.w + SIDE_GAP) / (MEMBER_MIN_W + SIDE_GAP)) as usize).max(1);
        let cell = (whole.w + SIDE_GAP) / beside as f32;
        let places = rows(group.shown.iter().map(|p| Unit { above: None, ..Unit::of(p) }).collect(), self.now).of;
        let mut used = 0;
        let mut by_place: Vec<(usize, ProcId)> = places.into_iter().map(|(id, place)| (place, id)).collect();
        by_place.sort_unstable();
        for (place, id) in by_place {
            let (line, nth) = (place / beside, place % beside);
            used = used.max(line + 1);
            let at = row + 1 + line;
            if at >= MAX_ROWS {
                self.more += 1;
                continue;
            }
            self.rows = self.rows.max(at + 1);
            let y = self.top + at as f32 * PILL_STEP;
            let rect = Rect::new(whole.x + nth as f32 * cell, y, cell - SIDE_GAP, PILL_H);
            self.column.pills.push(Pill { id, rect, is_small: false, is_adopted: false });
        }
        used
    }

    /// Places the pills of fading processes below the last row, in the space that the map has anyway if they fit there.
    fn fading<'g>(&mut self, fading: &[ProcId], group_of: impl Fn(ProcId) -> Option<&'g Alike<'g>>) {
        let (x, w) = (self.metrics.x + self.metrics.pad, self.metrics.w - 2.0 * self.metrics.pad);
        let room = 2 * MIN_ROWS.saturating_sub(self.rows);
        let most = ((w / SMALL_MIN_W) as usize).max(1);
        let side_by_side = fading.len().div_ceil(room.max(1)).clamp(1, most);
        let cell = (w + SIDE_GAP) / side_by_side as f32;
        let shown = fading.len().min(2 * MAX_ROWS.saturating_sub(self.rows) * side_by_side);
        for (at, id) in fading.iter().take(shown).enumerate() {
            let (row, column) = (at / side_by_side, at % side_by_side);
            let y = self.top + self.rows as f32 * PILL_STEP + row as f32 * SMALL_STEP;
            let rect = Rect::new(x + column as f32 * cell, y, cell - SIDE_GAP, SMALL_H);
            match group_of(*id) {
                Some(group) => self.column.folds.push(Fold { rect, is_small: true, ..plain_fold(group) }),
                None => self.column.pills.push(Pill { id: *id, rect, is_small: true, is_adopted: false }),
            }
        }
        self.rows += shown.div_ceil(side_by_side).div_ceil(2);
    }

    /// Sets the order of the pills, the height of the column, and what does not fit.
    fn finish(&mut self) {
        let order = |a: &Rect, b: &Rect| a.y.total_cmp(&b.y).then(a.x.total_cmp(&b.x));
        self.column.pills.sort_by(|a, b| order(&a.rect, &b.rect));
        self.column.folds.sort_by(|a, b| order(&a.rect, &b.rect));
        if self.more > 0 {
            let rect = self.metrics.pill(self.top, MAX_ROWS, 0.0);
            self.column.more = Some((self.more, rect));
            self.rows = MAX_ROWS + 1;
        }
        let used = self.top + self.rows as f32 * PILL_STEP + PAD;
        if self.rows > 0 {
            self.column.rect.h = self.column.rect.h.max(used);
        }
    }
}

/// A closed fold without a place.
fn plain_fold(group: &Alike<'_>) -> Fold {
    Fold {
        key: group.key.clone(),
        rect: Rect::default(),
        is_open: false,
        is_held_open: false,
        is_small: false,
        is_adopted: false,
        members: group.shown.iter().map(|p: &&Process| p.id).collect(),
        counts: group.counts(),
    }
}

/// How many ancestors of a child of `parent` are shown, 17 at most.
fn depth(world: &World, parent: ProcId, shown: &BTreeMap<ProcId, usize>) -> usize {
    let mut at = parent;
    let mut depth = 0;
    while shown.contains_key(&at) {
        depth += 1;
        if depth > 16 {
            break;
        }
        let Some(next) = world.process(at).and_then(|p| p.parent.process()) else { break };
        at = next;
    }
    depth
}
