//! What it means when the kernel has no more of something.

use std::borrow::Cow;

use nix::errno::Errno;

/// The error in words, with the way out where a limit is reached. `EAGAIN` is taken for that of `fork(2)`.
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

/// The same of an error that may have come without a number.
pub fn reason_of(e: &std::io::Error) -> Cow<'static, str> {
    match e.raw_os_error() {
        Some(number) => reason(Errno::from_raw(number)),
        None => e.to_string().into(),
    }
}
