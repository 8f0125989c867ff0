//! The pod map: one column per member with its processes as a tree, and below the columns eight rails, one per
//! namespace kind.
//!
//! The rails, the heads of the columns and pause stay where they are while the processes are scrolled, so a view draws
//! them apart ([`Parts`] says how high each is).

mod column;
mod folds;
mod parts;
mod rails;

use std::collections::BTreeSet;

use super::Rect;
use super::slots::{Generations, by_generation, generations, next_change};
use crate::model::{
    Container, ContainerKind, ContainerState, Member, MonoNs, Pod, ProcId, Process, SandboxKind, World,
};
use column::{Metrics, column};
use folds::{Alike, alike, units};
pub use folds::{Counts, Fold, FoldKey, MIN_ALIKE};
pub use parts::Parts;
pub use rails::{RAIL_ORDER, Rail, Segment, Sharing};
pub(super) use rails::{is_of_node, oldest};

const GAP: f32 = 16.0;
/// The head of a column: the name, below it the program's origin or what it waits for, and the usage. All measures here
/// are in points.
pub const HEAD_H: f32 = 70.0;
const PILL_STEP: f32 = 42.0;
const PAD: f32 = 14.0;
const PAUSE_W: f32 = 152.0;
/// The side of the hexagon.
const HEXAGON: f32 = 104.0;
/// The two lines below the hexagon.
pub const HEXAGON_FOOT: f32 = 56.0;
const MIN_COLUMN_W: f32 = 156.0;
/// A column that is a strip: of a finished init container, or one that the user has folded.
const STRIP_W: f32 = 40.0;
const MIN_ROWS: usize = 4;
/// The height of a column that has few processes.
const MIN_COLUMN_H: f32 = HEAD_H + MIN_ROWS as f32 * PILL_STEP + PAD;

/// What the user has chosen on the map, and how much room there is.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Arrangement {
    /// The room for the columns.
    pub width: f32,
    /// The folds of alike processes that the user has opened.
    pub open: BTreeSet<FoldKey>,
    /// The columns that the user has folded.
    pub folded: BTreeSet<Member>,
    /// This process is shown in any case: its fold and its column are open.
    pub selected: Option<ProcId>,
}

impl Arrangement {
    pub fn of_width(width: f32) -> Self {
        Self { width, ..Self::default() }
    }
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct PodMap {
    /// Whether any member's namespaces are known: without a sandbox there are no rails to draw.
    pub has_namespaces: bool,
    /// The width of all columns. It is more than the room if they cannot be narrower.
    pub width: f32,
    /// The height of the columns, as far as their processes need it.
    pub columns_h: f32,
    pub columns: Vec<Column>,
    pub rails: Vec<Rail>,
    /// The same World has another map from then on: a reaped process has faded, or empty rows close.
    pub changes_at: Option<MonoNs>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Column {
    pub member: Member,
    pub rect: Rect,
    /// Where the hexagon of pause goes; only in its own column.
    pub hexagon: Option<Rect>,
    pub shape: ColumnShape,
    pub pills: Vec<Pill>,
    /// The pills of alike processes.
    pub folds: Vec<Fold>,
    pub links: Vec<Link>,
    /// The number of processes that do not fit, and where to show it.
    pub more: Option<(usize, Rect)>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ColumnShape {
    /// It shows its processes.
    Open,
    /// A strip, since the user has folded it. So many processes and zombies are in it.
    Folded { processes: usize, zombies: usize },
    /// A strip: an init container that has finished, or an ephemeral one that has ended.
    Finished,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Pill {
    pub id: ProcId,
    pub rect: Rect,
    /// For a process of a former run, which fades: one line.
    pub is_small: bool,
    /// Its parent is the pod's pause, in another column.
    pub is_adopted: bool,
}

/// From a parent's pill down and right to a child's: `(x, y)` of the start, the bend and the end.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Link {
    /// `None` for a fold.
    pub child: Option<ProcId>,
    pub from: (f32, f32),
    pub bend: (f32, f32),
    pub to: (f32, f32),
}

/// A member, its processes and their rows.
struct MemberRows<'a> {
    member: Member,
    shown: Generations,
    folded: Vec<Alike<'a>>,
    shape: ColumnShape,
}

/// Lays out one pod. The columns use all of the width. They may become wider or higher than the window, which then
/// scrolls.
pub fn lay_out(world: &World, pod: &Pod, arrangement: &Arrangement, now: MonoNs) -> PodMap {
    let has_pause = !matches!(pod.sandbox.as_ref().map(|s| &s.kind), Some(SandboxKind::Infra(_)));
    let mut members: Vec<MemberRows<'_>> = Vec::new();
    let mut changes_at: Option<MonoNs> = None;
    let names = has_pause.then_some(None).into_iter().chain(pod.containers.iter().map(|c| Some(c.name.clone())));
    for container in names {
        let member = Member { pod: pod.uid.clone(), container };
        let (rows, changes) = member_rows(world, pod, member, arrangement, now);
        changes_at = changes_at.into_iter().chain(changes).min();
        members.push(rows);
    }
    let is_open = |m: &&MemberRows<'_>| m.member.container.is_some() && m.shape == ColumnShape::Open;
    let open = members.iter().filter(is_open).count();
    let strips = members.iter().filter(|m| m.shape != ColumnShape::Open).count();
    let taken = if has_pause { PAUSE_W + GAP } else { 0.0 } + strips as f32 * (STRIP_W + GAP);
    let column_w = ((arrangement.width - taken + GAP) / open.max(1) as f32 - GAP).max(MIN_COLUMN_W);

    let pause = pod.sandbox.as_ref().and_then(|s| s.process);
    let mut x = 0.0;
    let mut columns = Vec::new();
    for rows in members {
        let w = match (&rows.member.container, rows.shape) {
            (None, _) => PAUSE_W,
            (_, ColumnShape::Open) => column_w,
            (_, ColumnShape::Folded { .. } | ColumnShape::Finished) => STRIP_W,
        };
        columns.push(column(world, rows, &Metrics::of(x, w), arrangement, pause, now));
        x += w + GAP;
    }
    let columns_h = columns.iter().map(|column| column.rect.h).fold(MIN_COLUMN_H, f32::max);
    for column in &mut columns {
        column.rect.h = columns_h;
    }
    let rails = rails::rails(world, pod, &columns);
    PodMap {
        has_namespaces: rails.iter().any(|r| r.segments.iter().any(|s| s.ns.is_some())),
        width: (x - GAP).max(0.0),
        columns_h,
        columns,
        rails,
        changes_at,
    }
}

/// The rows of a member, and when they next change by themselves.
fn member_rows<'a>(
    world: &'a World,
    pod: &Pod,
    member: Member,
    arrangement: &Arrangement,
    now: MonoNs,
) -> (MemberRows<'a>, Option<MonoNs>) {
    let processes: Vec<&Process> = world.remembered_of_member(&member).collect();
    let container = member.container.as_deref().and_then(|name| pod.container(name));
    let head = match &member.container {
        None => pod.sandbox.as_ref().and_then(|s| s.process),
        Some(_) => container.and_then(|c| c.process),
    };
    let (former, current) = generations(&processes, head.and_then(|id| world.process(id)));
    let (mut folded, new) = (alike(world, &former, now), alike(world, &current, now));
    let shown = by_generation(units(&former, &folded), units(&current, &new), now);
    folded.extend(new);
    let is_selected = arrangement.selected.is_some_and(|id| processes.iter().any(|p| p.id == id && !p.is_gone()));
    let shape = if container.is_some_and(is_finished) && shown.rows.is_empty() && shown.fading.is_empty() {
        ColumnShape::Finished
    } else if arrangement.folded.contains(&member) && container.is_some() && !is_selected {
        let present = processes.iter().filter(|p| !p.is_gone());
        let zombies = present.clone().filter(|p| p.is_zombie()).count();
        ColumnShape::Folded { processes: present.count(), zombies }
    } else {
        ColumnShape::Open
    };
    let changes = next_change(processes.iter().copied(), now).into_iter().chain(shown.close_at).min();
    (MemberRows { member, shown, folded, shape }, changes)
}

/// Whether it is an init container that has succeeded and will not run again in this sandbox, or an ephemeral one that
/// has ended, which never runs again.
fn is_finished(container: &Container) -> bool {
    match (container.kind, &container.state) {
        (ContainerKind::Init, ContainerState::Terminated { status, .. }) => status.success(),
        (ContainerKind::Ephemeral, ContainerState::Terminated { .. }) => true,
        _ => false,
    }
}
