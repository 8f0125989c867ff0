//! Passes what programs write to the app, as Deltas.

use std::num::NonZeroU64;

use super::event_loop::{Node, Timer};
use super::output::Ring;
use super::passed::Passed;
use crate::lab::protocol::Call;
use crate::model::{Delta, ExecEnd, ExecId, Member, OutputSource, PodUid};
use crate::observe;

/// If more bytes than this wait to be read by the app, no output is passed until it has read all: a program that writes
/// without end must not fill the memory.
const MAX_WAITING_BYTES: usize = 1024 * 1024;

impl Node {
    /// Passes the new output of this source, now or when it may be passed. `at_end`: its program has ended.
    pub(super) fn pass_output(&mut self, from: OutputSource, at_end: bool) {
        if self.waiting_bytes() > MAX_WAITING_BYTES {
            self.delayed.insert(from);
            return;
        }
        let now = observe::now();
        let Some((log, passed)) = self.recorded(&from) else { return };
        let piece = passed.take(log, now, at_end);
        let next = (!passed.is_all(log)).then(|| passed.next());
        self.set_timer(next.filter(|next| *next > now), Timer::Output(from.clone()));
        if let Some(piece) = piece {
            let skipped = NonZeroU64::new(piece.skipped);
            self.report_delta(Delta::Output { from, text: piece.text, skipped, at: Self::now() });
        }
    }

    /// Once the app has read everything, passes what had to wait. Returns whether there was anything.
    pub(super) fn pass_delayed_output(&mut self) -> bool {
        if self.waiting_bytes() > 0 || self.delayed.is_empty() {
            return false;
        }
        for from in std::mem::take(&mut self.delayed) {
            self.pass_output(from, false);
        }
        true
    }

    /// A log, and what of it was passed.
    fn recorded(&mut self, from: &OutputSource) -> Option<(&Ring, &mut Passed)> {
        match from {
            OutputSource::Member(member) => {
                let run = self.pods.get_mut(&member.pod)?;
                Some((run.logs.get(&member.container)?, run.passed.entry(member.container.clone()).or_default()))
            }
            OutputSource::Exec { exec, stderr } => {
                let session = self.sessions.get_mut(&exec.0)?;
                let [stdout_passed, stderr_passed] = session.passed.as_mut()?;
                let (stdout, stderr_log) = (&session.stdout, &session.stderr);
                Some(if *stderr { (stderr_log, stderr_passed) } else { (stdout, stdout_passed) })
            }
        }
    }

    /// The member's program has ended, so all its output is there.
    pub(super) fn pass_rest_of_member(&mut self, pod: &PodUid, container: Option<&str>) {
        let container = container.map(str::to_owned);
        self.pass_output(OutputSource::Member(Member { pod: pod.clone(), container }), true);
    }

    pub(super) fn record_exec_start(&mut self, call: Call, member: &Member, argv: &[String]) {
        let (exec, member, argv) = (ExecId(call), member.clone(), argv.to_vec());
        self.report_delta(Delta::ExecStarted { exec, member, argv, at: Self::now() });
    }

    /// Passes the rest of an executed program's output, and how it ended.
    pub(super) fn record_exec_end(&mut self, call: Call, end: ExecEnd) {
        let exec = ExecId(call);
        for stderr in [false, true] {
            self.pass_output(OutputSource::Exec { exec, stderr }, true);
        }
        self.report_delta(Delta::ExecEnded { exec, end, at: Self::now() });
    }

    /// The pod is removed, and with it its logs.
    pub(super) fn forget_recorded(&mut self, pod: &PodUid) {
        let of_pod = |from: &OutputSource| matches!(from, OutputSource::Member(member) if member.pod == *pod);
        self.timers.retain(|(_, timer)| !matches!(timer, Timer::Output(from) if of_pod(from)));
        self.delayed.retain(|from| !of_pod(from));
    }
}
