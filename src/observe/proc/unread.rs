//! Why a process could not be read. "No such process", "not permitted" and "failed" are three different answers.

use std::io;

use nix::errno::Errno;

/// Why a process could not be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unread {
    /// No process has this pid, or no longer (`ENOENT`, `ESRCH`).
    #[error("there is no such process")]
    Gone,
    /// It exists, but we may not read it (`EACCES`, `EPERM`).
    #[error("not permitted: the process belongs to another user")]
    Denied,
    /// It may exist: reading failed for another reason, such as `EMFILE` when no descriptor is left.
    #[error("{0}")]
    Failed(Errno),
}

impl Unread {
    pub const fn errno(self) -> Errno {
        match self {
            Self::Gone => Errno::ESRCH,
            Self::Denied => Errno::EACCES,
            Self::Failed(e) => e,
        }
    }
}

impl From<Errno> for Unread {
    fn from(e: Errno) -> Self {
        match e {
            Errno::ENOENT | Errno::ESRCH => Self::Gone,
            Errno::EACCES | Errno::EPERM => Self::Denied,
            other => Self::Failed(other),
        }
    }
}

impl From<io::Error> for Unread {
    fn from(e: io::Error) -> Self {
        Self::from(e.raw_os_error().map_or(Errno::EIO, Errno::from_raw))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_errno_is_one_of_three_answers() {
        assert_eq!(Unread::from(Errno::ESRCH), Unread::Gone);
        assert_eq!(Unread::from(Errno::EACCES), Unread::Denied);
        assert_eq!(Unread::from(Errno::EMFILE), Unread::Failed(Errno::EMFILE));
        assert_eq!(Unread::from(io::Error::from_raw_os_error(libc::ENOENT)), Unread::Gone);
    }
}
