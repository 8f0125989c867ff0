//! Exports, scripts and the command line.

mod command_line;
mod engine;
mod fixture;
mod parse;
mod schema;
mod snapshot;
mod write;
