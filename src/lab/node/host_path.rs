//! Files and directories of the host, found, checked, and shown to a pod without a way out of it.

use std::fs;
use std::os::fd::OwnedFd;
use std::os::unix::fs::FileTypeExt as _;
use std::path::Path;

use nix::errno::Errno;
use nix::mount::MsFlags;
use nix::sys::stat::{SFlag, fstat};
use nix::sys::statfs::{PROC_SUPER_MAGIC, fstatfs};

use super::birth::Failure;
use super::ground::{lock_down, mount_};
use super::volumes::{proc_path, resolve};
use crate::lab::spec::HostPathType;

/// What is at a path of the host.
pub struct Found {
    pub fd: OwnedFd,
    pub is_file: bool,
}

/// Opens a path of the host, links followed within its root.
pub fn open(host: &OwnedFd, path: &str, kind: HostPathType, what: &str) -> Result<Found, Failure> {
    let of_kubelet = |message: String| failure(format!("MountVolume.SetUp failed for {what} : {message}"));
    let fd = match (resolve(host, path), kind) {
        (Ok(fd), _) => fd,
        (Err(Errno::ENOENT), HostPathType::DirectoryOrCreate | HostPathType::FileOrCreate) => {
            let message = format!("{path} is not there, and the lab creates nothing on the host; create it yourself");
            return Err(of_kubelet(message));
        }
        (Err(Errno::ENOENT), kind) if kind != HostPathType::Unset => return Err(of_kubelet(mismatch(path, kind))),
        (Err(e), _) => return Err(Failure::create(&format!("hostPath {path} of {what}"), e)),
    };
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
        return Err(of_kubelet(mismatch(path, kind)));
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

/// Shows a directory of the host at `path` of the container. A mount that is read-only does not keep anyone from
/// connecting to a socket or opening a FIFO below it. In an overlay these are others, which lead to nobody
/// (`Documentation/filesystems/overlayfs.rst`).
pub fn show(from: &OwnedFd, root: &OwnedFd, path: &str, blank: &Blank) -> Result<(), Errno> {
    // before anything lies over it
    let mounts = mounts_below(from);
    let target = resolve(root, path)?;
    if overlay(&proc_path(from), &proc_path(&target), blank).is_err() {
        mount_(Some(&proc_path(from)), &proc_path(&target), None, MsFlags::MS_BIND, None)?;
        let shown = resolve(root, path)?;
        lock_down(&proc_path(&shown))?;
        return cover(Path::new(&proc_path(&shown)), blank);
    }
    for (below, source) in mounts {
        // a file system that cannot lie below an overlay stays hidden, as /proc does
        if let Ok(target) = resolve(root, &format!("{path}{below}"))
            && !is_on_proc(&source)
        {
            let _ = overlay(&proc_path(&source), &proc_path(&target), blank);
        }
    }
    Ok(())
}

fn overlay(from: &str, onto: &str, blank: &Blank) -> Result<(), Errno> {
    // one lower layer alone is none
    let layers = format!("lowerdir={}:{from}", blank.dir);
    let flags = MsFlags::MS_NOSUID | MsFlags::MS_NODEV | MsFlags::MS_RDONLY;
    mount_(Some("host"), onto, Some("overlay"), flags, Some(&layers))
}

/// Without overlayfs: an empty file over each socket, FIFO and device that is there now.
fn cover(dir: &Path, blank: &Blank) -> Result<(), Errno> {
    // in a directory that we may not read, no pod may look for anything
    for entry in fs::read_dir(dir).into_iter().flatten().flatten() {
        let Ok(kind) = entry.file_type() else { continue };
        if kind.is_dir() {
            cover(&entry.path(), blank)?;
        } else if kind.is_socket() || kind.is_fifo() || kind.is_char_device() || kind.is_block_device() {
            nix::mount::mount(Some(blank.file.as_str()), &entry.path(), None::<&str>, MsFlags::MS_BIND, None::<&str>)?;
        }
    }
    Ok(())
}

/// Mounts below a directory, outer ones first, each by its path from there.
fn mounts_below(dir: &OwnedFd) -> Vec<(String, OwnedFd)> {
    let Ok(base) = fs::read_link(proc_path(dir)) else { return Vec::new() };
    let base = base.display().to_string();
    let text = fs::read_to_string("/proc/self/mountinfo").unwrap_or_default();
    let points = text.lines().filter_map(|line| line.split(' ').nth(4));
    // one whose name is escaped there (proc_pid_mountinfo(5)) stays hidden
    let points = points.filter(|point| !point.contains('\\'));
    let mut below: Vec<&str> = points
        .filter_map(|point| point.strip_prefix(base.trim_end_matches('/')))
        .filter(|p| p.starts_with('/'))
        .collect();
    below.sort_unstable();
    below.dedup();
    let open = |path: &str| {
        use nix::fcntl::{OFlag, open};
        let flags = OFlag::O_PATH | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC;
        open(format!("{}{path}", base.trim_end_matches('/')).as_str(), flags, nix::sys::stat::Mode::empty()).ok()
    };
    below.into_iter().filter_map(|path| Some((path.to_owned(), open(path)?))).collect()
}

fn is_on_proc(fd: &OwnedFd) -> bool {
    fstatfs(fd).is_ok_and(|fs| fs.filesystem_type() == PROC_SUPER_MAGIC)
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
