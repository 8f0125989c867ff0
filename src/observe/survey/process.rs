//! Reads one process: its facts, its threads, its open files and its sockets.

use std::collections::HashMap;
use std::ffi::CStr;
use std::io::Write as _;
use std::os::fd::{AsFd as _, OwnedFd};

use nix::errno::Errno;
use nix::fcntl::{OFlag, open, openat};
use nix::sys::signal::kill;
use nix::sys::stat::{Mode, fstat};
use nix::unistd::Pid;

use super::seen::{NetOfSocket, OpenNamespace, Sighting, Socket, ThreadNamespace, count};
use crate::model::{Looked, NsKind};
use crate::observe::hierarchy;
use crate::observe::proc::parse::{decimal, inode, namespace};
use crate::observe::proc::{Depth, Reader, Reading, Unread};
use crate::sys::directory::{names, next_entries, read_link};
use crate::sys::{nsfs, pidfd};

/// The kinds in which a thread can differ from its process. The others cannot: a thread cannot have a user namespace
/// (`unshare(2)`, `setns(2)`: `EINVAL`), a time namespace (`EUSERS`) or a pid namespace of its own.
const OF_THREADS: [(NsKind, &str); 5] = [
    (NsKind::Cgroup, "ns/cgroup"),
    (NsKind::Ipc, "ns/ipc"),
    (NsKind::Mnt, "ns/mnt"),
    (NsKind::Net, "ns/net"),
    (NsKind::Uts, "ns/uts"),
];
/// The kinds that a thread can have set for its next children.
const FOR_CHILDREN: [(NsKind, &str); 2] =
    [(NsKind::Pid, "ns/pid_for_children"), (NsKind::Time, "ns/time_for_children")];

const DIRECTORY: OFlag = OFlag::O_RDONLY.union(OFlag::O_DIRECTORY).union(OFlag::O_CLOEXEC);

/// One of the threads that read `/proc`.
pub struct ProcessReader {
    reader: Reader,
    proc: Result<OwnedFd, Errno>,
    entries: Vec<u8>,
    link: [u8; 256],
    /// The namespaces of sockets, which several processes can have, by inode number.
    sockets: HashMap<u64, NetOfSocket>,
    /// A socket's cookie is the unique number of its network namespace (Linux 6.18).
    has_unique_ids: bool,
    with_holders: bool,
}

impl ProcessReader {
    /// `with_holders`: look at threads, open files and sockets too.
    pub fn new(with_holders: bool) -> Self {
        let flags = OFlag::O_PATH | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC;
        let own = open("/proc/self/ns/net", OFlag::O_RDONLY | OFlag::O_CLOEXEC, Mode::empty());
        Self {
            reader: Reader::default(),
            proc: open("/proc", flags, Mode::empty()),
            entries: vec![0; 32 << 10],
            link: [0; 256],
            sockets: HashMap::new(),
            has_unique_ids: own.is_ok_and(|own| nsfs::unique_id(own).is_ok()),
            with_holders,
        }
    }

    pub fn read(&mut self, pid: u32) -> Sighting {
        let flags = OFlag::O_PATH | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC;
        let opened = match &self.proc {
            Ok(proc) => openat(proc, decimal(pid, &mut [0; 11]), flags, Mode::empty()).map_err(Unread::from),
            Err(e) => Err(Unread::Failed(*e)),
        };
        let dir = match opened {
            Ok(dir) => dir,
            // where /proc hides processes, kill(2) still tells that this one exists
            Err(Unread::Gone) if kill(Pid::from_raw(pid as i32), None) == Err(Errno::EPERM) => {
                return Sighting::new(pid, Err(Unread::Denied));
            }
            Err(why) => return Sighting::new(pid, Err(why)),
        };
        let mut sighting = Sighting::new(pid, self.reader.read_below(&dir, Depth::Once));
        if self.with_holders {
            self.read_holders(&dir, &mut sighting);
        }
        sighting
    }

    fn read_holders(&mut self, dir: &OwnedFd, sighting: &mut Sighting) {
        let Ok(reading) = &sighting.reading else { return };
        let other_threads = reading.stat.threads.saturating_sub(1);
        if reading.denied {
            // what needs the same permission as the links would be denied too
            let looked = |found| Looked { found, denied: found, ..Looked::default() };
            (sighting.threads_looked, sighting.files_looked) = (looked(other_threads), looked(1));
            return;
        }
        let is_zombie = !reading.stat.has_memory();
        if !is_zombie {
            let mut add = |ns| sighting.threads.push(ns);
            for_children(dir, "", sighting.pid, reading, &mut self.link, &mut add);
        }
        if other_threads > 0 {
            sighting.threads_looked = self.read_threads(dir, sighting.pid, reading, &mut sighting.threads);
        }
        // a zombie has closed its files, unless it has other threads, which share them; kernel threads have none
        if !reading.stat.is_kernel_thread() && !reading.stat.is_dead() {
            let outcome = self.read_files(dir, sighting);
            count(&mut sighting.files_looked, outcome);
        }
    }

    /// Reads the namespaces of all threads but the first.
    fn read_threads(&mut self, dir: &OwnedFd, pid: u32, reading: &Reading, found: &mut Vec<ThreadNamespace>) -> Looked {
        let mut looked = Looked::default();
        let tasks = match openat(dir, c"task", DIRECTORY, Mode::empty()).map_err(Unread::from) {
            Ok(tasks) => tasks,
            Err(why) => {
                for _ in 1..reading.stat.threads {
                    count(&mut looked, Err(why));
                }
                return looked;
            }
        };
        while let Ok(entries) = next_entries(&tasks, &mut self.entries)
            && !entries.is_empty()
        {
            for name in names(entries) {
                let Some(tid) = number(name).filter(|tid| *tid != pid) else { continue };
                let at = format!("{tid}/");
                let mut outcome = Ok(());
                for (kind, link) in OF_THREADS {
                    match read_at(&tasks, &at, link, &mut self.link) {
                        Ok(Some(ino)) if reading.links[kind as usize] != Some(ino) => {
                            found.push(ThreadNamespace { tid, kind, ino, unique: None, for_children: false });
                        }
                        Ok(_) => {}
                        Err(why) => outcome = Err(why),
                    }
                }
                for_children(&tasks, &at, tid, reading, &mut self.link, &mut |ns| found.push(ns));
                count(&mut looked, outcome);
            }
        }
        looked
    }

    fn read_files(&mut self, dir: &OwnedFd, sighting: &mut Sighting) -> Result<(), Unread> {
        let files = openat(dir, c"fd", DIRECTORY, Mode::empty())?;
        let mut sockets = Vec::new();
        loop {
            let entries = next_entries(&files, &mut self.entries)?;
            if entries.is_empty() {
                break;
            }
            // a short answer was the last one
            let was_last = entries.len() < LAST;
            for name in names(entries) {
                let Some(fd) = number(name) else { continue };
                let Ok(link) = read_link(&files, name, &mut self.link) else { continue };
                if let Some((kind, ino)) = namespace(link) {
                    sighting.files.push(OpenNamespace { fd, kind, ino });
                } else if link.starts_with(b"socket:[") {
                    sockets.extend(inode(link).map(|ino| (fd, ino)));
                }
            }
            if was_last {
                break;
            }
        }
        self.read_sockets(&sockets, sighting);
        Ok(())
    }

    /// Finds the network namespace of sockets, given as (fd, inode number).
    fn read_sockets(&mut self, sockets: &[(u32, u64)], sighting: &mut Sighting) {
        if sockets.is_empty() {
            return;
        }
        let process = pidfd::open(sighting.pid).map_err(Unread::from);
        for (fd, ino) in sockets {
            let net = match (self.sockets.get(ino), &process) {
                (Some(known), _) => Ok(*known),
                (None, Ok(process)) => net_of_socket(process, *fd, *ino, self.has_unique_ids),
                (None, Err(why)) => Err(*why),
            };
            if let Ok(net) = net {
                self.sockets.insert(*ino, net);
                sighting.sockets.push(Socket { fd: *fd, net });
            }
            count(&mut sighting.sockets_looked, net.map(|_| ()));
        }
    }
}

/// So many bytes of entries that one more may not have had room in the buffer.
const LAST: usize = 16 << 10;

/// Reads the pid and time namespaces of a thread's next children, if they are others than its process is in.
fn for_children(
    dir: &OwnedFd,
    at: &str,
    tid: u32,
    reading: &Reading,
    buffer: &mut [u8],
    add: &mut impl FnMut(ThreadNamespace),
) {
    for (kind, link) in FOR_CHILDREN {
        // before the first child there is no link, since that namespace has no process 1 yet
        if let Ok(Some(ino)) = read_at(dir, at, link, buffer)
            && reading.links[kind as usize] != Some(ino)
        {
            add(ThreadNamespace { tid, kind, ino, unique: None, for_children: true });
        }
    }
}

fn read_at(dir: &OwnedFd, at: &str, link: &str, buffer: &mut [u8]) -> Result<Option<u64>, Unread> {
    let mut path = [0_u8; 64];
    let written = write!(&mut path[..63], "{at}{link}");
    debug_assert!(written.is_ok(), "a thread id and a short name");
    let path = CStr::from_bytes_until_nul(&path).unwrap_or_default();
    Ok(inode(read_link(dir, path, buffer)?))
}

/// Asks a socket of another process for its network namespace. The copy of the descriptor shares the socket, and
/// nothing is done with it.
fn net_of_socket(process: &OwnedFd, fd: u32, ino: u64, has_unique_ids: bool) -> Result<NetOfSocket, Unread> {
    let socket = pidfd::copy_file(process, fd).map_err(|e| match e {
        // closed meanwhile
        Errno::EBADF => Unread::Gone,
        other => other.into(),
    })?;
    // the number may have been reused since its link was read
    if fstat(&socket)?.st_ino != ino {
        return Err(Unread::Gone);
    }
    if has_unique_ids {
        return Ok(NetOfSocket::Unique(nsfs::cookie_of_socket(&socket)?));
    }
    let net = nsfs::of_socket(socket.as_fd())?;
    hierarchy::identify(&net).map(|ns| NetOfSocket::Inode(ns.ino)).ok_or(Unread::Gone)
}

fn number(name: &CStr) -> Option<u32> {
    name.to_str().ok()?.parse().ok()
}
