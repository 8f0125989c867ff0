//! Reads `/proc/PID`. All files of one reading are of the same process: they are opened below one directory descriptor,
//! which the kernel binds to the process and not to its pid.

mod mounts;
pub(crate) mod parse;
pub(crate) mod signals;
mod unread;

use std::fs::File;
use std::io::Read as _;
use std::os::fd::{AsFd, OwnedFd};

use nix::fcntl::{AT_FDCWD, OFlag, open, openat, readlinkat};
use nix::sys::stat::Mode;
use nix::unistd::read;

use crate::model::{NsKind, State};
use crate::procfs::Stat;

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
    /// `stat`, `status`, `cmdline` and the namespace links.
    All,
    /// `stat`, and the rest only if [`Reading::sched`] differs from this value: a process that has not run has not
    /// changed anything about itself.
    IfRanSince(SchedStat),
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
/// Arguments beyond this many bytes are not read.
const CMDLINE_MAX: u64 = 64 << 10;

impl Reader {
    pub fn read(&mut self, pid: u32, depth: Depth) -> Result<Reading, Unread> {
        match depth {
            Depth::Stat => {
                let stat = self.stat(AT_FDCWD, &format!("/proc/{pid}/stat"))?;
                Ok(Reading { stat, ..Reading::default() })
            }
            Depth::Program => self.read_program(&directory(pid)?, None),
            Depth::All => self.read_all(pid, || ()),
            Depth::IfRanSince(since) => self.read_below(&directory(pid)?, Some(since)),
        }
    }

    /// Reads `stat`. `between` runs after the process's directory is opened and before it is read.
    pub fn read_stat(&mut self, pid: u32, between: impl FnOnce()) -> Result<Stat, Unread> {
        let dir = directory(pid)?;
        between();
        self.stat(&dir, "stat")
    }

    /// Reads everything; `between` as above.
    pub fn read_all(&mut self, pid: u32, between: impl FnOnce()) -> Result<Reading, Unread> {
        let dir = directory(pid)?;
        between();
        self.read_below(&dir, None)
    }

    /// Reads the process of this directory; only `stat` if it has not run since `since`.
    fn read_below(&mut self, dir: &OwnedFd, since: Option<SchedStat>) -> Result<Reading, Unread> {
        let mut reading = self.read_program(dir, since)?;
        if !reading.has_not_run {
            reading.links(dir)?;
        }
        Ok(reading)
    }

    /// As above, without the namespace links.
    fn read_program(&mut self, dir: &OwnedFd, since: Option<SchedStat>) -> Result<Reading, Unread> {
        let sched = self.file(dir, "schedstat").ok().and_then(SchedStat::parse);
        let stat = self.stat(dir, "stat")?;
        // schedstat is of the first thread only
        let sched = sched.filter(|_| stat.threads == 1);
        let has_not_run = since.is_some() && since == sched;
        let mut reading = Reading { stat, sched, has_not_run, ..Reading::default() };
        if has_not_run {
            return Ok(reading);
        }
        // an incomplete text means that the process was released while it was read
        let mut status = Status::parse(self.file(dir, "status")?).ok_or(Unread::Gone)?;
        if reading.stat.has_memory() && !reading.stat.is_kernel_thread() {
            let asleep = reading.stat.state == State::Sleeping;
            signals::read(dir, asleep, reading.stat.threads, &mut status.signals);
        }
        reading.status = Some(status);
        if reading.stat.has_memory() && !reading.stat.is_kernel_thread() {
            reading.cmdline = self.cmdline(dir)?;
        }
        Ok(reading)
    }

    fn stat(&mut self, dir: impl AsFd, name: &str) -> Result<Stat, Unread> {
        Stat::parse(self.file(dir, name)?).ok_or(Unread::Gone)
    }

    /// Its arguments; empty where they may not be read.
    fn cmdline(&mut self, dir: &OwnedFd) -> Result<Vec<String>, Unread> {
        let open = openat(dir, "cmdline", OFlag::O_RDONLY | OFlag::O_CLOEXEC, Mode::empty());
        self.buf.clear();
        let read = open.map_err(Unread::from).and_then(|fd| {
            // it comes from the process's memory, so one read(2) may return only a part
            Ok(File::from(fd).take(CMDLINE_MAX).read_to_end(&mut self.buf)?)
        });
        match read {
            Ok(_) => Ok(parse::cmdline(&self.buf)),
            Err(e @ Unread::Failed(_)) => Err(e),
            Err(Unread::Gone | Unread::Denied) => Ok(Vec::new()),
        }
    }

    /// Reads a file that the kernel writes as a whole (`seq_file`): a read that does not fill the buffer was the last
    /// one.
    fn file(&mut self, dir: impl AsFd, name: &str) -> Result<&[u8], Unread> {
        let fd = openat(dir, name, OFlag::O_RDONLY | OFlag::O_CLOEXEC, Mode::empty())?;
        self.buf.resize(PAGE, 0);
        let mut len = 0;
        loop {
            let got = read(&fd, &mut self.buf[len..])?;
            len += got;
            if got == 0 || len < self.buf.len() {
                break;
            }
            self.buf.resize(2 * len, 0);
        }
        self.buf.truncate(len);
        Ok(&self.buf)
    }
}

fn directory(pid: u32) -> Result<OwnedFd, Unread> {
    let flags = OFlag::O_PATH | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC;
    Ok(open(format!("/proc/{pid}").as_str(), flags, Mode::empty())?)
}

impl Reading {
    /// Reads the inode number behind each link. Kernel threads have namespaces too.
    fn links(&mut self, dir: &OwnedFd) -> Result<(), Unread> {
        for kind in NsKind::ALL {
            // a zombie keeps only its user and pid namespaces
            if !self.stat.has_memory() && !matches!(kind, NsKind::User | NsKind::Pid) {
                continue;
            }
            match readlinkat(dir, parse::NS_LINKS[kind as usize]).map_err(Unread::from) {
                Ok(text) => self.links[kind as usize] = text.to_str().and_then(parse::inode),
                Err(Unread::Denied) => {
                    // the other links would fail too
                    self.denied = true;
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
