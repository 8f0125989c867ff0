//! Starts processes by `clone3(2)`, from a program that has only one thread.

use std::marker::PhantomData;
use std::os::fd::{AsFd as _, AsRawFd as _, BorrowedFd, FromRawFd, OwnedFd};
use std::panic::{AssertUnwindSafe, catch_unwind};

use nix::errno::Errno;
use nix::sched::CloneFlags;
use nix::sys::stat::stat;

/// Proof that the process had only one thread when this was created. Only then may a forked child allocate, take locks
/// and run ordinary code, since no other thread can have held a lock at the fork. Each fork checks it again, so that a
/// thread started meanwhile is an error and does not make the child hang.
#[derive(Debug)]
pub struct SingleThreaded(PhantomData<*const ()>);

impl SingleThreaded {
    /// # Errors
    /// `EINVAL` if the process has more than one thread, or what `stat(2)` says of `/proc/self/task`.
    pub fn check() -> Result<Self, Errno> {
        check_one_thread().map(|()| Self(PhantomData))
    }
}

/// Checks that the process has only one thread: then no other can start one after the check.
fn check_one_thread() -> Result<(), Errno> {
    // the links are one for each thread, `.`, and the entry in the parent directory (`proc_task_getattr` in
    // fs/proc/base.c)
    let links = stat("/proc/self/task")?.st_nlink;
    if links == 3 { Ok(()) } else { Err(Errno::EINVAL) }
}

/// A child that was just started.
#[derive(Debug)]
pub struct Child {
    /// Its pid in the caller's pid namespace.
    pub pid: i32,
    pub pidfd: OwnedFd,
}

/// The exit code of a child whose code panicked or could not be run.
pub const PANICKED: i32 = 101;

/// `CLONE_INTO_CGROUP` of `include/uapi/linux/sched.h`; libc's constant has a type that is too narrow.
const INTO_CGROUP: u64 = 0x2_0000_0000;

/// Starts a process that runs `child` and exits with the code that it returns.
///
/// With `CLONE_PARENT` the new process is a sibling: its parent is the caller's parent.
///
/// # Errors
/// As for `clone3(2)`; `ENOMEM` also if the init of the pid namespace is dead. `EINVAL` if the process has more than
/// one thread now.
pub fn spawn(alone: &SingleThreaded, flags: CloneFlags, child: impl FnOnce() -> i32) -> Result<Child, Errno> {
    spawn_in(alone, flags, None, child)
}

/// As [`spawn`]. The child starts in the cgroup (version 2) with this directory (`CLONE_INTO_CGROUP`).
///
/// # Errors
/// Also `EACCES` if the caller may not move processes there, and `EBUSY` if the cgroup delegates controllers.
pub fn spawn_in(
    _: &SingleThreaded,
    flags: CloneFlags,
    cgroup: Option<BorrowedFd<'_>>,
    child: impl FnOnce() -> i32,
) -> Result<Child, Errno> {
    check_one_thread()?;
    let mut pidfd: libc::c_int = -1;
    // SAFETY: clone_args consists of integers, for which all zeros is a valid value.
    let mut args: libc::clone_args = unsafe { std::mem::zeroed() };
    args.flags = flags.bits() as u64 | libc::CLONE_PIDFD as u64;
    args.pidfd = (&raw mut pidfd) as u64;
    if let Some(cgroup) = cgroup {
        args.flags |= INTO_CGROUP;
        args.cgroup = cgroup.as_raw_fd() as u64;
    }
    // a sibling gets its exit signal from the caller (clone(2), CLONE_PARENT)
    args.exit_signal = if flags.contains(CloneFlags::CLONE_PARENT) { 0 } else { libc::SIGCHLD as u64 };
    // SAFETY: no CLONE_VM, so the child runs on a copy of this stack; the process has one thread
    // (checked above), so the copy is consistent. `args` and `pidfd` live through the call.
    let mut pid = unsafe { libc::syscall(libc::SYS_clone3, &raw const args, size_of::<libc::clone_args>()) };
    if pid == -1 && Errno::last() == Errno::ENOSYS && cgroup.is_none() {
        // seccomp profiles of containers forbid clone3, since a filter cannot read what a pointer points to
        let (flags, stack) = (args.flags | args.exit_signal, 0_usize);
        // SAFETY: as above; with no stack given the child runs on a copy of this one. The third argument is where
        // CLONE_PIDFD puts the descriptor (clone(2)); on both processors the others come after it.
        pid = unsafe { libc::syscall(libc::SYS_clone, flags, stack, &raw mut pidfd, 0_usize, 0_usize) };
    }
    match pid {
        -1 => Err(Errno::last()),
        0 => {
            // must not unwind into the parent's code, nor run its destructors
            let code = catch_unwind(AssertUnwindSafe(child)).unwrap_or(PANICKED);
            exit(code)
        }
        // SAFETY: the kernel has just made this descriptor for us (CLONE_PIDFD).
        pid => Ok(Child { pid: pid as i32, pidfd: unsafe { OwnedFd::from_raw_fd(pidfd) } }),
    }
}

/// Starts a process that has only its standard streams and the descriptors `kept` open. `child` gets `kept`.
///
/// `child` is a plain function, so that it owns none of the descriptors that are closed here, and it never returns to
/// the caller's code, which may own some. `A` describes each descriptor; it is `Copy` for the same reason.
///
/// # Errors
/// As for [`spawn`].
pub fn spawn_with_only<A: Copy + 'static>(
    alone: &SingleThreaded,
    flags: CloneFlags,
    kept: Vec<(OwnedFd, A)>,
    child: fn(Vec<(OwnedFd, A)>) -> i32,
) -> Result<Child, Errno> {
    spawn(alone, flags, move || {
        let fds: Vec<BorrowedFd<'_>> = kept.iter().map(|(fd, _)| fd.as_fd()).collect();
        match close_all_but(&fds) {
            Ok(()) => child(kept),
            Err(_) => PANICKED,
        }
    })
}

/// Closes every descriptor from 3 on but these. Only for a child that never returns to code that owns one of the closed
/// descriptors, because it exits or executes a program next.
pub fn close_all_but(kept: &[BorrowedFd<'_>]) -> Result<(), Errno> {
    let mut kept: Vec<u32> =
        kept.iter().filter_map(|fd| u32::try_from(fd.as_raw_fd()).ok()).filter(|fd| *fd >= 3).collect();
    kept.sort_unstable();
    let mut first = 3;
    for end in kept.into_iter().chain([u32::MAX]) {
        if first < end {
            let last = if end == u32::MAX { end } else { end - 1 };
            // SAFETY: descriptors are numbers to the kernel; no code that owns one of these runs any more (see above).
            Errno::result(unsafe { libc::syscall(libc::SYS_close_range, first, last, 0) })?;
        }
        first = end.saturating_add(1);
    }
    Ok(())
}

/// Ends the process at once, without destructors and without flushing buffers.
pub fn exit(code: i32) -> ! {
    // SAFETY: always sound; buffered output is lost on purpose.
    unsafe { libc::_exit(code) }
}

/// Makes every descriptor of this process from `first` on close at the next `execve(2)`, here and in children.
pub fn close_on_exec_from(first: u32) -> Result<(), Errno> {
    // SAFETY: only sets a flag on our own descriptors.
    let r = unsafe { libc::syscall(libc::SYS_close_range, first, u32::MAX, libc::CLOSE_RANGE_CLOEXEC) };
    Errno::result(r).map(drop)
}

/// Takes ownership of the descriptor `fd` that this program was started with.
///
/// # Errors
/// `EBADF` if it is not open.
pub fn take_inherited_fd(fd: i32) -> Result<OwnedFd, Errno> {
    // SAFETY: only reads the flags; the result tells whether it is open.
    Errno::result(unsafe { libc::fcntl(fd, libc::F_GETFD) })?;
    // SAFETY: it is open (see above) and was passed to this program by its number, so no other code owns it.
    let own = unsafe { libc::fcntl(fd, libc::F_DUPFD_CLOEXEC, 3) };
    Errno::result(own)?;
    // SAFETY: just duplicated for us.
    Ok(unsafe { OwnedFd::from_raw_fd(own) })
}

#[cfg(test)]
mod tests {
    use std::marker::PhantomData;

    use super::{CloneFlags, Errno, SingleThreaded, spawn};

    #[test]
    fn a_process_with_several_threads_is_not_alone() {
        // the test harness has at least two threads now: its main thread and this one
        let second = std::thread::spawn(std::thread::park);
        assert_eq!(SingleThreaded::check().err(), Some(Errno::EINVAL));
        // the process was alone, and has started a thread since then
        let outdated = SingleThreaded(PhantomData);
        assert_eq!(spawn(&outdated, CloneFlags::empty(), || 0).err(), Some(Errno::EINVAL));
        second.thread().unpark();
        second.join().expect("no panic");
    }
}
