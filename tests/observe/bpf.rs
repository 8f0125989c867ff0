//! The BPF reader against /proc and against what the tests do themselves. As an ordinary user it must say that it is not
//! permitted; where the machine does not have it the tests say so.

mod events;
mod tasks;

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
