//! Signals that were sent, and kills for lack of memory, in words.

use crate::model::{OomKill, ProcId, SignalResult, SignalSender, SignalSent};

/// `SIGTERM from sh (pid 12) to sleep (pid 14)`, and what became of it if it was not delivered.
pub fn sent(sent: &SignalSent) -> String {
    let to = process(&sent.target_name, sent.target);
    format!("{} {} to {to}{}", sent.signal, from(sent), fate(sent))
}

/// `from sh (pid 12)`. A process that sends a signal to itself is `itself`.
fn from(sent: &SignalSent) -> String {
    match &sent.sender {
        SignalSender::Process { id, .. } if *id == sent.target => "from itself".into(),
        SignalSender::Process { id, name } => format!("from {}", process(name, *id)),
        SignalSender::App => "from Podscope".into(),
        SignalSender::Child => "from the kernel, for a child that has ended, stopped or gone on,".into(),
        SignalSender::Fault => "from the kernel, for a fault of the program,".into(),
        SignalSender::Timer => "from a timer".into(),
        SignalSender::Kernel => "from the kernel".into(),
        SignalSender::Other { code } => format!("from the kernel (si_code {code})"),
    }
}

/// What became of it, if it was not just delivered, and how many like it are not in the stream: `; ignored`.
fn fate(sent: &SignalSent) -> String {
    let fate = match sent.result {
        SignalResult::Delivered => "",
        SignalResult::Ignored => "; ignored",
        SignalResult::AlreadyPending => "; lost, because the same signal is already pending",
        SignalResult::Overflow => "; lost, because too many signals wait",
        SignalResult::InformationLost => "; it does not learn who sent it",
    };
    match sent.skipped {
        Some(n) => format!("{fate}; {n} more like it before"),
        None => fate.into(),
    }
}

/// Who was killed, and who needed the memory.
pub fn oom_kill(kill: &OomKill) -> String {
    let victim = match &kill.victim_name {
        Some(name) => process(name, kill.victim),
        None => format!("pid {}", kill.victim.pid),
    };
    format!("the kernel has killed {victim}: {}", needed_memory(kill))
}

/// Why there was a kill: which process needed memory.
fn needed_memory(kill: &OomKill) -> String {
    if kill.caused_by == kill.victim {
        return "it needed memory, and there was none left".into();
    }
    format!("{} needed memory, and there was none left", process(&kill.caused_by_name, kill.caused_by))
}

fn process(name: &str, id: ProcId) -> String {
    format!("{name} (pid {})", id.pid)
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroU64;

    use super::*;
    use crate::model::{MonoNs, Precision, Signal, Source, Stamp};

    fn id(pid: u32) -> ProcId {
        ProcId { pid, start: 0 }
    }

    const AT: Stamp = Stamp::new(MonoNs(1), Source::Bpf, Precision::Exact);

    #[test]
    fn a_signal_says_who_sent_it_to_whom() {
        let process = |pid, name: &str| SignalSender::Process { id: id(pid), name: name.into() };
        let plain = |sender| SignalSent {
            signal: Signal::TERM,
            sender,
            target: id(14),
            target_name: "sleep".into(),
            result: SignalResult::Delivered,
            skipped: None,
            at: AT,
        };
        let ignored = SignalSent { result: SignalResult::Ignored, ..plain(process(12, "sh")) };
        let storm = SignalSent { skipped: NonZeroU64::new(7), ..plain(process(12, "sh")) };
        let pending = SignalSent { result: SignalResult::AlreadyPending, ..plain(SignalSender::Timer) };
        let table = [
            (plain(process(12, "sh")), "SIGTERM from sh (pid 12) to sleep (pid 14)"),
            (plain(process(14, "sleep")), "SIGTERM from itself to sleep (pid 14)"),
            (plain(SignalSender::App), "SIGTERM from Podscope to sleep (pid 14)"),
            (plain(SignalSender::Kernel), "SIGTERM from the kernel to sleep (pid 14)"),
            (
                plain(SignalSender::Child),
                "SIGTERM from the kernel, for a child that has ended, stopped or gone on, to sleep (pid 14)",
            ),
            (plain(SignalSender::Fault), "SIGTERM from the kernel, for a fault of the program, to sleep (pid 14)"),
            (plain(SignalSender::Other { code: -5 }), "SIGTERM from the kernel (si_code -5) to sleep (pid 14)"),
            (ignored, "SIGTERM from sh (pid 12) to sleep (pid 14); ignored"),
            (storm, "SIGTERM from sh (pid 12) to sleep (pid 14); 7 more like it before"),
            (pending, "SIGTERM from a timer to sleep (pid 14); lost, because the same signal is already pending"),
        ];
        for (signal, words) in table {
            assert_eq!(sent(&signal), words);
        }
    }

    #[test]
    fn a_kill_for_lack_of_memory_names_both() {
        let kill = OomKill {
            victim: id(14),
            victim_name: Some("tail".into()),
            caused_by: id(14),
            caused_by_name: "tail".into(),
            at: AT,
        };
        let own = "the kernel has killed tail (pid 14): it needed memory, and there was none left";
        assert_eq!(oom_kill(&kill), own);
        let other = OomKill { victim_name: None, caused_by: id(12), caused_by_name: "dd".into(), ..kill };
        let words = "the kernel has killed pid 14: dd (pid 12) needed memory, and there was none left";
        assert_eq!(oom_kill(&other), words);
    }
}
