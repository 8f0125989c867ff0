//! The eight namespace links (`/proc/PID/ns`) of a pod's members, as the World shows them.

use std::collections::BTreeMap;
use std::fmt;

use crate::model::{Member, NsId, NsKind, NsSet, Pod, PodUid, Process, World};

/// The links of each member's first process.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Links {
    members: BTreeMap<Member, NsSet>,
}

/// One link of a member, and who shares the namespace.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LinkLine {
    pub kind: NsKind,
    /// `None` if it could not be read.
    pub id: Option<NsId>,
    pub with: SharedWith,
}

/// Who else is in a namespace.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum SharedWith {
    /// Other members of the pod, by name.
    Members(Vec<String>),
    NoOther,
    /// The node, and so every pod.
    Node,
    /// The host, and so the whole machine.
    Host,
    Unknown,
}

impl fmt::Display for SharedWith {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Members(names) => write!(f, "shared with {}", names.join(", ")),
            Self::NoOther => f.write_str("its own"),
            Self::Node => f.write_str("the node's"),
            Self::Host => f.write_str("this machine's"),
            Self::Unknown => f.write_str("could not be read"),
        }
    }
}

/// The first process of a member while it is alive; `None` as the name is pause.
fn first_process<'w>(world: &'w World, pod: &Pod, name: Option<&str>) -> Option<&'w Process> {
    let id = match name {
        None => pod.sandbox.as_ref().filter(|s| s.ended.is_none())?.process,
        Some(name) => pod.container(name)?.process,
    };
    world.process(id?).filter(|p| p.is_alive())
}

impl Links {
    pub fn of(world: &World, pod: &PodUid) -> Self {
        let Some(found) = world.pod(pod) else { return Self::default() };
        let pause = first_process(world, found, None).map(|p| (Member::pause(pod), p.namespaces));
        let containers = found.containers.iter().filter_map(|c| {
            let p = first_process(world, found, Some(&c.name))?;
            Some((Member::container(pod, &c.name), p.namespaces))
        });
        Self { members: pause.into_iter().chain(containers).collect() }
    }

    /// Whether all eight links of a member are known.
    fn is_known(&self, member: &Member) -> bool {
        self.members.get(member).is_some_and(|set| set.iter().count() == NsKind::ALL.len())
    }

    /// Whether the links are final. A container creates its own mnt and cgroup namespaces last, after it has joined the
    /// others, and the links may have been read before that.
    pub fn is_settled(&self, world: &World, member: &Member) -> bool {
        let own = |kind| {
            let id = self.members.get(member).and_then(|set| set.get(kind));
            !matches!(self.with(world, member, id), SharedWith::Node | SharedWith::Host)
        };
        self.is_known(member) && own(NsKind::Cgroup) && own(NsKind::Mnt)
    }

    /// A member's links, and who shares each of them.
    pub fn lines(&self, world: &World, member: &Member) -> Vec<LinkLine> {
        let Some(set) = self.members.get(member) else { return Vec::new() };
        NsKind::ALL
            .into_iter()
            .map(|kind| LinkLine { kind, id: set.get(kind), with: self.with(world, member, set.get(kind)) })
            .collect()
    }

    fn with(&self, world: &World, member: &Member, id: Option<NsId>) -> SharedWith {
        let Some(id) = id else { return SharedWith::Unknown };
        let node = world.node.as_ref().and_then(|n| world.process(n.process));
        if world.is_host_ns(id) {
            return SharedWith::Host;
        }
        if node.is_some_and(|p| p.namespaces.get(id.kind) == Some(id)) {
            return SharedWith::Node;
        }
        let others = self.members.iter().filter(|(other, set)| *other != member && set.get(id.kind) == Some(id));
        let names: Vec<String> = others.map(|(other, _)| other.name().to_owned()).collect();
        if names.is_empty() { SharedWith::NoOther } else { SharedWith::Members(names) }
    }

    /// What has changed for the members of `before`: who has left, and whose links differ. One line each.
    pub fn changes_since(&self, before: &Self) -> Vec<String> {
        let mut lines = Vec::new();
        for (member, old) in &before.members {
            let name = member.name();
            match self.members.get(member) {
                None => {
                    let gone: Vec<NsId> = old.iter().filter(|id| !self.contains(*id)).collect();
                    lines.push(departure(name, &gone));
                }
                Some(new) => {
                    let differ = |kind: &NsKind| new.get(*kind).is_some() && new.get(*kind) != old.get(*kind);
                    let kinds: Vec<&str> = NsKind::ALL.into_iter().filter(differ).map(NsKind::name).collect();
                    if !kinds.is_empty() {
                        lines.push(format!("{name}: {} changed", kinds.join(" ")));
                    }
                }
            }
        }
        lines
    }

    fn contains(&self, id: NsId) -> bool {
        self.members.values().any(|set| set.get(id.kind) == Some(id))
    }
}

/// Which namespaces have no member any more, in the order of the links. user and time are left out: the node or the
/// machine holds them.
fn departure(name: &str, gone: &[NsId]) -> String {
    let pod_level = |id: &&NsId| !matches!(id.kind, NsKind::User | NsKind::Time);
    let gone: Vec<String> = gone.iter().filter(pod_level).map(ToString::to_string).collect();
    if gone.is_empty() {
        format!("{name} has left; every namespace it was in has other members")
    } else {
        format!("{name} has left; no other member was in {}", gone.join(" "))
    }
}

/// The lines as one sentence: `ipc net pid uts shared with pause; cgroup mnt its own; user the node's; …`.
pub fn in_words(lines: &[LinkLine]) -> String {
    let mut groups: Vec<(&SharedWith, Vec<&str>)> = Vec::new();
    for line in lines {
        match groups.iter_mut().find(|(with, _)| **with == line.with) {
            Some((_, kinds)) => kinds.push(line.kind.name()),
            None => groups.push((&line.with, vec![line.kind.name()])),
        }
    }
    groups.sort_by_key(|(with, _)| (*with).clone());
    groups.iter().map(|(with, kinds)| format!("{} {with}", kinds.join(" "))).collect::<Vec<_>>().join("; ")
}
