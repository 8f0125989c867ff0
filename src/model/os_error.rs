//! The kernel's error numbers.

use std::io;

use serde::{Deserialize, Serialize};

/// A number of `errno(3)`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(transparent)]
pub struct OsError(pub i32);

impl OsError {
    /// For an error of the standard library that does not come from the kernel (`EIO`).
    const UNSPECIFIED: Self = Self(5);
}

impl From<&io::Error> for OsError {
    fn from(e: &io::Error) -> Self {
        e.raw_os_error().map_or(Self::UNSPECIFIED, Self)
    }
}
