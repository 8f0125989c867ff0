//! How a program that was executed in a container goes, in words.

use super::duration;
use crate::model::{ExecEnd, ExecRun};

/// `running…`, or how it ended.
pub fn state(run: &ExecRun) -> String {
    let Some((end, at)) = &run.ended else { return "running…".to_owned() };
    let took = duration::format_exact(at.t.since(run.started.t));
    match end {
        ExecEnd::Exited(status) => format!("exit {} · {took}", status.code()),
        ExecEnd::TimedOut => format!("killed after {took}, its time limit"),
        ExecEnd::Cancelled => "cancelled".to_owned(),
        ExecEnd::NotStarted(why) => why.clone(),
        ExecEnd::NodeEnded => "ended with the lab's node".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{ExecId, Member, MonoNs, Output, PodUid, Source, Stamp, WaitStatus};

    #[test]
    fn each_end_has_its_words() {
        let at = |ms: u64| Stamp::prompt(MonoNs(ms * 1_000_000), Source::Node);
        let mut run = ExecRun {
            id: ExecId(1),
            member: Member::container(&PodUid("uid".to_owned()), "web"),
            argv: vec!["ps".to_owned()],
            started: at(1_000),
            output: Output::default(),
            ended: None,
        };
        assert_eq!(state(&run), "running…");
        for (end, words) in [
            (ExecEnd::Exited(WaitStatus(0)), "exit 0 · 30.00 s"),
            (ExecEnd::Exited(WaitStatus(9)), "exit 137 · 30.00 s"),
            (ExecEnd::TimedOut, "killed after 30.00 s, its time limit"),
            (ExecEnd::Cancelled, "cancelled"),
            (
                ExecEnd::NotStarted("exec: \"x\": executable file not found in $PATH".to_owned()),
                "exec: \"x\": executable file not found in $PATH",
            ),
            (ExecEnd::NodeEnded, "ended with the lab's node"),
        ] {
            run.ended = Some((end, at(31_000)));
            assert_eq!(state(&run), words);
        }
    }
}
