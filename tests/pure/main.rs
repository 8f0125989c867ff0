//! Tests that ask the kernel nothing: values in, values out. They run once, not again as an ordinary user.

#[cfg(feature = "window")]
mod accessible;
mod bpf_object;
#[cfg(feature = "window")]
mod drawn_names;
mod fixture;
mod parse;
mod player;
#[path = "../shared/schema.rs"]
mod published_schema;
#[path = "../shared/rounds.rs"]
mod rounds;
mod schema;
mod snapshot;
mod store;
mod structure;
mod views;
