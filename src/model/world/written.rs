//! What programs of pods have written, and the programs that were executed in containers.

use std::num::NonZeroU64;

use imbl::OrdMap;

use super::World;
use crate::model::{ExecEnd, ExecId, ExecRun, Member, Output, OutputSource, Pod, PodUid, Stamp};

impl World {
    pub(super) fn written(&mut self, from: &OutputSource, text: &str, skipped: Option<NonZeroU64>, at: Stamp) {
        let skipped = skipped.map_or(0, NonZeroU64::get);
        match from {
            // the pod is gone, and what it has written is in the past
            OutputSource::Member(member) if !self.pods.contains_key(&member.pod) => {}
            OutputSource::Member(member) => {
                self.output.entry(member.clone()).or_default().push(text, skipped, at.t);
            }
            OutputSource::Exec { exec, .. } => {
                if let Some(run) = self.execs.get_mut(exec) {
                    run.output.push(text, skipped, at.t);
                }
            }
        }
    }

    pub(super) fn exec_started(&mut self, exec: ExecId, member: &Member, argv: &[String], at: Stamp) {
        let (member, argv) = (member.clone(), argv.to_vec());
        let run = ExecRun { id: exec, member, argv, started: at, output: Output::default(), ended: None };
        self.execs.insert(exec, run);
        if self.execs.len() > Self::MAX_EXECS {
            let ended = self.execs.iter().find(|(_, run)| run.ended.is_some());
            if let Some(oldest) = ended.or_else(|| self.execs.iter().next()).map(|(id, _)| *id) {
                self.execs.remove(&oldest);
            }
        }
    }

    pub(super) fn exec_ended(&mut self, exec: ExecId, end: &ExecEnd, at: Stamp) {
        if let Some(run) = self.execs.get_mut(&exec) {
            run.ended = Some((end.clone(), at));
        }
    }

    /// The node has ended, and with it the programs that it executed.
    pub(super) fn end_execs(&mut self, at: Stamp) {
        let running = self.execs.values().filter(|run| run.ended.is_none()).map(|run| run.id);
        for exec in running.collect::<Vec<_>>() {
            self.exec_ended(exec, &ExecEnd::NodeEnded, at);
        }
    }

    /// Forgets what containers have written that are no longer in the pod: another one may get their name.
    pub(super) fn forget_output_of_removed(&mut self, pod: &Pod) {
        let of_pod = self.output.range(Member::pause(&pod.uid)..).map(|(member, _)| member);
        let of_pod = of_pod.take_while(|member| member.pod == pod.uid);
        let removed = of_pod.filter(|m| m.container.as_deref().is_some_and(|name| pod.container(name).is_none()));
        for member in removed.cloned().collect::<Vec<_>>() {
            self.output.remove(&member);
        }
    }

    pub(super) fn forget_output(&mut self, pod: &PodUid) {
        remove_members(&mut self.output, pod);
        let of_pod = self.execs.values().filter(|run| run.member.pod == *pod).map(|run| run.id);
        for exec in of_pod.collect::<Vec<_>>() {
            self.execs.remove(&exec);
        }
    }

    /// The program that was executed last in a container of the pod, if one is remembered.
    pub fn last_exec(&self, pod: &PodUid) -> Option<&ExecRun> {
        self.execs.values().rev().find(|run| run.member.pod == *pod)
    }

    /// The same World without what programs have written.
    #[must_use]
    pub fn without_output(&self) -> Self {
        Self { output: OrdMap::new(), execs: OrdMap::new(), ..self.clone() }
    }
}

/// Removes what belongs to the members of a pod.
pub(super) fn remove_members<V: Clone>(map: &mut OrdMap<Member, V>, pod: &PodUid) {
    // pause is the first member
    let of_pod = map.range(Member::pause(pod)..).map(|(member, _)| member);
    let members: Vec<Member> = of_pod.take_while(|member| member.pod == *pod).cloned().collect();
    for member in members {
        map.remove(&member);
    }
}
