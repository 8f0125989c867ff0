//! The pod map: one column a member, its processes as a tree in it; under them eight rails, one a
//! namespace kind.

use std::collections::BTreeMap;

use super::Rect;
use super::slots::{Generations, by_generation};
use crate::model::{
    Container, ContainerKind, ContainerState, Member, MonoNs, NsId, NsKind, Pod, ProcId, Process, SandboxKind, World,
};

/// Measures in points, all multiples of the 4-point grid.
const LABEL_W: f32 = 68.0;
const GAP: f32 = 16.0;
/// A name, below it where the program comes from or what it waits for, and what it uses.
pub const HEAD_H: f32 = 70.0;
const PILL_H: f32 = 36.0;
const PILL_STEP: f32 = 42.0;
/// Of a former life: two rows of them in one, and as many side by side as find room.
const SMALL_H: f32 = 17.0;
const SMALL_STEP: f32 = PILL_STEP / 2.0;
const SMALL_MIN_W: f32 = 100.0;
const SMALL_GAP: f32 = 6.0;
const INDENT: f32 = 24.0;
const PAD: f32 = 14.0;
const PAUSE_W: f32 = 152.0;
const MIN_COLUMN_W: f32 = 192.0;
const MAX_COLUMN_W: f32 = 560.0;
/// An init container that has done its work.
const DONE_W: f32 = 40.0;
const MIN_ROWS: usize = 4;
/// More rows than this end in one that says how many more there are.
const MAX_ROWS: usize = 40;
const RAIL_H: f32 = 18.0;
const RAIL_STEP: f32 = 24.0;
const RAILS_TOP: f32 = 44.0;

/// The kinds from top to bottom: what a pod shares first, the host's last.
pub const RAIL_ORDER: [NsKind; 8] =
    [NsKind::Net, NsKind::Ipc, NsKind::Uts, NsKind::Pid, NsKind::Mnt, NsKind::Cgroup, NsKind::User, NsKind::Time];

#[derive(Clone, Debug, Default, PartialEq)]
pub struct PodMap {
    /// Somebody's namespaces are known: without a sandbox there is nothing to draw rails of.
    pub has_namespaces: bool,
    pub width: f32,
    pub height: f32,
    pub columns: Vec<Column>,
    pub rails: Vec<Rail>,
    /// Where the word above the rails goes.
    pub rails_title_y: f32,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Column {
    pub member: Member,
    pub rect: Rect,
    /// Where pause's hexagon goes; only in pause's column.
    pub hexagon: Option<Rect>,
    /// An init container that has done its work, or an ephemeral one that has ended: a narrow column.
    pub done: bool,
    pub pills: Vec<Pill>,
    pub links: Vec<Link>,
    /// Processes that found no room, and where to say so.
    pub more: Option<(usize, Rect)>,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Pill {
    pub id: ProcId,
    pub rect: Rect,
    /// Of a former life, fading: one line.
    pub small: bool,
}

/// From a parent's pill down and right to a child's: `(x, y)` of the start, the bend and the end.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Link {
    pub child: ProcId,
    pub from: (f32, f32),
    pub bend: (f32, f32),
    pub to: (f32, f32),
}

#[derive(Clone, Debug, PartialEq)]
pub struct Rail {
    pub kind: NsKind,
    pub y: f32,
    pub h: f32,
    pub segments: Vec<Segment>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sharing {
    /// Several members are in it.
    Shared,
    /// One member alone is in it.
    Private,
    /// The observer's own.
    Host,
    /// The lab's node's own, which a pod with `hostNetwork` uses.
    Node,
    /// Could not be seen, or the member has no process.
    Unknown,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Segment {
    pub x: f32,
    pub w: f32,
    pub ns: Option<NsId>,
    pub sharing: Sharing,
    /// Middles of the columns of those who are in it.
    pub stops: Vec<f32>,
}

/// Lays one pod out in `width` points; taller than the window is left to scrolling.
pub fn lay_out(world: &World, pod: &Pod, width: f32, now: MonoNs) -> PodMap {
    let mut by_member: BTreeMap<Option<String>, Vec<&Process>> = BTreeMap::new();
    for p in world.processes.values() {
        if let Some(member) = p.member.as_ref().filter(|m| m.pod == pod.uid) {
            by_member.entry(member.container.clone()).or_default().push(p);
        }
    }
    let has_pause = !matches!(pod.sandbox.as_ref().map(|s| &s.kind), Some(SandboxKind::Infra(_)));
    let mut members: Vec<(Member, Generations)> = Vec::new();
    let names = has_pause.then_some(None).into_iter().chain(pod.containers.iter().map(|c| Some(c.name.clone())));
    for container in names {
        let processes = by_member.remove(&container).unwrap_or_default();
        let head = match &container {
            None => pod.sandbox.as_ref().and_then(|s| s.process),
            Some(name) => pod.container(name).and_then(|c| c.process),
        };
        let rows = by_generation(&processes, head.and_then(|id| world.process(id)), now);
        members.push((Member { pod: pod.uid.clone(), container }, rows));
    }

    let is_done = |member: &Member, shown: &Generations| {
        let container = member.container.as_deref().and_then(|name| pod.container(name));
        container.is_some_and(has_done) && shown.rows.is_empty() && shown.fading.is_empty()
    };
    let done = members.iter().filter(|(m, rows)| is_done(m, rows)).count();
    let wide = members.iter().filter(|(m, ..)| m.container.is_some()).count() - done;
    let taken = if has_pause { PAUSE_W + GAP } else { 0.0 } + done as f32 * (DONE_W + GAP);
    let room = width - LABEL_W - taken;
    let column_w = ((room + GAP) / wide.max(1) as f32 - GAP).clamp(MIN_COLUMN_W, MAX_COLUMN_W);

    let mut x = LABEL_W;
    let mut columns = Vec::new();
    let mut rows_needed = MIN_ROWS;
    for (member, rows) in members {
        let done = is_done(&member, &rows);
        let w = match (&member.container, done) {
            (None, _) => PAUSE_W,
            (_, true) => DONE_W,
            (_, false) => column_w,
        };
        let (mut column, rows) = column(world, member, &rows, x, w);
        column.done = done;
        rows_needed = rows_needed.max(rows);
        x += w + GAP;
        columns.push(column);
    }
    let column_h = HEAD_H + rows_needed as f32 * PILL_STEP + PAD;
    let lowest = HEAD_H + MIN_ROWS as f32 * PILL_STEP + PAD;
    for column in &mut columns {
        column.rect.h = column_h;
        if column.member.container.is_none() {
            let side = 104.0;
            // in sight however many processes the others have
            let y = (lowest - HEAD_H - 44.0 - side).max(0.0) / 2.0 + HEAD_H;
            column.hexagon = Some(Rect::new(column.rect.center_x() - side / 2.0, y, side, side));
        }
    }
    let rails_y = column_h + RAILS_TOP;
    let rails: Vec<Rail> = RAIL_ORDER
        .iter()
        .enumerate()
        .map(|(i, kind)| rail(world, *kind, &columns, rails_y + i as f32 * RAIL_STEP))
        .collect();
    let has_namespaces = rails.iter().any(|r| r.segments.iter().any(|s| s.ns.is_some()));
    PodMap {
        has_namespaces,
        width: (x - GAP).max(LABEL_W),
        height: rails_y + if has_namespaces { rails.len() as f32 * RAIL_STEP } else { 0.0 },
        columns,
        rails,
        rails_title_y: column_h + 14.0,
    }
}

/// An init container that has succeeded and will not run again in this sandbox; or an ephemeral one that has ended, which
/// never runs again.
fn has_done(container: &Container) -> bool {
    match (container.kind, &container.state) {
        (ContainerKind::Init, ContainerState::Terminated { status, .. }) => status.success(),
        (ContainerKind::Ephemeral, ContainerState::Terminated { .. }) => true,
        _ => false,
    }
}

fn column(world: &World, member: Member, shown: &Generations, x: f32, w: f32) -> (Column, usize) {
    let rows = &shown.rows;
    let rect = Rect::new(x, 0.0, w, 0.0);
    let is_pause = member.container.is_none();
    let mut pills = Vec::new();
    let mut links = Vec::new();
    let mut more = 0;
    let mut last_row = 0;
    let placed: BTreeMap<ProcId, Rect> = rows
        .iter()
        // pause itself is the hexagon
        .filter(|(id, _)| !(is_pause && world.process(**id).is_some_and(crate::model::forecast::is_ns_init)))
        .filter_map(|(id, row)| {
            if *row >= MAX_ROWS {
                more += 1;
                return None;
            }
            last_row = last_row.max(*row + 1);
            let depth = depth(world, *id, rows).min(4) as f32;
            let indent = if is_pause { 0.0 } else { depth * INDENT };
            let y = HEAD_H + *row as f32 * PILL_STEP;
            Some((*id, Rect::new(x + PAD + indent, y, w - 2.0 * PAD - indent, PILL_H)))
        })
        .collect();
    for (id, rect) in &placed {
        pills.push(Pill { id: *id, rect: *rect, small: false });
        let parent = world.process(*id).and_then(|p| p.parent.process()).and_then(|p| placed.get(&p));
        if let Some(parent) = parent.filter(|parent| parent.x < rect.x) {
            let bend_x = parent.x + INDENT / 2.0 + 4.0;
            let mid = rect.y + rect.h / 2.0;
            links.push(Link { child: *id, from: (bend_x, parent.bottom()), bend: (bend_x, mid), to: (rect.x, mid) });
        }
    }
    let is_drawn = |id: &&ProcId| !(is_pause && world.process(**id).is_some_and(crate::model::forecast::is_ns_init));
    let fading: Vec<ProcId> = shown.fading.iter().filter(is_drawn).copied().collect();
    let small_rows = fading_pills(&fading, last_row, x + PAD, w - 2.0 * PAD, &mut pills);
    pills.sort_by(|a, b| (a.rect.y, a.rect.x).partial_cmp(&(b.rect.y, b.rect.x)).unwrap_or(std::cmp::Ordering::Equal));
    let mut rows_needed = last_row + small_rows.div_ceil(2);
    let more = (more > 0).then(|| {
        rows_needed = MAX_ROWS + 1;
        (more, Rect::new(x + PAD, HEAD_H + MAX_ROWS as f32 * PILL_STEP, w - 2.0 * PAD, PILL_H))
    });
    (Column { member, rect, hexagon: None, done: false, pills, links, more }, rows_needed)
}

/// Those who fade, in the room below row `last` that the map has anyway, if they fit there. Returns the small rows used.
fn fading_pills(fading: &[ProcId], last: usize, x: f32, w: f32, pills: &mut Vec<Pill>) -> usize {
    let room = 2 * MIN_ROWS.saturating_sub(last);
    let most = ((w / SMALL_MIN_W) as usize).max(1);
    let side_by_side = fading.len().div_ceil(room.max(1)).clamp(1, most);
    let cell = (w + SMALL_GAP) / side_by_side as f32;
    let shown = fading.len().min(2 * MAX_ROWS.saturating_sub(last) * side_by_side);
    for (at, id) in fading.iter().take(shown).enumerate() {
        let (row, column) = (at / side_by_side, at % side_by_side);
        let y = HEAD_H + last as f32 * PILL_STEP + row as f32 * SMALL_STEP;
        let rect = Rect::new(x + column as f32 * cell, y, cell - SMALL_GAP, SMALL_H);
        pills.push(Pill { id: *id, rect, small: true });
    }
    shown.div_ceil(side_by_side)
}

/// Generations up to the topmost shown ancestor.
fn depth(world: &World, id: ProcId, rows: &BTreeMap<ProcId, usize>) -> usize {
    let mut at = id;
    let mut depth = 0;
    while let Some(parent) = world.process(at).and_then(|p| p.parent.process()) {
        if !rows.contains_key(&parent) || depth > 16 {
            break;
        }
        depth += 1;
        at = parent;
    }
    depth
}

/// The member's own view of a namespace kind: that of its first living process.
fn member_ns(world: &World, column: &Column, kind: NsKind) -> Option<NsId> {
    let mut best: Option<&Process> = None;
    for p in world.present().filter(|p| p.is_alive() && p.member.as_ref() == Some(&column.member)) {
        if best.is_none_or(|b| (p.born.t, p.id) < (b.born.t, b.id)) {
            best = Some(p);
        }
    }
    best?.namespaces.get(kind)
}

fn rail(world: &World, kind: NsKind, columns: &[Column], y: f32) -> Rail {
    let views: Vec<Option<NsId>> = columns.iter().map(|c| member_ns(world, c, kind)).collect();
    let node = world.node.as_ref().and_then(|n| world.process(n.process));
    // the user namespace is the node's for every pod: that is no choice of the pod's
    let of_node = |ns: NsId| kind != NsKind::User && node.is_some_and(|p| p.namespaces.get(kind) == Some(ns));
    let mut segments: Vec<Segment> = Vec::new();
    for (i, column) in columns.iter().enumerate() {
        let ns = views[i];
        // one whose members are between two lives, and is in it again soon, does not break the bar
        let next = views[i..].iter().flatten().next().copied();
        if ns.is_none() && next.is_some() && segments.last().is_some_and(|last| last.ns == next) {
            continue;
        }
        // nor does one that has done its work have a place in it
        if column.done {
            continue;
        }
        let shared = ns.is_some() && views.iter().filter(|v| **v == ns).count() > 1;
        let sharing = match ns {
            None => Sharing::Unknown,
            Some(ns) if world.is_host_ns(ns) => Sharing::Host,
            Some(ns) if of_node(ns) => Sharing::Node,
            Some(_) if shared => Sharing::Shared,
            Some(_) => Sharing::Private,
        };
        let r = column.rect;
        match segments.last_mut() {
            // one bar across neighbours who share
            Some(last) if ns.is_some() && last.ns == ns => {
                last.w = r.right() - last.x;
                last.stops.push(r.center_x());
            }
            _ => segments.push(Segment { x: r.x, w: r.w, ns, sharing, stops: vec![r.center_x()] }),
        }
    }
    Rail { kind, y, h: RAIL_H, segments }
}
