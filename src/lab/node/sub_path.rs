//! Opens a file or directory inside a volume (`subPath`) without a way out of the volume.
//!
//! A container may have written to the volume before and may still do so. A link in it must not lead out of the volume
//! (CVE-2017-1002101), and a directory must not be replaced by such a link after the check (CVE-2021-25741). So the
//! kernel resolves the path in one call that refuses to leave the volume, and the result is mounted by its descriptor.

use std::os::fd::OwnedFd;
use std::path::{Component, Path, PathBuf};

use nix::errno::Errno;
use nix::fcntl::{OFlag, OpenHow, ResolveFlag, openat2};
use nix::sys::stat::{Mode, fstat, mkdirat};

use super::process::Failure;
use crate::model::WaitingReason;
use crate::sys::limits::reason;

/// A `subPath` and the mount that it belongs to.
#[derive(Clone, Debug)]
pub struct SubPath {
    pub path: String,
    /// The name of the mount in messages, like `volumeMount "v" of container "c"`.
    pub of: String,
}

/// Opens a `subPath` inside the volume. With `make`, missing directories are created with the volume's permissions, as
/// a kubelet does.
pub fn open(volume: &OwnedFd, sub: &SubPath, make: bool) -> Result<OwnedFd, Failure> {
    match find(volume, &sub.path, OFlag::O_PATH) {
        Ok(fd) => Ok(fd),
        Err(Errno::ENOENT) if make => {
            make_dirs(volume, &sub.path).map_err(|e| failure("create subPath directory", sub, &why(e)))?;
            find(volume, &sub.path, OFlag::O_PATH).map_err(|e| failure("prepare subPath", sub, &why(e)))
        }
        Err(Errno::ENOENT) => {
            let why = "it is not there, and the lab creates nothing on the host; create it yourself";
            Err(failure("create subPath directory", sub, why))
        }
        Err(e) => Err(failure("prepare subPath", sub, &why(e))),
    }
}

/// Opens a path. Links are followed as long as they stay inside: the files of a ConfigMap are links.
fn find(volume: &OwnedFd, path: impl AsRef<Path>, flags: OFlag) -> Result<OwnedFd, Errno> {
    let resolve = ResolveFlag::RESOLVE_BENEATH | ResolveFlag::RESOLVE_NO_MAGICLINKS;
    openat2(volume, path.as_ref(), OpenHow::new().flags(flags | OFlag::O_CLOEXEC).resolve(resolve))
}

fn make_dirs(volume: &OwnedFd, path: &str) -> Result<(), Errno> {
    let mode = Mode::from_bits_truncate(fstat(volume)?.st_mode & 0o7777);
    let mut at = PathBuf::from(".");
    for part in Path::new(path).components() {
        let Component::Normal(part) = part else { continue };
        let parent = find(volume, &at, OFlag::O_PATH | OFlag::O_DIRECTORY)?;
        at.push(part);
        match find(volume, &at, OFlag::O_PATH | OFlag::O_DIRECTORY) {
            Ok(_) => {}
            // mkdirat follows no link; another container may have created it meanwhile
            Err(Errno::ENOENT) => match mkdirat(&parent, Path::new(part), mode) {
                Ok(()) | Err(Errno::EEXIST) => {}
                Err(e) => return Err(e),
            },
            Err(e) => return Err(e),
        }
    }
    Ok(())
}

fn why(e: Errno) -> String {
    match e {
        Errno::EXDEV => "a link in it leads out of the volume; remove the link".to_owned(),
        e => reason(e).into_owned(),
    }
}

/// The kubelet's message (`makeMounts` in pkg/kubelet/kubelet_pods.go), with the reason, which a kubelet leaves out.
fn failure(verb: &str, sub: &SubPath, why: &str) -> Failure {
    let message = format!("failed to {verb} for {}: {}: {why}", sub.of, sub.path);
    Failure { reason: WaitingReason::CreateContainerConfigError, message }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::fd::OwnedFd;
    use std::os::unix::fs::symlink;
    use std::path::Path;

    use nix::sys::stat::fstat;

    use super::{SubPath, open};

    fn sub(path: &str) -> SubPath {
        SubPath { path: path.to_owned(), of: "volumeMount \"v\" of container \"c\"".to_owned() }
    }

    fn volume(dir: &Path) -> OwnedFd {
        fs::File::open(dir).expect("a directory").into()
    }

    #[test]
    fn directories_are_created_inside_and_links_never_lead_out() {
        let outer = tempfile::tempdir().expect("a directory");
        let dir = outer.path().join("volume");
        fs::create_dir(&dir).expect("made");
        fs::create_dir(outer.path().join("outside")).expect("made");
        fs::write(outer.path().join("outside/secret"), "s").expect("written");
        fs::create_dir(dir.join("in")).expect("made");
        fs::write(dir.join("in/file"), "x").expect("written");
        for (link, to) in [
            ("up", "../outside"),
            ("absolute", "/etc"),
            ("inside", "in"),
            ("dangling", "nowhere"),
            ("around", "in/../../outside"),
        ] {
            symlink(to, dir.join(link)).expect("linked");
        }
        let volume = volume(&dir);
        let made = open(&volume, &sub("a/b/./c"), true).expect("made");
        assert_eq!(
            fstat(&made).expect("its inode").st_ino,
            fstat(self::volume(&dir.join("a/b/c"))).expect("inode").st_ino
        );
        assert!(open(&volume, &sub("inside/file"), true).is_ok());
        assert!(open(&volume, &sub("inside/new"), true).is_ok() && dir.join("in/new").is_dir());
        for path in ["up", "up/secret", "up/new/deep", "absolute", "absolute/passwd", "around/secret"] {
            let told = open(&volume, &sub(path), true).expect_err(path).message;
            assert!(told.contains(&format!("{path}: a link in it leads out of the volume")), "{told}");
        }
        let told = open(&volume, &sub("dangling"), true).expect_err("nothing there").message;
        assert!(told.starts_with("failed to prepare subPath for volumeMount \"v\" of container \"c\""), "{told}");
        assert!(open(&volume, &sub("in/file/x"), true).is_err(), "a file is no directory");
        let told = open(&volume, &sub("none"), false).expect_err("not made").message;
        assert!(told.contains("create it yourself") && !dir.join("none").exists(), "{told}");
        let names = fs::read_dir(outer.path().join("outside")).expect("readable").count();
        assert_eq!(names, 1, "nothing was made outside");
    }
}
