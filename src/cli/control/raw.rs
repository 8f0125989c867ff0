//! This terminal in raw mode: every key is passed through.

use std::io::{self, Stdin};

use nix::sys::termios::{SetArg, Termios, cfmakeraw, tcgetattr, tcsetattr};

/// Keeps the terminal in raw mode until it is dropped. Ctrl-C and other control keys go to the remote program.
#[derive(Debug)]
pub struct RawTerminal {
    stdin: Stdin,
    before: Termios,
}

impl RawTerminal {
    /// # Errors
    /// Standard input is not a terminal.
    pub fn enter() -> io::Result<Self> {
        let stdin = io::stdin();
        let before = tcgetattr(&stdin)?;
        let mut raw = before.clone();
        cfmakeraw(&mut raw);
        tcsetattr(&stdin, SetArg::TCSADRAIN, &raw)?;
        Ok(Self { stdin, before })
    }
}

impl Drop for RawTerminal {
    fn drop(&mut self) {
        // a terminal that has hung up needs no settings
        let _ = tcsetattr(&self.stdin, SetArg::TCSADRAIN, &self.before);
    }
}
