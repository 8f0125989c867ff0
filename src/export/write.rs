//! Writes a file to a temporary file in the same folder, then renames it, so that the old file is complete until the
//! new one is.

use std::fs::{self, File, Metadata, OpenOptions, Permissions};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _, PermissionsExt as _, fchown};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use nix::errno::Errno;

/// The maximal size of a manifest or script in bytes.
pub const MAX_FILE: u64 = 4 << 20;

/// Why a file could not be written or read, and how to fix it.
#[derive(Debug, thiserror::Error)]
pub enum WriteError {
    #[error("{path}: the disk is full; free some space or choose another place{kept}")]
    Full { path: String, kept: &'static str },
    #[error("{path}: your disk quota is used up; free some space or choose another place{kept}")]
    Quota { path: String, kept: &'static str },
    #[error("{path}: the file system is read-only; choose another place{kept}")]
    ReadOnly { path: String, kept: &'static str },
    #[error("{path}: no permission to {action}; choose another place{kept}")]
    Forbidden { path: String, action: String, kept: &'static str },
    #[error("{path}: the folder {folder} does not exist; create it or choose another place")]
    NoFolder { path: String, folder: String },
    #[error("{path}: {part} is not a folder; choose another place")]
    NotAFolder { path: String, part: String },
    #[error("{path}: no files can be made in {folder}; choose another place")]
    NoFiles { path: String, folder: String },
    #[error("{path}: is a folder; give the name of a file in it")]
    IsFolder { path: String },
    /// `link`: the path is a symbolic link to this file.
    #[error("{path}: there is a file of this name already")]
    Exists { path: String, link: Option<String> },
    #[error("{path}: is a symbolic link to {target}, which does not exist; write to that path or choose another name")]
    DanglingLink { path: String, target: String },
    #[error("{path}: belongs to uid {uid}, gid {gid}, which a replacement would change; choose another name{kept}")]
    Owner { path: String, uid: u32, gid: u32, kept: &'static str },
    #[error("{path}: {why}{kept}")]
    Other { path: String, why: String, kept: &'static str },
    #[error("{path}: {size} bytes are more than the {limit} that such a file may have")]
    TooLarge { path: String, size: u64, limit: u64 },
    /// Line and column of the first byte that is not UTF-8, from 1.
    #[error("{path}:{line}:{column}: the byte 0x{byte:02x} is not UTF-8; save the file as UTF-8")]
    NotUtf8 { path: String, line: u64, column: u64, byte: u8 },
}

impl WriteError {
    /// The error of a call on `path`, or on the temporary file in the same folder. `action` completes "no
    /// permission to".
    fn new(path: &Path, action: &str, source: &io::Error) -> Self {
        let kept = if path.exists() { "; the file that was there is unchanged" } else { "" };
        let shown = path.display().to_string();
        let folder = folder_of(path);
        match source.raw_os_error().map_or(Errno::UnknownErrno, Errno::from_raw) {
            Errno::ENOSPC => Self::Full { path: shown, kept },
            Errno::EDQUOT => Self::Quota { path: shown, kept },
            Errno::EROFS => Self::ReadOnly { path: shown, kept },
            Errno::EACCES | Errno::EPERM => Self::Forbidden { path: shown, action: action.to_owned(), kept },
            Errno::ENOENT => match first_missing(folder) {
                Some(missing) => Self::NoFolder { path: shown, folder: missing.display().to_string() },
                // a file system without new files, such as /proc
                None => Self::NoFiles { path: shown, folder: folder.display().to_string() },
            },
            Errno::ENOTDIR => {
                let part = path.ancestors().skip(1).find(|part| fs::metadata(part).is_ok_and(|meta| !meta.is_dir()));
                Self::NotAFolder { path: shown, part: part.unwrap_or(folder).display().to_string() }
            }
            Errno::EISDIR => Self::IsFolder { path: shown },
            Errno::EEXIST => Self::Exists { path: shown, link: None },
            Errno::UnknownErrno => Self::Other { path: shown, why: source.to_string(), kept },
            errno => Self::Other { path: shown, why: errno.desc().to_owned(), kept },
        }
    }
}

fn folder_of(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// The outermost of the folder and its ancestors that does not exist.
fn first_missing(folder: &Path) -> Option<&Path> {
    let missing = |part: &&Path| {
        !part.as_os_str().is_empty() && fs::metadata(part).is_err_and(|e| e.kind() == io::ErrorKind::NotFound)
    };
    folder.ancestors().take_while(missing).last()
}

/// Writes a whole file, or leaves the old one unchanged. A new file gets mode 0644 less the umask; a replaced file
/// keeps owner, group and mode. A symbolic link stays, and the file it leads to is replaced: the user who made the link
/// wants the file there. A dangling link is an error, since following it would create a file at a place that the user
/// has not named. Devices and pipes are written to directly.
pub fn write_file(path: &Path, bytes: &[u8]) -> Result<(), WriteError> {
    write(path, bytes, None, true)
}

/// As [`write_file`], but an existing file is not replaced: that is [`WriteError::Exists`].
pub fn write_new(path: &Path, bytes: &[u8]) -> Result<(), WriteError> {
    write(path, bytes, None, false)
}

/// As [`write_file`], and the file has exactly this mode.
pub fn write_mode(path: &Path, bytes: &[u8], mode: u32) -> Result<(), WriteError> {
    write(path, bytes, Some(mode), true)
}

/// Reads a whole text file of at most `limit` bytes.
pub fn read_limited(path: &Path, limit: u64) -> Result<String, WriteError> {
    let shown = || path.display().to_string();
    let other = |e: io::Error| WriteError::Other { path: shown(), why: e.to_string(), kept: "" };
    let file = File::open(path).map_err(other)?;
    let mut bytes = Vec::new();
    file.take(limit + 1).read_to_end(&mut bytes).map_err(other)?;
    if bytes.len() as u64 > limit {
        let size = fs::metadata(path).map_or(limit + 1, |m| m.len().max(limit + 1));
        return Err(WriteError::TooLarge { path: shown(), size, limit });
    }
    String::from_utf8(bytes).map_err(|e| {
        let (good, rest) = e.as_bytes().split_at(e.utf8_error().valid_up_to());
        let good = String::from_utf8_lossy(good);
        let line = good.matches('\n').count() as u64 + 1;
        let column = good.rsplit('\n').next().map_or(0, |l| l.chars().count()) as u64 + 1;
        WriteError::NotUtf8 { path: shown(), line, column, byte: rest.first().copied().unwrap_or_default() }
    })
}

fn write(path: &Path, bytes: &[u8], mode: Option<u32>, replace: bool) -> Result<(), WriteError> {
    let failed = |action: &'static str| move |e: io::Error| WriteError::new(path, action, &e);
    let target = follow_link(path)?;
    let old = match fs::metadata(&target) {
        Ok(meta) => Some(meta),
        Err(e) if e.kind() == io::ErrorKind::NotFound => None,
        Err(e) => return Err(failed("look into its folder")(e)),
    };
    match &old {
        Some(meta) if meta.is_dir() => return Err(WriteError::IsFolder { path: path.display().to_string() }),
        Some(_) if !replace => {
            let link = (target != path).then(|| target.display().to_string());
            return Err(WriteError::Exists { path: path.display().to_string(), link });
        }
        Some(meta) if !meta.is_file() => {
            let written = OpenOptions::new().write(true).open(path).and_then(|mut file| file.write_all(bytes));
            return written.map_err(failed("write to it"));
        }
        // A rename needs no right to the file itself, so open it to respect that it is read-only. Open the given path,
        // not the target, so that the kernel's rules for links in /tmp apply (fs.protected_symlinks in proc_sys_fs(5)).
        Some(_) => drop(OpenOptions::new().append(true).open(path).map_err(failed("write to it"))?),
        None => {}
    }
    let temp = TempFile::new(&target).map_err(failed("create files in its folder"))?;
    // a file with an own mode is closed to others until it has that mode
    let first_mode = if old.is_some() || mode.is_some() { 0o600 } else { 0o644 };
    let file = OpenOptions::new().write(true).create_new(true).mode(first_mode).open(&temp.path);
    let mut file = file.map_err(failed("create files in its folder"))?;
    if let Some(old) = &old {
        keep_owner(path, &file, old)?;
    }
    let fill = |file: &mut File| {
        file.write_all(bytes)?;
        if let Some(mode) = mode.or_else(|| old.as_ref().map(|m| m.permissions().mode() & 0o7777)) {
            file.set_permissions(Permissions::from_mode(mode))?;
        }
        file.sync_all()
    };
    fill(&mut file).map_err(failed("write to it"))?;
    let published = if replace { fs::rename(&temp.path, &target) } else { publish_new(&temp.path, &target) };
    published.map_err(failed("create files in its folder"))?;
    // makes the rename survive a power cut; the file is written even if the file system does not support this
    let _ = File::open(folder_of(&target)).and_then(|folder| folder.sync_all());
    Ok(())
}

/// The target of the path if it is a symbolic link, else the path itself.
fn follow_link(path: &Path) -> Result<PathBuf, WriteError> {
    if !fs::symlink_metadata(path).is_ok_and(|meta| meta.is_symlink()) {
        return Ok(path.to_owned());
    }
    fs::canonicalize(path).map_err(|e| match e.kind() {
        io::ErrorKind::NotFound => WriteError::DanglingLink {
            path: path.display().to_string(),
            target: fs::read_link(path).unwrap_or_default().display().to_string(),
        },
        _ => WriteError::new(path, "follow the link", &e),
    })
}

/// Gives the new file the owner and group of the old one (`fchown(2)`).
fn keep_owner(path: &Path, new: &File, old: &Metadata) -> Result<(), WriteError> {
    let fresh = new.metadata().map_err(|e| WriteError::new(path, "write to it", &e))?;
    if (fresh.uid(), fresh.gid()) == (old.uid(), old.gid()) {
        return Ok(());
    }
    fchown(new, Some(old.uid()), Some(old.gid())).map_err(|_| WriteError::Owner {
        path: path.display().to_string(),
        uid: old.uid(),
        gid: old.gid(),
        kept: "; the file that was there is unchanged",
    })
}

/// Renames the finished file to `target`, unless a file of this name exists by now.
fn publish_new(temp: &Path, target: &Path) -> io::Result<()> {
    match fs::hard_link(temp, target) {
        Err(e) if e.kind() != io::ErrorKind::AlreadyExists => {
            // a file system without hard links, such as FAT: take the name first
            drop(OpenOptions::new().write(true).create_new(true).open(target)?);
            fs::rename(temp, target).inspect_err(|_| drop(fs::remove_file(target)))
        }
        linked => linked,
    }
}

/// The path of the new file until it is renamed. Removes the file on drop if it was not renamed.
struct TempFile {
    path: PathBuf,
}

impl TempFile {
    fn new(target: &Path) -> io::Result<Self> {
        let name = target.file_name().ok_or(io::ErrorKind::IsADirectory)?;
        let mut hidden = std::ffi::OsString::from(".");
        hidden.push(name.to_string_lossy().chars().take(60).collect::<String>());
        static NEXT: AtomicU64 = AtomicU64::new(0);
        hidden.push(format!(".{}.{}.tmp", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed)));
        let path = target.with_file_name(hidden);
        // left by an earlier process that had this pid
        match fs::remove_file(&path) {
            Err(e) if e.kind() != io::ErrorKind::NotFound => Err(e),
            _ => Ok(Self { path }),
        }
    }
}

impl Drop for TempFile {
    fn drop(&mut self) {
        // after the rename nothing exists at this path
        let _ = fs::remove_file(&self.path);
    }
}
