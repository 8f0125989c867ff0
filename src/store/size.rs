//! Estimates the size of deltas and keyframes, well enough to keep the ring within its limit.

use std::mem::size_of;

use crate::model::{Delta, Facts, Host, Namespace, Pod, PodEvent, ProcId, Process, World};

use super::log::Entry;

/// Bytes of a list of strings.
fn words(list: &[String]) -> usize {
    list.iter().map(|w| size_of::<String>() + w.len()).sum()
}

fn pod(pod: &Pod) -> usize {
    let containers = pod.containers.iter().map(|c| 256 + c.name.len() + c.image.len() + words(&c.command));
    size_of::<Pod>() + containers.sum::<usize>() + words(&pod.volumes)
}

fn event(event: &PodEvent) -> usize {
    size_of::<PodEvent>() + event.pod.0.len() + event.reason.as_str().len() + event.message.len()
}

/// Bytes that an entry of the log takes.
pub(super) fn entry(delta: &Delta) -> usize {
    let heap: usize = match delta {
        Delta::Facts { facts, .. } => {
            size_of::<Facts>() + facts.comm.len() + words(&facts.cmdline) + 4 * facts.nspid.len()
        }
        Delta::Exec { comm, cmdline, .. } => comm.len() + words(cmdline),
        Delta::Renamed { comm, .. } => comm.len(),
        Delta::Joined { member, .. } => member.pod.0.len() + member.name().len(),
        Delta::Pod { pod: p, .. } => pod(p),
        Delta::PodRemoved { uid, .. } => uid.0.len(),
        Delta::Signalled { also_end, error, .. } => {
            also_end.len() * size_of::<ProcId>() + error.as_ref().map_or(0, String::len)
        }
        Delta::Event { event: e } => event(e),
        Delta::NodeEnded { reason, .. } => reason.len(),
        Delta::Host { host, .. } => size_of::<Host>() + host.kernel.len() + host.boot_id.len() + host.user.len(),
        _ => 0,
    };
    size_of::<Entry>() + heap
}

/// Bytes that a keyframe takes. Processes and pods are shared with the live World until they change. One in four is
/// assumed to have changed.
pub(super) fn keyframe(world: &World) -> usize {
    let index = 4 * size_of::<usize>() * 3;
    let process = index + (size_of::<Process>() + 256) / 4;
    world.processes.len() * process
        + world.namespaces.len() * (size_of::<Namespace>() + size_of::<usize>())
        + world.pods.values().map(|p| pod(p) / 4 + 64).sum::<usize>()
        + world.events.iter().map(event).sum::<usize>()
        + world.sent.iter().map(|s| 96 + s.also_end.len() * size_of::<ProcId>()).sum::<usize>()
        + size_of::<World>()
}
