//! The limit of open files (`RLIMIT_NOFILE`, `getrlimit(2)`), and error texts for limits that are reached.

use std::borrow::Cow;
use std::os::unix::process::CommandExt as _;
use std::process::Command;
use std::sync::OnceLock;

use nix::errno::Errno;
use nix::sys::resource::{Resource, getrlimit, setrlimit};

/// The soft limit before it was raised.
static INHERITED: OnceLock<u64> = OnceLock::new();

/// Raises the soft limit of this process to its hard limit. Programs that [`restore_open_files`] was called for start
/// with the soft limit that this process was started with.
///
/// # Errors
/// As for `setrlimit(2)`; the limit is then unchanged.
pub fn raise_open_files() -> Result<(), Errno> {
    let (soft, hard) = getrlimit(Resource::RLIMIT_NOFILE)?;
    if soft < hard {
        setrlimit(Resource::RLIMIT_NOFILE, hard, hard)?;
        INHERITED.get_or_init(|| soft);
    }
    Ok(())
}

/// How many files this process may have open now.
pub fn open_files() -> Result<u64, Errno> {
    getrlimit(Resource::RLIMIT_NOFILE).map(|(soft, _)| soft)
}

/// Gives the program that `command` will start the soft limit of before [`raise_open_files`], since a limit above 1,024
/// breaks programs that use `select(2)`.
pub fn restore_open_files(command: &mut Command) -> &mut Command {
    let Some(soft) = INHERITED.get().copied() else { return command };
    let restore = move || {
        let (_, hard) = getrlimit(Resource::RLIMIT_NOFILE)?;
        Ok(setrlimit(Resource::RLIMIT_NOFILE, soft.min(hard), hard)?)
    };
    // SAFETY: between fork and exec it makes two system calls, and neither allocates nor takes a lock.
    unsafe { command.pre_exec(restore) }
}

/// The error as text, with a remedy if a limit is reached. `EAGAIN` is assumed to come from `fork(2)`.
pub fn reason(e: Errno) -> Cow<'static, str> {
    match e {
        Errno::EAGAIN => {
            "no more processes can be started: the limit of this user or of its cgroup is reached; raise it (`ulimit -u`), or \
             end some programs"
                .into()
        }
        Errno::EMFILE => "too many open files; raise the limit (`ulimit -n`)".into(),
        Errno::ENFILE => "too many open files on this machine; raise the limit (sysctl fs.file-max)".into(),
        Errno::ENOMEM => "not enough memory (see `ulimit -v` and `free`)".into(),
        e => e.desc().into(),
    }
}

/// As [`reason`], for an error that may have no errno.
pub fn reason_of(e: &std::io::Error) -> Cow<'static, str> {
    match e.raw_os_error() {
        Some(number) => reason(Errno::from_raw(number)),
        None => e.to_string().into(),
    }
}
