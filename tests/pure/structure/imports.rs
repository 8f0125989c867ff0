//! The paths that a source names, and the file that each leads to.

use std::collections::BTreeMap;

/// Every path of a source, such as `crate::a::b` and `crate::a::c` for `use crate::{a::{b, c as d}};`.
///
/// A path is found by its first `::`, in code and in strings alike, since attributes name paths in strings.
pub fn paths(code: &str) -> Vec<Vec<&str>> {
    let mut found = Vec::new();
    for (at, _) in code.match_indices("::") {
        let first = code[..at].trim_end_matches(is_word);
        let before = first.trim_end();
        // no name before it, not the first of its path, or a visibility
        if first.len() < at && !before.ends_with("::") && !before.ends_with("(in") {
            tree(&code[first.len()..], &[], &mut found);
        }
    }
    found
}

const fn is_word(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '_'
}

/// Reads one path, or several in braces. Returns what follows.
fn tree<'a>(mut text: &'a str, prefix: &[&'a str], found: &mut Vec<Vec<&'a str>>) -> &'a str {
    let mut path = prefix.to_vec();
    loop {
        text = text.trim_start();
        if let Some(inner) = text.strip_prefix('{') {
            text = inner;
            while !text.trim_start().is_empty() {
                text = tree(text, &path, found).trim_start();
                match text.strip_prefix(',') {
                    Some(rest) => text = rest,
                    None => break,
                }
            }
            return text.strip_prefix('}').unwrap_or(text);
        }
        let rest = text.trim_start_matches(is_word);
        let name = &text[..text.len() - rest.len()];
        if name.is_empty() {
            break;
        }
        path.push(name);
        text = rest;
        match text.trim_start().strip_prefix("::") {
            Some(rest) => text = rest,
            None => break,
        }
    }
    if path.len() > prefix.len() || text.starts_with('*') {
        found.push(path);
    }
    let text = text.trim_start().trim_start_matches('*');
    text.trim_start().strip_prefix("as ").map_or(text, |renamed| renamed.trim_start().trim_start_matches(is_word))
}

/// The modules of the program, each with the index of its file.
pub struct Modules(BTreeMap<Vec<String>, usize>);

/// The module of a file, as a path from `src/`: `a/b.rs` is `[a, b]`, and `lib.rs` is the root.
pub fn module(file: &str) -> Vec<String> {
    let path = file.strip_suffix(".rs").unwrap_or(file);
    if path == "lib" { Vec::new() } else { path.split('/').map(str::to_owned).collect() }
}

impl Modules {
    pub fn of<'a>(files: impl Iterator<Item = &'a str>) -> Self {
        Self(files.enumerate().map(|(i, file)| (module(file), i)).collect())
    }

    /// The file that a path leads to from this module; `None` if it leads out of the program.
    pub fn file(&self, from: &[String], path: &[&str]) -> Option<usize> {
        let mut at = from.to_vec();
        let mut rest = path;
        match path.first().copied() {
            Some("crate") => {
                at.clear();
                rest = &path[1..];
            }
            Some("self") => rest = &path[1..],
            Some("super") => {}
            // a module below this one
            Some(name) => {
                self.0.get(&[from, &[name.to_owned()]].concat())?;
            }
            None => return None,
        }
        while rest.first() == Some(&"super") {
            at.pop();
            rest = &rest[1..];
        }
        at.extend(rest.iter().map(|name| (*name).to_owned()));
        (0..=at.len()).rev().find_map(|n| self.0.get(&at[..n]).copied())
    }
}

#[test]
fn every_form_of_a_path_is_read() {
    for (code, want) in [
        ("use crate::a;", &["crate a"][..]),
        ("use crate::a::{self, b::c, d as e};", &["crate a self", "crate a b c", "crate a d", "b c"]),
        ("use crate::{a, b::{c, *},\n    d};", &["crate a", "crate b c", "crate b", "crate d", "b c", "b"]),
        ("use super::super::x;", &["super super x"]),
        ("fn f(x: &crate::a::B) -> Vec<super::C> {}", &["crate a B", "super C"]),
        ("let n = size_of::<u8>(); let s = <T as U>::v();", &["size_of"]),
        ("#[serde(with = \"crate::a::b\")]", &["crate a b"]),
        ("pub(in crate::a) fn f() {}", &[]),
    ] {
        let got: Vec<String> = paths(code).iter().map(|path| path.join(" ")).collect();
        assert_eq!(got, want, "{code}");
    }
}

#[test]
fn a_path_leads_to_the_file_of_its_innermost_module() {
    let files = ["lib.rs", "a.rs", "a/b.rs", "a/b/c.rs", "d.rs"];
    let modules = Modules::of(files.into_iter());
    for (from, path, want) in [
        ("a/b.rs", "crate::d::Thing", Some("d.rs")),
        ("a/b.rs", "crate::Thing", Some("lib.rs")),
        ("a/b.rs", "super::Thing", Some("a.rs")),
        ("a/b/c.rs", "super::super::b", Some("a/b.rs")),
        ("a.rs", "self::b::c::f", Some("a/b/c.rs")),
        ("a.rs", "b::Thing", Some("a/b.rs")),
        ("a.rs", "std::fs", None),
    ] {
        let path: Vec<&str> = path.split("::").collect();
        assert_eq!(modules.file(&module(from), &path).map(|i| files[i]), want, "{path:?} in {from}");
    }
}
