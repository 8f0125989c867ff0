//! What a container sees of the host: the files that packages have installed in `/usr`, `/bin`, `/lib*` and `/etc`,
//! read-only.
//!
//! Each directory is the lower layer of an overlay, because a read-only mount does not prevent a process from
//! connecting to a socket or opening a FIFO. In an overlay, the host's sockets and FIFOs appear as other ones without a
//! peer (`Documentation/filesystems/overlayfs.rst`). Files in `/etc` that only the user or its groups may read are
//! hidden, since a pod's root is the user outside.

use std::fs::{self, DirBuilder, File};
use std::io::ErrorKind;
use std::os::unix::fs::{DirBuilderExt as _, FileTypeExt as _, MetadataExt as _};
use std::path::{Path, PathBuf};

use nix::errno::Errno;
use nix::fcntl::OFlag;
use nix::mount::MsFlags;
use nix::sys::stat::{Mode, SFlag, makedev, mknod};
use nix::unistd::{AccessFlags, access};

use super::rootfs_template::{HOST, MASKS, PARTS, Protect, bind_fd, lock_down, mount_, no_exec_flags};
use super::{At, Refused, errno_of, host_path};
use crate::lab::protocol::Step;

/// Directories of the host's `/` where packages install files, according to the Filesystem Hierarchy Standard; and the
/// stores of Nix and Guix, where their programs are.
const PACKAGE_DIRS: [&str; 10] = ["bin", "etc", "gnu", "lib", "lib32", "lib64", "libx32", "nix", "sbin", "usr"];
/// Holds what the administrator has installed, not packages. An empty directory takes its place.
const LOCAL: &str = "usr/local";
/// The directories that an image has in its empty `/usr/local`.
const LOCAL_DIRS: [&str; 8] = ["bin", "etc", "games", "include", "lib", "sbin", "share", "src"];
/// The directories in which mounts of the host are shown as well. Those in `/etc` are not: they belong to a surrounding
/// container.
const WITH_MOUNTS: [&str; 3] = ["usr", "nix", "gnu"];

/// One entry of the host's `/`, as a container gets it.
#[derive(Clone, Debug)]
pub enum Part {
    Link { name: String, target: PathBuf },
    Dir(String),
}

/// Prepares every part below [`PARTS`]. `plain`: without overlayfs.
pub fn prepare(plain: bool) -> Result<Vec<Part>, Refused> {
    let mut parts = Vec::new();
    for name in PACKAGE_DIRS {
        let from = Path::new(HOST).join(name);
        let Ok(kind) = fs::symlink_metadata(&from) else { continue };
        if kind.is_symlink() {
            let target = fs::read_link(&from).at(Step::HostRoot)?;
            parts.push(Part::Link { name: name.to_owned(), target });
        } else if kind.is_dir() {
            mount_part(name, plain).at(Step::HostRoot)?;
            parts.push(Part::Dir(name.to_owned()));
        }
    }
    if Path::new(PARTS).join(LOCAL).is_dir() {
        empty_local().at(Step::HostRoot)?;
    }
    Ok(parts)
}

/// Mounts one directory of the host at the same path below [`PARTS`].
fn mount_part(name: &str, plain: bool) -> Result<(), Errno> {
    let (from, to, mask) = (format!("{HOST}/{name}"), format!("{PARTS}/{name}"), format!("{MASKS}/{name}"));
    for dir in [&to, &mask] {
        fs::create_dir(dir).map_err(|e| errno_of(&e))?;
    }
    if !plain && name == "etc" {
        hide_private(Path::new(&from), Path::new(&mask))?;
    }
    if plain || overlay(&from, &to, &mask).is_err() {
        bind(&from, &to)?;
        cover_files(Path::new(&from), Path::new(&to), name == "etc")?;
    }
    if WITH_MOUNTS.contains(&name) {
        for dir in mounts_below(name) {
            let (from, to) = (format!("{HOST}/{dir}"), format!("{PARTS}/{dir}"));
            // a file system that cannot be a lower layer is not shown
            let _ = overlay(&from, &to, &format!("{MASKS}/none"));
        }
    }
    Ok(())
}

fn overlay(from: &str, to: &str, mask: &str) -> Result<(), Errno> {
    // one lower layer is not enough (`overlayfs: at least 2 lowerdir are needed while upperdir nonexistent`)
    fs::create_dir_all(mask).map_err(|e| errno_of(&e))?;
    let layers = format!("lowerdir={mask}:{from}");
    let flags = MsFlags::MS_NOSUID | MsFlags::MS_NODEV | MsFlags::MS_RDONLY;
    mount_(Some("packages"), to, Some("overlay"), flags, Some(&layers))
}

/// Makes later changes of packages visible to pods. An overlay caches its lookups, above all of files that did not
/// exist. Remounting it clears that cache (`reconfigure_super` in fs/super.c).
pub fn refresh(parts: &[Part]) {
    for part in parts {
        let Part::Dir(name) = part else { continue };
        let flags = MsFlags::MS_REMOUNT | MsFlags::MS_NOSUID | MsFlags::MS_NODEV | MsFlags::MS_RDONLY;
        // fails for a bind mount in place of the overlay: that caches nothing, and we may not remount it
        let _ = mount_(None, &format!("{PARTS}/{name}"), None, flags, None);
    }
}

/// The directories below a part that are mount points of the host, outer ones first, as paths from the host's root.
fn mounts_below(name: &str) -> Vec<String> {
    let mut dirs = host_path::mount_points_below(&format!("{HOST}/{name}"));
    // these characters have a meaning in the options of an overlay
    dirs.retain(|below| !below.contains([':', ',', '\\']) && Path::new(&format!("{HOST}/{name}{below}")).is_dir());
    dirs.iter().map(|below| format!("{name}{below}")).collect()
}

/// Puts a whiteout into the layer `mask` for every file that we may read and others may not.
fn hide_private(from: &Path, mask: &Path) -> Result<(), Errno> {
    for entry in fs::read_dir(from).into_iter().flatten().flatten() {
        let Ok(meta) = entry.metadata() else { continue };
        let over = mask.join(entry.file_name());
        if is_private(&entry.path(), &meta) {
            fs::create_dir_all(mask).map_err(|e| errno_of(&e))?;
            mknod(&over, SFlag::S_IFCHR, Mode::empty(), makedev(0, 0))?;
        } else if meta.is_dir() {
            hide_private(&entry.path(), &over)?;
            if over.is_dir() {
                // the merged directory has the mode of the upper layer
                fs::set_permissions(&over, meta.permissions()).map_err(|e| errno_of(&e))?;
            }
        }
    }
    Ok(())
}

fn is_private(path: &Path, meta: &fs::Metadata) -> bool {
    if meta.is_dir() {
        // also a directory that others may enter but not list
        return meta.mode() & 0o005 != 0o005;
    }
    !meta.is_symlink() && meta.mode() & 0o004 == 0 && access(path, AccessFlags::R_OK).is_ok()
}

/// Makes a read-only bind mount, for use without overlayfs.
fn bind(from: &str, to: &str) -> Result<(), Errno> {
    mount_(Some(from), to, None, MsFlags::MS_BIND, None)?;
    lock_down(to)
}

/// Covers each present socket, FIFO and device with an empty file; in `/etc` (`private`) also each private file.
fn cover_files(from: &Path, to: &Path, private: bool) -> Result<(), Errno> {
    let nothing = Path::new(MASKS).join("nothing");
    let empty = Path::new(MASKS).join("empty");
    if !nothing.exists() {
        File::create(&nothing).map_err(|e| errno_of(&e))?;
        fs::set_permissions(&nothing, std::os::unix::fs::PermissionsExt::from_mode(0o000)).map_err(|e| errno_of(&e))?;
        DirBuilder::new().mode(0o555).create(&empty).map_err(|e| errno_of(&e))?;
    }
    let Ok(entries) = fs::read_dir(from) else {
        // a directory that cannot be listed may still be searched by name
        return bind_over(&empty, to);
    };
    for entry in entries {
        let (entry, kind) = match entry.and_then(|entry| Ok((entry.file_type()?, entry))) {
            Ok((kind, entry)) => (entry, kind),
            Err(e) if e.kind() == ErrorKind::NotFound => continue,
            // an unreadable entry could be anything
            Err(_) => return bind_over(&empty, to),
        };
        let over = to.join(entry.file_name());
        let special = kind.is_socket() || kind.is_fifo() || kind.is_char_device() || kind.is_block_device();
        let is_private = || entry.metadata().is_ok_and(|meta| is_private(&entry.path(), &meta));
        if special || private && is_private() {
            let mask = if kind.is_dir() { &empty } else { &nothing };
            bind_over(mask, &over)?;
        } else if kind.is_dir() {
            cover_files(&entry.path(), &over, private)?;
        }
    }
    Ok(())
}

/// Bind-mounts a file or directory read-only over `target`, if that still exists.
fn bind_over(source: &Path, target: &Path) -> Result<(), Errno> {
    let open = |path: &Path| nix::fcntl::open(path, OFlag::O_PATH | OFlag::O_CLOEXEC, Mode::empty());
    let target = match open(target) {
        // it has been removed in the meantime
        Err(Errno::ENOENT) => return Ok(()),
        other => other?,
    };
    bind_fd(open(source)?, target, Protect::ReadOnly).map(drop)
}

fn empty_local() -> Result<(), Errno> {
    let local = format!("{PARTS}/{LOCAL}");
    mount_(Some("local"), &local, Some("tmpfs"), no_exec_flags(), Some("mode=755,size=64k"))?;
    for dir in LOCAL_DIRS {
        fs::create_dir(format!("{local}/{dir}")).map_err(|e| errno_of(&e))?;
    }
    lock_down(&local)
}
