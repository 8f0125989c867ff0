//! The one way a file is written: beside, then renamed, so that the old one is whole until the new one is.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

/// Why a file could not be written or read, and the way out.
#[derive(Debug, thiserror::Error)]
pub enum WriteError {
    #[error("{path}: the disk is full; free some space or choose another place{kept}")]
    Full { path: String, kept: &'static str },
    #[error("{path}: no right to write there; choose another place{kept}")]
    Forbidden { path: String, kept: &'static str },
    #[error("{path}: the folder does not exist; create it or choose another place")]
    NoFolder { path: String },
    #[error("{path}: is a folder; give the name of a file in it")]
    IsFolder { path: String },
    #[error("{path}: {source}{kept}")]
    Other { path: String, source: io::Error, kept: &'static str },
    #[error("{path}: {size} bytes are more than the {limit} that such a file may have")]
    TooLarge { path: String, size: u64, limit: u64 },
}

impl WriteError {
    fn new(path: &Path, source: io::Error) -> Self {
        let kept = if path.exists() { "; the file that was there is unchanged" } else { "" };
        let path = path.display().to_string();
        match source.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Self::Full { path, kept },
            io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => Self::Forbidden { path, kept },
            io::ErrorKind::NotFound | io::ErrorKind::NotADirectory => Self::NoFolder { path },
            io::ErrorKind::IsADirectory => Self::IsFolder { path },
            _ => Self::Other { path, source, kept },
        }
    }
}

/// Writes a whole file, or leaves what was there untouched. A new file gets mode 0644 less the umask; one that
/// is replaced keeps its mode, a symbolic link stays one. Devices and pipes are written into.
pub fn write_file(path: &Path, bytes: &[u8]) -> Result<(), WriteError> {
    replace(path, bytes, None).map_err(|e| WriteError::new(path, e))
}

/// As [`write_file`], and the file has exactly this mode.
pub fn write_mode(path: &Path, bytes: &[u8], mode: u32) -> Result<(), WriteError> {
    replace(path, bytes, Some(mode)).map_err(|e| WriteError::new(path, e))
}

/// Reads a whole text file of at most `limit` bytes.
pub fn read_limited(path: &Path, limit: u64) -> Result<String, WriteError> {
    let shown = || path.display().to_string();
    let other = |source| WriteError::Other { path: shown(), source, kept: "" };
    let file = File::open(path).map_err(other)?;
    let mut text = String::new();
    file.take(limit + 1).read_to_string(&mut text).map_err(other)?;
    if text.len() as u64 > limit {
        let size = fs::metadata(path).map_or(limit + 1, |m| m.len().max(limit + 1));
        return Err(WriteError::TooLarge { path: shown(), size, limit });
    }
    Ok(text)
}

fn replace(path: &Path, bytes: &[u8], mode: Option<u32>) -> io::Result<()> {
    let target = match fs::canonicalize(path) {
        Ok(real) => real,
        Err(e) if e.kind() == io::ErrorKind::NotFound => path.to_owned(),
        Err(e) => return Err(e),
    };
    let old = fs::metadata(&target).ok();
    match &old {
        Some(meta) if meta.is_dir() => return Err(io::ErrorKind::IsADirectory.into()),
        Some(meta) if !meta.is_file() => return OpenOptions::new().write(true).open(&target)?.write_all(bytes),
        // a rename needs no right to the file itself: respect that it is read-only
        Some(_) => drop(OpenOptions::new().append(true).open(&target)?),
        None => {}
    }
    let mode = mode.or(old.map(|m| m.permissions().mode() & 0o7777));
    let beside = Beside::new(&target)?;
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o644).open(&beside.path)?;
    file.write_all(bytes)?;
    if let Some(mode) = mode {
        file.set_permissions(fs::Permissions::from_mode(mode))?;
    }
    file.sync_all()?;
    fs::rename(&beside.path, &target)?;
    if let Some(folder) = target.parent().filter(|f| !f.as_os_str().is_empty()) {
        // the rename itself survives a power cut; a file system that cannot say so has written it all the same
        let _ = File::open(folder).and_then(|f| f.sync_all());
    }
    Ok(())
}

/// The new file until it has its name; gone if it never gets it.
struct Beside {
    path: PathBuf,
}

impl Beside {
    fn new(target: &Path) -> io::Result<Self> {
        let name = target.file_name().ok_or(io::ErrorKind::IsADirectory)?;
        let mut hidden = std::ffi::OsString::from(".");
        hidden.push(name.to_string_lossy().chars().take(60).collect::<String>());
        hidden.push(format!(".{}.tmp", std::process::id()));
        let path = target.with_file_name(hidden);
        // of an earlier process with this pid
        match fs::remove_file(&path) {
            Err(e) if e.kind() != io::ErrorKind::NotFound => Err(e),
            _ => Ok(Self { path }),
        }
    }
}

impl Drop for Beside {
    fn drop(&mut self) {
        // after the rename there is nothing at this path any more
        let _ = fs::remove_file(&self.path);
    }
}
