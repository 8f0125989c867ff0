//! Reads what another source does not tell of a process.

use nix::fcntl::AT_FDCWD;

use super::{PAGE, Reader, Status, Unread, directory};

/// What to read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Missing {
    pub comm: bool,
    pub rss: bool,
}

/// What was read, as far as it was to be.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Supplement {
    pub comm: Option<String>,
    pub rss_bytes: Option<u64>,
}

impl Missing {
    pub const fn is_empty(self) -> bool {
        !self.comm && !self.rss
    }
}

impl Reader {
    pub fn read_missing(&mut self, pid: u32, missing: Missing) -> Result<Supplement, Unread> {
        let dir = directory(pid)?;
        let mut found = Supplement::default();
        if missing.comm {
            let text = self.file(&dir, c"comm", PAGE)?;
            let text = text.strip_suffix(b"\n").unwrap_or(text);
            found.comm = Some(String::from_utf8_lossy(text).into_owned());
        }
        if missing.rss {
            let status = Status::parse(self.file(&dir, c"status", usize::MAX)?).ok_or(Unread::Gone)?;
            found.rss_bytes = status.rss_bytes;
        }
        Ok(found)
    }

    /// The arguments of a process; empty where they may not be read.
    pub fn arguments(&mut self, pid: u32) -> Result<Vec<String>, Unread> {
        self.cmdline(AT_FDCWD, format!("/proc/{pid}/cmdline").as_str())
    }
}
