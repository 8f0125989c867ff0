//! The stream of Deltas as text: one JSON object a line, after a line that names the format.
//!
//! A stream is of one machine and one boot of it, which its first Delta names ([`Delta::Host`]). So a process is its
//! pid and its start time within a stream, and all times are of that machine's clock.

use std::borrow::Cow;

use serde::Serialize;

use crate::model::Delta;
use crate::model::text::escaped_json;
use crate::wording::{coverage, ending, outcome};

/// The format and its version. The version changes when a reader of the old one would misread the new one. A new kind
/// of Delta, or a new field that may be left out, does not change it: readers ignore what they do not know.
pub const FORMAT: &str = "podscope.deltas/1";

/// The first line of a stream, with its newline.
pub fn header() -> String {
    format!("{{\"format\":\"{FORMAT}\"}}\n")
}

/// A line of JSON: a change, and the same for people where it holds a reason that is shown in words.
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
        Capability, Coverage, Limitation, MonoNs, NodeEnd, ProcId, SendError, SentBy, Signal, Source, Stamp,
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
}
