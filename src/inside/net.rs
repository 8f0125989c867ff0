//! What is in a network namespace.

use std::collections::BTreeSet;

use super::entry::Entry;
use super::process::SocketOwners;
use super::request::Target;
use super::{finding, interfaces, sockets, unix_diag};
use crate::model::inside::NetContent;
use crate::model::{Finding, NsKind, ProcId};

/// Reads it. Its sockets can be read without joining it, its interfaces cannot.
pub fn read(entry: &mut Entry, process: ProcId, target: &Target) -> NetContent {
    let joined = entry.join(process, NsKind::Net, target.ino);
    let (interfaces, routes) = match joined {
        Ok(()) => {
            let found = interfaces::read();
            (finding(found.interfaces), finding(found.routes))
        }
        Err(why) => (finding(Err(why)), finding(Err(why))),
    };
    let dir = if joined.is_ok() { "/proc/self/net".to_owned() } else { format!("/proc/{}/net", process.pid) };
    let mut sockets = finding(sockets::read(&dir));
    let mut unix = finding(sockets::read_unix(&dir));
    let mut unix_connections = finding(joined.and_then(|()| unix_diag::read()));
    let mut wanted = BTreeSet::new();
    let ends = unix_connections.known().into_iter().flat_map(|all| &all.items);
    wanted.extend(ends.flat_map(|connection| [connection.client.inode, connection.server.inode]));
    wanted.extend(sockets.known().into_iter().flat_map(|all| all.items.iter().map(|socket| socket.inode)));
    wanted.extend(unix.known().into_iter().flat_map(|all| all.items.iter().map(|socket| socket.inode)));
    // the inode number of a socket that no process has
    wanted.remove(&0);
    let owners = SocketOwners::find(&target.processes, &wanted);
    if let Finding::Known(all) = &mut sockets {
        all.items.iter_mut().for_each(|socket| socket.owners = owners.of(socket.inode));
    }
    if let Finding::Known(all) = &mut unix {
        all.items.iter_mut().for_each(|socket| socket.owners = owners.of(socket.inode));
    }
    if let Finding::Known(all) = &mut unix_connections {
        for end in all.items.iter_mut().flat_map(|connection| [&mut connection.client, &mut connection.server]) {
            end.owners = owners.of(end.inode);
        }
        // a pair of one process tells nothing of who talks to whom
        all.items.retain(|c| c.path.is_some() || c.client.owners != c.server.owners);
    }
    NetContent { interfaces, routes, sockets, unix, unix_connections, closed_processes: owners.closed }
}
