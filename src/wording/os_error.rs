//! The kernel's errors in words.

use nix::errno::Errno;

use crate::model::OsError;

/// `EMFILE: Too many open files`
pub fn name_and_description(e: OsError) -> String {
    Errno::from_raw(e.0).to_string()
}

/// `Too many open files`
pub fn description(e: OsError) -> &'static str {
    Errno::from_raw(e.0).desc()
}

/// As [`name_and_description`], or what to do about a limit of open files that is reached.
pub fn cause(e: OsError) -> String {
    match Errno::from_raw(e.0) {
        Errno::EMFILE => "this program has as many files open as it may; raise the limit: ulimit -n".into(),
        Errno::ENFILE => "the machine has as many files open as it may; raise fs.file-max".into(),
        _ => name_and_description(e),
    }
}
