//! Exit codes and output of the program as a shell sees them.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::process::{Command, Output, Stdio};

use tempfile::tempdir;

pub fn podscope(args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_podscope")).args(args).stdin(Stdio::null()).output().unwrap()
}

pub fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[test]
fn wrong_usage_exits_with_2() {
    for args in [
        &["frobnicate", "x"][..],
        &["--no-such"],
        &["snapshot", "--format", "xml"],
        &["--window-size", "9x9"],
        &["--exit"],
    ] {
        let out = podscope(args);
        assert_eq!(out.status.code(), Some(2), "{args:?}: {}", text(&out.stderr));
        assert!(out.stdout.is_empty());
    }
}

#[test]
fn help_and_version_exit_with_0() {
    let help = podscope(&["--help"]);
    assert_eq!(help.status.code(), Some(0));
    for word in ["snapshot", "pause", "FILE"] {
        assert!(text(&help.stdout).contains(word), "{word}");
    }
    assert!(!text(&help.stdout).contains("--window-size"));
    assert_eq!(text(&podscope(&["--version"]).stdout), format!("podscope {}\n", env!("CARGO_PKG_VERSION")));
}

#[test]
fn the_bundled_pause_can_be_extracted_and_run() {
    let shown = text(&podscope(&["pause"]).stdout);
    assert!(shown.starts_with("pause 0.1.0, ") && shown.contains(" bytes"), "{shown}");
    let folder = tempdir().unwrap();
    let path = folder.path().join("pause");
    let out = podscope(&["pause", "--extract", path.to_str().unwrap()]);
    assert_eq!(text(&out.stdout).trim_end(), path.to_str().unwrap());
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o7777, 0o755);
    let version = Command::new(&path).arg("-v").output().unwrap();
    assert_eq!(text(&version.stdout), format!("pause.c {}\n", pause_init::VERSION));
}

#[test]
fn a_failure_prints_one_line_and_exits_with_1() {
    let out = podscope(&["pause", "--extract", "/no/such/folder/pause"]);
    assert_eq!(out.status.code(), Some(1));
    assert_eq!(
        text(&out.stderr),
        "podscope: /no/such/folder/pause: the folder /no does not exist; create it or choose another place\n"
    );
}

#[test]
fn a_closed_pipe_is_not_a_failure() {
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let out = Command::new(env!("CARGO_BIN_EXE_podscope"))
        .args(["snapshot", "--schema"])
        .stdout(writer)
        .stderr(Stdio::piped())
        .output()
        .unwrap();
    assert_eq!((out.status.code(), text(&out.stderr)), (Some(0), String::new()));
}
