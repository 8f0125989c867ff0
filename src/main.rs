//! The program. Hidden modes (`lab::hidden`, `inside`) start first, before any thread exists.

use std::process::ExitCode;

fn main() -> ExitCode {
    let args = || std::env::args_os().skip(1);
    if let Some(code) = podscope::lab::hidden::dispatch(args()).or_else(|| podscope::inside::dispatch(args())) {
        return u8::try_from(code).map_or(ExitCode::FAILURE, ExitCode::from);
    }
    podscope::cli::main(std::env::args_os())
}
