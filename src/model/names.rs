//! Names of processes, and what their names depend on.

use super::{Member, Process, SandboxKind, World};

/// Whether it is PID 1 of its pid namespace, which is not the observer's.
pub fn is_ns_init(p: &Process) -> bool {
    p.nspid.len() > 1 && p.pid_inside() == Some(1)
}

/// Whether it is PID 1 of the observer's own pid namespace: the machine's init, unless Podscope runs in a container.
pub const fn is_own_init(p: &Process) -> bool {
    p.id.pid == 1
}

/// Whether it is the process that holds a pod's sandbox and belongs to no container.
pub fn is_pause(p: &Process) -> bool {
    matches!(p.member, Some(Member { container: None, .. })) && is_ns_init(p)
}

/// Whether it is a pause of the lab, whose behaviour is known. A pause that the user brought is treated as any other
/// process.
pub fn is_known_pause(world: &World, p: &Process) -> bool {
    is_pause(p) && !matches!(sandbox_kind(world, p), Some(SandboxKind::Own(_)))
}

/// What holds the sandbox of the process's pod.
pub(super) fn sandbox_kind<'a>(world: &'a World, p: &Process) -> Option<&'a SandboxKind> {
    world.pod(&p.member.as_ref()?.pod)?.sandbox.as_ref().map(|s| &s.kind)
}

/// `pause`, or the program's name without its arguments. A process that calls itself `nginx: worker process` is
/// `nginx: worker`.
pub fn short_name(p: &Process) -> String {
    if is_pause(p) {
        return "pause".into();
    }
    if let Some((role, _)) = p.own_title().and_then(|title| title.split_once(" process")) {
        return format!("{}: {role}", p.comm);
    }
    if p.comm.is_empty() { format!("pid {}", p.id.pid) } else { p.comm.clone() }
}

/// What the lane of a process is called: its title, or the short name if it has given itself one, as nginx does. No more
/// than 120 characters.
pub fn lane_name(p: &Process) -> String {
    let name = if is_pause(p) || p.own_title().is_some() { short_name(p) } else { p.title() };
    match name.char_indices().nth(120) {
        Some((end, _)) => name[..end].to_owned(),
        None if name.is_empty() => short_name(p),
        None => name,
    }
}

/// `pause`, or the container with the program: `web (nginx: master)`.
pub fn member_name(p: &Process) -> String {
    match p.member.as_ref().and_then(|m| m.container.as_deref()) {
        Some(container) if !is_pause(p) => format!("{container} ({})", short_name(p)),
        _ => short_name(p),
    }
}

/// Who reaped a process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reaper<'a> {
    /// The kernel, with the pid namespace.
    Kernel,
    Process(&'a Process),
}

/// Who reaped `p`; `None` if that is not known. All processes that ended with their pid namespace have the same reaper,
/// whatever their parent was: the dying init waits for them in the kernel (`zap_pid_ns_processes`).
pub fn reaper<'a>(world: &'a World, p: &Process) -> Option<Reaper<'a>> {
    let reap = p.reap?;
    if world.ended_with_pid_ns(p) {
        return Some(Reaper::Kernel);
    }
    reap.by.process().and_then(|id| world.process(id)).map(Reaper::Process)
}
