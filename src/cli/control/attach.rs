//! `podscope attach`.

use super::exec::can_use_terminal;
use super::relay::{Local, relay_to_end};
use super::{TargetArgs, failure, find, print_note};
use crate::cli::output::{Failure, note};
use crate::control::Request;

#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    target: TargetArgs,
    /// Pass standard input to the container, which needs `stdin: true`.
    #[arg(short = 'i', long)]
    stdin: bool,
    /// Connect this terminal to the container's, which needs `tty: true`; Ctrl-P Ctrl-Q detaches.
    #[arg(short, long)]
    tty: bool,
}

pub fn main(args: &Args) -> Result<(), Failure> {
    let target = args.target.target()?;
    let pod = target.pod.clone();
    let request = Request::Attach { target, stdin: args.stdin, wait: false };
    let client = find::ask(args.target.lab, &pod, request).map_err(failure)?;
    let opened = client.open(&mut print_note).map_err(failure)?;
    let has_terminal = opened.streams.terminal.is_some();
    if args.tty && args.stdin && !has_terminal {
        note("Unable to use a TTY - the container did not allocate one");
    }
    let terminal = can_use_terminal(args.tty && has_terminal);
    if terminal {
        note("If you don't see a command prompt, try pressing enter.");
    }
    relay_to_end(opened, Local { stdin: args.stdin, terminal })
}
