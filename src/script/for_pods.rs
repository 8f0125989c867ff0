//! A script for other pods than those that it names: the same pods under other names, beside others of the same kind.

use super::{Condition, MemberRef, Page, Script, Step, StepKind};

/// A pod of a script, and the pod that takes its place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ScriptPod {
    /// Its name in the script.
    pub named: String,
    /// Its name in the lab.
    pub now: String,
    /// The names of its containers.
    pub containers: Vec<String>,
}

impl Script {
    /// The same steps for these pods and for no others. A member that the script names without its pod belongs to the
    /// pod that has it, and what is about all pods is about these.
    #[must_use]
    pub fn for_pods(&self, pods: &[ScriptPod]) -> Self {
        let names = Names { pods };
        let steps = self.steps.iter().flat_map(|step| names.step(step)).collect();
        Self { name: self.name.clone(), steps }
    }
}

struct Names<'a> {
    pods: &'a [ScriptPod],
}

impl Names<'_> {
    fn step(&self, step: &Step) -> Vec<Step> {
        if let StepKind::Wait { until: Condition::Ready(None), within } = &step.kind
            && !self.pods.is_empty()
        {
            let wait = |pod: &ScriptPod| {
                let kind = StepKind::Wait { until: Condition::Ready(Some(pod.now.clone())), within: *within };
                Step { line: step.line, text: format!("wait ready {}", pod.now), kind }
            };
            return self.pods.iter().map(wait).collect();
        }
        let mut step = step.clone();
        self.rename(&mut step.kind);
        vec![step]
    }

    fn rename(&self, kind: &mut StepKind) {
        match kind {
            StepKind::Wait { until: condition, .. } | StepKind::Expect { that: condition, .. } => {
                self.condition(condition);
            }
            StepKind::Kill { target: member, .. }
            | StepKind::Exec { member, .. }
            | StepKind::Logs(member)
            | StepKind::Replace { member, .. }
            | StepKind::Leave(member)
            | StepKind::Unshare { member, .. }
            | StepKind::Fork(member)
            | StepKind::Select { member, .. } => self.member(member),
            StepKind::Join { member, target, .. } => {
                self.member(member);
                self.member(target);
            }
            StepKind::Delete { pod } | StepKind::Sandbox { name: pod } => self.pod(pod),
            StepKind::Add { pod, .. } => self.maybe_pod(pod),
            StepKind::Fetch(page) => self.page(page),
            StepKind::Snapshot(_)
            | StepKind::Screenshot(_)
            | StepKind::Film(_)
            | StepKind::Show(_)
            | StepKind::Sleep(_) => {}
        }
    }

    fn condition(&self, condition: &mut Condition) {
        match condition {
            Condition::Ready(pod) | Condition::Zombies { pod, .. } | Condition::Sandbox { pod, .. } => {
                self.maybe_pod(pod);
            }
            Condition::Gone(of)
            | Condition::Alive(of)
            | Condition::Ended { of, .. }
            | Condition::State { of, .. }
            | Condition::Count { of, .. }
            | Condition::Memory { of, .. }
            | Condition::Cpu { of, .. }
            | Condition::Restarted(of)
            | Condition::Word { container: of, .. }
            | Condition::Restarts { container: of, .. }
            | Condition::InPod { member: of, .. }
            | Condition::Log { member: of, .. } => self.member(of),
            Condition::Parent { of, parent: other }
            | Condition::Reaped { of, by: other }
            | Condition::Orphan { of, by: other }
            | Condition::Shared { a: of, b: other, .. }
            | Condition::Private { a: of, b: other, .. } => {
                self.member(of);
                self.member(other);
            }
            Condition::Status { pod, .. }
            | Condition::Phase { pod, .. }
            | Condition::Event { pod, .. }
            | Condition::Events { pod, .. }
            | Condition::Removed(pod)
            | Condition::Ip { pod, .. } => self.pod(pod),
            Condition::Fetch { page, .. } => self.page(page),
            Condition::Output(_) | Condition::Exit(_) | Condition::Fails(_) | Condition::Took(_) => {}
        }
    }

    fn pod(&self, name: &mut String) {
        if let Some(pod) = self.pods.iter().find(|pod| pod.named == *name) {
            name.clone_from(&pod.now);
        }
    }

    /// Without a name the only pod is meant, or all of them.
    fn maybe_pod(&self, name: &mut Option<String>) {
        match (name.as_mut(), self.pods) {
            (Some(name), _) => self.pod(name),
            (None, [only]) => *name = Some(only.now.clone()),
            (None, _) => {}
        }
    }

    fn page(&self, page: &mut Page) {
        if let Page::Behind { pod, .. } = page {
            self.pod(pod);
        }
    }

    fn member(&self, of: &mut MemberRef) {
        let MemberRef::Name { pod, member, .. } = of else { return };
        if let Some(pod) = pod {
            return self.pod(pod);
        }
        let member = member.as_str();
        let name = member.strip_prefix("container/").unwrap_or(member);
        let has = |pod: &&ScriptPod| member == "pause" || pod.containers.iter().any(|container| container == name);
        let mut having = self.pods.iter().filter(has);
        if let (Some(only), None) = (having.next(), having.next()) {
            *pod = Some(only.now.clone());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::ScriptPod;
    use crate::script::{Condition, StepKind, parse};

    fn pod(named: &str, now: &str, containers: &[&str]) -> ScriptPod {
        let containers = containers.iter().map(|name| (*name).to_owned()).collect();
        ScriptPod { named: named.to_owned(), now: now.to_owned(), containers }
    }

    #[test]
    fn every_name_of_a_script_is_that_of_the_new_pod() {
        let text = "wait ready\nkill web/nginx KILL\nwait gone nginx\nexpect alive pause\nexpect zombies 0\n\
                    wait event web Killing\nexpect shared net pause nginx\nexpect parent nginx:worker[0] node\n\
                    delete web\nwait removed web\nfetch web:80/\nexpect ip web kept\n";
        let script = parse("a.script", text).expect("a script").for_pods(&[pod("web", "web-2", &["nginx"])]);
        let expected = "wait ready web-2\nkill web-2/nginx KILL\nwait gone web-2/nginx\nexpect alive web-2/pause\n\
                        expect zombies 0 web-2\nwait event web-2 Killing\nexpect shared net web-2/pause web-2/nginx\n\
                        expect parent web-2/nginx:worker[0] node\ndelete web-2\nwait removed web-2\nfetch web-2:80/\n\
                        expect ip web-2 kept\n";
        let kinds = |script: &crate::script::Script| script.steps.iter().map(|s| s.kind.clone()).collect::<Vec<_>>();
        assert_eq!(kinds(&script), kinds(&parse("a.script", expected).expect("a script")));
        assert_eq!(script.steps.iter().map(|s| s.line).collect::<Vec<_>>(), (1..=12).collect::<Vec<_>>());
    }

    #[test]
    fn of_several_pods_each_becomes_ready() {
        let script = parse("a.script", "wait ready within 30s\nexpect alive two/pause\nexpect alive pause\n");
        let pods = [pod("one", "one-2", &["a"]), pod("two", "two-2", &["a"])];
        let script = script.expect("a script").for_pods(&pods);
        let ready = |nth: usize| match &script.steps[nth].kind {
            StepKind::Wait { until: Condition::Ready(Some(pod)), within } => (pod.clone(), within.as_secs()),
            other => panic!("{other:?}"),
        };
        assert_eq!([ready(0), ready(1)], [("one-2".to_owned(), 30), ("two-2".to_owned(), 30)]);
        assert_eq!(script.steps[1].line, 1);
        assert_eq!(script.steps[2].kind, parse("b", "expect alive two-2/pause").expect("a step").steps[0].kind);
        assert_eq!(script.steps[3].kind, parse("b", "expect alive pause").expect("a step").steps[0].kind, "which one?");
    }

    #[test]
    fn the_scripts_of_all_presets_are_about_their_own_pods_only() {
        for preset in &crate::presets::ALL {
            let drawn = preset.drawn_pods();
            let pods: Vec<ScriptPod> = drawn
                .iter()
                .map(|spec| {
                    let containers = spec.all_containers().map(|c| c.name.clone()).collect();
                    ScriptPod { named: spec.name.clone(), now: format!("{}-9", spec.name), containers }
                })
                .collect();
            let script = preset.script().expect("a script").for_pods(&pods);
            for step in &script.steps {
                let kind = format!("{:?}", step.kind);
                let bare =
                    kind.contains("pod: None, member") && !kind.contains("\"node\"") && !kind.contains("\"host\"");
                assert!(!bare, "{}:{}: {} names no pod", preset.name, step.line, step.text);
            }
        }
    }
}
