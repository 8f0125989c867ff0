//! Files and directories of the host, found, checked, and shown to a pod without a way out of it.

use std::collections::BTreeSet;
use std::fs;
use std::io::ErrorKind;
use std::os::fd::OwnedFd;
use std::os::unix::fs::FileTypeExt as _;
use std::path::Path;

use nix::errno::Errno;
use nix::fcntl::{OFlag, OpenHow, ResolveFlag, openat2};
use nix::mount::MsFlags;
use nix::sys::stat::{Mode, SFlag, fstat};
use nix::sys::statfs::{PROC_SUPER_MAGIC, fstatfs};

use super::birth::Failure;
use super::ground::{Protect, mount_, place};
use super::volumes::{proc_path, resolve};
use crate::lab::spec::HostPathType;

/// What is at a path of the host.
pub struct Found {
    pub fd: OwnedFd,
    pub is_file: bool,
}

/// Opens a path of the host, links followed within its root.
pub fn open(host: &OwnedFd, path: &str, kind: HostPathType, what: &str) -> Result<Found, Failure> {
    let fd = match (resolve(host, path), kind) {
        (Ok(fd), _) => fd,
        (Err(Errno::ENOENT), HostPathType::DirectoryOrCreate | HostPathType::FileOrCreate) => {
            let message = format!("{path} is not there, and the lab creates nothing on the host; create it yourself");
            return Err(of_kubelet(what, &message));
        }
        (Err(Errno::ENOENT), kind) if kind != HostPathType::Unset => {
            return Err(of_kubelet(what, &mismatch(path, kind)));
        }
        (Err(e), _) => return Err(Failure::create(&format!("hostPath {path} of {what}"), e)),
    };
    accept(fd, path, kind, what)
}

/// What is at a path, if it may be a pod's and is what it must be.
pub fn accept(fd: OwnedFd, path: &str, kind: HostPathType, what: &str) -> Result<Found, Failure> {
    let mode = fstat(&fd).map_err(|e| Failure::create(&format!("hostPath {path} of {what}"), e))?.st_mode;
    let found = SFlag::from_bits_truncate(mode) & SFlag::S_IFMT;
    let right = match kind {
        HostPathType::Unset => true,
        HostPathType::Directory | HostPathType::DirectoryOrCreate => found == SFlag::S_IFDIR,
        HostPathType::File | HostPathType::FileOrCreate => found == SFlag::S_IFREG,
        HostPathType::Socket => found == SFlag::S_IFSOCK,
        HostPathType::CharDevice => found == SFlag::S_IFCHR,
        HostPathType::BlockDevice => found == SFlag::S_IFBLK,
    };
    if !right {
        return Err(of_kubelet(what, &mismatch(path, kind)));
    }
    let is_file = found == SFlag::S_IFREG;
    if !is_file && found != SFlag::S_IFDIR {
        let it = match found {
            SFlag::S_IFSOCK => "a socket",
            SFlag::S_IFIFO => "a FIFO",
            SFlag::S_IFCHR => "a character device",
            _ => "a block device",
        };
        let never = "pods of the lab get no sockets, FIFOs or devices of the host";
        return Err(failure(format!("hostPath {path} of {what} is {it}: {never}; expected a file or a directory")));
    }
    if is_on_proc(&fd) {
        let never = "pods of the lab see no processes of the host; expected another path";
        return Err(failure(format!("hostPath {path} of {what} is the host's /proc: {never}")));
    }
    Ok(Found { fd, is_file })
}

/// A directory of the pod's own that stays empty, and an empty file: what hides something of the host's.
pub struct Blank {
    pub dir: String,
    pub file: String,
}

/// How many files are looked at for one that is a way out.
const MOST_FILES: usize = 100_000;

/// Shows a directory of the host over what `target` is open on, read-only and as it changes. A mount that is read-only
/// does not keep anyone from connecting to a socket or opening a FIFO below it: an empty file covers each that is there
/// now. The host's /proc below it is hidden.
///
/// Where not every file can be looked at, it is the lower layer of an overlay, in which every socket and FIFO leads to
/// nobody (`Documentation/filesystems/overlayfs.rst`). What changes on the host is then seen late.
pub fn show(from: &OwnedFd, target: &OwnedFd, blank: &Blank) -> Result<(), Errno> {
    let hidden = proc_below(from);
    let mut ways_out = Vec::new();
    let mut left = MOST_FILES;
    if !find_ways_out(Path::new(&proc_path(from)), "", &hidden, &mut left, &mut ways_out) {
        // one lower layer alone is none
        let layers = format!("lowerdir={}:{}", blank.dir, proc_path(from));
        let flags = MsFlags::MS_NOSUID | MsFlags::MS_NODEV | MsFlags::MS_RDONLY;
        return mount_(Some("host"), &proc_path(target), Some("overlay"), flags, Some(&layers));
    }
    let tree = place(from, target, Protect::LockDown)?;
    for (cover, names) in [(&blank.dir, &hidden), (&blank.file, &ways_out)] {
        let cover = open_path(cover)?;
        for below in names {
            match within(&tree, below) {
                Ok(at) => drop(place(&cover, at, Protect::ReadOnly)?),
                // removed since
                Err(Errno::ENOENT) => {}
                Err(e) => return Err(e),
            }
        }
    }
    Ok(())
}

/// What is at a path below a mount, links not followed.
fn within(tree: &OwnedFd, below: &str) -> Result<OwnedFd, Errno> {
    let resolve = ResolveFlag::RESOLVE_IN_ROOT | ResolveFlag::RESOLVE_NO_SYMLINKS | ResolveFlag::RESOLVE_NO_MAGICLINKS;
    openat2(tree, below, OpenHow::new().flags(OFlag::O_PATH | OFlag::O_CLOEXEC).resolve(resolve))
}

/// Finds sockets and FIFOs below a directory, other file systems included; whether all files could be looked at.
fn find_ways_out(dir: &Path, below: &str, hidden: &[String], left: &mut usize, found: &mut Vec<String>) -> bool {
    let entries = match fs::read_dir(dir) {
        Ok(entries) => entries,
        // a directory that cannot be listed may still be entered
        Err(e) => return e.kind() == ErrorKind::NotFound,
    };
    for entry in entries {
        let Ok(entry) = entry else { return false };
        *left = left.saturating_sub(1);
        let (Ok(kind), Ok(name)) = (entry.file_type(), entry.file_name().into_string()) else {
            // a name that cannot be written down here could be anything
            return false;
        };
        let below = format!("{below}/{name}");
        let all = if kind.is_socket() || kind.is_fifo() {
            found.push(below);
            true
        } else if kind.is_dir() && !hidden.contains(&below) {
            find_ways_out(&entry.path(), &below, hidden, left, found)
        } else {
            true
        };
        if !all || *left == 0 {
            return false;
        }
    }
    true
}

/// The host's /proc where it is mounted below a directory, by the path from there.
fn proc_below(dir: &OwnedFd) -> Vec<String> {
    let Ok(base) = fs::read_link(proc_path(dir)) else { return Vec::new() };
    let base = base.display().to_string();
    let mut below = mount_points_below(&base);
    below.retain(|path| open_path(&format!("{base}{path}")).is_ok_and(|fd| is_on_proc(&fd)));
    // one that covers others is enough
    let all = below.clone();
    below.retain(|path| {
        !all.iter().any(|outer| path.strip_prefix(outer.as_str()).is_some_and(|rest| rest.starts_with('/')))
    });
    below
}

/// Where something is mounted below a directory, by the path from there, each once and outer ones first.
pub fn mount_points_below(base: &str) -> Vec<String> {
    let base = base.trim_end_matches('/');
    let text = fs::read_to_string("/proc/self/mountinfo").unwrap_or_default();
    let points = text.lines().filter_map(|line| line.split(' ').nth(4)).map(unescape);
    let below = points.filter_map(|point| point.strip_prefix(base).map(str::to_owned));
    let below: BTreeSet<String> = below.filter(|below| below.starts_with('/')).collect();
    below.into_iter().collect()
}

/// White space and backslashes are three octal digits there (`proc_pid_mountinfo(5)`).
fn unescape(point: &str) -> String {
    let mut parts = point.split('\\');
    let mut plain = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let code = part.get(..3).and_then(|digits| u8::from_str_radix(digits, 8).ok());
        match code {
            Some(code) if code.is_ascii() => {
                plain.push(code.into());
                plain.push_str(&part[3..]);
            }
            _ => {
                plain.push('\\');
                plain.push_str(part);
            }
        }
    }
    plain
}

fn open_path(path: &str) -> Result<OwnedFd, Errno> {
    nix::fcntl::open(path, OFlag::O_PATH | OFlag::O_CLOEXEC, Mode::empty())
}

fn is_on_proc(fd: &OwnedFd) -> bool {
    fstatfs(fd).is_ok_and(|fs| fs.filesystem_type() == PROC_SUPER_MAGIC)
}

fn of_kubelet(what: &str, message: &str) -> Failure {
    failure(format!("MountVolume.SetUp failed for {what} : {message}"))
}

/// In the words of `checkTypeInternal`, pkg/volume/hostpath/host_path.go.
fn mismatch(path: &str, kind: HostPathType) -> String {
    let expected = match kind {
        HostPathType::Unset | HostPathType::Directory | HostPathType::DirectoryOrCreate => "a directory",
        HostPathType::File | HostPathType::FileOrCreate => "a file",
        HostPathType::Socket => "a socket file",
        HostPathType::CharDevice => "a character device",
        HostPathType::BlockDevice => "a block device",
    };
    format!("hostPath type check failed: {path} is not {expected}")
}

/// A link may lead a mount into /proc, which must stay the kernel's.
pub fn refuse_proc(target: &OwnedFd, path: &str) -> Result<(), Failure> {
    if is_on_proc(target) {
        return Err(failure(format!("\"{path}\" cannot be mounted because it is inside /proc")));
    }
    Ok(())
}

fn failure(message: String) -> Failure {
    Failure { reason: "CreateContainerError".to_owned(), message }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_mount_points() {
        assert_eq!(unescape("/mnt/my\\040proc\\134x"), "/mnt/my proc\\x");
        assert_eq!(unescape("/mnt/ü\\9"), "/mnt/ü\\9", "what the kernel does not write");
    }
}
