//! Prints what happens while pods run, for people or for programs.

use std::collections::{BTreeMap, BTreeSet};

use crate::cli::output::{Failure, note, print};
use crate::command::Outcome;
use crate::export::deltas;
use crate::model::text::{escaped, escaped_lines};
use crate::model::{ContainerState, Delta, EventKind, Member, MonoNs, Pod, PodUid, Stamp};
use crate::script::Step;
use crate::wording::ending;

pub struct EventPrinter {
    /// Prints deltas as JSON to stdout and text to stderr.
    json: bool,
    /// Whether the line that names the format was printed.
    has_header: bool,
    start: MonoNs,
    /// The name of each pod and its status line that was printed last.
    pods: BTreeMap<PodUid, (String, String)>,
    /// Containers that ran at the last delta of their pod.
    running: BTreeSet<Member>,
}

impl EventPrinter {
    pub fn new(json: bool, start: MonoNs) -> Self {
        Self { json, has_header: false, start, pods: BTreeMap::new(), running: BTreeSet::new() }
    }

    pub fn print_delta(&mut self, delta: &Delta) -> Result<(), Failure> {
        if self.json {
            if !std::mem::replace(&mut self.has_header, true) {
                print(&deltas::header())?;
            }
            print(&deltas::line(delta).map_err(Failure::failed)?)?;
        }
        match delta {
            Delta::Pod { pod, at } => {
                self.print_pod(pod, *at)?;
                self.print_termination_messages(pod, *at)
            }
            Delta::PodRemoved { uid, at } => {
                let text = format!("{}  removed", self.name(uid));
                self.print_stamped(*at, &text)
            }
            Delta::Event { event } => {
                let warning = if event.kind == EventKind::Warning { "Warning " } else { "" };
                let text = format!("{}  {warning}{}  {}", self.name(&event.pod), event.reason, event.message);
                self.print_stamped(event.at, &text)
            }
            Delta::NodeStarted { id, at } => self.print_stamped(*at, &format!("the lab's node is up, pid {id}")),
            _ => Ok(()),
        }
    }

    /// Prints a step of the script that has begun.
    pub fn print_step(&self, step: &Step) -> Result<(), Failure> {
        self.print_at(crate::observe::now(), &format!("> {}", step.text))
    }

    /// Prints the output of a command, if it has any.
    pub fn print_outcome(&self, outcome: &Outcome) -> Result<(), Failure> {
        let (Outcome::Exec { output, .. } | Outcome::Output(output)) = outcome else { return Ok(()) };
        output.lines().try_for_each(|line| self.print_line(&format!("            {}", escaped_lines(line))))
    }

    /// Prints the status of a pod, if it differs from the last one printed.
    fn print_pod(&mut self, pod: &Pod, at: Stamp) -> Result<(), Failure> {
        let ip = pod.ip.map(|ip| format!("  {ip}")).unwrap_or_default();
        let message = ending::pod_message(pod).map(|m| format!("  {m}")).unwrap_or_default();
        let attempt = pod.sandbox.as_ref().and_then(|s| s.attempt).filter(|n| *n > 0);
        let attempt = attempt.map(|n| format!("  sandbox {n}")).unwrap_or_default();
        let line = format!("{}{ip}{attempt}{message}", pod.status());
        let before = self.pods.insert(pod.uid.clone(), (pod.name.clone(), line.clone()));
        if before.is_some_and(|(_, before)| before == line) {
            return Ok(());
        }
        self.print_stamped(at, &format!("{}  {line}", pod.name))
    }

    /// Prints the termination messages of containers that have just ended.
    fn print_termination_messages(&mut self, pod: &Pod, at: Stamp) -> Result<(), Failure> {
        for c in &pod.containers {
            let member = Member::container(&pod.uid, &c.name);
            if matches!(c.state, ContainerState::Running { .. }) {
                self.running.insert(member);
                continue;
            }
            let (true, Some(message)) = (self.running.remove(&member), &c.last_message) else { continue };
            self.print_stamped(at, &format!("{}  {} left a termination message", pod.name, c.name))?;
            message.lines().try_for_each(|line| self.print_line(&format!("            {}", escaped(line))))?;
        }
        Ok(())
    }

    fn name<'a>(&'a self, uid: &'a PodUid) -> &'a str {
        self.pods.get(uid).map_or(uid.0.as_str(), |(name, _)| name)
    }

    fn print_stamped(&self, at: Stamp, text: &str) -> Result<(), Failure> {
        self.print_at(at.t, text)
    }

    fn print_at(&self, t: MonoNs, text: &str) -> Result<(), Failure> {
        let seconds = t.since(self.start) as f64 / 1e9;
        self.print_line(&format!("{seconds:>9.3}s  {}", escaped(text)))
    }

    fn print_line(&self, text: &str) -> Result<(), Failure> {
        if self.json {
            note(text);
            return Ok(());
        }
        print(&format!("{text}\n"))
    }
}
