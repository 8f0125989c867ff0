//! The inits under test, and how they differ.

use super::process::Stat;
use nix::{
    sys::{
        memfd::{MFdFlags, memfd_create},
        signal::Signal,
        wait::WaitStatus,
    },
    unistd::{Pid, write},
};
use std::{fs::File, os::fd::OwnedFd, sync::OnceLock};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::enum_variant_names, reason = "their own names")]
pub enum Init {
    PauseInit,
    Catatonit,
    Tini,
}

impl Init {
    /// The peers end with a child of theirs, which they start first. It reads a standard input that
    /// ends with the test, so that it does too where no pid namespace takes it along.
    pub fn command(self) -> &'static [&'static str] {
        match self {
            Init::PauseInit => &["pause"],
            Init::Catatonit => &["catatonit", "--", "/bin/cat"],
            Init::Tini => &["tini", "--", "/bin/cat"],
        }
    }

    /// The program, as a descriptor to execute.
    pub fn program(self) -> OwnedFd {
        static PAUSE: OnceLock<OwnedFd> = OnceLock::new();
        let (path, package) = match self {
            Init::PauseInit => {
                let memfd = PAUSE.get_or_init(|| {
                    let memfd = memfd_create(c"pause", MFdFlags::MFD_CLOEXEC).expect("memfd_create");
                    assert_eq!(write(&memfd, pause_init::ELF), Ok(pause_init::ELF.len()));
                    memfd
                });
                return memfd.try_clone().expect("dup");
            }
            Init::Catatonit => ("/usr/bin/catatonit", "catatonit"),
            Init::Tini => ("/usr/bin/tini", "tini"),
        };
        let file = File::open(path);
        file.unwrap_or_else(|e| panic!("{path}: {e}; install the package `{package}`")).into()
    }

    /// How it ends when it is told to: a peer passes the signal on and ends as its child did.
    pub fn end_by(self, pid: Pid, signal: Signal) -> WaitStatus {
        let code = if self == Init::PauseInit { 0 } else { 128 + signal as i32 };
        WaitStatus::Exited(pid, code)
    }

    /// True if these are all children it keeps: the actor and, with a peer, its command.
    pub fn keeps(self, children: &[Stat]) -> bool {
        match self {
            Init::PauseInit => children.len() == 1,
            _ => children.len() == 2 && children.iter().any(|child| child.comm == "cat"),
        }
    }
}
