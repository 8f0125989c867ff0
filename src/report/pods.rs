//! `kubectl get pods` (`printPod` in pkg/printers/internalversion/printers.go of Kubernetes).

use super::text::{Cell, Layout, Target, Text};
use crate::model::{
    Container, ContainerKind, ContainerState, MonoNs, NotRunning, Phase, Pod, PodReason, PodUid, TerminatedReason,
    WaitingReason, World,
};
use crate::wording::duration::format_like_kubectl;

/// `GetNewTabWriter` of k8s.io/cli-runtime/pkg/printers.
pub(super) const TABLE: Layout = Layout::Tabs { min: 6, padding: 3 };

/// The options of `kubectl get pods`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Get {
    /// `-o wide`: also prints address and node.
    pub wide: bool,
    /// Only this pod; `None` is all pods.
    pub pod: Option<PodUid>,
}

/// `NAME READY STATUS RESTARTS AGE`, sorted by name. Without any pod the header is left out too.
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
        let row = PodRow::of(pod);
        let mut cells = vec![
            Cell::to(&pod.name, Some(Target::Pod(pod.uid.clone()))),
            format!("{}/{}", row.ready, row.total).into(),
            row.word(pod).into(),
            match row.restarts {
                (None, _) => "<unknown>".into(),
                (Some(n @ 0), _) | (Some(n), None) => n.to_string().into(),
                (Some(n), Some(last)) => format!("{n} ({} ago)", format_like_kubectl(now.since(last))).into(),
            },
            format_like_kubectl(now.since(pod.created.t)).into(),
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

/// The word in the column STATUS. Unlike [`Pod::status`] it uses only what kubectl can know.
pub fn status(pod: &Pod) -> String {
    PodRow::of(pod).word(pod)
}

/// The network namespace that the pod's address belongs to.
pub(super) fn network_of(world: &World, pod: &Pod) -> Option<Target> {
    let holder = pod.sandbox.as_ref()?.process?;
    let net = world.process(holder)?.namespaces.get(crate::model::NsKind::Net)?;
    Some(Target::Namespace(net))
}

/// App containers in the order in which a kubelet reports them: by name (`SortedContainerStatuses` in
/// pkg/kubelet/types).
fn apps(pod: &Pod) -> Vec<&Container> {
    let mut apps: Vec<&Container> = pod.containers.iter().filter(|c| c.kind == ContainerKind::App).collect();
    apps.sort_by(|a, b| a.name.cmp(&b.name));
    apps
}

fn inits(pod: &Pod) -> impl Iterator<Item = &Container> {
    pod.containers.iter().filter(|c| matches!(c.kind, ContainerKind::Init | ContainerKind::Sidecar))
}

/// The condition `Initialized`: all init containers are done, or an app has been started
/// (`GeneratePodInitializedCondition` in pkg/kubelet/status/generate.go).
pub(super) fn is_initialized(pod: &Pod) -> bool {
    inits(pod).all(is_done) || apps(pod).iter().any(|c| !matches!(c.state, ContainerState::Waiting { .. }))
}

fn is_done(c: &Container) -> bool {
    match &c.state {
        ContainerState::Terminated { status, .. } => status.success(),
        ContainerState::Running { .. } => c.kind == ContainerKind::Sidecar,
        ContainerState::Waiting { .. } => false,
    }
}

/// A container without probes is ready while it runs; an init container when it has succeeded.
pub(super) fn is_ready(c: &Container) -> bool {
    match &c.state {
        ContainerState::Running { .. } => c.kind != ContainerKind::Init,
        ContainerState::Terminated { status, .. } => c.kind == ContainerKind::Init && status.success(),
        ContainerState::Waiting { .. } => false,
    }
}

/// What a row of `kubectl get pods` shows.
struct PodRow {
    ready: usize,
    total: usize,
    /// `None`: the phase.
    status: Option<PodReason>,
    /// The number of restarts, and when the last run before the current one ended.
    restarts: (Option<u32>, Option<MonoNs>),
}

impl PodRow {
    fn of(pod: &Pod) -> Self {
        let (apps, is_sidecar) = (apps(pod), |c: &&Container| c.kind == ContainerKind::Sidecar);
        let mut row = Self {
            ready: 0,
            total: apps.len() + inits(pod).filter(is_sidecar).count(),
            status: None,
            restarts: (Some(0), None),
        };
        let mut initializing = false;
        for (i, c) in inits(pod).enumerate() {
            if is_done(c) {
                row.ready += usize::from(is_sidecar(&c));
                continue;
            }
            row.status = Some(match c.state.why_not_running() {
                None | Some(NotRunning::Waiting(WaitingReason::PodInitializing)) => {
                    PodReason::Initializing { done: i, all: inits(pod).count() }
                }
                Some(why) => PodReason::Init(why),
            });
            initializing = true;
            row.restarts = restarts(inits(pod).take(i + 1));
            break;
        }
        if !initializing || is_initialized(pod) {
            row.restarts = restarts(inits(pod).filter(is_sidecar).chain(apps.iter().copied()));
            let running = apps.iter().filter(|c| is_ready(c)).count();
            row.ready += running;
            // kubectl goes from the last to the first, so that the first one's reason stays
            row.status = match apps.iter().find_map(|c| c.state.why_not_running()) {
                Some(NotRunning::Terminated(TerminatedReason::Completed)) if running > 0 => Some(PodReason::NotReady),
                Some(why) => Some(PodReason::App(why)),
                None => row.status,
            };
        }
        let over = matches!(pod.phase, Phase::Succeeded | Phase::Failed);
        match &pod.reason {
            Some(PodReason::Terminating) if over => {}
            Some(shown @ (PodReason::Terminating | PodReason::NodeLost)) => row.status = Some(shown.clone()),
            _ => {}
        }
        row
    }

    fn word(&self, pod: &Pod) -> String {
        self.status.as_ref().map_or_else(|| pod.phase.name().to_owned(), ToString::to_string)
    }
}

fn restarts<'a>(containers: impl Iterator<Item = &'a Container>) -> (Option<u32>, Option<MonoNs>) {
    containers.fold((Some(0_u32), None), |(n, last), c| {
        let ended = match &c.last_state {
            Some(ContainerState::Terminated { at, .. }) => Some(at.t),
            _ => None,
        };
        (n.zip(c.restarts).map(|(n, more)| n.saturating_add(more)), last.max(ended))
    })
}
