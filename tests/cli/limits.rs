//! Limits of processes, descriptors and memory: the program prints one line with the fix, and never panics.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};

use nix::unistd::geteuid;
use tempfile::{TempDir, tempdir};

use crate::command_line::text;

/// The program at a place where any user can execute it, and a user for process limits, which do not apply to root.
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
        // timeout(1) ends a program that hangs, with exit code 124
        let mut command = Command::new("timeout");
        command.args(["--kill-after=1", "60"]);
        if let Some(uid) = self.uid.map(|uid| uid.to_string()) {
            command.args(["setpriv", "--reuid", &uid, "--regid", &uid, "--clear-groups", "--"]);
        }
        command.args(["prlimit", limit]).arg(&self.program).args(args).current_dir(self.place.path());
        // the sockets of a user without a runtime directory are in TMPDIR
        command.env("HOME", self.place.path()).env("TMPDIR", self.place.path()).env_remove("PODSCOPE_LOG");
        command.stdin(Stdio::null()).output().expect("timeout, setpriv and prlimit are there")
    }

    /// How many tasks the limited user has already.
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

/// Checks that the command succeeded, or printed one line that says why not.
#[track_caller]
fn assert_success_or_one_line(out: &Output, what: &str) {
    let stderr = text(&out.stderr);
    assert!(!stderr.contains("panicked") && !stderr.contains("RUST_BACKTRACE"), "{what}: {stderr}");
    match out.status.code() {
        Some(0) => {}
        Some(1) => {
            let last = stderr.lines().last().unwrap_or_default();
            assert!(last.starts_with("podscope: ") && last.len() > 20, "{what}: {stderr}");
        }
        other => panic!("{what}: {other:?} {}: {stderr}{}", out.status, text(&out.stdout)),
    }
}

const SCRIPT: &str = "wait ready within 5s\nexec polite -- true\nexec polite -- true\nlogs deaf\n";
const RUN: &[&str] = &["run", "deaf", "--script", "exec.script"];
const COMMANDS: [&[&str]; 3] = [RUN, &["snapshot", "-o", "s.json"], &["doctor"]];

/// Runs each command under increasing limits. It must succeed or name the limit that is too low.
fn check_increasing_limits(limited: &Limited, limits: &[String], says: &str) {
    fs::write(limited.place.path().join("exec.script"), SCRIPT).unwrap();
    for args in COMMANDS {
        for limit in limits {
            let out = limited.run(limit, args);
            let what = format!("{args:?} with {limit}");
            assert_success_or_one_line(&out, &what);
            let said = text(&out.stdout) + &text(&out.stderr);
            assert!(out.status.success() || said.contains(says), "{what}: {said}");
        }
    }
}

#[test]
fn too_few_processes_cause_an_error_and_no_panic() {
    let limited = Limited::new();
    fs::write(limited.place.path().join("exec.script"), SCRIPT).unwrap();
    for args in [RUN, &["doctor"]] {
        let none = limited.run("--nproc=1:1", args);
        assert_eq!(none.status.code(), Some(1), "{args:?}: {}", text(&none.stderr));
    }
    // with each number a different thread or process is the first that cannot be created
    let there = limited.tasks();
    let limits = (1..=16).chain([20, 24, 32]).map(|more| format!("--nproc={0}:{0}", there + more));
    check_increasing_limits(&limited, &limits.collect::<Vec<_>>(), "`ulimit -u`");
}

#[test]
fn too_few_descriptors_cause_an_error_and_no_panic() {
    let limited = Limited::new();
    fs::write(limited.place.path().join("exec.script"), SCRIPT).unwrap();
    for n in [8, 16, 63] {
        for args in [RUN, &["doctor"]] {
            let out = limited.run(&format!("--nofile={n}:{n}"), args);
            assert_eq!(out.status.code(), Some(1), "{args:?}: {}", text(&out.stderr));
            let stderr = text(&out.stderr);
            assert!(stderr.starts_with(&format!("podscope: only {n} files")), "{stderr}");
            assert!(stderr.contains("ulimit -n 1024") && stderr.lines().count() == 1, "{stderr}");
        }
    }
    check_increasing_limits(&limited, &[64, 66, 68, 70, 80].map(|n| format!("--nofile={n}:{n}")), "`ulimit -n`");
    // a low soft limit is raised
    assert_eq!(limited.run("--nofile=16:1024", RUN).status.code(), Some(0));
}

#[test]
fn too_little_memory_causes_an_error_and_no_panic() {
    let limited = Limited::new();
    // with less than the first size the program cannot be loaded
    let sizes = [63, 256, 1023, 1024, 1280, 1536];
    check_increasing_limits(&limited, &sizes.map(|mb| format!("--as={0}:{0}", mb << 20)), "ulimit -v");
}
