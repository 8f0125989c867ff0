//! Exports, scripts and the command line.

mod command_line;
mod control;
mod fixture;
mod limits;
mod lsns;
mod machine;
mod names;
mod parse;
mod player;
mod run;
mod schema;
mod snapshot;
mod write;
