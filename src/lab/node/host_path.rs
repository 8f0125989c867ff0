//! Finds and checks files and directories of the host, and mounts them into a pod without a way to reach the host.

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

use super::process::Failure;
use super::rootfs_template::{Protect, bind_fd, mount_};
use super::volumes::{proc_path, resolve};
use crate::lab::spec::HostPathType;
use crate::model::WaitingReason;
use crate::procfs::own_mounts;

/// An open file or directory of the host.
pub struct Found {
    pub fd: OwnedFd,
    pub is_file: bool,
}

/// Opens a path of the host. Links are followed within the host's root.
pub fn open(host: &OwnedFd, path: &str, kind: HostPathType, what: &str) -> Result<Found, Failure> {
    let fd = match (resolve(host, path), kind) {
        (Ok(fd), _) => fd,
        (Err(Errno::ENOENT), HostPathType::DirectoryOrCreate | HostPathType::FileOrCreate) => {
            let message = format!("{path} is not there, and the lab creates nothing on the host; create it yourself");
            return Err(mount_failure(what, &message));
        }
        (Err(Errno::ENOENT), kind) if kind != HostPathType::Unset => {
            return Err(mount_failure(what, &mismatch(path, kind)));
        }
        (Err(e), _) => return Err(Failure::create(&format!("hostPath {path} of {what}"), e)),
    };
    accept(fd, path, kind, what)
}

/// Checks that an open file has the type that the manifest asks for, and that a pod may see it.
pub fn accept(fd: OwnedFd, path: &str, kind: HostPathType, what: &str) -> Result<Found, Failure> {
    let mode = fstat(&fd).map_err(|e| Failure::create(&format!("hostPath {path} of {what}"), e))?.st_mode;
    let found = SFlag::from_bits_truncate(mode) & SFlag::S_IFMT;
    let matches = match kind {
        HostPathType::Unset => true,
        HostPathType::Directory | HostPathType::DirectoryOrCreate => found == SFlag::S_IFDIR,
        HostPathType::File | HostPathType::FileOrCreate => found == SFlag::S_IFREG,
        HostPathType::Socket => found == SFlag::S_IFSOCK,
        HostPathType::CharDevice => found == SFlag::S_IFCHR,
        HostPathType::BlockDevice => found == SFlag::S_IFBLK,
    };
    if !matches {
        return Err(mount_failure(what, &mismatch(path, kind)));
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

/// An empty directory and an empty file of the pod. They are mounted over files of the host to hide them.
pub struct Covers {
    pub dir: String,
    pub file: String,
}

/// How many files are searched for sockets and FIFOs.
const MAX_FILES: usize = 100_000;

/// Mounts a directory of the host over that of `target`, read-only. Later changes on the host are visible. A read-only
/// mount does not prevent a process from connecting to a socket or opening a FIFO in it, so an empty file covers each
/// one that exists now. The host's /proc below the directory is hidden.
///
/// If not every file can be checked, the directory becomes the lower layer of an overlay instead. There, sockets and
/// FIFOs are not connected to their peers (`Documentation/filesystems/overlayfs.rst`). Changes on the host are then
/// visible late.
pub fn mount_host_dir(from: &OwnedFd, target: &OwnedFd, covers: &Covers) -> Result<(), Errno> {
    let hidden = proc_below(from);
    let mut specials = Vec::new();
    let mut left = MAX_FILES;
    if !find_sockets_and_fifos(Path::new(&proc_path(from)), "", &hidden, &mut left, &mut specials) {
        // overlayfs without an upper layer needs two lower ones
        let layers = format!("lowerdir={}:{}", covers.dir, proc_path(from));
        let flags = MsFlags::MS_NOSUID | MsFlags::MS_NODEV | MsFlags::MS_RDONLY;
        return mount_(Some("host"), &proc_path(target), Some("overlay"), flags, Some(&layers));
    }
    let tree = bind_fd(from, target, Protect::LockDown)?;
    for (cover, names) in [(&covers.dir, &hidden), (&covers.file, &specials)] {
        let cover = open_path(cover)?;
        for below in names {
            match open_below(&tree, below) {
                Ok(at) => drop(bind_fd(&cover, at, Protect::ReadOnly)?),
                // it has been removed in the meantime
                Err(Errno::ENOENT) => {}
                Err(e) => return Err(e),
            }
        }
    }
    Ok(())
}

/// Opens a path below a mount without following links.
fn open_below(tree: &OwnedFd, below: &str) -> Result<OwnedFd, Errno> {
    let resolve = ResolveFlag::RESOLVE_IN_ROOT | ResolveFlag::RESOLVE_NO_SYMLINKS | ResolveFlag::RESOLVE_NO_MAGICLINKS;
    openat2(tree, below, OpenHow::new().flags(OFlag::O_PATH | OFlag::O_CLOEXEC).resolve(resolve))
}

/// Finds sockets and FIFOs below a directory, also in other file systems. Returns whether all files could be checked.
fn find_sockets_and_fifos(
    dir: &Path,
    below: &str,
    hidden: &[String],
    left: &mut usize,
    found: &mut Vec<String>,
) -> bool {
    let entries = match fs::read_dir(dir) {
        Ok(entries) => entries,
        // a directory that cannot be listed may still be searched by name
        Err(e) => return e.kind() == ErrorKind::NotFound,
    };
    for entry in entries {
        let Ok(entry) = entry else { return false };
        *left = left.saturating_sub(1);
        let (Ok(kind), Ok(name)) = (entry.file_type(), entry.file_name().into_string()) else {
            // a file whose name is not UTF-8 could be anything
            return false;
        };
        let below = format!("{below}/{name}");
        let all = if kind.is_socket() || kind.is_fifo() {
            found.push(below);
            true
        } else if kind.is_dir() && !hidden.contains(&below) {
            find_sockets_and_fifos(&entry.path(), &below, hidden, left, found)
        } else {
            true
        };
        if !all || *left == 0 {
            return false;
        }
    }
    true
}

/// The paths, relative to a directory, at which the host's /proc is mounted.
fn proc_below(dir: &OwnedFd) -> Vec<String> {
    let Ok(base) = fs::read_link(proc_path(dir)) else { return Vec::new() };
    let base = base.display().to_string();
    let mut below = mount_points_below(&base);
    below.retain(|path| open_path(&format!("{base}{path}")).is_ok_and(|fd| is_on_proc(&fd)));
    // drop the paths below another one: that one hides them
    let all = below.clone();
    below.retain(|path| {
        !all.iter().any(|outer| path.strip_prefix(outer.as_str()).is_some_and(|rest| rest.starts_with('/')))
    });
    below
}

/// The mount points below a directory as paths from there, each once, outer ones first. Without those whose names are
/// not UTF-8.
pub fn mount_points_below(base: &str) -> Vec<String> {
    let base = base.trim_end_matches('/');
    let points = own_mounts().unwrap_or_default().into_iter().map(|mount| mount.point);
    let below = points.filter_map(|point| point.to_str()?.strip_prefix(base).map(str::to_owned));
    let below: BTreeSet<String> = below.filter(|below| below.starts_with('/')).collect();
    below.into_iter().collect()
}

fn open_path(path: &str) -> Result<OwnedFd, Errno> {
    nix::fcntl::open(path, OFlag::O_PATH | OFlag::O_CLOEXEC, Mode::empty())
}

fn is_on_proc(fd: &OwnedFd) -> bool {
    fstatfs(fd).is_ok_and(|fs| fs.filesystem_type() == PROC_SUPER_MAGIC)
}

fn mount_failure(what: &str, message: &str) -> Failure {
    failure(format!("MountVolume.SetUp failed for {what} : {message}"))
}

/// The message of `checkTypeInternal`, pkg/volume/hostpath/host_path.go.
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

/// Refuses a mount point in /proc, to which a link may lead: nothing may be mounted over the kernel's files.
pub fn refuse_proc(target: &OwnedFd, path: &str) -> Result<(), Failure> {
    if is_on_proc(target) {
        return Err(failure(format!("\"{path}\" cannot be mounted because it is inside /proc")));
    }
    Ok(())
}

fn failure(message: String) -> Failure {
    Failure { reason: WaitingReason::CreateContainerError, message }
}
