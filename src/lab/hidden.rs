//! The program's hidden modes, which are chosen before any thread exists.

use std::ffi::OsString;

use super::protocol::modes::{APPLET, CLEANUP, NODE, PORTS};
use super::{applets, cgroup, node, ports};

/// Runs the hidden mode that these arguments (without the program's name) select, and returns its exit code; `None` if
/// they select none.
pub fn dispatch(args: impl IntoIterator<Item = OsString>) -> Option<i32> {
    let mut args = args.into_iter();
    let mode = args.next()?;
    let mut rest = || args.by_ref().map(|a| a.to_string_lossy().into_owned()).collect::<Vec<_>>();
    match mode.to_str()?.trim_end() {
        NODE => Some(node::main(rest().first().map_or("", String::as_str))),
        APPLET => Some(applets::main(&rest())),
        CLEANUP => Some(cgroup::cleanup::main(&rest())),
        PORTS => Some(ports::main(&rest())),
        _ => None,
    }
}
