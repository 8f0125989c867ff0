//! Identifies processes by the pids that the app sees. They come from the host's /proc, which the node opened before
//! it left the host's namespaces.
//!
//! A procfs shows the pids of the namespace that it was mounted in, no matter which process reads it (`proc(5)`).

use std::fs::File;
use std::io::{self, Read as _};
use std::os::fd::{AsRawFd, OwnedFd};

use nix::fcntl::{OFlag, openat, readlinkat};
use nix::sys::stat::Mode;

use crate::model::ProcId;
use crate::procfs::Stat;

#[derive(Debug)]
pub struct HostProc(OwnedFd);

impl HostProc {
    pub fn new(proc: OwnedFd) -> Self {
        Self(proc)
    }

    pub fn myself(&self) -> io::Result<ProcId> {
        let link = readlinkat(&self.0, "self")?;
        self.with_start(link.to_str().and_then(|s| s.parse().ok()))
    }

    /// The process of a pidfd, also while it is a zombie.
    pub fn of_pidfd(&self, pidfd: &OwnedFd) -> io::Result<ProcId> {
        let info = self.read(&format!("self/fdinfo/{}", pidfd.as_raw_fd()))?;
        let pid = String::from_utf8_lossy(&info)
            .lines()
            .find_map(|l| l.strip_prefix("Pid:"))
            .and_then(|v| v.trim().parse().ok());
        self.with_start(pid)
    }

    fn with_start(&self, pid: Option<u32>) -> io::Result<ProcId> {
        let pid = pid.ok_or(io::ErrorKind::InvalidData)?;
        let stat = self.read(&format!("{pid}/stat"))?;
        let stat = Stat::parse(&stat).ok_or(io::ErrorKind::InvalidData)?;
        Ok(ProcId { pid, start: stat.start })
    }

    fn read(&self, path: &str) -> io::Result<Vec<u8>> {
        let fd = openat(&self.0, path, OFlag::O_RDONLY | OFlag::O_CLOEXEC, Mode::empty())?;
        let mut text = Vec::new();
        File::from(fd).read_to_end(&mut text)?;
        Ok(text)
    }
}
