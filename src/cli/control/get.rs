//! `podscope get`.

use super::{LabChoice, failure, find, pod_names};
use crate::cli::output::{Failure, note, print};
use crate::control::ClientError;
use crate::model::{PodUid, World};
use crate::observe::now;
use crate::report::{self, Get, Text};

#[derive(Debug, clap::Args)]
pub struct Args {
    /// `pods` or `events`, then optionally names of pods, to print only those.
    #[arg(value_name = "pods|events", required = true)]
    what: Vec<String>,
    /// `wide` adds addresses and nodes.
    #[arg(short, long, value_parser = ["wide"])]
    output: Option<String>,
    #[command(flatten)]
    lab: LabChoice,
}

pub fn main(args: &Args) -> Result<(), Failure> {
    let events = match args.what.first().map_or("", String::as_str) {
        "events" | "event" | "ev" => true,
        "pods" | "pod" | "po" => false,
        word if word.starts_with("pod/") || word.starts_with("pods/") => false,
        word => return Err(Failure::Usage(format!("`{word}` is not known; get pods, or get events"))),
    };
    let names = if events { pod_names(&args.what[1..]) } else { pod_names(&args.what) };
    let wide = args.output.is_some();
    let labs = find::chosen_labs(args.lab).map_err(failure)?;
    let several = labs.len() > 1;
    let mut missing = names.clone();
    let mut empty = true;
    for lab in labs {
        let world = match lab.world() {
            Ok(world) => world,
            // the lab has just ended
            Err(ClientError::Ended(_)) => continue,
            Err(e) => return Err(failure(e)),
        };
        let wanted: Vec<Option<PodUid>> =
            if names.is_empty() { vec![None] } else { uids_of(&world, &names, &mut missing) };
        for pod in wanted {
            let text = table(&world, events, wide, pod);
            if text.lines.is_empty() {
                continue;
            }
            if several {
                print(&format!("{}LAB {}\n", if empty { "" } else { "\n" }, lab.about.pid))?;
            }
            empty = false;
            print(&text.to_string())?;
        }
    }
    if let Some(name) = missing.first() {
        return Err(Failure::Failed(format!("pods \"{name}\" not found")));
    }
    if empty {
        note("No resources found in default namespace.");
    }
    Ok(())
}

fn table(world: &World, events: bool, wide: bool, pod: Option<PodUid>) -> Text {
    if events { report::events(world, pod.as_ref(), now()) } else { report::get_pods(world, &Get { wide, pod }, now()) }
}

/// The uids of the named pods that this lab has. Removes their names from `missing`.
fn uids_of(world: &World, names: &[&str], missing: &mut Vec<&str>) -> Vec<Option<PodUid>> {
    let is = |name: &str, uid: &PodUid, pod: &str| pod == name || uid.0 == name;
    let has = |name: &&str| world.pods.iter().any(|(uid, pod)| is(name, uid, &pod.name));
    missing.retain(|name| !has(name));
    let pods = world.pods.iter().filter(|(uid, pod)| names.iter().any(|name| is(name, uid, &pod.name)));
    pods.map(|(uid, _)| Some(uid.clone())).collect()
}
