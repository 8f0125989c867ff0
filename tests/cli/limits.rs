//! Limits of processes, descriptors and memory: an error in one line with the way out, and never a panic.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};

use nix::unistd::geteuid;
use tempfile::{TempDir, tempdir};

use crate::command_line::text;

/// The program where any user can execute it, and a user for whom limits of processes count: they do not bind root.
struct Limited {
    place: TempDir,
    program: PathBuf,
    uid: Option<u32>,
}

impl Limited {
    fn new() -> Self {
        let place = tempdir().unwrap();
        fs::set_permissions(place.path(), fs::Permissions::from_mode(0o777)).unwrap();
        let uid = geteuid().is_root().then(|| 1_800_000_000 + std::process::id());
        let original = PathBuf::from(env!("CARGO_BIN_EXE_podscope"));
        let program = match uid {
            Some(_) => {
                let copy = place.path().join("podscope");
                fs::copy(&original, &copy).unwrap();
                fs::set_permissions(&copy, fs::Permissions::from_mode(0o755)).unwrap();
                copy
            }
            None => original,
        };
        Self { place, program, uid }
    }

    fn run(&self, limit: &str, args: &[&str]) -> Output {
        // one that hangs is ended, with 124
        let mut command = Command::new("timeout");
        command.args(["--kill-after=1", "60"]);
        if let Some(uid) = self.uid.map(|uid| uid.to_string()) {
            command.args(["setpriv", "--reuid", &uid, "--regid", &uid, "--clear-groups", "--"]);
        }
        command.args(["prlimit", limit]).arg(&self.program).args(args).current_dir(self.place.path());
        command.env("HOME", self.place.path()).env_remove("PODSCOPE_LOG");
        command.stdin(Stdio::null()).output().expect("timeout, setpriv and prlimit are there")
    }

    /// Tasks of the user whom the limit counts.
    fn tasks(&self) -> usize {
        let Some(uid) = self.uid.is_none().then(|| geteuid().as_raw()) else { return 0 };
        let tasks = |pid: &str| -> Option<usize> {
            let status = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
            let field = |name: &str| status.lines().find_map(|l| l.strip_prefix(name)?.split_whitespace().next());
            (field("Uid:")?.parse() == Ok(uid)).then_some(field("Threads:")?.parse().ok()?)
        };
        let entries = fs::read_dir("/proc").unwrap().filter_map(Result::ok);
        entries.filter_map(|e| tasks(e.file_name().to_str()?)).sum()
    }
}

/// It did what it had to, or said in one line why not.
#[track_caller]
fn assert_told(out: &Output, what: &str) {
    let told = text(&out.stderr);
    assert!(!told.contains("panicked") && !told.contains("RUST_BACKTRACE"), "{what}: {told}");
    match out.status.code() {
        Some(0) => {}
        Some(1) => {
            let last = told.lines().last().unwrap_or_default();
            assert!(last.starts_with("podscope: ") && last.len() > 20, "{what}: {told}");
        }
        other => panic!("{what}: {other:?} {}: {told}{}", out.status, text(&out.stdout)),
    }
}

const COMMANDS: [&[&str]; 3] = [&["run", "deaf", "--for", "300ms"], &["snapshot", "-o", "s.json"], &["doctor"]];

#[test]
fn too_few_processes_are_an_error_and_no_panic() {
    let limited = Limited::new();
    for args in COMMANDS {
        let none = limited.run("--nproc=1:1", args);
        assert_eq!(none.status.code(), Some(1), "{args:?}: {}", text(&none.stderr));
        let said = text(&none.stdout) + &text(&none.stderr);
        assert!(said.contains("`ulimit -u`"), "{args:?}: {said}");
        // at each number another thread or process is the first that cannot be had
        let there = limited.tasks();
        for more in (1..=24).chain([32, 48]) {
            let n = there + more;
            assert_told(&limited.run(&format!("--nproc={n}:{n}"), args), &format!("{args:?} with {n}"));
        }
    }
}

#[test]
fn too_few_descriptors_are_an_error_and_no_panic() {
    let limited = Limited::new();
    for args in COMMANDS {
        for n in [8, 16, 32, 63] {
            let out = limited.run(&format!("--nofile={n}:{n}"), args);
            assert_eq!(out.status.code(), Some(1), "{args:?}: {}", text(&out.stderr));
            let told = text(&out.stderr);
            assert!(told.starts_with(&format!("podscope: only {n} files")), "{told}");
            assert!(told.contains("ulimit -n 1024") && told.lines().count() == 1, "{told}");
        }
        for n in 64..80 {
            assert_told(&limited.run(&format!("--nofile={n}:{n}"), args), &format!("{args:?} with {n} files"));
        }
    }
}

#[test]
fn too_little_memory_is_an_error_and_no_panic() {
    let limited = Limited::new();
    for args in COMMANDS {
        for mb in [96, 128, 160, 192, 255, 256, 288, 320, 384, 448, 512] {
            let bytes = mb << 20;
            let out = limited.run(&format!("--as={bytes}:{bytes}"), args);
            assert_told(&out, &format!("{args:?} with {mb} MB"));
        }
    }
}
