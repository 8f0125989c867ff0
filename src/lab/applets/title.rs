//! Sets the name and command line that `ps` shows for a stand-in.

use std::ffi::CString;
use std::fs::{self, OpenOptions};
use std::ops::Range;
use std::os::unix::fs::FileExt as _;
use std::sync::OnceLock;

use nix::sys::prctl;

use crate::procfs::Stat;

/// Sets the name (`comm`, cut at 15 bytes) and the command line of this process, as `setproctitle(3)` does. The
/// command line is cut to the room of the original arguments, in which the node leaves some extra. Errors are ignored.
pub fn set(name: &str, command_line: &str) {
    // set the name last: the kernel sends observers an event for it
    let _ = overwrite(command_line);
    let _ = CString::new(name).map(|name| prctl::set_name(&name));
}

/// Overwrites the memory of the arguments. If its last byte is not zero, the kernel shows the memory up to the first
/// zero byte (`get_mm_proctitle`, fs/proc/base.c).
fn overwrite(command_line: &str) -> Option<()> {
    static ARGUMENTS: OnceLock<Option<(u64, usize)>> = OnceLock::new();
    let (start, length) = (*ARGUMENTS.get_or_init(arguments))?;
    let mut bytes = vec![0; length];
    let (last, room) = bytes.split_last_mut()?;
    *last = 1;
    // a zero byte remains at its end
    let shown = command_line.len().min(room.len().checked_sub(1)?);
    room[..shown].copy_from_slice(&command_line.as_bytes()[..shown]);
    OpenOptions::new().write(true).open("/proc/self/mem").ok()?.write_all_at(&bytes, start).ok()
}

/// Address and length of the arguments in memory.
fn arguments() -> Option<(u64, usize)> {
    let Range { start, end } = Stat::parse(&fs::read("/proc/self/stat").ok()?)?.arguments;
    Some((start, end.checked_sub(start)?.try_into().ok()?))
}
