//! What the end of a process meant for its container and its pod, and what followed.

use super::{EndChain, EndFact, EndLink, Gap, explain_end, gap, link};
use crate::model::names::is_ns_init;
use crate::model::{
    Container, ContainerKind, ContainerState, EventReason, Exit, Member, MonoNs, Parent, Pod, Process, Stamp,
    TerminatedReason, WaitStatus, World,
};

/// How a run of a container ended: the parts of [`ContainerState::Terminated`].
#[derive(Clone, Copy)]
struct Run<'a> {
    status: WaitStatus,
    reason: &'a TerminatedReason,
    message: Option<&'a str>,
    started: Option<Stamp>,
    at: Stamp,
    /// It is the container's present state.
    is_present: bool,
}

/// Why the last run of a container ended; `None` if it has not ended yet. The chain is that of its first process, or
/// what the runtime says if that is no longer remembered.
pub fn explain_container_end(world: &World, pod: &Pod, container: &Container) -> Option<EndChain> {
    let run = runs(container).next()?;
    let member = Member::container(&pod.uid, &container.name);
    let is_of_run = |p: &&Process| p.exit.is_some_and(|exit| is_first_process(world, p, exit, container, run));
    if let Some(p) = world.remembered_of_member(&member).find(is_of_run) {
        return explain_end(world, p.id);
    }
    let mut links = vec![gap(Gap::ProcessForgotten), ended(container, run)];
    then(pod, container, run, &mut links);
    Some(EndChain { links })
}

/// The runs that are known, the last one first.
fn runs(container: &Container) -> impl Iterator<Item = Run<'_>> {
    let states = [(Some(&container.state), true), (container.last_state.as_ref(), false)];
    states.into_iter().filter_map(|(state, is_present)| match state? {
        ContainerState::Terminated { status, reason, message, started, at } => {
            let (status, started, at) = (*status, *started, *at);
            Some(Run { status, reason, message: message.as_deref(), started, at, is_present })
        }
        _ => None,
    })
}

/// Whether it was the first process of this run.
fn is_first_process(world: &World, p: &Process, exit: Exit, container: &Container, run: Run<'_>) -> bool {
    if exit.status.is_some_and(|status| status != run.status) {
        return false;
    }
    let Some(started) = run.started else { return run.is_present && container.process == Some(p.id) };
    // its parent is the node or the runtime, and it was there when the program started
    let first_parent = p.reparents.first().map_or(p.parent, |step| step.from);
    let is_inside = |parent: Parent| {
        let parent = parent.process().and_then(|id| world.process(id));
        parent.is_some_and(|parent| parent.member == p.member)
    };
    p.born.t <= started.t && started.t <= exit.at.t && exit.at.t <= run.at.t && !is_inside(first_parent)
}

/// The container of a process, and the run that ended with it.
fn run_of<'a>(world: &'a World, p: &Process, exit: Exit) -> Option<(&'a Pod, &'a Container, Run<'a>)> {
    let member = p.member.as_ref()?;
    let pod = world.pod(&member.pod)?;
    let container = pod.container(member.container.as_deref()?)?;
    let run = runs(container).find(|run| is_first_process(world, p, exit, container, *run))?;
    Some((pod, container, run))
}

/// The first process of the process's container if it ended before `t`, and the container's name.
pub(super) fn first_process_before<'a>(world: &'a World, p: &Process, t: MonoNs) -> Option<(&'a Process, String)> {
    let member = p.member.as_ref()?;
    let ended_before = |q: &&Process| {
        let exit = q.exit.filter(|exit| q.id != p.id && exit.at.t <= t);
        exit.is_some_and(|exit| run_of(world, q, exit).is_some())
    };
    let first = world.remembered_of_member(member).filter(ended_before).max_by_key(|q| q.exit.map(|exit| exit.at.t))?;
    Some((first, member.container.clone()?))
}

/// The name of the container that ended with this process because of its memory limit.
pub(super) fn ran_out_of_memory(world: &World, p: &Process, exit: Exit) -> Option<String> {
    let (_, container, run) = run_of(world, p, exit)?;
    let was_killed = run.status.signal() == Some(9);
    (was_killed && *run.reason == TerminatedReason::OomKilled).then(|| container.name.clone())
}

/// What followed for the container whose first process it was, or for the sandbox that it held.
pub(super) fn after_process(world: &World, p: &Process, exit: Exit, links: &mut Vec<EndLink>) {
    if let Some((pod, container, run)) = run_of(world, p, exit) {
        links.push(ended(container, run));
        if world.killed_by_end_of(p).is_some() {
            sandbox_changed(world, pod, exit.at.t, links);
        }
        return then(pod, container, run, links);
    }
    let Some(member) = p.member.as_ref().filter(|member| member.container.is_none()) else { return };
    let Some(pod) = world.pod(&member.pod) else { return };
    let Some(sandbox) = &pod.sandbox else { return };
    if sandbox.process == Some(p.id) {
        links.extend(sandbox.ended.map(|at| link(at, EndFact::SandboxEnded)));
    }
    sandbox_changed(world, pod, exit.at.t, links);
    // only the next sandbox: the pod may have had several since
    let is_between = |q: &Process| {
        let is_other = q.id != p.id && Some(q.id) != sandbox.process;
        is_other && is_ns_init(q) && q.born.t > exit.at.t && q.born.t < sandbox.started.t
    };
    let is_next = !world.remembered_of_member(member).any(is_between);
    if sandbox.process != Some(p.id) && sandbox.started.t > exit.at.t && is_next {
        links.push(link(sandbox.started, EndFact::NewSandbox { number: sandbox.number() }));
    }
}

/// A change of the pod's sandbox while a process lived: its container is then stopped.
pub(super) struct SandboxChange<'a> {
    pub at: Stamp,
    /// The process that had held the sandbox, if it is remembered.
    pub holder: Option<&'a Process>,
}

/// The change of the sandbox after the birth of the process and before `t`.
pub(super) fn sandbox_change<'a>(world: &'a World, p: &Process, t: MonoNs) -> Option<SandboxChange<'a>> {
    let member = p.member.as_ref().filter(|member| member.container.is_some())?;
    let changed = world.events.iter().rev().find(|event| {
        let is_in_life = p.born.t <= event.at.t && event.at.t <= t;
        event.pod == member.pod && event.reason == EventReason::SandboxChanged && is_in_life
    })?;
    let ended = |q: &&Process| is_ns_init(q) && q.exit.is_some_and(|exit| exit.at.t <= changed.at.t);
    let pauses = world.remembered_of_member(&Member::pause(&member.pod)).filter(ended);
    Some(SandboxChange { at: changed.at, holder: pauses.max_by_key(|q| q.exit.map(|exit| exit.at.t)) })
}

/// The first report after `t` that the pod gets a new sandbox.
fn sandbox_changed(world: &World, pod: &Pod, t: MonoNs, links: &mut Vec<EndLink>) {
    let changed = world
        .events
        .iter()
        .filter(|event| event.pod == pod.uid && event.reason == EventReason::SandboxChanged && event.at.t >= t);
    links.extend(changed.min_by_key(|event| event.at.t).map(|event| link(event.at, EndFact::SandboxChanged)));
}

fn ended(container: &Container, run: Run<'_>) -> EndLink {
    let (container, code, reason) = (container.name.clone(), run.status.code(), run.reason.clone());
    let message = run.message.map(str::to_owned);
    link(run.at, EndFact::ContainerEnded { container, code, reason, message })
}

/// What the pod does with the container after this run.
fn then(pod: &Pod, container: &Container, run: Run<'_>, links: &mut Vec<EndLink>) {
    let name = container.name.clone();
    match &container.state {
        ContainerState::Running { since } if since.t >= run.at.t => {
            links.push(link(*since, EndFact::Restarted { container: name, restarts: container.restarts }));
        }
        ContainerState::Waiting { back_off: Some(wait), .. } => {
            links.push(EndLink {
                at: None,
                fact: EndFact::BackOff { wait: *wait, until: run.at.t.plus(wait.lab_ns()) },
            });
        }
        ContainerState::Waiting { reason, .. } => {
            links.push(EndLink { at: None, fact: EndFact::Waiting { container: name, reason: reason.clone() } });
        }
        // a sidecar is started again whatever the policy is, and an ephemeral container never is
        ContainerState::Terminated { .. } if run.is_present && container.kind == ContainerKind::App => {
            let policy = pod.restart.filter(|policy| !policy.restarts(run.status));
            links.extend(policy.map(|policy| EndLink { at: None, fact: EndFact::StaysEnded { policy } }));
        }
        ContainerState::Running { .. } | ContainerState::Terminated { .. } => {}
    }
}
