//! Text for people: what the model knows, in sentences. Everything below returns values.

pub mod burst;
pub mod countdown;
pub mod coverage;
pub mod duration;
pub mod end_chain;
pub mod ending;
pub mod event;
pub mod exec;
pub mod forbidden;
pub mod inside;
mod os_error;
pub mod outcome;
pub mod prediction;
pub mod reaper;
pub mod signal;
pub mod source;
pub mod terms;
pub mod zombies;

use crate::model::names::short_name;
use crate::model::{ProcId, World};

/// The short name of a process, or its pid if it is not known.
fn name(world: &World, id: ProcId) -> String {
    world.process(id).map_or_else(|| format!("pid {}", id.pid), short_name)
}

fn capitalized(words: &str) -> String {
    let mut chars = words.chars();
    chars.next().map_or(String::new(), |first| first.to_uppercase().chain(chars).collect())
}
