//! The pod map: one column per member with its processes as a tree, and below the columns eight rails, one per
//! namespace kind.

use std::collections::BTreeMap;

use super::Rect;
use super::slots::{Generations, by_generation, next_change};
use crate::model::{
    Container, ContainerKind, ContainerState, Member, MonoNs, NsId, NsKind, Pod, ProcId, Process, SandboxKind, World,
};

/// The width left of the columns, for the names of the rails. All measures here are in points.
const LABEL_W: f32 = 68.0;
const GAP: f32 = 16.0;
/// The head of a column: the name, below it the program's origin or what it waits for, and the usage.
pub const HEAD_H: f32 = 70.0;
const PILL_H: f32 = 36.0;
const PILL_STEP: f32 = 42.0;
/// Small pills, for processes of a former run: two rows of them in one ordinary row, and as many side by side as fit.
const SMALL_H: f32 = 17.0;
const SMALL_STEP: f32 = PILL_STEP / 2.0;
const SMALL_MIN_W: f32 = 100.0;
const SMALL_GAP: f32 = 6.0;
const INDENT: f32 = 24.0;
const PAD: f32 = 14.0;
const PAUSE_W: f32 = 152.0;
const MIN_COLUMN_W: f32 = 192.0;
const MAX_COLUMN_W: f32 = 560.0;
/// The column of a finished init container.
const FINISHED_W: f32 = 40.0;
const MIN_ROWS: usize = 4;
/// If there are more rows than this, a last row says how many more.
const MAX_ROWS: usize = 40;
const RAIL_H: f32 = 18.0;
const RAIL_STEP: f32 = 24.0;
const RAILS_TOP: f32 = 44.0;

/// The kinds from top to bottom: what a pod shares first, the host's last.
pub const RAIL_ORDER: [NsKind; 8] =
    [NsKind::Net, NsKind::Ipc, NsKind::Uts, NsKind::Pid, NsKind::Mnt, NsKind::Cgroup, NsKind::User, NsKind::Time];

#[derive(Clone, Debug, Default, PartialEq)]
pub struct PodMap {
    /// Whether any member's namespaces are known: without a sandbox there are no rails to draw.
    pub has_namespaces: bool,
    pub width: f32,
    pub height: f32,
    pub columns: Vec<Column>,
    pub rails: Vec<Rail>,
    /// Where the heading above the rails goes.
    pub rails_title_y: f32,
    /// The same World has another map from then on, since a reaped process has faded.
    pub changes_at: Option<MonoNs>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Column {
    pub member: Member,
    pub rect: Rect,
    /// Where the hexagon of pause goes; only in its own column.
    pub hexagon: Option<Rect>,
    /// A finished init container, or an ephemeral one that has ended: a narrow column.
    pub is_finished: bool,
    pub pills: Vec<Pill>,
    pub links: Vec<Link>,
    /// The number of processes that do not fit, and where to show it.
    pub more: Option<(usize, Rect)>,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Pill {
    pub id: ProcId,
    pub rect: Rect,
    /// For a process of a former run, which fades: one line.
    pub is_small: bool,
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
    /// Several members are in this namespace.
    Shared,
    /// Only one member is in it.
    Private,
    /// It is the observer's own namespace.
    Host,
    /// It is the namespace of the lab's node, which a pod with `hostNetwork` uses.
    Node,
    /// It could not be read, or the member has no process.
    Unknown,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Segment {
    pub x: f32,
    pub w: f32,
    pub ns: Option<NsId>,
    pub sharing: Sharing,
    /// The centres of the columns of the members in it.
    pub stops: Vec<f32>,
}

/// Lays out one pod in `width` points. It may become taller than the window, which then scrolls.
pub fn lay_out(world: &World, pod: &Pod, width: f32, now: MonoNs) -> PodMap {
    let has_pause = !matches!(pod.sandbox.as_ref().map(|s| &s.kind), Some(SandboxKind::Infra(_)));
    let mut members: Vec<(Member, Generations)> = Vec::new();
    let mut changes_at: Option<MonoNs> = None;
    let names = has_pause.then_some(None).into_iter().chain(pod.containers.iter().map(|c| Some(c.name.clone())));
    for container in names {
        let member = Member { pod: pod.uid.clone(), container };
        let processes: Vec<&Process> = world.remembered_of_member(&member).collect();
        let head = match &member.container {
            None => pod.sandbox.as_ref().and_then(|s| s.process),
            Some(name) => pod.container(name).and_then(|c| c.process),
        };
        let rows = by_generation(&processes, head.and_then(|id| world.process(id)), now);
        changes_at = changes_at.into_iter().chain(next_change(processes.iter().copied(), now)).min();
        members.push((member, rows));
    }

    let is_finished = |member: &Member, shown: &Generations| {
        let container = member.container.as_deref().and_then(|name| pod.container(name));
        container.is_some_and(container_is_finished) && shown.rows.is_empty() && shown.fading.is_empty()
    };
    let finished = members.iter().filter(|(m, rows)| is_finished(m, rows)).count();
    let wide = members.iter().filter(|(m, ..)| m.container.is_some()).count() - finished;
    let taken = if has_pause { PAUSE_W + GAP } else { 0.0 } + finished as f32 * (FINISHED_W + GAP);
    let room = width - LABEL_W - taken;
    let column_w = ((room + GAP) / wide.max(1) as f32 - GAP).clamp(MIN_COLUMN_W, MAX_COLUMN_W);

    let mut x = LABEL_W;
    let mut columns = Vec::new();
    let mut rows_needed = MIN_ROWS;
    for (member, rows) in members {
        let finished = is_finished(&member, &rows);
        let w = match (&member.container, finished) {
            (None, _) => PAUSE_W,
            (_, true) => FINISHED_W,
            (_, false) => column_w,
        };
        let (mut column, rows) = column(world, member, &rows, x, w);
        column.is_finished = finished;
        rows_needed = rows_needed.max(rows);
        x += w + GAP;
        columns.push(column);
    }
    let column_h = HEAD_H + rows_needed as f32 * PILL_STEP + PAD;
    let min_h = HEAD_H + MIN_ROWS as f32 * PILL_STEP + PAD;
    for column in &mut columns {
        column.rect.h = column_h;
        if column.member.container.is_none() {
            let side = 104.0;
            // near the top, so that it is visible however many processes the other members have
            let y = (min_h - HEAD_H - 44.0 - side).max(0.0) / 2.0 + HEAD_H;
            column.hexagon = Some(Rect::new(column.rect.center_x() - side / 2.0, y, side, side));
        }
    }
    let rails_y = column_h + RAILS_TOP;
    let oldest: Vec<Option<&Process>> = columns.iter().map(|column| oldest(world, &column.member)).collect();
    let rails: Vec<Rail> = RAIL_ORDER
        .iter()
        .enumerate()
        .map(|(i, kind)| rail(world, *kind, &columns, &oldest, rails_y + i as f32 * RAIL_STEP))
        .collect();
    let has_namespaces = rails.iter().any(|r| r.segments.iter().any(|s| s.ns.is_some()));
    PodMap {
        has_namespaces,
        width: (x - GAP).max(LABEL_W),
        height: rails_y + if has_namespaces { rails.len() as f32 * RAIL_STEP } else { 0.0 },
        columns,
        rails,
        rails_title_y: column_h + 14.0,
        changes_at,
    }
}

/// Whether it is an init container that has succeeded and will not run again in this sandbox, or an ephemeral one that
/// has ended, which never runs again.
fn container_is_finished(container: &Container) -> bool {
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
        .filter(|(id, _)| !(is_pause && world.process(**id).is_some_and(crate::model::names::is_ns_init)))
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
        pills.push(Pill { id: *id, rect: *rect, is_small: false });
        let parent = world.process(*id).and_then(|p| p.parent.process()).and_then(|p| placed.get(&p));
        if let Some(parent) = parent.filter(|parent| parent.x < rect.x) {
            let bend_x = parent.x + INDENT / 2.0 + 4.0;
            let mid = rect.y + rect.h / 2.0;
            links.push(Link { child: *id, from: (bend_x, parent.bottom()), bend: (bend_x, mid), to: (rect.x, mid) });
        }
    }
    let is_drawn = |id: &&ProcId| !(is_pause && world.process(**id).is_some_and(crate::model::names::is_ns_init));
    let fading: Vec<ProcId> = shown.fading.iter().filter(is_drawn).copied().collect();
    let small_rows = fading_pills(&fading, last_row, x + PAD, w - 2.0 * PAD, &mut pills);
    pills.sort_by(|a, b| (a.rect.y, a.rect.x).partial_cmp(&(b.rect.y, b.rect.x)).unwrap_or(std::cmp::Ordering::Equal));
    let mut rows_needed = last_row + small_rows.div_ceil(2);
    let more = (more > 0).then(|| {
        rows_needed = MAX_ROWS + 1;
        (more, Rect::new(x + PAD, HEAD_H + MAX_ROWS as f32 * PILL_STEP, w - 2.0 * PAD, PILL_H))
    });
    (Column { member, rect, hexagon: None, is_finished: false, pills, links, more }, rows_needed)
}

/// Places the pills of fading processes below row `last`, in the space that the map has anyway if they fit there.
/// Returns the number of small rows used.
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
        pills.push(Pill { id: *id, rect, is_small: true });
    }
    shown.div_ceil(side_by_side)
}

/// The number of shown ancestors, 17 at most.
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

/// The member's oldest living process, whose namespaces are the member's.
pub(super) fn oldest<'a>(world: &'a World, member: &Member) -> Option<&'a Process> {
    world.member_processes(member).filter(|p| p.is_alive()).min_by_key(|p| (p.born.t, p.id))
}

/// Whether it is a namespace of the lab's node that a pod can choose to be in. Every pod is in the node's user namespace.
pub(super) fn is_of_node(world: &World, ns: NsId) -> bool {
    let node = world.node.as_ref().and_then(|n| world.process(n.process));
    ns.kind != NsKind::User && node.is_some_and(|p| p.namespaces.get(ns.kind) == Some(ns))
}

/// `oldest` has the oldest living process of each column.
fn rail(world: &World, kind: NsKind, columns: &[Column], oldest: &[Option<&Process>], y: f32) -> Rail {
    let views: Vec<Option<NsId>> = oldest.iter().map(|p| p.and_then(|p| p.namespaces.get(kind))).collect();
    let mut segments: Vec<Segment> = Vec::new();
    for (i, column) in columns.iter().enumerate() {
        let ns = views[i];
        // a member between two runs will be in it again soon, so it does not break the bar
        let next = views[i..].iter().flatten().next().copied();
        if ns.is_none() && next.is_some() && segments.last().is_some_and(|last| last.ns == next) {
            continue;
        }
        // a finished container has no place in it
        if column.is_finished {
            continue;
        }
        let shared = ns.is_some() && views.iter().filter(|v| **v == ns).count() > 1;
        let sharing = match ns {
            None => Sharing::Unknown,
            Some(ns) if world.is_host_ns(ns) => Sharing::Host,
            Some(ns) if is_of_node(world, ns) => Sharing::Node,
            Some(_) if shared => Sharing::Shared,
            Some(_) => Sharing::Private,
        };
        let r = column.rect;
        match segments.last_mut() {
            // one bar across neighbours that share it
            Some(last) if ns.is_some() && last.ns == ns => {
                last.w = r.right() - last.x;
                last.stops.push(r.center_x());
            }
            _ => segments.push(Segment { x: r.x, w: r.w, ns, sharing, stops: vec![r.center_x()] }),
        }
    }
    Rail { kind, y, h: RAIL_H, segments }
}
