//! Stand-ins for images: small programs of our own, started from the app's executable.
//!
//! Each says that it is a stand-in, has one thread, and sleeps in a system call when it has nothing to do. Exit code 64
//! means wrong arguments.

mod blog;
mod client;
mod crash;
mod deaf;
mod hand;
pub(crate) mod http;
mod options;
mod title;
mod waiter;
pub(crate) mod web;
mod zombies;

pub use self::http::url::Url;

use std::fmt::Display;
use std::io::{self, Write as _};

use nix::sys::signal::Signal;
use nix::unistd::getpid;

use crate::sys::signals;

/// The name and arguments with which a stand-in is started.
struct Call<'a> {
    /// The program that it stands in for, as `ps` shows it, such as `nginx`.
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

/// Runs the stand-in that the first argument names: `web`, or `web:nginx` with the program that it stands in for.
/// Returns its exit code.
pub fn main(args: &[String]) -> i32 {
    let known = || APPLETS.map(|(name, _)| name).join(", ");
    let Some((name, args)) = args.split_first() else {
        print_error(format_args!("podscope: expected the name of a stand-in: {}", known()));
        return 64;
    };
    let (name, program) = name.split_once(':').unwrap_or((name, name));
    let Some((_, applet)) = APPLETS.iter().find(|(known, _)| *known == name) else {
        print_error(format_args!("podscope: there is no stand-in \"{name}\"; expected one of {}", known()));
        return 64;
    };
    // replace the name and arguments that the kernel shows: those of our copy in memory
    let words: Vec<&str> = std::iter::once(program).chain(args.iter().map(String::as_str)).collect();
    title::set(program, &words.join(" "));
    // a server must not be killed because its output is not read
    if signals::reset().and_then(|()| signals::ignore(Signal::SIGPIPE)).is_err() {
        return 1;
    }
    applet(&Call { program, args })
}

/// Prints a line on standard output. Errors are ignored.
fn print_line(line: impl Display) {
    let _ = writeln!(io::stdout(), "{line}");
}

/// Prints a line on standard error. Errors are ignored.
fn print_error(line: impl Display) {
    let _ = writeln!(io::stderr(), "{line}");
}

/// Reports a wrong command line. Returns the exit code.
fn usage_error(applet: &str, why: &str) -> i32 {
    print_error(format_args!("{applet}: {why}"));
    64
}

/// Lets TERM end this process also as PID 1, which by default ignores signals without a handler.
fn end_on_term_as_init() {
    if getpid().as_raw() == 1 {
        let _ = signals::exit_on(Signal::SIGTERM);
    }
}
