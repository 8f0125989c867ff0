//! The program as a shell sees it: every subcommand, and every preset with its script.

mod command_line;
mod control;
mod experiments;
mod limits;
mod lsns;
mod machine;
mod names;
mod run;
#[path = "../shared/schema.rs"]
mod schema;
mod write;
