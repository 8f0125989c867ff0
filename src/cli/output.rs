//! Printing, and the exit code of the program.

use std::fmt::Display;
use std::io::{self, Write};
use std::process::ExitCode;

use crate::lab;
use crate::model::text::{escaped, escaped_lines};
use crate::wording::forbidden::lab_error;

/// Why the program ends with something other than 0.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// Exit code 1. One line: what failed, where, and how to fix it.
    #[error("{0}")]
    Failed(String),
    /// Exit code 1. Several lines, with a text to copy, such as an AppArmor profile.
    #[error("{0}")]
    Lines(String),
    /// Exit code 2. One line.
    #[error("{0}")]
    Usage(String),
    /// Exit code 0. The reader of our output has closed it, so nothing is printed.
    #[error("the reader of the output has gone")]
    Pipe,
    /// A program that ran in the lab ended with this code. Nothing more is printed.
    #[error("the program ended with exit code {0}")]
    Exit(u8),
    /// Exit code 1. Nothing is printed, since the reader of the output has gone.
    #[error("the reader of the output has gone before the end")]
    Silent,
}

impl Failure {
    pub fn failed(why: impl Display) -> Self {
        Self::Failed(why.to_string())
    }

    /// The lab could not be started.
    pub fn lab(why: &lab::Error) -> Self {
        match why {
            lab::Error::UserNamespaces(_) => Self::Lines(lab_error(why)),
            why => Self::failed(why),
        }
    }

    /// Prints the failure to stderr. Returns the exit code.
    pub fn report(&self) -> ExitCode {
        let (code, text) = match self {
            Self::Pipe => return ExitCode::SUCCESS,
            Self::Silent => return ExitCode::FAILURE,
            Self::Exit(code) => return ExitCode::from(*code),
            Self::Lines(text) => (1, escaped_lines(text)),
            // a line feed in a name must not start a line that looks like ours
            Self::Failed(text) => (1, escaped(text)),
            Self::Usage(text) => (2, escaped(text)),
        };
        let _ = writeln!(io::stderr(), "podscope: {text}");
        ExitCode::from(code)
    }
}

/// Writes to stdout and flushes it. `println!` would panic when the reader has gone.
pub fn print(text: &str) -> Result<(), Failure> {
    print_bytes(text.as_bytes())
}

/// The same for any bytes, such as the output of a program, unchanged.
pub fn print_bytes(bytes: &[u8]) -> Result<(), Failure> {
    let mut out = io::stdout().lock();
    match out.write_all(bytes).and_then(|()| out.flush()) {
        Err(e) if e.kind() == io::ErrorKind::BrokenPipe => Err(Failure::Pipe),
        Err(e) => Err(Failure::Failed(format!("standard output: {e}"))),
        Ok(()) => Ok(()),
    }
}

/// Prints a line for people to stderr, with hidden characters in names escaped. A closed stderr is ignored.
pub fn note(text: impl Display) {
    let _ = writeln!(io::stderr(), "{}", escaped(&text.to_string()));
}

/// Writes the program's own log to stderr, with hidden characters escaped.
#[derive(Clone, Copy, Debug, Default)]
pub struct LogWriter;

impl Write for LogWriter {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        // each call gets whole lines, in UTF-8
        io::stderr().write_all(escaped_lines(&String::from_utf8_lossy(line)).as_bytes())?;
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        io::stderr().flush()
    }
}
