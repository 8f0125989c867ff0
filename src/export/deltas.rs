//! The stream of Deltas as text: one JSON object a line, after a line that names the format.
//!
//! A stream is of one machine and one boot of it, which its first Delta names ([`Delta::Host`]). So a process is its
//! pid and its start time within a stream, and all times are of that machine's clock.

use std::borrow::Cow;

use serde::Serialize;

use crate::model::Delta;
use crate::model::text::escaped_json;
use crate::wording::{coverage, ending, outcome, signal};

/// The format and its version. The version changes when a reader of the old one would misread the new one. A new kind
/// of Delta, or a new field that may be left out, does not change it: readers ignore what they do not know.
pub const FORMAT: &str = "podscope.deltas/1";

/// The first line of a stream, with its newline.
pub fn header() -> String {
    format!("{{\"format\":\"{FORMAT}\"}}\n")
}

/// A line of JSON: a change, and the same for people where it holds a reason or a signal that is shown in words.
#[derive(Serialize)]
struct Line<'a> {
    #[serde(flatten)]
    delta: &'a Delta,
    #[serde(skip_serializing_if = "Option::is_none")]
    words: Option<String>,
}

fn words(delta: &Delta) -> Option<String> {
    match delta {
        Delta::Visibility { capability, coverage, .. } => coverage::reason(*capability, coverage),
        Delta::NodeEnded { end, .. } => Some(ending::node_end(*end)),
        Delta::Pod { pod, .. } => ending::pod_message(pod).map(Cow::into_owned),
        Delta::Signalled { error, .. } => error.map(outcome::not_sent),
        Delta::SignalSent { sent } => Some(signal::sent(sent)),
        Delta::OomKill { kill } => Some(signal::oom_kill(kill)),
        _ => None,
    }
}

/// A line of a stream, with its newline. Control and bidirectional characters are escaped.
///
/// # Errors
/// The Delta has no form in JSON. None is known.
pub fn line(delta: &Delta) -> Result<String, serde_json::Error> {
    Ok(escaped_json(serde_json::to_string(&Line { delta, words: words(delta) })?) + "\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{
        Capability, Coverage, Limitation, MonoNs, NodeEnd, OomKill, ProcId, SendError, SentBy, Signal, SignalResult,
        SignalSender, SignalSent, Source, Stamp,
    };

    /// What a line of JSON says in words.
    fn printed(delta: &Delta) -> Option<String> {
        let line = line(delta).expect("JSON");
        assert_eq!(serde_json::from_str::<Delta>(&line).expect("a change"), *delta, "{line}");
        let line: serde_json::Value = serde_json::from_str(&line).expect("JSON");
        line.get("words").map(|words| words.as_str().expect("a string").to_owned())
    }

    #[test]
    fn reasons_are_printed_in_words_too() {
        let at = Stamp::prompt(MonoNs(1), Source::App);
        let visibility = |coverage| Delta::Visibility { capability: Capability::Pidfd, coverage, at };
        assert_eq!(printed(&visibility(Coverage::Full)), None);
        let off = printed(&visibility(Coverage::Missing(Limitation::SwitchedOff)));
        assert_eq!(off.as_deref(), Some("switched off; reaps are found by scans"));
        let ended = printed(&Delta::NodeEnded { end: NodeEnd::Unknown, at });
        assert_eq!(ended.as_deref(), Some("the node has ended"));
        let (target, signal) = (ProcId { pid: 1, start: 1 }, Signal::TERM);
        let by = SentBy::Script;
        let sent = |error| Delta::Signalled { target, signal, effect: None, also_end: Vec::new(), error, by, at };
        assert_eq!(printed(&sent(None)), None);
        assert_eq!(printed(&sent(Some(SendError::Gone))).as_deref(), Some("the process is gone"));
    }
    #[test]
    fn signals_and_kills_are_printed_in_words_too() {
        let at = Stamp::prompt(MonoNs(1), Source::Bpf);
        let (id, target) = (ProcId { pid: 12, start: 1 }, ProcId { pid: 14, start: 2 });
        let sent = SignalSent {
            signal: Signal::TERM,
            sender: SignalSender::Process { id, name: "sh".into() },
            target,
            target_name: "sleep".into(),
            result: SignalResult::Delivered,
            skipped: None,
            at,
        };
        let delta = Delta::SignalSent { sent: Box::new(sent) };
        assert_eq!(printed(&delta).as_deref(), Some("SIGTERM from sh (pid 12) to sleep (pid 14)"));
        let json: serde_json::Value = serde_json::from_str(&line(&delta).expect("JSON")).expect("JSON");
        assert_eq!(json["delta"], "signal_sent");
        assert_eq!(json["sent"]["sender"]["process"]["id"]["pid"], 12);
        assert_eq!(json["sent"]["result"], "delivered");
        let name = "tail".to_owned();
        let kill =
            OomKill { victim: target, victim_name: Some(name.clone()), caused_by: target, caused_by_name: name, at };
        let kill = printed(&Delta::OomKill { kill: Box::new(kill) });
        let words = "the kernel has killed tail (pid 14): it needed memory, and there was none left";
        assert_eq!(kill.as_deref(), Some(words));
    }
}
