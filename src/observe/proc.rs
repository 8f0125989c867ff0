//! Reads `/proc/PID`. All files of one reading are of the same process: they are opened below one directory descriptor,
//! which the kernel binds to the process and not to its pid.

mod missing;
mod mounts;
pub(crate) mod parse;
pub(crate) mod signals;
mod unread;

use std::os::fd::{AsFd, OwnedFd};

use nix::NixPath;
use nix::fcntl::{AT_FDCWD, OFlag, open, openat};
use nix::sys::stat::Mode;
use nix::unistd::read;

use crate::model::{NsKind, State, WaitStatus};
use crate::procfs::Stat;
use crate::sys::directory::{names, next_entries, read_link};

pub use missing::{Missing, Supplement};
pub use mounts::hidepid;
pub use parse::{SchedStat, Status};
pub use unread::Unread;

/// How much of a process to read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Depth {
    /// `stat` alone.
    Stat,
    /// `stat`, `status` and `cmdline`: what an exec changes.
    Program,
    /// `stat`, `status`, `cmdline` and the namespace links, without what serves only to follow the process: whether it
    /// has run, and for which signals it waits.
    Once,
    /// All of it.
    All,
    /// `stat`, and the rest only if [`Reading::sched`] differs from `since`: a process that has not run has not changed
    /// anything about itself. Others can move it to another cgroup: with `cgroup` that is read in any case.
    IfRanSince { since: SchedStat, cgroup: bool },
}

/// What was read about a process.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reading {
    pub stat: Stat,
    /// `None` when it was not to be read.
    pub status: Option<Status>,
    pub cmdline: Vec<String>,
    /// Inode of each namespace, in the order of [`NsKind::ALL`].
    pub links: [Option<u64>; 8],
    /// Its cgroup in the hierarchy of version 2. `None` if it was not read, or if there is none.
    pub cgroup: Option<String>,
    /// The links need ptrace access that we do not have (`EACCES`).
    pub denied: bool,
    /// How much it had run before the rest was read. `None` where the kernel does not count it, and with several
    /// threads.
    pub sched: Option<SchedStat>,
    /// It has not run since the last reading, so only `stat` was read.
    pub has_not_run: bool,
}

/// Reads /proc; reuses one buffer.
#[derive(Debug, Default)]
pub struct Reader {
    buf: Vec<u8>,
}

/// First size of the buffer: most files of a process are shorter.
const PAGE: usize = 4096;
/// How much of the list of cgroups is read. The one of version 2 is the last.
const CGROUP_MAX: usize = 64 << 10;
/// Arguments beyond this many bytes are not read.
const CMDLINE_MAX: usize = 64 << 10;

impl Reader {
    pub fn read(&mut self, pid: u32, depth: Depth) -> Result<Reading, Unread> {
        match depth {
            Depth::Stat => {
                let stat = self.stat(AT_FDCWD, format!("/proc/{pid}/stat").as_str())?;
                Ok(Reading { stat, ..Reading::default() })
            }
            depth => self.read_below(&directory(pid)?, depth),
        }
    }

    /// Reads `stat`. `between` runs after the process's directory is opened and before it is read.
    pub fn read_stat(&mut self, pid: u32, between: impl FnOnce()) -> Result<Stat, Unread> {
        let dir = directory(pid)?;
        between();
        self.stat(&dir, c"stat")
    }

    /// Reads everything; `between` as above.
    pub fn read_all(&mut self, pid: u32, between: impl FnOnce()) -> Result<Reading, Unread> {
        let dir = directory(pid)?;
        between();
        self.read_below(&dir, Depth::All)
    }

    /// Reads the process of this directory.
    pub fn read_below(&mut self, dir: &OwnedFd, depth: Depth) -> Result<Reading, Unread> {
        let follows = depth != Depth::Once;
        let sched = if follows { self.file(dir, c"schedstat", PAGE).ok().and_then(SchedStat::parse) } else { None };
        let stat = self.stat(dir, c"stat")?;
        // schedstat is of the first thread only
        let sched = sched.filter(|_| stat.threads == 1);
        let has_not_run = matches!(depth, Depth::IfRanSince { since, .. } if sched == Some(since));
        let mut reading = Reading { stat, sched, has_not_run, ..Reading::default() };
        let with_cgroup = match depth {
            Depth::All => true,
            Depth::IfRanSince { cgroup, .. } => cgroup || !has_not_run,
            Depth::Stat | Depth::Program | Depth::Once => false,
        };
        if with_cgroup {
            reading.cgroup = self.file(dir, c"cgroup", CGROUP_MAX).ok().and_then(parse::cgroup);
        }
        if has_not_run {
            return Ok(reading);
        }
        // an incomplete text means that the process was released while it was read
        let mut status = Status::parse(self.file(dir, c"status", usize::MAX)?).ok_or(Unread::Gone)?;
        if follows && reading.stat.has_memory() && !reading.stat.is_kernel_thread() {
            let asleep = reading.stat.state == State::Sleeping;
            signals::read(dir, asleep, reading.stat.threads, &mut status.signals);
        }
        reading.status = Some(status);
        if reading.stat.has_memory() && !reading.stat.is_kernel_thread() {
            reading.cmdline = self.cmdline(dir, c"cmdline")?;
        }
        if depth != Depth::Program {
            self.links(dir, &mut reading)?;
        }
        Ok(reading)
    }

    fn stat<P: ?Sized + NixPath>(&mut self, dir: impl AsFd, name: &P) -> Result<Stat, Unread> {
        Stat::parse(self.file(dir, name, usize::MAX)?).ok_or(Unread::Gone)
    }

    /// Its arguments; empty where they may not be read.
    fn cmdline<P: ?Sized + NixPath>(&mut self, dir: impl AsFd, name: &P) -> Result<Vec<String>, Unread> {
        match self.file(dir, name, CMDLINE_MAX) {
            Ok(text) => Ok(parse::cmdline(text)),
            Err(e @ Unread::Failed(_)) => Err(e),
            Err(Unread::Gone | Unread::Denied) => Ok(Vec::new()),
        }
    }

    /// Reads a file that the kernel writes as a whole, as far as there is room: a read that does not fill the buffer was
    /// the last one (`seq_read_iter` in fs/seq_file.c, `get_mm_cmdline` in fs/proc/base.c). At most `most` bytes.
    fn file<P: ?Sized + NixPath>(&mut self, dir: impl AsFd, name: &P, most: usize) -> Result<&[u8], Unread> {
        let fd = openat(dir, name, OFlag::O_RDONLY | OFlag::O_CLOEXEC, Mode::empty())?;
        self.buf.resize(PAGE, 0);
        let mut len = 0;
        loop {
            let got = read(&fd, &mut self.buf[len..])?;
            len += got;
            if got == 0 || len < self.buf.len() || len >= most {
                break;
            }
            self.buf.resize(2 * len, 0);
        }
        self.buf.truncate(len.min(most));
        Ok(&self.buf)
    }

    /// Reads the inode number behind each link. Kernel threads have namespaces too.
    fn links(&mut self, dir: &OwnedFd, reading: &mut Reading) -> Result<(), Unread> {
        self.buf.resize(PAGE, 0);
        for kind in NsKind::ALL {
            // a zombie keeps only its user and pid namespaces
            if !reading.stat.has_memory() && !matches!(kind, NsKind::User | NsKind::Pid) {
                continue;
            }
            match read_link(dir, parse::NS_LINKS[kind as usize], &mut self.buf).map_err(Unread::from) {
                Ok(text) => reading.links[kind as usize] = parse::inode(text),
                Err(Unread::Denied) => {
                    // the other links would fail too
                    reading.denied = true;
                    return Ok(());
                }
                // it has exited: its other namespaces can no longer be seen
                Err(Unread::Gone) => {}
                Err(e @ Unread::Failed(_)) => return Err(e),
            }
        }
        Ok(())
    }
}

fn directory(pid: u32) -> Result<OwnedFd, Unread> {
    let flags = OFlag::O_PATH | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC;
    Ok(open(format!("/proc/{pid}").as_str(), flags, Mode::empty())?)
}

impl Reading {
    /// The wait status of a zombie. `None` if we may not know it: without ptrace access the kernel writes zero, and the
    /// links cannot be read either.
    pub fn zombie_status(&self) -> Option<WaitStatus> {
        let may_know = self.stat.exit_code != 0 || self.links.iter().any(Option::is_some);
        (self.stat.is_dead() && may_know).then_some(WaitStatus(self.stat.exit_code))
    }
}

/// Every pid that /proc shows now.
pub fn pids() -> std::io::Result<Vec<u32>> {
    let proc = std::fs::File::open("/proc")?;
    let mut buffer = vec![0; 32 << 10];
    let mut pids = Vec::new();
    loop {
        let entries = next_entries(&proc, &mut buffer)?;
        if entries.is_empty() {
            return Ok(pids);
        }
        pids.extend(names(entries).filter_map(|name| name.to_str().ok()?.parse::<u32>().ok()));
    }
}

#[cfg(test)]
mod tests;
