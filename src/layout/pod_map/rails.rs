//! The rails: who is in which namespace, as bars below the columns.

use super::{Column, ColumnShape};
use crate::model::{Member, NsId, NsKind, Pod, Process, World};

/// The kinds from top to bottom: what a pod shares first, the host's last.
pub const RAIL_ORDER: [NsKind; 8] =
    [NsKind::Net, NsKind::Ipc, NsKind::Uts, NsKind::Pid, NsKind::Mnt, NsKind::Cgroup, NsKind::User, NsKind::Time];

#[derive(Clone, Debug, PartialEq)]
pub struct Rail {
    pub kind: NsKind,
    pub segments: Vec<Segment>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sharing {
    /// Several members are in this namespace.
    Shared,
    /// One member holds it for others, none of which runs: they were in it, or will be.
    Held,
    /// Only one member is in it, and it is for no other.
    Private,
    /// It is the observer's own namespace.
    Host,
    /// It is the namespace of the lab's node, which a pod with `hostNetwork` uses.
    Node,
    /// It could not be read.
    Unknown,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Segment {
    pub x: f32,
    pub w: f32,
    pub ns: Option<NsId>,
    pub sharing: Sharing,
    /// The centres of the columns of the members in it. The bar also passes below members that do not run.
    pub stops: Vec<f32>,
}

impl Segment {
    pub fn right(&self) -> f32 {
        self.x + self.w
    }
}

/// The processes of a column that tell its namespaces.
struct Seen<'a> {
    /// The oldest living one.
    now: Option<&'a Process>,
    /// The last one, if none lives.
    before: Option<&'a Process>,
}

/// One rail for each kind, in the order of [`RAIL_ORDER`].
pub(super) fn rails(world: &World, pod: &Pod, columns: &[Column]) -> Vec<Rail> {
    let seen: Vec<Seen<'_>> = columns
        .iter()
        .map(|column| {
            let now = oldest(world, &column.member);
            let last = || world.remembered_of_member(&column.member).max_by_key(|p| (p.born.t, p.id));
            Seen { now, before: if now.is_none() { last() } else { None } }
        })
        .collect();
    RAIL_ORDER.into_iter().map(|kind| rail(world, pod, kind, columns, &seen)).collect()
}

/// The member's oldest living process, whose namespaces are the member's.
pub fn oldest<'a>(world: &'a World, member: &Member) -> Option<&'a Process> {
    world.member_processes(member).filter(|p| p.is_alive()).min_by_key(|p| (p.born.t, p.id))
}

/// Whether it is a namespace of the lab's node that a pod can choose to be in. Every pod is in the node's user namespace.
pub fn is_of_node(world: &World, ns: NsId) -> bool {
    let node = world.node.as_ref().and_then(|n| world.process(n.process));
    ns.kind != NsKind::User && node.is_some_and(|p| p.namespaces.get(ns.kind) == Some(ns))
}

/// Whether the containers of a pod are in its sandbox's namespace of this kind, as a kubelet makes them.
const fn is_of_sandbox(pod: &Pod, kind: NsKind) -> bool {
    match kind {
        NsKind::Net | NsKind::Ipc | NsKind::Uts | NsKind::User => true,
        NsKind::Pid => pod.share_pid,
        NsKind::Mnt | NsKind::Cgroup | NsKind::Time => false,
    }
}

fn rail(world: &World, pod: &Pod, kind: NsKind, columns: &[Column], seen: &[Seen<'_>]) -> Rail {
    let views: Vec<Option<NsId>> = seen.iter().map(|s| s.now.and_then(|p| p.namespaces.get(kind))).collect();
    let holder = pod.sandbox.as_ref().and_then(|s| world.process(s.process?)).filter(|p| p.is_alive());
    let held = holder.and_then(|p| p.namespaces.get(kind)).filter(|_| is_of_sandbox(pod, kind));
    // where a member that does not run was, or else will be
    let absent: Vec<Option<NsId>> = (columns.iter().zip(seen))
        .map(|(column, seen)| {
            if seen.now.is_some() || column.shape == ColumnShape::Finished {
                return None;
            }
            let before = seen.before.and_then(|p| p.namespaces.get(kind));
            before.filter(|ns| views.contains(&Some(*ns))).or(held)
        })
        .collect();
    let mut segments: Vec<Segment> = Vec::new();
    let mut is_broken = false;
    for (i, column) in columns.iter().enumerate() {
        let (here, r) = (views[i], column.rect);
        let Some(ns) = here.or(absent[i]) else {
            if seen[i].now.is_some() {
                let sharing = Sharing::Unknown;
                segments.push(Segment { x: r.x, w: r.w, ns: None, sharing, stops: vec![r.center_x()] });
            }
            // a finished container has no place in it
            is_broken |= column.shape != ColumnShape::Finished;
            continue;
        };
        let inside = views.iter().filter(|v| **v == Some(ns)).count();
        let waits_for_others = absent.contains(&Some(ns)) || (pod.containers.is_empty() && held == Some(ns));
        let sharing = match inside {
            _ if world.is_host_ns(ns) => Sharing::Host,
            _ if is_of_node(world, ns) => Sharing::Node,
            2.. => Sharing::Shared,
            _ if waits_for_others => Sharing::Held,
            _ => Sharing::Private,
        };
        let stop = here.map(|_| r.center_x());
        match segments.last_mut() {
            // one bar across neighbours that share it
            Some(last) if !is_broken && last.ns == Some(ns) => {
                last.w = r.right() - last.x;
                last.stops.extend(stop);
            }
            _ => {
                let stops = stop.into_iter().collect();
                segments.push(Segment { x: r.x, w: r.w, ns: Some(ns), sharing, stops });
            }
        }
        is_broken = false;
    }
    Rail { kind, segments }
}
