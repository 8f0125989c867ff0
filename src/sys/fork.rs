//! New processes by `clone3(2)`, from a program that has only one thread.

use std::marker::PhantomData;
use std::os::fd::{AsFd as _, AsRawFd as _, BorrowedFd, FromRawFd, OwnedFd};
use std::panic::{AssertUnwindSafe, catch_unwind};

use nix::errno::Errno;
use nix::sched::CloneFlags;
use nix::sys::stat::stat;

/// The process had one thread when this was made. Only then may a forked child allocate, lock and run ordinary code,
/// since no other thread can have held a lock at the fork. Each fork checks it again, so that a thread that was started
/// since is an error and not a child that hangs.
#[derive(Debug)]
pub struct Alone(PhantomData<*const ()>);

impl Alone {
    /// # Errors
    /// `EINVAL` if the process has more than one thread, or what `stat(2)` says of `/proc/self/task`.
    pub fn prove() -> Result<Self, Errno> {
        one_thread().map(|()| Self(PhantomData))
    }
}

/// Nobody can start a thread after this but the caller, which is the only one.
fn one_thread() -> Result<(), Errno> {
    // a directory for each thread, `.`, and the link from above (`proc_task_getattr` in fs/proc/base.c)
    let links = stat("/proc/self/task")?.st_nlink;
    if links == 3 { Ok(()) } else { Err(Errno::EINVAL) }
}

/// A child that was just started.
#[derive(Debug)]
pub struct Child {
    /// In the caller's own pid namespace.
    pub pid: i32,
    pub pidfd: OwnedFd,
}

/// The exit code of a child whose code panicked, or could not be reached.
pub const PANICKED: i32 = 101;

/// `CLONE_INTO_CGROUP` of `include/uapi/linux/sched.h`; libc's own constant is too narrow for it.
const INTO_CGROUP: u64 = 0x2_0000_0000;

/// Starts a process that runs `child` and ends with the code it returns.
///
/// With `CLONE_PARENT` the new process is a sibling: its parent is the caller's parent.
///
/// # Errors
/// As of `clone3(2)`; `ENOMEM` also when the pid namespace's init is dead. `EINVAL` if the process has more than one
/// thread by now.
pub fn spawn(alone: &Alone, flags: CloneFlags, child: impl FnOnce() -> i32) -> Result<Child, Errno> {
    spawn_in(alone, flags, None, child)
}

/// The same; the child begins in a cgroup of version 2, of which this is the directory (`CLONE_INTO_CGROUP`).
///
/// # Errors
/// Also `EACCES` if the caller may not move processes there, and `EBUSY` if it passes controllers on.
pub fn spawn_in(
    _: &Alone,
    flags: CloneFlags,
    cgroup: Option<BorrowedFd<'_>>,
    child: impl FnOnce() -> i32,
) -> Result<Child, Errno> {
    one_thread()?;
    let mut pidfd: libc::c_int = -1;
    // SAFETY: clone_args is plain integers, for which all zeros is a value.
    let mut args: libc::clone_args = unsafe { std::mem::zeroed() };
    args.flags = flags.bits() as u64 | libc::CLONE_PIDFD as u64;
    args.pidfd = (&raw mut pidfd) as u64;
    if let Some(cgroup) = cgroup {
        args.flags |= INTO_CGROUP;
        args.cgroup = cgroup.as_raw_fd() as u64;
    }
    // a sibling takes its exit signal from the caller (clone(2), CLONE_PARENT)
    args.exit_signal = if flags.contains(CloneFlags::CLONE_PARENT) { 0 } else { libc::SIGCHLD as u64 };
    // SAFETY: no CLONE_VM, so the child runs on a copy of this stack; the process has one thread
    // (checked above), so the copy is consistent. `args` and `pidfd` live through the call.
    let mut pid = unsafe { libc::syscall(libc::SYS_clone3, &raw const args, size_of::<libc::clone_args>()) };
    if pid == -1 && Errno::last() == Errno::ENOSYS && cgroup.is_none() {
        // in a container there is no clone3, since its seccomp filter cannot look behind a pointer
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

/// Starts a process in which nothing is open but its standard streams and `kept`, which it gets.
///
/// The code of the child is a plain function, so that it holds no descriptor which is closed here, and it never returns
/// to the caller's code, which does. What `A` says of each descriptor is `Copy` for the same reason.
///
/// # Errors
/// As of [`spawn`].
pub fn spawn_with_only<A: Copy + 'static>(
    alone: &Alone,
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

/// Closes every descriptor from 3 on but these. Only for a child that never returns to code that owns one of the others:
/// one that ends, or executes a program, next.
pub fn close_all_but(kept: &[BorrowedFd<'_>]) -> Result<(), Errno> {
    let mut kept: Vec<u32> =
        kept.iter().filter_map(|fd| u32::try_from(fd.as_raw_fd()).ok()).filter(|fd| *fd >= 3).collect();
    kept.sort_unstable();
    let mut first = 3;
    for end in kept.into_iter().chain([u32::MAX]) {
        if first < end {
            let last = if end == u32::MAX { end } else { end - 1 };
            // SAFETY: descriptors are only numbers to the kernel; nothing that owns one of these runs on (above).
            Errno::result(unsafe { libc::syscall(libc::SYS_close_range, first, last, 0) })?;
        }
        first = end.saturating_add(1);
    }
    Ok(())
}

/// Ends the process at once: no destructors, no buffers flushed.
pub fn exit(code: i32) -> ! {
    // SAFETY: always sound; what is buffered is lost, which is the point.
    unsafe { libc::_exit(code) }
}

/// Has every descriptor of this process from `first` on closed at the next `execve(2)`, here and in children.
pub fn close_on_exec_from(first: u32) -> Result<(), Errno> {
    // SAFETY: only sets a flag on our own descriptors.
    let r = unsafe { libc::syscall(libc::SYS_close_range, first, u32::MAX, libc::CLOSE_RANGE_CLOEXEC) };
    Errno::result(r).map(drop)
}

/// Takes what is open as `fd` over from whoever started this program, to own it.
///
/// # Errors
/// `EBADF` if nothing is open there.
pub fn inherited(fd: i32) -> Result<OwnedFd, Errno> {
    // SAFETY: a query of the flags; the result tells whether it is open.
    Errno::result(unsafe { libc::fcntl(fd, libc::F_GETFD) })?;
    // SAFETY: it is open (above) and was handed to this program by number, so nobody else owns it.
    let own = unsafe { libc::fcntl(fd, libc::F_DUPFD_CLOEXEC, 3) };
    Errno::result(own)?;
    // SAFETY: just duplicated for us.
    Ok(unsafe { OwnedFd::from_raw_fd(own) })
}

#[cfg(test)]
mod tests {
    use std::marker::PhantomData;

    use super::{Alone, CloneFlags, Errno, spawn};

    #[test]
    fn one_of_several_threads_is_not_alone() {
        // whatever runs the tests has two threads by now: its own, and this one
        let second = std::thread::spawn(std::thread::park);
        assert_eq!(Alone::prove().err(), Some(Errno::EINVAL));
        // one that was alone, and has started a thread since
        let once = Alone(PhantomData);
        assert_eq!(spawn(&once, CloneFlags::empty(), || 0).err(), Some(Errno::EINVAL));
        second.thread().unpark();
        second.join().expect("no panic");
    }
}
