//! The BPF reader against /proc and against what the tests do themselves. As an ordinary user it must say that it is not
//! permitted; where the machine does not have it the tests say so.

mod events;
mod survey;
mod tasks;

use std::ops::Deref;
use std::process::{Child, Command};

use podscope::observe::bpf::{Reader, Unavailable};

use crate::support::is_root;

/// The result, or `None` where this user or this machine cannot have it. That the kernel refuses a program, or that a
/// program does not fit, is a failure.
fn available<T>(opened: Result<T, Unavailable>) -> Option<T> {
    match opened {
        Ok(_) if !is_root() => panic!("an ordinary user is not permitted to use BPF"),
        Ok(opened) => Some(opened),
        Err(Unavailable::NotPermitted) if !is_root() => None,
        Err(
            reason @ (Unavailable::NotPermitted
            | Unavailable::NoTypes
            | Unavailable::Missing(_)
            | Unavailable::OtherNamespace(_)),
        ) if is_root() => {
            eprintln!("skipped: {reason}");
            None
        }
        Err(reason) => panic!("{reason}"),
    }
}

fn reader() -> Option<Reader> {
    available(Reader::open())
}

/// A child that ends with the test, also if it fails.
struct Started(Child);

impl Started {
    fn new(command: &mut Command) -> Self {
        Self(command.spawn().expect("the program is installed"))
    }

    /// Runs these words in a shell.
    fn shell(words: &str) -> Self {
        Self::new(Command::new("sh").args(["-c", words]))
    }
}

impl Deref for Started {
    type Target = Child;

    fn deref(&self) -> &Child {
        &self.0
    }
}

impl Drop for Started {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
