//! `podscope.snapshot/1` as indented JSON.

use super::Snapshot;
use crate::model::text::escaped_json;

pub fn render(snapshot: &Snapshot) -> String {
    // plain structs with string keys: serialisation to a string cannot fail
    let mut text = serde_json::to_string_pretty(snapshot).unwrap_or_default();
    text.push('\n');
    escaped_json(text)
}
