//! `podscope ps`: the same processes as seen on the host and in the pod.

use super::{LabChoice, failure, find};
use crate::cli::output::{Failure, print};
use crate::control::ClientError;
use crate::model::text::escaped;
use crate::model::{PodUid, World};
use crate::report;

#[derive(Debug, clap::Args)]
pub struct Args {
    /// The pod; by default all pods of all labs.
    #[arg(value_name = "POD")]
    pod: Option<String>,
    #[command(flatten)]
    lab: LabChoice,
}

pub fn main(args: &Args) -> Result<(), Failure> {
    let labs = match &args.pod {
        Some(name) => vec![find::lab_with_pod(args.lab, name).map_err(failure)?],
        None => find::chosen_labs(args.lab).map_err(failure)?,
    };
    for lab in labs {
        let world = match lab.world() {
            Ok(world) => world,
            // the lab has just ended
            Err(ClientError::Ended(_)) => continue,
            Err(e) => return Err(failure(e)),
        };
        let of = |uid: &PodUid, name: &str| args.pod.as_ref().is_none_or(|wanted| wanted == name || *wanted == uid.0);
        let pods: Vec<PodUid> =
            world.pods.iter().filter(|(uid, pod)| of(uid, &pod.name)).map(|(uid, _)| uid.clone()).collect();
        if pods.is_empty() && args.pod.is_some() {
            return Err(Failure::Failed(format!("pods \"{}\" not found", args.pod.as_deref().unwrap_or_default())));
        }
        print(&format!("On the host (lab {}):\n", lab.about.pid))?;
        match &pods[..] {
            [only] => print(&report::ps_host(&world, Some(only)).to_string())?,
            _ => print(&report::ps_host(&world, None).to_string())?,
        }
        for uid in pods {
            print_inside(&world, &uid)?;
        }
    }
    Ok(())
}

fn print_inside(world: &World, uid: &PodUid) -> Result<(), Failure> {
    let name = world.pod(uid).map_or("", |pod| pod.name.as_str());
    for space in report::pid_namespaces(world, uid) {
        let members = space.members.join(", ");
        print(&format!("\nIn pod {}, as {} sees it:\n", escaped(name), escaped(&members)))?;
        print(&report::ps_inside(world, space.ns).to_string())?;
    }
    Ok(())
}
