//! The picture and its past: properties that hold for any stream of deltas.

mod order;
mod ring;
mod stream;
mod world;
