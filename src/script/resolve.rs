//! Resolves the names in a script to pods, members and processes of the World.

use std::borrow::Cow;

use crate::lab::Url;
use crate::model::names::short_name;
use crate::model::{Container, Member, NsId, NsKind, Parent, Pod, ProcId, Process, World};
use crate::wording::ending::pod_message;

use super::{MemberRef, Page};

/// The pod of this name, or the only one.
pub fn pod<'w>(world: &'w World, name: Option<&str>) -> Result<&'w Pod, String> {
    let names = || world.pods.values().map(|p| p.name.as_str()).collect::<Vec<_>>().join(", ");
    match name {
        Some(name) => world.pod_named(name).ok_or_else(|| match names() {
            all if all.is_empty() => format!("there is no pod {name}, nor any other"),
            all => format!("there is no pod {name}; there is {all}"),
        }),
        None => match world.pods.len() {
            1 => world.pods.values().next().map(AsRef::as_ref).ok_or_else(String::new),
            0 => Err("there is no pod".into()),
            _ => Err(format!("which pod? {}", names())),
        },
    }
}

/// The member of a pod that a name means: `pause` is the sandbox, `container/NAME` is always a container.
fn member_of(pod: &Pod, name: &str) -> Option<Member> {
    if name == "pause" {
        return Some(Member::pause(&pod.uid));
    }
    let container = pod.container(name.strip_prefix("container/").unwrap_or(name))?;
    Some(Member::container(&pod.uid, &container.name))
}

/// How a script names this container.
fn script_name(container: &Container) -> String {
    if container.name == "pause" { "container/pause".into() } else { container.name.clone() }
}

fn only_pod_with<'w>(world: &'w World, member: &str) -> Result<&'w Pod, String> {
    let mut all = world.pods.values().filter(|p| member_of(p, member).is_some());
    let first = all.next().ok_or_else(|| format!("no pod has a member {member}"))?;
    match all.next() {
        None => Ok(first),
        Some(_) => Err(format!("more than one pod has a member {member}; say POD/{member}")),
    }
}

/// The pod and member that a name means.
pub fn member(world: &World, of: &MemberRef) -> Result<Member, String> {
    let (pod_name, name) = match of {
        MemberRef::Pid(pid) => {
            let process = world.by_pid(*pid).and_then(|id| world.process(id));
            let member = process.and_then(|p| p.member.clone());
            return member.ok_or_else(|| format!("process {pid} does not belong to a pod"));
        }
        MemberRef::Name { pod, member, .. } => (pod, member),
    };
    let pod = pod_name.as_deref().map_or_else(|| only_pod_with(world, name), |pod_name| pod(world, Some(pod_name)))?;
    member_of(pod, name).ok_or_else(|| {
        let names: Vec<_> = pod.containers.iter().map(script_name).collect();
        format!("pod {} has no member {name}; it has pause, {}", pod.name, names.join(", "))
    })
}

/// The URL of a page, as the ports are now.
pub fn url(world: &World, page: &Page) -> Result<Url, String> {
    let (name, inside, path) = match page {
        Page::At(url) => return Ok(url.clone()),
        Page::Behind { pod, port, path } => (pod, *port, path),
    };
    let pod = pod(world, Some(name))?;
    let host = pod.host_ports.iter().find(|(_, to)| *to == inside).map(|(host, _)| *host);
    let port = host.ok_or_else(|| format!("no host port leads to port {inside} of pod {name}"))?;
    Ok(Url { host: "127.0.0.1".to_owned(), port, path: path.clone() })
}

/// Every process that a name has meant, zombies and reaped ones too, as far as the World remembers them.
pub fn all_processes<'w>(world: &'w World, of: &MemberRef) -> Result<Vec<&'w Process>, String> {
    let (of_member, wanted) = match of {
        MemberRef::Pid(pid) => return Ok(world.remembered_with_pid(*pid).collect()),
        MemberRef::Name { process, .. } => (member(world, of)?, process.as_ref()),
    };
    let of_name = |p: &&Process| wanted.is_none_or(|(name, _)| has_name(p, name));
    Ok(world.remembered_of_member(&of_member).filter(of_name).collect())
}

/// The process that a name means now. A bare `node` is the lab's node, unless a pod has a member of this name.
pub fn process(world: &World, of: &MemberRef) -> Result<ProcId, String> {
    if let MemberRef::Pid(pid) = of {
        return world.by_pid(*pid).ok_or_else(|| format!("there is no process {pid}"));
    }
    let member = match (member(world, of), &world.node) {
        (Err(_), Some(node)) if of.is_bare("node") => return Ok(node.process),
        (member, _) => member?,
    };
    match of {
        MemberRef::Name { process: Some((name, index)), .. } => {
            let all = named(world, &member, name, false);
            all.get(*index).map(|p| p.id).ok_or_else(|| format!("{of} is not there"))
        }
        _ => first_process(world, &member).ok_or_else(|| match world.pod(&member.pod).and_then(sandbox_failure) {
            Some(why) => format!("{of} has no process: {why}"),
            None => format!("{of} has no process"),
        }),
    }
}

/// The namespace of a kind that a process is in.
pub fn namespace(world: &World, id: ProcId, kind: NsKind) -> Result<NsId, String> {
    let found = world.process(id).and_then(|p| p.namespaces.get(kind));
    found.ok_or_else(|| format!("the {kind} namespace of process {id} is not known"))
}

/// Why a pod has no running sandbox; `None` if it has one or the lab gives no reason.
pub fn sandbox_failure(pod: &Pod) -> Option<Cow<'_, str>> {
    let runs = pod.sandbox.as_ref().is_some_and(|s| s.ended.is_none());
    pod_message(pod).filter(|_| !runs)
}

/// The first process of a member.
pub fn first_process(world: &World, member: &Member) -> Option<ProcId> {
    let pod = world.pod(&member.pod)?;
    match &member.container {
        None => pod.sandbox.as_ref().filter(|s| s.ended.is_none())?.process,
        Some(name) => pod.container(name)?.process,
    }
}

/// The processes of a member that have this name, the oldest first: zombies if `zombies`, else those that are alive. A
/// process whose leader has exited before its threads counts as both: it is alive, and the kernel shows it as a zombie.
pub fn named<'w>(world: &'w World, member: &Member, name: &str, zombies: bool) -> Vec<&'w Process> {
    let mut all: Vec<&Process> = world
        .member_processes(member)
        .filter(|p| p.is_zombie() == zombies || zombies && p.threads_without_leader().is_some())
        .filter(|p| p.parent != Parent::Unknown)
        .filter(|p| has_name(p, name))
        .collect();
    all.sort_by_key(|p| (p.born.t, p.id));
    all
}

/// Whether comm, program or short name contains `name`. The whole command line does not count: `sh -c 'sleep 1'` is not
/// a sleep, but `nginx: worker process` is a worker.
pub fn has_name(p: &Process, name: &str) -> bool {
    // a process that has rewritten its command line has all of it in the first argument
    let program = p.cmdline.first().and_then(|argv0| argv0.split(' ').next());
    p.comm.contains(name) || program.is_some_and(|program| program.contains(name)) || short_name(p).contains(name)
}

/// The zombie that a name means now. A reference without a process name means the member's first process.
pub fn zombie(world: &World, of: &MemberRef) -> Result<ProcId, String> {
    let MemberRef::Name { process: Some((name, index)), .. } = of else { return process(world, of) };
    let zombies = named(world, &member(world, of)?, name, true);
    zombies.get(*index).map(|p| p.id).ok_or_else(|| format!("{of} is not a zombie"))
}

/// Whether a name means this process: any process of the member, or of the process name if it has one; or the node.
pub fn refers_to(world: &World, of: &MemberRef, id: ProcId) -> Result<bool, String> {
    if of.is_bare("node") {
        return Ok(world.node.as_ref().is_some_and(|n| n.process == id));
    }
    if let MemberRef::Pid(pid) = of {
        return Ok(*pid == id.pid);
    }
    let member = member(world, of)?;
    let Some(p) = world.process(id).filter(|p| p.member.as_ref() == Some(&member)) else { return Ok(false) };
    Ok(match of {
        MemberRef::Name { process: Some((name, _)), .. } => has_name(p, name),
        _ => true,
    })
}

/// Describes a present or former parent: `pause (pid 12)`.
pub fn parent_in_words(world: &World, parent: Parent) -> String {
    let Some(id) = parent.process() else {
        return if parent == Parent::Outside { "a process outside".into() } else { "an unknown process".into() };
    };
    let name = match world.process(id) {
        _ if world.node.as_ref().is_some_and(|n| n.process == id) => "the node".to_owned(),
        Some(p) => p.member.as_ref().map_or_else(|| p.comm.clone(), |m| m.name().to_owned()),
        None => "a process".to_owned(),
    };
    format!("{name} (pid {id})")
}
