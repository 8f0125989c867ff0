//! A container's root, built in the container's own mount namespace. Runs in the child.

use std::fs::{self, DirBuilder, File, Permissions};
use std::os::unix::fs::{DirBuilderExt as _, PermissionsExt as _, symlink};

use nix::errno::Errno;
use nix::mount::{MntFlags, MsFlags, umount2};
use nix::unistd::{chdir, pivot_root};

use super::birth::Failure;
use super::errno_of;
use super::ground::{HOST, NEW_ROOT, PARTS, Part, lock_down, mount_, quiet, read_only};
use super::volumes::{self, Mounts};

/// Directories a container may write.
const WRITABLE: [(&str, u32); 4] = [("tmp", 0o1777), ("run", 0o755), ("home", 0o755), ("root", 0o700)];

/// Makes the root of a container and goes there; nothing of the node's or the host's stays in reach.
pub fn enter(parts: &[Part], pod_files: &str, mounts: &Mounts) -> Result<(), Failure> {
    let step = |what: &'static str| move |e: Errno| Failure::create(what, e);
    // a small tmpfs is the root, so that mount points can be made in it
    mount_(Some("root"), NEW_ROOT, Some("tmpfs"), MsFlags::MS_NOSUID | MsFlags::MS_NODEV, Some("mode=755,size=50%"))
        .map_err(step("mount the container's root"))?;
    chdir(NEW_ROOT).map_err(step("enter the container's root"))?;
    // the host's directories come read-only from the node, which has them ready
    for part in parts {
        take(part).map_err(|e| Failure::create(&format!("put {} into the root", name(part)), e))?;
    }
    fs::create_dir("dev").map_err(|e| Failure::create("make /dev", errno_of(&e)))?;
    move_in("dev").map_err(step("put /dev into the root"))?;
    // what the container may write is its own and as old as it is
    for (dir, mode) in WRITABLE {
        writable(dir, mode).map_err(|e| Failure::create(&format!("make /{dir}"), e))?;
    }
    proc().map_err(step("mount /proc"))?;
    sys().map_err(step("mount /sys"))?;
    dev(pod_files).map_err(step("mount /dev/shm"))?;
    volumes::mount_all(pod_files, mounts)?;
    volumes::own_etc(pod_files).map_err(step("bind the pod's files over /etc"))?;
    read_only(NEW_ROOT).map_err(step("make the root read-only"))?;
    // the new root over the old, and the old away: pivot_root(2), "pivot_root(".", ".")"
    chdir(NEW_ROOT)
        .and_then(|()| pivot_root(".", "."))
        .and_then(|()| umount2(".", MntFlags::MNT_DETACH))
        .and_then(|()| chdir("/"))
        .map_err(step("change the root"))
}

fn name(part: &Part) -> &str {
    match part {
        Part::Link { name, .. } | Part::Dir(name) | Part::File(name) => name,
    }
}

fn take(part: &Part) -> Result<(), Errno> {
    match part {
        Part::Link { name, target } => symlink(target, name).map_err(|e| errno_of(&e)),
        Part::Dir(name) => fs::create_dir(name).map_err(|e| errno_of(&e)).and_then(|()| move_in(name)),
        Part::File(name) => File::create(name).map_err(|e| errno_of(&e)).and_then(|_| move_in(name)),
    }
}

/// Moves a prepared mount: this namespace has its own copies of them all.
fn move_in(name: &str) -> Result<(), Errno> {
    mount_(Some(&format!("{PARTS}/{name}")), name, None, MsFlags::MS_MOVE, None)
}

fn writable(dir: &str, mode: u32) -> Result<(), Errno> {
    DirBuilder::new().mode(mode).create(dir).map_err(|e| errno_of(&e))?;
    fs::set_permissions(dir, Permissions::from_mode(mode)).map_err(|e| errno_of(&e))?;
    // a mount of its own stays writable when the root's mount becomes read-only
    mount_(Some(dir), dir, None, MsFlags::MS_BIND, None)
}

fn proc() -> Result<(), Errno> {
    fs::create_dir("proc").map_err(|e| errno_of(&e))?;
    // of this process's pid namespace, so it shows the pod (or this container alone)
    mount_(Some("proc"), "proc", Some("proc"), quiet(), None)?;
    // its namespaces' settings are not the container's to change, as with docker and containerd
    mount_(Some("proc/sys"), "proc/sys", None, MsFlags::MS_BIND | MsFlags::MS_REC, None)?;
    read_only(&format!("{NEW_ROOT}/proc/sys"))
}

fn sys() -> Result<(), Errno> {
    fs::create_dir("sys").map_err(|e| errno_of(&e))?;
    // a new one shows the pod's network devices; the kernel may refuse it where /sys is masked
    if mount_(Some("sysfs"), "sys", Some("sysfs"), quiet() | MsFlags::MS_RDONLY, None).is_err() {
        mount_(Some(&format!("{HOST}/sys")), "sys", None, MsFlags::MS_BIND | MsFlags::MS_REC, None)?;
        lock_down(&format!("{NEW_ROOT}/sys"))?;
    }
    Ok(())
}

fn dev(pod_files: &str) -> Result<(), Errno> {
    // shared memory is the pod's, as its IPC namespace is
    mount_(Some(&format!("{pod_files}/shm")), "dev/shm", None, MsFlags::MS_BIND, None)?;
    // neither is worth a container: some kernels are built without them
    let pts = Some("newinstance,ptmxmode=0666,mode=620");
    let _ = mount_(Some("devpts"), "dev/pts", Some("devpts"), MsFlags::MS_NOSUID | MsFlags::MS_NOEXEC, pts);
    let _ = mount_(Some("mqueue"), "dev/mqueue", Some("mqueue"), quiet(), None);
    Ok(())
}
