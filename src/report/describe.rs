//! `kubectl describe pod` (`describePod` in k8s.io/kubectl/pkg/describe/describe.go).
//!
//! Facts that the World does not know, such as priority, tolerations or environment, have no line. One line is not of
//! kubectl: `Program` says what runs in place of an image.

mod container;
mod volumes;

use super::text::{Cell, Layout, Target, Text};
use super::{events, pods, time};
use crate::model::{ContainerKind, Manifest, MonoNs, Phase, Pod, PodReason, PodUid, World};
use crate::wording::ending::pod_message;

/// As in `tabbedString` of kubectl: `out.Init(buf, 0, 8, 2, ' ', 0)`.
const TABS: Layout = Layout::Tabs { min: 0, padding: 2 };

const INIT: &str = "Init Containers:";
const APPS: &str = "Containers:";
const EPHEMERAL: &str = "Ephemeral Containers:";

/// The heading under which a container is described.
const fn title_of(kind: ContainerKind) -> &'static str {
    match kind {
        ContainerKind::Init | ContainerKind::Sidecar => INIT,
        ContainerKind::App => APPS,
        ContainerKind::Ephemeral => EPHEMERAL,
    }
}

/// `None` if there is no such pod.
pub fn describe(world: &World, uid: &PodUid, now: MonoNs) -> Option<Text> {
    let pod = world.pod(uid)?;
    let mut text = Text::new(TABS);
    describe_head(world, pod, &mut text);
    for title in [INIT, APPS, EPHEMERAL] {
        let mut of_title = pod.containers.iter().filter(|c| title_of(c.kind) == title).peekable();
        if of_title.peek().is_some() {
            text.row([title.into()]);
        }
        of_title.for_each(|c| container::describe(world, pod, c, &mut text));
    }
    if pod.manifest.is_some() {
        conditions(pod, &mut text);
    }
    volumes::describe(pod, &mut text);
    events::describe_events(world, uid, now, &mut text);
    Some(text)
}

fn describe_head(world: &World, pod: &Pod, text: &mut Text) {
    text.row(["Name:".into(), Cell::to(&pod.name, Some(Target::Pod(pod.uid.clone())))]);
    if let Some(manifest) = &pod.manifest {
        text.row(["Namespace:".into(), manifest.namespace.as_str().into()]);
        let node = world.node.as_ref().map(|n| n.process);
        text.row(match manifest.node.as_str() {
            "" => ["Node:".into(), "<none>".into()],
            name => ["Node:".into(), Cell::process(name, node)],
        });
    }
    text.row(["Start Time:".into(), time::rfc1123z(world, pod.created.t).into()]);
    if let Some(manifest) = &pod.manifest {
        labels(manifest, text);
        annotations(manifest, text);
    }
    let terminating = pod.reason == Some(PodReason::Terminating);
    let over = matches!(pod.phase, Phase::Succeeded | Phase::Failed);
    let status = if terminating && !over { pod.status() } else { pod.phase.name().into() };
    text.row(["Status:".into(), status.as_ref().into()]);
    if let Some(reason @ PodReason::NodeLost) = &pod.reason {
        text.row(["Reason:".into(), reason.word().as_ref().into()]);
        if let Some(message) = pod_message(pod) {
            text.row(["Message:".into(), message.as_ref().into()]);
        }
    }
    let ip = |pod: &Pod| Cell::to(pod.ip.map_or_else(String::new, |ip| ip.to_string()), pods::network_of(world, pod));
    text.row(["IP:".into(), ip(pod)]);
    if pod.ip.is_some() {
        text.row(["IPs:".into()]);
        text.row(["  IP:".into(), ip(pod)]);
    } else {
        text.row(["IPs:".into(), "<none>".into()]);
    }
}

/// As `printLabelsMultiline` of kubectl.
fn labels(manifest: &Manifest, text: &mut Text) {
    if manifest.labels.is_empty() {
        return text.row(["Labels:".into(), "<none>".into()]);
    }
    for (i, (key, value)) in manifest.labels.iter().enumerate() {
        text.row([if i == 0 { "Labels:" } else { "" }.into(), format!("{key}={value}").into()]);
    }
}

/// As `printAnnotationsMultiline` of kubectl.
fn annotations(manifest: &Manifest, text: &mut Text) {
    /// `maxAnnotationLen` of kubectl.
    const MAX_LEN: usize = 140;
    // `skipAnnotations` of kubectl
    let shown = |key: &&String| key.as_str() != "kubectl.kubernetes.io/last-applied-configuration";
    let keys: Vec<&String> = manifest.annotations.keys().filter(shown).collect();
    if keys.is_empty() {
        return text.row(["Annotations:".into(), "<none>".into()]);
    }
    for (i, key) in keys.into_iter().enumerate() {
        let title = if i == 0 { "Annotations:" } else { "" };
        let value = manifest.annotations[key].trim_end_matches('\n');
        if value.len() + key.len() + 2 <= MAX_LEN && !value.contains('\n') {
            text.row([title.into(), format!("{key}: {value}").into()]);
            continue;
        }
        text.row([title.into(), format!("{key}:").into()]);
        for line in value.split('\n') {
            let cut: String = line.chars().take(MAX_LEN - 2).collect();
            let rest = if cut.len() < line.len() { "..." } else { "" };
            text.row(["".into(), format!("  {cut}{rest}").into()]);
        }
    }
}

/// The conditions of a pod without probes and readiness gates, as in pkg/kubelet/status/generate.go.
fn conditions(pod: &Pod, text: &mut Text) {
    let counts = |kind| matches!(kind, ContainerKind::App | ContainerKind::Sidecar);
    let mut members = pod.containers.iter().filter(|c| counts(c.kind));
    let ready = pod.phase != Phase::Succeeded && members.all(pods::is_ready);
    let sandbox = pod.sandbox.as_ref().is_some_and(|s| s.ended.is_none()) && pod.ip.is_some();
    let scheduled = pod.manifest.as_ref().is_some_and(|m| !m.node.is_empty());
    text.row(["Conditions:".into()]);
    text.head(["  Type", "Status"]);
    for (kind, is) in [
        ("PodReadyToStartContainers", sandbox),
        ("Initialized", pods::is_initialized(pod)),
        ("Ready", ready),
        ("ContainersReady", ready),
        ("PodScheduled", scheduled),
    ] {
        // kubectl prints the trailing spaces too
        text.row([format!("  {kind} ").into(), format!("{} ", boolean(is)).into(), "".into()]);
    }
}

/// As `printBool` of kubectl.
const fn boolean(is: bool) -> &'static str {
    if is { "True" } else { "False" }
}
