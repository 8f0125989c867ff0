//! The directory of the sockets.

use std::fs::{self, DirBuilder};
use std::io;
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _};
use std::path::{Path, PathBuf};

use nix::unistd::geteuid;

/// Why the directory of the sockets cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum DirectoryError {
    #[error("{}: {error}", path.display())]
    Make { path: PathBuf, error: io::Error },
    /// Another user could have put something into it.
    #[error(
        "{}: it must be a directory of this user that nobody else can enter (mode 0700); remove it, or set \
         XDG_RUNTIME_DIR to another directory",
        .0.display()
    )]
    Unsafe(PathBuf),
}

/// The path of the directory of this user's sockets, which may not exist.
pub fn path() -> PathBuf {
    let uid = geteuid();
    let own = |dir: &PathBuf| fs::metadata(dir).is_ok_and(|m| m.is_dir() && m.uid() == uid.as_raw());
    // XDG_RUNTIME_DIR may be that of the user who called su or sudo
    let named = std::env::var_os("XDG_RUNTIME_DIR").map(PathBuf::from).filter(|dir| dir.is_absolute());
    let usual = PathBuf::from(format!("/run/user/{uid}"));
    match named.into_iter().chain([usual]).find(own) {
        Some(runtime) => runtime.join("podscope"),
        None if uid.is_root() => PathBuf::from("/run/podscope"),
        None => std::env::temp_dir().join(format!("podscope-{uid}")),
    }
}

/// Creates the directory if it does not exist.
///
/// # Errors
/// It cannot be created, or other users can enter it.
pub fn make() -> Result<PathBuf, DirectoryError> {
    let path = path();
    match DirBuilder::new().mode(0o700).create(&path) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(DirectoryError::Make { path, error }),
        _ => check(&path).map(|()| path),
    }
}

/// Checks that only this user can have put anything into the directory. Does not follow a link.
///
/// # Errors
/// Another user could have, or the directory cannot be examined.
pub fn check(path: &Path) -> Result<(), DirectoryError> {
    let safe = |m: &fs::Metadata| m.is_dir() && m.uid() == geteuid().as_raw() && m.mode() & 0o777 == 0o700;
    match fs::symlink_metadata(path) {
        Ok(metadata) if safe(&metadata) => Ok(()),
        Ok(_) => Err(DirectoryError::Unsafe(path.to_owned())),
        Err(error) => Err(DirectoryError::Make { path: path.to_owned(), error }),
    }
}

/// The path of the socket of the program with this pid.
pub fn socket(dir: &Path, pid: u32) -> PathBuf {
    dir.join(format!("{pid}.sock"))
}

/// All sockets, each with the pid that it is named after, the lowest pid first. Empty if there is no directory.
///
/// # Errors
/// The directory is not safe, or cannot be read.
pub fn sockets() -> Result<Vec<(u32, PathBuf)>, DirectoryError> {
    let dir = path();
    match check(&dir) {
        Err(DirectoryError::Make { error, .. }) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        checked => checked?,
    }
    let failed = |error| DirectoryError::Make { path: dir.clone(), error };
    let mut found = Vec::new();
    for entry in fs::read_dir(&dir).map_err(failed)? {
        let path = entry.map_err(failed)?.path();
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        if let Some(pid) = name.strip_suffix(".sock").and_then(|pid| pid.parse().ok()) {
            found.push((pid, path));
        }
    }
    found.sort();
    Ok(found)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn only_a_private_directory_of_this_user_is_trusted() {
        let dir = tempfile::tempdir().expect("a directory");
        let (own, open, link) = (dir.path().join("own"), dir.path().join("open"), dir.path().join("link"));
        DirBuilder::new().mode(0o700).create(&own).expect("made");
        check(&own).expect("trusted");
        fs::create_dir(&open).expect("made");
        fs::set_permissions(&open, fs::Permissions::from_mode(0o750)).expect("opened");
        assert!(matches!(check(&open), Err(DirectoryError::Unsafe(_))));
        std::os::unix::fs::symlink(&own, &link).expect("linked");
        assert!(matches!(check(&link), Err(DirectoryError::Unsafe(_))), "another user could change its target");
        assert!(matches!(check(&dir.path().join("none")), Err(DirectoryError::Make { .. })));
    }
}
