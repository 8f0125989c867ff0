//! The signals that a process waits for without a handler: in `sigtimedwait(2)`, or with a `signalfd(2)`.
//!
//! `/proc/PID/status` does not show them. A sleeping `sigtimedwait` shows in `wchan`; its arguments are in
//! `/proc/PID/syscall` and point to the set in the memory of the process. `/proc/PID/fdinfo` shows the set of a
//! signalfd. All of this needs ptrace access; without it these facts are unknown.

use std::fs::{self, File};
use std::io::Read as _;
use std::os::fd::{AsRawFd as _, OwnedFd};
use std::os::unix::fs::FileExt as _;

use nix::fcntl::{OFlag, openat, readlinkat};
use nix::sys::stat::Mode;

use crate::model::SignalMasks;

/// At most this many descriptors and threads of a process are read.
const MAX_FDS: usize = 512;
const MAX_THREADS: usize = 64;

/// Fills in the signals that a process waits for. `dir` is its directory in /proc; `asleep`: its first thread sleeps.
pub fn read(dir: &OwnedFd, asleep: bool, threads: u32, masks: &mut SignalMasks) {
    if asleep && is_waiting(dir, "") {
        masks.awaiting = true;
        masks.awaited = awaited(dir, "");
    }
    // only a signal that the first thread blocks reaches another thread or a signalfd
    if masks.blocked == 0 {
        return;
    }
    if threads > 1 && !masks.awaiting {
        read_threads(dir, masks);
    }
    masks.signalfd = signalfds(dir);
}

/// Looks for a thread that waits for signals which the others block.
fn read_threads(dir: &OwnedFd, masks: &mut SignalMasks) {
    let mut all = Some(0);
    for thread in names(dir, "task", MAX_THREADS) {
        let at = format!("task/{thread}/");
        if is_waiting(dir, &at) {
            masks.awaiting = true;
            all = all.zip(awaited(dir, &at)).map(|(all, more)| all | more);
        }
    }
    masks.awaited = all.filter(|_| masks.awaiting);
}

fn is_waiting(dir: &OwnedFd, at: &str) -> bool {
    text(dir, &format!("{at}wchan")).is_some_and(|wchan| wchan.starts_with("do_sigtimedwait"))
}

/// The set that was passed to a sleeping `rt_sigtimedwait`.
fn awaited(dir: &OwnedFd, at: &str) -> Option<u64> {
    let set = address(&text(dir, &format!("{at}syscall"))?)?;
    let mut bytes = [0; 8];
    open(dir, &format!("{at}mem"))?.read_exact_at(&mut bytes, set).ok()?;
    Some(u64::from_ne_bytes(bytes))
}

/// The address of the set, from `128 0x7ffd5cb0 0x0 0x7ffd5ca0 0x8 …` (`rt_sigtimedwait(set, info, timeout,
/// sigsetsize)`).
pub(crate) fn address(syscall: &str) -> Option<u64> {
    let mut words = syscall.split_ascii_whitespace();
    if words.next()?.parse() != Ok(libc::SYS_rt_sigtimedwait) {
        return None;
    }
    let mut numbers = words.map(|word| u64::from_str_radix(word.strip_prefix("0x")?, 16).ok());
    let set = numbers.next()??;
    (numbers.nth(2)?? == 8).then_some(set)
}

/// All signals that its signalfds accept.
fn signalfds(dir: &OwnedFd) -> u64 {
    let mut all = 0;
    for fd in names(dir, "fd", MAX_FDS) {
        let link = readlinkat(dir, format!("fd/{fd}").as_str());
        if link.is_ok_and(|link| link == "anon_inode:[signalfd]") {
            all |= text(dir, &format!("fdinfo/{fd}")).as_deref().and_then(sigmask).unwrap_or(0);
        }
    }
    all
}

/// Parses the line `sigmask:`, which is in hexadecimal.
pub(crate) fn sigmask(fdinfo: &str) -> Option<u64> {
    let mask = fdinfo.lines().find_map(|line| line.strip_prefix("sigmask:"))?;
    u64::from_str_radix(mask.trim(), 16).ok()
}

fn names(dir: &OwnedFd, of: &str, most: usize) -> Vec<String> {
    // through our descriptor, since another process may have the pid by now
    let Ok(entries) = fs::read_dir(format!("/proc/self/fd/{}/{of}", dir.as_raw_fd())) else { return Vec::new() };
    entries.take(most).filter_map(|entry| entry.ok()?.file_name().into_string().ok()).collect()
}

fn text(dir: &OwnedFd, name: &str) -> Option<String> {
    let mut text = String::new();
    open(dir, name)?.read_to_string(&mut text).ok()?;
    Some(text)
}

fn open(dir: &OwnedFd, name: &str) -> Option<File> {
    openat(dir, name, OFlag::O_RDONLY | OFlag::O_CLOEXEC, Mode::empty()).ok().map(File::from)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_address_of_the_set_is_parsed() {
        let nr = libc::SYS_rt_sigtimedwait;
        let line = format!("{nr} 0x7ffd5cb0 0x0 0x7ffd5ca0 0x8 0x0 0x0 0x7ffd5c58 0x401234\n");
        assert_eq!(address(&line), Some(0x7ffd_5cb0));
        assert_eq!(address(&line.replace("0x8", "0x4")), None, "not the size of the kernel's set");
        for other in ["running\n", "-1 0x7ffd5c58 0x401234\n", "0 0x3 0x7ffd5cb0 0x80 0x8 0x0 0x0 0x1 0x1\n", ""] {
            assert_eq!(address(other), None, "{other:?}");
        }
    }

    #[test]
    fn the_mask_of_a_signalfd_is_parsed() {
        let fdinfo = "pos:\t0\nflags:\t02004002\nmnt_id:\t16\nino:\t1060\nsigmask:\t0000000000014a03\n";
        assert_eq!(sigmask(fdinfo), Some(0x14a03));
        assert_eq!(sigmask("pos:\t0\n"), None);
    }
}
