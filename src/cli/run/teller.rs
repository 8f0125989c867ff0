//! What a person, or a program, reads while pods run.

use std::collections::{BTreeMap, BTreeSet};

use crate::cli::output::{Failure, note, print};
use crate::command::Outcome;
use crate::model::text::{escaped, escaped_json, escaped_lines};
use crate::model::{ContainerState, Delta, EventKind, Member, MonoNs, Pod, PodUid, Stamp};
use crate::script::Step;

pub struct Teller {
    /// Deltas as JSON on stdout, words on stderr.
    json: bool,
    start: MonoNs,
    /// Name and what was last said of each pod.
    pods: BTreeMap<PodUid, (String, String)>,
    /// Containers that ran when they were last told of.
    running: BTreeSet<Member>,
    /// How many steps of the script were told.
    steps: usize,
}

impl Teller {
    pub fn new(json: bool, start: MonoNs) -> Self {
        Self { json, start, pods: BTreeMap::new(), running: BTreeSet::new(), steps: 0 }
    }

    pub fn delta(&mut self, delta: &Delta) -> Result<(), Failure> {
        if self.json {
            let line = serde_json::to_string(delta).map_err(Failure::failed)?;
            print(&(escaped_json(line) + "\n"))?;
        }
        match delta {
            Delta::Pod { pod, at } => {
                self.pod(pod, *at)?;
                self.ended_containers(pod, *at)
            }
            Delta::PodRemoved { uid, at } => {
                let text = format!("{}  removed", self.name(uid));
                self.say(*at, &text)
            }
            Delta::Event { event } => {
                let warning = if event.kind == EventKind::Warning { "Warning " } else { "" };
                let text = format!("{}  {warning}{}  {}", self.name(&event.pod), event.reason, event.message);
                self.say(event.at, &text)
            }
            Delta::NodeStarted { id, at } => self.say(*at, &format!("the lab's node is up, pid {id}")),
            _ => Ok(()),
        }
    }

    /// Of the steps begun so far, those that are new.
    pub fn steps(&mut self, begun: &[Step]) -> Result<(), Failure> {
        for step in &begun[self.steps.min(begun.len())..] {
            self.say_at(crate::observe::now(), &format!("> {}", step.text))?;
        }
        self.steps = begun.len();
        Ok(())
    }

    pub fn outcome(&self, outcome: &Outcome) -> Result<(), Failure> {
        let (Outcome::Exec { output, .. } | Outcome::Output(output)) = outcome else { return Ok(()) };
        output.lines().try_for_each(|line| self.words(&format!("            {}", escaped_lines(line))))
    }

    fn pod(&mut self, pod: &Pod, at: Stamp) -> Result<(), Failure> {
        let ip = pod.ip.map(|ip| format!("  {ip}")).unwrap_or_default();
        let message = pod.message.as_deref().map(|m| format!("  {m}")).unwrap_or_default();
        let attempt = pod.sandbox.as_ref().map(|s| s.attempt).filter(|n| *n > 0);
        let attempt = attempt.map(|n| format!("  sandbox {n}")).unwrap_or_default();
        let said = format!("{}{ip}{attempt}{message}", pod.status());
        let before = self.pods.insert(pod.uid.clone(), (pod.name.clone(), said.clone()));
        if before.is_some_and(|(_, before)| before == said) {
            return Ok(());
        }
        self.say(at, &format!("{}  {said}", pod.name))
    }

    /// The termination messages of containers that have just ended, a line each.
    fn ended_containers(&mut self, pod: &Pod, at: Stamp) -> Result<(), Failure> {
        for c in &pod.containers {
            let member = Member::container(&pod.uid, &c.name);
            if matches!(c.state, ContainerState::Running { .. }) {
                self.running.insert(member);
                continue;
            }
            let (true, Some(message)) = (self.running.remove(&member), &c.last_message) else { continue };
            self.say(at, &format!("{}  {} left a termination message", pod.name, c.name))?;
            message.lines().try_for_each(|line| self.words(&format!("            {}", escaped(line))))?;
        }
        Ok(())
    }

    fn name<'a>(&'a self, uid: &'a PodUid) -> &'a str {
        self.pods.get(uid).map_or(uid.0.as_str(), |(name, _)| name)
    }

    fn say(&self, at: Stamp, text: &str) -> Result<(), Failure> {
        self.say_at(at.t, text)
    }

    fn say_at(&self, t: MonoNs, text: &str) -> Result<(), Failure> {
        let seconds = t.since(self.start) as f64 / 1e9;
        self.words(&format!("{seconds:>9.3}s  {}", escaped(text)))
    }

    fn words(&self, text: &str) -> Result<(), Failure> {
        if self.json {
            note(text);
            return Ok(());
        }
        print(&format!("{text}\n"))
    }
}
