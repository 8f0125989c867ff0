//! `podscope delete`: stops pods as a kubelet stops them.

use super::{LabChoice, failure, find};
use crate::cli::output::{Failure, print};
use crate::control::{Reply, Request};
use crate::model::text::escaped;

#[derive(Debug, clap::Args)]
pub struct Args {
    /// The names of the pods, with or without `pod` before them.
    #[arg(value_name = "POD", required = true)]
    pods: Vec<String>,
    /// Seconds between SIGTERM and SIGKILL, in place of the pod's own grace period.
    #[arg(long, value_name = "SECONDS")]
    grace_period: Option<u32>,
    /// Use the shortest grace period that a kubelet allows: 2 seconds.
    #[arg(long, conflicts_with = "grace_period")]
    now: bool,
    #[command(flatten)]
    lab: LabChoice,
}

pub fn main(args: &Args) -> Result<(), Failure> {
    let grace_seconds = if args.now { Some(1) } else { args.grace_period };
    let names = super::pod_names(&args.pods);
    if names.is_empty() {
        return Err(Failure::Usage("which pods? see `podscope get pods`".to_owned()));
    }
    for name in names {
        let request = Request::Delete { pod: name.to_owned(), grace_seconds };
        let reply = find::ask(args.lab, name, request).and_then(|mut client| client.reply(&mut super::print_note));
        match reply.map_err(failure)? {
            Reply::Done => print(&format!("pod \"{}\" deleted\n", escaped(name)))?,
            other => return Err(Failure::Failed(format!("the lab gave an unexpected answer: {other:?}"))),
        }
    }
    Ok(())
}
