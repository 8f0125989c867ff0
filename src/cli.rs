//! The command line: one file a subcommand.

mod doctor;
mod lab_args;
mod output;
mod pause;
mod run;
mod snapshot;
mod window;

use std::ffi::OsString;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

pub use output::Failure;

/// Watch a Kubernetes pod live and die: namespaces, process trees, zombies.
#[derive(Debug, Parser)]
#[command(name = "podscope", version, args_conflicts_with_subcommands = true, max_term_width = 100)]
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
    /// Print what is on this machine now: processes, namespaces, pods.
    Snapshot(snapshot::Args),
    /// Tell what this machine allows, what is missing, and the way out.
    Doctor(doctor::Args),
    /// Show the bundled pause init, or write it to a file.
    Pause(pause::Args),
}

/// What goes wrong inside goes to stderr; `PODSCOPE_LOG` asks for more, as in `PODSCOPE_LOG=podscope=debug`.
fn log() {
    use tracing_subscriber::filter::{EnvFilter, LevelFilter};
    let filter = EnvFilter::builder().with_default_directive(LevelFilter::ERROR.into()).with_env_var("PODSCOPE_LOG");
    let subscriber = tracing_subscriber::fmt().with_env_filter(filter.from_env_lossy()).with_writer(std::io::stderr);
    // a second call, in a test, finds one there already
    let _ = subscriber.with_ansi(false).try_init();
}

/// Runs the program with these arguments, the first of them its name. Exit codes: 0, 1 for a failure,
/// 2 for wrong usage.
pub fn main(args: impl IntoIterator<Item = OsString>) -> ExitCode {
    let cli = match Cli::try_parse_from(args) {
        Ok(cli) => cli,
        Err(e) => {
            // help and version come this way too; a closed pipe is nobody's fault
            let _ = e.print();
            return ExitCode::from(u8::try_from(e.exit_code()).unwrap_or(2));
        }
    };
    log();
    // the observer holds a descriptor of each process it can; the usual soft limit is 1,024
    if let Err(e) = crate::sys::limits::raise_open_files() {
        tracing::warn!("the limit of open files cannot be raised: {e}");
    }
    let done = match &cli.command {
        Some(Command::Run(args)) => run::main(args),
        Some(Command::Snapshot(args)) => snapshot::main(args),
        Some(Command::Doctor(args)) => doctor::main(args),
        Some(Command::Pause(args)) => pause::main(args),
        None => window::main(&cli.window),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => failure.report(),
    }
}
