//! A container's and a pod's status in the words that people look for. Pure; the views only place them.

use super::text;
use crate::model::{
    Container, ContainerKind, ContainerState, MonoNs, Parent, Pod, Process, Program, SandboxKind, World, forecast,
};

/// How a word is to be coloured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mood {
    Good,
    /// It waits for something that comes by itself.
    Waiting,
    Bad,
    /// It has done its work.
    Done,
}

/// The state's word and its colour: `Running`, `CrashLoopBackOff`, `Completed`, `Error · exit 1`.
pub fn state(container: &Container) -> (String, Mood) {
    match &container.state {
        ContainerState::Running { .. } => ("Running".into(), Mood::Good),
        ContainerState::Waiting { reason, .. } => (reason.clone(), waiting_mood(reason)),
        ContainerState::Terminated { status, reason, .. } if status.success() => (reason.clone(), Mood::Done),
        ContainerState::Terminated { status, reason, .. } => (format!("{reason} · exit {}", status.code()), Mood::Bad),
    }
}

fn waiting_mood(reason: &str) -> Mood {
    if matches!(reason, "ContainerCreating" | "PodInitializing") { Mood::Waiting } else { Mood::Bad }
}

/// What stands below the name: restarts, the wait, where the program comes from.
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

/// The message of one that waits.
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

pub fn origin(program: &Program, image: &str) -> String {
    match program {
        Program::StandIn(applet) => format!("{applet} · stand-in for {image}"),
        Program::Host => "from the host".into(),
        Program::Image => image.to_owned(),
    }
}

/// The small word beside a name that is not an ordinary container's.
pub const fn kind(kind: ContainerKind) -> Option<&'static str> {
    match kind {
        ContainerKind::App => None,
        ContainerKind::Init => Some("init"),
        ContainerKind::Sidecar => Some("sidecar"),
        ContainerKind::Ephemeral => Some("ephemeral"),
    }
}

/// All there is to say of a container, a line each, for a hover.
pub fn in_full(container: &Container) -> String {
    let (word, _) = state(container);
    let mut lines = vec![text::escaped(&format!("{} · {word}", container.name)).into_owned()];
    match container.kind {
        ContainerKind::App => {}
        ContainerKind::Init => lines.push("An init container: the next starts when it has succeeded".into()),
        ContainerKind::Sidecar => lines.push("A sidecar: starts in its turn, runs beside the others".into()),
        ContainerKind::Ephemeral => {
            lines.push("An ephemeral container: added to look into the pod, never restarted".into());
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
        lines.push(format!("ended last with {exit}"));
    }
    if let Some(message) = &container.last_message {
        lines.push(format!("termination message: {}", message.trim_end()));
    }
    lines.push(text::count(container.restarts as usize, "restart", "restarts"));
    lines.join("\n")
}

/// Colour of the word that `kubectl get pod` shows.
pub fn pod_mood(pod: &Pod) -> Mood {
    use crate::model::Phase;
    let word = pod.status();
    let init = word.strip_prefix("Init:").unwrap_or(word);
    match init {
        "Terminating" | "SandboxChanged" | "NotReady" | "ContainerCreating" | "PodInitializing" => Mood::Waiting,
        "Completed" => Mood::Done,
        // Init:0/2
        _ if word != init && init.contains('/') => Mood::Waiting,
        _ if pod.reason.is_some() => Mood::Bad,
        _ => match pod.phase {
            Phase::Pending => Mood::Waiting,
            Phase::Running => Mood::Good,
            Phase::Succeeded => Mood::Done,
            Phase::Failed => Mood::Bad,
        },
    }
}

/// The file of a pod's own pause.
pub fn own_pause(pod: &Pod) -> Option<&str> {
    match &pod.sandbox.as_ref()?.kind {
        SandboxKind::Own(file) => Some(file),
        _ => None,
    }
}

/// What is to be known of such a pause.
pub fn of_own_pause(file: &str) -> String {
    format!("pause of {}; reaps are not reported by it, but seen in the kernel", text::escaped(file))
}

/// The last part of a path.
pub fn file_name(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}

/// What the pod waits for or goes through, and why: a title and a sentence. `None` while there is nothing
/// to explain.
pub fn plight(pod: &Pod) -> Option<(String, String)> {
    let said = |fallback: &str| pod.message.clone().unwrap_or_else(|| fallback.to_owned());
    match pod.reason.as_deref() {
        Some("FailedCreatePodSandBox") => Some((
            "No sandbox could be made; it is tried again every 10 s of a kubelet's clock".into(),
            said("The node does not say why."),
        )),
        Some("Terminating") => Some((
            "The pod is being deleted".into(),
            "Its containers got TERM; KILL follows when the grace period is over. pause goes last.".into(),
        )),
        Some("SandboxChanged") => Some(("The sandbox is gone and is made anew".into(), said("pause has ended."))),
        _ => pod.message.clone().map(|message| (pod.status().to_owned(), message)),
    }
}

/// Why this is not the first sandbox: how the last pause ended, and how long the pod had none.
pub fn last_sandbox(world: &World, pod: &Pod) -> Option<(MonoNs, String)> {
    let sandbox = pod.sandbox.as_ref().filter(|s| s.attempt > 0)?;
    let pauses = world.processes.values().filter(|p| {
        p.member.as_ref().is_some_and(|m| m.pod == pod.uid && m.container.is_none())
            && Some(p.id) != sandbox.process
            && forecast::is_ns_init(p)
            && p.born.t < sandbox.started.t
    });
    let last: &Process = pauses.max_by_key(|p| p.born.t)?;
    let exit = last.exit?;
    let how = exit.status.map_or("ended".into(), |s| s.to_string());
    let gap = forecast::millis(sandbox.started.t.since(exit.at.t));
    Some((exit.at.t, format!("pause #{} {how}; the pod had a new sandbox {gap} later", sandbox.attempt)))
}

/// `3 zombies · pause not reaping`, and whether pause is the one who does not reap.
pub fn zombies(world: &World, pod: &Pod) -> Option<String> {
    let zombies: Vec<&Process> = world.pod_processes(&pod.uid).filter(|p| p.is_zombie()).collect();
    if zombies.is_empty() {
        return None;
    }
    let pause = pod.sandbox.as_ref().and_then(|s| s.process);
    let on_pause = zombies.iter().all(|p| pause.is_some_and(|id| p.parent == Parent::Process(id)));
    let whose = if on_pause { "pause not reaping" } else { "held by their parents" };
    Some(format!("{} · {whose}", text::count(zombies.len(), "zombie", "zombies")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_back_off_is_told_by_both_clocks() {
        let kubelet = "back-off 10s restarting failed container=web pod=web_default(7)";
        assert_eq!(back_off(kubelet).as_deref(), Some("back-off 10 s"));
        for (go, spoken) in [("10s", "10 s"), ("1m20s", "1 min 20 s"), ("5m0s", "5 min")] {
            let message = format!(
                "back-off {go} restarting failed container=c-with-s pod=p_default(7); the lab's clock runs ×10: 2.5 s"
            );
            let expected = format!("back-off {spoken} (2.5 s on the lab's ×10 clock)");
            assert_eq!(back_off(&message).as_deref(), Some(expected.as_str()));
        }
        assert_eq!(back_off("exec: \"nope\": no such file"), None);
    }
}
