//! `ps` on the host and in the pod (procps).
//!
//! The columns are those of `ps -o uid,pid,ppid,s,args`: STAT would also tell of sessions, terminals and priorities,
//! which are not observed.

use super::text::{Cell, Layout, Text};
use crate::model::{NsId, NsKind, Parent, PodUid, ProcId, Process, State, World};

const HOST: Layout = Layout::Columns(&[(5, true), (7, true), (7, true), (1, false), (0, false)]);
const INSIDE: Layout = Layout::Columns(&[(7, true), (7, true), (1, false), (0, false)]);

/// `UID PID PPID S COMMAND` as the observer's `/proc` has them: the node, and the processes of one pod or of all.
pub fn ps_host(world: &World, pod: Option<&PodUid>) -> Text {
    let mut text = Text::new(HOST);
    text.head(["UID", "PID", "PPID", "S", "COMMAND"]);
    let node = world.node.as_ref().map(|n| n.process);
    let wanted =
        |p: &&Process| Some(p.id) == node || p.member.as_ref().is_some_and(|m| pod.is_none_or(|uid| m.pod == *uid));
    for p in world.present().filter(wanted) {
        text.row([
            p.uid.map_or_else(|| "?".to_owned(), |uid| uid.to_string()).into(),
            Cell::process(p.id.pid.to_string(), Some(p.id)),
            parent(world, p, |parent| Some(parent.id.pid)),
            p.state.letter().to_string().into(),
            Cell::process(command(p), Some(p.id)),
        ]);
    }
    text
}

/// A pid namespace in which members of a pod are, and which.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PidNamespace {
    pub ns: NsId,
    /// `pause` and the names of containers; in the order of their pids.
    pub members: Vec<String>,
}

/// The pid namespaces that the pod's members were started in: one if they share it.
pub fn pid_namespaces(world: &World, pod: &PodUid) -> Vec<PidNamespace> {
    let mut all: Vec<PidNamespace> = Vec::new();
    let Some(known) = world.pod(pod) else { return all };
    let pause = known.sandbox.as_ref().and_then(|s| s.process).map(|id| (id, "pause"));
    let containers = known.containers.iter().filter_map(|c| Some((c.process?, c.name.as_str())));
    // in place of pause a container may hold the sandbox
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

/// `PID PPID S COMMAND` as a `/proc` mounted in this pid namespace has them: everyone in it or in one below it. A
/// parent outside of it has pid 0.
pub fn ps_inside(world: &World, ns: NsId) -> Text {
    let mut text = Text::new(INSIDE);
    text.head(["PID", "PPID", "S", "COMMAND"]);
    let mut inside: Vec<(u32, &Process)> = world.present().filter_map(|p| Some((pid_in(world, p, ns)?, p))).collect();
    inside.sort_by_key(|(pid, p)| (*pid, p.id));
    for (pid, p) in inside {
        text.row([
            Cell::process(pid.to_string(), Some(p.id)),
            parent(world, p, |parent| pid_in(world, parent, ns)),
            p.state.letter().to_string().into(),
            Cell::process(command(p), Some(p.id)),
        ]);
    }
    text
}

/// The pid of a process in a pid namespace; `None` where it has none, or where that is not known.
fn pid_in(world: &World, p: &Process, ns: NsId) -> Option<u32> {
    let own = p.namespaces.get(NsKind::Pid)?;
    let above = world.with_parents(own).position(|at| at == ns)?;
    // the last is the pid in its own, the one before that in the one above it
    p.nspid.len().checked_sub(above + 1).and_then(|i| p.nspid.get(i)).copied()
}

/// A parent's pid as `pid` has it, and 0 for one that it has none for.
fn parent(world: &World, p: &Process, pid: impl Fn(&Process) -> Option<u32>) -> Cell {
    let known = |id: ProcId| world.process(id).filter(|parent| !parent.is_gone());
    match p.parent {
        Parent::Unknown => "?".into(),
        Parent::Outside => "0".into(),
        Parent::Process(id) => match known(id) {
            // it has been reaped, and who has adopted the child is still to be told
            None => "?".into(),
            Some(parent) => match pid(parent) {
                Some(pid) => Cell::process(pid.to_string(), Some(id)),
                None => "0".into(),
            },
        },
    }
}

/// The command line; its name in brackets where there is none, and of a zombie, which has lost it.
fn command(p: &Process) -> String {
    if p.state == State::Zombie {
        format!("[{}] <defunct>", p.comm)
    } else if p.cmdline.is_empty() {
        format!("[{}]", p.comm)
    } else {
        p.cmdline.join(" ")
    }
}
