//! Conditions on pods and their containers.

use super::held;
use crate::model::{Container, ContainerKind, ContainerState, NsKind, Phase, Pod, PodEvent, ProcId, Runtime, World};
use crate::script::{Bound, MemberRef, resolve};

pub fn pods<'w>(world: &'w World, name: Option<&str>) -> Result<Vec<&'w Pod>, String> {
    match name {
        Some(name) => Ok(vec![resolve::pod(world, Some(name))?]),
        None => Ok(world.pods.values().map(AsRef::as_ref).collect()),
    }
}

/// Whether a pod of the lab is up: every container runs or has succeeded, and its processes are seen.
pub fn pod_ready(world: &World, pod: &Pod) -> Result<(), String> {
    let seen = |id: Option<ProcId>| {
        id.and_then(|id| world.process(id)).is_some_and(|p| p.is_alive() && p.namespaces.get(NsKind::Net).is_some())
    };
    // without a sandbox no container is at fault
    if pod.phase != Phase::Succeeded && resolve::trouble(pod).is_some() {
        return Err(pod_in_words(pod));
    }
    // a sandbox alone is up when its pause is seen
    let alone = pod.containers.iter().all(|c| c.kind == ContainerKind::Ephemeral);
    if alone && pod.sandbox.as_ref().is_some_and(|s| s.ended.is_none() && seen(s.process)) {
        return Ok(());
    }
    // those that look into the pod are not of it
    for c in pod.containers.iter().filter(|c| c.kind != ContainerKind::Ephemeral) {
        match &c.state {
            ContainerState::Running { .. } if seen(c.process) => {}
            ContainerState::Running { .. } => return Err(format!("{}/{} is not seen yet", pod.name, c.name)),
            ContainerState::Terminated { status, .. } if status.success() => {}
            state => return Err(format!("{}/{} is {}", pod.name, c.name, in_words(state))),
        }
    }
    match pod.phase {
        Phase::Running | Phase::Succeeded => Ok(()),
        _ => Err(pod_in_words(pod)),
    }
}

/// Its status, and what keeps it from running.
fn pod_in_words(pod: &Pod) -> String {
    let why = resolve::trouble(pod).map_or(String::new(), |why| format!(": {why}"));
    format!("pod {} is {}{why}", pod.name, pod.status())
}

pub fn ready(world: &World, name: Option<&str>) -> Result<(), String> {
    let mut pods = pods(world, name)?;
    if name.is_none() {
        pods.retain(|p| p.runtime == Runtime::Lab);
    }
    held(!pods.is_empty(), || "there is no pod yet".into())?;
    pods.into_iter().try_for_each(|p| pod_ready(world, p))
}

pub fn state(world: &World, name: &MemberRef, word: &str) -> Result<(), String> {
    let (_, container) = container(world, name)?;
    held(container.state.word() == word, || format!("{name} is {}", in_words(&container.state)))
}

pub fn status(world: &World, name: &str, word: &str) -> Result<(), String> {
    let pod = resolve::pod(world, Some(name))?;
    held(pod.status() == word, || pod_in_words(pod))
}

pub fn phase(world: &World, name: &str, phase: Phase) -> Result<(), String> {
    let pod = resolve::pod(world, Some(name))?;
    held(pod.phase == phase, || {
        let why = resolve::trouble(pod).map_or(String::new(), |why| format!(": {why}"));
        format!("pod {} is {}{why}", pod.name, pod.phase.name())
    })
}

pub fn restarted(world: &World, before: &World, name: &MemberRef) -> Result<(), String> {
    let (pod, container) = container(world, name)?;
    let before = before.pod(&pod.uid).and_then(|p| p.container(&container.name)).map_or(0, |c| c.restarts);
    let runs = matches!(container.state, ContainerState::Running { .. });
    held(runs && container.restarts > before, || {
        let (word, restarts) = (container.state.word(), container.restarts);
        format!("{name} is {word} after {restarts} restarts, {before} of them before")
    })
}

pub fn restarts(world: &World, name: &MemberRef, bound: Bound) -> Result<(), String> {
    let (_, container) = container(world, name)?;
    let n = container.restarts;
    held(bound.holds(u64::from(n)), || format!("{name} has been restarted {n} times"))
}

pub fn sandbox(world: &World, attempt: u32, name: Option<&str>) -> Result<(), String> {
    let pod = resolve::pod(world, name)?;
    let sandbox = pod.sandbox.as_ref().ok_or_else(|| {
        let why = resolve::trouble(pod).map_or(String::new(), |why| format!(": {why}"));
        format!("pod {} has no sandbox{why}", pod.name)
    })?;
    let stands = sandbox.ended.is_none() && sandbox.process.is_some();
    held(stands && sandbox.attempt >= attempt, || {
        let state = if stands { "stands" } else { "does not stand" };
        format!("the sandbox of pod {} is number {} and {state}", pod.name, sandbox.attempt)
    })
}

/// The pod's events outlive it.
pub fn event(world: &World, before: &World, name: &str, reason: &str, text: &str) -> Result<(), String> {
    let uid = match resolve::pod(world, Some(name)) {
        Ok(pod) => &pod.uid,
        Err(why) => &before.pod_named(name).ok_or(why)?.uid,
    };
    let of_pod = || world.events.iter().filter(|e| e.pod == *uid);
    held(of_pod().any(|e| e.reason == reason && e.message.contains(text)), || {
        let last = |e: &PodEvent| format!("{} {:?}", e.reason, e.message);
        match (of_pod().rfind(|e| e.reason == reason), of_pod().next_back()) {
            (Some(e), _) => format!("the last {reason} of pod {name} says {:?}", e.message),
            (None, Some(e)) => format!("pod {name} has none; its last event is {}", last(e)),
            (None, None) => format!("pod {name} has no events"),
        }
    })
}

pub fn events(world: &World, name: &str, reason: &str, bound: Bound) -> Result<(), String> {
    let pod = resolve::pod(world, Some(name))?;
    let n = world.events.iter().filter(|e| e.pod == pod.uid && e.reason == reason).count();
    held(bound.holds(n as u64), || format!("pod {name} has had {n}"))
}

pub fn removed(world: &World, before: &World, name: &str) -> Result<(), String> {
    held(before.pod_named(name).is_some() || world.pod_named(name).is_some(), || format!("there was no pod {name}"))?;
    match world.pod_named(name) {
        Some(pod) => Err(format!("pod {name} is {}", pod.status())),
        None => Ok(()),
    }
}

pub fn ip(world: &World, before: &World, name: &str, kept: bool) -> Result<(), String> {
    let pod = resolve::pod(world, Some(name))?;
    let now = pod.ip.ok_or_else(|| format!("pod {} has no address", pod.name))?;
    // by uid: another pod of the same name is another pod
    let before = before.pod(&pod.uid).ok_or_else(|| format!("pod {name} was not there before"))?.ip;
    let shown = || before.map_or_else(|| "none".into(), |ip| ip.to_string());
    held((before == Some(now)) == kept, || format!("the address was {} and is {now}", shown()))
}

fn container<'w>(world: &'w World, name: &MemberRef) -> Result<(&'w Pod, &'w Container), String> {
    let member = resolve::member(world, name)?;
    let pod = world.pod(&member.pod).ok_or_else(|| format!("there is no pod of {name}"))?;
    let container =
        member.container.as_deref().and_then(|name| pod.container(name)).ok_or_else(|| no_container(name))?;
    Ok((pod, container))
}

fn no_container(name: &MemberRef) -> String {
    format!("{name} is no container; for pause say `sandbox`")
}

fn in_words(state: &ContainerState) -> String {
    match state {
        ContainerState::Waiting { reason, message: Some(message) } => format!("{reason}: {message}"),
        state => state.word().to_owned(),
    }
}
