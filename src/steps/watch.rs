//! Waits until the World shows what a step has done.

use super::links::{LinkLine, Links, in_words};
use super::{Equal, Step, equal};
use crate::lab::PodSpec;
use crate::model::{Container, ContainerState, Member, MonoNs, Pod, PodUid, ProcId, World};

/// How long a step may take to be seen, beside the grace period of a container that is stopped: one that joins may have
/// to wait for others, such as init containers.
const PATIENCE_NS: u64 = 15_000_000_000;

/// A step that the lab has taken.
#[derive(Clone, Debug)]
pub struct Pending {
    pod: PodUid,
    step: Step,
    equal: Equal,
    before: Links,
    /// Of the container that it is about, before it.
    process: Option<ProcId>,
    give_up: MonoNs,
}

/// What a step was, what it is elsewhere, and what has changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    pub pod: PodUid,
    /// In a few words.
    pub title: String,
    pub equal: Equal,
    /// The links of the member that it is about; none where it is gone, or ended too soon.
    pub links: Vec<LinkLine>,
    /// What has changed, a line each.
    pub changes: Vec<String>,
}

impl Report {
    /// All of it, for a terminal.
    pub fn text(&self) -> String {
        let Equal { docker, shell, kubelet, note } = &self.equal;
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

/// Its process, and not one before it.
fn has_ended(world: &World, container: &Container) -> bool {
    container.process.and_then(|id| world.process(id)).is_some_and(|p| !p.is_alive())
}

impl Pending {
    /// `spec` is the pod's as it was before the step, and `world` of that time as well.
    pub fn new(pod: PodUid, step: Step, spec: &PodSpec, world: &World, now: MonoNs) -> Self {
        let grace_ns = u64::from(spec.grace_seconds) * 1_000_000_000;
        let equal = equal(&step, spec);
        let before = Links::of(world, &pod);
        let process = world.pod(&pod).and_then(|p| p.container(step.member_name())?.process);
        Self { pod, step, equal, before, process, give_up: now.plus(PATIENCE_NS + grace_ns) }
    }

    /// When to look again though nothing was heard.
    pub const fn give_up(&self) -> MonoNs {
        self.give_up
    }

    /// What has happened; `None` while it is not to be seen yet. `Err` is why it did not come to what was asked for.
    pub fn look(&self, world: &World, now: MonoNs) -> Option<Result<Report, String>> {
        let name = self.step.member_name();
        let Some(pod) = world.pod(&self.pod) else {
            let late = now >= self.give_up || !matches!(self.step, Step::Sandbox { .. });
            return late.then(|| Err(format!("{name}: its pod is not there")));
        };
        let links = Links::of(world, &self.pod);
        let done = match &self.step {
            Step::Sandbox { .. } => self.stands(pod, &links, world),
            Step::Join { .. } | Step::Replace { .. } => self.runs(pod, &links, world),
            Step::Leave { member } => self.has_left(pod, member, world),
        };
        match done {
            None if now >= self.give_up => Some(Err(self.overdue(pod))),
            None => None,
            Some(Err(why)) => Some(Err(why)),
            Some(Ok(())) => Some(Ok(self.report(world, &links))),
        }
    }

    fn stands(&self, pod: &Pod, links: &Links, world: &World) -> Option<Result<(), String>> {
        if links.settled(world, &Member::pause(&self.pod)) {
            return Some(Ok(()));
        }
        let failed = pod.reason.as_deref() == Some("FailedCreatePodSandBox");
        failed.then(|| Err(pod.message.clone().unwrap_or_else(|| "no sandbox could be made".to_owned())))
    }

    fn runs(&self, pod: &Pod, links: &Links, world: &World) -> Option<Result<(), String>> {
        let name = self.step.member_name();
        let Some(container) = pod.container(name) else {
            // taken, and not told yet; or taken out again
            return None;
        };
        let anew = container.process.is_some() && container.process != self.process;
        match &container.state {
            ContainerState::Running { .. } if anew && links.settled(world, &Member::container(&self.pod, name)) => {
                Some(Ok(()))
            }
            // it was there, however short; the state may still be of the one before it
            ContainerState::Terminated { .. } if anew && has_ended(world, container) => Some(Ok(())),
            // one that is replaced may have waited before
            ContainerState::Waiting { reason, message: Some(message) }
                if anew || matches!(self.step, Step::Join { .. }) =>
            {
                Some(Err(format!("{name} does not run: {reason}: {message}")))
            }
            _ => None,
        }
    }

    fn has_left(&self, pod: &Pod, member: &Member, world: &World) -> Option<Result<(), String>> {
        let there = pod.container(member.name()).is_some()
            || world.pod_processes(&self.pod).any(|p| p.is_alive() && p.member.as_ref() == Some(member));
        (!there).then_some(Ok(()))
    }

    fn overdue(&self, pod: &Pod) -> String {
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
        let changes = ended.into_iter().chain(links.since(&self.before)).collect();
        Report { pod: self.pod.clone(), title: self.title(), equal: self.equal.clone(), links: lines, changes }
    }

    fn title(&self) -> String {
        match &self.step {
            Step::Sandbox { name } => format!("Sandbox {name} alone"),
            Step::Join { container, ephemeral: false, .. } => format!("{} joined", container.name),
            Step::Join { container, ephemeral: true, .. } => format!("{} looks into the pod", container.name),
            Step::Replace { member, .. } => format!("{} replaced", member.name()),
            Step::Leave { member } => format!("{} taken out", member.name()),
        }
    }
}
