//! Creates the mount points in a container's root that do not exist yet.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs::{self, File};
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::symlink;
use std::path::{Component, Path, PathBuf};

use nix::errno::Errno;
use nix::fcntl::{OFlag, open, openat2};
use nix::mount::MsFlags;
use nix::sys::stat::Mode;

use super::errno_of;
use super::process::Failure;
use super::rootfs_template::{LAYERS, mount_, no_exec_flags, read_only};
use super::volumes::{open_how, proc_path};

/// A mount point that does not exist, as a path relative to an existing directory.
struct Missing {
    path: PathBuf,
    is_file: bool,
}

impl Missing {
    fn make_in(&self, dir: &Path) -> Result<(), Errno> {
        let path = dir.join(&self.path);
        let made = match path.parent() {
            Some(parent) if self.is_file => fs::create_dir_all(parent).and_then(|()| File::create(&path).map(drop)),
            _ => fs::create_dir_all(path),
        };
        made.map_err(|e| errno_of(&e))
    }
}

/// Creates the missing mount points. They are made in the container's own tmpfs if they lie there, else in a layer over
/// the host's directory that would have to hold them.
pub fn make<'a>(root: &OwnedFd, points: impl Iterator<Item = (&'a str, bool)>) -> Result<(), Failure> {
    let mut layers: BTreeMap<PathBuf, Vec<Missing>> = BTreeMap::new();
    for (path, is_file) in points {
        let fail = |e: Errno| Failure::create(&format!("make the mount point {path}"), e);
        match make_point(root, Path::new(path), is_file) {
            Ok(()) => {}
            Err(Errno::EROFS | Errno::EACCES | Errno::EPERM) => {
                let (existing, missing) = split(root, Path::new(path)).map_err(fail)?;
                layers.entry(existing).or_default().push(Missing { path: missing, is_file });
            }
            Err(e) => return Err(fail(e)),
        }
    }
    if !layers.is_empty() {
        // a tmpfs in this mount namespace: the node and other containers do not see it
        mount_(Some("layers"), LAYERS, Some("tmpfs"), no_exec_flags(), Some("mode=755"))
            .map_err(|e| Failure::create("mount a tmpfs for mount points", e))?;
    }
    for (n, (dir, missing)) in layers.iter().enumerate() {
        let skeleton = format!("{LAYERS}/{n}");
        add_layer(&skeleton, dir, missing)
            .map_err(|e| Failure::create(&format!("make mount points in {}", dir.display()), e))?;
    }
    Ok(())
}

/// Makes a mount point inside the root unless it exists: an empty file or a directory.
pub fn make_point(root: &OwnedFd, path: &Path, is_file: bool) -> Result<(), Errno> {
    if !is_file {
        return make_dirs(root, path);
    }
    make_dirs(root, path.parent().unwrap_or(Path::new("/")))?;
    if openat2(root, path, open_how(OFlag::O_PATH)).is_ok() {
        return Ok(());
    }
    let flags = OFlag::O_CREAT | OFlag::O_EXCL | OFlag::O_WRONLY;
    openat2(root, path, open_how(flags).mode(Mode::from_bits_truncate(0o644))).map(drop)
}

/// `mkdir -p` inside the root.
pub fn make_dirs(root: &OwnedFd, path: &Path) -> Result<(), Errno> {
    let mut at = PathBuf::from("/");
    for part in path.components().filter_map(normal) {
        let parent = openat2(root, &at, open_how(OFlag::O_PATH))?;
        at.push(part);
        match openat2(root, &at, open_how(OFlag::O_PATH)) {
            Ok(_) => {}
            Err(Errno::ENOENT) => nix::sys::stat::mkdirat(&parent, Path::new(part), Mode::from_bits_truncate(0o755))?,
            Err(e) => return Err(e),
        }
    }
    Ok(())
}

fn normal(c: Component<'_>) -> Option<&OsStr> {
    match c {
        Component::Normal(part) => Some(part),
        _ => None,
    }
}

/// Splits a path into its deepest existing directory, as seen from within the root with links followed, and the missing
/// rest.
fn split(root: &OwnedFd, path: &Path) -> Result<(PathBuf, PathBuf), Errno> {
    let parts: Vec<&OsStr> = path.components().filter_map(normal).collect();
    for n in (0..parts.len()).rev() {
        let head = Path::new("/").join(parts[..n].iter().collect::<PathBuf>());
        if let Ok(fd) = openat2(root, &head, open_how(OFlag::O_PATH | OFlag::O_DIRECTORY)) {
            let real = fs::read_link(proc_path(&fd)).map_err(|e| errno_of(&e))?;
            return Ok((real, parts[n..].iter().collect()));
        }
    }
    Err(Errno::ENOENT)
}

/// Mounts a read-only layer with the missing directories over a directory that cannot be written. `dir` is a path in
/// the node, below `NEW_ROOT`.
fn add_layer(skeleton: &str, dir: &Path, missing: &[Missing]) -> Result<(), Errno> {
    let dir = dir.to_str().ok_or(Errno::EINVAL)?;
    fs::create_dir_all(skeleton).map_err(|e| errno_of(&e))?;
    missing.iter().try_for_each(|m| m.make_in(Path::new(skeleton)))?;
    let plain = dir.bytes().all(|b| !matches!(b, b':' | b',' | b'\\'));
    let layers = format!("lowerdir={skeleton}:{dir}");
    let flags = MsFlags::MS_NOSUID | MsFlags::MS_NODEV | MsFlags::MS_RDONLY;
    if plain && mount_(Some("layer"), dir, Some("overlay"), flags, Some(&layers)).is_ok() {
        return Ok(());
    }
    mimic(dir, missing)
}

/// Does the same without overlayfs: mounts a tmpfs and bind-mounts every entry of the directory into it.
fn mimic(dir: &str, missing: &[Missing]) -> Result<(), Errno> {
    let io = |e: std::io::Error| errno_of(&e);
    let below = open(dir, OFlag::O_PATH | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC, Mode::empty())?;
    let below = proc_path(&below);
    let entries: Vec<_> = fs::read_dir(&below).map_err(io)?.filter_map(Result::ok).collect();
    mount_(Some("layer"), dir, Some("tmpfs"), MsFlags::MS_NOSUID | MsFlags::MS_NODEV, Some("mode=755"))?;
    for entry in entries {
        let Ok(kind) = entry.file_type() else { continue };
        let name = entry.file_name();
        let to = Path::new(dir).join(&name);
        let from = Path::new(&below).join(&name);
        if kind.is_symlink() {
            let target = fs::read_link(&from).map_err(io)?;
            symlink(target, &to).map_err(io)?;
            continue;
        }
        if kind.is_dir() {
            fs::create_dir(&to).map_err(io)?;
        } else {
            File::create(&to).map_err(io)?;
        }
        let (from, to) = (from.as_os_str().as_bytes(), to.as_os_str().as_bytes());
        let (Ok(from), Ok(to)) = (std::str::from_utf8(from), std::str::from_utf8(to)) else { continue };
        mount_(Some(from), to, None, MsFlags::MS_BIND | MsFlags::MS_REC, None)?;
    }
    missing.iter().try_for_each(|m| m.make_in(Path::new(dir)))?;
    read_only(dir)
}
