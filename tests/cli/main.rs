//! Exports, scripts and the command line.

mod command_line;
mod engine;
mod fixture;
mod lsns;
mod machine;
mod parse;
mod run;
mod schema;
mod snapshot;
mod write;
