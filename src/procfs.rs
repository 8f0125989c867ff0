//! Texts of `/proc` that more than one room reads, one parser for each format. What is in them is bytes, not UTF-8: a
//! process chooses its name, and a user who mounts chooses the path.

mod mountinfo;
mod stat;

use std::{fs, io};

pub use mountinfo::{Mount, mounts};
pub use stat::Stat;

/// The mounts of our own mount namespace, in the kernel's order: of two at one place the later covers the earlier.
///
/// # Errors
/// `/proc/self/mountinfo` cannot be read.
pub fn own_mounts() -> io::Result<Vec<Mount>> {
    Ok(mounts(&fs::read("/proc/self/mountinfo")?).collect())
}
