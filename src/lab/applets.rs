//! Stand-ins for images: small programs of our own, started as the app's executable.
//!
//! Each is honest about what it is, has one thread, and sleeps in a system call when there is
//! nothing to do. Exit code 64 says that its arguments are wrong.

mod blog;
mod client;
mod crash;
mod deaf;
mod hand;
mod http;
mod options;
mod title;
mod waiter;
mod web;
mod zombies;

pub use self::http::url::Url;

use std::fmt::Display;
use std::io::{self, Write as _};

use nix::sys::signal::Signal;
use nix::unistd::getpid;

use crate::sys::signals;

/// What a stand-in is called by, and its arguments.
struct Call<'a> {
    /// What it stands in for, as `ps` shows it: `nginx`.
    program: &'a str,
    args: &'a [String],
}

type Applet = fn(&Call<'_>) -> i32;

const APPLETS: [(&str, Applet); 8] = [
    ("web", web::main),
    ("blog", blog::main),
    ("client", client::main),
    ("zombies", zombies::main),
    ("crash", crash::main),
    ("waiter", waiter::main),
    ("deaf", deaf::main),
    ("hand", hand::main),
];

/// Runs the stand-in that the first argument names, as `web` or `web:nginx` with what it stands in for; its exit code.
pub fn main(args: &[String]) -> i32 {
    let known = || APPLETS.map(|(name, _)| name).join(", ");
    let Some((name, args)) = args.split_first() else {
        complain(format_args!("podscope: expected the name of a stand-in: {}", known()));
        return 64;
    };
    let (name, program) = name.split_once(':').unwrap_or((name, name));
    let Some((_, applet)) = APPLETS.iter().find(|(known, _)| *known == name) else {
        complain(format_args!("podscope: there is no stand-in \"{name}\"; expected one of {}", known()));
        return 64;
    };
    // it runs from a copy in memory with arguments of ours, and the kernel names it after that
    let words: Vec<&str> = std::iter::once(program).chain(args.iter().map(String::as_str)).collect();
    title::set(program, &words.join(" "));
    // a server must outlive whoever does not read its words
    if signals::reset().and_then(|()| signals::ignore(Signal::SIGPIPE)).is_err() {
        return 1;
    }
    applet(&Call { program, args })
}

/// A line on standard output, whether or not anybody reads it.
fn say(line: impl Display) {
    let _ = writeln!(io::stdout(), "{line}");
}

/// A line on standard error, likewise.
fn complain(line: impl Display) {
    let _ = writeln!(io::stderr(), "{line}");
}

/// Refuses what the command line says.
fn usage(applet: &str, why: &str) -> i32 {
    complain(format_args!("{applet}: {why}"));
    64
}

/// TERM ends any process that does nothing about it, except PID 1, which has to ask for it.
fn end_on_term_as_init() {
    if getpid().as_raw() == 1 {
        let _ = signals::exit_on(Signal::SIGTERM);
    }
}
