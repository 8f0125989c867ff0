//! The system calls that a pod's programs may make: those of docker's default profile
//! (<https://docs.docker.com/engine/security/seccomp/>), which containerd, CRI-O and a kubelet's `RuntimeDefault`
//! share.
//!
//! Calls that the profile allows only with a capability are allowed only where a container of the lab may have it.

mod program;

use std::collections::BTreeMap;

use nix::errno::Errno;
use nix::libc;

use self::program::{FirstArg, Rule, compile};
use crate::sys::seccomp::{self, Instruction};

/// The filters, compiled once for all pods.
pub struct Filters {
    container: Filter,
    hand: Filter,
}

pub struct Filter(Vec<Instruction>);

impl Filters {
    pub fn compile() -> Self {
        let mut allowed: BTreeMap<i64, Rule> = calls().map(|call| (call, Rule::Allow)).collect();
        // VSOCK sockets lead out of a virtual machine
        allowed.insert(libc::SYS_socket, Rule::If(FirstArg::IsNot(libc::AF_VSOCK as u32)));
        allowed.insert(libc::SYS_personality, Rule::If(FirstArg::IsOneOf(PERSONALITIES.to_vec())));
        // only the caller's own limits: for others the kernel only asks for the same user, and the node has the same
        allowed.insert(libc::SYS_prlimit64, Rule::If(FirstArg::IsOneOf(vec![0])));
        let mut hand = allowed.clone();
        hand.extend(WITH_SYS_ADMIN.map(|call| (call, Rule::Allow)));
        allowed.insert(libc::SYS_clone, Rule::If(FirstArg::Without(NAMESPACE_FLAGS)));
        // a filter cannot read clone3's arguments behind the pointer; with ENOSYS a C library uses clone instead
        allowed.insert(libc::SYS_clone3, Rule::Refuse(libc::ENOSYS));
        Self { container: Filter(compile(&allowed)), hand: Filter(compile(&hand)) }
    }

    /// The filter for programs with at most the usual capabilities.
    pub fn container(&self) -> &Filter {
        &self.container
    }

    /// The filter for containers of the image `podscope/hand`, which have `SYS_ADMIN` in the lab.
    pub fn hand(&self) -> &Filter {
        &self.hand
    }
}

impl Filter {
    /// Permanently restricts this process and all its descendants.
    pub fn apply(&self) -> Result<(), Errno> {
        seccomp::apply(&self.0)
    }
}

fn calls() -> impl Iterator<Item = i64> {
    COMMON.iter().chain(NEW).chain(LEGACY).copied()
}

/// Every `CLONE_NEW*` flag of `clone(2)`.
const NAMESPACE_FLAGS: u32 = 0x7e02_0000;

/// `PER_LINUX`, `PER_LINUX32`, both with `UNAME26`, and the value that only asks for the current one
/// (`personality(2)`).
const PERSONALITIES: [u32; 5] = [0, 0x8, 0x2_0000, 0x2_0008, 0xffff_ffff];

macro_rules! calls {
    ($($name:ident)*) => { [$(libc::$name),*] };
}

/// The additional calls for a container that creates and joins namespaces.
const WITH_SYS_ADMIN: [i64; 11] = calls![
    SYS_clone SYS_clone3 SYS_fsconfig SYS_fsmount SYS_fsopen SYS_mount SYS_sethostname SYS_setns SYS_umount2
    SYS_unshare SYS_setdomainname
];

/// Calls that are too new for some C libraries, by number, which is the same on all processors (`scripts/syscall.tbl`):
/// cachestat, map_shadow_stack, futex_wake, futex_wait, futex_requeue, statmount, listmount, setxattrat, getxattrat,
/// listxattrat, removexattrat.
const NEW: &[i64] = &[451, 453, 454, 455, 456, 457, 458, 463, 464, 465, 466];

/// Calls that exist on every processor.
const COMMON: &[i64] = &calls![
    SYS_accept SYS_accept4 SYS_adjtimex SYS_bind SYS_brk SYS_capget SYS_capset SYS_chdir SYS_chroot SYS_clock_adjtime
    SYS_clock_getres SYS_clock_gettime SYS_clock_nanosleep SYS_close SYS_close_range SYS_connect SYS_copy_file_range
    SYS_dup SYS_dup3 SYS_epoll_create1 SYS_epoll_ctl SYS_epoll_pwait SYS_epoll_pwait2 SYS_eventfd2 SYS_execve
    SYS_execveat SYS_exit SYS_exit_group SYS_faccessat SYS_faccessat2 SYS_fadvise64 SYS_fallocate SYS_fanotify_mark
    SYS_fchdir SYS_fchmod SYS_fchmodat SYS_fchmodat2 SYS_fchown SYS_fchownat SYS_fcntl SYS_fdatasync SYS_fgetxattr
    SYS_flistxattr SYS_flock SYS_fremovexattr SYS_fsetxattr SYS_fstat SYS_fstatfs SYS_fsync SYS_ftruncate SYS_futex
    SYS_futex_waitv SYS_get_robust_list SYS_getcpu SYS_getcwd SYS_getdents64 SYS_getegid SYS_geteuid SYS_getgid
    SYS_getgroups SYS_getitimer SYS_getpeername SYS_getpgid SYS_getpid SYS_getppid SYS_getpriority SYS_getrandom
    SYS_getresgid SYS_getresuid SYS_getrlimit SYS_getrusage SYS_getsid SYS_getsockname SYS_getsockopt SYS_gettid
    SYS_gettimeofday SYS_getuid SYS_getxattr SYS_inotify_add_watch SYS_inotify_init1 SYS_inotify_rm_watch
    SYS_io_cancel SYS_io_destroy SYS_io_getevents SYS_io_setup SYS_io_submit SYS_ioctl
    SYS_ioprio_get SYS_ioprio_set SYS_kill SYS_landlock_add_rule SYS_landlock_create_ruleset
    SYS_landlock_restrict_self SYS_lgetxattr SYS_linkat SYS_listen SYS_listxattr SYS_llistxattr SYS_lremovexattr
    SYS_lseek SYS_lsetxattr SYS_madvise SYS_membarrier SYS_memfd_create SYS_memfd_secret SYS_mincore SYS_mkdirat
    SYS_mknodat SYS_mlock SYS_mlock2 SYS_mlockall SYS_mmap SYS_mprotect SYS_mq_getsetattr SYS_mq_notify SYS_mq_open
    SYS_mq_timedreceive SYS_mq_timedsend SYS_mq_unlink SYS_mremap SYS_mseal SYS_msgctl SYS_msgget SYS_msgrcv
    SYS_msgsnd SYS_msync SYS_munlock SYS_munlockall SYS_munmap SYS_name_to_handle_at SYS_nanosleep SYS_newfstatat
    SYS_openat SYS_openat2 SYS_pidfd_open SYS_pidfd_send_signal SYS_pipe2 SYS_pkey_alloc SYS_pkey_free
    SYS_pkey_mprotect SYS_ppoll SYS_prctl SYS_pread64 SYS_preadv SYS_preadv2 SYS_process_mrelease
    SYS_process_vm_readv SYS_process_vm_writev SYS_pselect6 SYS_ptrace SYS_pwrite64 SYS_pwritev SYS_pwritev2 SYS_read
    SYS_readahead SYS_readlinkat SYS_readv SYS_recvfrom SYS_recvmmsg SYS_recvmsg SYS_remap_file_pages
    SYS_removexattr SYS_renameat SYS_renameat2 SYS_restart_syscall SYS_rseq SYS_rt_sigaction SYS_rt_sigpending
    SYS_rt_sigprocmask SYS_rt_sigqueueinfo SYS_rt_sigreturn SYS_rt_sigsuspend SYS_rt_sigtimedwait
    SYS_rt_tgsigqueueinfo SYS_sched_get_priority_max SYS_sched_get_priority_min SYS_sched_getaffinity
    SYS_sched_getattr SYS_sched_getparam SYS_sched_getscheduler SYS_sched_rr_get_interval SYS_sched_setaffinity
    SYS_sched_setattr SYS_sched_setparam SYS_sched_setscheduler SYS_sched_yield SYS_seccomp SYS_semctl SYS_semget
    SYS_semop SYS_semtimedop SYS_sendfile SYS_sendmmsg SYS_sendmsg SYS_sendto SYS_set_robust_list
    SYS_set_tid_address SYS_setfsgid SYS_setfsuid SYS_setgid SYS_setgroups SYS_setitimer SYS_setpgid SYS_setpriority
    SYS_setregid SYS_setresgid SYS_setresuid SYS_setreuid SYS_setrlimit SYS_setsid SYS_setsockopt SYS_setuid
    SYS_setxattr SYS_shmat SYS_shmctl SYS_shmdt SYS_shmget SYS_shutdown SYS_sigaltstack SYS_signalfd4
    SYS_socketpair SYS_splice SYS_statfs SYS_statx SYS_symlinkat SYS_sync SYS_sync_file_range SYS_syncfs
    SYS_sysinfo SYS_tee SYS_tgkill SYS_timer_create SYS_timer_delete SYS_timer_getoverrun SYS_timer_gettime
    SYS_timer_settime SYS_timerfd_create SYS_timerfd_gettime SYS_timerfd_settime SYS_times SYS_tkill SYS_truncate
    SYS_umask SYS_uname SYS_unlinkat SYS_utimensat SYS_vmsplice SYS_wait4 SYS_waitid SYS_write SYS_writev
];

/// Calls that exist only on x86_64.
#[cfg(target_arch = "x86_64")]
const LEGACY: &[i64] = &calls![
    SYS_access SYS_alarm SYS_arch_prctl SYS_chmod SYS_chown SYS_creat SYS_dup2 SYS_epoll_create SYS_epoll_ctl_old
    SYS_epoll_wait SYS_epoll_wait_old SYS_eventfd SYS_fork SYS_futimesat SYS_get_thread_area SYS_getdents
    SYS_getpgrp SYS_inotify_init SYS_lchown SYS_link SYS_lstat SYS_mkdir SYS_mknod SYS_modify_ldt SYS_open SYS_pause
    SYS_pipe SYS_poll SYS_readlink SYS_rename SYS_rmdir SYS_select SYS_set_thread_area SYS_signalfd SYS_stat
    SYS_symlink SYS_time SYS_unlink SYS_utime SYS_utimes SYS_vfork
];
#[cfg(not(target_arch = "x86_64"))]
const LEGACY: &[i64] = &[];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_call_is_listed_twice_and_privileged_calls_are_not_listed() {
        let mut all: Vec<i64> = calls().collect();
        let count = all.len();
        all.sort_unstable();
        all.dedup();
        assert_eq!(all.len(), count);
        for denied in calls![
            SYS_add_key SYS_bpf SYS_clone3 SYS_finit_module SYS_init_module SYS_io_uring_setup SYS_kexec_load
            SYS_keyctl SYS_mount SYS_open_by_handle_at SYS_perf_event_open SYS_pidfd_getfd SYS_pivot_root SYS_reboot
            SYS_request_key SYS_setns SYS_umount2 SYS_unshare SYS_userfaultfd
        ] {
            assert!(!all.contains(&denied), "{denied}");
        }
    }
}
