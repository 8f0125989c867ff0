//! One function for each input that may be hostile: a file, a line of `/proc`, a message, a request, the output of a
//! program.
//!
//! Each function takes any bytes and gives them to the code that reads this input. It panics if that code does not keep
//! its promises. The property tests here call them with random bytes, and so do the targets in `fuzz/`.
//!
//! This module exists in tests and with the feature `fuzzing`, so it is not part of the program.

mod bpf;
mod engines;
mod executable;
mod http;
mod inside;
mod manifest;
mod messages;
mod proc;
mod script;
#[cfg(feature = "window")]
mod terminal;

pub use self::bpf::bpf_records;
pub use self::engines::{engine_answer, engine_processes};
pub use self::executable::executable;
pub use self::http::{http_answer, http_request, nginx_config, url};
pub use self::inside::{inside_answer, ipc_tables, namespace_values, net_answers, net_tables};
pub use self::manifest::manifest;
pub use self::messages::{control_request, packets, pause_report, report};
pub use self::proc::{proc_cgroup, proc_cmdline, proc_event, proc_fdinfo, proc_mountinfo, proc_stat, proc_status};
pub use self::script::script;
#[cfg(feature = "window")]
pub use self::terminal::terminal;

use crate::model::text::escaped;

/// Asserts that a line for people has no character that controls a terminal or changes the text around it.
#[track_caller]
fn assert_escaped(line: &str) {
    assert_eq!(escaped(line), line, "not escaped");
}

#[cfg(test)]
mod tests;
