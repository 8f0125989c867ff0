//! This terminal, passed through key by key.

use std::io::{self, Stdin};

use nix::sys::termios::{SetArg, Termios, cfmakeraw, tcgetattr, tcsetattr};

/// The terminal is raw for as long as this lives: Ctrl-C and the like are for the program at the other end.
#[derive(Debug)]
pub struct Raw {
    stdin: Stdin,
    before: Termios,
}

impl Raw {
    /// # Errors
    /// Standard input is no terminal.
    pub fn enter() -> io::Result<Self> {
        let stdin = io::stdin();
        let before = tcgetattr(&stdin)?;
        let mut raw = before.clone();
        cfmakeraw(&mut raw);
        tcsetattr(&stdin, SetArg::TCSADRAIN, &raw)?;
        Ok(Self { stdin, before })
    }
}

impl Drop for Raw {
    fn drop(&mut self) {
        // a terminal that has hung up needs no settings
        let _ = tcsetattr(&self.stdin, SetArg::TCSADRAIN, &self.before);
    }
}
