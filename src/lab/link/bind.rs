//! Host ports: bound by the app, which is in the host's network namespace, for the node, which is not.

use std::collections::BTreeSet;
use std::io::ErrorKind;
use std::net::{Ipv4Addr, TcpListener};
use std::os::fd::OwnedFd;

use crate::sys::limits;

/// A listener on the host's loopback for each port, or why one cannot be had. A node that was taken over by a pod gets
/// no port that its user has not `named` in a manifest.
pub(super) fn all(ports: &[u16], named: &BTreeSet<u16>) -> (Result<(), String>, Vec<OwnedFd>) {
    let mut sockets = Vec::new();
    for port in ports {
        if !named.contains(port) {
            return (Err(format!("no manifest names host port {port}: it is not published")), Vec::new());
        }
        match TcpListener::bind((Ipv4Addr::LOCALHOST, *port)) {
            Ok(socket) => sockets.push(socket.into()),
            Err(e) => return (Err(why(*port, &e)), Vec::new()),
        }
    }
    (Ok(()), sockets)
}

fn why(port: u16, e: &std::io::Error) -> String {
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

    #[test]
    fn only_ports_of_manifests_are_bound() {
        let free = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).and_then(|l| l.local_addr()).expect("a port").port();
        let (result, sockets) = all(&[free], &BTreeSet::new());
        assert!(result.is_err_and(|why| why.contains("no manifest names")) && sockets.is_empty());
        let (result, sockets) = all(&[free], &BTreeSet::from([free]));
        assert_eq!((result, sockets.len()), (Ok(()), 1));
    }
}
