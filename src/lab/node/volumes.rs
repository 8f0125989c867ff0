//! A pod's files (its volumes and its own files in `/etc`), and how they are mounted into a container's root.

use std::fs;
use std::io::{Read as _, Seek as _, SeekFrom, Write as _};
use std::net::IpAddr;
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Component, Path};

use nix::errno::Errno;
use nix::fcntl::{OFlag, OpenHow, ResolveFlag, open, openat2};
use nix::mount::{MntFlags, MsFlags, umount2};
use nix::sys::stat::{Mode, SFlag, fstat};

use super::atomic_writer;
use super::host_path::{self, Covers};
use super::mount_points::{self, make_dirs, make_point};
use super::process::Failure;
use super::rootfs_template::{HOST, NEW_ROOT, PODS, Protect, bind_fd, mount_, no_exec_flags};
use super::sub_path::{self, SubPath};
use crate::lab::spec::{ContainerSpec, HostPathType, PodSpec, StartFacts, VolumeSource};
use crate::model::{PodUid, WaitingReason};

/// Where the source of a mount is.
#[derive(Clone, Debug)]
enum Origin {
    /// A file or directory of the pod, below [`pod_files`].
    Pod(String),
    Host {
        path: String,
        kind: HostPathType,
    },
}

/// A file or directory that is mounted at a path of a container.
#[derive(Clone, Debug)]
pub struct Mount {
    from: Origin,
    /// Its name in error messages.
    what: String,
    path: String,
    read_only: bool,
    sub_path: Option<SubPath>,
}

/// The mounts of a container in addition to those that every container has.
pub type Mounts = Vec<Mount>;

/// Mount options of a pod's `/dev/shm`, which is as large as a kubelet's runtimes make it.
const SHARED_MEMORY: &str = "mode=1777,size=64m,nr_inodes=16384";

/// The directory of a pod's files in the node.
pub fn pod_files(uid: &PodUid) -> String {
    format!("{PODS}/{uid}")
}

/// Creates the files and volumes that live as long as the pod.
pub fn create(uid: &PodUid, spec: &PodSpec) -> std::io::Result<()> {
    let base = pod_files(uid);
    for dir in ["etc", "volumes", "termination", "blank"] {
        fs::create_dir_all(format!("{base}/{dir}"))?;
    }
    let nothing = format!("{base}/nothing");
    if !Path::new(&nothing).exists() {
        write_new(&nothing, "")?;
    }
    let shm = format!("{base}/shm");
    if create_once(&shm)? {
        mount_(Some("shm"), &shm, Some("tmpfs"), no_exec_flags(), Some(SHARED_MEMORY))?;
    }
    for volume in &spec.volumes {
        let dir = format!("{base}/volumes/{}", volume.name);
        match &volume.source {
            VolumeSource::EmptyDir { memory, size_limit } => {
                // it outlives the sandbox: the next sandbox uses it as it is
                if !create_once(&dir)? {
                    continue;
                }
                // writable for every user, independent of the node's umask (`setupDir` in pkg/volume/emptydir)
                fs::set_permissions(&dir, fs::Permissions::from_mode(0o777))?;
                if *memory || size_limit.is_some() {
                    let size = size_limit.map_or("mode=777".to_owned(), |bytes| format!("mode=777,size={bytes}"));
                    let flags = MsFlags::MS_NOSUID | MsFlags::MS_NODEV;
                    mount_(Some(&volume.name), &dir, Some("tmpfs"), flags, Some(&size))?;
                }
            }
            VolumeSource::Config(payload) => {
                if create_once(&dir)? {
                    fs::set_permissions(&dir, fs::Permissions::from_mode(0o777))?;
                    atomic_writer::write(Path::new(&dir), &payload.files)?;
                }
            }
            VolumeSource::HostPath { .. } => {}
        }
    }
    write_new(&format!("{base}/etc/hostname"), &format!("{}\n", spec.hostname))?;
    // the node's network is isolated, so no name server is reachable
    write_new(&format!("{base}/etc/resolv.conf"), "# the lab's network has no name server\n")
}

/// Updates a pod's ConfigMap and Secret volumes. What is mounted by a `subPath` does not change, as with a kubelet.
pub fn update(uid: &PodUid, old: &PodSpec, new: &PodSpec) -> std::io::Result<()> {
    for volume in &new.volumes {
        let VolumeSource::Config(payload) = &volume.source else { continue };
        let dir = format!("{}/volumes/{}", pod_files(uid), volume.name);
        // if there is no sandbox yet, the volume is created with it
        if payload.missing.is_none() && !old.volumes.contains(volume) && Path::new(&dir).is_dir() {
            atomic_writer::write(Path::new(&dir), &payload.files)?;
        }
    }
    Ok(())
}

/// Writes `/etc/hosts` as the kubelet does; again whenever the pod's address changes.
pub fn write_hosts(uid: &PodUid, hostname: &str, ip: IpAddr) -> std::io::Result<()> {
    let text = format!("127.0.0.1\tlocalhost\n::1\tlocalhost ip6-localhost ip6-loopback\n{ip}\t{hostname}\n");
    write_new(&format!("{}/etc/hosts", pod_files(uid)), &text)
}

/// Makes a directory; `false` if it is there already.
fn create_once(path: &str) -> std::io::Result<bool> {
    match fs::create_dir(path) {
        Ok(()) => Ok(true),
        Err(e) if e.kind() == std::io::ErrorKind::AlreadyExists => Ok(false),
        Err(e) => Err(e),
    }
}

/// Writes a file, in place of an existing one. The old file is removed, not overwritten: a pod may hold a lease on it,
/// and the node would have to wait for that (`fcntl(2)`, `F_SETLEASE`).
fn write_new(path: &str, text: &str) -> std::io::Result<()> {
    match fs::remove_file(path) {
        Err(e) if e.kind() != std::io::ErrorKind::NotFound => return Err(e),
        _ => {}
    }
    fs::File::create_new(path)?.write_all(text.as_bytes())
}

/// Removes the files and volumes of a pod. A uid that is not a plain name is refused: its path would lead elsewhere.
pub fn remove(uid: &PodUid) {
    if !is_plain_name(&uid.0) {
        return;
    }
    let base = pod_files(uid);
    let _ = umount2(format!("{base}/shm").as_str(), MntFlags::MNT_DETACH);
    for volume in fs::read_dir(format!("{base}/volumes")).into_iter().flatten().filter_map(Result::ok) {
        // those in memory are mounts; for the others this fails
        let _ = umount2(&volume.path(), MntFlags::MNT_DETACH);
    }
    let _ = fs::remove_dir_all(base);
}

/// Whether a text is one normal part of a path, not `.`, `..` or `/`.
fn is_plain_name(text: &str) -> bool {
    let mut parts = Path::new(text).components();
    matches!(parts.next(), Some(Component::Normal(part)) if part == text) && parts.next().is_none()
}

/// The mounts of this container.
///
/// # Errors
/// A `subPathExpr` cannot be expanded.
pub fn mounts_of(spec: &PodSpec, container: &ContainerSpec, at_start: &StartFacts) -> Result<Mounts, Failure> {
    let source = |name: &str| spec.volumes.iter().find(|v| v.name == name).map(|v| &v.source);
    let volume = |m: &crate::lab::spec::VolumeMount| {
        let from = match source(&m.volume)? {
            VolumeSource::EmptyDir { .. } | VolumeSource::Config(_) => Origin::Pod(format!("volumes/{}", m.volume)),
            VolumeSource::HostPath { path, kind } => Origin::Host { path: path.clone(), kind: *kind },
        };
        let found = match container.sub_path(m, at_start) {
            Ok(found) => found,
            Err(message) => return Some(Err(Failure { reason: WaitingReason::CreateContainerConfigError, message })),
        };
        let what = format!("volume \"{}\"", m.volume);
        let of = format!("volumeMount \"{}\" of container \"{}\"", m.volume, container.name);
        let sub_path = found.map(|path| SubPath { path, of });
        Some(Ok(Mount { from, what, path: m.path.clone(), read_only: m.read_only, sub_path }))
    };
    let mut mounts = container.mounts.iter().filter_map(volume).collect::<Result<Mounts, Failure>>()?;
    let path = container.termination.path.clone();
    if !mounts.iter().any(|m| m.path == path) {
        let from = Origin::Pod(format!("termination/{}", container.name));
        mounts.push(Mount { from, what: "the termination message".to_owned(), path, read_only: false, sub_path: None });
    }
    Ok(mounts)
}

/// Creates an empty file for the container's next termination message, which every user in it may write.
pub fn new_termination_log(uid: &PodUid, container: &str) -> std::io::Result<()> {
    let path = termination_log(uid, container);
    // processes left from its last run may still have the old file open
    let _ = fs::remove_file(&path);
    fs::File::create_new(&path)?;
    fs::set_permissions(path, fs::Permissions::from_mode(0o666))
}

/// Reads the end of the termination message of the container's last run.
pub fn read_termination_log(uid: &PodUid, container: &str, max: u64) -> std::io::Result<Vec<u8>> {
    // if the pod holds a lease on it, this fails instead of blocking
    let nonblocking = OFlag::O_NONBLOCK | OFlag::O_NOFOLLOW;
    let mut file =
        fs::OpenOptions::new().read(true).custom_flags(nonblocking.bits()).open(termination_log(uid, container))?;
    let length = file.metadata()?.len();
    file.seek(SeekFrom::Start(length.saturating_sub(max)))?;
    let mut bytes = Vec::new();
    file.take(max).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// Removes the termination message of a container that has left the pod.
pub fn forget_termination_log(uid: &PodUid, container: &str) {
    // if it was never started, there is no file
    let _ = fs::remove_file(termination_log(uid, container));
}

fn termination_log(uid: &PodUid, container: &str) -> String {
    format!("{}/termination/{container}", pod_files(uid))
}

/// Mounts all mounts into the new root, which is still writable. Runs in the child.
pub fn mount_all(pod_files: &str, mounts: &Mounts) -> Result<(), Failure> {
    let root = open(NEW_ROOT, OFlag::O_PATH | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC, Mode::empty())
        .map_err(|e| Failure::create("open the root", e))?;
    let covers = Covers { dir: format!("{pod_files}/blank"), file: format!("{pod_files}/nothing") };
    let mut sources = Vec::new();
    for mount in mounts {
        sources.push((mount, Source::open(pod_files, mount)?));
    }
    mount_points::make(&root, sources.iter().map(|(mount, source)| (mount.path.as_str(), source.is_file)))?;
    // outer mounts first, in whatever order the manifest lists them
    sources.sort_by_key(|(mount, _)| Path::new(&mount.path).components().count());
    for (mount, source) in &sources {
        let (what, path) = (&mount.what, &mount.path);
        let fail = |verb: &str| {
            let text = format!("{verb} {what} at {path}");
            move |e: Errno| Failure::create(&text, e)
        };
        // a mount point inside another volume can be made only now
        let target = match resolve(&root, path) {
            Err(Errno::ENOENT) => {
                make_point(&root, Path::new(path), source.is_file).and_then(|()| resolve(&root, path))
            }
            other => other,
        };
        let target = target.map_err(fail("mount"))?;
        host_path::refuse_proc(&target, path)?;
        if source.of_host && !source.is_file {
            host_path::mount_host_dir(&source.fd, &target, &covers).map_err(fail("mount"))?;
            continue;
        }
        let protect = match (source.of_host, mount.read_only) {
            (true, _) => Protect::LockDown,
            (false, true) => Protect::ReadOnly,
            (false, false) => Protect::Nothing,
        };
        bind_fd(&source.fd, &target, protect).map_err(fail("mount"))?;
    }
    Ok(())
}

/// The opened source of a mount.
struct Source {
    fd: OwnedFd,
    is_file: bool,
    of_host: bool,
}

impl Source {
    fn open(pod_files: &str, mount: &Mount) -> Result<Self, Failure> {
        let fail = |e: Errno| Failure::create(&format!("find {}", mount.what), e);
        match &mount.from {
            Origin::Pod(path) => {
                let path = format!("{pod_files}/{path}");
                let mut fd = open(path.as_str(), OFlag::O_PATH | OFlag::O_CLOEXEC, Mode::empty()).map_err(fail)?;
                if let Some(sub) = &mount.sub_path {
                    fd = sub_path::open(&fd, sub, true)?;
                }
                let mode = fstat(&fd).map_err(fail)?.st_mode;
                let is_file = SFlag::from_bits_truncate(mode) & SFlag::S_IFMT != SFlag::S_IFDIR;
                Ok(Self { fd, is_file, of_host: false })
            }
            Origin::Host { path, kind } => {
                let host = open(HOST, OFlag::O_PATH | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC, Mode::empty());
                let mut found = host_path::open(&host.map_err(fail)?, path, *kind, &mount.what)?;
                if let Some(sub) = &mount.sub_path {
                    let fd = sub_path::open(&found.fd, sub, false)?;
                    found = host_path::accept(fd, &format!("{path}/{}", sub.path), HostPathType::Unset, &mount.what)?;
                }
                Ok(Self { fd: found.fd, is_file: found.is_file, of_host: true })
            }
        }
    }
}

/// Bind-mounts the pod's own files over the host's in `/etc`, where the host has such files.
pub fn bind_etc_files(pod_files: &str) -> Result<(), Errno> {
    let root = open(NEW_ROOT, OFlag::O_PATH | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC, Mode::empty())?;
    for name in ["hostname", "hosts", "resolv.conf"] {
        let path = format!("/etc/{name}");
        // it is often a link into /run, which is empty in the container: create the target
        if let Ok(link) = fs::read_link(format!("{NEW_ROOT}{path}")) {
            let inside = Path::new("/etc").join(link);
            if let Some(parent) = inside.parent() {
                let _ = make_dirs(&root, parent);
            }
            let open_how = open_how(OFlag::O_CREAT | OFlag::O_WRONLY).mode(Mode::from_bits_truncate(0o644));
            let _ = openat2(&root, path.as_str(), open_how);
        }
        if let Ok(target) = resolve(&root, &path) {
            let path = format!("{pod_files}/etc/{name}");
            let source = open(path.as_str(), OFlag::O_PATH | OFlag::O_CLOEXEC, Mode::empty())?;
            // read-only: the container must not fill the node's memory
            bind_fd(source, target, Protect::ReadOnly)?;
        }
    }
    Ok(())
}

pub(super) fn open_how(flags: OFlag) -> OpenHow {
    OpenHow::new()
        .flags(flags | OFlag::O_CLOEXEC)
        .resolve(ResolveFlag::RESOLVE_IN_ROOT | ResolveFlag::RESOLVE_NO_MAGICLINKS)
}

/// Opens a path as seen from `root`. Links, absolute ones too, never lead out of it.
pub(super) fn resolve(root: &OwnedFd, path: &str) -> Result<OwnedFd, Errno> {
    openat2(root, path, open_how(OFlag::O_PATH))
}

pub(super) fn proc_path(fd: &OwnedFd) -> String {
    format!("/proc/self/fd/{}", fd.as_raw_fd())
}

#[cfg(test)]
mod tests {
    use super::is_plain_name;

    #[test]
    fn only_a_plain_name_is_accepted_as_uid() {
        assert!(is_plain_name("0b9e3c1e-7d3c-4a54-9d0e-3d9a1c1e7f00"));
        for other in ["", ".", "..", "/", "a/b", "a/", "/a", "./a", "../a"] {
            assert!(!is_plain_name(other), "{other:?} would remove files outside of the pod");
        }
    }
}
