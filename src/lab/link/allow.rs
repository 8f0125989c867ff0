//! Explains why this machine does not allow a lab.

mod diagnose;

use super::error::{Error, Forbidden};
use crate::lab::protocol::Step;
use crate::model::OsError;

/// Returns what forbids a step of the set-up.
pub fn explain(step: Step, errno: i32) -> Error {
    let settings = diagnose::UsernsSettings::read();
    let obstacle = diagnose::diagnose(step, nix::errno::Errno::from_raw(errno), &settings);
    Error::UserNamespaces(Box::new(Forbidden { step, error: OsError(errno), obstacle }))
}
