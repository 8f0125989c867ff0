//! The program: hidden modes leave first, before any thread exists.

use std::process::ExitCode;

fn main() -> ExitCode {
    if let Some(code) = podscope::lab::hidden::dispatch(std::env::args_os().skip(1)) {
        std::process::exit(code);
    }
    podscope::cli::main(std::env::args_os())
}
