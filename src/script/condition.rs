//! Whether a condition holds, and if not, what is there instead.

mod pod;
mod process;

use std::collections::BTreeMap;

pub use pod::pod_ready;

use super::{Condition, MemberRef, resolve};
use crate::model::{MonoNs, ProcId, Process, World};

/// What the world was like before the last kill, delete or replacement, or else when the pods were up; and what
/// was said last.
#[derive(Clone, Debug, Default)]
pub struct Memory {
    before: World,
    /// When that was; `None` if there was none yet.
    stroke: Option<MonoNs>,
    /// When the last condition came to hold.
    held: MonoNs,
    /// What names meant when they were last killed.
    killed: BTreeMap<MemberRef, ProcId>,
    /// What names meant when they were first asked about since the last stroke.
    asked: BTreeMap<MemberRef, ProcId>,
    /// The exit code, of an exec, and the output.
    said: Option<(Option<i32>, String)>,
    /// Why the last step failed, where that was expected.
    pub failed: Option<String>,
}

impl Memory {
    /// The script begins, or the pods are up: what comes is compared with this until something is struck.
    pub fn stands(&mut self, world: &World) {
        if self.stroke.is_none() {
            self.before = world.clone();
        }
    }

    /// Something is about to be changed.
    pub fn strike(&mut self, world: &World, now: MonoNs) {
        self.before = world.clone();
        (self.stroke, self.held) = (Some(now), now);
        self.asked.clear();
    }

    pub fn target(&mut self, name: &MemberRef, id: ProcId) {
        self.killed.insert(name.clone(), id);
    }

    pub fn hear(&mut self, code: Option<i32>, output: String) {
        self.said = Some((code, output));
    }

    /// A condition has come to hold.
    pub const fn held(&mut self, now: MonoNs) {
        self.held = now;
    }

    /// The process that a name means, though it may be gone by now.
    fn subject(&mut self, world: &World, name: &MemberRef) -> Result<ProcId, String> {
        if let Some(id) = self.killed.get(name).or_else(|| self.asked.get(name)) {
            return Ok(*id);
        }
        let before = self.stroke.and_then(|_| resolve::process(&self.before, name).ok());
        let id = before.map_or_else(|| resolve::process(world, name), Ok)?;
        self.asked.insert(name.clone(), id);
        Ok(id)
    }

    /// `Err` says why not.
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
                let (_, output) = self.said.as_ref().ok_or("nothing was run or read before")?;
                held(output.contains(text.as_str()), || format!("the output was {:?}", shortened(output)))
            }
            Condition::Exit(code) => match &self.said {
                Some((Some(was), output)) => {
                    held(was == code, || format!("the exit code was {was}, the output {:?}", shortened(output)))
                }
                _ => Err("nothing was run by exec before".into()),
            },
            Condition::Fails(text) => {
                let why = self.failed.as_ref().ok_or("the step before did not fail")?;
                held(why.contains(text.as_str()), || format!("it failed with {:?}", shortened(why)))
            }
            Condition::Took(bound) => {
                let stroke = self.stroke.ok_or("nothing was killed, deleted or replaced before")?;
                let took = self.held.since(stroke);
                held(bound.holds(took), || format!("it took {:.3} s", took as f64 / 1e9))
            }
        }
    }

    fn gone(&mut self, world: &World, name: &MemberRef) -> Result<(), String> {
        let id = match self.subject(world, name) {
            Ok(id) => id,
            // a name that means nothing any more; but what never was is not gone
            Err(why) => {
                let all = resolve::all(world, name)?;
                held(!all.is_empty(), || format!("{why}, and never was"))?;
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
    format!("{name} (pid {}) is there, state {}", p.id, p.state.letter())
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
