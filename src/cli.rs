//! The command line: one file per subcommand.

mod control;
mod doctor;
mod environment;
mod lab_args;
mod output;
mod pause;
mod run;
mod snapshot;
mod usage;
mod window;

use std::ffi::OsString;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

pub use output::Failure;
use output::{LogWriter, note};

/// Watch a Kubernetes pod live and die: namespaces, process trees, zombies.
#[derive(Debug, Parser)]
#[command(
    name = "podscope",
    bin_name = "podscope",
    version,
    args_conflicts_with_subcommands = true,
    max_term_width = 100
)]
pub struct Cli {
    #[command(subcommand)]
    pub command: Option<Command>,
    #[command(flatten)]
    pub window: window::Args,
}

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Run pods in the terminal, without a window.
    Run(run::Args),
    /// Print the processes, namespaces and pods of this machine as they are now.
    Snapshot(snapshot::Args),
    /// List the running labs.
    Labs(control::labs::Args),
    /// Print pods or events of running labs, as kubectl does.
    Get(control::get::Args),
    /// Describe a pod of a running lab, as kubectl does.
    Describe(control::describe::Args),
    /// Print the processes of pods, as seen on the host and in the pod.
    Ps(control::ps::Args),
    /// Run a program in a container of a running lab.
    Exec(control::exec::Args),
    /// Attach to the output and input of a container of a running lab.
    Attach(control::attach::Args),
    /// Print the log of a container of a running lab.
    Logs(control::logs::Args),
    /// Look into a running pod with an ephemeral container.
    Debug(control::debug::Args),
    /// Delete pods of a running lab.
    Delete(control::delete::Args),
    /// Check what this machine allows, what is missing, and how to fix it.
    Doctor(doctor::Args),
    /// Show the bundled pause init, or write it to a file.
    Pause(pause::Args),
}

/// Sends internal errors to stderr. `PODSCOPE_LOG` asks for more, as in `PODSCOPE_LOG=podscope=debug`.
fn start_log() {
    use tracing_subscriber::filter::{LevelFilter, Targets};
    use tracing_subscriber::layer::SubscriberExt as _;
    use tracing_subscriber::util::SubscriberInitExt as _;

    let wanted = std::env::var_os("PODSCOPE_LOG").unwrap_or_default();
    let targets = wanted.to_string_lossy().parse::<Targets>().unwrap_or_else(|e| {
        note(format_args!("podscope: PODSCOPE_LOG: {e}; only errors are logged"));
        Targets::new()
    });
    let targets = if targets.default_level().is_none() { targets.with_default(LevelFilter::ERROR) } else { targets };
    let lines = tracing_subscriber::fmt::layer().with_writer(|| LogWriter).with_ansi(false);
    let subscriber = tracing_subscriber::registry().with(lines).with(targets);
    // a second call, in a test, finds a subscriber already set
    let _ = subscriber.try_init();
}

fn run(cli: &Cli) -> Result<(), Failure> {
    start_log();
    // the observer holds a descriptor for each process it can; the usual soft limit is 1,024
    if let Err(e) = crate::sys::limits::raise_open_files() {
        tracing::warn!("the limit of open files cannot be raised: {e}");
    }
    match &cli.command {
        Some(Command::Run(args)) => run::main(args),
        Some(Command::Snapshot(args)) => snapshot::main(args),
        Some(Command::Labs(args)) => control::labs::main(args),
        Some(Command::Get(args)) => control::get::main(args),
        Some(Command::Describe(args)) => control::describe::main(args),
        Some(Command::Ps(args)) => control::ps::main(args),
        Some(Command::Debug(args)) => control::debug::main(args),
        Some(Command::Exec(args)) => control::exec::main(args),
        Some(Command::Attach(args)) => control::attach::main(args),
        Some(Command::Logs(args)) => control::logs::main(args),
        Some(Command::Delete(args)) => control::delete::main(args),
        Some(Command::Doctor(args)) => doctor::main(args),
        Some(Command::Pause(args)) => pause::main(args),
        None => window::main(&cli.window),
    }
}

/// Runs the program with these arguments; the first one is the name of the program. Exit codes: 0, 1 for a failure,
/// 2 for wrong usage.
pub fn main(args: impl IntoIterator<Item = OsString>) -> ExitCode {
    let args: Vec<OsString> = args.into_iter().collect();
    let first = args.get(1).map(|word| word.to_string_lossy().into_owned());
    let cli = match Cli::try_parse_from(args) {
        Ok(cli) => cli,
        // help and version come this way too; a closed pipe is not an error
        Err(e) if !e.use_stderr() => {
            let _ = e.print();
            return ExitCode::SUCCESS;
        }
        Err(e) => return Failure::Usage(usage::one_line(e, first.as_deref())).report(),
    };
    match environment::check(&cli).and_then(|()| run(&cli)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => failure.report(),
    }
}
