//! Waits until the World shows the effect of a step.

use std::borrow::Cow;

use super::links::{LinkLine, Links, in_words};
use super::{Equivalents, Step, equivalents};
use crate::lab::PodSpec;
use crate::model::{Container, ContainerState, Member, MonoNs, Pod, PodReason, PodUid, ProcId, Process, World};
use crate::wording::ending::pod_message;

/// How long it may take until the World shows a step, in addition to the grace period of a stopped container. A new
/// container may have to wait for others, such as init containers.
const TIMEOUT_NS: u64 = 15_000_000_000;

/// A step that the lab has accepted.
#[derive(Clone, Debug)]
pub struct Pending {
    pod: PodUid,
    step: Step,
    equal: Equivalents,
    before: Links,
    /// The process of the step's container before the step.
    process: Option<ProcId>,
    deadline: MonoNs,
}

/// A step that is done: its title, the same in other tools, and what has changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    pub pod: PodUid,
    /// A description in a few words.
    pub title: String,
    pub equal: Equivalents,
    /// The links of the step's member; empty if it is removed, or ended too soon.
    pub links: Vec<LinkLine>,
    /// What has changed, one line each.
    pub changes: Vec<String>,
}

impl Report {
    /// The whole report as text, for a terminal.
    pub fn text(&self) -> String {
        let Equivalents { docker, shell, kubelet, note } = &self.equal;
        let mut lines = vec![format!("docker   {docker}"), format!("shell    {shell}"), format!("kubelet  {kubelet}")];
        lines.extend(note.iter().map(|note| format!("         {note}")));
        if !self.links.is_empty() {
            lines.push(format!("links    {}", in_words(&self.links)));
        }
        for LinkLine { kind, id, with } in &self.links {
            let id = id.map_or_else(|| "?".to_owned(), |id| id.to_string());
            lines.push(format!("{:<8} {id:<21} {with}", kind.name()));
        }
        lines.extend(self.changes.iter().map(|change| format!("changed  {change}")));
        lines.join("\n")
    }
}

/// Whether the container's current process has ended.
fn has_ended(world: &World, container: &Container) -> bool {
    container.process.and_then(|id| world.process(id)).is_some_and(|p| !p.is_alive())
}

impl Pending {
    /// `spec` and `world` are of the time before the step.
    pub fn new(pod: PodUid, step: Step, spec: &PodSpec, world: &World, now: MonoNs) -> Self {
        let grace_ns = u64::from(spec.grace_seconds) * 1_000_000_000;
        let equal = equivalents(&step, spec);
        let before = Links::of(world, &pod);
        let process = world.pod(&pod).and_then(|p| p.container(step.member_name())?.process);
        Self { pod, step, equal, before, process, deadline: now.plus(TIMEOUT_NS + grace_ns) }
    }

    /// When to look again even if the World has not changed.
    pub const fn deadline(&self) -> MonoNs {
        self.deadline
    }

    /// The report of the step; `None` while the World does not show its effect. `Err` says why the step has failed.
    pub fn poll(&self, world: &World, now: MonoNs) -> Option<Result<Report, String>> {
        let name = self.step.member_name();
        let Some(pod) = world.pod(&self.pod) else {
            let has_failed = now >= self.deadline || !matches!(self.step, Step::Sandbox { .. });
            return has_failed.then(|| Err(format!("{name}: its pod does not exist")));
        };
        let links = Links::of(world, &self.pod);
        let done = match &self.step {
            Step::Sandbox { .. } => self.check_sandbox(pod, &links, world),
            Step::Join { .. } | Step::Replace { .. } => self.check_running(pod, &links, world),
            Step::Leave { member } => Self::check_removed(pod, member, world),
        };
        match done {
            None if now >= self.deadline => Some(Err(self.timeout_message(pod))),
            None => None,
            Some(Err(why)) => Some(Err(why)),
            Some(Ok(())) => Some(Ok(self.report(world, &links))),
        }
    }

    fn check_sandbox(&self, pod: &Pod, links: &Links, world: &World) -> Option<Result<(), String>> {
        if links.is_settled(world, &Member::pause(&self.pod)) {
            return Some(Ok(()));
        }
        let failed = pod.reason == Some(PodReason::FailedCreatePodSandBox);
        failed.then(|| Err(pod_message(pod).map_or_else(|| "no sandbox could be made".to_owned(), Cow::into_owned)))
    }

    fn check_running(&self, pod: &Pod, links: &Links, world: &World) -> Option<Result<(), String>> {
        let name = self.step.member_name();
        let Some(container) = pod.container(name) else {
            // the lab has accepted it and not reported it yet; or it has been removed again
            return None;
        };
        let is_new = container.process.is_some() && container.process != self.process;
        match &container.state {
            ContainerState::Running { .. }
                if is_new && links.is_settled(world, &Member::container(&self.pod, name)) =>
            {
                Some(Ok(()))
            }
            // it ran, if only for a moment; without a new process the state may be of the one before
            ContainerState::Terminated { .. } if is_new && has_ended(world, container) => Some(Ok(())),
            // a container that is replaced may have been waiting before the step
            ContainerState::Waiting { reason, message: Some(message), .. }
                if is_new || matches!(self.step, Step::Join { .. }) =>
            {
                Some(Err(format!("{name} does not run: {reason}: {message}")))
            }
            _ => None,
        }
    }

    fn check_removed(pod: &Pod, member: &Member, world: &World) -> Option<Result<(), String>> {
        let exists = pod.container(member.name()).is_some() || world.member_processes(member).any(Process::is_alive);
        (!exists).then_some(Ok(()))
    }

    fn timeout_message(&self, pod: &Pod) -> String {
        let name = self.step.member_name();
        match pod.container(name) {
            Some(Container { state, .. }) => format!("{name} is still {}", state.word()),
            None => format!("{name} has not been seen; the pod is {}", pod.status()),
        }
    }

    fn report(&self, world: &World, links: &Links) -> Report {
        let name = self.step.member_name();
        let member = match &self.step {
            Step::Sandbox { .. } => Member::pause(&self.pod),
            _ => Member::container(&self.pod, name),
        };
        let lines = links.lines(world, &member);
        let ended = world.pod(&self.pod).and_then(|p| p.container(name)).and_then(|c| match &c.state {
            ContainerState::Terminated { status, .. } => Some(format!("{name} has ended already: {status}")),
            _ => None,
        });
        let changes = ended.into_iter().chain(links.changes_since(&self.before)).collect();
        Report { pod: self.pod.clone(), title: self.title(), equal: self.equal.clone(), links: lines, changes }
    }

    fn title(&self) -> String {
        match &self.step {
            Step::Sandbox { name } => format!("Sandbox {name} created"),
            Step::Join { container, ephemeral: false, .. } => format!("{} joined", container.name),
            Step::Join { container, ephemeral: true, .. } => format!("{} added to debug the pod", container.name),
            Step::Replace { member, .. } => format!("{} replaced", member.name()),
            Step::Leave { member } => format!("{} taken out", member.name()),
        }
    }
}
