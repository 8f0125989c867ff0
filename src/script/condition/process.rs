//! Conditions on processes.

use super::ensure;
use super::pod::pods;
use crate::model::{NsId, NsKind, PodUid, ProcId, Process, State, World};
use crate::script::{Bound, Ending, MemberRef, resolve};

pub fn alive(world: &World, name: &MemberRef) -> Result<(), String> {
    let id = resolve::process(world, name)?;
    ensure(world.process(id).is_some_and(Process::is_alive), || format!("{name} is not alive"))
}

pub fn ended(world: &World, name: &MemberRef, id: ProcId, how: Ending) -> Result<(), String> {
    let p = world.process(id).ok_or_else(|| format!("{name} (pid {id}) is not remembered any more"))?;
    let exit = p.exit.ok_or_else(|| format!("{name} (pid {id}) still exists, in state {}", p.state.letter()))?;
    let status = exit.status.ok_or_else(|| format!("how {name} (pid {id}) ended is not known"))?;
    ensure(how.matches(status), || format!("{name} (pid {id}) ended: {status}"))
}

pub fn state(world: &World, name: &MemberRef, wanted: State) -> Result<(), String> {
    let id = match wanted {
        State::Zombie => resolve::zombie(world, name)?,
        _ => resolve::process(world, name)?,
    };
    let state = world.process(id).map_or(State::Gone, |p| p.state);
    ensure(state == wanted, || format!("{name} (pid {id}) is in state {}", state.letter()))
}

pub fn count(world: &World, name: &MemberRef, bound: Bound) -> Result<(), String> {
    let MemberRef::Name { process: Some((called, _)), .. } = name else { return Err(format!("{name} is one process")) };
    let n = resolve::named(world, &resolve::member(world, name)?, called, false).len();
    ensure(bound.holds(n as u64), || format!("there are {n}"))
}

pub fn parent(world: &World, name: &MemberRef, wanted: &MemberRef) -> Result<(), String> {
    // a zombie has a parent too: the process that must reap it
    let id = resolve::process(world, name).or_else(|why| resolve::zombie(world, name).map_err(|_| why))?;
    let p = world.process(id).ok_or_else(|| format!("{name} is not there"))?;
    let is = match p.parent.process() {
        Some(id) => resolve::refers_to(world, wanted, id)?,
        None => false,
    };
    ensure(is, || format!("the parent of {name} (pid {}) is {}", p.id, resolve::parent_in_words(world, p.parent)))
}

pub fn reaped(world: &World, name: &MemberRef, id: ProcId, by: &MemberRef) -> Result<(), String> {
    let p = world.process(id).ok_or_else(|| format!("{name} (pid {id}) is not remembered any more"))?;
    let reap = p.reap.ok_or_else(|| format!("{name} (pid {id}) still exists, in state {}", p.state.letter()))?;
    let is = match reap.by.process() {
        Some(reaper) => resolve::refers_to(world, by, reaper)?,
        None => false,
    };
    ensure(is, || format!("{name} (pid {id}) was reaped by {}", resolve::parent_in_words(world, reap.by)))
}

pub fn orphan(world: &World, name: &MemberRef, by: &MemberRef) -> Result<(), String> {
    let MemberRef::Name { process: Some((called, _)), .. } = name else { return Err(format!("{name} is one process")) };
    let member = resolve::member(world, name)?;
    // reaped processes count too, since an orphan is a zombie only for a moment
    let of_name = |p: &&Process| resolve::has_name(p, called);
    let all: Vec<&Process> = world.remembered_of_member(&member).filter(of_name).collect();
    let adopted: Vec<&Process> = all
        .iter()
        .copied()
        .filter(|p| {
            let adopter = p.reparents.last().and_then(|r| r.to.process());
            adopter.is_some_and(|id| resolve::refers_to(world, by, id).unwrap_or(false))
        })
        .collect();
    let reaped_by_it = |p: &&Process| {
        let reaper = p.reap.and_then(|r| r.by.process());
        reaper.is_some_and(|id| resolve::refers_to(world, by, id).unwrap_or(false))
    };
    ensure(adopted.iter().any(reaped_by_it), || match (all.len(), adopted.len()) {
        (0, _) => format!("there was no {name}"),
        (n, 0) => format!("none of {n} {name} was adopted by {by}"),
        (_, n) => {
            let ends: Vec<String> = adopted.iter().rev().take(3).map(|p| fate_of(world, p)).collect();
            format!("{by} adopted {n} {name} and reaped none: {}", ends.join("; "))
        }
    })
}

fn fate_of(world: &World, p: &Process) -> String {
    match p.reap {
        Some(reap) => format!("pid {} was reaped by {}", p.id, resolve::parent_in_words(world, reap.by)),
        None => format!("pid {} is in state {}", p.id, p.state.letter()),
    }
}

pub fn zombies(world: &World, count: usize, name: Option<&str>) -> Result<(), String> {
    let pods: Vec<&PodUid> = pods(world, name)?.into_iter().map(|p| &p.uid).collect();
    let of_pods = |p: &&Process| p.member.as_ref().is_some_and(|m| pods.contains(&&m.pod));
    let now = world.zombies().filter(of_pods).count();
    ensure(now == count, || format!("there are {now} zombies"))
}

pub fn memory(world: &World, name: &MemberRef, bound: Bound) -> Result<(), String> {
    let id = resolve::process(world, name)?;
    let bytes = world.process(id).map_or(0, |p| p.rss_bytes);
    // 0 means that it has not been read yet
    ensure(bytes > 0 && bound.holds(bytes), || format!("{bytes} bytes of {name} (pid {id}) are resident"))
}

pub fn cpu(world: &World, name: &MemberRef, bound: Bound) -> Result<(), String> {
    let usage = world.usage(&resolve::member(world, name)?).ok_or_else(|| format!("no process of {name} is alive"))?;
    let share = usage.cpu.value.permille;
    ensure(bound.holds(u64::from(share)), || format!("{name} uses {}.{} % of a core", share / 10, share % 10))
}

pub fn in_pod(world: &World, name: &MemberRef, pid: u32) -> Result<(), String> {
    let id = resolve::process(world, name)?;
    let inside = world.process(id).and_then(Process::pid_inside);
    ensure(inside == Some(pid), || match inside {
        Some(other) => format!("the pid of {name} in the pod is {other}"),
        None => format!("the pid of {name} in the pod is not known"),
    })
}

pub fn same_namespace(world: &World, kind: NsKind, a: &MemberRef, b: &MemberRef, wanted: bool) -> Result<(), String> {
    let (one, two) = (namespace(world, kind, a)?, namespace(world, kind, b)?);
    ensure((one == two) == wanted, || {
        if wanted { format!("{a} is in {one}, {b} in {two}") } else { format!("{a} and {b} are both in {one}") }
    })
}

fn namespace(world: &World, kind: NsKind, name: &MemberRef) -> Result<NsId, String> {
    let unknown = || format!("the {kind} namespace of {name} is not known");
    if name.is_bare("host") {
        return world.host.namespaces.get(kind).ok_or_else(unknown);
    }
    let id = match &world.node {
        Some(node) if name.is_bare("node") => node.process,
        _ => resolve::process(world, name)?,
    };
    world.process(id).and_then(|p| p.namespaces.get(kind)).ok_or_else(unknown)
}
