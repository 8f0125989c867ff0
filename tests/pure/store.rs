//! The World and its history: properties that hold for any stream of deltas.

mod history;
mod index;
mod order;
mod ring;
pub mod stream;
mod world;
