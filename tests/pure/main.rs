//! Tests that ask the kernel nothing: values in, values out. They run once, not again as an ordinary user.

#[cfg(feature = "window")]
mod drawn_names;
mod engine;
mod fixture;
mod parse;
#[path = "../shared/schema.rs"]
mod published_schema;
#[path = "../shared/rounds.rs"]
mod rounds;
mod schema;
mod snapshot;
mod store;
mod structure;
mod views;
