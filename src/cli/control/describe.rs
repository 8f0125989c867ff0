//! `podscope describe`.

use super::{LabChoice, failure, find, pod_names};
use crate::cli::output::{Failure, print};
use crate::observe::now;
use crate::report;

#[derive(Debug, clap::Args)]
pub struct Args {
    /// The names of the pods, with or without `pod` before them.
    #[arg(value_name = "POD", required = true)]
    pods: Vec<String>,
    #[command(flatten)]
    lab: LabChoice,
}

pub fn main(args: &Args) -> Result<(), Failure> {
    let names = pod_names(&args.pods);
    if names.is_empty() {
        return Err(Failure::Usage("which pod? see `podscope get pods`".to_owned()));
    }
    for (i, name) in names.into_iter().enumerate() {
        let world = find::lab_with_pod(args.lab, name).and_then(|lab| lab.world()).map_err(failure)?;
        let mut pods = world.pods.iter().filter(|(uid, pod)| pod.name == name || uid.0 == name).peekable();
        if pods.peek().is_none() {
            return Err(Failure::Failed(format!("pods \"{name}\" not found")));
        }
        for (n, (uid, _)) in pods.enumerate() {
            if i + n > 0 {
                print("\n\n")?;
            }
            if let Some(text) = report::describe(&world, uid, now()) {
                print(&text.to_string())?;
            }
        }
    }
    Ok(())
}
