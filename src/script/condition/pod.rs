//! Conditions on pods and their containers.

use super::ensure;
use crate::model::{Container, ContainerKind, ContainerState, NsKind, Phase, Pod, PodEvent, ProcId, World};
use crate::script::{Bound, MemberRef, resolve};

pub fn pods<'w>(world: &'w World, name: Option<&str>) -> Result<Vec<&'w Pod>, String> {
    match name {
        Some(name) => Ok(vec![resolve::pod(world, Some(name))?]),
        None => Ok(world.pods.values().map(AsRef::as_ref).collect()),
    }
}

/// Whether a pod of the lab is ready: every container runs or has succeeded, and its process has been seen.
///
/// # Errors
/// What is not ready yet.
pub fn pod_ready(world: &World, pod: &Pod) -> Result<(), String> {
    let is_seen = |id: Option<ProcId>| {
        id.and_then(|id| world.process(id)).is_some_and(|p| p.is_alive() && p.namespaces.get(NsKind::Net).is_some())
    };
    // without a sandbox the cause is the pod, not a container
    if pod.phase != Phase::Succeeded && resolve::sandbox_failure(pod).is_some() {
        return Err(pod_in_words(pod));
    }
    // a pod without containers is ready when its pause has been seen
    let is_sandbox_only = pod.containers.iter().all(|c| c.kind == ContainerKind::Ephemeral);
    if is_sandbox_only && pod.sandbox.as_ref().is_some_and(|s| s.ended.is_none() && is_seen(s.process)) {
        return Ok(());
    }
    // ephemeral containers do not count
    for c in pod.containers.iter().filter(|c| c.kind != ContainerKind::Ephemeral) {
        match &c.state {
            ContainerState::Running { .. } if is_seen(c.process) => {}
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

/// The pod's status, and why its sandbox does not run.
fn pod_in_words(pod: &Pod) -> String {
    let why = resolve::sandbox_failure(pod).map_or(String::new(), |why| format!(": {why}"));
    format!("pod {} is {}{why}", pod.name, pod.status())
}

pub fn ready(world: &World, name: Option<&str>) -> Result<(), String> {
    let mut pods = pods(world, name)?;
    if name.is_none() {
        pods.retain(|p| p.is_of_lab());
    }
    ensure(!pods.is_empty(), || "there is no pod yet".into())?;
    pods.into_iter().try_for_each(|p| pod_ready(world, p))
}

pub fn state(world: &World, name: &MemberRef, word: &str) -> Result<(), String> {
    let (_, container) = container(world, name)?;
    ensure(container.state.word() == word, || format!("{name} is {}", in_words(&container.state)))
}

pub fn status(world: &World, name: &str, word: &str) -> Result<(), String> {
    let pod = resolve::pod(world, Some(name))?;
    ensure(pod.status() == word, || pod_in_words(pod))
}

pub fn phase(world: &World, name: &str, phase: Phase) -> Result<(), String> {
    let pod = resolve::pod(world, Some(name))?;
    ensure(pod.phase == phase, || {
        let why = resolve::sandbox_failure(pod).map_or(String::new(), |why| format!(": {why}"));
        format!("pod {} is {}{why}", pod.name, pod.phase.name())
    })
}

pub fn restarted(world: &World, before: &World, name: &MemberRef) -> Result<(), String> {
    let (pod, container) = container(world, name)?;
    let before = before.pod(&pod.uid).and_then(|p| p.container(&container.name)).and_then(|c| c.restarts).unwrap_or(0);
    let runs = matches!(container.state, ContainerState::Running { .. });
    let restarts = container.restarts.ok_or_else(|| format!("the restarts of {name} are not known"))?;
    ensure(runs && restarts > before, || {
        let word = container.state.word();
        format!("{name} is {word} after {restarts} restarts, {before} of them before")
    })
}

pub fn restarts(world: &World, name: &MemberRef, bound: Bound) -> Result<(), String> {
    let (_, container) = container(world, name)?;
    let n = container.restarts.ok_or_else(|| format!("the restarts of {name} are not known"))?;
    ensure(bound.holds(u64::from(n)), || format!("{name} has been restarted {n} times"))
}

pub fn sandbox(world: &World, attempt: u32, name: Option<&str>) -> Result<(), String> {
    let pod = resolve::pod(world, name)?;
    let sandbox = pod.sandbox.as_ref().ok_or_else(|| {
        let why = resolve::sandbox_failure(pod).map_or(String::new(), |why| format!(": {why}"));
        format!("pod {} has no sandbox{why}", pod.name)
    })?;
    let runs = sandbox.ended.is_none() && sandbox.process.is_some();
    let number =
        sandbox.attempt.ok_or_else(|| format!("the number of the sandbox of pod {} is not known", pod.name))?;
    ensure(runs && number >= attempt, || {
        let state = if runs { "runs" } else { "does not run" };
        format!("the sandbox of pod {} is number {number} and {state}", pod.name)
    })
}

/// Checks events of a pod that may be removed: the events stay.
pub fn event(world: &World, before: &World, name: &str, reason: &str, text: &str) -> Result<(), String> {
    let uid = match resolve::pod(world, Some(name)) {
        Ok(pod) => &pod.uid,
        Err(why) => &before.pod_named(name).ok_or(why)?.uid,
    };
    let of_pod = || world.events.iter().filter(|e| e.pod == *uid);
    ensure(of_pod().any(|e| e.reason.as_str() == reason && e.message.contains(text)), || {
        let last = |e: &PodEvent| format!("{} {:?}", e.reason, e.message);
        match (of_pod().rfind(|e| e.reason.as_str() == reason), of_pod().next_back()) {
            (Some(e), _) => format!("the last {reason} of pod {name} says {:?}", e.message),
            (None, Some(e)) => format!("pod {name} has none; its last event is {}", last(e)),
            (None, None) => format!("pod {name} has no events"),
        }
    })
}

pub fn events(world: &World, name: &str, reason: &str, bound: Bound) -> Result<(), String> {
    let pod = resolve::pod(world, Some(name))?;
    let n = world.events.iter().filter(|e| e.pod == pod.uid && e.reason.as_str() == reason).count();
    ensure(bound.holds(n as u64), || format!("pod {name} has had {n}"))
}

pub fn removed(world: &World, before: &World, name: &str) -> Result<(), String> {
    ensure(before.pod_named(name).is_some() || world.pod_named(name).is_some(), || format!("there was no pod {name}"))?;
    match world.pod_named(name) {
        Some(pod) => Err(format!("pod {name} is {}", pod.status())),
        None => Ok(()),
    }
}

pub fn ip(world: &World, before: &World, name: &str, kept: bool) -> Result<(), String> {
    let pod = resolve::pod(world, Some(name))?;
    let now = pod.ip.ok_or_else(|| format!("pod {} has no address", pod.name))?;
    // compared by uid: a new pod of the same name is a different pod
    let before = before.pod(&pod.uid).ok_or_else(|| format!("pod {name} was not there before"))?.ip;
    let shown = || before.map_or_else(|| "none".into(), |ip| ip.to_string());
    ensure((before == Some(now)) == kept, || format!("the address was {} and is {now}", shown()))
}

fn container<'w>(world: &'w World, name: &MemberRef) -> Result<(&'w Pod, &'w Container), String> {
    let member = resolve::member(world, name)?;
    let pod = world.pod(&member.pod).ok_or_else(|| format!("there is no pod of {name}"))?;
    let container =
        member.container.as_deref().and_then(|name| pod.container(name)).ok_or_else(|| no_container(name))?;
    Ok((pod, container))
}

fn no_container(name: &MemberRef) -> String {
    format!("{name} is not a container; for pause use `sandbox`")
}

fn in_words(state: &ContainerState) -> String {
    match state {
        ContainerState::Waiting { reason, message: Some(message), .. } => format!("{reason}: {message}"),
        state => state.word().to_owned(),
    }
}
