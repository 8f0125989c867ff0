//! Tests of what the views show, without a window.

mod end_chain;
mod fixture;
mod layout;
mod namespaces;
mod outcome;
#[cfg(feature = "window")]
mod pod_map;
mod prediction;
mod report;
mod steps;
mod tree;
mod zombies;
