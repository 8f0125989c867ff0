//! What is printed, and how it ends.

use std::fmt::Display;
use std::io::{self, Write as _};
use std::process::ExitCode;

/// Why the program ends with something other than 0.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// Exit code 1. One line: what, where, the way out.
    #[error("{0}")]
    Failed(String),
    /// Exit code 2.
    #[error("{0}")]
    Usage(String),
    /// Whoever read our output has gone; nothing to say, nobody to say it to.
    #[error("the reader of the output has gone")]
    Pipe,
    /// Exit code 1 with nothing to say, since it cannot be heard.
    #[error("the reader of the output has gone before the end")]
    Silent,
}

impl Failure {
    pub fn failed(why: impl Display) -> Self {
        Self::Failed(why.to_string())
    }

    /// Tells the person, once, and gives the exit code.
    pub fn report(&self) -> ExitCode {
        let code = match self {
            Self::Pipe => return ExitCode::SUCCESS,
            Self::Silent => return ExitCode::FAILURE,
            Self::Failed(_) => 1,
            Self::Usage(_) => 2,
        };
        let _ = writeln!(io::stderr(), "podscope: {self}");
        ExitCode::from(code)
    }
}

/// Writes to stdout at once; `println!` would panic when the reader has gone.
pub fn print(text: &str) -> Result<(), Failure> {
    let mut out = io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(e) if e.kind() == io::ErrorKind::BrokenPipe => Err(Failure::Pipe),
        Err(e) => Err(Failure::Failed(format!("standard output: {e}"))),
        Ok(()) => Ok(()),
    }
}

/// A line on stderr, for a person; a closed stderr is not worth dying for.
pub fn note(text: impl Display) {
    let _ = writeln!(io::stderr(), "{text}");
}
