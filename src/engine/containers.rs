//! The pods of container engines. Looks for them at the start, whenever an engine tells something new, and when a
//! container has ended.

use std::collections::{BTreeMap, BTreeSet};

use super::FrontEnd;
use super::worker::{JobResult, Worker};
use crate::engines::{Appearances, Appeared, Engines, FoundPods, Known, Note, Options, Places, Report, find};
use crate::model::{ContainerState, Delta, Member, MonoNs, Pod, PodUid, ProcId, Process, Scope, Source, Stamp, World};
use crate::observe::{self, Input, now};

/// The least time between two looks: a look reads all processes of the machine.
const GAP_NS: u64 = 1_000_000_000;
/// When to look after the cgroup of a container has appeared: first once its first process is in it, then once it runs
/// its program also on a busy machine.
const SETTLE_NS: u64 = 300_000_000;
const SETTLE_LATE_NS: u64 = 2_000_000_000;

#[derive(Default)]
pub(super) struct Containers {
    /// `None` if there is no engine to ask.
    engines: Option<Engines>,
    /// Tells of engines and containers that start later.
    appearances: Option<Appearances>,
    /// When to look because a container has appeared, and when once more.
    expected: [Option<MonoNs>; 2],
    known: Known,
    is_looking: bool,
    /// Something new was told while it looked, or just after.
    look_again: bool,
    /// When the last look ended, or the engines were asked first.
    looked: Option<MonoNs>,
    /// The engines were asked again for containers that none of them had listed.
    has_asked: bool,
    pods: BTreeMap<PodUid, Pod>,
    members: BTreeMap<ProcId, Member>,
}

impl Worker {
    /// Begins to ask the engines. Only a window shows their pods.
    pub(super) fn start_engines(&mut self) {
        if self.front_end != FrontEnd::Window || self.containers.looked.is_some() {
            return;
        }
        let jobs = self.jobs.0.clone();
        let sink = Box::new(move |appeared| drop(jobs.send(JobResult::EngineAppeared(appeared))));
        match Appearances::watch(Places::of_machine(), sink) {
            Ok(appearances) => self.containers.appearances = Some(appearances),
            Err(e) => tracing::warn!("container engines that start later are not noticed: {e}"),
        }
        self.ask_engines(Options::default().present());
        // a little later: first the lab and its pods start
        (self.containers.looked, self.containers.look_again) = (Some(now()), true);
    }

    fn ask_engines(&mut self, options: Options) {
        // without a socket nobody is to be asked, and no thread is needed
        if options.sockets.is_empty() {
            return;
        }
        let jobs = self.jobs.0.clone();
        let sink = Box::new(move |report| drop(jobs.send(JobResult::EngineReport(report))));
        match Engines::start(options, sink) {
            Ok(engines) => self.containers.engines = Some(engines),
            Err(e) => tracing::warn!("the container engines are not asked: {e}"),
        }
    }

    pub(super) fn engine_appeared(&mut self, appeared: Appeared) {
        match appeared {
            Appeared::Socket(socket) => match &self.containers.engines {
                Some(engines) => engines.ask(socket),
                None => self.ask_engines(Options { sockets: vec![socket], ..Options::default() }),
            },
            Appeared::Container => {
                let (at, [soon, _]) = (now(), self.containers.expected);
                self.containers.expected = [soon.or(Some(at.plus(SETTLE_NS))), Some(at.plus(SETTLE_LATE_NS))];
            }
        }
    }

    pub(super) fn engine_reported(&mut self, report: Report) {
        let is_there = report.answer != Err(Note::NotThere);
        if let Err(why) = &report.answer
            && is_there
        {
            tracing::info!("{} does not tell its containers: {why}", report.socket.path.display());
        }
        self.containers.known.apply(report);
        if is_there {
            self.look_for_pods();
        }
    }

    /// Reads all processes of the machine, and finds the pods among them. Takes a moment, so it is a job.
    pub(super) fn look_for_pods(&mut self) {
        let is_early = self.containers.looked.is_some_and(|at| now() < at.plus(GAP_NS));
        if self.containers.is_looking || is_early {
            self.containers.look_again = true;
            return;
        }
        self.containers.look_again = false;
        let live = self.store.live();
        let is_other = |p: &&Process| match live.scope {
            Scope::Lab => !self.containers.members.contains_key(&p.id),
            Scope::Host => is_of_lab(live, p),
        };
        let others: BTreeSet<ProcId> = live.present().filter(is_other).map(|p| p.id).collect();
        let known = self.containers.known.clone();
        let look = move || {
            let deltas = observe::once(None);
            JobResult::EnginePodsFound(deltas.map_err(|e| e.to_string()).map(|deltas| {
                let mut world = World::default();
                for delta in &deltas {
                    world.apply(delta);
                }
                find(&world, &others, &known)
            }))
        };
        match self.spawn("find pods", look) {
            Ok(()) => self.containers.is_looking = true,
            Err(why) => tracing::warn!("the pods of container engines are not looked for: {why}"),
        }
    }

    pub(super) fn engine_pods_found(&mut self, found: Result<FoundPods, String>) {
        self.containers.is_looking = false;
        self.containers.looked = Some(now());
        match found {
            Ok(found) => self.take_engine_pods(found),
            Err(why) => tracing::warn!("the pods of container engines are not looked for: {why}"),
        }
    }

    /// Looks again if that is due. Returns when it will be.
    pub(super) fn look_again_if_due(&mut self) -> Option<MonoNs> {
        let containers = &mut self.containers;
        let earliest = containers.looked.filter(|_| !containers.is_looking)?.plus(GAP_NS);
        let wanted = containers.look_again.then_some(earliest);
        let due = wanted.into_iter().chain(containers.expected.into_iter().flatten()).min()?.max(earliest);
        let at = now();
        if due > at {
            return Some(due);
        }
        containers.expected = containers.expected.map(|expected| expected.filter(|expected| *expected > at));
        self.look_for_pods();
        None
    }

    /// Passes what is new to the observer, which follows the processes from now on.
    fn take_engine_pods(&mut self, found: FoundPods) {
        let Some(observer) = &self.observer else { return };
        let containers = &mut self.containers;
        if found.has_unlisted && !containers.has_asked {
            containers.engines.iter().for_each(Engines::ask_again);
        }
        containers.has_asked = found.has_unlisted;
        let input = observer.input();
        let at = Stamp::prompt(now(), Source::App);
        let mut pods = BTreeMap::new();
        for mut pod in found.pods {
            let before = containers.pods.remove(&pod.uid);
            if let Some(before) = &before {
                keep_times(before, &mut pod);
            }
            if before.as_ref() != Some(&pod) {
                input.send(Input::Delta(Delta::Pod { pod: Box::new(pod.clone()), at }));
            }
            pods.insert(pod.uid.clone(), pod);
        }
        let new: Vec<ProcId> =
            found.members.iter().map(|(id, _)| *id).filter(|id| !containers.members.contains_key(id)).collect();
        if !new.is_empty() {
            input.send(Input::WatchAll(new));
        }
        // a container has another name once its engine has told it
        for (id, member) in found.members.iter().filter(|(id, member)| containers.members.get(id) != Some(member)) {
            input.send(Input::Delta(Delta::Joined { id: *id, member: member.clone(), at }));
        }
        containers.members = found.members.into_iter().collect();
        for uid in std::mem::replace(&mut containers.pods, pods).into_keys() {
            input.send(Input::Delta(Delta::PodRemoved { uid, at }));
        }
    }

    /// Looks again when the first process of an engine's container is gone, or when a process was moved to another cgroup
    /// and so perhaps to another container: an engine may not tell.
    pub(super) fn note_process(&mut self, delta: &Delta, before: &World) {
        let id = match delta {
            Delta::Reaped { id, .. } => id,
            Delta::InCgroup { id, .. } => {
                let has_moved = before.process(*id).is_some_and(|p| p.cgroup.is_some());
                if has_moved && self.containers.members.contains_key(id) {
                    self.look_for_pods();
                }
                return;
            }
            _ => return,
        };
        let is_first = |pod: &Pod| {
            pod.sandbox.as_ref().and_then(|sandbox| sandbox.process) == Some(*id)
                || pod.containers.iter().any(|container| container.process == Some(*id))
        };
        if self.containers.members.contains_key(id) && self.containers.pods.values().any(is_first) {
            self.look_for_pods();
        }
    }
}

/// Whether it is the lab's node or belongs to a pod of the lab.
fn is_of_lab(world: &World, p: &Process) -> bool {
    let pod = p.member.as_ref().and_then(|member| world.pod(&member.pod));
    pod.is_some_and(Pod::is_of_lab) || world.node.as_ref().is_some_and(|node| node.process == p.id)
}

/// What began before has the time at which it was seen first.
fn keep_times(before: &Pod, pod: &mut Pod) {
    pod.created = before.created;
    if let (Some(was), Some(now)) = (&before.sandbox, &mut pod.sandbox)
        && was.process == now.process
    {
        now.started = was.started;
    }
    for container in &mut pod.containers {
        let Some(was) = before.container(&container.name).filter(|was| was.process == container.process) else {
            continue;
        };
        match (&was.state, &container.state) {
            (ContainerState::Running { .. }, ContainerState::Running { .. })
            | (ContainerState::Terminated { .. }, ContainerState::Terminated { .. }) => {
                container.state = was.state.clone();
            }
            _ => {}
        }
    }
}
