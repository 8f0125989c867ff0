//! A pod's pause as bytes: the program that is PID 1 of the pod's pid namespace and reaps its orphans.
//!
//! [`ELF`] is a separate static executable (`src/init`, `no_std`). Write it into a memfd and start it by `execveat(2)`.
//! It follows Kubernetes' `build/pause/linux/pause.c` and has three options of Podscope, all off by default:
//! `--report-fd N`, `--no-reap` and `--reap-delay-ms N`.
//!
//! Exit codes: 0 after INT, TERM or `-v`; 1, 2 or 3 if INT, TERM or CHLD cannot be set up; 42 if the kernel refuses to
//! wait; 64 for an invalid value of one of Podscope's options, which stderr names.

#![deny(unsafe_code)]

mod record;

pub use record::Record;

/// The executable, for the architecture this crate was built for; at most 4,096 bytes.
///
/// It keeps its standard streams (any of them may be closed) and the report pipe, and closes all other descriptors.
pub const ELF: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/pause"));

/// What `-v` prints after `pause.c `.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");

const _: () = assert!(ELF.len() <= 4096, "pause has outgrown its page");
