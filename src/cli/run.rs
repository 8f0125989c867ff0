//! `podscope run`: runs pods of the lab in the terminal, without a window.

mod event_printer;
mod manifests;
mod session;
mod stop;
mod watch;

use std::path::{Path, PathBuf};
use std::time::Duration;

use super::lab_args::LabArgs;
use super::output::{Failure, note, print};
use crate::export::{Format, MAX_FILE, Selection, read_limited, render, write_file};
use crate::model::MonoNs;
use crate::observe::now;
use crate::script::{self, Engine, Progress, Script};
use event_printer::EventPrinter;
use manifests::Source;
use session::{Session, SessionEvent};
use watch::Watch;

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
    let specs = manifests::read(&args.files)?;
    // signals are blocked from here on, also in every thread that is started later
    let stop = stop::signals()?;
    let mut printer = EventPrinter::new(args.events, now());
    let watch = Watch::start(&args.files, args.watch)?;
    let mut session = Session::start(stop, args.lab.options())?;
    for (spec, from) in specs {
        session.run(spec, from)?;
    }
    let mut engine = script.map(Engine::new);
    for (uid, name) in session.requested_pods() {
        if let Some(engine) = &mut engine {
            engine.requested.pod(uid, name);
        }
    }
    let played = play(args, engine, &mut session, &mut printer, &watch);
    let saved = args.snapshot.as_deref().map_or(Ok(()), |path| {
        let text = render(session.world(), Format::Json, &Selection::default());
        write_file(path, text.as_bytes()).map_err(Failure::failed)
    });
    match played {
        Err(Failure::Pipe) => Err(Failure::Silent),
        other => other.and(saved),
    }
}

/// Runs until the script, the time or the pods end, or the user stops it.
fn play(
    args: &Args,
    mut engine: Option<Engine>,
    session: &mut Session,
    printer: &mut EventPrinter,
    watch: &Watch,
) -> Result<(), Failure> {
    let length = args.length.map(|l| u64::try_from(l.as_nanos()).unwrap_or(u64::MAX));
    let end = length.map_or(MonoNs(u64::MAX), |l| now().plus(l));
    loop {
        let mut until = end.min(session.build_deadline().unwrap_or(end));
        if let (Some(outcome), Some(engine)) = (session.build_outcome(), &mut engine) {
            printer.print_outcome(&outcome)?;
            engine.completed(outcome);
        }
        if let Some(playing) = &mut engine {
            let progress = playing.advance(session.world(), now());
            printer.print_steps(playing.started_steps())?;
            match progress {
                Progress::Do(command) => {
                    if let Some(outcome) = session.carry_out(command) {
                        printer.print_outcome(&outcome)?;
                        playing.completed(outcome);
                    }
                    continue;
                }
                Progress::Pending { until: deadline } => until = until.min(deadline),
                // the script decides: pods that it does not check may fail
                Progress::Done if args.check || args.script.is_some() => return Ok(()),
                // the pods that the script has built keep running, so that the user can look at them
                Progress::Done => {
                    engine = None;
                    continue;
                }
                Progress::Failed { line, why } => {
                    return Err(Failure::Failed(format!("{}:{line}: {why}", playing.script().name)));
                }
            }
        } else if session.all_ended() {
            return session.check_all_came_up();
        }
        match session.next(until, watch.changed()) {
            SessionEvent::Deltas(batch) => {
                for delta in &batch {
                    printer.print_delta(delta)?;
                }
                session.apply(&batch);
                if let Some(reason) = session.node_ended() {
                    return Err(Failure::Failed(format!("{reason}, and every pod with it; run it again")));
                }
            }
            SessionEvent::Answer(outcome) => {
                if let Some(engine) = &mut engine {
                    // answers to a polled condition are not printed
                    if !engine.is_polling() {
                        printer.print_outcome(&outcome)?;
                    }
                    engine.completed(outcome);
                }
            }
            SessionEvent::StateRequest(answers) => session.answer(&answers),
            SessionEvent::ManifestChanged(path) => {
                for line in watch::follow(session, &path) {
                    note(format_args!("podscope: {line}"));
                }
            }
            SessionEvent::Time if now() >= end => {
                let Some(step) = engine.as_ref().and_then(Engine::step) else { return session.check_all_came_up() };
                let name = &engine.as_ref().map(|e| e.script().name.clone()).unwrap_or_default();
                return Err(Failure::Failed(format!("{name}:{}: not done when the time was over", step.line)));
            }
            SessionEvent::Time => {}
            SessionEvent::Stop if engine.is_some() => {
                return Err(Failure::Failed("interrupted before the script had ended".into()));
            }
            SessionEvent::Stop => return session.check_all_came_up(),
            SessionEvent::ObserverLost => return Err(Failure::Failed("the observer has ended; run it again".into())),
        }
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
