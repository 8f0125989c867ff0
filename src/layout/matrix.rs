//! Who shares which namespace: a row for each member of the pods, a column for each kind.

use std::collections::{BTreeMap, BTreeSet};

use super::pod_map::{RAIL_ORDER, Sharing, is_of_node, oldest};
use crate::model::{Link, Member, NsId, NsKind, Pod, PodUid, ProcId, Process, SandboxKind, World};

/// The kinds from left to right.
pub const KINDS: [NsKind; 8] = RAIL_ORDER;

/// One cell of each kind, in the order of [`KINDS`].
pub type Cells = [Cell; 8];

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Matrix {
    pub rows: Vec<Row>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Row {
    /// The observer's own namespaces.
    Host(Cells),
    /// The pod of the rows below it.
    Pod(PodUid),
    Process(ProcessRow),
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProcessRow {
    pub role: Role,
    /// `None` for a member without a process.
    pub process: Option<ProcId>,
    /// How many other processes of the member have the same links; in the matrix of the machine, of all processes.
    pub others: usize,
    pub cells: Cells,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Role {
    /// The first process of a member.
    First(Member),
    /// A process of a member that is in other namespaces than its first process.
    Differing(Member),
    /// A process of no pod that is in a namespace of the pod.
    Visitor,
    /// The first of all processes with these links, in the matrix of the machine.
    Alike,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cell {
    /// The member has no process.
    Empty,
    /// The process has ended and has left it.
    Left,
    /// The link could not be read.
    NotVisible,
    In(Place),
}

/// A namespace in its column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    pub ns: NsId,
    pub sharing: Sharing,
    /// Its number in the column from the top, from 0. Only a namespace of pods has one.
    pub number: Option<u32>,
    /// How many members of how many pods have a process in it. In the matrix of the machine, how many rows are in it,
    /// and no pods. Of the host's it is not counted.
    pub members: u32,
    pub pods: u32,
}

impl Cell {
    pub const fn namespace(self) -> Option<NsId> {
        match self {
            Self::In(place) => Some(place.ns),
            _ => None,
        }
    }
}

impl Row {
    /// The cells; `None` for the head of a pod.
    pub const fn cells(&self) -> Option<&Cells> {
        match self {
            Self::Host(cells) => Some(cells),
            Self::Process(row) => Some(&row.cells),
            Self::Pod(_) => None,
        }
    }
}

impl Matrix {
    /// The rows of one pod, or of all pods.
    pub fn of(world: &World, pod: Option<&PodUid>) -> Self {
        let mut columns = Columns { world, rows_in: None, places: BTreeMap::new(), next: [0; 8] };
        let mut rows = vec![columns.host_row()];
        let all = world.pods_in_order();
        for pod in all.into_iter().filter(|p| pod.is_none_or(|uid| p.uid == *uid)) {
            rows.push(Row::Pod(pod.uid.clone()));
            let first = rows.len();
            for member in members(pod) {
                member_rows(world, pod, &member, &mut columns, &mut rows);
            }
            let visitors = visitors(world, &rows[first..]);
            rows.extend(visitors.into_iter().map(|p| columns.row(Role::Visitor, Some(p), 0)));
        }
        Self { rows }
    }

    /// All living processes that are observed: a row for those with the same links. The rows are in the order of their
    /// first processes.
    pub fn of_machine(world: &World) -> Self {
        let mut groups: BTreeMap<NsSetKey, (&Process, usize)> = BTreeMap::new();
        for p in world.present().filter(|p| p.is_alive()) {
            groups.entry(p.namespaces.0).and_modify(|(_, others)| *others += 1).or_insert((p, 0));
        }
        let mut rows_in: BTreeMap<NsId, u32> = BTreeMap::new();
        for ns in groups.keys().flatten().flatten() {
            *rows_in.entry(*ns).or_default() += 1;
        }
        let mut groups: Vec<(&Process, usize)> = groups.into_values().collect();
        groups.sort_by_key(|(p, _)| p.id);
        let mut columns = Columns { world, rows_in: Some(rows_in), places: BTreeMap::new(), next: [0; 8] };
        let mut rows = vec![columns.host_row()];
        rows.extend(groups.into_iter().map(|(p, others)| columns.row(Role::Alike, Some(p), others)));
        Self { rows }
    }
}

type NsSetKey = [Option<NsId>; 8];

/// Letters for a [`Place::number`]: `A` to `Z`, then `AA`, `AB` and so on.
pub fn letters(number: u32) -> String {
    let mut text = String::new();
    let mut rest = u64::from(number) + 1;
    while rest > 0 {
        let digit = (rest - 1) % 26;
        text.insert(0, char::from(b'A' + digit as u8));
        rest = (rest - 1) / 26;
    }
    text
}

/// Finds the namespaces of the columns and numbers them.
struct Columns<'a> {
    world: &'a World,
    /// How many rows are in each namespace; only in the matrix of the machine.
    rows_in: Option<BTreeMap<NsId, u32>>,
    places: BTreeMap<NsId, Place>,
    next: [u32; 8],
}

impl Columns<'_> {
    fn host_row(&mut self) -> Row {
        let host = self.world.host.namespaces;
        Row::Host(KINDS.map(|kind| self.cell(host.get(kind).map_or(Link::NotVisible, Link::In))))
    }

    fn row(&mut self, role: Role, p: Option<&Process>, others: usize) -> Row {
        let cells = KINDS.map(|kind| p.map_or(Cell::Empty, |p| self.cell(Link::of(p, kind))));
        Row::Process(ProcessRow { role, process: p.map(|p| p.id), others, cells })
    }

    fn cell(&mut self, link: Link) -> Cell {
        match link {
            Link::Left => Cell::Left,
            Link::NotVisible => Cell::NotVisible,
            Link::In(ns) => Cell::In(self.place(ns)),
        }
    }

    fn count_inside(&self, ns: NsId) -> (u32, u32) {
        if let Some(rows_in) = &self.rows_in {
            return (rows_in.get(&ns).copied().unwrap_or(0), 0);
        }
        let inside: BTreeSet<&Member> = self.world.ns_members(ns).filter_map(|p| p.member.as_ref()).collect();
        let pods: BTreeSet<&PodUid> = inside.iter().map(|m| &m.pod).collect();
        (inside.len() as u32, pods.len() as u32)
    }

    fn place(&mut self, ns: NsId) -> Place {
        if let Some(known) = self.places.get(&ns) {
            return *known;
        }
        let mut place = Place { ns, sharing: Sharing::Host, number: None, members: 0, pods: 0 };
        if !self.world.is_host_ns(ns) {
            (place.members, place.pods) = self.count_inside(ns);
            place.sharing = match place.members {
                _ if is_of_node(self.world, ns) => Sharing::Node,
                0 | 1 => Sharing::Private,
                _ => Sharing::Shared,
            };
            if place.sharing != Sharing::Node {
                let next = &mut self.next[ns.kind as usize];
                place.number = Some(*next);
                *next += 1;
            }
        }
        self.places.insert(ns, place);
        place
    }
}

/// pause, unless a container holds the namespaces, and the containers.
fn members(pod: &Pod) -> impl Iterator<Item = Member> {
    let has_pause = !matches!(pod.sandbox.as_ref().map(|s| &s.kind), Some(SandboxKind::Infra(_)));
    let pause = has_pause.then(|| Member::pause(&pod.uid));
    pause.into_iter().chain(pod.containers.iter().map(|c| Member::container(&pod.uid, &c.name)))
}

/// A row for the member's first process, and one for each group of others that are in other namespaces.
fn member_rows(world: &World, pod: &Pod, member: &Member, columns: &mut Columns<'_>, rows: &mut Vec<Row>) {
    let head = match &member.container {
        None => pod.sandbox.as_ref().and_then(|s| s.process),
        Some(name) => pod.container(name).and_then(|c| c.process),
    };
    let present = |id: ProcId| world.process(id).filter(|p| !p.is_gone() && p.member.as_ref() == Some(member));
    let Some(first) = head.and_then(present).or_else(|| oldest(world, member)) else {
        return rows.push(columns.row(Role::First(member.clone()), None, 0));
    };
    let mut others: Vec<&Process> =
        world.member_processes(member).filter(|p| p.is_alive() && p.id != first.id).collect();
    others.sort_by_key(|p| (p.born.t, p.id));
    let mut same = 0;
    let mut groups: Vec<(&Process, usize)> = Vec::new();
    for p in others {
        if !differs(first, p) {
            same += 1;
        } else if let Some((_, n)) = groups.iter_mut().find(|(of, _)| of.namespaces == p.namespaces) {
            *n += 1;
        } else {
            groups.push((p, 0));
        }
    }
    rows.push(columns.row(Role::First(member.clone()), Some(first), same));
    rows.extend(groups.into_iter().map(|(p, n)| columns.row(Role::Differing(member.clone()), Some(p), n)));
}

/// Whether the two are in different namespaces of a kind, as far as the links could be read.
fn differs(a: &Process, b: &Process) -> bool {
    let both = |kind| Some((Link::of(a, kind).namespace()?, Link::of(b, kind).namespace()?));
    KINDS.into_iter().filter_map(both).any(|(a, b)| a != b)
}

/// The living processes of no pod that are in a namespace of these rows, in the order of (pid, start). The namespaces of
/// the host and the node are not the pod's, nor is the user namespace of all pods.
fn visitors<'a>(world: &'a World, rows: &[Row]) -> Vec<&'a Process> {
    let places = rows.iter().filter_map(Row::cells).flatten().filter_map(|cell| match cell {
        Cell::In(place) if place.number.is_some() && place.ns.kind != NsKind::User => Some(place.ns),
        _ => None,
    });
    let own: BTreeSet<NsId> = places.collect();
    let inside = own.into_iter().flat_map(|ns| world.ns_members(ns)).filter(|p| p.member.is_none());
    inside.map(|p| (p.id, p)).collect::<BTreeMap<_, _>>().into_values().collect()
}

/// Whether two processes are in the same namespace of a kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Same {
    Yes,
    No,
    /// A link could not be read, or both have left theirs.
    NotKnown,
}

impl Same {
    pub fn of(a: Link, b: Link) -> Self {
        match (a, b) {
            (Link::In(a), Link::In(b)) if a == b => Self::Yes,
            (Link::In(_), Link::In(_) | Link::Left) | (Link::Left, Link::In(_)) => Self::No,
            (Link::NotVisible, _) | (_, Link::NotVisible) | (Link::Left, Link::Left) => Self::NotKnown,
        }
    }
}
