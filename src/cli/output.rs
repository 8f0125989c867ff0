//! What is printed, and how it ends.

use std::fmt::Display;
use std::io::{self, Write};
use std::process::ExitCode;

use crate::lab;
use crate::model::text::{escaped, escaped_lines};

/// Why the program ends with something other than 0.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// Exit code 1. One line: what, where, the way out.
    #[error("{0}")]
    Failed(String),
    /// Exit code 1. What is to be copied has lines of its own, such as a profile for AppArmor.
    #[error("{0}")]
    Lines(String),
    /// Exit code 2. One line.
    #[error("{0}")]
    Usage(String),
    /// Whoever read our output has gone; nothing to say, nobody to say it to.
    #[error("the reader of the output has gone")]
    Pipe,
    /// A program that was run elsewhere ended with this code, and has said what there is to say.
    #[error("the program ended with exit code {0}")]
    Exit(u8),
    /// Exit code 1 with nothing to say, since it cannot be heard.
    #[error("the reader of the output has gone before the end")]
    Silent,
}

impl Failure {
    pub fn failed(why: impl Display) -> Self {
        Self::Failed(why.to_string())
    }

    /// Why there is no lab.
    pub fn lab(why: &lab::Error) -> Self {
        match why {
            lab::Error::UserNamespaces(_) => Self::Lines(why.to_string()),
            why => Self::failed(why),
        }
    }

    /// Tells the person, once, and gives the exit code.
    pub fn report(&self) -> ExitCode {
        let (code, text) = match self {
            Self::Pipe => return ExitCode::SUCCESS,
            Self::Silent => return ExitCode::FAILURE,
            Self::Exit(code) => return ExitCode::from(*code),
            Self::Lines(text) => (1, escaped_lines(text)),
            // a name with a line feed in it must not begin a line that looks like ours
            Self::Failed(text) => (1, escaped(text)),
            Self::Usage(text) => (2, escaped(text)),
        };
        let _ = writeln!(io::stderr(), "podscope: {text}");
        ExitCode::from(code)
    }
}

/// Writes to stdout at once; `println!` would panic when the reader has gone.
pub fn print(text: &str) -> Result<(), Failure> {
    print_bytes(text.as_bytes())
}

/// The same, whatever they are: what a program has written, as it has written it.
pub fn print_bytes(bytes: &[u8]) -> Result<(), Failure> {
    let mut out = io::stdout().lock();
    match out.write_all(bytes).and_then(|()| out.flush()) {
        Err(e) if e.kind() == io::ErrorKind::BrokenPipe => Err(Failure::Pipe),
        Err(e) => Err(Failure::Failed(format!("standard output: {e}"))),
        Ok(()) => Ok(()),
    }
}

/// A line on stderr, for a person, with what names hide shown as escapes; a closed stderr is not worth dying for.
pub fn note(text: impl Display) {
    let _ = writeln!(io::stderr(), "{}", escaped(&text.to_string()));
}

/// The program's own log on stderr: what it says of others' names is escaped as everything else.
#[derive(Clone, Copy, Debug, Default)]
pub struct LogWriter;

impl Write for LogWriter {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        // whole lines come at once, in UTF-8
        io::stderr().write_all(escaped_lines(&String::from_utf8_lossy(line)).as_bytes())?;
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        io::stderr().flush()
    }
}
