//! How a process ended.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::Signal;

/// A wait status as `wait4(2)` returns it and the proc connector carries it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct WaitStatus(pub i32);

impl WaitStatus {
    pub const fn exited(code: i32) -> Self {
        Self((code & 0xff) << 8)
    }

    pub const fn killed(signal: i32) -> Self {
        Self(signal & 0x7f)
    }

    /// The signal that ended it, if one did.
    pub const fn signal(self) -> Option<i32> {
        match self.0 & 0x7f {
            0 => None,
            n => Some(n),
        }
    }

    /// The exit code as Kubernetes shows it: the code itself, or 128 + signal.
    pub const fn code(self) -> i32 {
        match self.signal() {
            Some(n) => 128 + n,
            None => (self.0 >> 8) & 0xff,
        }
    }

    pub const fn success(self) -> bool {
        self.0 == 0
    }
}

impl fmt::Display for WaitStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.signal() {
            Some(n) => write!(f, "killed by {} ({})", Signal(n), self.code()),
            None => write!(f, "exit {}", self.code()),
        }
    }
}
