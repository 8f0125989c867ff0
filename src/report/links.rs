//! `readlink /proc/PID/ns/*`.

use super::text::{Cell, Layout, Target, Text};
use crate::model::{Link, NsKind, Pod, PodUid, ProcId, Process, World};

const TABS: Layout = Layout::Tabs { min: 0, padding: 2 };

/// The namespace links of a process, one per line: `net:[4026531840]`, or `not visible` if it could not be read.
pub fn links_of(world: &World, id: ProcId) -> Text {
    let mut text = Text::new(TABS);
    if let Some(p) = world.process(id).filter(|p| !p.is_gone()) {
        for kind in NsKind::ALL {
            text.row([cell(Link::of(p, kind))]);
        }
    }
    text
}

/// The namespace links of a pod's members side by side: a line for each kind, and a column for pause, for each
/// container that has a process, and for the observer itself.
pub fn links(world: &World, pod: &PodUid) -> Text {
    let mut text = Text::new(TABS);
    let Some(pod) = world.pod(pod) else { return text };
    let members = members(world, pod);
    let mut heads = vec![Cell::from("")];
    heads.extend(members.iter().map(|(name, p)| Cell::process(*name, Some(p.id))));
    heads.push("host".into());
    text.line(heads);
    if let Some(first) = text.lines.first_mut() {
        first.head = true;
    }
    for kind in NsKind::ALL {
        let mut cells = vec![Cell::from(kind.name())];
        cells.extend(members.iter().map(|(_, p)| cell(Link::of(p, kind))));
        cells.push(cell(world.host.namespaces.get(kind).map_or(Link::NotVisible, Link::In)));
        text.line(cells);
    }
    text
}

fn members<'a>(world: &'a World, pod: &'a Pod) -> Vec<(&'a str, &'a Process)> {
    let present = |id: Option<ProcId>| world.process(id?).filter(|p| !p.is_gone());
    let holder = present(pod.sandbox.as_ref().and_then(|s| s.process));
    // a container may hold the sandbox in place of pause
    let pause = holder.filter(|p| p.member.as_ref().is_some_and(|m| m.container.is_none()));
    let containers = pod.containers.iter().filter_map(|c| Some((c.name.as_str(), present(c.process)?)));
    pause.map(|p| ("pause", p)).into_iter().chain(containers).collect()
}

fn cell(link: Link) -> Cell {
    match link {
        Link::Left => "left at exit".into(),
        Link::In(ns) => Cell::to(ns.to_string(), Some(Target::Namespace(ns))),
        Link::NotVisible => "not visible".into(),
    }
}
