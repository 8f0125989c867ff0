//! `podscope doctor`: what this machine allows, what that means, and what to do about it.

mod checks;

use super::output::{Failure, print};
use crate::model::text::escaped;

#[derive(Debug, clap::Args)]
pub struct Args {}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Ok,
    /// Something is lost.
    Limited,
    Missing,
}

/// One capability, one line.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Check {
    what: &'static str,
    state: State,
    /// What is there, or what is lost without it.
    consequence: String,
    /// The exact way out; empty when nothing is amiss.
    remedy: String,
}

impl Check {
    fn ok(what: &'static str, detail: impl Into<String>) -> Self {
        Self { what, state: State::Ok, consequence: detail.into(), remedy: String::new() }
    }

    fn limited(what: &'static str, consequence: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self { what, state: State::Limited, consequence: consequence.into(), remedy: remedy.into() }
    }

    fn missing(what: &'static str, consequence: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self { what, state: State::Missing, consequence: consequence.into(), remedy: remedy.into() }
    }

    fn line(&self, width: usize) -> String {
        let state = match self.state {
            State::Ok => "ok",
            State::Limited => "limited",
            State::Missing => "missing",
        };
        let remedy = if self.remedy.is_empty() { String::new() } else { format!("; {}", self.remedy) };
        let line = format!("{:<width$}  {state:<7}  {}{remedy}", self.what, self.consequence);
        // a remedy may be a whole profile to install; one line a capability all the same
        escaped(&line.split('\n').map(str::trim).collect::<Vec<_>>().join(" ")).into_owned()
    }
}

pub fn main(_: &Args) -> Result<(), Failure> {
    let lab = checks::lab();
    let possible = lab.iter().all(|c| c.what != checks::LAB || c.state != State::Missing);
    let mut all = vec![checks::kernel()];
    all.extend(lab);
    all.extend(checks::sight());
    all.extend([checks::processes(), checks::display(), checks::portal()]);
    let width = all.iter().map(|c| c.what.len()).max().unwrap_or_default();
    let lines: String = all.iter().map(|c| c.line(width) + "\n").collect();
    print(&lines)?;
    if possible { Ok(()) } else { Err(Failure::Failed("pods cannot be run here; see `user namespaces` above".into())) }
}

#[cfg(test)]
mod tests {
    use super::Check;

    #[test]
    fn a_capability_is_one_line() {
        let check = Check::missing("lab", "no pods", "install this:\n  profile x {\n    userns,\n  }");
        assert_eq!(check.line(5), "lab    missing  no pods; install this: profile x { userns, }");
        assert_eq!(Check::ok("lab", "all").line(3), "lab  ok       all");
    }
}
