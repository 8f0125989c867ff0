//! Which namespace is shown, and what is said of it above its content.

use crate::model::{Member, NsId, NsKind, ProcId, Process, World};
use crate::ui::{Selection, text};

/// The namespace that is shown, and the process that leads to those of other kinds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Subject {
    pub ns: NsId,
    pub anchor: Option<ProcId>,
}

impl Subject {
    /// The selected namespace; else that of this kind of the selected process, or of the selected pod.
    pub fn of(world: &World, selection: &Selection, kind: NsKind) -> Option<Self> {
        let pod = selection.pod.as_ref();
        if let Some(ns) = selection.namespace {
            let inside = world.ns_members_of_pods(ns);
            let of_pod = inside.iter().find(|p| p.member.as_ref().map(|member| &member.pod) == pod);
            let anchor = of_pod.or(inside.first()).map(|p| p.id);
            return Some(Self { ns, anchor: anchor.or_else(|| world.ns_members(ns).next().map(|p| p.id)) });
        }
        let process = selection.process.and_then(|id| world.process(id)).filter(|p| p.namespaces.get(kind).is_some());
        let anchor = process.or_else(|| {
            // pause is in most of them
            let pause = world.pod(pod?).and_then(|pod| world.process(pod.sandbox.as_ref()?.process?));
            let alive = |p: &&Process| p.is_alive() && p.namespaces.get(kind).is_some();
            pause.filter(alive).or_else(|| world.pod_processes(pod?).find(alive))
        })?;
        Some(Self { ns: anchor.namespaces.get(kind)?, anchor: Some(anchor.id) })
    }
}

/// Who is in it.
pub struct Sharing {
    pub words: String,
    /// The namespaces of the same kind of the pod, each with its members, if there are several.
    pub siblings: Vec<(NsId, String)>,
}

impl Sharing {
    pub fn of(world: &World, selection: &Selection, ns: NsId) -> Self {
        let mut members = members_in(world, ns);
        let of_pod = selection.pod.iter().flat_map(|uid| world.pod_processes(uid));
        let mut all: Vec<(NsId, Member)> = of_pod
            .filter(|p| p.is_alive())
            .filter_map(|p| Some((p.namespaces.get(ns.kind)?, p.member.clone()?)))
            .collect();
        all.sort_by(|a, b| (&a.1, a.0).cmp(&(&b.1, b.0)));
        all.dedup();
        let mut siblings: Vec<(NsId, String)> = Vec::new();
        for (sibling, member) in &all {
            match siblings.iter_mut().find(|(known, _)| known == sibling) {
                Some((_, names)) => names.extend([", ", member.name()]),
                None => siblings.push((*sibling, member.name().to_owned())),
            }
        }
        if siblings.len() < 2 {
            siblings.clear();
        }
        let count = members.len();
        let words = if world.is_host_ns(ns) {
            "the host's".to_owned()
        } else if count == 0 {
            if world.ns_members(ns).next().is_some() {
                "of no pod".to_owned()
            } else {
                "no process is in it".to_owned()
            }
        } else if members.iter().any(|member| Some(&member.pod) != selection.pod.as_ref()) {
            let mut pods: Vec<_> = members.iter().map(|member| &member.pod).collect();
            pods.dedup();
            format!("{} of {}", text::count(count, "member", "members"), text::count(pods.len(), "pod", "pods"))
        } else if count == 1 {
            format!("private to {}", members.remove(0).name())
        } else if siblings.is_empty() {
            format!("shared by all {count} members")
        } else {
            format!("shared by {}", members.iter().map(Member::name).collect::<Vec<_>>().join(", "))
        };
        Self { words, siblings }
    }
}

/// The members of pods in a namespace, sorted.
fn members_in(world: &World, ns: NsId) -> Vec<Member> {
    let mut members: Vec<Member> = world.ns_members_of_pods(ns).into_iter().filter_map(|p| p.member.clone()).collect();
    members.sort();
    members.dedup();
    members
}

/// What a namespace of a kind is.
pub const fn explanation(kind: NsKind) -> &'static str {
    match kind {
        NsKind::Cgroup => {
            "Which cgroup its processes see as the root of the tree. The limits below are those of their own cgroups."
        }
        NsKind::Ipc => "Shared memory, semaphores and message queues. Only processes in it can reach them.",
        NsKind::Mnt => {
            "The mounts that its processes see. Each container has a table of its own; a volume is the same file \
             system in several of them."
        }
        NsKind::Net => {
            "One network stack: one set of interfaces and one port table. Who is in it reaches the others by \
             localhost, and no two can listen on the same port."
        }
        NsKind::Pid => "Pids of its own, from 1 on. The host sees the same processes under other pids.",
        NsKind::Time => "How far the clocks since boot are ahead of the host's. Wall-clock time is never different.",
        NsKind::User => {
            "Which users inside are which users outside. What root inside may do ends where its namespace ends."
        }
        NsKind::Uts => "The name that hostname prints.",
    }
}
