//! `podscope snapshot`: the machine at this moment.

use std::io::{self, IsTerminal as _};
use std::path::PathBuf;
use std::time::Duration;

use super::output::{Failure, note, print};
use crate::control;
use crate::engines::{self, Known, Note};
use crate::export::{self, Format, Layout, Selection, render, render_table, write_file};
use crate::inside::{self, InsideOf, Program};
use crate::model::{Delta, Source, Stamp, World};
use crate::observe;
use crate::sys::pty;

#[derive(Debug, clap::Args)]
pub struct Args {
    #[arg(long, value_enum, default_value_t)]
    format: FormatName,
    /// Write to this file instead of standard output; `-` is standard output.
    #[arg(short, long, value_name = "OUT")]
    output: Option<PathBuf>,
    /// Only this process, its namespaces and its pod; may be given more than once.
    #[arg(long, value_name = "N")]
    pid: Vec<u32>,
    /// Leave out the arguments of all processes.
    #[arg(long)]
    redact: bool,
    /// Print the JSON Schema of the format and exit.
    #[arg(long, hide = true)]
    schema: bool,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
enum FormatName {
    /// podscope.snapshot/1
    #[default]
    Json,
    /// The table of lsns(8)
    Lsns,
    /// lsns -J -l with all its columns
    LsnsJson,
    /// A discovery of lxkns
    Lxkns,
}

impl From<FormatName> for Format {
    fn from(name: FormatName) -> Self {
        match name {
            FormatName::Json => Self::Json,
            FormatName::Lsns => Self::Lsns,
            FormatName::LsnsJson => Self::LsnsJson,
            FormatName::Lxkns => Self::Lxkns,
        }
    }
}

pub fn main(args: &Args) -> Result<(), Failure> {
    if args.schema {
        return write(args, &format!("{:#}\n", export::schema()));
    }
    let mut world = observe_now(&args.pid)?;
    if let Some(pid) = args.pid.iter().find(|pid| world.by_pid(**pid).is_none()) {
        return Err(Failure::Failed(format!("--pid {pid}: there is no such process, or it cannot be seen")));
    }
    if args.format == FormatName::Json {
        read_inside(&mut world);
    }
    let selection = Selection { pids: args.pid.iter().copied().collect(), redact: args.redact };
    let text = match args.format {
        FormatName::Lsns => render_table(&world, &selection, &layout(args)),
        format => render(&world, format.into(), &selection),
    };
    write(args, &text)
}

/// The table is cut where the terminal ends, as `lsns` does.
fn layout(args: &Args) -> Layout {
    let out = io::stdout();
    let is_terminal = args.output.is_none() && out.is_terminal();
    let width = is_terminal.then(|| pty::size(&out).map_or(80, |size| usize::from(size.cols)));
    // as setlocale(3) chooses: an empty variable counts as not set
    let locale =
        ["LC_ALL", "LC_CTYPE", "LANG"].into_iter().find_map(|name| std::env::var(name).ok().filter(|v| !v.is_empty()));
    let is_utf8 = locale.is_some_and(|name| name.to_ascii_lowercase().replace('-', "").contains("utf8"));
    Layout { width, is_ascii: !is_utf8 }
}

fn write(args: &Args, text: &str) -> Result<(), Failure> {
    match args.output.as_deref().filter(|path| path.as_os_str() != "-") {
        Some(path) => write_file(path, text.as_bytes()).map_err(Failure::failed),
        None => print(text),
    }
}

fn observe_now(pids: &[u32]) -> Result<World, Failure> {
    let deltas = observe::once((!pids.is_empty()).then_some(pids)).map_err(Failure::failed)?;
    let mut world = World::default();
    for delta in &deltas {
        world.apply(delta);
    }
    for delta in facts_of_labs(&world) {
        world.apply(&delta);
    }
    add_engine_pods(&mut world);
    Ok(world)
}

/// Reads what is in the namespaces of all pods.
fn read_inside(world: &mut World) {
    let of_pods = world.pods.keys().map(|pod| InsideOf { pod: Some(pod.clone()), namespace: None });
    let namespaces = of_pods.flat_map(|of| of.namespaces(world)).collect();
    for reading in inside::read_all(&Program::default(), &inside::plan(world, &namespaces)) {
        world.apply(&reading.into_delta());
    }
}

/// What the running labs know of their pods and /proc does not show. Only of processes that were seen.
fn facts_of_labs(seen: &World) -> Vec<Delta> {
    let warn = |e: &dyn std::fmt::Display| note(format_args!("podscope: the pods of a lab are not known: {e}"));
    let labs = control::labs().inspect_err(|e| warn(e)).unwrap_or_default();
    let mut deltas = Vec::new();
    for lab in labs {
        match lab.world() {
            Ok(world) => deltas.extend(deltas_of_pods(&world, seen)),
            Err(e) => warn(&e),
        }
    }
    deltas
}

fn deltas_of_pods(lab: &World, seen: &World) -> Vec<Delta> {
    let pods = lab.pods.values().map(|pod| Delta::Pod { pod: Box::new((**pod).clone()), at: pod.created });
    let members = lab
        .present()
        .filter(|p| seen.process(p.id).is_some())
        .filter_map(|p| Some(Delta::Joined { id: p.id, member: p.member.clone()?, at: p.born }));
    let cgroups = lab.cgroups.iter().map(|(member, cgroup)| Delta::Cgroup {
        member: member.clone(),
        path: Some(cgroup.path.clone()),
        at: Stamp::by_then(lab.now, Source::Node),
    });
    let events = lab.events.iter().map(|event| Delta::Event { event: event.clone() });
    pods.chain(members).chain(cgroups).chain(events).collect()
}

/// How long the engines may take. An engine that is hung only costs its names.
const ENGINES_TIMEOUT: Duration = Duration::from_secs(3);

/// Adds the pods of container engines. What an engine does not tell is left out, with a note.
fn add_engine_pods(world: &mut World) {
    let others = world.present().filter(|p| p.member.is_some()).map(|p| p.id).collect();
    let mut known = Known::default();
    // without a container nobody has to be asked
    if engines::find(world, &others, &known).pods.is_empty() {
        return;
    }
    for report in engines::ask_once(ENGINES_TIMEOUT) {
        if let Err(why) = &report.answer
            && *why != Note::NotThere
        {
            note(format_args!("podscope: {}: {why}; its containers have no names", report.socket.path.display()));
        }
        known.apply(report);
    }
    let found = engines::find(world, &others, &known);
    let at = Stamp::by_then(world.now, Source::Scan);
    for pod in found.pods {
        world.apply(&Delta::Pod { pod: Box::new(pod), at });
    }
    for (id, member) in found.members {
        world.apply(&Delta::Joined { id, member, at });
    }
}
