//! What BPF reports: signals with their senders, kills for lack of memory, and births and exits that no other source
//! has reported.
//!
//! Its events and those of the connector come in two queues. The worker hands over the connector's first, so the
//! process that a signal names is known, and it may have ended already.

use super::{Kernel, Reconciler};
use crate::model::{
    Delta, MonoNs, OomKill, Precision, ProcId, Signal, SignalResult, SignalSender, SignalSent, Source, Stamp,
    WaitStatus,
};
use crate::observe::bpf::{Event, Happening, Origin, RawSignal, TaskRef};

impl Reconciler {
    pub fn traced(&mut self, kernel: &mut impl Kernel, event: Event) {
        let at = Stamp::new(event.at, Source::Bpf, Precision::Exact);
        match event.happening {
            Happening::Signal(raw) => self.signal_sent(kernel, &raw, at),
            Happening::OomKill { victim, caused_by, victim_comm, caused_by_comm } => {
                let (Some(victim), Some(caused_by)) = (self.process_of(&victim), self.process_of(&caused_by)) else {
                    return;
                };
                if self.entries.contains_key(&victim) || self.entries.contains_key(&caused_by) {
                    let victim_name = Some(victim_comm.to_string()).filter(|name| !name.is_empty());
                    let caused_by_name = caused_by_comm.to_string();
                    let kill = OomKill { victim, victim_name, caused_by, caused_by_name, at };
                    self.out.push(Delta::OomKill { kill: Box::new(kill) });
                }
            }
            Happening::Exit { task, of_process: Some(status), .. } => {
                self.exit_traced(kernel, task.process(), status, at);
            }
            // the connector reports the same
            _ if self.connector => {}
            Happening::Fork(task) if task.is_first_thread() => self.forked(kernel, at, task.ppid, task.pid),
            Happening::Fork(task) => self.thread_born(task.tgid),
            Happening::Exec { task, .. } => self.exec(kernel, at, task.tgid),
            Happening::Exit { .. } | Happening::Setns(_) | Happening::Unshare(_) | Happening::CgroupMove { .. } => {}
        }
    }

    /// Its identity here; `None` if only its pid is known, and no process that is watched has it.
    fn process_of(&self, task: &TaskRef) -> Option<ProcId> {
        task.process().map_or_else(|| self.by_pid(task.tgid), |id| Some(self.canonical(id)))
    }

    fn signal_sent(&mut self, kernel: &mut impl Kernel, raw: &RawSignal, at: Stamp) {
        let Some(target) = self.process_of(&raw.target) else { return };
        let sender = self.sender_of(raw);
        let by_watched = matches!(&sender, SignalSender::Process { id, .. } if self.entries.contains_key(id));
        let is_watched = self.entries.contains_key(&target);
        // the end of a child is no news to a parent that does not care
        let is_noise = sender == SignalSender::Child && raw.result == SignalResult::Ignored;
        if is_noise || !is_watched && !by_watched {
            return;
        }
        if is_watched && changes_state(raw.signal) {
            self.look_again(kernel, target);
        }
        let target_name = raw.target_comm.to_string();
        let (signal, result) = (raw.signal, raw.result);
        let sent = SignalSent { signal, sender, target, target_name, result, skipped: None, at };
        let admitted = self.signal_limit.admit(sent);
        self.out.extend(admitted.map(|sent| Delta::SignalSent { sent: Box::new(sent) }));
    }

    fn sender_of(&self, raw: &RawSignal) -> SignalSender {
        match raw.origin {
            Origin::Process if Some(raw.current.tgid) == self.own_pid => SignalSender::App,
            Origin::Process => match self.process_of(&raw.current) {
                Some(id) => SignalSender::Process { id, name: raw.current_comm.to_string() },
                None => SignalSender::Kernel,
            },
            Origin::Kernel => SignalSender::Kernel,
            Origin::Other(code) => kernel_reason(raw.signal, code),
        }
    }

    /// Passes on signals that had to wait.
    pub(super) fn report_held_signals(&mut self, now: MonoNs) {
        let due = self.signal_limit.take_due(now);
        self.out.extend(due.into_iter().map(|sent| Delta::SignalSent { sent: Box::new(sent) }));
        let count = self.signal_limit.take_uncounted();
        if count > 0 {
            let at = Stamp::by_then(now, Source::Bpf);
            self.out.push(Delta::Lost { source: Source::Bpf, count: Some(count), at });
        }
    }

    /// The last thread of a process is ending. It is not a zombie yet, and it still has its children. So this is not its
    /// exit, but tells the time and the status of the exit that another source reports.
    fn exit_traced(&mut self, kernel: &mut impl Kernel, id: ProcId, status: WaitStatus, at: Stamp) {
        let id = self.canonical(id);
        let Some(entry) = self.entries.get_mut(&id) else { return };
        entry.traced_exit = Some((at, status));
        match entry.exit {
            Some((known_at, known)) if known.is_none() || known_at.precision != Precision::Exact => {
                self.ended(kernel, id, Some(status), at, None);
            }
            None if !self.connector => self.recheck_soon(kernel, id),
            Some(_) | None => {}
        }
    }
}

/// Whether the signal stops a process or lets it go on. No event reports that it has done so.
const fn changes_state(signal: Signal) -> bool {
    // CONT, STOP, TSTP, TTIN, TTOU
    matches!(signal.0, 18..=22)
}

/// Why the kernel sends a signal with this `si_code` (`include/uapi/asm-generic/siginfo.h`).
const fn kernel_reason(signal: Signal, code: i32) -> SignalSender {
    const SI_TIMER: i32 = -2;
    match (signal.0, code) {
        (_, SI_TIMER) => SignalSender::Timer,
        // CHLD with CLD_EXITED to CLD_CONTINUED
        (17, 1..=6) => SignalSender::Child,
        // ILL, TRAP, BUS, FPE, SEGV, SYS
        (4 | 5 | 7 | 8 | 11 | 31, 1..) => SignalSender::Fault,
        _ => SignalSender::Other { code },
    }
}
