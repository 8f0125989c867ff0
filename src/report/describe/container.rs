//! The part of a container (`describeContainers` of kubectl).

use super::super::pods::is_ready;
use super::super::runtime::container_id;
use super::super::text::{Cell, Text};
use super::super::time;
use super::boolean;
use crate::model::{Container, ContainerState, ManifestContainer, Pod, Program, Stamp, TerminatedReason, World};

pub(super) fn describe(world: &World, pod: &Pod, c: &Container, text: &mut Text) {
    let process = c.process.filter(|id| world.process(*id).is_some());
    let field = |name: &str, value: Cell| [format!("    {name}:").into(), value];
    text.row([Cell::process(format!("  {}:", c.name), process)]);
    // a container that was never created has no id
    let id = if c.process.is_some() { container_id(pod, &c.name).unwrap_or_default() } else { String::new() };
    text.row(field("Container ID", Cell::process(id, process)));
    text.row(field("Image", c.image.as_str().into()));
    // no image is pulled, so there is no digest
    text.row(field("Image ID", "".into()));
    match &c.program {
        Program::StandIn(applet) => {
            let what = format!("stand-in of Podscope for image {} ({applet})", c.image);
            text.row(field("Program", what.into()));
        }
        Program::Host => text.row(field("Program", "of the host; no image is used".into())),
        Program::Image => {}
    }
    let spec = pod.manifest.as_ref().and_then(|m| m.containers.get(&c.name));
    if let Some(spec) = spec {
        ports(spec, text);
        words("Command", &spec.command, text);
        words("Args", &spec.args, text);
    }
    state(world, "State", &c.state, text);
    if let Some(last @ ContainerState::Terminated { .. }) = &c.last_state {
        state(world, "Last State", last, text);
    }
    text.row(field("Ready", boolean(is_ready(c)).into()));
    text.row(field("Restart Count", c.restarts.map_or_else(|| "<unknown>".to_owned(), |n| n.to_string()).into()));
    if let Some(spec) = spec {
        mounts(spec, text);
    }
}

fn ports(spec: &ManifestContainer, text: &mut Text) {
    let all = |number: fn(&crate::model::ManifestPort) -> u16| -> String {
        let each: Vec<String> = spec.ports.iter().map(|p| format!("{}/{}", number(p), p.protocol)).collect();
        if each.is_empty() { "<none>".to_owned() } else { each.join(", ") }
    };
    for (title, value) in [("Port", all(|p| p.container)), ("Host Port", all(|p| p.host.unwrap_or_default()))] {
        let many = if spec.ports.len() > 1 { "s" } else { "" };
        text.row([format!("    {title}{many}:").into(), value.into()]);
    }
}

/// One word per line; a word with line feeds takes several lines.
fn words(title: &str, words: &[String], text: &mut Text) {
    if words.is_empty() {
        return;
    }
    text.row([format!("    {title}:").into()]);
    for line in words.iter().flat_map(|word| word.split('\n')) {
        text.row([format!("      {line}").into()]);
    }
}

/// As `describeStatus` of kubectl.
fn state(world: &World, title: &str, state: &ContainerState, text: &mut Text) {
    let word = match state {
        ContainerState::Waiting { .. } => "Waiting",
        ContainerState::Running { .. } => "Running",
        ContainerState::Terminated { .. } => "Terminated",
    };
    text.row([format!("    {title}:").into(), word.into()]);
    let mut field = |name: &str, value: String| text.row([format!("      {name}:").into(), value.into()]);
    let clock = |at: Stamp| time::rfc1123z(world, at.t);
    match state {
        ContainerState::Running { since } => field("Started", clock(*since)),
        ContainerState::Waiting { reason, .. } => field("Reason", reason.to_string()),
        ContainerState::Terminated { status, reason, message, started, at } => {
            if *reason != TerminatedReason::Unspecified {
                field("Reason", reason.to_string());
            }
            if let Some(message) = message.as_deref().filter(|m| !m.is_empty()) {
                field("Message", message.trim_end().to_owned());
            }
            field("Exit Code", status.code().to_string());
            if let Some(started) = started {
                field("Started", clock(*started));
            }
            field("Finished", clock(*at));
        }
    }
}

/// As `describeContainerVolumes` of kubectl.
fn mounts(spec: &ManifestContainer, text: &mut Text) {
    if spec.mounts.is_empty() {
        return text.row(["    Mounts:".into(), "<none>".into()]);
    }
    text.row(["    Mounts:".into()]);
    let mut mounts: Vec<_> = spec.mounts.iter().collect();
    mounts.sort_by(|a, b| a.path.cmp(&b.path));
    for mount in mounts {
        let mut flags = if mount.read_only { "ro" } else { "rw" }.to_owned();
        if let Some(path) = &mount.sub_path {
            flags = format!("{flags},path={path:?}");
        }
        text.row([format!("      {} from {} ({flags})", mount.path, mount.volume).into()]);
    }
}
