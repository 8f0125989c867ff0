//! The World and its history: properties that hold for any stream of deltas.

mod index;
mod order;
mod ring;
mod stream;
mod world;
