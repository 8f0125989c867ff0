//! Reading `/proc/PID`: all files of one reading are of the same process, since they are opened below one
//! directory descriptor, which the kernel binds to the process and not to its pid.

mod mounts;
mod parse;
mod signals;

use std::fs::File;
use std::io::Read as _;
use std::os::fd::OwnedFd;

use nix::errno::Errno;
use nix::fcntl::{OFlag, open, openat, readlinkat};
use nix::sys::stat::Mode;

use crate::model::{NsKind, State};

pub use mounts::hidepid;
pub use parse::{Stat, Status};

/// How much of a process to read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Depth {
    /// `stat` alone.
    Stat,
    /// `stat`, `status`, `cmdline` and the namespace links.
    All,
}

/// What was read of a process.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reading {
    pub stat: Stat,
    /// `None` when not asked for.
    pub status: Option<Status>,
    pub cmdline: Vec<String>,
    /// Inode of each namespace, in the order of [`NsKind::ALL`].
    pub links: [Option<u64>; 8],
    /// The links need ptrace access that we do not have (`EACCES`).
    pub denied: bool,
}

/// Reads with one buffer that is kept.
#[derive(Debug, Default)]
pub struct Reader {
    buf: Vec<u8>,
}

/// Arguments beyond this many bytes are not read.
const CMDLINE_MAX: u64 = 64 << 10;

impl Reader {
    /// `None` when nobody has this pid, or it is hidden from us.
    pub fn read(&mut self, pid: u32, depth: Depth) -> Option<Reading> {
        if depth == Depth::Stat {
            let file = File::open(format!("/proc/{pid}/stat")).ok()?;
            return Some(Reading { stat: Stat::parse(self.slurp(file, u64::MAX)?)?, ..Reading::default() });
        }
        self.read_all(pid, || ())
    }

    /// Reads all; `between` runs after the process's directory is open and before it is read from.
    pub fn read_all(&mut self, pid: u32, between: impl FnOnce()) -> Option<Reading> {
        let dir =
            open(format!("/proc/{pid}").as_str(), OFlag::O_PATH | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC, Mode::empty())
                .ok()?;
        between();
        let stat = Stat::parse(self.file(&dir, "stat", u64::MAX)?)?;
        let mut reading = Reading { stat, ..Reading::default() };
        // readable for all whose `stat` is: without it the process went away in between
        let mut status = Status::parse(self.file(&dir, "status", u64::MAX)?)?;
        if reading.stat.has_memory() && !reading.stat.is_kernel_thread() {
            let asleep = reading.stat.state == State::Sleeping;
            signals::read(&dir, asleep, reading.stat.threads, &mut status.signals);
        }
        reading.status = Some(status);
        if !reading.stat.is_kernel_thread() {
            if reading.stat.has_memory() {
                let cmdline = self.file(&dir, "cmdline", CMDLINE_MAX).unwrap_or_default();
                reading.cmdline = parse::cmdline(cmdline);
            }
            for kind in NsKind::ALL {
                // a zombie keeps only these two
                if !reading.stat.has_memory() && !matches!(kind, NsKind::User | NsKind::Pid) {
                    continue;
                }
                match readlinkat(&dir, parse::NS_LINKS[kind as usize]) {
                    Ok(text) => reading.links[kind as usize] = text.to_str().and_then(parse::inode),
                    Err(Errno::EACCES | Errno::EPERM) => {
                        // the same answer awaits the other seven
                        reading.denied = true;
                        break;
                    }
                    Err(_) => {}
                }
            }
        }
        Some(reading)
    }

    fn file(&mut self, dir: &OwnedFd, name: &str, limit: u64) -> Option<&[u8]> {
        let fd = openat(dir, name, OFlag::O_RDONLY | OFlag::O_CLOEXEC, Mode::empty()).ok()?;
        self.slurp(File::from(fd), limit)
    }

    fn slurp(&mut self, file: File, limit: u64) -> Option<&[u8]> {
        self.buf.clear();
        file.take(limit).read_to_end(&mut self.buf).ok()?;
        Some(&self.buf)
    }
}

/// Every pid that /proc shows now.
pub fn pids() -> std::io::Result<Vec<u32>> {
    let mut pids = Vec::new();
    for entry in std::fs::read_dir("/proc")? {
        if let Some(pid) = entry?.file_name().to_str().and_then(|name| name.parse().ok()) {
            pids.push(pid);
        }
    }
    Ok(pids)
}
