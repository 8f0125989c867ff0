//! A single scan of the machine.

use super::error::Error;
use super::live::{LiveKernel, nsfs_device};
use super::options::Scope;
use super::proc::{Depth, Unread};
use super::reconcile::{Kernel as _, Reconciler};
use super::{host, look_up};
use crate::model::{Capability, Delta, NsSet, ProcId};

/// Returns `Host`, `Visibility`, `Namespace` and `Facts` deltas of all processes, or of those with these pids. Pids
/// that no process has are left out.
///
/// # Errors
/// /proc cannot be read, or one of these processes exists and cannot be read.
pub fn once(pids: Option<&[u32]>) -> Result<Vec<Delta>, Error> {
    super::proc::pids().map_err(Error::Proc)?;
    let mut live = LiveKernel::new(None, false);
    let mut reconciler = Reconciler::new(Scope::Host, false, nsfs_device());
    let own = live.read(std::process::id(), Depth::All);
    let own = own.map_or_else(|_| NsSet::default(), |r| reconciler.own_namespaces(&mut live, std::process::id(), &r));
    let mut deltas = vec![host::host(own), host::visibility(Capability::Processes, host::processes())];
    deltas.push(host::visibility(Capability::Holders, host::holders()));
    match pids {
        None => reconciler.start_host(&mut live),
        Some(pids) => reconciler.read_chosen(&mut live, &chosen(pids)?),
    }
    deltas.extend(reconciler.finish(&mut live, true).into_iter().filter(|d| !matches!(d, Delta::Born { .. })));
    if let Some(unread) = reconciler.take_unread_change() {
        deltas.push(host::visibility(Capability::Processes, host::less_unread(unread)));
    }
    Ok(deltas)
}

fn chosen(pids: &[u32]) -> Result<Vec<ProcId>, Error> {
    let mut found = Vec::new();
    for pid in pids {
        match look_up(*pid) {
            Ok(id) => found.push(id),
            Err(Unread::Gone) => {}
            Err(why) => return Err(Error::Process(*pid, why)),
        }
    }
    Ok(found)
}
