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

const SCRIPT: &str = "wait ready within 5s\nexec polite -- true\nexec polite -- true\nlogs deaf\n";
const RUN: &[&str] = &["run", "deaf", "--script", "exec.script"];
const COMMANDS: [&[&str]; 3] = [RUN, &["snapshot", "-o", "s.json"], &["doctor"]];

/// With more and more of something, each command says what it lacks until it has enough.
fn with_more(limited: &Limited, limits: &[String], says: &str) {
    fs::write(limited.place.path().join("exec.script"), SCRIPT).unwrap();
    for args in COMMANDS {
        for limit in limits {
            let out = limited.run(limit, args);
            let what = format!("{args:?} with {limit}");
            assert_told(&out, &what);
            let said = text(&out.stdout) + &text(&out.stderr);
            assert!(out.status.success() || said.contains(says), "{what}: {said}");
        }
    }
}

#[test]
fn too_few_processes_are_an_error_and_no_panic() {
    let limited = Limited::new();
    fs::write(limited.place.path().join("exec.script"), SCRIPT).unwrap();
    for args in [RUN, &["doctor"]] {
        let none = limited.run("--nproc=1:1", args);
        assert_eq!(none.status.code(), Some(1), "{args:?}: {}", text(&none.stderr));
    }
    // at each number another thread or process is the first that cannot be had
    let there = limited.tasks();
    let limits = (1..=16).chain([20, 24, 32]).map(|more| format!("--nproc={0}:{0}", there + more));
    with_more(&limited, &limits.collect::<Vec<_>>(), "`ulimit -u`");
}

#[test]
fn too_few_descriptors_are_an_error_and_no_panic() {
    let limited = Limited::new();
    fs::write(limited.place.path().join("exec.script"), SCRIPT).unwrap();
    for n in [8, 16, 63] {
        for args in [RUN, &["doctor"]] {
            let out = limited.run(&format!("--nofile={n}:{n}"), args);
            assert_eq!(out.status.code(), Some(1), "{args:?}: {}", text(&out.stderr));
            let told = text(&out.stderr);
            assert!(told.starts_with(&format!("podscope: only {n} files")), "{told}");
            assert!(told.contains("ulimit -n 1024") && told.lines().count() == 1, "{told}");
        }
    }
    with_more(&limited, &[64, 66, 68, 70, 80].map(|n| format!("--nofile={n}:{n}")), "`ulimit -n`");
    // a soft limit alone is raised
    assert_eq!(limited.run("--nofile=16:1024", RUN).status.code(), Some(0));
}

#[test]
fn too_little_memory_is_an_error_and_no_panic() {
    let limited = Limited::new();
    // with less than the first the program cannot even be loaded
    let sizes = [63, 256, 1023, 1024, 1280, 1536];
    with_more(&limited, &sizes.map(|mb| format!("--as={0}:{0}", mb << 20)), "ulimit -v");
}
