//! What this machine allows a lab.

use super::Error;
use super::error::Forbidden;
use super::protocol::Step;

/// Names what forbids a step, and the way out.
pub fn explain(step: Step, errno: i32) -> Error {
    Error::UserNamespaces(Box::new(Forbidden {
        step,
        errno,
        forbids: nix::errno::Errno::from_raw(errno).desc().to_owned(),
        remedy: String::new(),
    }))
}

pub fn probe_main() -> i32 {
    0
}
