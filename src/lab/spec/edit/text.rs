//! Changes entries of a mapping in the text of a YAML document, in block and in flow style. `None` everywhere: the text
//! is written in a way that these functions do not change.

use std::ops::Range;

use crate::lab::spec::yaml::{Place, Value, YamlNode};

/// How the lines of the text end.
pub fn line_end(text: &str) -> &'static str {
    if text.contains("\r\n") { "\r\n" } else { "\n" }
}

/// Where a place is in the text, in bytes.
fn offset(text: &str, place: Place) -> Option<usize> {
    let line = usize::try_from(place.line).ok()?.checked_sub(1)?;
    let column = usize::try_from(place.column).ok()?.checked_sub(1)?;
    let mut at = 0;
    for (nth, content) in text.split_inclusive('\n').enumerate() {
        if nth == line {
            let inside = content.char_indices().nth(column).map(|(i, _)| i);
            return inside.or_else(|| (content.chars().count() == column).then_some(content.len())).map(|i| at + i);
        }
        at += content.len();
    }
    None
}

/// Whether a mapping is written as `{…}`.
pub fn is_flow(text: &str, map: &YamlNode) -> Option<bool> {
    Some(text[offset(text, map.place)?..].starts_with('{'))
}

/// The end of the scalar that begins at `start`.
fn scalar_end(text: &str, start: usize, in_flow: bool) -> Option<usize> {
    let rest = &text[start..];
    let bytes = rest.as_bytes();
    match *bytes.first()? {
        b'|' | b'>' | b'[' | b'{' => None,
        quote @ (b'"' | b'\'') => {
            let mut at = 1;
            loop {
                match *bytes.get(at)? {
                    b'\\' if quote == b'"' => at += 2,
                    // '' is a quote inside of single quotes
                    byte if byte == quote && quote == b'\'' && bytes.get(at + 1) == Some(&quote) => at += 2,
                    byte if byte == quote => return Some(start + at + 1),
                    _ => at += 1,
                }
            }
        }
        _ => {
            let line = rest.lines().next().unwrap_or_default();
            let comment = line.find(" #").unwrap_or(line.len());
            let flow = line.find([',', '}', ']']).filter(|_| in_flow).unwrap_or(line.len());
            let plain = line[..comment.min(flow)].trim_end();
            (!plain.is_empty()).then_some(start + plain.len())
        }
    }
}

/// The end of a value: a scalar, or a mapping of one scalar.
fn value_end(text: &str, value: &YamlNode, in_flow: bool) -> Option<usize> {
    let Value::Map(entries) = &value.value else { return scalar_end(text, offset(text, value.place)?, in_flow) };
    let [(_, _, only)] = &entries[..] else { return None };
    let is_flow = is_flow(text, value)?;
    let end = value_end(text, only, is_flow)?;
    if !is_flow {
        return Some(end);
    }
    let close = text[end..].find('}')?;
    text[end..end + close].trim().trim_matches(',').is_empty().then_some(end + close + 1)
}

/// Key and value of an entry, in bytes.
fn entry_range(text: &str, map: &YamlNode, key: &str) -> Option<Range<usize>> {
    let (_, place, value) = map.entries().iter().find(|(name, ..)| name == key)?;
    Some(offset(text, *place)?..value_end(text, value, is_flow(text, map)?)?)
}

/// The whole lines of a range, with the last line feed. Nothing but the range and a comment may be on them.
fn whole_lines(text: &str, range: &Range<usize>) -> Option<Range<usize>> {
    let start = text[..range.start].rfind('\n').map_or(0, |at| at + 1);
    let end = text[range.end..].find('\n').map_or(text.len(), |at| range.end + at + 1);
    let after = text[range.end..end].trim();
    let is_alone = text[start..range.start].trim().is_empty() && (after.is_empty() || after.starts_with('#'));
    is_alone.then_some(start..end)
}

fn replaced(text: &str, range: Range<usize>, by: &str) -> String {
    let mut text = text.to_owned();
    text.replace_range(range, by);
    text
}

/// Gives an entry that is there another scalar.
pub fn replace_value(text: &str, map: &YamlNode, key: &str, value: &str) -> Option<String> {
    let (_, place, old) = map.entries().iter().find(|(name, ..)| name == key)?;
    if old.is_null() {
        let after_key = offset(text, *place)?;
        let colon = after_key + text[after_key..].find(':')? + 1;
        return Some(replaced(text, colon..colon, &format!(" {value}")));
    }
    let start = offset(text, old.place)?;
    let end = scalar_end(text, start, is_flow(text, map)?)?;
    Some(replaced(text, start..end, value))
}

/// Adds an entry: behind the entry `after` if that is on a line of its own, else as the first one.
pub fn insert_entry(text: &str, map: &YamlNode, after: Option<&str>, key: &str, value: &str) -> Option<String> {
    if is_flow(text, map)? {
        let at = offset(text, map.place)? + 1;
        // in JSON keys are in quotes
        let quote = if text[at..].trim_start().starts_with('"') { "\"" } else { "" };
        let separator = if map.entries().is_empty() { "" } else { ", " };
        return Some(replaced(text, at..at, &format!("{quote}{key}{quote}: {value}{separator}")));
    }
    let (_, first, _) = map.entries().first()?;
    let (indent, line_end) = (" ".repeat(usize::try_from(first.column).ok()?.checked_sub(1)?), line_end(text));
    // a value on the next line has no space before it
    let space = if value.starts_with(['\r', '\n']) { "" } else { " " };
    let behind = after.and_then(|after| entry_range(text, map, after));
    if let Some(lines) = behind.and_then(|range| whole_lines(text, &range)) {
        let ended = if text[..lines.end].ends_with('\n') { "" } else { line_end };
        let entry = format!("{ended}{indent}{key}:{space}{value}{line_end}");
        return Some(replaced(text, lines.end..lines.end, &entry));
    }
    let at = offset(text, *first)?;
    Some(replaced(text, at..at, &format!("{key}:{space}{value}{line_end}{indent}")))
}

/// Makes a mapping with one entry the value of `name`, which has none.
pub fn insert_nested(text: &str, above: &YamlNode, name: &str, key: &str, value: &str) -> Option<String> {
    let (_, place, _) = above.entries().iter().find(|(entry, ..)| entry == name)?;
    let start = offset(text, *place)?;
    let colon = start + text[start..].find(':')? + 1;
    let nested = if is_flow(text, above)? {
        format!(" {{{key}: {value}}}")
    } else {
        format!("{}{}{key}: {value}", line_end(text), " ".repeat(usize::try_from(place.column).ok()? + 1))
    };
    Some(replaced(text, colon..colon, &nested))
}

pub fn remove_entry(text: &str, map: &YamlNode, key: &str) -> Option<String> {
    let range = entry_range(text, map, key)?;
    if !is_flow(text, map)? {
        return Some(replaced(text, whole_lines(text, &range)?, ""));
    }
    let behind = &text[range.end..];
    let spaces = behind.len() - behind.trim_start().len();
    if let Some(next) = behind.trim_start().strip_prefix(',') {
        let end = range.end + spaces + 1 + (next.len() - next.trim_start().len());
        return Some(replaced(text, range.start..end, ""));
    }
    let before = text[..range.start].trim_end();
    let start = before.strip_suffix(',').map_or(range.start, str::len);
    Some(replaced(text, start..range.end, ""))
}
