//! A pod's files: its volumes and its own `/etc/hosts`, and how they get into a container's root.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs::{self, File};
use std::net::IpAddr;
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::symlink;
use std::path::{Component, Path, PathBuf};

use nix::errno::Errno;
use nix::fcntl::{OFlag, OpenHow, ResolveFlag, open, openat2};
use nix::mount::{MntFlags, MsFlags, umount2};
use nix::sys::stat::Mode;

use super::birth::Failure;
use super::errno_of;
use super::ground::{HOST, LAYERS, NEW_ROOT, PODS, lock_down, mount_, quiet, read_only};
use crate::lab::spec::{ContainerSpec, PodSpec, VolumeSource};
use crate::model::PodUid;

/// A container's volumes with their sources.
pub type Mounts = Vec<(VolumeSource, String, String, bool)>;

/// A pod's `/dev/shm`, as large as a kubelet's runtimes make it.
const SHARED_MEMORY: &str = "mode=1777,size=64m,nr_inodes=16384";

pub fn pod_files(uid: &PodUid) -> String {
    format!("{PODS}/{uid}")
}

/// Makes what lives as long as the pod.
pub fn create(uid: &PodUid, spec: &PodSpec) -> std::io::Result<()> {
    let base = pod_files(uid);
    for dir in ["etc", "volumes"] {
        fs::create_dir_all(format!("{base}/{dir}"))?;
    }
    let shm = format!("{base}/shm");
    if fs::create_dir(&shm).is_ok() {
        mount_(Some("shm"), &shm, Some("tmpfs"), quiet(), Some(SHARED_MEMORY))?;
    }
    for volume in &spec.volumes {
        if let VolumeSource::EmptyDir { memory, size_limit } = volume.source {
            let dir = format!("{base}/volumes/{}", volume.name);
            // it outlives the sandbox: the next finds it as it is
            if fs::create_dir(&dir).is_ok() && memory {
                let size = size_limit.map_or("mode=777".to_owned(), |bytes| format!("mode=777,size={bytes}"));
                let flags = MsFlags::MS_NOSUID | MsFlags::MS_NODEV;
                mount_(Some(&volume.name), &dir, Some("tmpfs"), flags, Some(&size))?;
            }
        }
    }
    fs::write(format!("{base}/etc/hostname"), format!("{}\n", spec.hostname))?;
    // there is no way out of the node's network, hence no name server to ask
    fs::write(format!("{base}/etc/resolv.conf"), "# the lab's network has no name server\n")
}

/// `/etc/hosts` as the kubelet writes it; anew with every address.
pub fn write_hosts(uid: &PodUid, hostname: &str, ip: IpAddr) -> std::io::Result<()> {
    let text = format!("127.0.0.1\tlocalhost\n::1\tlocalhost ip6-localhost ip6-loopback\n{ip}\t{hostname}\n");
    fs::write(format!("{}/etc/hosts", pod_files(uid)), text)
}

/// Removes what lives as long as the pod. A uid that is no plain name is refused: its path would be another's.
pub fn remove(uid: &PodUid) {
    if !is_plain_name(&uid.0) {
        return;
    }
    let base = pod_files(uid);
    let _ = umount2(format!("{base}/shm").as_str(), MntFlags::MNT_DETACH);
    for volume in fs::read_dir(format!("{base}/volumes")).into_iter().flatten().filter_map(Result::ok) {
        // those in memory are mounts; of the others the kernel says so
        let _ = umount2(&volume.path(), MntFlags::MNT_DETACH);
    }
    let _ = fs::remove_dir_all(base);
}

/// One part of a path, and neither of those that lead elsewhere.
fn is_plain_name(text: &str) -> bool {
    let mut parts = Path::new(text).components();
    matches!(parts.next(), Some(Component::Normal(part)) if part == text) && parts.next().is_none()
}

pub fn of_container(spec: &PodSpec, container: &ContainerSpec) -> Mounts {
    let source = |name: &str| spec.volumes.iter().find(|v| v.name == name).map(|v| v.source.clone());
    let mount =
        |m: &crate::lab::spec::VolumeMount| Some((source(&m.volume)?, m.volume.clone(), m.path.clone(), m.read_only));
    container.mounts.iter().filter_map(mount).collect()
}

/// Mounts all volumes into the new root, which is still writable. Runs in the child.
pub fn mount_all(pod_files: &str, mounts: &Mounts) -> Result<(), Failure> {
    let root = open(NEW_ROOT, OFlag::O_PATH | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC, Mode::empty())
        .map_err(|e| Failure::create("open the root", e))?;
    make_mount_points(&root, mounts.iter().map(|(_, _, path, _)| path.as_str()))?;
    // outer ones first, whatever their order in the manifest
    let mut sorted: Vec<_> = mounts.iter().collect();
    sorted.sort_by_key(|(_, _, path, _)| Path::new(path).components().count());
    for (source, volume, path, ro) in sorted {
        let fail = |what: &str| {
            let text = format!("{what} volume \"{volume}\" at {path}");
            move |e: Errno| Failure::create(&text, e)
        };
        // inside another volume the mount point is made only now
        let target = match resolve(&root, path) {
            Err(Errno::ENOENT) => make_dirs(&root, Path::new(path)).and_then(|()| resolve(&root, path)),
            other => other,
        };
        let target = target.map_err(fail("mount"))?;
        let target = proc_path(&target);
        match source {
            VolumeSource::EmptyDir { .. } => {
                let from = format!("{pod_files}/volumes/{volume}");
                mount_(Some(&from), &target, None, MsFlags::MS_BIND, None).map_err(fail("mount"))?;
            }
            VolumeSource::HostPath(host_path) => {
                let host = open(HOST, OFlag::O_PATH | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC, Mode::empty())
                    .map_err(fail("mount"))?;
                let from = resolve(&host, host_path)
                    .map_err(|e| Failure::create(&format!("hostPath {host_path} of volume \"{volume}\""), e))?;
                let flags = MsFlags::MS_BIND | MsFlags::MS_REC;
                mount_(Some(&proc_path(&from)), &target, None, flags, None).map_err(fail("mount"))?;
            }
        }
        // what is mounted now, not what was there when the path was first resolved
        let mounted = resolve(&root, path).map_err(fail("protect"))?;
        match source {
            VolumeSource::HostPath(_) => lock_down(&proc_path(&mounted)).map_err(fail("protect"))?,
            VolumeSource::EmptyDir { .. } if *ro => read_only(&proc_path(&mounted)).map_err(fail("protect"))?,
            VolumeSource::EmptyDir { .. } => {}
        }
    }
    Ok(())
}

/// Binds the pod's own small files over the host's, where the host has such files.
pub fn own_etc(pod_files: &str) -> Result<(), Errno> {
    let root = open(NEW_ROOT, OFlag::O_PATH | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC, Mode::empty())?;
    for name in ["hostname", "hosts", "resolv.conf"] {
        let path = format!("/etc/{name}");
        // often a link into /run, which is the container's own and empty
        if let Ok(link) = fs::read_link(format!("{NEW_ROOT}{path}")) {
            let inside = Path::new("/etc").join(link);
            if let Some(parent) = inside.parent() {
                let _ = make_dirs(&root, parent);
            }
            let how = how(OFlag::O_CREAT | OFlag::O_WRONLY).mode(Mode::from_bits_truncate(0o644));
            let _ = openat2(&root, path.as_str(), how);
        }
        if let Ok(target) = resolve(&root, &path) {
            mount_(Some(&format!("{pod_files}/etc/{name}")), &proc_path(&target), None, MsFlags::MS_BIND, None)?;
        }
    }
    Ok(())
}

fn how(flags: OFlag) -> OpenHow {
    OpenHow::new()
        .flags(flags | OFlag::O_CLOEXEC)
        .resolve(ResolveFlag::RESOLVE_IN_ROOT | ResolveFlag::RESOLVE_NO_MAGICLINKS)
}

/// Opens a path as seen from `root`: links, absolute ones too, never lead out of it.
fn resolve(root: &OwnedFd, path: &str) -> Result<OwnedFd, Errno> {
    openat2(root, path, how(OFlag::O_PATH))
}

fn proc_path(fd: &OwnedFd) -> String {
    format!("/proc/self/fd/{}", fd.as_raw_fd())
}

/// Directories that do not exist yet are made in the container's own tmpfs if they lie there, else in
/// a layer over the host's directory that would have to hold them.
fn make_mount_points<'a>(root: &OwnedFd, paths: impl Iterator<Item = &'a str>) -> Result<(), Failure> {
    let mut layers: BTreeMap<PathBuf, Vec<PathBuf>> = BTreeMap::new();
    for path in paths {
        let fail = |e: Errno| Failure::create(&format!("make the mount point {path}"), e);
        match make_dirs(root, Path::new(path)) {
            Ok(()) => {}
            Err(Errno::EROFS | Errno::EACCES | Errno::EPERM) => {
                let (existing, missing) = split(root, Path::new(path)).map_err(fail)?;
                layers.entry(existing).or_default().push(missing);
            }
            Err(e) => return Err(fail(e)),
        }
    }
    if !layers.is_empty() {
        // in a tmpfs of this mount namespace: the node and other containers do not see it
        mount_(Some("layers"), LAYERS, Some("tmpfs"), quiet(), Some("mode=755"))
            .map_err(|e| Failure::create("mount a tmpfs for mount points", e))?;
    }
    for (n, (dir, missing)) in layers.iter().enumerate() {
        let skeleton = format!("{LAYERS}/{n}");
        add_layer(&skeleton, dir, missing)
            .map_err(|e| Failure::create(&format!("make mount points in {}", dir.display()), e))?;
    }
    Ok(())
}

/// `mkdir -p` inside the root.
fn make_dirs(root: &OwnedFd, path: &Path) -> Result<(), Errno> {
    let mut at = PathBuf::from("/");
    for part in path.components().filter_map(normal) {
        let parent = openat2(root, &at, how(OFlag::O_PATH))?;
        at.push(part);
        match openat2(root, &at, how(OFlag::O_PATH)) {
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

/// The deepest part of a path that exists, as seen from within the root with links followed, and what is missing
/// below it.
fn split(root: &OwnedFd, path: &Path) -> Result<(PathBuf, PathBuf), Errno> {
    let parts: Vec<&OsStr> = path.components().filter_map(normal).collect();
    for n in (0..parts.len()).rev() {
        let head = Path::new("/").join(parts[..n].iter().collect::<PathBuf>());
        if let Ok(fd) = openat2(root, &head, how(OFlag::O_PATH | OFlag::O_DIRECTORY)) {
            let real = fs::read_link(proc_path(&fd)).map_err(|e| errno_of(&e))?;
            return Ok((real, parts[n..].iter().collect()));
        }
    }
    Err(Errno::ENOENT)
}

/// Lays a read-only layer with the missing directories over one that cannot be written. `dir` is a
/// path in the node, below [`NEW_ROOT`].
fn add_layer(skeleton: &str, dir: &Path, missing: &[PathBuf]) -> Result<(), Errno> {
    let dir = dir.to_str().ok_or(Errno::EINVAL)?;
    for path in missing {
        fs::create_dir_all(Path::new(skeleton).join(path)).map_err(|e| errno_of(&e))?;
    }
    let plain = dir.bytes().all(|b| !matches!(b, b':' | b',' | b'\\'));
    let layers = format!("lowerdir={skeleton}:{dir}");
    let flags = MsFlags::MS_NOSUID | MsFlags::MS_NODEV | MsFlags::MS_RDONLY;
    if plain && mount_(Some("layer"), dir, Some("overlay"), flags, Some(&layers)).is_ok() {
        return Ok(());
    }
    mimic(dir, missing)
}

/// The same without overlayfs: a tmpfs in which every entry of the directory is bound again.
fn mimic(dir: &str, missing: &[PathBuf]) -> Result<(), Errno> {
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
    for path in missing {
        fs::create_dir_all(Path::new(dir).join(path)).map_err(io)?;
    }
    read_only(dir)
}

#[cfg(test)]
mod tests {
    use super::is_plain_name;

    #[test]
    fn only_a_plain_name_has_files_of_its_own() {
        assert!(is_plain_name("0b9e3c1e-7d3c-4a54-9d0e-3d9a1c1e7f00"));
        for other in ["", ".", "..", "/", "a/b", "a/", "/a", "./a", "../a"] {
            assert!(!is_plain_name(other), "{other:?} would remove what is not this pod's");
        }
    }
}
