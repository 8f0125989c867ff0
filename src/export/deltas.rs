//! The stream of Deltas as text: one JSON object a line, after a line that names the format.
//!
//! A stream is of one machine and one boot of it, which its first Delta names ([`Delta::Host`]). So a process is its
//! pid and its start time within a stream, and all times are of that machine's clock.

use crate::model::Delta;
use crate::model::text::escaped_json;

/// The format and its version. The version changes when a reader of the old one would misread the new one. A new kind
/// of Delta, or a new field that may be left out, does not change it: readers ignore what they do not know.
pub const FORMAT: &str = "podscope.deltas/1";

/// The first line of a stream, with its newline.
pub fn header() -> String {
    format!("{{\"format\":\"{FORMAT}\"}}\n")
}

/// A line of a stream, with its newline. Control and bidirectional characters are escaped.
///
/// # Errors
/// The Delta has no form in JSON. None is known.
pub fn line(delta: &Delta) -> Result<String, serde_json::Error> {
    Ok(escaped_json(serde_json::to_string(delta)?) + "\n")
}
