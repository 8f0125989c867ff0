//! The source's own rules: which room may use which, where I/O, egui and unsafe code may be, and how long a file may be.

mod imports;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// From the bottom to the top: a room may use those before it. ARCHITECTURE.md says what each holds.
const ROOMS: [&str; 25] = [
    "model", "procfs", "sys", "engines", "observe", "inside", "lab", "control", "wording", "steps", "store", "export",
    "report", "command", "fetch", "script", "presets", "engine", "layout", "ui", "app", "cli", "fuzz", "main", "lib",
];

/// The sub-rooms of `lab`, from the bottom to the top, and which others each may use. ARCHITECTURE.md says what each
/// holds. None uses `lab` itself, which only gives others their names.
const LAB: [(&str, &[&str]); 14] = [
    ("latin1", &[]),
    ("spec", &["latin1"]),
    ("controller", &["spec"]),
    ("own_pause", &["spec"]),
    ("protocol", &["latin1", "spec", "controller"]),
    ("wire", &[]),
    ("stream", &[]),
    ("watch", &[]),
    ("cgroup", &["protocol"]),
    ("ports", &["stream"]),
    ("node", &["spec", "controller", "protocol", "wire", "cgroup", "ports"]),
    ("link", &["spec", "protocol", "wire", "cgroup"]),
    ("applets", &["protocol", "wire", "stream"]),
    ("hidden", &["protocol", "cgroup", "ports", "node", "applets"]),
];

/// Sub-rooms of `lab` that compute and do nothing else. Of other rooms they use only `model`.
const PURE: [&str; 2] = ["spec", "controller"];

/// What does I/O or asks the system.
const IO: [&str; 8] = ["libc", "nix", "std::env", "std::fs", "std::io", "std::net", "std::os", "std::process"];

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

impl Source {
    fn file(&self) -> &str {
        self.path.to_str().expect("UTF-8")
    }

    /// The room, or in `lab` the sub-room: `lab/spec` for `lab/spec/parse.rs`.
    fn part(&self) -> String {
        let module = imports::module(self.file());
        if self.room == "lab" { module[..module.len().min(2)].join("/") } else { self.room.clone() }
    }
}

/// For each source, the sources that it names.
fn imported(sources: &[Source]) -> Vec<BTreeSet<usize>> {
    let modules = imports::Modules::of(sources.iter().map(Source::file));
    let of = |i: usize| {
        let source: &Source = &sources[i];
        let from = imports::module(source.file());
        let files = imports::paths(&source.code);
        files.iter().filter_map(|path| modules.file(&from, path)).filter(|other| *other != i).collect()
    };
    (0..sources.len()).map(of).collect()
}

/// Everything that can be reached from one, over one or more steps.
fn reachable(from: usize, steps: &[BTreeSet<usize>]) -> BTreeSet<usize> {
    let mut reached = BTreeSet::new();
    let mut open: Vec<usize> = steps[from].iter().copied().collect();
    while let Some(i) = open.pop() {
        if reached.insert(i) {
            open.extend(&steps[i]);
        }
    }
    reached
}

/// Each import that the rule refuses, in words.
fn imports_against(refuses: impl Fn(&Source, &Source) -> bool) -> Vec<String> {
    let sources = sources();
    let mut wrong = Vec::new();
    for (source, used) in sources.iter().zip(imported(&sources)) {
        let used = used.into_iter().map(|i| &sources[i]).filter(|used| refuses(source, used));
        wrong.extend(used.map(|used| format!("{} uses {}", source.file(), used.file())));
    }
    wrong
}

#[test]
fn no_room_uses_one_above_it() {
    let rank: BTreeMap<&str, usize> = ROOMS.iter().enumerate().map(|(i, room)| (*room, i)).collect();
    let of =
        |source: &Source| *rank.get(source.room.as_str()).unwrap_or_else(|| panic!("{} is in no room", source.file()));
    let wrong = imports_against(|source, used| of(used) > of(source));
    assert!(wrong.is_empty(), "upwards:\n{}", wrong.join("\n"));
}

#[test]
fn the_sub_rooms_of_the_lab_use_only_those_that_they_may() {
    for (i, (name, may)) in LAB.iter().enumerate() {
        let is_below = |other: &&str| LAB[..i].iter().any(|(below, _)| below == other);
        assert!(may.iter().all(is_below), "{name} may use only what is listed above it");
    }
    let may: BTreeMap<String, Vec<String>> = LAB
        .iter()
        .map(|(name, may)| (format!("lab/{name}"), may.iter().map(|other| format!("lab/{other}")).collect()))
        .collect();
    let unknown: Vec<String> = sources().iter().filter(|s| s.room == "lab").map(Source::part).collect();
    let unknown: Vec<&String> = unknown.iter().filter(|part| *part != "lab" && !may.contains_key(*part)).collect();
    assert!(unknown.is_empty(), "{unknown:?} are in no sub-room");
    let wrong = imports_against(|source, used| {
        let (own, other) = (source.part(), used.part());
        // `lab` itself names them all
        used.room == "lab" && own != other && may.get(&own).is_some_and(|may| !may.contains(&other))
    });
    assert!(wrong.is_empty(), "not allowed:\n{}", wrong.join("\n"));
}

#[test]
fn no_circle_of_imports_goes_through_several_rooms() {
    let sources = sources();
    let steps = imported(&sources);
    let reached: Vec<BTreeSet<usize>> = (0..sources.len()).map(|i| reachable(i, &steps)).collect();
    let mut wrong = Vec::new();
    for (i, used) in steps.iter().enumerate() {
        let back =
            used.iter().filter(|other| sources[**other].part() != sources[i].part() && reached[**other].contains(&i));
        wrong.extend(
            back.map(|other| format!("{} uses {}, which leads back", sources[i].file(), sources[*other].file())),
        );
    }
    assert!(wrong.is_empty(), "circles:\n{}", wrong.join("\n"));
}

#[test]
fn what_is_pure_does_no_io() {
    let is_pure = |source: &Source| PURE.iter().any(|name| source.part() == format!("lab/{name}"));
    let mut wrong = imports_against(|source, used| is_pure(source) && !["lab", "model"].contains(&used.room.as_str()));
    for source in sources().iter().filter(|source| is_pure(source)) {
        let paths: BTreeSet<String> = imports::paths(&source.code).iter().map(|path| path.join("::")).collect();
        let io = paths.iter().filter(|path| IO.iter().any(|io| *path == io || path.starts_with(&format!("{io}::"))));
        wrong.extend(io.map(|path| format!("{} uses {path}", source.file())));
    }
    assert!(wrong.is_empty(), "I/O:\n{}", wrong.join("\n"));
}

#[test]
fn the_page_of_the_architecture_lists_every_room() {
    let page = include_str!("../../ARCHITECTURE.md");
    for room in ROOMS.iter().filter(|room| !["main", "lib"].contains(room)) {
        assert!(page.contains(&format!("`{room}")) || page.contains(&format!("src/{room}")), "{room} is not described");
    }
    for (name, _) in LAB {
        assert!(page.contains(&format!("| `{name}` |")), "the sub-room {name} is not described");
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
fn each_function_of_fuzz_has_a_target_and_property_tests() {
    let top = Path::new(env!("CARGO_MANIFEST_DIR"));
    let read = |file: &str| fs::read_to_string(top.join(file)).expect("a file");
    let names = |text: &str, before: &str, after: char| -> BTreeSet<String> {
        text.split(before).skip(1).filter_map(|rest| Some(rest.split_once(after)?.0.to_owned())).collect()
    };
    let code: String = sources().into_iter().filter(|s| s.room == "fuzz").map(|s| s.code).collect();
    let functions: BTreeSet<String> = names(&code, "pub fn ", ')')
        .iter()
        .filter_map(|f| f.strip_suffix("(bytes: &[u8]").map(str::to_owned))
        .collect();
    assert!(functions.len() > 15, "{functions:?}");
    let mut built = names(&read("fuzz/Cargo.toml"), "\nname = \"", '"');
    assert!(built.remove("podscope-fuzz"), "the crate itself");
    assert_eq!(built, functions);
    let targets =
        fs::read_dir(top.join("fuzz/fuzz_targets")).expect("the targets").map(|e| e.expect("an entry").path());
    let targets: BTreeMap<String, String> = targets
        .map(|path| (path.file_stem().expect("a name").to_string_lossy().into_owned(), path))
        .map(|(name, path)| (name, fs::read_to_string(path).expect("a target")))
        .collect();
    assert_eq!(targets.keys().cloned().collect::<BTreeSet<_>>(), functions);
    let tests = read("src/fuzz/tests.rs");
    let tested = tests.split_once("test_functions!(").expect("the list of tests").1;
    let (tested, _) = tested.split_once(");").expect("its end");
    for (name, target) in &targets {
        assert!(target.contains(&format!("podscope::fuzz::{name}(bytes)")), "{name}: {target}");
        assert!(tested.lines().any(|line| line.trim().trim_end_matches(',') == name), "{name} is not in the tests");
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
