//! The program's hidden modes, which are chosen before any thread exists.

use std::ffi::OsString;

use super::{applets, cgroup, node, ports};

/// First argument of the lab's node.
pub const NODE: &str = "__node";
/// First argument of a stand-in; the stand-in's name and arguments follow.
pub const APPLET: &str = "__applet";
/// First argument of the publisher of host ports; `FD=IP:PORT` for each port follows.
pub const PORTS: &str = "__ports";
/// First argument of the process that removes the lab's cgroup; the cgroup's directory follows.
pub const CLEANUP: &str = "__cleanup";

/// The first arguments of the stand-in `applet`, which `ps` shows as `called`. The spaces reserve room: a process
/// cannot show a longer command line than it was started with.
pub fn applet_argv(applet: &str, called: &str) -> [String; 3] {
    ["podscope".to_owned(), format!("{APPLET:<80}"), format!("{applet}:{called}")]
}

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
