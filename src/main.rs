//! The program: hidden modes leave first, before any thread exists.

use std::process::ExitCode;

fn main() -> ExitCode {
    podscope::cli::main(std::env::args_os())
}
