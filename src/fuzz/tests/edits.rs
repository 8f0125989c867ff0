//! Random inputs, and random changes of samples.

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::{Index, select};

/// Words and numbers that parsers treat in a special way.
static WORDS: [&[u8]; 40] = [
    b"\0",
    b"\n",
    b"\r\n",
    b"\t",
    b" ",
    b"\"",
    b"'",
    b"\\",
    b"{",
    b"}",
    b"[",
    b"[[[[[[[[",
    b"]",
    b":",
    b",",
    b"#",
    b";",
    b"/",
    b"../",
    b"%2e",
    b"$",
    b"-",
    b"&a",
    b"*a",
    b"<<: *a",
    b"---\n",
    b"null",
    b"true",
    b"0400",
    b"1e999",
    b"\x1b[",
    b"\x1b[6n",
    b"\x1b[999;999H",
    b"\x1b[?1049h",
    "\u{feff}".as_bytes(),
    "\u{202e}".as_bytes(),
    "ü".as_bytes(),
    "世".as_bytes(),
    b"\xff\xfe",
    b"Connection: Content-Length\r\n",
];

static NUMBERS: [&[u8]; 12] = [
    b"",
    b"0",
    b"1",
    b"-1",
    b"00",
    b"255",
    b"65536",
    b"2147483648",
    b"4294967295",
    b"9223372036854775807",
    b"18446744073709551615",
    b"99999999999999999999",
];

/// A change at a place, which is an index into the bytes.
#[derive(Clone, Debug)]
enum Edit {
    Set(Index, u8),
    Insert(Index, &'static [u8]),
    Remove(Index, usize),
    Repeat(Index, usize),
    Cut(Index),
    /// The first decimal number after the place.
    Number(Index, &'static [u8]),
    /// Two whole lines.
    Swap(Index, Index),
}

fn edit() -> impl Strategy<Value = Edit> {
    let at = any::<Index>;
    prop_oneof![
        1 => (at(), any::<u8>()).prop_map(|(at, byte)| Edit::Set(at, byte)),
        4 => (at(), select(&WORDS[..])).prop_map(|(at, word)| Edit::Insert(at, word)),
        2 => (at(), 1..30_usize).prop_map(|(at, n)| Edit::Remove(at, n)),
        2 => (at(), 1..80_usize).prop_map(|(at, n)| Edit::Repeat(at, n)),
        1 => at().prop_map(Edit::Cut),
        4 => (at(), select(&NUMBERS[..])).prop_map(|(at, number)| Edit::Number(at, number)),
        1 => (at(), at()).prop_map(|(a, b)| Edit::Swap(a, b)),
    ]
}

impl Edit {
    fn apply(&self, bytes: &mut Vec<u8>) {
        let place = |index: &Index| index.index(bytes.len() + 1);
        match self {
            Self::Set(at, byte) => {
                let at = place(at);
                if let Some(changed) = bytes.get_mut(at) {
                    *changed = *byte;
                }
            }
            Self::Insert(at, word) => {
                let at = place(at);
                bytes.splice(at..at, word.iter().copied());
            }
            Self::Remove(at, n) => {
                let at = place(at);
                bytes.drain(at..(at + n).min(bytes.len()));
            }
            Self::Repeat(at, n) => {
                let at = place(at);
                let part = bytes[at..(at + n).min(bytes.len())].to_vec();
                bytes.splice(at..at, part);
            }
            Self::Cut(at) => {
                let at = place(at);
                bytes.truncate(at);
            }
            Self::Number(at, number) => {
                let at = place(at);
                let Some(start) = bytes[at..].iter().position(u8::is_ascii_digit).map(|n| at + n) else { return };
                let end = bytes[start..].iter().position(|b| !b.is_ascii_digit()).map_or(bytes.len(), |n| start + n);
                bytes.splice(start..end, number.iter().copied());
            }
            Self::Swap(a, b) => {
                let mut lines: Vec<&[u8]> = bytes.split_inclusive(|b| *b == b'\n').collect();
                if !lines.is_empty() {
                    let (a, b) = (a.index(lines.len()), b.index(lines.len()));
                    lines.swap(a, b);
                    *bytes = lines.concat();
                }
            }
        }
    }
}

/// One of the samples after some changes.
pub fn changed(samples: Vec<Vec<u8>>) -> impl Strategy<Value = Vec<u8>> {
    (select(samples), vec(edit(), 1..8)).prop_map(|(mut bytes, edits)| {
        for edit in &edits {
            edit.apply(&mut bytes);
        }
        bytes
    })
}

/// Any bytes, any text, or any words.
pub fn any_input() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        vec(any::<u8>(), 0..300),
        "(\\PC|\n|\t){0,200}".prop_map(String::into_bytes),
        vec(prop_oneof![select(&WORDS[..]), select(&NUMBERS[..])], 0..60).prop_map(|words| words.concat()),
    ]
}
