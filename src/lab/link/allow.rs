//! Explains why this machine does not allow a lab.

mod diagnose;

use super::error::{Error, Forbidden};
use crate::lab::protocol::Step;

/// Returns what forbids a step of the set-up, and how to change that.
pub fn explain(step: Step, errno: i32) -> Error {
    let (forbids, remedy) =
        diagnose::diagnose(step, nix::errno::Errno::from_raw(errno), &diagnose::UsernsSettings::read());
    Error::UserNamespaces(Box::new(Forbidden { step, errno, forbids, remedy }))
}
