//! Plays a script step by step. The player executes nothing itself: the engine calls it whenever the World has changed,
//! and executes the commands that it returns.

use std::time::Duration;

use crate::command::{Command, Outcome, PictureKind};
use crate::export::Format;
use crate::lab::NamespaceStep;
use crate::model::{Capability, MonoNs, World};
use crate::steps::Step as Build;
use crate::wording::coverage;

use super::condition::History;
use super::{Condition, Requested, Script, Step, StepKind, resolve};

/// How long a command may take before the script fails. A program's own limit is added.
const COMMAND_TIMEOUT: Duration = Duration::from_mins(1);

/// How long to wait until a log or a page is read again.
const POLL_INTERVAL: Duration = Duration::from_millis(100);

/// What the caller must do next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Progress {
    /// Execute this, then pass the outcome to [`Player::completed`], at once or later. Until then the player returns
    /// `Pending`.
    Do(Command),
    /// Nothing to do now. Ask again when the World has changed, or at this time at the latest.
    Pending {
        until: MonoNs,
    },
    /// The next step is that of [`Player::pause_before`]. Ask again after another call of it.
    Paused,
    Done,
    /// The script has failed. `why` is one line, without file and line number.
    Failed {
        line: usize,
        why: String,
    },
}

#[derive(Debug, Default)]
enum Phase {
    #[default]
    Start,
    /// Waits for a condition, or sleeps. A condition that is polled by a command is not polled again before `poll_at`.
    Waiting { deadline: MonoNs, poll_at: MonoNs },
    /// The caller executes a command.
    Executing {
        give_up: MonoNs,
        /// The time from the start of the command to `give_up`.
        limit: Duration,
        /// The command polls a condition, which must hold by then.
        deadline: Option<MonoNs>,
    },
    /// The command has ended.
    Executed { outcome: Outcome, deadline: Option<MonoNs> },
}

#[derive(Debug)]
pub struct Player {
    script: Script,
    at: usize,
    phase: Phase,
    history: History,
    started: bool,
    /// Line and reason of the failure.
    failed: Option<(usize, String)>,
    /// The step that is not begun yet.
    pause_before: Option<usize>,
    /// Pods that the caller has requested from the lab.
    pub requested: Requested,
}

impl Player {
    pub fn new(script: Script) -> Self {
        Self {
            script,
            at: 0,
            phase: Phase::Start,
            history: History::default(),
            started: false,
            failed: None,
            pause_before: None,
            requested: Requested::default(),
        }
    }

    /// Plays only the steps before this one, counted from 0; `None` plays all.
    pub const fn pause_before(&mut self, step: Option<usize>) {
        self.pause_before = step;
    }

    /// Whether the step that comes next is the one to pause before.
    pub const fn is_paused(&self) -> bool {
        matches!((self.pause_before, &self.phase), (Some(step), Phase::Start) if step <= self.at)
            && self.at < self.script.steps.len()
    }

    /// The step that is being played; `None` after the last.
    pub fn step(&self) -> Option<&Step> {
        self.script.steps.get(self.at)
    }

    /// The steps that have been started; the last one is being played, unless the script is paused.
    pub fn started_steps(&self) -> &[Step] {
        let end = if self.is_paused() { self.at } else { (self.at + 1).min(self.script.steps.len()) };
        &self.script.steps[..end]
    }

    pub fn script(&self) -> &Script {
        &self.script
    }

    /// Whether the running command polls a condition, and so may run many times.
    pub const fn is_polling(&self) -> bool {
        matches!(self.phase, Phase::Executing { deadline: Some(_), .. })
    }

    /// Takes the outcome of the last [`Progress::Do`].
    pub fn completed(&mut self, outcome: Outcome) {
        if let Phase::Executing { deadline, .. } = self.phase {
            self.phase = Phase::Executed { outcome, deadline };
        }
    }

    /// Plays as far as possible. `now` is of the monotonic clock, and not earlier than in the last call.
    pub fn advance(&mut self, world: &World, now: MonoNs) -> Progress {
        if let Some((line, why)) = &self.failed {
            return Progress::Failed { line: *line, why: why.clone() };
        }
        if !self.started {
            self.started = true;
            self.history.record_start(world);
        }
        self.requested.forget_seen(world);
        loop {
            let Some(step) = self.script.steps.get(self.at).cloned() else { return Progress::Done };
            if self.is_paused() {
                return Progress::Paused;
            }
            match self.play_step(&step, world, now) {
                Ok(None) => {
                    self.at += 1;
                    self.phase = Phase::Start;
                }
                Ok(Some(progress)) => return progress,
                Err(why) => {
                    self.failed = Some((step.line, why.clone()));
                    return Progress::Failed { line: step.line, why };
                }
            }
        }
    }

    /// `Ok(None)`: the step is done. `Err`: it has failed.
    fn play_step(&mut self, step: &Step, world: &World, now: MonoNs) -> Result<Option<Progress>, String> {
        match std::mem::take(&mut self.phase) {
            Phase::Executed { outcome, deadline: None } => self.take_outcome(outcome).map(|()| None),
            Phase::Executed { outcome, deadline: Some(deadline) } => {
                let state = self.check_polled(step, outcome, world);
                self.decide(step, state, world, now, deadline)
            }
            Phase::Executing { give_up, limit, .. } if now >= give_up => {
                Err(format!("`{}` did not end within {} s", step.text, limit.as_secs_f64()))
            }
            executing @ Phase::Executing { give_up, .. } => {
                self.phase = executing;
                Ok(Some(Progress::Pending { until: give_up }))
            }
            Phase::Waiting { deadline, poll_at } => self.wait(step, world, now, deadline, poll_at),
            Phase::Start => self.start(step, world, now),
        }
    }

    /// Starts a step: a wait, or a command for the caller.
    fn start(&mut self, step: &Step, world: &World, now: MonoNs) -> Result<Option<Progress>, String> {
        let command = match &step.kind {
            StepKind::Wait { within, .. } | StepKind::Expect { within, .. } | StepKind::Sleep(within) => {
                return self.wait(step, world, now, after(now, *within), now);
            }
            StepKind::Kill { target, signal } => {
                let id = resolve::process(world, target)?;
                self.history.record_change(world, now);
                self.history.record_killed(target, id);
                Command::Signal { target: id, signal: *signal }
            }
            StepKind::Exec { member, argv, limit } => {
                Command::Exec { member: resolve::member(world, member)?, argv: argv.clone(), limit: *limit }
            }
            StepKind::Logs(member) => Command::Logs(resolve::member(world, member)?),
            StepKind::Fetch(page) => Command::Fetch(resolve::url(world, page)?),
            StepKind::Delete { pod } => {
                let uid = resolve::pod(world, Some(pod))?.uid.clone();
                self.history.record_change(world, now);
                Command::Delete(uid)
            }
            StepKind::Replace { member, argv } => {
                let member = resolve::member(world, member)?;
                self.history.record_change(world, now);
                Command::Build(Build::Replace { member, argv: argv.clone() })
            }
            StepKind::Sandbox { name } => {
                if world.pod_named(name).is_some() {
                    // as the API server says it
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
                self.history.record_change(world, now);
                Command::Build(Build::Leave { member })
            }
            StepKind::Unshare { member, kinds } => Command::ChangeNamespaces {
                member: resolve::member(world, member)?,
                step: NamespaceStep::Unshare(kinds.clone()),
            },
            StepKind::Join { member, kinds, target } => {
                let (member, target) = (resolve::member(world, member)?, resolve::member(world, target)?);
                Command::ChangeNamespaces { member, step: NamespaceStep::Join { kinds: kinds.clone(), target } }
            }
            StepKind::Fork(member) => {
                Command::ChangeNamespaces { member: resolve::member(world, member)?, step: NamespaceStep::Fork }
            }
            StepKind::Snapshot(path) => Command::Export { path: path.clone(), format: Format::Json, redact: false },
            StepKind::Screenshot(path) => Command::Picture { path: path.clone(), kind: PictureKind::Screenshot },
            StepKind::Film(path) => Command::Picture { path: path.clone(), kind: PictureKind::Film },
            StepKind::Select { member, namespace } => {
                let id = resolve::process(world, member)?;
                match namespace {
                    Some(kind) => Command::SelectNamespace(resolve::namespace(world, id, *kind)?),
                    None => Command::Select(id),
                }
            }
            StepKind::Show(view) => Command::Show(view.clone()),
        };
        // the node ends a program at its own limit; this limit is for a node that does not answer
        let limit = match &command {
            Command::Exec { limit, .. } => COMMAND_TIMEOUT.saturating_add(*limit),
            _ => COMMAND_TIMEOUT,
        };
        self.phase = Phase::Executing { give_up: after(now, limit), limit, deadline: None };
        Ok(Some(Progress::Do(command)))
    }

    fn wait(
        &mut self,
        step: &Step,
        world: &World,
        now: MonoNs,
        deadline: MonoNs,
        poll_at: MonoNs,
    ) -> Result<Option<Progress>, String> {
        let state = match condition(step) {
            Some(condition) if condition.needs_command() => {
                if now < poll_at {
                    self.phase = Phase::Waiting { deadline, poll_at };
                    return Ok(Some(Progress::Pending { until: poll_at }));
                }
                match polling_command(condition, world) {
                    Ok(command) => {
                        self.phase = Phase::Executing {
                            give_up: after(now, COMMAND_TIMEOUT),
                            limit: COMMAND_TIMEOUT,
                            deadline: Some(deadline),
                        };
                        return Ok(Some(Progress::Do(command)));
                    }
                    Err(why) => Err(why),
                }
            }
            Some(Condition::Ready(None)) => {
                self.requested.check_all_seen().and_then(|()| self.history.check(&Condition::Ready(None), world))
            }
            Some(condition) => self.history.check(condition, world),
            None if now >= deadline => Ok(()),
            None => Err(String::new()),
        };
        self.decide(step, state, world, now, deadline)
    }

    /// Decides whether the step is done, waits longer, or fails. `state` is whether its condition holds.
    fn decide(
        &mut self,
        step: &Step,
        state: Result<(), String>,
        world: &World,
        now: MonoNs,
        deadline: MonoNs,
    ) -> Result<Option<Progress>, String> {
        // these conditions cannot change any more
        let is_final = matches!(
            condition(step),
            Some(Condition::Output(_) | Condition::Exit(_) | Condition::Fails(_) | Condition::Took(_))
        );
        match (state, &step.kind) {
            (Ok(()), kind) => {
                if matches!(kind, StepKind::Wait { .. }) {
                    self.history.record_held(now);
                }
                if matches!(condition(step), Some(Condition::Ready(_))) {
                    self.history.record_start(world);
                }
                Ok(None)
            }
            (Err(_), _) if now < deadline && !is_final => {
                let needs_command = condition(step).is_some_and(Condition::needs_command);
                let poll_at = if needs_command { after(now, POLL_INTERVAL).min(deadline) } else { deadline };
                self.phase = Phase::Waiting { deadline, poll_at };
                Ok(Some(Progress::Pending { until: poll_at }))
            }
            (Err(why), StepKind::Wait { within, .. }) => {
                let (within, hint) = (within.as_secs_f64(), visibility_hint(world));
                Err(format!("`{}` did not hold within {within} s: {why}{hint}", step.text))
            }
            (Err(why), _) if is_final => Err(format!("`{}` does not hold: {why}", step.text)),
            (Err(why), _) => Err(format!("`{}` does not hold: {why}{}", step.text, visibility_hint(world))),
        }
    }

    /// Checks a polled condition with the outcome of its command.
    fn check_polled(&mut self, step: &Step, outcome: Outcome, world: &World) -> Result<(), String> {
        match outcome {
            Outcome::Failed(why) => return Err(why),
            Outcome::Output(text) => self.history.record_output(None, text),
            Outcome::Exec { code, output } => self.history.record_output(Some(code), output),
            Outcome::Done => self.history.record_output(None, String::new()),
        }
        condition(step).map_or(Ok(()), |condition| self.history.check(condition, world))
    }

    /// Records the outcome of a step's command. `Err`: the step has failed.
    fn take_outcome(&mut self, outcome: Outcome) -> Result<(), String> {
        let failure_is_expected = self.next_expects(|c| matches!(c, Condition::Fails(_)));
        self.history.failed = None;
        match outcome {
            Outcome::Done => Ok(()),
            Outcome::Failed(why) if failure_is_expected => {
                self.history.failed = Some(why);
                Ok(())
            }
            Outcome::Failed(why) => Err(why),
            Outcome::Output(text) => {
                self.history.record_output(None, text);
                Ok(())
            }
            Outcome::Exec { code, output } => {
                let code_is_expected = self.next_expects(|c| matches!(c, Condition::Exit(_)));
                let why = format!("the program ended with {code}: {}", output.trim_end().replace('\n', " | "));
                self.history.record_output(Some(code), output);
                if code == 0 || code_is_expected { Ok(()) } else { Err(why) }
            }
        }
    }
}

impl Player {
    /// Whether the next step expects a condition that fulfils `matches`.
    fn next_expects(&self, is_wanted: impl FnOnce(&Condition) -> bool) -> bool {
        let next = self.script.steps.get(self.at + 1);
        next.is_some_and(|next| matches!(&next.kind, StepKind::Expect { that, .. } if is_wanted(that)))
    }
}

/// A note for failures: the observer may have missed what the script waits for.
fn visibility_hint(world: &World) -> String {
    let connector = Capability::ProcConnector;
    match world.visibility.get(&connector).and_then(|coverage| coverage::reason(connector, coverage)) {
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

/// The command that reads what this condition checks.
fn polling_command(condition: &Condition, world: &World) -> Result<Command, String> {
    match condition {
        Condition::Log { member, .. } => resolve::member(world, member).map(Command::Logs),
        Condition::Fetch { page, .. } => resolve::url(world, page).map(Command::Fetch),
        _ => Err("this condition needs no command".into()),
    }
}

fn after(now: MonoNs, length: Duration) -> MonoNs {
    now.plus(u64::try_from(length.as_nanos()).unwrap_or(u64::MAX))
}
