//! The inits under test and their differences.

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
    /// The command line. A peer starts a child and ends with it. The child reads standard input, which ends with the
    /// test, so that it ends even without a pid namespace.
    pub fn command(self) -> &'static [&'static str] {
        match self {
            Init::PauseInit => &["pause"],
            Init::Catatonit => &["catatonit", "--", "/bin/cat"],
            Init::Tini => &["tini", "--", "/bin/cat"],
        }
    }

    /// A descriptor of the program, to execute.
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

    /// Its exit status after a signal that ends it. A peer passes the signal on and ends like its child.
    pub fn exit_status_after(self, pid: Pid, signal: Signal) -> WaitStatus {
        let code = if self == Init::PauseInit { 0 } else { 128 + signal as i32 };
        WaitStatus::Exited(pid, code)
    }

    /// True if only the children that stay are left: the actor and, for a peer, its command.
    pub fn keeps_only(self, children: &[Stat]) -> bool {
        match self {
            Init::PauseInit => children.len() == 1,
            _ => children.len() == 2 && children.iter().any(|child| child.comm == "cat"),
        }
    }
}
