//! The first arguments that select the program's hidden modes.

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
