//! Escapes names and messages so that they are safe to show.
//!
//! A process chooses its own name and arguments (`PR_SET_NAME`, execve(2)), a file name may hold any byte but `/` and
//! NUL, and a container may write any text. Characters that are invisible but change the text around them are shown as
//! escapes, so that no name can control a terminal (ECMA-48) or make a text look like another one (Unicode Technical
//! Report 36, "bidirectional text spoofing").

use std::borrow::Cow;
use std::fmt::Write as _;

/// A name or a message in one line. Invisible characters are shown as `\n`, `\u{1b}`, `\u{202e}`.
///
/// Borrows if there is nothing to escape. A backslash stays as it is: the escapes are for people, not for parsing.
pub fn escaped(text: &str) -> Cow<'_, str> {
    escaped_but(text, &[])
}

/// As [`escaped`], but line feeds and tabs stay. For output of several lines.
pub fn escaped_lines(text: &str) -> Cow<'_, str> {
    escaped_but(text, &['\n', '\t'])
}

/// JSON text with the same characters written as `\u202e`, which has the same meaning (RFC 8259, section 7).
///
/// Such characters occur only in strings, so their place in the text does not matter. Every JSON writer already escapes
/// characters below U+0020 in strings; between values they are white space.
pub fn escaped_json(json: String) -> String {
    let is_hidden = |c: char| c >= ' ' && is_invisible(c);
    if is_plain(&json) || !json.contains(is_hidden) {
        return json;
    }
    let mut out = String::with_capacity(json.len() + 64);
    for c in json.chars() {
        if is_hidden(c) {
            for unit in c.encode_utf16(&mut [0; 2]) {
                let _ = write!(out, "\\u{unit:04x}");
            }
        } else {
            out.push(c);
        }
    }
    out
}

/// Words joined for a shell, in quotes where the shell would change them.
pub fn shell_words<'a>(words: impl IntoIterator<Item = &'a str>) -> String {
    let quoted = |word: &str| {
        let plain = |c: char| c.is_ascii_alphanumeric() || "-_./:=@%+,".contains(c);
        if !word.is_empty() && word.chars().all(plain) {
            word.to_owned()
        } else {
            format!("'{}'", word.replace('\'', "'\\''"))
        }
    };
    words.into_iter().map(quoted).collect::<Vec<_>>().join(" ")
}

fn escaped_but<'a>(text: &'a str, kept: &[char]) -> Cow<'a, str> {
    if text.bytes().all(|b| (b' '..0x7f).contains(&b)) {
        return Cow::Borrowed(text);
    }
    let is_escaped = |c: char| is_invisible(c) && !kept.contains(&c);
    let Some(first) = text.find(is_escaped) else { return Cow::Borrowed(text) };
    let mut out = String::with_capacity(text.len() + 16);
    out.push_str(&text[..first]);
    for c in text[first..].chars() {
        if is_escaped(c) {
            // `\n`, `\t`, `\r`, or else `\u{…}`
            match c {
                '\n' | '\r' | '\t' => out.extend(c.escape_default()),
                c => out.extend(c.escape_unicode()),
            }
        } else {
            out.push(c);
        }
    }
    Cow::Owned(out)
}

/// Whether it is ASCII without DEL: then JSON has nothing more to escape.
fn is_plain(text: &str) -> bool {
    text.bytes().all(|b| b < 0x7f)
}

/// Control characters (Cc), bidi marks, embeddings, overrides and isolates, zero-width characters, tags (Cf), line and
/// paragraph separators, and invisible fillers. Ranges of Unicode 16.
pub const fn is_invisible(c: char) -> bool {
    matches!(c,
        '\0'..='\u{1f}' | '\u{7f}'..='\u{9f}' | '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}'..='\u{1160}'
        | '\u{17b4}'..='\u{17b5}' | '\u{180b}'..='\u{180f}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}' | '\u{3164}' | '\u{feff}' | '\u{ffa0}' | '\u{fff0}'..='\u{fffb}'
        | '\u{1bca0}'..='\u{1bca3}' | '\u{1d173}'..='\u{1d17a}' | '\u{e0000}'..='\u{e0fff}')
}

#[cfg(test)]
mod tests {
    use std::borrow::Cow;

    use super::{escaped, escaped_json, escaped_lines};

    #[test]
    fn visible_characters_stay_and_are_borrowed() {
        for text in ["", "nginx: worker process", r"printf 'a\n'", "größe 数 עברית é\u{301} → …", "a\u{a0}b 👍"]
        {
            assert!(matches!(escaped(text), Cow::Borrowed(same) if same == text), "{text:?}");
            assert_eq!(escaped_json(text.to_owned()), text);
        }
    }

    #[test]
    fn no_name_controls_a_terminal_or_reverses_the_text() {
        assert_eq!(escaped("a\u{1b}[31m\nb\r\t\0\u{7f}\u{9b}"), r"a\u{1b}[31m\nb\r\t\u{0}\u{7f}\u{9b}");
        assert_eq!(escaped("txt\u{202e}exe\u{2066}\u{61c}"), r"txt\u{202e}exe\u{2066}\u{61c}");
        assert_eq!(escaped("no\u{200b}thing\u{feff}\u{2028}\u{2029}"), r"no\u{200b}thing\u{feff}\u{2028}\u{2029}");
        let all = ('\u{202a}'..='\u{202e}').chain('\u{2066}'..='\u{2069}').chain(['\u{200e}', '\u{200f}', '\u{61c}']);
        for c in all.chain('\0'..='\u{1f}').chain('\u{7f}'..='\u{9f}').chain(['\u{200b}', '\u{2060}', '\u{e0041}']) {
            let shown = escaped(&format!("a{c}b")).into_owned();
            assert!(shown.is_ascii() && shown.starts_with(r"a\") && !shown.contains(c), "{c:?}: {shown}");
        }
    }

    #[test]
    fn lines_stay_lines() {
        assert_eq!(escaped_lines("one\n\ttwo\r\u{1b}c"), "one\n\ttwo\\r\\u{1b}c");
        assert!(matches!(escaped_lines("one\ntwo\n"), Cow::Borrowed(_)));
    }

    #[test]
    fn escaped_json_has_the_same_meaning() {
        let name = "\u{1b}]0;x\u{7}\n\u{7f}\u{85}\u{202e}\u{e0041}ü\\";
        for json in [serde_json::to_string(&[name]), serde_json::to_string_pretty(&[name])] {
            let json = escaped_json(json.expect("JSON"));
            assert!(json.chars().all(|c| c == '\n' || c == 'ü' || (' '..'\u{7f}').contains(&c)), "{json:?}");
            assert_eq!(serde_json::from_str::<[String; 1]>(&json).expect("JSON"), [name]);
        }
    }
}
