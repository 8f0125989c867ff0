//! Binds host ports for the node. The app does it because it is in the host's network namespace, and the node is not.

use std::collections::BTreeMap;
use std::io::{self, ErrorKind};
use std::net::{Ipv4Addr, TcpListener};
use std::os::fd::OwnedFd;

use crate::lab::spec::PodSpec;
use crate::sys::limits;

/// If a port is taken, this many ports above it are tried, then any free port.
const NEARBY_PORTS: u16 = 20;
/// How many ports may be bound at most. This limits a node that a pod has taken over.
const MAX_PORTS: usize = 512;

/// The host ports that manifests name, and the ports that were bound in their place. The node gets no others: it is not
/// trusted, since a pod may have taken it over.
#[derive(Debug, Default)]
pub(super) struct AllowedPorts {
    /// Each port, and whether another may be bound in its place.
    named: BTreeMap<u16, bool>,
}

impl AllowedPorts {
    /// Allows the host ports that a manifest names.
    pub(super) fn allow(&mut self, spec: &PodSpec) {
        for (port, _) in spec.host_ports() {
            *self.named.entry(port).or_default() |= spec.ports_may_move;
        }
    }

    /// Binds a listener on the host's loopback for each port. Returns the bound ports and sockets, or why one failed.
    pub(super) fn bind(&mut self, ports: &[u16], may_move: bool) -> (Result<Vec<u16>, String>, Vec<OwnedFd>) {
        let (mut bound, mut sockets) = (Vec::new(), Vec::new());
        for port in ports {
            match self.bind_one(*port, may_move, ports) {
                Ok((port, socket)) => {
                    bound.push(port);
                    sockets.push(socket.into());
                }
                Err(why) => return (Err(why), Vec::new()),
            }
        }
        (Ok(bound), sockets)
    }

    fn bind_one(&mut self, port: u16, may_move: bool, together: &[u16]) -> Result<(u16, TcpListener), String> {
        let Some(movable) = self.named.get(&port) else {
            return Err(format!("no manifest names host port {port}: it is not published"));
        };
        let may_move = may_move && *movable && self.named.len() < MAX_PORTS;
        match listen(port) {
            Ok(socket) => Ok((port, socket)),
            Err(e) if e.kind() == ErrorKind::AddrInUse && may_move => {
                let (other, socket) = self.bind_another(port, together).map_err(|e| explain(port, &e))?;
                // the pod keeps the new port for as long as it is free
                self.named.insert(other, true);
                Ok((other, socket))
            }
            Err(e) => Err(explain(port, &e)),
        }
    }

    /// Binds the next free port that no manifest names.
    fn bind_another(&self, port: u16, together: &[u16]) -> io::Result<(u16, TcpListener)> {
        let near = (1..=NEARBY_PORTS).filter_map(|n| port.checked_add(n));
        let mut free = near.filter(|p| !together.contains(p) && !self.named.contains_key(p));
        let found = free.find_map(|p| Some((p, listen(p).ok()?)));
        found.map_or_else(|| listen(0).and_then(|socket| Ok((socket.local_addr()?.port(), socket))), Ok)
    }
}

fn listen(port: u16) -> io::Result<TcpListener> {
    TcpListener::bind((Ipv4Addr::LOCALHOST, port))
}

fn explain(port: u16, e: &std::io::Error) -> String {
    let way_out = match e.kind() {
        ErrorKind::AddrInUse => "address already in use; end what listens there or choose another hostPort",
        ErrorKind::PermissionDenied => {
            "permission denied; choose a hostPort from 1024 on (sysctl net.ipv4.ip_unprivileged_port_start)"
        }
        _ => return format!("cannot publish host port 127.0.0.1:{port}: {}", limits::reason_of(e)),
    };
    format!("cannot publish host port 127.0.0.1:{port}: {way_out}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn taken() -> (u16, TcpListener) {
        let listener = listen(0).expect("a port");
        (listener.local_addr().expect("its address").port(), listener)
    }

    fn allowed(named: &[(u16, bool)]) -> AllowedPorts {
        AllowedPorts { named: named.iter().copied().collect() }
    }

    #[test]
    fn only_ports_of_manifests_are_bound() {
        let (free, listener) = taken();
        drop(listener);
        let (result, sockets) = allowed(&[]).bind(&[free], true);
        assert!(result.is_err_and(|why| why.contains("no manifest names")) && sockets.is_empty());
        let (result, sockets) = allowed(&[(free, false)]).bind(&[free], false);
        assert_eq!((result, sockets.len()), (Ok(vec![free]), 1));
    }

    #[test]
    fn a_taken_port_moves_only_if_manifest_and_pod_allow_it() {
        let (port, _listener) = taken();
        for (movable, may_move) in [(false, true), (true, false), (false, false)] {
            let (result, sockets) = allowed(&[(port, movable)]).bind(&[port], may_move);
            assert!(result.is_err_and(|why| why.contains("address already in use")) && sockets.is_empty());
        }
        let mut all = allowed(&[(port, true)]);
        let (result, sockets) = all.bind(&[port], true);
        let moved = result.expect("another port")[0];
        assert_ne!(moved, port);
        let bound = TcpListener::from(sockets.into_iter().next().expect("a socket"));
        assert_eq!(bound.local_addr().expect("its address").port(), moved);
        // the pod asks for the port that it had
        drop(bound);
        assert_eq!(all.bind(&[moved], true).0, Ok(vec![moved]));
    }

    #[test]
    fn a_port_does_not_move_to_one_that_a_manifest_names() {
        let (port, _listener) = taken();
        let next = port.checked_add(1).expect("a port below the last");
        let mut all = allowed(&[(port, true), (next, true)]);
        let (result, _sockets) = all.bind(&[port, next], true);
        let bound = result.expect("other ports");
        assert!(bound[0] != next && bound[0] != bound[1], "{bound:?}");
    }

    #[test]
    fn the_number_of_ports_is_limited() {
        let (port, _listener) = taken();
        let mut all = allowed(&[(port, true)]);
        let mut held = Vec::new();
        while let (Ok(_), sockets) = all.bind(&[port], true) {
            held.extend(sockets);
            assert!(held.len() <= MAX_PORTS);
        }
        assert!(all.named.len() <= MAX_PORTS);
    }
}
