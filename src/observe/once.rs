//! A single look at the machine.

use super::bpf::{self, Unavailable};
use super::error::Error;
use super::host;
use super::proc::Unread;
use super::reconcile::denied_coverage;
use super::survey::Survey;
use crate::model::{Capability, Delta};

/// Returns `Host`, `Visibility`, `Namespace`, `Facts`, `Exited` and `Searched` deltas: all processes of the machine and
/// all namespaces with what holds them, or only the processes with these pids and their namespaces. Pids that no
/// process has are left out.
///
/// Of each process it reads what a snapshot shows. For which signals it waits (`SignalMasks::awaited`, `signalfd`) only
/// an [`Observer`](super::Observer) finds out.
///
/// # Errors
/// /proc cannot be read, or one of these processes exists and cannot be read.
pub fn once(pids: Option<&[u32]>) -> Result<Vec<Delta>, Error> {
    Ok(deltas(match pids {
        None => Survey::of_machine(bpf::check_permission())?,
        Some(pids) => chosen(pids)?,
    }))
}

/// As [`once`] for the whole machine, without BPF: to compare the two.
///
/// # Errors
/// /proc cannot be read.
pub fn once_by_proc() -> Result<Vec<Delta>, Error> {
    Ok(deltas(Survey::of_machine(Err(Unavailable::SwitchedOff))?))
}

fn deltas(survey: Survey) -> Vec<Delta> {
    let mut deltas = vec![
        host::host(survey.own_namespaces()),
        host::visibility(Capability::Processes, host::less_unread(survey.unread())),
    ];
    deltas.extend(survey.bpf().map(|coverage| host::visibility(Capability::Bpf, coverage)));
    let (denied, all) = survey.denied();
    if denied > 0 {
        deltas.push(host::visibility(Capability::Namespaces, denied_coverage(denied, all)));
    }
    let found = survey.deltas();
    let search = found.iter().find_map(|delta| match delta {
        Delta::Searched { search, .. } => Some(**search),
        _ => None,
    });
    deltas
        .push(host::visibility(Capability::Holders, search.map_or_else(host::holders, |search| host::found(&search))));
    deltas.extend(found);
    deltas
}

fn chosen(pids: &[u32]) -> Result<Survey, Error> {
    let survey = Survey::of_processes(pids);
    for pid in pids {
        match survey.outcome(*pid) {
            Ok(()) | Err(Unread::Gone) => {}
            Err(why) => return Err(Error::Process(*pid, why)),
        }
    }
    Ok(survey)
}
