//! Plays a script, one question at a time. It does nothing itself: the window asks it once a frame,
//! `podscope run` in its loop, and both carry out what it says.

use std::time::Duration;

use crate::command::{Command, Outcome};
use crate::export::Format;
use crate::lab::HandStep;
use crate::model::{Aspect, MonoNs, Sight, World};
use crate::steps::Step as Build;

use super::condition::Memory;
use super::{Condition, Requested, Script, Step, StepKind, resolve};

/// How long a command may take before the script gives up on it; a program's own limit is added.
const COMMAND: Duration = Duration::from_mins(1);

/// How long after a log or a page was looked at in vain it is looked at again.
const AGAIN: Duration = Duration::from_millis(100);

/// What is to be done next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Progress {
    /// Carry this out, then say how it went with [`Engine::completed`], at once or later; until then
    /// the answer is `Pending`.
    Do(Command),
    /// Nothing now; ask again when the World changed or by this time.
    Pending {
        until: MonoNs,
    },
    Done,
    /// Over. `why` is one line, without the place.
    Failed {
        line: usize,
        why: String,
    },
}

#[derive(Debug, Default)]
enum Phase {
    #[default]
    Enter,
    /// Waits for a condition, or sleeps; one that takes a command to know is not asked for before `again`.
    Waiting {
        deadline: MonoNs,
        again: MonoNs,
    },
    /// A command was handed out.
    Asked {
        give_up: MonoNs,
        /// How long that is from the start.
        limit: Duration,
        /// It is to tell whether a condition holds, which must be so by then.
        deadline: Option<MonoNs>,
    },
    Answered {
        outcome: Outcome,
        deadline: Option<MonoNs>,
    },
}

#[derive(Debug)]
pub struct Engine {
    script: Script,
    at: usize,
    phase: Phase,
    memory: Memory,
    started: bool,
    failed: Option<(usize, String)>,
    /// Pods that whoever plays the script has asked the lab for.
    pub requested: Requested,
}

impl Engine {
    pub fn new(script: Script) -> Self {
        let (at, phase, memory) = (0, Phase::Enter, Memory::default());
        Self { script, at, phase, memory, started: false, failed: None, requested: Requested::default() }
    }

    /// The step that is being played; `None` after the last.
    pub fn step(&self) -> Option<&Step> {
        self.script.steps.get(self.at)
    }

    /// The steps that were begun, the one that is being played last.
    pub fn begun(&self) -> &[Step] {
        let end = (self.at + 1).min(self.script.steps.len());
        &self.script.steps[..end]
    }

    pub fn script(&self) -> &Script {
        &self.script
    }

    /// Whether the answer that is awaited is one of many, of a condition that is asked for again and again.
    pub const fn is_polling(&self) -> bool {
        matches!(self.phase, Phase::Asked { deadline: Some(_), .. })
    }

    /// The answer to the last [`Progress::Do`].
    pub fn completed(&mut self, outcome: Outcome) {
        if let Phase::Asked { deadline, .. } = self.phase {
            self.phase = Phase::Answered { outcome, deadline };
        }
    }

    /// Goes on as far as it can. `now` is the monotonic clock's, later than or equal to the last.
    pub fn advance(&mut self, world: &World, now: MonoNs) -> Progress {
        if let Some((line, why)) = &self.failed {
            return Progress::Failed { line: *line, why: why.clone() };
        }
        if !self.started {
            self.started = true;
            self.memory.stands(world);
        }
        self.requested.look(world);
        loop {
            let Some(step) = self.script.steps.get(self.at).cloned() else { return Progress::Done };
            match self.play(&step, world, now) {
                Ok(None) => {
                    self.at += 1;
                    self.phase = Phase::Enter;
                }
                Ok(Some(progress)) => return progress,
                Err(why) => {
                    self.failed = Some((step.line, why.clone()));
                    return Progress::Failed { line: step.line, why };
                }
            }
        }
    }

    /// `Ok(None)` is "go on to the next".
    fn play(&mut self, step: &Step, world: &World, now: MonoNs) -> Result<Option<Progress>, String> {
        match std::mem::take(&mut self.phase) {
            Phase::Answered { outcome, deadline: None } => self.answered(outcome).map(|()| None),
            Phase::Answered { outcome, deadline: Some(deadline) } => {
                let state = self.told(step, outcome, world);
                self.judge(step, state, world, now, deadline)
            }
            Phase::Asked { give_up, limit, .. } if now >= give_up => {
                Err(format!("`{}` did not end within {} s", step.text, limit.as_secs_f64()))
            }
            asked @ Phase::Asked { give_up, .. } => {
                self.phase = asked;
                Ok(Some(Progress::Pending { until: give_up }))
            }
            Phase::Waiting { deadline, again } => self.wait(step, world, now, deadline, again),
            Phase::Enter => self.enter(step, world, now),
        }
    }

    fn enter(&mut self, step: &Step, world: &World, now: MonoNs) -> Result<Option<Progress>, String> {
        let command = match &step.kind {
            StepKind::Wait { within, .. } | StepKind::Expect { within, .. } | StepKind::Sleep(within) => {
                return self.wait(step, world, now, after(now, *within), now);
            }
            StepKind::Kill { target, signal } => {
                let id = resolve::process(world, target)?;
                self.memory.strike(world, now);
                self.memory.target(target, id);
                Command::Signal { target: id, signal: *signal }
            }
            StepKind::Exec { member, argv, limit } => {
                Command::Exec { member: resolve::member(world, member)?, argv: argv.clone(), limit: *limit }
            }
            StepKind::Logs(member) => Command::Logs(resolve::member(world, member)?),
            StepKind::Fetch(page) => Command::Fetch(resolve::url(world, page)?),
            StepKind::Delete { pod } => {
                let uid = resolve::pod(world, Some(pod))?.uid.clone();
                self.memory.strike(world, now);
                Command::Delete(uid)
            }
            StepKind::Replace { member, argv } => {
                let member = resolve::member(world, member)?;
                self.memory.strike(world, now);
                Command::Build(Build::Replace { member, argv: argv.clone() })
            }
            StepKind::Sandbox { name } => {
                if world.pod_named(name).is_some() {
                    // the API server's words
                    return Err(format!("pods \"{name}\" already exists"));
                }
                Command::Build(Build::Sandbox { name: name.clone() })
            }
            StepKind::Add { pod, container, ephemeral } => {
                let pod = resolve::pod(world, pod.as_deref())?.uid.clone();
                Command::Build(Build::Join { pod, container: container.clone(), ephemeral: *ephemeral })
            }
            StepKind::Leave(member) => {
                let member = resolve::member(world, member)?;
                self.memory.strike(world, now);
                Command::Build(Build::Leave { member })
            }
            StepKind::Unshare { member, kinds } => {
                Command::Hand { member: resolve::member(world, member)?, step: HandStep::Unshare(kinds.clone()) }
            }
            StepKind::Join { member, kinds, target } => {
                let (member, target) = (resolve::member(world, member)?, resolve::member(world, target)?);
                Command::Hand { member, step: HandStep::Join { kinds: kinds.clone(), target } }
            }
            StepKind::Fork(member) => Command::Hand { member: resolve::member(world, member)?, step: HandStep::Fork },
            StepKind::Snapshot(path) => Command::Export { path: path.clone(), format: Format::Json, redact: false },
            StepKind::Screenshot(path) => Command::Screenshot(path.clone()),
            StepKind::Select(target) => Command::Select(resolve::process(world, target)?),
            StepKind::Show(view) => Command::Show(view.clone()),
        };
        // the node ends a program in time; this is for a node that does not answer
        let limit = match &command {
            Command::Exec { limit, .. } => COMMAND.saturating_add(*limit),
            _ => COMMAND,
        };
        self.phase = Phase::Asked { give_up: after(now, limit), limit, deadline: None };
        Ok(Some(Progress::Do(command)))
    }

    fn wait(
        &mut self,
        step: &Step,
        world: &World,
        now: MonoNs,
        deadline: MonoNs,
        again: MonoNs,
    ) -> Result<Option<Progress>, String> {
        let state = match condition(step) {
            Some(condition) if condition.is_asked_for() => {
                if now < again {
                    self.phase = Phase::Waiting { deadline, again };
                    return Ok(Some(Progress::Pending { until: again }));
                }
                match asking(condition, world) {
                    Ok(command) => {
                        self.phase =
                            Phase::Asked { give_up: after(now, COMMAND), limit: COMMAND, deadline: Some(deadline) };
                        return Ok(Some(Progress::Do(command)));
                    }
                    Err(why) => Err(why),
                }
            }
            Some(Condition::Ready(None)) => {
                self.requested.all_seen().and_then(|()| self.memory.check(&Condition::Ready(None), world))
            }
            Some(condition) => self.memory.check(condition, world),
            None if now >= deadline => Ok(()),
            None => Err(String::new()),
        };
        self.judge(step, state, world, now, deadline)
    }

    /// Goes on, waits longer, or gives up.
    fn judge(
        &mut self,
        step: &Step,
        state: Result<(), String>,
        world: &World,
        now: MonoNs,
        deadline: MonoNs,
    ) -> Result<Option<Progress>, String> {
        // what was said does not change any more
        let settled = matches!(
            condition(step),
            Some(Condition::Output(_) | Condition::Exit(_) | Condition::Fails(_) | Condition::Took(_))
        );
        match (state, &step.kind) {
            (Ok(()), kind) => {
                if matches!(kind, StepKind::Wait { .. }) {
                    self.memory.held(now);
                }
                if matches!(condition(step), Some(Condition::Ready(_))) {
                    self.memory.stands(world);
                }
                Ok(None)
            }
            (Err(_), _) if now < deadline && !settled => {
                let asked_for = condition(step).is_some_and(Condition::is_asked_for);
                let again = if asked_for { after(now, AGAIN).min(deadline) } else { deadline };
                self.phase = Phase::Waiting { deadline, again };
                Ok(Some(Progress::Pending { until: again }))
            }
            (Err(why), StepKind::Wait { within, .. }) => {
                let (within, blind) = (within.as_secs_f64(), blind(world));
                Err(format!("`{}` did not come within {within} s: {why}{blind}", step.text))
            }
            (Err(why), _) if settled => Err(format!("`{}` does not hold: {why}", step.text)),
            (Err(why), _) => Err(format!("`{}` does not hold: {why}{}", step.text, blind(world))),
        }
    }

    /// What the answer means for the condition that was asked for.
    fn told(&mut self, step: &Step, outcome: Outcome, world: &World) -> Result<(), String> {
        match outcome {
            Outcome::Failed(why) => return Err(why),
            Outcome::Output(text) => self.memory.hear(None, text),
            Outcome::Exec { code, output } => self.memory.hear(Some(code), output),
            Outcome::Done => self.memory.hear(None, String::new()),
        }
        condition(step).map_or(Ok(()), |condition| self.memory.check(condition, world))
    }

    fn answered(&mut self, outcome: Outcome) -> Result<(), String> {
        let expected = self.next_expects(|c| matches!(c, Condition::Fails(_)));
        self.memory.failed = None;
        match outcome {
            Outcome::Done => Ok(()),
            Outcome::Failed(why) if expected => {
                self.memory.failed = Some(why);
                Ok(())
            }
            Outcome::Failed(why) => Err(why),
            Outcome::Output(text) => {
                self.memory.hear(None, text);
                Ok(())
            }
            Outcome::Exec { code, output } => {
                let checked = self.next_expects(|c| matches!(c, Condition::Exit(_)));
                let why = format!("the program ended with {code}: {}", output.trim_end().replace('\n', " | "));
                self.memory.hear(Some(code), output);
                if code == 0 || checked { Ok(()) } else { Err(why) }
            }
        }
    }
}

impl Engine {
    /// Whether the next step is to expect such a condition.
    fn next_expects(&self, such: impl FnOnce(&Condition) -> bool) -> bool {
        let next = self.script.steps.get(self.at + 1);
        next.is_some_and(|next| matches!(&next.kind, StepKind::Expect { that, .. } if such(that)))
    }
}

/// What may be amiss with the picture, and not with the pod.
fn blind(world: &World) -> String {
    match world.visibility.get(&Aspect::ProcConnector).and_then(Sight::reason) {
        Some(reason) => format!(" (this is seen without the proc connector: {reason})"),
        None => String::new(),
    }
}

const fn condition(step: &Step) -> Option<&Condition> {
    match &step.kind {
        StepKind::Wait { until: condition, .. } | StepKind::Expect { that: condition, .. } => Some(condition),
        _ => None,
    }
}

/// The command that tells whether such a condition holds.
fn asking(condition: &Condition, world: &World) -> Result<Command, String> {
    match condition {
        Condition::Log { member, .. } => resolve::member(world, member).map(Command::Logs),
        Condition::Fetch { page, .. } => resolve::url(world, page).map(Command::Fetch),
        _ => Err("this needs no asking".into()),
    }
}

fn after(now: MonoNs, length: Duration) -> MonoNs {
    now.plus(u64::try_from(length.as_nanos()).unwrap_or(u64::MAX))
}
