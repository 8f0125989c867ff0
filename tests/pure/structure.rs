//! The source's own rules: which room may use which, where egui and unsafe code may be, and how long a file may be.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// From the bottom to the top: a room may use those before it. ARCHITECTURE.md says what each holds.
const ROOMS: [&str; 22] = [
    "model", "procfs", "sys", "observe", "lab", "control", "steps", "store", "export", "wording", "report", "command", "fetch",
    "script", "presets", "engine", "layout", "ui", "app", "cli", "main", "lib",
];

/// Rooms that may name egui and its kin. `sys` holds the calls of OpenGL, which are unsafe.
const DRAW: [&str; 3] = ["ui", "app", "sys"];

/// Longer than most files should be.
const LONG: usize = 400;

struct Source {
    path: PathBuf,
    room: String,
    /// Without comments and without unit tests.
    code: String,
    text: String,
}

fn sources() -> Vec<Source> {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut found = Vec::new();
    let mut open = vec![src.clone()];
    while let Some(dir) = open.pop() {
        for entry in fs::read_dir(dir).expect("src can be read") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                open.push(path);
            } else if path.extension().is_some_and(|e| e == "rs") {
                let below = path.strip_prefix(&src).expect("below src");
                let first = below.iter().next().expect("a name").to_string_lossy();
                let room = first.strip_suffix(".rs").unwrap_or(&first).to_owned();
                let text = fs::read_to_string(&path).expect("UTF-8");
                let is_test = below.iter().any(|part| part == "tests" || part == "tests.rs");
                let code = if is_test { String::new() } else { without_tests_and_comments(&text) };
                found.push(Source { path: below.to_owned(), room, code, text });
            }
        }
    }
    assert!(found.len() > 300, "src was not found");
    found.sort_by(|a, b| a.path.cmp(&b.path));
    found
}

fn without_tests_and_comments(text: &str) -> String {
    let code = text.split_once("#[cfg(test)]\nmod tests").map_or(text, |(code, _)| code);
    let uncommented = code.lines().map(|line| match line.find("//") {
        Some(at) if !line[..at].contains('"') => &line[..at],
        _ => line,
    });
    uncommented.collect::<Vec<_>>().join("\n")
}

/// The rooms that a file names, as `crate::room` or in `use crate::{room::…, …}`.
fn uses(code: &str) -> BTreeSet<String> {
    let word = |text: &str| text.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect::<String>();
    let mut found = BTreeSet::new();
    for (at, _) in code.match_indices("crate::") {
        let rest = &code[at + "crate::".len()..];
        let Some(list) = rest.strip_prefix('{') else {
            found.insert(word(rest));
            continue;
        };
        let mut depth = 1;
        let mut begins = true;
        for (at, c) in list.char_indices() {
            match c {
                '{' => depth += 1,
                '}' => depth -= 1,
                ',' if depth == 1 => begins = true,
                c if begins && c.is_alphanumeric() => {
                    found.insert(word(&list[at..]));
                    begins = false;
                }
                _ => {}
            }
            if depth == 0 {
                break;
            }
        }
    }
    found
}

#[test]
fn no_room_uses_one_above_it() {
    let rank: BTreeMap<&str, usize> = ROOMS.iter().enumerate().map(|(i, room)| (*room, i)).collect();
    let mut wrong = Vec::new();
    for source in sources() {
        let own = *rank.get(source.room.as_str()).unwrap_or_else(|| panic!("{} is in no room", source.path.display()));
        for used in uses(&source.code) {
            // names at the top that are no room: macros
            let Some(other) = rank.get(used.as_str()) else { continue };
            if *other > own {
                wrong.push(format!("{} uses {used}", source.path.display()));
            }
        }
    }
    assert!(wrong.is_empty(), "upwards:\n{}", wrong.join("\n"));
}

#[test]
fn the_page_of_the_architecture_lists_every_room() {
    let page = include_str!("../../ARCHITECTURE.md");
    for room in ROOMS.iter().filter(|room| !["main", "lib"].contains(room)) {
        assert!(page.contains(&format!("`{room}")) || page.contains(&format!("src/{room}")), "{room} is not described");
    }
}

#[test]
fn only_what_draws_names_egui() {
    let wrong: Vec<String> = sources()
        .iter()
        .filter(|s| !DRAW.contains(&s.room.as_str()) && (s.code.contains("egui::") || s.code.contains("eframe::")))
        .map(|s| s.path.display().to_string())
        .collect();
    assert!(wrong.is_empty(), "{wrong:?}");
}

#[test]
fn unsafe_code_is_in_sys_alone_and_each_has_its_reason() {
    for source in sources() {
        let name = source.path.display();
        let blocks = source.code.matches("unsafe {").count() + source.code.matches("unsafe fn").count();
        let allowed = source.code.contains("allow(unsafe_code)") || source.code.contains("expect(unsafe_code");
        assert!(source.room == "sys" || (blocks == 0 && !allowed), "{name} has unsafe code");
        let reasons = source.text.matches("SAFETY").count() + source.text.matches("# Safety").count();
        assert!(reasons >= blocks, "{name}: {blocks} unsafe, {reasons} reasons");
    }
}

#[test]
fn long_files_have_their_reason_in_the_architecture() {
    let page = include_str!("../../ARCHITECTURE.md");
    let wrong: Vec<String> = sources()
        .iter()
        .filter(|s| s.text.lines().count() > LONG && !page.contains(&format!("src/{}", s.path.display())))
        .map(|s| format!("src/{}: {} lines", s.path.display(), s.text.lines().count()))
        .collect();
    assert!(wrong.is_empty(), "{wrong:#?}");
}
