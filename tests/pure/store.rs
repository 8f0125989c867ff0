//! The World and its history: properties that hold for any stream of deltas.

mod order;
mod ring;
pub mod stream;
mod world;
