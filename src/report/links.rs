//! `readlink /proc/PID/ns/*`.

use super::text::{Cell, Layout, Target, Text};
use crate::model::{NsKind, NsSet, Pod, PodUid, ProcId, Process, State, World};

const TABS: Layout = Layout::Tabs { min: 0, padding: 2 };

/// The namespace links of a process, one per line: `net:[4026531840]`, or `not visible` if it could not be read.
pub fn links_of(world: &World, id: ProcId) -> Text {
    let mut text = Text::new(TABS);
    if let Some(p) = world.process(id).filter(|p| !p.is_gone()) {
        for kind in NsKind::ALL {
            text.row([link(&p.namespaces, kind, Some(p))]);
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
        cells.extend(members.iter().map(|(_, p)| link(&p.namespaces, kind, Some(p))));
        cells.push(link(&world.host.namespaces, kind, None));
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

fn link(set: &NsSet, kind: NsKind, of: Option<&Process>) -> Cell {
    // an exited process has left all namespaces but user and pid (`exit_task_namespaces` in kernel/nsproxy.c)
    let has_left = of.is_some_and(|p| p.state == State::Zombie) && !matches!(kind, NsKind::User | NsKind::Pid);
    match set.get(kind) {
        _ if has_left => "left at exit".into(),
        Some(ns) => Cell::to(ns.to_string(), Some(Target::Namespace(ns))),
        None => "not visible".into(),
    }
}
