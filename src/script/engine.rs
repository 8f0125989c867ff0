//! Plays a script, one question at a time. It does nothing itself: the window asks it once a frame,
//! `podscope run` in its loop, and both carry out what it says.

use std::time::Duration;

use crate::command::{Command, Outcome};
use crate::export::Format;
use crate::model::{MonoNs, World};

use super::condition::Memory;
use super::{Condition, Script, Step, StepKind, resolve};

/// How long a command may take before the script gives up on it.
const COMMAND: Duration = Duration::from_mins(1);

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
    /// Waits for a condition, or sleeps.
    Waiting {
        deadline: MonoNs,
    },
    /// A command was handed out.
    Asked {
        deadline: MonoNs,
    },
    Answered(Outcome),
}

#[derive(Debug)]
pub struct Engine {
    script: Script,
    at: usize,
    phase: Phase,
    memory: Memory,
    started: bool,
    failed: Option<(usize, String)>,
}

impl Engine {
    pub fn new(script: Script) -> Self {
        let (at, phase, memory) = (0, Phase::Enter, Memory::default());
        Self { script, at, phase, memory, started: false, failed: None }
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

    /// The answer to the last [`Progress::Do`].
    pub fn completed(&mut self, outcome: Outcome) {
        if matches!(self.phase, Phase::Asked { .. }) {
            self.phase = Phase::Answered(outcome);
        }
    }

    /// Goes on as far as it can. `now` is the monotonic clock's, later than or equal to the last.
    pub fn advance(&mut self, world: &World, now: MonoNs) -> Progress {
        if let Some((line, why)) = &self.failed {
            return Progress::Failed { line: *line, why: why.clone() };
        }
        if !self.started {
            self.started = true;
            self.memory.remember(world);
        }
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
            Phase::Answered(outcome) => self.answered(outcome).map(|()| None),
            Phase::Asked { deadline } if now >= deadline => {
                Err(format!("`{}` did not end within {} s", step.text, COMMAND.as_secs()))
            }
            Phase::Asked { deadline } => {
                self.phase = Phase::Asked { deadline };
                Ok(Some(Progress::Pending { until: deadline }))
            }
            Phase::Waiting { deadline } => self.wait(step, world, now, Some(deadline)),
            Phase::Enter => self.enter(step, world, now),
        }
    }

    fn enter(&mut self, step: &Step, world: &World, now: MonoNs) -> Result<Option<Progress>, String> {
        let command = match &step.kind {
            StepKind::Wait { .. } | StepKind::Expect { .. } | StepKind::Sleep(_) => {
                return self.wait(step, world, now, None);
            }
            StepKind::Kill { target, signal } => {
                let id = resolve::process(world, target)?;
                self.memory.remember(world);
                self.memory.target(target, id);
                Command::Signal { target: id, signal: *signal }
            }
            StepKind::Exec { member, argv } => {
                let member = resolve::member(world, member)?;
                self.memory.remember(world);
                Command::Exec { member, argv: argv.clone() }
            }
            StepKind::Delete { pod } => {
                let uid = resolve::pod(world, Some(pod))?.uid.clone();
                self.memory.remember(world);
                Command::Delete(uid)
            }
            StepKind::Snapshot(path) => Command::Export { path: path.clone(), format: Format::Json, redact: false },
            StepKind::Screenshot(path) => Command::Screenshot(path.clone()),
            StepKind::Select(target) => Command::Select(resolve::process(world, target)?),
            StepKind::Show(view) => Command::Show(view.clone()),
        };
        self.phase = Phase::Asked { deadline: after(now, COMMAND) };
        Ok(Some(Progress::Do(command)))
    }

    fn wait(
        &mut self,
        step: &Step,
        world: &World,
        now: MonoNs,
        deadline: Option<MonoNs>,
    ) -> Result<Option<Progress>, String> {
        let (condition, within) = match &step.kind {
            StepKind::Wait { until, within } => (Some(until), *within),
            StepKind::Expect { that, within } => (Some(that), *within),
            StepKind::Sleep(length) => (None, *length),
            _ => return Ok(None),
        };
        let deadline = deadline.unwrap_or_else(|| after(now, within));
        let state = match condition {
            Some(condition) => self.memory.check(condition, world),
            None if now >= deadline => Ok(()),
            None => Err(String::new()),
        };
        // what an exec said does not change any more
        let settled = matches!(condition, Some(Condition::Output(_) | Condition::Exit(_)));
        match state {
            Ok(()) => Ok(None),
            Err(_) if now < deadline && !settled => {
                self.phase = Phase::Waiting { deadline };
                Ok(Some(Progress::Pending { until: deadline }))
            }
            Err(why) if matches!(step.kind, StepKind::Wait { .. }) => {
                Err(format!("`{}` did not come within {} s: {why}", step.text, within.as_secs_f64()))
            }
            Err(why) => Err(format!("`{}` does not hold: {why}", step.text)),
        }
    }

    fn answered(&mut self, outcome: Outcome) -> Result<(), String> {
        match outcome {
            Outcome::Done => Ok(()),
            Outcome::Failed(why) => Err(why),
            Outcome::Exec { code, output } => {
                let checked = self
                    .script
                    .steps
                    .get(self.at + 1)
                    .is_some_and(|next| matches!(&next.kind, StepKind::Expect { that: Condition::Exit(_), .. }));
                let why = format!("the program ended with {code}: {}", output.trim_end().replace('\n', " | "));
                self.memory.exec = Some((code, output));
                if code == 0 || checked { Ok(()) } else { Err(why) }
            }
        }
    }
}

fn after(now: MonoNs, length: Duration) -> MonoNs {
    now.plus(u64::try_from(length.as_nanos()).unwrap_or(u64::MAX))
}
