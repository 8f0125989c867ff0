//! Estimates the size of deltas and keyframes, well enough to keep the ring within its limit.

use std::mem::size_of;

use imbl::OrdMap;
use imbl::ordmap::DiffItem;

use crate::model::{
    Cgroup, Delta, FactChanges, Facts, Holder, Host, Inside, Member, Namespace, NodeSignal, NsId, OomKill, OutputLine,
    Pod, PodEvent, ProcId, Process, Search, Sent, SignalSender, SignalSent, Stamp, World,
};

use super::log::Entry;

/// Bytes of the nodes of trees that are copied for one change. A node has up to 16 entries of a few words each. A
/// process that comes or goes is in a dozen trees, but those that come together are mostly in the same nodes.
const NODES: usize = 704;

/// Bytes of a list of strings.
fn words(list: &[String]) -> usize {
    list.iter().map(|w| size_of::<String>() + w.len()).sum()
}

fn fact_changes(changes: &FactChanges) -> usize {
    let FactChanges { comm, cmdline, nspid, namespaces, uid: _, signals: _ } = changes;
    size_of::<FactChanges>()
        + comm.as_ref().map_or(0, String::len)
        + cmdline.as_ref().map_or(0, |list| words(list))
        + nspid.as_ref().map_or(0, |list| 4 * list.len())
        + namespaces.len() * size_of::<NsId>()
}

fn member(member: &Member) -> usize {
    member.pod.0.len() + member.name().len()
}

fn pod(pod: &Pod) -> usize {
    let containers = pod.containers.iter().map(|c| 256 + c.name.len() + c.image.len() + words(&c.command));
    size_of::<Pod>() + containers.sum::<usize>() + words(&pod.volumes)
}

fn event(event: &PodEvent) -> usize {
    size_of::<PodEvent>() + event.pod.0.len() + event.reason.as_str().len() + event.message.len()
}

fn signal(sent: &SignalSent) -> usize {
    let name = if let SignalSender::Process { name, .. } = &sent.sender { name.len() } else { 0 };
    size_of::<SignalSent>() + sent.target_name.len() + name
}

fn oom_kill(kill: &OomKill) -> usize {
    size_of::<OomKill>() + kill.victim_name.as_ref().map_or(0, String::len) + kill.caused_by_name.len()
}

fn process(p: &Process) -> usize {
    let member = p.member.as_ref().map_or(0, |m| m.pod.0.len() + m.name().len());
    let steps = (p.execs.len() + 3 * p.reparents.len()) * size_of::<Stamp>();
    size_of::<Process>() + p.comm.len() + words(&p.cmdline) + 4 * p.nspid.len() + member + steps
}

fn holders(namespace: &Namespace) -> usize {
    let one =
        |holder: &Holder| size_of::<Holder>() + if let Holder::Mount { point, .. } = holder { point.len() } else { 0 };
    namespace.holders.iter().flat_map(|all| all.iter()).map(one).sum()
}

/// Bytes that an entry of the log takes.
pub(super) fn entry(delta: &Delta) -> usize {
    let heap: usize = match delta {
        Delta::Facts { facts, .. } => {
            size_of::<Facts>() + facts.comm.len() + words(&facts.cmdline) + 4 * facts.nspid.len()
        }
        Delta::Changed { changes, .. } => fact_changes(changes),
        Delta::Exec { comm, cmdline, .. } => comm.len() + words(cmdline),
        Delta::Renamed { comm, .. } => comm.len(),
        Delta::Joined { member: m, .. } | Delta::Usage { member: m, .. } => member(m),
        Delta::Cgroup { member: m, path, .. } => member(m) + path.as_ref().map_or(0, String::len),
        Delta::Pod { pod: p, .. } => pod(p),
        Delta::PodRemoved { uid, .. } => uid.0.len(),
        Delta::Signalled { also_end, .. } => also_end.len() * size_of::<ProcId>(),
        Delta::NodeSignalled { .. } => 64,
        // and the one that the World forgets for it
        Delta::SignalSent { sent } => 2 * signal(sent),
        Delta::OomKill { kill } => 2 * oom_kill(kill),
        // and the event that the World forgets for it
        Delta::Event { event: e } => 2 * event(e),
        // and the lines that the World forgets for it
        Delta::Output { text, .. } => 2 * text.len() + size_of::<OutputLine>(),
        Delta::ExecStarted { member: m, argv, .. } => member(m) + words(argv),
        Delta::Namespace { namespace, .. } => holders(namespace),
        Delta::Searched { .. } => size_of::<Search>(),
        // and the content that the World forgets for it
        Delta::Inside { content, .. } => 2 * content.bytes(),
        Delta::Host { host, .. } => size_of::<Host>() + host.kernel.len() + host.boot_id.len() + host.user.len(),
        _ => 0,
    };
    size_of::<Entry>() + heap
}

/// Bytes that a keyframe takes besides what it shares with the World after its segment: what is different in that one.
/// It takes about as long as the segment has deltas, however large the World is.
pub(super) fn keyframe(keyframe: &World, after: &World) -> usize {
    let (old, new) = (keyframe, after);
    size_of::<World>()
        + changed(&old.processes, &new.processes, |p| process(p))
        + changed(&old.namespaces, &new.namespaces, |n| size_of::<Namespace>() + holders(n))
        + changed(&old.pods, &new.pods, |p| pod(p))
        + changed(&old.cgroups, &new.cgroups, |c| size_of::<Cgroup>() + c.path.len())
        + changed(&old.inside, &new.inside, |_| size_of::<Inside>())
        // the texts themselves are counted with the Deltas that brought them
        + changed(&old.output, &new.output, |_| 64 * size_of::<OutputLine>())
        + changed(&old.execs, &new.execs, |_| 64 * size_of::<OutputLine>())
        // a queue consists of pieces of 64 items, and the last of them is copied
        + if old.events.last() == new.events.last() { 0 } else { new.events.iter().rev().take(64).map(event).sum() }
        + if old.signals.last() == new.signals.last() { 0 } else { new.signals.iter().rev().take(64).map(signal).sum() }
        + if old.oom_kills.last() == new.oom_kills.last() { 0 } else { 64 * size_of::<OomKill>() }
        + if old.sent.last() == new.sent.last() { 0 } else { 64 * size_of::<Sent>() }
        + if old.node_signals.last() == new.node_signals.last() { 0 } else { 64 * size_of::<NodeSignal>() }
}

fn changed<K: Ord, V: PartialEq>(old: &OrdMap<K, V>, new: &OrdMap<K, V>, bytes: impl Fn(&V) -> usize) -> usize {
    let one = |item| match item {
        DiffItem::Update { old: (_, value), .. } | DiffItem::Remove(_, value) => NODES + bytes(value),
        DiffItem::Add(..) => NODES,
    };
    old.diff(new).map(one).sum()
}
