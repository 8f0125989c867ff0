//! The engines' pods on real processes and sockets: what real engines run, and what servers answer that the tests write.

#[path = "../shared/docker_daemon.rs"]
mod docker_daemon;

mod appear;
mod containerd;
mod fake;
mod podman;
mod pods;
mod servers;
mod support;
#[path = "../shared/tools.rs"]
mod tools;
