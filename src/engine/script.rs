//! Plays a script, with the same commands that the buttons give.

use std::path::{Path, PathBuf};

use super::Event;
use super::event::ScriptFailure;
use super::request::Origin;
use super::worker::Worker;
use crate::command::{Command, Outcome};
use crate::model::MonoNs;
use crate::observe::now;
use crate::presets;
use crate::script::{Player, Progress, Requested, Script};

/// The script that plays.
#[derive(Debug)]
pub(super) struct Playing {
    pub player: Player,
    /// The number of this run.
    pub run: u64,
    out_dir: Option<PathBuf>,
    was_requested: bool,
    /// The front end knows that it is paused.
    is_paused: bool,
    /// How many steps were reported as begun.
    reported_steps: usize,
}

impl Playing {
    /// Whether the script may replace this file: the user has given it the directory.
    pub fn owns(&self, path: &Path) -> bool {
        self.out_dir.as_ref().is_some_and(|dir| path.starts_with(dir))
    }

    /// Puts a relative path under the script's directory.
    fn resolve_path(&self, command: Command) -> Command {
        let resolve = |path: PathBuf| match &self.out_dir {
            Some(dir) if path.is_relative() => dir.join(path),
            _ => path,
        };
        match command {
            Command::Picture { path, kind } => Command::Picture { path: resolve(path), kind },
            Command::Export { path, format, redact } => Command::Export { path: resolve(path), format, redact },
            other => other,
        }
    }
}

impl Worker {
    /// Plays the script of the front end. It waits for the pods that were requested before.
    pub(super) fn play_requested(&mut self, script: Script, out_dir: Option<PathBuf>) {
        if self.playing.is_some() {
            let line = script.steps.first().map_or(1, |step| step.line);
            let why = "another script is being played".to_owned();
            let result = Err(ScriptFailure { script: script.name, line, why });
            return self.send(Event::ScriptEnded { result, was_requested: true });
        }
        let requested = std::mem::take(&mut self.requested);
        self.play(script, out_dir, requested, true);
    }

    fn play(&mut self, script: Script, out_dir: Option<PathBuf>, requested: Requested, was_requested: bool) {
        self.runs += 1;
        let mut player = Player::new(script);
        player.requested = requested;
        let run = self.runs;
        self.playing = Some(Playing { player, run, out_dir, was_requested, is_paused: false, reported_steps: 0 });
    }

    /// Plays the script of a preset, up to the step `until`. One that is paused gives way.
    pub(super) fn play_guide(&mut self, script: Script, until: Option<usize>) {
        if self.playing.as_ref().is_some_and(|playing| playing.was_requested || !playing.is_paused) {
            let line = script.steps.first().map_or(1, |step| step.line);
            let why = "another script is being played".to_owned();
            let result = Err(ScriptFailure { script: script.name, line, why });
            return self.send(Event::ScriptEnded { result, was_requested: false });
        }
        self.play(script, None, Requested::default(), false);
        self.continue_guide(until);
    }

    pub(super) const fn continue_guide(&mut self, until: Option<usize>) {
        if let Some(playing) = &mut self.playing {
            playing.player.pause_before(until);
            playing.is_paused = false;
        }
    }

    /// Ends a script that the front end's options did not ask for.
    pub(super) fn stop_guide(&mut self) {
        if let Some(playing) = self.playing.take_if(|playing| !playing.was_requested) {
            self.withdraw_questions(Origin::Script(playing.run));
            self.send(Event::ScriptStopped);
        }
    }

    /// Plays the script of a preset that is built by its script.
    pub(super) fn play_preset(&mut self, name: &str) -> Outcome {
        if self.playing.is_some() {
            return Outcome::Failed(format!("{name} is built by a script, and another script is being played"));
        }
        let script = presets::find(name).ok_or_else(|| format!("no preset is named {name}"));
        match script.and_then(|preset| preset.script().map_err(|e| e.to_string())) {
            Ok(script) => {
                self.play(script, None, Requested::default(), false);
                Outcome::Done
            }
            Err(why) => Outcome::Failed(why),
        }
    }

    /// Changes what is known of the requested pods, for the script that plays or the next one.
    pub(super) fn note_requested(&mut self, change: impl FnOnce(&mut Requested)) {
        change(match &mut self.playing {
            Some(playing) => &mut playing.player.requested,
            None => &mut self.requested,
        });
    }

    /// Plays as far as possible. Returns when to call this again at the latest.
    pub(super) fn advance_script(&mut self) -> Option<MonoNs> {
        self.requested.forget_seen(self.store.live());
        loop {
            let playing = self.playing.as_mut()?;
            let progress = playing.player.advance(self.store.live(), now());
            let started = playing.player.started_steps();
            for step in &started[playing.reported_steps.min(started.len())..] {
                (self.events)(Event::ScriptStep(step.clone()));
            }
            playing.reported_steps = started.len();
            match progress {
                Progress::Do(command) => {
                    let (command, origin) = (playing.resolve_path(command), Origin::Script(playing.run));
                    self.execute(command, origin);
                }
                Progress::Pending { until } => return Some(until),
                Progress::Paused => {
                    let step = playing.player.started_steps().len();
                    if !std::mem::replace(&mut playing.is_paused, true) {
                        self.send(Event::ScriptPaused(step));
                    }
                    return None;
                }
                Progress::Done => self.end_script(Ok(())),
                Progress::Failed { line, why } => self.end_script(Err((line, why))),
            }
        }
    }

    fn end_script(&mut self, result: Result<(), (usize, String)>) {
        let Some(Playing { player, run, was_requested, .. }) = self.playing.take() else { return };
        let unanswered = self.withdraw_questions(Origin::Script(run));
        let script = player.script().name.clone();
        let result = result.map_err(|(line, why)| {
            let why = match unanswered {
                Some(question) => format!("{why}: \"{question}\" was not answered"),
                None => why,
            };
            ScriptFailure { script, line, why }
        });
        self.send(Event::ScriptEnded { result, was_requested });
    }
}
