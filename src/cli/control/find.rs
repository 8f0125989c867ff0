//! Finds the lab that a command is for.

use super::LabChoice;
use crate::control::{Client, ClientError, Lab, Request, labs};

/// The chosen lab, or all labs if none was chosen.
///
/// # Errors
/// There is no such lab.
pub fn chosen_labs(choice: LabChoice) -> Result<Vec<Lab>, ClientError> {
    let mut all = labs()?;
    if let Some(pid) = choice.pid {
        all.retain(|lab| lab.about.pid == pid);
        return if all.is_empty() { Err(ClientError::NoSuchLab(pid)) } else { Ok(all) };
    }
    if all.is_empty() { Err(ClientError::NoLab) } else { Ok(all) }
}

/// Sends the request to the lab that has a pod of this name.
///
/// # Errors
/// No lab has it, several labs have it, or the lab refuses.
pub fn ask(choice: LabChoice, pod: &str, request: Request) -> Result<Client, ClientError> {
    lab_with_pod(choice, pod)?.ask(request)
}

/// The lab that has a pod of this name or uid. A single lab is returned even if it does not have it.
///
/// # Errors
/// No lab has it, or several labs have it.
pub fn lab_with_pod(choice: LabChoice, pod: &str) -> Result<Lab, ClientError> {
    let labs = chosen_labs(choice)?;
    let with_pod: Vec<&Lab> = labs.iter().filter(|lab| lab.about.pods.iter().any(|name| name == pod)).collect();
    match (&with_pod[..], &labs[..]) {
        ([one], _) => Ok((*one).clone()),
        ([], [only]) => Ok(only.clone()),
        // the word is a uid, or a name that no pod has
        ([], _) => {
            let has = |lab: &&Lab| lab.world().is_ok_and(|world| world.pods.keys().any(|uid| uid.0 == pod));
            match labs.iter().find(has) {
                Some(lab) => Ok(lab.clone()),
                None => Err(ClientError::NotHere(format!("pods \"{pod}\" not found in any of {} labs", labs.len()))),
            }
        }
        (several, _) => {
            let pids: Vec<String> = several.iter().map(|lab| lab.about.pid.to_string()).collect();
            Err(ClientError::Refused(format!(
                "{} labs have a pod named \"{pod}\"; choose one by --lab: {}",
                several.len(),
                pids.join(", ")
            )))
        }
    }
}
