//! The lab that is meant.

use super::LabChoice;
use crate::control::{Client, ClientError, Lab, Request, labs};

/// The labs that may be meant: the one that was chosen, or all.
///
/// # Errors
/// There is none.
pub fn candidates(choice: LabChoice) -> Result<Vec<Lab>, ClientError> {
    let mut all = labs()?;
    if let Some(pid) = choice.pid {
        all.retain(|lab| lab.about.pid == pid);
        return if all.is_empty() { Err(ClientError::NoSuchLab(pid)) } else { Ok(all) };
    }
    if all.is_empty() { Err(ClientError::NoLab) } else { Ok(all) }
}

/// The request to the lab that has a pod of this name.
///
/// # Errors
/// None has it, or several have, or the one refuses.
pub fn ask(choice: LabChoice, pod: &str, request: Request) -> Result<Client, ClientError> {
    having(choice, pod)?.ask(request)
}

/// The lab that has a pod of this name or uid; where there is only one lab it need not have it.
///
/// # Errors
/// None has it, or several have.
pub fn having(choice: LabChoice, pod: &str) -> Result<Lab, ClientError> {
    let labs = candidates(choice)?;
    let having: Vec<&Lab> = labs.iter().filter(|lab| lab.about.pods.iter().any(|name| name == pod)).collect();
    match (&having[..], &labs[..]) {
        ([one], _) => Ok((*one).clone()),
        ([], [only]) => Ok(only.clone()),
        // by its uid, or by a name that nobody has
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
