//! The program's other lives, chosen before any thread exists.

use std::ffi::OsString;

use super::{applets, node};

/// First argument of the lab's node.
pub const NODE: &str = "__node";
/// First argument of a stand-in; its name and arguments follow.
pub const APPLET: &str = "__applet";

/// Runs the hidden mode these arguments (without the program's name) ask for, and returns its exit
/// code; `None` if they ask for none.
pub fn dispatch(args: impl IntoIterator<Item = OsString>) -> Option<i32> {
    let mut args = args.into_iter();
    match args.next()?.to_str()? {
        NODE => Some(node::main(&args.next().unwrap_or_default().to_string_lossy())),
        APPLET => {
            let args: Vec<String> = args.map(|a| a.to_string_lossy().into_owned()).collect();
            Some(applets::main(&args))
        }
        _ => None,
    }
}
