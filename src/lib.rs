//! Podscope: watch a Kubernetes pod live and die.
//!
//! Dependencies between these modules run one way, which `tests/pure/structure.rs` checks:
//! `model → procfs, sys → engines, observe → inside, lab → control, steps, store, export, report → script → engine → layout → ui → app →
//! cli`.

#![deny(unsafe_code)]

#[cfg(feature = "window")]
pub mod app;
pub mod cli;
pub mod command;
pub mod control;
pub mod engine;
pub mod engines;
pub mod export;
pub mod fetch;
#[cfg(any(test, feature = "fuzzing"))]
#[doc(hidden)]
pub mod fuzz;
pub mod inside;
pub mod lab;
pub mod layout;
pub mod model;
pub mod observe;
pub mod presets;
pub mod procfs;
pub mod report;
#[cfg(test)]
#[path = "../tests/shared/rounds.rs"]
mod rounds;
pub mod script;
pub mod steps;
pub mod store;
pub mod sys;
#[cfg(feature = "window")]
pub mod ui;
pub mod wording;
