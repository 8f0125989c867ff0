//! What forbids a lab on this machine.

mod diagnose;

use super::Error;
use super::error::Forbidden;
use super::protocol::Step;

/// Names what forbids a step of the set-up, and the way out.
pub fn explain(step: Step, errno: i32) -> Error {
    let (forbids, remedy) = diagnose::diagnose(step, nix::errno::Errno::from_raw(errno), &diagnose::Knobs::read());
    Error::UserNamespaces(Box::new(Forbidden { step, errno, forbids, remedy }))
}
