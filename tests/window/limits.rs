//! With too few threads, descriptors or too little memory the window prints one line that names the limit, and does not
//! panic.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::process::{Command, Stdio};

use nix::unistd::geteuid;

use crate::desktop::Desktop;

const SCRIPT: &str = "wait ready within 10s\nexec polite -- true\n";

/// Runs the window under a limit. Returns its exit code and its error output.
fn run_limited(desktop: &Desktop, limit: &str) -> (Option<i32>, String) {
    let (home, mut program) = (desktop.home(), std::path::PathBuf::from(env!("CARGO_BIN_EXE_podscope")));
    let mut command = Command::new("timeout");
    command.args(["--kill-after=1", "60"]);
    // the limit on processes does not apply to root, and it counts all processes of a user
    if geteuid().is_root() {
        let uid = (1_800_000_000 + std::process::id()).to_string();
        command.args(["setpriv", "--reuid", &uid, "--regid", &uid, "--clear-groups", "--"]);
        let copy = home.join("podscope");
        if !copy.exists() {
            fs::copy(&program, &copy).expect("a copy that this user can execute");
            fs::set_permissions(&copy, fs::Permissions::from_mode(0o755)).expect("executable");
            fs::set_permissions(home, fs::Permissions::from_mode(0o777)).expect("open to this user");
        }
        program = copy;
    }
    let script = home.join("s.script");
    fs::write(&script, SCRIPT).expect("a script");
    command.args(["prlimit", limit]).arg(program).args(["--preset", "deaf", "--exit", "--window-size", "900x600"]);
    command.arg("--script").arg(script).env("DISPLAY", desktop.display()).current_dir(home);
    // the sockets of a user without a runtime directory are in TMPDIR
    command.env("HOME", home).env("TMPDIR", home);
    command.env("LIBGL_ALWAYS_SOFTWARE", "1").env_remove("WAYLAND_DISPLAY").env_remove("DBUS_SESSION_BUS_ADDRESS");
    let out = command.stdin(Stdio::null()).output().expect("timeout, setpriv and prlimit are there");
    (out.status.code(), String::from_utf8_lossy(&out.stderr).into_owned())
}

/// The run succeeded, or failed with an error that contains `words`.
fn assert_reported(limit: &str, (code, output): &(Option<i32>, String), words: &str) {
    assert!(!output.contains("panicked"), "{limit}: {output}");
    match code {
        Some(0) => {}
        Some(1) => {
            let last = output.lines().last().unwrap_or_default();
            assert!(last.starts_with("podscope: ") && last.contains(words), "{limit}: {output}");
        }
        other => panic!("{limit}: {other:?}: {output}"),
    }
}

#[test]
fn too_few_threads_cause_an_error_and_not_a_panic() {
    let desktop = Desktop::start();
    let none = run_limited(&desktop, "--nproc=1:1");
    assert_eq!(none.0, Some(1), "{}", none.1);
    assert_reported("none", &none, "`ulimit -u`");
    // as an ordinary user, other processes of the same user would change the count during the test
    if geteuid().is_root() {
        for n in 2..22 {
            let limit = format!("--nproc={n}:{n}");
            assert_reported(&limit, &run_limited(&desktop, &limit), "`ulimit -u`");
        }
    }
}

#[test]
fn too_few_descriptors_cause_an_error_and_not_a_panic() {
    let desktop = Desktop::start();
    for n in [8, 16, 63] {
        let limit = format!("--nofile={n}:{n}");
        let out = run_limited(&desktop, &limit);
        assert_eq!((out.0, out.1.lines().count()), (Some(1), 1), "{}", out.1);
        assert_reported(&limit, &out, "ulimit -n 1024");
    }
    for n in [64, 72, 80, 96] {
        let limit = format!("--nofile={n}:{n}");
        assert_reported(&limit, &run_limited(&desktop, &limit), "`ulimit -n`");
    }
}

#[test]
fn too_little_memory_causes_an_error_and_not_a_panic() {
    let desktop = Desktop::start();
    for mb in [64_u64, 512, 2_047, 2_048, 3_072] {
        let limit = format!("--as={0}:{0}", mb << 20);
        let out = run_limited(&desktop, &limit);
        assert_reported(&limit, &out, "ulimit -v");
        assert!(mb >= 2_048 || out.0 == Some(1), "{limit}: {}", out.1);
    }
}
