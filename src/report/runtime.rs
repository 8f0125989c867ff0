//! The lists of container runtimes: `crictl pods`, `crictl ps -a` and `docker ps -a`.
//!
//! The lab's containers have no ids of 64 digits: they are identified by their pod's uid and their name.

use super::text::{Cell, Layout, Target, Text};
use super::time::docker;
use crate::model::{Container, ContainerState, MonoNs, Pod, PodUid, ProcId, SandboxKind, WaitStatus, World};

/// `newDefaultTableDisplay` of cmd/crictl/display.go in kubernetes-sigs/cri-tools.
const CRICTL: Layout = Layout::Tabs { min: 20, padding: 3 };
/// cli/command/formatter/formatter.go in docker/cli.
const DOCKER: Layout = Layout::Tabs { min: 10, padding: 3 };

/// `lab://UID/NAME`, as in kubectl; `None` for a container of another runtime, whose id is unknown.
pub fn container_id(pod: &Pod, container: &str) -> Option<String> {
    (pod.is_of_lab()).then(|| format!("lab://{}/{container}", pod.uid))
}

/// `POD ID CREATED STATE NAME NAMESPACE ATTEMPT RUNTIME`: the sandbox of one pod or of all pods.
pub fn crictl_pods(world: &World, pod: Option<&PodUid>, now: MonoNs) -> Text {
    let mut text = Text::new(CRICTL);
    text.head(["POD ID", "CREATED", "STATE", "NAME", "NAMESPACE", "ATTEMPT", "RUNTIME"]);
    let mut found: Vec<_> = pods(world, pod).filter_map(|p| Some((p, p.sandbox.as_ref()?))).collect();
    found.sort_by_key(|(p, sandbox)| (std::cmp::Reverse(sandbox.started.t), &p.uid));
    for (pod, sandbox) in found {
        text.row([
            Cell::to(short_id(&pod.uid.0), Some(Target::Pod(pod.uid.clone()))),
            ago(sandbox.started.t, now).into(),
            Cell::process(if sandbox.ended.is_none() { "Ready" } else { "NotReady" }, present(world, sandbox.process)),
            pod.name.as_str().into(),
            namespace(pod).into(),
            number(sandbox.attempt).into(),
            // no pod of the lab has a runtime class
            "(default)".into(),
        ]);
    }
    text
}

/// `CONTAINER IMAGE CREATED STATE NAME ATTEMPT POD ID POD NAMESPACE` of `crictl ps -a`, the newest first. For
/// crictl pause is not a container.
pub fn crictl_ps(world: &World, pod: Option<&PodUid>, now: MonoNs) -> Text {
    let mut text = Text::new(CRICTL);
    text.head(["CONTAINER", "IMAGE", "CREATED", "STATE", "NAME", "ATTEMPT", "POD ID", "POD", "NAMESPACE"]);
    for (pod, c, run) in runs(world, pod) {
        let state = match run.ended {
            Some(_) => "Exited",
            None if run.started => "Running",
            None => "Created",
        };
        text.row([
            Cell::process(id(pod, &c.name), run.process),
            c.image.as_str().into(),
            run.created.map_or_else(|| "?".to_owned(), |t| ago(t, now)).into(),
            state.into(),
            c.name.as_str().into(),
            number(run.attempt).into(),
            Cell::to(short_id(&pod.uid.0), Some(Target::Pod(pod.uid.clone()))),
            pod.name.as_str().into(),
            namespace(pod).into(),
        ]);
    }
    text
}

/// `CONTAINER ID IMAGE COMMAND CREATED STATUS PORTS NAMES` of `docker ps -a`, with the names that a kubelet gives
/// (`makeContainerName` of cri-dockerd). pause is listed as `POD` and has the ports.
pub fn docker_ps(world: &World, pod: Option<&PodUid>, now: MonoNs) -> Text {
    let mut text = Text::new(DOCKER);
    text.head(["CONTAINER ID", "IMAGE", "COMMAND", "CREATED", "STATUS", "PORTS", "NAMES"]);
    let mut rows: Vec<(MonoNs, [Cell; 7])> = Vec::new();
    for (pod, c, run) in runs(world, pod) {
        let created = run.created.unwrap_or_default();
        let ports = if pod.sandbox.as_ref().is_some_and(|s| s.kind == SandboxKind::Infra(c.name.clone())) {
            ports(pod)
        } else {
            String::new()
        };
        rows.push((
            created,
            [
                Cell::process(id(pod, &c.name), run.process),
                c.image.as_str().into(),
                quoted(world, run.process.or(c.process), &c.command).into(),
                run.created.map_or_else(|| "?".to_owned(), |t| ago(t, now)).into(),
                docker_status(&run, now).into(),
                ports.into(),
                format!("k8s_{}_{}_{}_{}_{}", c.name, pod.name, namespace(pod), pod.uid, number(run.attempt)).into(),
            ],
        ));
    }
    for pod in pods(world, pod) {
        let Some(sandbox) = pod.sandbox.as_ref().filter(|s| !matches!(s.kind, SandboxKind::Infra(_))) else { continue };
        let exit = sandbox.process.and_then(|id| world.process(id)).and_then(|p| p.exit).and_then(|e| e.status);
        let ended = sandbox.ended.map(|at| (at.t, exit));
        let created = sandbox.started.t;
        let run = Run {
            process: present(world, sandbox.process),
            attempt: sandbox.attempt,
            created: Some(created),
            running_since: Some(created),
            started: true,
            ended,
        };
        rows.push((
            created,
            [
                Cell::process(id(pod, "POD"), run.process),
                "pause (Podscope's own)".into(),
                quoted(world, sandbox.process, &["/pause".to_owned()]).into(),
                ago(created, now).into(),
                docker_status(&run, now).into(),
                if ended.is_none() { ports(pod) } else { String::new() }.into(),
                format!("k8s_POD_{}_{}_{}_{}", pod.name, namespace(pod), pod.uid, number(sandbox.attempt)).into(),
            ],
        ));
    }
    rows.sort_by_key(|(created, _)| std::cmp::Reverse(*created));
    for (_, row) in rows {
        text.row(row);
    }
    text
}

/// One run of a container.
#[derive(Clone, Copy)]
struct Run {
    process: Option<ProcId>,
    attempt: Option<u32>,
    created: Option<MonoNs>,
    running_since: Option<MonoNs>,
    started: bool,
    /// When and how it ended.
    ended: Option<(MonoNs, Option<WaitStatus>)>,
}

/// The runs of each container that a kubelet keeps: the current one, and one that has ended (`MaxPerPodContainer`). The
/// newest first.
fn runs<'a>(world: &'a World, pod: Option<&'a PodUid>) -> Vec<(&'a Pod, &'a Container, Run)> {
    let mut all = Vec::new();
    for pod in pods(world, pod) {
        for c in &pod.containers {
            all.extend(runs_of_container(world, c).into_iter().flatten().map(|run| (pod, c, run)));
        }
    }
    all.sort_by_key(|(pod, c, run)| {
        (std::cmp::Reverse(run.created), &pod.uid, &c.name, std::cmp::Reverse(run.attempt))
    });
    all
}

fn runs_of_container(world: &World, c: &Container) -> [Option<Run>; 2] {
    let born = c.process.and_then(|id| world.process(id)).map(|p| p.born.t);
    let live = Run {
        process: present(world, c.process),
        attempt: c.restarts,
        created: born,
        running_since: None,
        started: false,
        ended: None,
    };
    // the container is in its first run
    let is_first = c.restarts == Some(0);
    let last = |attempt: Option<u32>| c.last_state.as_ref().and_then(|state| ended_run(state, attempt));
    let before = || if is_first { None } else { last(c.restarts.map(|n| n.saturating_sub(1))) };
    match &c.state {
        ContainerState::Running { since } => {
            let run = Run { started: true, running_since: Some(since.t), created: born.or(Some(since.t)), ..live };
            [Some(run), before()]
        }
        ContainerState::Terminated { .. } => {
            let run = ended_run(&c.state, c.restarts).map(|run| Run { created: born.or(run.created), ..run });
            [run.map(|run| Run { process: live.process, ..run }), None]
        }
        // the process exists, but has not started its program yet
        ContainerState::Waiting { .. } if live.process.is_some() => [Some(live), before()],
        ContainerState::Waiting { .. } => [last(c.restarts), None],
    }
}

/// A number that the engine may not tell.
fn number(n: Option<u32>) -> String {
    n.map_or_else(|| "?".to_owned(), |n| n.to_string())
}

fn ended_run(state: &ContainerState, attempt: Option<u32>) -> Option<Run> {
    let ContainerState::Terminated { status, started, at, .. } = state else { return None };
    let started = started.map(|s| s.t);
    Some(Run {
        process: None,
        attempt,
        created: started,
        running_since: started,
        started: true,
        ended: Some((at.t, Some(*status))),
    })
}

fn pods<'a>(world: &'a World, pod: Option<&'a PodUid>) -> impl Iterator<Item = &'a Pod> {
    world.pods.values().map(AsRef::as_ref).filter(move |p| pod.is_none_or(|uid| *uid == p.uid))
}

fn present(world: &World, id: Option<ProcId>) -> Option<ProcId> {
    id.filter(|id| world.process(*id).is_some_and(|p| !p.is_gone()))
}

/// Shortens an id as crictl does.
fn short_id(id: &str) -> String {
    id.chars().take(13).collect()
}

fn id(pod: &Pod, name: &str) -> String {
    format!("{}/{name}", pod.uid.0.split('-').next().unwrap_or_default())
}

fn namespace(pod: &Pod) -> &str {
    pod.manifest.as_ref().map_or("?", |m| m.namespace.as_str())
}

fn ago(t: MonoNs, now: MonoNs) -> String {
    format!("{} ago", docker(now.since(t)))
}

fn docker_status(run: &Run, now: MonoNs) -> String {
    match run.ended {
        Some((at, status)) => {
            let code = status.map_or_else(|| "?".to_owned(), |s| s.code().to_string());
            format!("Exited ({code}) {}", ago(at, now))
        }
        None => run.running_since.map_or_else(|| "Created".to_owned(), |t| format!("Up {}", docker(now.since(t)))),
    }
}

/// The command line in quotes, cut at 20 characters (`Command` of cli/command/formatter/container.go).
fn quoted(world: &World, process: Option<ProcId>, argv: &[String]) -> String {
    let seen = process.and_then(|id| world.process(id)).map(|p| p.cmdline.join(" ")).filter(|c| !c.is_empty());
    let command = seen.unwrap_or_else(|| argv.join(" "));
    if command.chars().count() <= 20 {
        return format!("\"{command}\"");
    }
    let cut: String = command.chars().take(19).collect();
    format!("\"{cut}…\"")
}

fn ports(pod: &Pod) -> String {
    let each: Vec<String> =
        pod.host_ports.iter().map(|(host, inside)| format!("127.0.0.1:{host}->{inside}/tcp")).collect();
    each.join(", ")
}
