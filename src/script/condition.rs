//! Checks whether a condition holds, and if not, says what is found instead.

mod pod;
mod process;

use std::collections::BTreeMap;

pub use pod::pod_ready;

use super::{Condition, MemberRef, resolve};
use crate::model::{MonoNs, ProcId, Process, World};

/// What a script compares with: the World before the last kill, delete or replacement (the last *change*), or before
/// the first one when the pods were ready; and the last output.
#[derive(Clone, Debug, Default)]
pub struct History {
    before: World,
    /// When the last change was; `None` before the first.
    changed: Option<MonoNs>,
    /// When the last condition was fulfilled.
    held: MonoNs,
    /// The process that each name meant when it was last killed.
    killed: BTreeMap<MemberRef, ProcId>,
    /// The process that each name meant when it was first used since the last change.
    first_used: BTreeMap<MemberRef, ProcId>,
    /// The last output, with the exit code if it was an exec.
    output: Option<(Option<i32>, String)>,
    /// Why the last step failed, if the script expects the failure.
    pub failed: Option<String>,
}

impl History {
    /// Records the World when the script starts or the pods are ready. It is compared with until the first change.
    pub fn record_start(&mut self, world: &World) {
        if self.changed.is_none() {
            self.before = world.clone();
        }
    }

    /// Records the World just before a change.
    pub fn record_change(&mut self, world: &World, now: MonoNs) {
        self.before = world.clone();
        (self.changed, self.held) = (Some(now), now);
        self.first_used.clear();
    }

    /// Records which process a name meant when it was killed.
    pub fn record_killed(&mut self, name: &MemberRef, id: ProcId) {
        self.killed.insert(name.clone(), id);
    }

    pub fn record_output(&mut self, code: Option<i32>, output: String) {
        self.output = Some((code, output));
    }

    /// Records the time at which a condition was fulfilled.
    pub const fn record_held(&mut self, now: MonoNs) {
        self.held = now;
    }

    /// The process that a name means; it may be gone by now.
    fn subject(&mut self, world: &World, name: &MemberRef) -> Result<ProcId, String> {
        if let Some(id) = self.killed.get(name).or_else(|| self.first_used.get(name)) {
            return Ok(*id);
        }
        let before = self.changed.and_then(|_| resolve::process(&self.before, name).ok());
        let id = before.map_or_else(|| resolve::process(world, name), Ok)?;
        self.first_used.insert(name.clone(), id);
        Ok(id)
    }

    /// # Errors
    /// Why the condition does not hold.
    pub fn check(&mut self, condition: &Condition, world: &World) -> Result<(), String> {
        match condition {
            Condition::Ready(name) => pod::ready(world, name.as_deref()),
            Condition::Gone(name) => self.gone(world, name),
            Condition::Alive(name) => process::alive(world, name),
            Condition::Ended { of, how } => {
                let id = self.subject(world, of)?;
                process::ended(world, of, id, *how)
            }
            Condition::State { of, state } => process::state(world, of, *state),
            Condition::Count { of, bound } => process::count(world, of, *bound),
            Condition::Parent { of, parent } => process::parent(world, of, parent),
            Condition::Reaped { of, by } => {
                let id = self.subject(world, of)?;
                process::reaped(world, of, id, by)
            }
            Condition::Orphan { of, by } => process::orphan(world, of, by),
            Condition::Zombies { count, pod } => process::zombies(world, *count, pod.as_deref()),
            Condition::Cpu { of, bound } => process::cpu(world, of, *bound),
            Condition::Memory { of, bound } => process::memory(world, of, *bound),
            Condition::InPod { member, pid } => process::in_pod(world, member, *pid),
            Condition::Shared { kind, a, b } => process::same_namespace(world, *kind, a, b, true),
            Condition::Private { kind, a, b } => process::same_namespace(world, *kind, a, b, false),
            Condition::Word { container, word } => pod::state(world, container, word),
            Condition::Status { pod, word } => pod::status(world, pod, word),
            Condition::Phase { pod, phase } => pod::phase(world, pod, *phase),
            Condition::Restarted(name) => pod::restarted(world, &self.before, name),
            Condition::Restarts { container, bound } => pod::restarts(world, container, *bound),
            Condition::Sandbox { attempt, pod } => pod::sandbox(world, *attempt, pod.as_deref()),
            Condition::Event { pod, reason, text } => pod::event(world, &self.before, pod, reason, text),
            Condition::Events { pod, reason, bound } => pod::events(world, pod, reason, *bound),
            Condition::Removed(name) => pod::removed(world, &self.before, name),
            Condition::Ip { pod, kept } => pod::ip(world, &self.before, pod, *kept),
            Condition::Output(text) | Condition::Log { text, .. } | Condition::Fetch { text, .. } => {
                let (_, output) = self.output.as_ref().ok_or("nothing was run or read before")?;
                ensure(output.contains(text.as_str()), || format!("the output was {:?}", shortened(output)))
            }
            Condition::Exit(code) => match &self.output {
                Some((Some(was), output)) => {
                    ensure(was == code, || format!("the exit code was {was}, the output {:?}", shortened(output)))
                }
                _ => Err("nothing was run by exec before".into()),
            },
            Condition::Fails(text) => {
                let why = self.failed.as_ref().ok_or("the step before did not fail")?;
                ensure(why.contains(text.as_str()), || format!("it failed with {:?}", shortened(why)))
            }
            Condition::Took(bound) => {
                let changed = self.changed.ok_or("nothing was killed, deleted or replaced before")?;
                let took = self.held.since(changed);
                ensure(bound.holds(took), || format!("it took {:.3} s", took as f64 / 1e9))
            }
        }
    }

    fn gone(&mut self, world: &World, name: &MemberRef) -> Result<(), String> {
        let id = match self.subject(world, name) {
            Ok(id) => id,
            // the name means no process now; but a process that never existed is not gone
            Err(why) => {
                let all = resolve::all_processes(world, name)?;
                ensure(!all.is_empty(), || format!("{why}, and never existed"))?;
                return all.into_iter().find(|p| !p.is_gone()).map_or(Ok(()), |p| Err(still_there(name, p)));
            }
        };
        match world.process(id) {
            Some(p) if !p.is_gone() => Err(still_there(name, p)),
            _ => Ok(()),
        }
    }
}

fn still_there(name: &MemberRef, p: &Process) -> String {
    format!("{name} (pid {}) still exists, in state {}", p.id, p.state.letter())
}

fn ensure(holds: bool, why: impl FnOnce() -> String) -> Result<(), String> {
    if holds { Ok(()) } else { Err(why()) }
}

/// The last characters of a text, since errors are at the end.
fn shortened(text: &str) -> String {
    let text = text.trim_end();
    let skip = text.chars().count().saturating_sub(200);
    let end: String = text.chars().skip(skip).collect();
    if skip > 0 { format!("…{end}") } else { end }
}
