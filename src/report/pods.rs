//! `kubectl get pods` (`printPod` in pkg/printers/internalversion/printers.go of Kubernetes).

use super::text::{Cell, Layout, Target, Text};
use crate::model::duration::human;
use crate::model::{Container, ContainerKind, ContainerState, MonoNs, Phase, Pod, PodUid, World};

/// `GetNewTabWriter` of k8s.io/cli-runtime/pkg/printers.
pub(super) const TABLE: Layout = Layout::Tabs { min: 6, padding: 3 };

/// What is asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Get {
    /// `-o wide`: with address and node.
    pub wide: bool,
    /// This pod alone; all without.
    pub pod: Option<PodUid>,
}

/// `NAME READY STATUS RESTARTS AGE`, by name. Without any pod there are not even the heads.
pub fn get_pods(world: &World, get: &Get, now: MonoNs) -> Text {
    let mut text = Text::new(TABLE);
    let mut pods: Vec<&Pod> =
        world.pods.values().map(AsRef::as_ref).filter(|p| get.pod.as_ref().is_none_or(|uid| *uid == p.uid)).collect();
    pods.sort_by(|a, b| (&a.name, &a.uid).cmp(&(&b.name, &b.uid)));
    if pods.is_empty() {
        return text;
    }
    if get.wide {
        text.head(["NAME", "READY", "STATUS", "RESTARTS", "AGE", "IP", "NODE", "NOMINATED NODE", "READINESS GATES"]);
    } else {
        text.head(["NAME", "READY", "STATUS", "RESTARTS", "AGE"]);
    }
    for pod in pods {
        let shown = Shown::of(pod);
        let mut cells = vec![
            Cell::to(&pod.name, Some(Target::Pod(pod.uid.clone()))),
            format!("{}/{}", shown.ready, shown.total).into(),
            shown.status.into(),
            match shown.restarts {
                (0, _) | (_, None) => shown.restarts.0.to_string().into(),
                (n, Some(last)) => format!("{n} ({} ago)", human(now.since(last))).into(),
            },
            human(now.since(pod.created.t)).into(),
        ];
        if get.wide {
            let node = pod.manifest.as_ref().map(|m| m.node.as_str()).filter(|node| !node.is_empty());
            let ip = pod.ip.map_or_else(|| "<none>".to_owned(), |ip| ip.to_string());
            cells.push(Cell::to(ip, network_of(world, pod)));
            cells.push(Cell::process(node.unwrap_or("<none>"), node.and(world.node.as_ref()).map(|n| n.process)));
            cells.extend(["<none>", "<none>"].map(Cell::from));
        }
        text.line(cells);
    }
    text
}

/// The word of the column STATUS. Other than [`Pod::status`] it says nothing that kubectl could not know.
pub fn status(pod: &Pod) -> String {
    Shown::of(pod).status
}

/// The network namespace that the pod's address belongs to.
pub(super) fn network_of(world: &World, pod: &Pod) -> Option<Target> {
    let holder = pod.sandbox.as_ref()?.process?;
    let net = world.process(holder)?.namespaces.get(crate::model::NsKind::Net)?;
    Some(Target::Namespace(net))
}

/// Containers in the order in which a kubelet tells of them: by name (`SortedContainerStatuses` in
/// pkg/kubelet/types).
fn apps(pod: &Pod) -> Vec<&Container> {
    let mut apps: Vec<&Container> = pod.containers.iter().filter(|c| c.kind == ContainerKind::App).collect();
    apps.sort_by(|a, b| a.name.cmp(&b.name));
    apps
}

fn inits(pod: &Pod) -> impl Iterator<Item = &Container> {
    pod.containers.iter().filter(|c| matches!(c.kind, ContainerKind::Init | ContainerKind::Sidecar))
}

/// The condition `Initialized`: all init containers are through, or an app has been started
/// (`GeneratePodInitializedCondition` in pkg/kubelet/status/generate.go).
pub(super) fn initialized(pod: &Pod) -> bool {
    inits(pod).all(is_through) || apps(pod).iter().any(|c| !matches!(c.state, ContainerState::Waiting { .. }))
}

fn is_through(c: &Container) -> bool {
    match &c.state {
        ContainerState::Terminated { status, .. } => status.success(),
        ContainerState::Running { .. } => c.kind == ContainerKind::Sidecar,
        ContainerState::Waiting { .. } => false,
    }
}

/// Without probes a container is ready while it runs; an init container once it has succeeded.
pub(super) fn is_ready(c: &Container) -> bool {
    match &c.state {
        ContainerState::Running { .. } => c.kind != ContainerKind::Init,
        ContainerState::Terminated { status, .. } => c.kind == ContainerKind::Init && status.success(),
        ContainerState::Waiting { .. } => false,
    }
}

struct Shown {
    ready: usize,
    total: usize,
    status: String,
    /// How many, and when the last run ended before that.
    restarts: (u32, Option<MonoNs>),
}

impl Shown {
    fn of(pod: &Pod) -> Self {
        let (apps, sidecar) = (apps(pod), |c: &&Container| c.kind == ContainerKind::Sidecar);
        let mut shown = Self {
            ready: 0,
            total: apps.len() + inits(pod).filter(sidecar).count(),
            status: pod.phase.name().to_owned(),
            restarts: (0, None),
        };
        let mut initializing = false;
        for (i, c) in inits(pod).enumerate() {
            if is_through(c) {
                shown.ready += usize::from(sidecar(&c));
                continue;
            }
            shown.status = match c.state.why_not_running() {
                Some(word) if word != "PodInitializing" => format!("Init:{word}"),
                _ => format!("Init:{i}/{}", inits(pod).count()),
            };
            initializing = true;
            shown.restarts = restarts(inits(pod).take(i + 1));
            break;
        }
        if !initializing || initialized(pod) {
            shown.restarts = restarts(inits(pod).filter(sidecar).chain(apps.iter().copied()));
            let running = apps.iter().filter(|c| is_ready(c)).count();
            shown.ready += running;
            // from the last to the first, so that the first one's word stays
            if let Some(word) = apps.iter().find_map(|c| c.state.why_not_running()) {
                shown.status = word;
            }
            if shown.status == "Completed" && running > 0 {
                "NotReady".clone_into(&mut shown.status);
            }
        }
        let over = matches!(pod.phase, Phase::Succeeded | Phase::Failed);
        match pod.reason.as_deref() {
            Some("Terminating") if !over => "Terminating".clone_into(&mut shown.status),
            Some("NodeLost") => "NodeLost".clone_into(&mut shown.status),
            _ => {}
        }
        shown
    }
}

fn restarts<'a>(containers: impl Iterator<Item = &'a Container>) -> (u32, Option<MonoNs>) {
    containers.fold((0, None), |(n, last), c| {
        let ended = match &c.last_state {
            Some(ContainerState::Terminated { at, .. }) => Some(at.t),
            _ => None,
        };
        (n + c.restarts, last.max(ended))
    })
}
