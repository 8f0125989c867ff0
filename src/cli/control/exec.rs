//! `podscope exec`.

use std::io::{self, IsTerminal as _};

use super::relay::{Local, RelayEnd, relay};
use super::{TargetArgs, failure, find, print_note};
use crate::cli::output::{Failure, note};
use crate::control::Request;
use crate::lab::StreamRequest;
use crate::sys::pty;

#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    target: TargetArgs,
    /// Pass standard input to the program.
    #[arg(short = 'i', long)]
    stdin: bool,
    /// Give the program a terminal; Ctrl-P Ctrl-Q detaches and lets it run.
    #[arg(short, long)]
    tty: bool,
    /// The program and its arguments, after `--`.
    #[arg(value_name = "PROGRAM", required = true, last = true)]
    argv: Vec<String>,
}

/// Whether a terminal can be used. As with kubectl, the program gets one only if standard input is one.
pub fn can_use_terminal(wanted: bool) -> bool {
    let can = io::stdin().is_terminal();
    if wanted && !can {
        note("Unable to use a TTY - input is not a terminal or the right kind of file");
    }
    wanted && can
}

pub fn main(args: &Args) -> Result<(), Failure> {
    let terminal = can_use_terminal(args.tty);
    let wanted = StreamRequest { stdin: args.stdin, terminal, size: pty::size(io::stdin()).ok().filter(|_| terminal) };
    let target = args.target.target()?;
    let pod = target.pod.clone();
    let request = Request::Exec { target, argv: args.argv.clone(), wanted };
    let client = find::ask(args.target.lab, &pod, request).map_err(failure)?;
    let mut opened = client.open(&mut print_note).map_err(failure)?;
    match relay(&mut opened, Local { stdin: args.stdin, terminal })? {
        RelayEnd::Ended(status) if status.code() != 0 => {
            note(format_args!("command terminated with exit code {}", status.code()));
            Err(Failure::Exit(u8::try_from(status.code()).unwrap_or(1)))
        }
        RelayEnd::Ended(_) => Ok(()),
        RelayEnd::Detached => {
            opened.detach();
            note("detached; the program keeps running");
            Ok(())
        }
    }
}
