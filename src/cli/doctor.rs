//! `podscope doctor`: what this machine allows, what that means, and what to do about it.

mod checks;

use super::output::{Failure, print};
use crate::model::text::escaped;

#[derive(Debug, clap::Args)]
pub struct Args {}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Ok,
    /// It works in part.
    Limited,
    Missing,
}

/// One capability, printed as one line.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Check {
    what: &'static str,
    state: State,
    /// What works, or what does not work without it.
    consequence: String,
    /// The exact fix; empty if nothing is wrong.
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
        // a remedy may be a whole AppArmor profile; it is printed in one line nevertheless
        let remedy = self.remedy.split('\n').map(|line| escaped(line.trim())).collect::<Vec<_>>().join(" ");
        let remedy = if remedy.is_empty() { remedy } else { format!("; {remedy}") };
        format!("{:<width$}  {state:<7}  {}{remedy}", self.what, escaped(&self.consequence))
    }
}

pub fn main(_: &Args) -> Result<(), Failure> {
    let lab = checks::lab();
    let can_run_pods = lab.iter().all(|c| c.what != checks::LAB || c.state != State::Missing);
    let mut all = vec![checks::kernel()];
    all.extend(lab);
    all.extend(checks::observer());
    all.extend(checks::bpf());
    all.extend([checks::processes(), checks::display(), checks::portal()]);
    let width = all.iter().map(|c| c.what.len()).max().unwrap_or_default();
    let lines: String = all.iter().map(|c| c.line(width) + "\n").collect();
    print(&lines)?;
    if can_run_pods {
        Ok(())
    } else {
        Err(Failure::Failed("pods cannot be run here; see `user namespaces` above".into()))
    }
}

#[cfg(test)]
mod tests {
    use super::Check;

    #[test]
    fn a_capability_is_printed_in_one_line() {
        let check = Check::missing("lab", "no pods", "install this:\n  profile x {\n    userns,\n  }");
        assert_eq!(check.line(5), "lab    missing  no pods; install this: profile x { userns, }");
        let hidden = Check::missing("lab", "no\n\u{202e}x", "a\u{1b}\n\u{2066}b");
        assert_eq!(hidden.line(3), r"lab  missing  no\n\u{202e}x; a\u{1b} \u{2066}b");
        assert_eq!(Check::ok("lab", "all").line(3), "lab  ok       all");
    }
}
