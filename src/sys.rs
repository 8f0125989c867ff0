//! System calls. The only module with unsafe code.
#![allow(unsafe_code)]

pub mod bpf;
pub mod caps;
pub mod connector;
pub mod directory;
pub mod executable;
pub mod fd_passing;
pub mod fork;
#[cfg(feature = "window")]
pub mod kept_frame;
pub mod keyring;
pub mod limits;
pub mod mount;
pub mod mount_list;
pub mod nsfs;
pub mod pidfd;
pub mod pty;
pub mod random;
pub mod seccomp;
pub mod signals;
pub mod thread;
pub mod wait;
