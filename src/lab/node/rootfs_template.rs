//! The node's own file system: a tmpfs as root, the host's root at `/host`, and the read-only parts of every
//! container's root ([`super::packages`]). The parts are prepared once; a container only moves them into place.

use std::ffi::CString;
use std::fs::{self, File, Permissions};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::Path;

use nix::errno::Errno;
use nix::fcntl::AT_FDCWD;
use nix::mount::{MsFlags, mount};
use nix::unistd::{chdir, pivot_root};

use super::packages::{self, Part};
use super::{At, Refused, errno_of};
use crate::lab::protocol::Step;
use crate::sys::mount::{Attr, attach, clone_tree, set_attr};

/// The host's root in the node.
pub const HOST: &str = "/host";
/// Where the prepared parts of containers' roots are.
pub const PARTS: &str = "/parts";
/// Where a container builds its root, in its own mount namespace.
pub const NEW_ROOT: &str = "/new";
/// Where a container keeps the layers that hold its mount points.
pub const LAYERS: &str = "/layers";
/// Where the layers that hide files of the host's directories are.
pub const MASKS: &str = "/masks";
/// Files of each pod: volumes, shared memory, its own /etc files.
pub const PODS: &str = "/pods";
/// The root of every pause: its executable and nothing else.
pub const PAUSE_ROOT: &str = "/pause-root";

/// The device nodes that every container has, as in `runtime-spec/config-linux.md`.
const DEVICES: [&str; 6] = ["null", "zero", "full", "random", "urandom", "tty"];

/// The prepared parts from which each container's root is built.
#[derive(Debug)]
pub struct RootfsTemplate {
    pub parts: Vec<Part>,
}

impl RootfsTemplate {
    /// Sets up the node's file system. `plain`: without overlayfs.
    pub fn prepare(plain: bool) -> Result<Self, Refused> {
        // mounts made from here on must not propagate to or from the host's mount namespace
        mount_(None, "/", None, MsFlags::MS_REC | MsFlags::MS_PRIVATE, None).at(Step::PrivateMounts)?;
        // mount a tmpfs over some directory; the host's root is moved below it
        let base = ["/tmp", "/run", "/mnt", "/var"].into_iter().find(|d| Path::new(d).is_dir()).unwrap_or("/tmp");
        let flags = MsFlags::MS_NOSUID | MsFlags::MS_NODEV;
        mount_(Some("podscope"), base, Some("tmpfs"), flags, Some("mode=755")).at(Step::Tmpfs)?;
        chdir(base).at(Step::Pivot)?;
        for dir in [HOST, PARTS, MASKS, NEW_ROOT, LAYERS, PODS, PAUSE_ROOT, "/proc", "/sys"] {
            fs::create_dir(&dir[1..]).at(Step::Tmpfs)?;
        }
        // while the host's /proc is visible: the kernel refuses a new one where it is not (mount_too_revealing)
        mount_(Some("proc"), "proc", Some("proc"), no_exec_flags(), None).at(Step::Proc)?;
        // a new sysfs needs the same; a container can do without it
        let _ = mount_(Some("sysfs"), "sys", Some("sysfs"), no_exec_flags() | MsFlags::MS_RDONLY, None);
        pivot_root(".", &HOST[1..]).at(Step::Pivot)?;
        chdir("/").at(Step::Pivot)?;
        let parts = packages::prepare(plain)?;
        devices().at(Step::Template)?;
        pause().at(Step::Template)?;
        Ok(Self { parts })
    }
}

/// Mount flags of file systems that hold nothing to execute.
pub fn no_exec_flags() -> MsFlags {
    MsFlags::MS_NOSUID | MsFlags::MS_NODEV | MsFlags::MS_NOEXEC
}

/// `mount(2)` with plain strings.
pub fn mount_(
    source: Option<&str>,
    target: &str,
    kind: Option<&str>,
    flags: MsFlags,
    data: Option<&str>,
) -> Result<(), Errno> {
    mount(source, target, kind, flags, data)
}

/// Makes a mount and all mounts below it read-only, without set-user-ID and devices.
pub fn lock_down(path: &str) -> Result<(), Errno> {
    let path = CString::new(path).map_err(|_| Errno::EINVAL)?;
    set_attr(AT_FDCWD, &path, Attr::READ_ONLY.and(Attr::NO_SUID).and(Attr::NO_DEV), true)
}

/// Makes only this mount read-only.
pub fn read_only(path: &str) -> Result<(), Errno> {
    let path = CString::new(path).map_err(|_| Errno::EINVAL)?;
    set_attr(AT_FDCWD, &path, Attr::READ_ONLY, false)
}

/// How a bind mount is protected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protect {
    Nothing,
    /// Only this mount is read-only.
    ReadOnly,
    /// Like [`lock_down`], with all mounts below it.
    LockDown,
}

/// Bind-mounts the file of the descriptor `source` over that of `target`. Their paths are not looked up again, so no
/// process can exchange the files in between. Returns the mount.
pub fn bind_fd(source: impl AsFd, target: impl AsFd, protect: Protect) -> Result<OwnedFd, Errno> {
    let tree = clone_tree(source, protect == Protect::LockDown)?;
    match protect {
        Protect::Nothing => {}
        Protect::ReadOnly => set_attr(&tree, c"", Attr::READ_ONLY, false)?,
        Protect::LockDown => set_attr(&tree, c"", Attr::READ_ONLY.and(Attr::NO_SUID).and(Attr::NO_DEV), true)?,
    }
    attach(&tree, target)?;
    Ok(tree)
}

/// Makes `/dev` with the device nodes that programs expect.
fn devices() -> Result<(), Errno> {
    let dev = format!("{PARTS}/dev");
    let io = |e: std::io::Error| errno_of(&e);
    fs::create_dir(&dev).map_err(io)?;
    mount_(Some("dev"), &dev, Some("tmpfs"), MsFlags::MS_NOSUID | MsFlags::MS_NOEXEC, Some("mode=755,size=64k"))?;
    for name in DEVICES {
        let (from, to) = (format!("{HOST}/dev/{name}"), format!("{dev}/{name}"));
        if !Path::new(&from).exists() {
            continue;
        }
        File::create(&to).map_err(io)?;
        mount_(Some(&from), &to, None, MsFlags::MS_BIND, None)?;
        // the device can still be written, but the times of its node cannot change
        read_only(&to)?;
    }
    for (name, target) in [
        ("fd", "/proc/self/fd"),
        ("stdin", "/proc/self/fd/0"),
        ("stdout", "/proc/self/fd/1"),
        ("stderr", "/proc/self/fd/2"),
        ("ptmx", "pts/ptmx"),
    ] {
        symlink(target, format!("{dev}/{name}")).map_err(io)?;
    }
    for name in ["pts", "shm", "mqueue"] {
        fs::create_dir(format!("{dev}/{name}")).map_err(io)?;
    }
    // the mount point of each container's own file
    File::create(format!("{dev}/termination-log")).map_err(io)?;
    read_only(&dev)
}

/// Writes pause into a file in memory. It is started by path and not as a memfd, so its name is `pause` on every
/// kernel: before Linux 6.14 a program started from a descriptor is named after the descriptor's number.
fn pause() -> Result<(), Errno> {
    let io = |e: std::io::Error| errno_of(&e);
    let path = format!("{PAUSE_ROOT}/pause");
    fs::write(&path, pause_init::ELF).map_err(io)?;
    fs::set_permissions(&path, Permissions::from_mode(0o555)).map_err(io)?;
    mount_(Some(PAUSE_ROOT), PAUSE_ROOT, None, MsFlags::MS_BIND, None)?;
    read_only(PAUSE_ROOT)
}
