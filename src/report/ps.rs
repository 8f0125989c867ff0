//! `ps` (procps) on the host and in the pod.
//!
//! The columns are those of `ps -o uid,pid,ppid,s,args`. STAT is not among them: it also shows sessions, terminals and
//! priorities, which are not observed.

use super::text::{Cell, Layout, Text};
use crate::model::{NsId, NsKind, Parent, PodUid, Process, State, World};

const HOST: Layout = Layout::Columns(&[(5, true), (7, true), (7, true), (1, false), (0, false)]);
const INSIDE: Layout = Layout::Columns(&[(7, true), (7, true), (1, false), (0, false)]);

/// `UID PID PPID S COMMAND` as in the observer's `/proc`: the node, and the processes of one pod or of all pods.
pub fn ps_host(world: &World, pod: Option<&PodUid>) -> Text {
    let mut text = Text::new(HOST);
    text.head(["UID", "PID", "PPID", "S", "COMMAND"]);
    let mut wanted = match pod {
        Some(uid) => world.pod_processes(uid).collect(),
        None => world.processes_of_pods(),
    };
    let node = world.node.as_ref().and_then(|n| world.process(n.process)).filter(|p| !p.is_gone());
    wanted.extend(node);
    wanted.sort_by_key(|p| p.id);
    wanted.dedup_by_key(|p| p.id);
    for p in wanted {
        text.row([
            p.uid.map_or_else(|| "?".to_owned(), |uid| uid.to_string()).into(),
            Cell::process(p.id.pid.to_string(), Some(p.id)),
            parent_on_host(world, p),
            p.state.letter().to_string().into(),
            Cell::process(command(p), Some(p.id)),
        ]);
    }
    text
}

/// A pid namespace and the members of a pod that are in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PidNamespace {
    pub ns: NsId,
    /// `pause` and the names of containers, in the order of their pids.
    pub members: Vec<String>,
}

/// The pid namespaces of the pod's members; only one if they share it.
pub fn pid_namespaces(world: &World, pod: &PodUid) -> Vec<PidNamespace> {
    let mut all: Vec<PidNamespace> = Vec::new();
    let Some(known) = world.pod(pod) else { return all };
    let pause = known.sandbox.as_ref().and_then(|s| s.process).map(|id| (id, "pause"));
    let containers = known.containers.iter().filter_map(|c| Some((c.process?, c.name.as_str())));
    // a container may hold the sandbox in place of pause
    let pause = pause.filter(|(id, _)| !known.containers.iter().any(|c| c.process == Some(*id)));
    for (id, name) in pause.into_iter().chain(containers) {
        let present = world.process(id).filter(|p| !p.is_gone());
        let Some(ns) = present.and_then(|p| p.namespaces.get(NsKind::Pid)) else { continue };
        match all.iter_mut().find(|space| space.ns == ns) {
            Some(space) => space.members.push(name.to_owned()),
            None => all.push(PidNamespace { ns, members: vec![name.to_owned()] }),
        }
    }
    all
}

/// `PID PPID S COMMAND` as in a `/proc` that is mounted in this pid namespace: all processes in it and in its
/// descendants. A parent outside of it has pid 0.
pub fn ps_inside(world: &World, ns: NsId) -> Text {
    let mut text = Text::new(INSIDE);
    text.head(["PID", "PPID", "S", "COMMAND"]);
    let mut inside: Vec<(u32, &Process)> = world
        .in_pid_ns(ns)
        .filter_map(|p| match seen(world, p, ns) {
            Seen::Pid(pid) => Some((pid, p)),
            Seen::Outside | Seen::Unknown => None,
        })
        .collect();
    inside.sort_by_key(|(pid, p)| (*pid, p.id));
    for (pid, p) in inside {
        text.row([
            Cell::process(pid.to_string(), Some(p.id)),
            parent(world, p, |parent| seen(world, parent, ns)),
            p.state.letter().to_string().into(),
            Cell::process(command(p), Some(p.id)),
        ]);
    }
    text
}

/// How a pid namespace sees a process.
enum Seen {
    Pid(u32),
    /// The process is neither in this pid namespace nor in a descendant.
    Outside,
    Unknown,
}

fn seen(world: &World, p: &Process, ns: NsId) -> Seen {
    let Some(own) = p.namespaces.get(NsKind::Pid) else { return Seen::Unknown };
    let Some(above) = world.with_parents(own).position(|at| at == ns) else { return Seen::Outside };
    // the last entry is the pid in its own namespace, the one before it the pid in the parent namespace, and so on
    p.nspid.len().checked_sub(above + 1).and_then(|i| p.nspid.get(i)).map_or(Seen::Unknown, |pid| Seen::Pid(*pid))
}

/// The pid of the parent on the host. The parent may not be observed, as that of the node; then its pid may be unknown.
fn parent_on_host(world: &World, p: &Process) -> Cell {
    match p.parent {
        Parent::Process(id) if world.process(id).is_none() => id.pid.to_string().into(),
        Parent::Outside => "?".into(),
        _ => parent(world, p, |parent| Seen::Pid(parent.id.pid)),
    }
}

/// The pid of the parent as `seen` sees it; 0 for a parent outside.
fn parent(world: &World, p: &Process, seen: impl Fn(&Process) -> Seen) -> Cell {
    match p.parent {
        Parent::Unknown => "?".into(),
        Parent::Outside => "0".into(),
        // a reaped parent: the observer has not yet reported who adopted the child
        Parent::Process(id) => match world.process(id).filter(|parent| !parent.is_gone()).map(seen) {
            Some(Seen::Pid(pid)) => Cell::process(pid.to_string(), Some(id)),
            Some(Seen::Outside) => "0".into(),
            Some(Seen::Unknown) | None => "?".into(),
        },
    }
}

/// The command line. Without one, and for a zombie, which has lost it, the name in brackets.
fn command(p: &Process) -> String {
    if p.state == State::Zombie {
        format!("[{}] <defunct>", p.comm)
    } else if p.cmdline.is_empty() {
        format!("[{}]", p.comm)
    } else {
        p.cmdline.join(" ")
    }
}
