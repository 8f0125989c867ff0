//! Host ports: connections are accepted in the host's network namespace and passed on in the node's.

use std::net::{IpAddr, SocketAddr};
use std::os::fd::OwnedFd;

use nix::sched::CloneFlags;
use nix::sys::prctl;
use nix::sys::signal::Signal as Sig;

use super::event_loop::{Node, PodRun, Role, Timer};
use super::seccomp::Filters;
use super::{process, sandbox};
use crate::lab::controller::Fact;
use crate::lab::ports;
use crate::lab::protocol::Report;
use crate::model::{Delta, EventKind, EventReason, PodEvent, PodUid};
use crate::observe;
use crate::sys::{fork, limits};

/// A publishing process that lived shorter than this is not restarted at once, but after [`RETRY_MS`].
const TOO_SHORT_NS: u64 = 1_000_000_000;
const RETRY_MS: u64 = 1_000;

impl Node {
    /// Handles the app's answer: listening sockets in the order of the spec, or why there are none.
    pub(super) fn ports_bound(&mut self, uid: &PodUid, result: Result<Vec<u16>, String>, sockets: Vec<OwnedFd>) {
        let result = result.map(|to| {
            let asked = self.pods.get(uid).map(PodRun::host_ports);
            if asked.is_some_and(|asked| asked != to) {
                self.decide(uid, Fact::HostPortsMoved { to }, Self::now());
            }
        });
        let Some(run) = self.pods.get_mut(uid) else { return };
        match (result, run.holder) {
            (Ok(()), None) => {
                run.listeners = sockets;
                self.make_sandbox(uid);
            }
            (Ok(()), Some(_)) => {
                run.listeners = sockets;
                if let Err(why) = self.start_ports(uid) {
                    self.ports_failed(uid, why);
                }
            }
            (Err(message), None) => self.decide(uid, Fact::SandboxFailed { message }, Self::now()),
            (Err(why), Some(_)) => self.ports_failed(uid, why),
        }
    }

    /// Starts the process that passes connections on, if the pod has host ports.
    pub(super) fn start_ports(&mut self, uid: &PodUid) -> Result<(), String> {
        let Some(run) = self.pods.get_mut(uid) else { return Ok(()) };
        let listeners = std::mem::take(&mut run.listeners);
        let Some(ip) = run.ip.filter(|_| !listeners.is_empty()) else { return Ok(()) };
        let targets: Vec<(u16, u16)> = run.state.pod.host_ports.clone();
        let pairs: Vec<(OwnedFd, SocketAddr)> = listeners
            .into_iter()
            .zip(&targets)
            .map(|(fd, (_, inside))| (fd, SocketAddr::new(IpAddr::V4(ip), *inside)))
            .collect();
        // it gets none of the node's descriptors: the app's socket would keep the lab alive
        let child = fork::spawn_with_only(&self.alone, CloneFlags::CLONE_NEWNS, pairs, publish)
            .map_err(|e| format!("start the process that publishes its ports: {}", limits::reason(e)))?;
        let pid = child.pid;
        self.register_child(child, Role::Ports(uid.clone()), None, None)
            .map_err(|e| format!("identify the process that publishes its ports: {e}"))?;
        if let Some(run) = self.pods.get_mut(uid) {
            run.ports = Some(pid);
            run.ports_since = observe::now();
        }
        Ok(())
    }

    /// Handles the end of a publishing process. If the pod goes on, a new one is started.
    pub(super) fn ports_ended(&mut self, uid: &PodUid, pid: i32) {
        let Some(run) = self.pods.get_mut(uid) else { return };
        if run.ports_ending.take_if(|ports| *ports == pid).is_some() && std::mem::take(&mut run.ports_wanted) {
            self.ask_for_ports(uid);
            return;
        }
        if run.ports.take_if(|ports| *ports == pid).is_none() {
            return;
        }
        if observe::now().since(run.ports_since) > TOO_SHORT_NS {
            self.retry_ports(uid);
        } else {
            self.add_timer(RETRY_MS, Timer::Ports(uid.clone()));
        }
    }

    pub(super) fn retry_ports(&mut self, uid: &PodUid) {
        let Some(run) = self.pods.get(uid) else { return };
        if run.holder.is_some() && run.ports.is_none() {
            self.ask_for_ports(uid);
        }
    }

    /// Asks the app to listen on the pod's host ports. Returns whether the pod has any.
    pub(super) fn ask_for_ports(&mut self, uid: &PodUid) -> bool {
        let Some(run) = self.pods.get_mut(uid) else { return false };
        let (ports, may_move) = (run.host_ports(), run.state.spec.ports_may_move);
        let any = !ports.is_empty();
        if any && run.ports_ending.is_some() {
            run.ports_wanted = true;
        } else if any {
            self.report(&Report::Bind { pod: uid.clone(), ports, may_move });
        }
        any
    }

    fn ports_failed(&mut self, uid: &PodUid, message: String) {
        let (kind, reason) = (EventKind::Warning, EventReason::HostPortConflict);
        self.report_delta(Delta::Event {
            event: PodEvent { pod: uid.clone(), kind, reason, message, at: Self::now() },
        });
        self.add_timer(RETRY_MS, Timer::Ports(uid.clone()));
    }
}

/// The main function of the process that passes connections on.
fn publish(pairs: Vec<(OwnedFd, SocketAddr)>) -> i32 {
    // it ends with the node in any case
    let _ = prctl::set_pdeathsig(Sig::SIGKILL);
    // a pod in the node's pid namespace can inspect this process, so it must hold nothing of the host
    let filters = Filters::compile();
    let ready = sandbox::pivot_to_pause_root().and_then(|()| process::confine_in_place(filters.container()));
    if ready.is_err() { 1 } else { ports::serve(pairs) }
}
