//! `podscope run`: pods of the lab in the terminal, without a window.

mod session;
mod stop;
mod teller;

use std::path::PathBuf;
use std::time::Duration;

use super::output::{Failure, note};
use crate::export::{Format, Selection, read_limited, render, write_file};
use crate::lab::{self, PodSpec};
use crate::model::MonoNs;
use crate::observe::now;
use crate::script::{self, Engine, Progress, Script};
use session::{News, Session};
use teller::Teller;

/// No manifest or script a person writes is larger.
const MAX_FILE: u64 = 4 << 20;

#[derive(Debug, clap::Args)]
pub struct Args {
    /// Pod manifests.
    #[arg(value_name = "POD.yaml", required = true)]
    files: Vec<PathBuf>,
    /// Play this script, then end: kill, wait, expect, exec, snapshot, one step a line.
    #[arg(long, value_name = "FILE")]
    script: Option<PathBuf>,
    /// End after this long, such as 5s or 500ms; a script must have ended by then.
    #[arg(long = "for", value_name = "TIME", value_parser = script::duration)]
    length: Option<Duration>,
    /// At the end, write a podscope.snapshot/1 to this file.
    #[arg(long, value_name = "OUT")]
    snapshot: Option<PathBuf>,
    /// Print everything that happens as one JSON object a line; what is meant for people goes to stderr.
    #[arg(long)]
    events: bool,
}

pub fn main(args: &Args) -> Result<(), Failure> {
    let script = args.script.as_deref().map(read_script).transpose()?;
    let specs = read_manifests(&args.files)?;
    // signals are blocked from here on, in every thread that is yet to be
    let stop = stop::signals()?;
    let mut teller = Teller::new(args.events, now());
    let mut session = Session::start(stop)?;
    for spec in specs {
        session.run(spec)?;
    }
    let played = play(args, script.map(Engine::new), &mut session, &mut teller);
    let saved = args.snapshot.as_deref().map_or(Ok(()), |path| {
        let text = render(session.world(), Format::Json, &Selection::default());
        write_file(path, text.as_bytes()).map_err(Failure::failed)
    });
    match played {
        Err(Failure::Pipe) => Err(Failure::Silent),
        other => other.and(saved),
    }
}

/// Until the script, the time, the pods or the user's patience end.
fn play(args: &Args, mut engine: Option<Engine>, session: &mut Session, teller: &mut Teller) -> Result<(), Failure> {
    let length = args.length.map(|l| u64::try_from(l.as_nanos()).unwrap_or(u64::MAX));
    let end = length.map_or(MonoNs(u64::MAX), |l| now().plus(l));
    loop {
        let mut until = end;
        if let Some(engine) = &mut engine {
            let progress = engine.advance(session.world(), now());
            teller.steps(engine.begun())?;
            match progress {
                Progress::Do(command) => {
                    if let Some(outcome) = session.carry_out(command) {
                        teller.outcome(&outcome)?;
                        engine.completed(outcome);
                    }
                    continue;
                }
                Progress::Pending { until: deadline } => until = until.min(deadline),
                Progress::Done => return session.verdict(),
                Progress::Failed { line, why } => {
                    return Err(Failure::Failed(format!("{}:{line}: {why}", engine.script().name)));
                }
            }
        } else if session.all_ended() {
            return session.verdict();
        }
        match session.next(until) {
            News::Deltas(batch) => {
                for delta in &batch {
                    teller.delta(delta)?;
                }
                session.apply(&batch);
                if let Some(reason) = session.node_ended() {
                    return Err(Failure::Failed(format!("{reason}, and every pod with it; run it again")));
                }
            }
            News::Answer(outcome) => {
                teller.outcome(&outcome)?;
                if let Some(engine) = &mut engine {
                    engine.completed(outcome);
                }
            }
            News::Time if now() >= end => {
                let Some(step) = engine.as_ref().and_then(Engine::step) else { return session.verdict() };
                let name = &engine.as_ref().map(|e| e.script().name.clone()).unwrap_or_default();
                return Err(Failure::Failed(format!("{name}:{}: not yet done when the time was over", step.line)));
            }
            News::Time => {}
            News::Stop if engine.is_some() => {
                return Err(Failure::Failed("interrupted before the script had ended".into()));
            }
            News::Stop => return session.verdict(),
            News::Lost => return Err(Failure::Failed("the observer has ended; run it again".into())),
        }
    }
}

fn read_script(path: &std::path::Path) -> Result<Script, Failure> {
    let text = read_limited(path, MAX_FILE).map_err(Failure::failed)?;
    script::parse(&path.display().to_string(), &text).map_err(Failure::failed)
}

fn read_manifests(files: &[PathBuf]) -> Result<Vec<PodSpec>, Failure> {
    let mut specs: Vec<PodSpec> = Vec::new();
    for path in files {
        let name = path.display().to_string();
        let text = read_limited(path, MAX_FILE).map_err(Failure::failed)?;
        for (spec, warnings) in lab::parse(&name, &text).map_err(Failure::failed)? {
            for warning in warnings {
                note(format_args!("podscope: warning: {name}:{warning}"));
            }
            if specs.iter().any(|s| s.name == spec.name) {
                return Err(Failure::Failed(format!(
                    "{name}: a second pod is named {}; rename one of them",
                    spec.name
                )));
            }
            specs.push(spec);
        }
    }
    Ok(specs)
}
