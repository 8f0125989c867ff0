//! Names with control characters do not control the terminal, on both streams and in every format.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};

use podscope::export::Snapshot;
use tempfile::{TempDir, tempdir};

use crate::command_line::text;

/// ESC, a line feed, and an override that reverses the text; 15 bytes, so that it fits into `comm`.
const NAME: &str = "a\x1b[31m\n\u{202e}gpj.b";
const SHOWN: &str = r"a\u{1b}[31m\n\u{202e}gpj.b";

#[track_caller]
fn assert_shows(out: &Output, code: i32, what: &str) {
    let all = text(&out.stdout) + &text(&out.stderr);
    assert_eq!(out.status.code(), Some(code), "{all:?}");
    assert_harmless(&all);
    assert!(all.contains(what), "{what} in {all}");
}

#[track_caller]
fn assert_harmless(all: &str) {
    let hidden = |c: char| {
        (c.is_control() && c != '\n')
            || matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{61c}')
    };
    assert!(!all.contains(hidden), "{all:?}");
}

struct Place(TempDir);

impl Place {
    fn new() -> Self {
        Self(tempdir().unwrap())
    }

    fn file(&self, name: &str, content: &str) -> PathBuf {
        let path = self.0.path().join(name);
        fs::write(&path, content).unwrap();
        path
    }

    fn run<S: AsRef<std::ffi::OsStr>>(&self, args: &[S]) -> Output {
        let mut command = Command::new(env!("CARGO_BIN_EXE_podscope"));
        command.args(args).current_dir(self.0.path()).stdin(Stdio::null()).output().unwrap()
    }

    fn run_with<S: AsRef<std::ffi::OsStr>>(&self, name: &str, value: &str, args: &[S]) -> Output {
        let mut command = Command::new(env!("CARGO_BIN_EXE_podscope"));
        command.args(args).env(name, value).current_dir(self.0.path()).stdin(Stdio::null()).output().unwrap()
    }
}

/// A process with such a name; killed when the test ends.
struct Named(Child);

impl Named {
    fn start(place: &Path) -> Self {
        let program = place.join(NAME);
        fs::copy("/bin/sleep", &program).unwrap();
        Self(Command::new(&program).arg("300").spawn().unwrap())
    }
}

impl Drop for Named {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn a_process_with_such_a_name_is_escaped() {
    let place = Place::new();
    let process = Named::start(place.0.path());
    let pid = process.0.id().to_string();
    let table = place.run(&["snapshot", "--format", "lsns", "--pid", &pid]);
    // the table escapes bytes as `lsns` does
    let shown = SHOWN.replace(r"\u{1b}", r"\x1b").replace(r"\n", r"\x0a").replace(r"\u{202e}", r"\xe2\x80\xae");
    assert_shows(&table, 0, &format!("{shown} 300"));
    let redacted = place.run(&["snapshot", "--format", "lsns", "--redact", "--pid", &pid]);
    // comm holds 15 bytes of it
    assert_shows(&redacted, 0, r" a\x1b[31m\x0a\xe2\x80\xaegpj");
    let json = place.run(&["snapshot", "--pid", &pid]);
    assert_shows(&json, 0, r"a\u001b[31m\n\u202egpj");
    let snapshot: Snapshot = serde_json::from_slice(&json.stdout).unwrap();
    assert!(snapshot.processes[0].cmdline.as_ref().unwrap()[0].ends_with(NAME));
    // in a file too, since people open it
    let written = place.run(&["snapshot", "--pid", &pid, "-o", "out.json"]);
    assert!(written.status.success());
    assert_harmless(&fs::read_to_string(place.0.path().join("out.json")).unwrap());
}

#[test]
fn such_names_in_errors_about_files_and_options_are_escaped() {
    let place = Place::new();
    assert_shows(&place.run(&["run", NAME]), 1, SHOWN);
    assert_shows(&place.run(&[&format!("--{NAME}")]), 2, SHOWN);
    assert_shows(&place.run(&["run", "deaf", "--clock", NAME]), 2, SHOWN);
    assert_shows(&place.run(&["run", "deaf", "--for", NAME]), 2, SHOWN);
    assert_shows(&place.run(&["snapshot", "--format", NAME]), 2, SHOWN);
    assert_shows(&place.run(&["snapshot", "-o", &format!("no/{NAME}/x")]), 1, SHOWN);
    assert_shows(&place.run(&["pause", "--extract", &format!("no/{NAME}/x")]), 1, SHOWN);

    place.file(NAME, "nonsense");
    assert_shows(&place.run(&["run", NAME]), 1, &format!("{SHOWN}:1:1: "));
    assert_shows(&place.run(&["run", "deaf", "--script", NAME]), 1, &format!("{SHOWN}:1: `nonsense`"));
    let wrong = format!("wait {}", NAME.replace('\n', ""));
    place.file("s", &wrong);
    assert_shows(&place.run(&["run", "deaf", "--script", "s"]), 1, r"s:1: `a\u{1b}[31m\u{202e}gpj.b` ");
    for field in ["name", "namespace", "generateName", r#""a\u001b\n\u202e""#] {
        let yaml = format!("apiVersion: v1\nkind: Pod\nmetadata: {{{field}: \"a\\e[31m\\n\\u202Egpj\"}}\nspec: {{}}\n");
        place.file("p.yaml", &yaml);
        assert_shows(&place.run(&["run", "p.yaml"]), 1, "p.yaml:3:");
    }
    place.file("p.yaml", "apiVersion: v1\nkind: \"a\\e[31m\\n\\u202Egpj.b\"\n");
    assert_shows(&place.run(&["run", "p.yaml"]), 1, SHOWN);
}

#[test]
fn the_output_of_a_pod_does_not_control_the_terminal() {
    let place = Place::new();
    let quoted = r#""a\e[31m\n\u202Egpj.b""#;
    let yaml = format!(
        "apiVersion: v1\nkind: Pod\nmetadata: {{name: p}}\nspec:\n  containers:
  - {{name: c, image: busybox, command: [sleep, 1h]}}
  - {{name: d, image: busybox, command: [{quoted}]}}\n"
    );
    place.file("p.yaml", &yaml);
    let octal = r"a\033[31m\n\342\200\256gpj.b\n\tc";
    let script =
        format!("wait state c Running\nwait event p Failed\nexec p/c -- printf '{octal}'\nexpect output gpj\nlogs c");
    place.file("s", &script);
    let run = place.run(&["run", "p.yaml", "--script", "s"]);
    // the event about the missing program has its name
    assert_shows_ignoring_tabs(&run, SHOWN);
    assert!(text(&run.stdout).contains("\n            a\\u{1b}[31m\n            \\u{202e}gpj.b\n            \tc\n"));

    let events = place.run(&["run", "p.yaml", "--script", "s", "--events"]);
    assert_shows_ignoring_tabs(&events, SHOWN);
    let (json, people) = (text(&events.stdout), text(&events.stderr));
    assert!(json.contains(r"\u202egpj.b") && people.contains(r"\u{202e}gpj.b"), "{json}{people}");
    let deltas = json.lines().skip(1).map(|line| serde_json::from_str::<podscope::model::Delta>(line).expect(line));
    assert!(deltas.count() > 5);

    // the message of a failed exec too
    place.file("s", &format!("wait state c Running\nexec p/c -- sh -c \"printf '{octal}'; exit 3\""));
    let failed = place.run(&["run", "p.yaml", "--script", "s"]);
    assert_eq!(failed.status.code(), Some(1));
    let stderr = text(&failed.stderr);
    assert_harmless(&stderr.replace('\t', " "));
    assert!(stderr.starts_with("podscope: s:2: ") && stderr.lines().count() == 1, "{stderr}");
}

#[track_caller]
fn assert_shows_ignoring_tabs(out: &Output, what: &str) {
    let without = |bytes: &[u8]| text(bytes).replace('\t', " ").into_bytes();
    let out = Output { status: out.status, stdout: without(&out.stdout), stderr: without(&out.stderr) };
    assert_shows(&out, 0, what);
}

#[test]
fn such_names_in_environment_variables_are_escaped() {
    let place = Place::new();
    for args in [&["run", "deaf"][..], &["snapshot"], &["doctor"], &["pause"], &[]] {
        let out = place.run_with("PODSCOPE_WITHOUT", &format!("users, {NAME}"), args);
        assert_shows(
            &out,
            2,
            &format!("podscope: PODSCOPE_WITHOUT: `{SHOWN}` is unknown; it can be connector, pidfd, "),
        );
        assert!(out.stdout.is_empty() && text(&out.stderr).lines().count() == 1, "{args:?}");
    }
    let known = place.run_with("PODSCOPE_WITHOUT", "connector, pidfd,pidfd-info,,cgroups,users,", &["pause"]);
    assert_eq!(known.status.code(), Some(0), "{}", text(&known.stderr));

    assert_shows(&place.run_with("PODSCOPE_LOG", &format!("={NAME}"), &["pause"]), 0, "podscope: PODSCOPE_LOG: ");
    assert_shows(&place.run_with("DISPLAY", &format!(":{NAME}"), &["doctor"]), 0, SHOWN);
    // the error of the window, or of a build without one
    let mut command = Command::new(env!("CARGO_BIN_EXE_podscope"));
    let window = command.env_remove("WAYLAND_DISPLAY").env("DISPLAY", format!("no{NAME}")).output().unwrap();
    assert_shows(&window, 1, "podscope: ");
}

#[test]
fn a_program_name_and_a_path_with_such_characters_are_escaped() {
    let place = Place::new();
    let link = place.0.path().join(NAME);
    std::os::unix::fs::symlink(env!("CARGO_BIN_EXE_podscope"), &link).unwrap();
    for args in [&["--help"][..], &["run", "--help"], &["--version"]] {
        let out = Command::new(&link).args(args).output().unwrap();
        assert_shows(&out, 0, "podscope");
    }
    let dir = place.0.path().join("\u{2066}dir");
    fs::create_dir(&dir).unwrap();
    let written = place.run(&["pause", "--extract", "\u{2066}dir/pause\u{200b}"]);
    assert_shows(&written, 0, r"\u{2066}dir/pause\u{200b}");
    assert!(dir.join("pause\u{200b}").exists());
}

#[test]
fn such_characters_in_scripts_are_escaped_in_errors() {
    let place = Place::new();
    let hidden = "\u{202e}a\u{1b}[31m\u{2066}\u{200b}";
    let shown = r"\u{202e}a\u{1b}[31m\u{2066}\u{200b}";
    for line in [
        format!("kill {hidden} TERM"),
        format!("wait alive p/{hidden} within 10ms"),
        format!("expect count deaf:{hidden} 1"),
        format!("exec deaf -- {hidden}"),
        format!("exec deaf -- echo {hidden}\nexpect output x"),
        format!("fetch http://127.0.0.1:1/{hidden}"),
        format!("snapshot {hidden}/x"),
        format!("wait event deaf {hidden} within 10ms"),
        format!("delete {hidden}"),
    ] {
        place.file("s", &format!("wait ready\n{line}"));
        let out = place.run(&["run", "deaf", "--script", "s"]);
        assert_shows(&out, 1, shown);
        let last = text(&out.stderr).lines().last().unwrap_or_default().to_owned();
        assert!(last.starts_with("podscope: s:") && text(&out.stderr).lines().count() == 1, "{last}");
    }
}
