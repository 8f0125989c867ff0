//! A pod's pause, as bytes: the program that is PID 1 of a pod's pid namespace and reaps its orphans.
//!
//! [`ELF`] is a static executable of its own (`src/init`, `no_std`), to be written into a memfd and
//! started by `execveat(2)`. It follows Kubernetes' `build/pause/linux/pause.c`; three options are
//! Podscope's, each off by default: `--report-fd N`, `--no-reap` and `--reap-delay-ms N`.
//!
//! Exit codes: 0 after INT, TERM or `-v`; 1, 2, 3 if INT, TERM, CHLD cannot be set up; 42 if the
//! kernel refuses to wait; 64 for a wrong value of one of Podscope's options, named on stderr.

#![deny(unsafe_code)]

mod record;

pub use record::Record;

/// The executable, for the architecture this crate was built for; at most 4,096 bytes.
///
/// Its standard streams are kept (any may be closed), and the report pipe; all else is closed.
pub const ELF: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/pause"));

/// What `-v` prints after `pause.c `.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");

const _: () = assert!(ELF.len() <= 4096, "pause has outgrown its page");
