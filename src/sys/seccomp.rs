//! System call filters (`seccomp(2)`): programs for the classic Berkeley packet filter.

use nix::errno::Errno;

/// One instruction (`struct sock_filter` of `linux/filter.h`).
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Instruction {
    pub code: u16,
    /// How many instructions to skip if the comparison is true.
    pub if_true: u8,
    /// How many instructions to skip if it is false.
    pub if_false: u8,
    pub value: u32,
}

/// Filters the system calls of this thread and of all threads and processes that it starts. The filter cannot be
/// removed. `no_new_privs` must be set.
///
/// # Errors
/// As for `seccomp(2)`: `EINVAL` if the kernel does not accept the program, `EACCES` without `no_new_privs`.
pub fn apply(program: &[Instruction]) -> Result<(), Errno> {
    let len = u16::try_from(program.len()).map_err(|_| Errno::EINVAL)?;
    let filter = libc::sock_fprog { len, filter: program.as_ptr().cast_mut().cast() };
    // SAFETY: `Instruction` has the layout of the kernel's sock_filter; `filter` points to `len` of them, and both live
    // through the call, which only reads them.
    let r = unsafe { libc::syscall(libc::SYS_seccomp, libc::SECCOMP_SET_MODE_FILTER, 0, &raw const filter) };
    Errno::result(r).map(drop)
}
