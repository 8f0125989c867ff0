//! The machine now, once.

use super::error::Error;
use super::fuse::{Fuse, Kernel as _};
use super::live::{Live, nsfs_device};
use super::options::Scope;
use super::proc::Depth;
use super::{host, identify};
use crate::model::{Aspect, Delta, NsSet};

/// `Host`, `Visibility`, `Namespace` and `Facts` deltas of all processes, or of those with these pids;
/// who is not there is left out.
pub fn once(pids: Option<&[u32]>) -> Result<Vec<Delta>, Error> {
    super::proc::pids().map_err(Error::Proc)?;
    let mut live = Live::new(None, false);
    let mut fuse = Fuse::new(Scope::Host, false, nsfs_device());
    let own = live.read(std::process::id(), Depth::All);
    let own = own.map_or_else(NsSet::default, |r| fuse.own_namespaces(&mut live, std::process::id(), &r));
    let mut deltas = vec![host::host(own), host::visibility(Aspect::Processes, host::processes())];
    deltas.push(host::visibility(Aspect::Holders, host::holders()));
    match pids {
        None => fuse.start_host(&mut live),
        Some(pids) => fuse.only(&mut live, &pids.iter().filter_map(|pid| identify(*pid)).collect::<Vec<_>>()),
    }
    deltas.extend(fuse.finish(&mut live, true).into_iter().filter(|d| !matches!(d, Delta::Born { .. })));
    Ok(deltas)
}
