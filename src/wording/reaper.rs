//! Who reaped a process, in words.

use crate::model::names::{Reaper, reaper, short_name};
use crate::model::{Process, World};

/// The name of the process that reaped `p`, or that the kernel did; `None` if that is not known.
pub fn reaper_name(world: &World, p: &Process) -> Option<String> {
    Some(match reaper(world, p)? {
        Reaper::Kernel => "the kernel, with the pid namespace".into(),
        Reaper::Process(by) => short_name(by),
    })
}

/// `reaped by pause`, or `reaper not seen`.
pub fn reaped_by(world: &World, p: &Process) -> String {
    reaper_name(world, p).map_or("reaper not seen".into(), |by| format!("reaped by {by}"))
}
