//! Builds a container's root in the container's own mount namespace. Runs in the child.

use std::os::unix::fs::symlink;
use std::path::Path;

use nix::errno::Errno;
use nix::mount::{MntFlags, MsFlags, umount2};
use nix::sys::stat::{Mode, umask};
use nix::unistd::{chdir, mkdir, pivot_root};

use super::errno_of;
use super::packages::Part;
use super::process::Failure;
use super::rootfs_template::{HOST, NEW_ROOT, PARTS, lock_down, mount_, no_exec_flags, read_only};
use super::volumes::{self, Mounts};

/// Directories that a container may write, with their modes as in an image.
const WRITABLE: [(&str, u32); 5] = [("tmp", 0o1777), ("run", 0o755), ("home", 0o755), ("root", 0o700), ("var", 0o755)];
/// Directories below the writable ones.
const WRITABLE_BELOW: [(&str, u32); 9] = [
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
/// The parts of `/proc` that concern the machine, not the pod. They are read-only, as with docker and containerd.
const READ_ONLY: [&str; 5] = ["proc/bus", "proc/fs", "proc/irq", "proc/sys", "proc/sysrq-trigger"];
/// Files of `/proc` that are hidden for the same reason. `/proc/keys` names the keys of the user outside.
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
/// Options of the root's tmpfs. What a container writes outside of its volumes is memory, so bytes and files are
/// limited.
const ROOT_OPTIONS: &str = "mode=755,size=256m,nr_inodes=65536";

/// Builds the root of a container and changes to it. Nothing of the node or the host stays reachable. `read_only_all`:
/// the usually writable directories are read-only as well.
pub fn enter(parts: &[Part], pod_files: &str, mounts: &Mounts, read_only_all: bool) -> Result<(), Failure> {
    let step = |what: &'static str| move |e: Errno| Failure::create(what, e);
    // create the directories below with exactly these modes; the program gets the usual umask
    umask(Mode::empty());
    // the root is a small tmpfs, so that mount points can be made in it
    mount_(Some("root"), NEW_ROOT, Some("tmpfs"), MsFlags::MS_NOSUID | MsFlags::MS_NODEV, Some(ROOT_OPTIONS))
        .map_err(step("mount the container's root"))?;
    chdir(NEW_ROOT).map_err(step("enter the container's root"))?;
    // the node has prepared the host's directories, read-only
    for part in parts {
        put_part(part).map_err(|e| Failure::create(&format!("put {} into the root", name(part)), e))?;
    }
    make_dir("dev", 0o755).map_err(step("make /dev"))?;
    move_in("dev").map_err(step("put /dev into the root"))?;
    // the writable directories are new with each start of the container
    for dir in EMPTY {
        make_dir(dir, 0o755).map_err(|e| Failure::create(&format!("make /{dir}"), e))?;
    }
    for (dir, mode) in WRITABLE {
        let made = if read_only_all { make_dir(dir, mode) } else { writable(dir, mode) };
        made.map_err(|e| Failure::create(&format!("make /{dir}"), e))?;
    }
    for (dir, mode) in WRITABLE_BELOW {
        make_dir(dir, mode).map_err(|e| Failure::create(&format!("make /{dir}"), e))?;
    }
    for (link, target) in [("var/run", "/run"), ("var/lock", "/run/lock")] {
        symlink(target, link).map_err(|e| Failure::create(&format!("make /{link}"), errno_of(&e)))?;
    }
    proc().map_err(step("mount /proc"))?;
    sys().map_err(step("mount /sys"))?;
    dev(pod_files).map_err(step("mount /dev/shm"))?;
    volumes::mount_all(pod_files, mounts)?;
    volumes::bind_etc_files(pod_files).map_err(step("bind the pod's files over /etc"))?;
    read_only(NEW_ROOT).map_err(step("make the root read-only"))?;
    // put the new root over the old one and unmount the old one: pivot_root(2), "pivot_root(".", ".")"
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

fn put_part(part: &Part) -> Result<(), Errno> {
    match part {
        Part::Link { name, target } => symlink(target, name).map_err(|e| errno_of(&e)),
        Part::Dir(name) => make_dir(name, 0o755).and_then(|()| move_in(name)),
    }
}

/// Moves a prepared mount into the root: this mount namespace has its own copy of it.
fn move_in(name: &str) -> Result<(), Errno> {
    mount_(Some(&format!("{PARTS}/{name}")), name, None, MsFlags::MS_MOVE, None)
}

fn make_dir(dir: &str, mode: u32) -> Result<(), Errno> {
    mkdir(dir, Mode::from_bits_truncate(mode))
}

fn writable(dir: &str, mode: u32) -> Result<(), Errno> {
    make_dir(dir, mode)?;
    // a mount of its own stays writable when the root mount becomes read-only
    mount_(Some(dir), dir, None, MsFlags::MS_BIND, None)
}

fn proc() -> Result<(), Errno> {
    make_dir("proc", 0o555)?;
    // it belongs to this process's pid namespace, so it shows the pod (or only this container)
    mount_(Some("proc"), "proc", Some("proc"), no_exec_flags(), None)?;
    for path in READ_ONLY.into_iter().filter(|path| Path::new(path).exists()) {
        mount_(Some(path), path, None, MsFlags::MS_BIND | MsFlags::MS_REC, None)?;
        read_only(&format!("{NEW_ROOT}/{path}"))?;
    }
    HIDDEN_FILES.into_iter().filter(|path| Path::new(path).exists()).try_for_each(|path| {
        // /dev/null covers the file: reading gives nothing, writing has no effect
        mount_(Some("dev/null"), path, None, MsFlags::MS_BIND, None)
    })
}

fn sys() -> Result<(), Errno> {
    make_dir("sys", 0o555)?;
    // a new sysfs shows the pod's network devices; the kernel may refuse it where /sys is masked
    if mount_(Some("sysfs"), "sys", Some("sysfs"), no_exec_flags() | MsFlags::MS_RDONLY, None).is_err() {
        mount_(Some(&format!("{HOST}/sys")), "sys", None, MsFlags::MS_BIND | MsFlags::MS_REC, None)?;
        lock_down(&format!("{NEW_ROOT}/sys"))?;
    }
    Ok(())
}

fn dev(pod_files: &str) -> Result<(), Errno> {
    // the pod's containers share /dev/shm, like the IPC namespace
    mount_(Some(&format!("{pod_files}/shm")), "dev/shm", None, MsFlags::MS_BIND, None)?;
    // a container can do without both: some kernels are built without them
    let pts = Some("newinstance,ptmxmode=0666,mode=620");
    let _ = mount_(Some("devpts"), "dev/pts", Some("devpts"), MsFlags::MS_NOSUID | MsFlags::MS_NOEXEC, pts);
    let _ = mount_(Some("mqueue"), "dev/mqueue", Some("mqueue"), no_exec_flags(), None);
    Ok(())
}
