//! Whether a condition holds, and if not, what is there instead.

use std::collections::BTreeMap;
use std::net::IpAddr;

use crate::model::{ContainerState, NsId, NsKind, Phase, Pod, PodUid, ProcId, Process, Runtime, World};

use super::{Condition, MemberRef, resolve};

/// What the world was like before the last command, and what the last exec said.
#[derive(Clone, Debug, Default)]
pub struct Memory {
    restarts: BTreeMap<(PodUid, String), u32>,
    ips: BTreeMap<PodUid, Option<IpAddr>>,
    /// What names meant when they were last used as a target, or first asked about.
    targets: BTreeMap<MemberRef, ProcId>,
    pub exec: Option<(i32, String)>,
}

impl Memory {
    pub fn remember(&mut self, world: &World) {
        let pods = || world.pods.values();
        let restarts = |p: &Pod| p.containers.iter().map(|c| ((p.uid.clone(), c.name.clone()), c.restarts)).collect();
        self.restarts = pods().flat_map(|p| -> Vec<_> { restarts(p) }).collect();
        self.ips = pods().map(|p| (p.uid.clone(), p.ip)).collect();
    }

    pub fn target(&mut self, name: &MemberRef, id: ProcId) {
        self.targets.insert(name.clone(), id);
    }

    /// `Err` says why not.
    pub fn check(&mut self, condition: &Condition, world: &World) -> Result<(), String> {
        match condition {
            Condition::Ready(name) => ready(world, name.as_deref()),
            Condition::Gone(name) => self.gone(world, name),
            Condition::Alive(name) => {
                let id = resolve::process(world, name)?;
                held(world.process(id).is_some_and(Process::is_alive), || format!("{name} is not alive"))
            }
            Condition::Zombies { count, pod } => zombies(world, *count, pod.as_deref()),
            Condition::Restarted(name) => self.restarted(world, name),
            Condition::Sandbox { attempt, pod } => sandbox(world, *attempt, pod.as_deref()),
            Condition::InPod { member, pid } => {
                let id = resolve::process(world, member)?;
                let inside = world.process(id).and_then(Process::pid_inside);
                held(inside == Some(*pid), || match inside {
                    Some(other) => format!("the pid of {member} in the pod is {other}"),
                    None => format!("the pid of {member} in the pod is not known"),
                })
            }
            Condition::Shared { kind, a, b } => {
                let (one, two) = (namespace(world, *kind, a)?, namespace(world, *kind, b)?);
                held(one == two, || format!("{a} is in {one}, {b} in {two}"))
            }
            Condition::Private { kind, a, b } => {
                let (one, two) = (namespace(world, *kind, a)?, namespace(world, *kind, b)?);
                held(one != two, || format!("{a} and {b} are both in {one}"))
            }
            Condition::Phase { pod, phase } => {
                let pod = resolve::pod(world, Some(pod))?;
                held(pod.phase == *phase, || format!("pod {} is {}", pod.name, pod.phase.name()))
            }
            Condition::Output(text) => {
                let (_, output) = self.exec.as_ref().ok_or("nothing was run by exec before")?;
                held(output.contains(text.as_str()), || format!("the output was {:?}", shortened(output)))
            }
            Condition::Exit(code) => {
                let (was, output) = self.exec.as_ref().ok_or("nothing was run by exec before")?;
                held(was == code, || format!("the exit code was {was}, the output {:?}", shortened(output)))
            }
            Condition::Ip { pod, kept } => self.ip(world, pod, *kept),
        }
    }

    fn gone(&mut self, world: &World, name: &MemberRef) -> Result<(), String> {
        let id = match self.targets.get(name) {
            Some(id) => *id,
            None => match resolve::process(world, name) {
                Ok(id) => {
                    self.targets.insert(name.clone(), id);
                    id
                }
                Err(_) if matches!(name, MemberRef::Pid(_)) => return Ok(()),
                // a name that means nothing any more; but a pod or member that never was is a mistake
                Err(why) => return resolve::member(world, name).map(drop).or(Err(why)),
            },
        };
        match world.process(id) {
            Some(p) if !p.is_gone() => Err(format!("{name} (pid {id}) is there, state {}", p.state.letter())),
            _ => Ok(()),
        }
    }

    fn restarted(&self, world: &World, name: &MemberRef) -> Result<(), String> {
        let member = resolve::member(world, name)?;
        let container = world.pod(&member.pod).and_then(|p| p.container(member.name()));
        let container = container.ok_or_else(|| format!("{name} is no container; for pause say `sandbox`"))?;
        let before = self.restarts.get(&(member.pod.clone(), container.name.clone())).copied().unwrap_or_default();
        let runs = matches!(container.state, ContainerState::Running { .. });
        held(runs && container.restarts > before, || {
            format!(
                "{name} is {} after {} restarts, {before} of them before",
                container.state.word(),
                container.restarts
            )
        })
    }

    fn ip(&self, world: &World, pod: &str, kept: bool) -> Result<(), String> {
        let pod = resolve::pod(world, Some(pod))?;
        let now = pod.ip.ok_or_else(|| format!("pod {} has no address", pod.name))?;
        let before = self.ips.get(&pod.uid).copied().flatten();
        let shown = || before.map_or_else(|| "none".into(), |ip| ip.to_string());
        held((before == Some(now)) == kept, || format!("the address was {} and is {now}", shown()))
    }
}

fn held(holds: bool, why: impl FnOnce() -> String) -> Result<(), String> {
    if holds { Ok(()) } else { Err(why()) }
}

/// The end of a text, where errors are.
fn shortened(text: &str) -> String {
    let text = text.trim_end();
    let skip = text.chars().count().saturating_sub(200);
    let end: String = text.chars().skip(skip).collect();
    if skip > 0 { format!("…{end}") } else { end }
}

fn namespace(world: &World, kind: NsKind, name: &MemberRef) -> Result<NsId, String> {
    let id = resolve::process(world, name)?;
    let ns = world.process(id).and_then(|p| p.namespaces.get(kind));
    ns.ok_or_else(|| format!("the {kind} namespace of {name} is not known"))
}

fn pods<'w>(world: &'w World, name: Option<&str>) -> Result<Vec<&'w Pod>, String> {
    match name {
        Some(name) => Ok(vec![resolve::pod(world, Some(name))?]),
        None => Ok(world.pods.values().map(AsRef::as_ref).collect()),
    }
}

/// Whether a pod of the lab is up: every container runs or has succeeded, and its processes are seen.
pub fn pod_ready(world: &World, pod: &Pod) -> Result<(), String> {
    let seen = |id: Option<ProcId>| {
        id.and_then(|id| world.process(id)).is_some_and(|p| p.is_alive() && p.namespaces.get(NsKind::Net).is_some())
    };
    for c in &pod.containers {
        match &c.state {
            ContainerState::Running { .. } if seen(c.process) => {}
            ContainerState::Running { .. } => return Err(format!("{}/{} is not seen yet", pod.name, c.name)),
            ContainerState::Terminated { status, .. } if status.success() => {}
            state => {
                let message = match state {
                    ContainerState::Waiting { message: Some(m), .. } => format!(": {m}"),
                    _ => String::new(),
                };
                return Err(format!("{}/{} is {}{message}", pod.name, c.name, state.word()));
            }
        }
    }
    match pod.phase {
        Phase::Running | Phase::Succeeded => Ok(()),
        phase => Err(format!("pod {} is {}", pod.name, pod.reason.as_deref().unwrap_or(phase.name()))),
    }
}

fn ready(world: &World, name: Option<&str>) -> Result<(), String> {
    let mut pods = pods(world, name)?;
    if name.is_none() {
        pods.retain(|p| p.runtime == Runtime::Lab);
    }
    held(!pods.is_empty(), || "there is no pod yet".into())?;
    pods.into_iter().try_for_each(|p| pod_ready(world, p))
}

fn zombies(world: &World, count: usize, name: Option<&str>) -> Result<(), String> {
    let pods: Vec<&PodUid> = pods(world, name)?.into_iter().map(|p| &p.uid).collect();
    let of_pods = |p: &&Process| p.member.as_ref().is_some_and(|m| pods.contains(&&m.pod));
    let now = world.present().filter(|p| p.is_zombie()).filter(of_pods).count();
    held(now == count, || format!("there are {now} zombies"))
}

fn sandbox(world: &World, attempt: u32, name: Option<&str>) -> Result<(), String> {
    let pod = resolve::pod(world, name)?;
    let sandbox = pod.sandbox.as_ref().ok_or_else(|| format!("pod {} has no sandbox", pod.name))?;
    let stands = sandbox.ended.is_none() && sandbox.process.is_some();
    held(stands && sandbox.attempt >= attempt, || {
        let state = if stands { "stands" } else { "does not stand" };
        format!("the sandbox of pod {} is number {} and {state}", pod.name, sandbox.attempt)
    })
}
