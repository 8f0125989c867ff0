//! `podscope run`: runs pods of the lab in the terminal, without a window.

mod event_printer;
mod manifests;
mod pods;
mod stop;
mod watch;

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, at, bounded, never, select};

use super::lab_args::LabArgs;
use super::output::{Failure, note, print};
use crate::command::Outcome;
use crate::engine::{Engine, Event, FrontEnd, FrontEndCommand, Handle, Options, Request};
use crate::export::{Format, MAX_FILE, Selection, read_limited, render, write_file};
use crate::model::World;
use crate::observe::now;
use crate::script::{self, Script};
use crate::wording::ending::node_end;
use event_printer::EventPrinter;
use manifests::Source;
use pods::RequestedPods;

/// How many events may wait while the terminal is slow. Beyond that the engine waits, and then the observer.
const MAX_EVENTS: usize = 4_096;

#[derive(Debug, clap::Args)]
pub struct Args {
    /// Pod manifests, or names of presets; --list prints the presets.
    #[arg(value_name = "POD.yaml|PRESET", required_unless_present = "list")]
    files: Vec<PathBuf>,
    /// Play this script, then end: kill, wait, expect, exec, snapshot, one step a line.
    #[arg(long, value_name = "FILE")]
    script: Option<PathBuf>,
    /// Play the preset's own script, which checks everything that the preset shows.
    #[arg(long, conflicts_with = "script")]
    check: bool,
    /// End after this long, such as 5s or 500ms; a script must have ended by then.
    #[arg(long = "for", value_name = "TIME", value_parser = script::duration)]
    length: Option<Duration>,
    #[command(flatten)]
    lab: LabArgs,
    /// Apply changes of the manifests: containers with another command are replaced.
    #[arg(long)]
    watch: bool,
    /// At the end, write a podscope.snapshot/1 to this file.
    #[arg(long, value_name = "OUT")]
    snapshot: Option<PathBuf>,
    /// Print everything that happens as one JSON object per line; text for people goes to stderr.
    #[arg(long)]
    events: bool,
    /// List the presets and exit.
    #[arg(long)]
    list: bool,
}

pub fn main(args: &Args) -> Result<(), Failure> {
    if args.list {
        return print(&manifests::list());
    }
    let script = script_of(args)?;
    let pods = manifests::read(&args.files, args.watch)?;
    // signals are blocked from here on, also in every thread that is started later
    let stop = stop::signals()?;
    let (sender, events) = bounded(MAX_EVENTS);
    // an error means that the run is over
    let sink = Box::new(move |event| drop(sender.send(event)));
    let options = Options { front_end: FrontEnd::Terminal, lab: args.lab.options() };
    let engine = Engine::start(options, sink).map_err(Failure::failed)?;
    let mut run = Run {
        ends_with_script: args.check || args.script.is_some(),
        script: script.as_ref().map(|script| (script.name.clone(), script.steps.first().map_or(1, |step| step.line))),
        engine: engine.handle(),
        printer: EventPrinter::new(args.events, now()),
        world: World::default(),
        pods: RequestedPods::default(),
        is_started: false,
    };
    run.pods.request(&pods);
    if !pods.is_empty() {
        run.engine.send(Request::Start(pods));
    }
    if let Some(script) = script {
        run.engine.send(Request::Play { script: Box::new(script), out_dir: None });
    }
    let ended = run.follow(&events, &stop, args.length);
    // the engine must not wait for room in the queue while it ends
    drop(events);
    // what could not start has nothing to save
    let path = args.snapshot.as_deref().filter(|_| run.is_started);
    let saved = path.map_or(Ok(()), |path| {
        let text = render(&run.world, Format::Json, &Selection::default());
        write_file(path, text.as_bytes()).map_err(Failure::failed)
    });
    drop(engine);
    match ended {
        Err(Failure::Pipe) => Err(Failure::Silent),
        other => other.and(saved),
    }
}

/// A run in the terminal: prints what happens, until it is over.
struct Run {
    engine: Handle,
    printer: EventPrinter,
    world: World,
    pods: RequestedPods,
    /// The script that plays: its name, and the line of its step.
    script: Option<(String, usize)>,
    /// The run is over when its script has ended. Otherwise the pods that the script has built keep running, so that
    /// the user can look at them.
    ends_with_script: bool,
    /// The pods of the command line are started; those that follow are new in a file.
    is_started: bool,
}

/// What an event means for the run.
enum Next {
    Continue,
    End,
}

impl Run {
    /// Follows the events until the script, the time or the pods end, or the user stops the run.
    fn follow(
        &mut self,
        events: &Receiver<Event>,
        stop: &Receiver<()>,
        length: Option<Duration>,
    ) -> Result<(), Failure> {
        let mut end = never();
        // the time begins when the pods are started
        let mut length = length;
        loop {
            if let Some(length) = length.take_if(|_| self.is_started) {
                end = Instant::now().checked_add(length).map_or_else(never, at);
            }
            select! {
                recv(events) -> event => match event {
                    Ok(event) => {
                        if matches!(self.handle(event)?, Next::End) {
                            return Ok(());
                        }
                    }
                    Err(_) => return Err(Failure::Failed("the engine has ended; run it again".into())),
                },
                recv(end) -> _ => return match &self.script {
                    Some((name, line)) => {
                        Err(Failure::Failed(format!("{name}:{line}: not done when the time was over")))
                    }
                    None => self.pods.check_all_came_up(&self.world),
                },
                recv(stop) -> _ => return match &self.script {
                    Some(_) => Err(Failure::Failed("interrupted before the script had ended".into())),
                    None => self.pods.check_all_came_up(&self.world),
                },
            }
            if self.script.is_none() && self.pods.have_all_ended(&self.world) {
                return self.pods.check_all_came_up(&self.world);
            }
        }
    }

    fn handle(&mut self, event: Event) -> Result<Next, Failure> {
        match event {
            Event::Deltas(batch, world) => {
                for delta in &batch {
                    self.printer.print_delta(delta)?;
                }
                self.world = *world;
                self.pods.update(&self.world);
                if let Some((end, _)) = self.world.node.as_ref().and_then(|node| node.ended) {
                    let end = node_end(end);
                    return Err(Failure::Failed(format!("{end}, and every pod with it; run it again")));
                }
            }
            Event::ObserverFailed(e) => return Err(Failure::failed(e)),
            Event::LabFailed(e) => return Err(Failure::lab(&e)),
            Event::LabStarted => self.is_started |= self.pods.is_complete(),
            Event::StartFailed { name, why } if !self.is_started => {
                return Err(Failure::Failed(format!("pod {name}: {why}")));
            }
            Event::StartFailed { name, why } => {
                self.pods.give_up(&name);
                note(format_args!("podscope: pod {name}: {why}"));
            }
            Event::CommandFailed(why) if !self.is_started => return Err(Failure::Failed(why)),
            Event::ControlFailed(e) => note(format_args!("podscope: {e}")),
            Event::PodStarted { pod, from, .. } => {
                if self.is_started && from.follows_file {
                    note(format_args!("podscope: {}", watch::started_line(&from)));
                }
                self.pods.add(pod, from.spec.name);
                self.pods.update(&self.world);
                self.is_started |= self.pods.is_complete();
            }
            Event::ManifestRead { path, updates, warnings } => {
                manifests::print_warnings(&path.display().to_string(), &warnings);
                let watch::Rest { lines, new_pods } = watch::decide(&path, updates);
                for line in lines {
                    note(format_args!("podscope: {line}"));
                }
                if !new_pods.is_empty() {
                    self.pods.request(&new_pods);
                    self.engine.send(Request::Start(new_pods));
                }
            }
            // the file may be half-written: the next change is reported too
            Event::ManifestUnreadable { why, .. } => {
                note(format_args!("podscope: {why}; running pods stay as they are"));
            }
            Event::Replaced(replaced) => note(format_args!("podscope: {}", watch::replaced_line(&replaced))),
            Event::WatchFailed(why) => return Err(Failure::Failed(why)),
            Event::FrontEnd { command, origin } => {
                if let FrontEndCommand::Picture { path, .. } = command {
                    let path = path.display();
                    note(format_args!("podscope: {path}: no picture, since there is no window here"));
                }
                self.engine.send(Request::Completed { origin, outcome: Outcome::Done });
            }
            Event::ScriptStep(step) => {
                self.printer.print_step(&step)?;
                if let Some((_, line)) = &mut self.script {
                    *line = step.line;
                }
            }
            Event::ScriptOutput(outcome) => self.printer.print_outcome(&outcome)?,
            Event::ScriptEnded { result, .. } => {
                result.map_err(Failure::failed)?;
                self.script = None;
                // the script decides: pods that it does not check may fail
                if self.ends_with_script {
                    return Ok(Next::End);
                }
            }
            // a terminal asks nothing and gives no commands of its own
            Event::Changed
            | Event::Burst(_)
            | Event::ScriptPaused(_)
            | Event::ScriptStopped
            | Event::LabRestarted { .. }
            | Event::StepDone(_)
            | Event::Signalled { .. }
            | Event::CommandFailed(_)
            | Event::Exported { .. }
            | Event::Asked(_)
            | Event::QuestionsWithdrawn(_) => {}
        }
        Ok(Next::Continue)
    }
}

fn script_of(args: &Args) -> Result<Option<Script>, Failure> {
    if let Some(path) = &args.script {
        return read_script(path).map(Some);
    }
    // a preset without a manifest is run by its script
    if !args.check && !args.files.iter().any(|word| Source::of(word).is_built_by_script()) {
        return Ok(None);
    }
    let [word] = &args.files[..] else {
        let why = if args.check {
            "--check plays the script of one preset"
        } else {
            "a preset without a manifest is built by its script"
        };
        return Err(Failure::Usage(format!("{why}; name just that")));
    };
    let Source::Preset(preset) = Source::of(word) else {
        let name = word.display();
        return Err(Failure::Usage(format!("{name} is not a preset, so it has no script for --check; give --script")));
    };
    preset.script().map(Some).map_err(Failure::failed)
}

fn read_script(path: &Path) -> Result<Script, Failure> {
    let text = read_limited(path, MAX_FILE).map_err(Failure::failed)?;
    script::parse(&path.display().to_string(), &text).map_err(Failure::failed)
}
