//! The program: hidden modes leave first, before any thread exists.

fn main() {
    if let Some(code) = podscope::lab::hidden::dispatch(std::env::args_os().skip(1)) {
        std::process::exit(code);
    }
}
