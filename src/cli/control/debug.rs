//! `podscope debug`: an ephemeral container in a running pod.

use super::exec::can_use_terminal;
use super::relay::{Local, relay_to_end};
use super::{LabChoice, failure, find, print_note};
use crate::cli::output::{Failure, note};
use crate::control::{Reply, Request, Target};

#[derive(Debug, clap::Args)]
pub struct Args {
    #[arg(value_name = "POD")]
    pod: String,
    /// Join the pid namespace of this container, to see its processes.
    #[arg(long, value_name = "CONTAINER")]
    target: Option<String>,
    /// The image; the programs of the host are used in its place.
    #[arg(long, default_value = "busybox")]
    image: String,
    /// The name of the new container; by default one is generated.
    #[arg(short, long, value_name = "NAME")]
    container: Option<String>,
    /// Pass standard input to it.
    #[arg(short = 'i', long)]
    stdin: bool,
    /// Give it a terminal; Ctrl-P Ctrl-Q detaches and lets it run.
    #[arg(short, long)]
    tty: bool,
    /// The program to run in it, after `--`; by default `sh`.
    #[arg(value_name = "PROGRAM", last = true)]
    argv: Vec<String>,
    #[command(flatten)]
    lab: LabChoice,
}

pub fn main(args: &Args) -> Result<(), Failure> {
    let pod = args.pod.strip_prefix("pod/").unwrap_or(&args.pod).to_owned();
    let argv = if args.argv.is_empty() { vec!["sh".to_owned()] } else { args.argv.clone() };
    let request = Request::Debug {
        pod: pod.clone(),
        target: args.target.clone(),
        name: args.container.clone(),
        image: args.image.clone(),
        argv,
        stdin: args.stdin,
        tty: args.tty,
    };
    let lab = find::lab_with_pod(args.lab, &pod).map_err(failure)?;
    let reply = lab.ask(request).and_then(|mut client| client.reply(&mut print_note)).map_err(failure)?;
    let Reply::Added(name) = reply else { return Err(Failure::Failed("the lab added nothing".to_owned())) };
    if args.container.is_none() {
        note(format_args!("Defaulting debug container name to {name}."));
    }
    if !args.stdin {
        return Ok(());
    }
    let target = Target { pod, container: Some(name) };
    let client = lab.ask(Request::Attach { target, stdin: true, wait: true }).map_err(failure)?;
    let opened = client.open(&mut print_note).map_err(failure)?;
    let terminal = can_use_terminal(args.tty);
    if terminal {
        note("If you don't see a command prompt, try pressing enter.");
    }
    relay_to_end(opened, Local { stdin: true, terminal })
}
