//! The status of a container and of a pod in words, as the views show it.

use super::text;
use crate::model::{
    Container, ContainerKind, ContainerState, Member, MonoNs, Parent, Pod, Process, Program, SandboxKind, World,
    duration, names,
};

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
        ContainerState::Waiting { reason, .. } => (reason.clone(), waiting_severity(reason)),
        ContainerState::Terminated { status, reason, .. } if status.success() => (reason.clone(), Severity::Done),
        ContainerState::Terminated { status, reason, .. } => {
            (format!("{reason} · exit {}", status.code()), Severity::Bad)
        }
    }
}

fn waiting_severity(reason: &str) -> Severity {
    if matches!(reason, "ContainerCreating" | "PodInitializing") { Severity::Waiting } else { Severity::Bad }
}

/// The line below the name: restarts, and the back-off or the program's origin.
pub fn detail(container: &Container) -> String {
    let mut parts = Vec::new();
    if container.restarts > 0 {
        parts.push(text::count(container.restarts as usize, "restart", "restarts"));
    }
    match waiting_message(container).and_then(back_off) {
        Some(wait) => parts.push(wait),
        None => parts.push(origin(&container.program, &container.image)),
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

/// `back-off 10 s (1 s on the lab's ×10 clock)`, from the kubelet's message and what the lab adds to it.
pub fn back_off(message: &str) -> Option<String> {
    let rest = message.strip_prefix("back-off ")?;
    let (length, rest) = rest.split_once(" restarting failed container")?;
    let length = spaced(length);
    let lab = rest.split_once("; the lab's clock runs ×").and_then(|(_, tail)| tail.split_once(": "));
    Some(match lab {
        Some((times, lab)) => format!("back-off {length} ({lab} on the lab's ×{times} clock)"),
        None => format!("back-off {length}"),
    })
}

/// `1m20s` is `1 min 20 s`.
fn spaced(go: &str) -> String {
    let mut out = String::new();
    for c in go.chars() {
        match c {
            'h' => out.push_str(" h "),
            'm' => out.push_str(" min "),
            's' => out.push_str(" s "),
            c => out.push(c),
        }
    }
    out.trim_end().replace(" min 0 s", " min")
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
    lines.push(text::count(container.restarts as usize, "restart", "restarts"));
    lines.join("\n")
}

/// The severity of the status that `kubectl get pod` shows.
pub fn pod_severity(pod: &Pod) -> Severity {
    use crate::model::Phase;
    let word = pod.status();
    let init = word.strip_prefix("Init:").unwrap_or(word);
    match init {
        "Terminating" | "SandboxChanged" | "NotReady" | "ContainerCreating" | "PodInitializing" => Severity::Waiting,
        "Completed" => Severity::Done,
        // Init:0/2
        _ if word != init && init.contains('/') => Severity::Waiting,
        _ if pod.reason.is_some() => Severity::Bad,
        _ => match pod.phase {
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
    let message_or = |fallback: &str| pod.message.clone().unwrap_or_else(|| fallback.to_owned());
    match pod.reason.as_deref() {
        Some("FailedCreatePodSandBox") => Some((
            "The sandbox could not be created; the lab retries every 10 s of a kubelet's clock".into(),
            message_or("The node gave no reason."),
        )),
        Some("Terminating") => Some((
            "The pod is being deleted".into(),
            "Its containers got TERM; KILL follows after the grace period. pause ends last.".into(),
        )),
        Some("SandboxChanged") => {
            Some(("The sandbox is gone and is created again".into(), message_or("pause has ended.")))
        }
        _ => pod.message.clone().map(|message| (pod.status().to_owned(), message)),
    }
}

/// When and how the previous pause ended, and how long the pod had no sandbox. `None` for the first sandbox.
pub fn last_sandbox(world: &World, pod: &Pod) -> Option<(MonoNs, String)> {
    let sandbox = pod.sandbox.as_ref().filter(|s| s.attempt > 0)?;
    let pauses = world
        .remembered_of_member(&Member::pause(&pod.uid))
        .filter(|p| Some(p.id) != sandbox.process && names::is_ns_init(p) && p.born.t < sandbox.started.t);
    let last = pauses.max_by_key(|p| p.born.t)?;
    let exit = last.exit?;
    let how = exit.status.map_or("ended".into(), |s| s.to_string());
    let gap = duration::format_exact(sandbox.started.t.since(exit.at.t));
    Some((exit.at.t, format!("pause #{} {how}; the pod had a new sandbox {gap} later", sandbox.attempt)))
}

/// The number of zombies, and whether pause or their parents hold them: `3 zombies · pause not reaping`.
pub fn zombies(world: &World, pod: &Pod) -> Option<String> {
    let zombies: Vec<&Process> = world.pod_processes(&pod.uid).filter(|p| p.is_zombie()).collect();
    if zombies.is_empty() {
        return None;
    }
    let pause = pod.sandbox.as_ref().and_then(|s| s.process);
    let pause_holds_all = zombies.iter().all(|p| pause.is_some_and(|id| p.parent == Parent::Process(id)));
    let holder = if pause_holds_all { "pause not reaping" } else { "held by their parents" };
    Some(format!("{} · {holder}", text::count(zombies.len(), "zombie", "zombies")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_back_off_is_shown_in_kubelet_and_lab_time() {
        let kubelet = "back-off 10s restarting failed container=web pod=web_default(7)";
        assert_eq!(back_off(kubelet).as_deref(), Some("back-off 10 s"));
        for (go, words) in [("10s", "10 s"), ("1m20s", "1 min 20 s"), ("5m0s", "5 min")] {
            let message = format!(
                "back-off {go} restarting failed container=c-with-s pod=p_default(7); the lab's clock runs ×10: 2.5 s"
            );
            let expected = format!("back-off {words} (2.5 s on the lab's ×10 clock)");
            assert_eq!(back_off(&message).as_deref(), Some(expected.as_str()));
        }
        assert_eq!(back_off("exec: \"nope\": no such file"), None);
    }
}
