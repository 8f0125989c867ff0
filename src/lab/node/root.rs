//! A container's root, built in the container's own mount namespace. Runs in the child.

use std::os::unix::fs::symlink;
use std::path::Path;

use nix::errno::Errno;
use nix::mount::{MntFlags, MsFlags, umount2};
use nix::sys::stat::{Mode, umask};
use nix::unistd::{chdir, mkdir, pivot_root};

use super::birth::Failure;
use super::errno_of;
use super::ground::{HOST, NEW_ROOT, PARTS, lock_down, mount_, quiet, read_only};
use super::packages::Part;
use super::volumes::{self, Mounts};

/// Directories a container may write, with what an image has there.
const WRITABLE: [(&str, u32); 5] = [("tmp", 0o1777), ("run", 0o755), ("home", 0o755), ("root", 0o700), ("var", 0o755)];
/// Directories below those.
const BELOW: [(&str, u32); 9] = [
    ("run/lock", 0o1777),
    ("var/cache", 0o755),
    ("var/lib", 0o755),
    ("var/local", 0o755),
    ("var/log", 0o755),
    ("var/mail", 0o755),
    ("var/opt", 0o755),
    ("var/spool", 0o755),
    ("var/tmp", 0o1777),
];
/// Empty directories, as in an image.
const EMPTY: [&str; 4] = ["media", "mnt", "opt", "srv"];
/// What of `/proc` concerns the machine and not the pod: read-only, as with docker and containerd.
const READ_ONLY: [&str; 5] = ["proc/bus", "proc/fs", "proc/irq", "proc/sys", "proc/sysrq-trigger"];
/// And hidden. `/proc/keys` names the keys of the user outside.
const HIDDEN_FILES: [&str; 8] = [
    "proc/interrupts",
    "proc/kcore",
    "proc/key-users",
    "proc/keys",
    "proc/latency_stats",
    "proc/sched_debug",
    "proc/timer_list",
    "proc/timer_stats",
];
/// All that a container may write outside of its volumes is memory, so it has a bound, in bytes and in files.
const BOUND: &str = "mode=755,size=256m,nr_inodes=65536";

/// Makes the root of a container and goes there; nothing of the node's or the host's stays in reach. `read_only_all`:
/// also what a container may usually write.
pub fn enter(parts: &[Part], pod_files: &str, mounts: &Mounts, read_only_all: bool) -> Result<(), Failure> {
    let step = |what: &'static str| move |e: Errno| Failure::create(what, e);
    // the modes below are meant as they are; the program gets the usual mask
    umask(Mode::empty());
    // a small tmpfs is the root, so that mount points can be made in it
    mount_(Some("root"), NEW_ROOT, Some("tmpfs"), MsFlags::MS_NOSUID | MsFlags::MS_NODEV, Some(BOUND))
        .map_err(step("mount the container's root"))?;
    chdir(NEW_ROOT).map_err(step("enter the container's root"))?;
    // the host's directories come read-only from the node, which has them ready
    for part in parts {
        take(part).map_err(|e| Failure::create(&format!("put {} into the root", name(part)), e))?;
    }
    make_dir("dev", 0o755).map_err(step("make /dev"))?;
    move_in("dev").map_err(step("put /dev into the root"))?;
    // what the container may write is its own and as old as it is
    for dir in EMPTY {
        make_dir(dir, 0o755).map_err(|e| Failure::create(&format!("make /{dir}"), e))?;
    }
    for (dir, mode) in WRITABLE {
        let made = if read_only_all { make_dir(dir, mode) } else { writable(dir, mode) };
        made.map_err(|e| Failure::create(&format!("make /{dir}"), e))?;
    }
    for (dir, mode) in BELOW {
        make_dir(dir, mode).map_err(|e| Failure::create(&format!("make /{dir}"), e))?;
    }
    for (link, target) in [("var/run", "/run"), ("var/lock", "/run/lock")] {
        symlink(target, link).map_err(|e| Failure::create(&format!("make /{link}"), errno_of(&e)))?;
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
        Part::Link { name, .. } | Part::Dir(name) => name,
    }
}

fn take(part: &Part) -> Result<(), Errno> {
    match part {
        Part::Link { name, target } => symlink(target, name).map_err(|e| errno_of(&e)),
        Part::Dir(name) => make_dir(name, 0o755).and_then(|()| move_in(name)),
    }
}

/// Moves a prepared mount: this namespace has its own copies of them all.
fn move_in(name: &str) -> Result<(), Errno> {
    mount_(Some(&format!("{PARTS}/{name}")), name, None, MsFlags::MS_MOVE, None)
}

fn make_dir(dir: &str, mode: u32) -> Result<(), Errno> {
    mkdir(dir, Mode::from_bits_truncate(mode))
}

fn writable(dir: &str, mode: u32) -> Result<(), Errno> {
    make_dir(dir, mode)?;
    // a mount of its own stays writable when the root's mount becomes read-only
    mount_(Some(dir), dir, None, MsFlags::MS_BIND, None)
}

fn proc() -> Result<(), Errno> {
    make_dir("proc", 0o555)?;
    // of this process's pid namespace, so it shows the pod (or this container alone)
    mount_(Some("proc"), "proc", Some("proc"), quiet(), None)?;
    for path in READ_ONLY.into_iter().filter(|path| Path::new(path).exists()) {
        mount_(Some(path), path, None, MsFlags::MS_BIND | MsFlags::MS_REC, None)?;
        read_only(&format!("{NEW_ROOT}/{path}"))?;
    }
    HIDDEN_FILES.into_iter().filter(|path| Path::new(path).exists()).try_for_each(|path| {
        // reading it gives nothing, writing it has no effect
        mount_(Some("dev/null"), path, None, MsFlags::MS_BIND, None)
    })
}

fn sys() -> Result<(), Errno> {
    make_dir("sys", 0o555)?;
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
