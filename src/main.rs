//! The program. Hidden modes (`lab::hidden`) start first, before any thread exists.

use std::process::ExitCode;

fn main() -> ExitCode {
    if let Some(code) = podscope::lab::hidden::dispatch(std::env::args_os().skip(1)) {
        return u8::try_from(code).map_or(ExitCode::FAILURE, ExitCode::from);
    }
    podscope::cli::main(std::env::args_os())
}
