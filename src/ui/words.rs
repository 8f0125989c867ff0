//! The status of a container and of a pod in words, as the views show it.

use std::borrow::Cow;

use super::text;
use crate::model::{
    BackOff, Container, ContainerKind, ContainerState, Member, MonoNs, NotRunning, Parent, Phase, Pod, PodReason,
    Process, Program, SandboxKind, TerminatedReason, WaitingReason, World, names,
};
use crate::wording::ending::pod_message;
use crate::wording::{countdown, duration};

/// How good or bad a state is; it decides the colour.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Severity {
    Good,
    /// It waits for something that happens without the user.
    Waiting,
    Bad,
    /// It has finished.
    Done,
}

/// A container's state as a word, with its severity: `Running`, `CrashLoopBackOff`, `Completed`, `Error · exit 1`.
pub fn state(container: &Container) -> (String, Severity) {
    match &container.state {
        ContainerState::Running { .. } => ("Running".into(), Severity::Good),
        ContainerState::Waiting { reason, .. } => (reason.to_string(), waiting_severity(reason)),
        ContainerState::Terminated { status, reason, .. } if status.success() => (reason.to_string(), Severity::Done),
        ContainerState::Terminated { status, reason, .. } => {
            (format!("{reason} · exit {}", status.code()), Severity::Bad)
        }
    }
}

const fn waiting_severity(reason: &WaitingReason) -> Severity {
    match reason {
        WaitingReason::ContainerCreating | WaitingReason::PodInitializing => Severity::Waiting,
        _ => Severity::Bad,
    }
}

/// The line below the name: restarts, how long it still waits, and the back-off or the program's origin.
pub fn detail(container: &Container, now: MonoNs) -> String {
    let mut parts: Vec<String> = container.countdown().map(|count| countdown::left(&count, now)).into_iter().collect();
    if let Some(restarts) = container.restarts.filter(|n| *n > 0) {
        parts.push(text::count(restarts as usize, "restart", "restarts"));
    }
    match &container.state {
        ContainerState::Waiting { back_off: Some(wait), .. } => parts.push(back_off(*wait)),
        _ => parts.push(origin(&container.program, &container.image)),
    }
    parts.join(" · ")
}

/// The message of a container that waits.
pub fn waiting_message(container: &Container) -> Option<&str> {
    match &container.state {
        ContainerState::Waiting { message, .. } => message.as_deref(),
        _ => None,
    }
}

/// `back-off 10 s (1 s on the lab's ×10 clock)`, `back-off 1 min 20 s`.
pub fn back_off(wait: BackOff) -> String {
    let seconds = wait.kubelet_ms / 1000;
    let length = match (seconds / 60, seconds % 60) {
        (0, s) => format!("{s} s"),
        (min, 0) => format!("{min} min"),
        (min, s) => format!("{min} min {s} s"),
    };
    match wait.clock {
        0 | 1 => format!("back-off {length}"),
        clock => {
            let lab = wait.lab_ns() as f64 / 1e9;
            format!("back-off {length} ({lab} s on the lab's ×{clock} clock)")
        }
    }
}

/// Where the program of a container comes from.
pub fn origin(program: &Program, image: &str) -> String {
    match program {
        Program::StandIn(applet) => format!("{applet} · stand-in for {image}"),
        Program::Host => "from the host".into(),
        Program::Image => image.to_owned(),
    }
}

/// The small tag beside the name of a container that is not an ordinary one.
pub const fn kind(kind: ContainerKind) -> Option<&'static str> {
    match kind {
        ContainerKind::App => None,
        ContainerKind::Init => Some("init"),
        ContainerKind::Sidecar => Some("sidecar"),
        ContainerKind::Ephemeral => Some("ephemeral"),
    }
}

/// All facts about a container for a hover, one per line.
pub fn in_full(container: &Container) -> String {
    let (word, _) = state(container);
    let mut lines = vec![text::escaped(&format!("{} · {word}", container.name)).into_owned()];
    match container.kind {
        ContainerKind::App => {}
        ContainerKind::Init => lines.push("An init container: the next starts when it has succeeded".into()),
        ContainerKind::Sidecar => lines.push("A sidecar: starts in its turn and runs beside the others".into()),
        ContainerKind::Ephemeral => {
            lines.push("An ephemeral container: added to inspect the pod, never restarted".into());
        }
    }
    if let Some(message) = waiting_message(container) {
        lines.push(text::escaped(message).into_owned());
    }
    let image = format!("image {} · {}", container.image, origin(&container.program, &container.image));
    lines.push(text::escaped(&image).into_owned());
    if !container.command.is_empty() {
        lines.push(text::escaped(&container.command.join(" ")).into_owned());
    }
    if let Some(exit) = container.last_exit {
        lines.push(format!("last ended with {exit}"));
    }
    if let Some(message) = &container.last_message {
        lines.push(format!("termination message: {}", message.trim_end()));
    }
    lines.extend(container.restarts.map(|n| text::count(n as usize, "restart", "restarts")));
    lines.join("\n")
}

/// The severity of the status that `kubectl get pod` shows.
pub fn pod_severity(pod: &Pod) -> Severity {
    match &pod.reason {
        Some(
            PodReason::Terminating | PodReason::SandboxChanged | PodReason::NotReady | PodReason::Initializing { .. },
        ) => Severity::Waiting,
        Some(PodReason::FailedCreatePodSandBox | PodReason::NodeLost) => Severity::Bad,
        Some(PodReason::Init(why) | PodReason::App(why)) => match why {
            NotRunning::Waiting(reason) => waiting_severity(reason),
            NotRunning::Terminated(TerminatedReason::Completed) => Severity::Done,
            NotRunning::Terminated(_) | NotRunning::Signal(_) | NotRunning::ExitCode(_) => Severity::Bad,
        },
        None => match pod.phase {
            Phase::Pending => Severity::Waiting,
            Phase::Running => Severity::Good,
            Phase::Succeeded => Severity::Done,
            Phase::Failed => Severity::Bad,
        },
    }
}

/// The file of the user's own pause, if the pod has one.
pub fn own_pause(pod: &Pod) -> Option<&str> {
    match &pod.sandbox.as_ref()?.kind {
        SandboxKind::Own(file) => Some(file),
        _ => None,
    }
}

/// A description of such a pause.
pub fn own_pause_description(file: &str) -> String {
    format!("pause from {}; it does not report its reaps, they are observed in the kernel", text::escaped(file))
}

/// The last part of a path.
pub fn file_name(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}

/// The reason for the pod's status: a title and a sentence. `None` if there is nothing to explain.
pub fn status_reason(pod: &Pod) -> Option<(String, String)> {
    let message_or = |fallback: &str| pod_message(pod).map_or_else(|| fallback.to_owned(), Cow::into_owned);
    match pod.reason {
        Some(PodReason::FailedCreatePodSandBox) => Some((
            "The sandbox could not be created; the lab retries every 10 s of a kubelet's clock".into(),
            message_or("The node gave no reason."),
        )),
        Some(PodReason::Terminating) => Some((
            "The pod is being deleted".into(),
            "Its containers got TERM; KILL follows after the grace period. pause ends last.".into(),
        )),
        Some(PodReason::SandboxChanged) => {
            Some(("The sandbox is gone and is created again".into(), message_or("pause has ended.")))
        }
        _ => pod_message(pod).map(|message| (pod.status().into_owned(), message.into_owned())),
    }
}

/// When and how the previous pause ended, and how long the pod had no sandbox. `None` for the first sandbox.
pub fn last_sandbox(world: &World, pod: &Pod) -> Option<(MonoNs, String)> {
    let sandbox = pod.sandbox.as_ref()?;
    let before = sandbox.attempt.filter(|n| *n > 0)?;
    let pauses = world
        .remembered_of_member(&Member::pause(&pod.uid))
        .filter(|p| Some(p.id) != sandbox.process && names::is_ns_init(p) && p.born.t < sandbox.started.t);
    let last = pauses.max_by_key(|p| p.born.t)?;
    let exit = last.exit?;
    let how = exit.status.map_or("ended".into(), |s| s.to_string());
    let gap = duration::format_exact(sandbox.started.t.since(exit.at.t));
    Some((exit.at.t, format!("pause #{before} {how}; the pod had a new sandbox {gap} later")))
}

/// The number of a pod's zombies, and whether pause or their parents hold them: `3 zombies · pause not reaping`.
pub fn zombies(pod: &Pod, zombies: &[&Process]) -> String {
    let pause = pod.sandbox.as_ref().and_then(|s| s.process);
    let pause_holds_all = zombies.iter().all(|p| pause.is_some_and(|id| p.parent == Parent::Process(id)));
    let holder = if pause_holds_all { "pause not reaping" } else { "held by their parents" };
    format!("{} · {holder}", text::count(zombies.len(), "zombie", "zombies"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_back_off_is_shown_in_kubelet_and_lab_time() {
        let table = [
            (10_000, 1, "back-off 10 s"),
            (10_000, 10, "back-off 10 s (1 s on the lab's ×10 clock)"),
            (80_000, 32, "back-off 1 min 20 s (2.5 s on the lab's ×32 clock)"),
            (300_000, 1, "back-off 5 min"),
        ];
        for (kubelet_ms, clock, words) in table {
            assert_eq!(back_off(BackOff { kubelet_ms, clock }), words);
        }
    }
}
