//! Attacks on the file that stand-ins, the node and every hidden mode run from (the class of CVE-2019-5736).

use std::fs::{self, Permissions};
use std::io::{BufRead as _, BufReader};
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use podscope::lab::spec::{ContainerSpec, PodSpec};
use podscope::lab::{Lab, Options};

use super::run_script;
use crate::support::{Bench, container, exists, process, spec, wait_for};

/// A stand-in, and a shell in the same pid namespace.
fn stand_in_and_shell(script: &str) -> PodSpec {
    let stand_in = ContainerSpec { name: "web".to_owned(), image: "nginx".to_owned(), ..ContainerSpec::default() };
    spec("attack", true, vec![stand_in, container("a", script)])
}

/// A copy of the program that belongs to the user who runs this test, as after `make run`.
fn own_program() -> (tempfile::TempDir, PathBuf) {
    let dir = tempfile::tempdir().expect("a directory");
    fs::set_permissions(dir.path(), Permissions::from_mode(0o755)).expect("open to all");
    let program = dir.path().join("podscope");
    fs::copy(env!("CARGO_BIN_EXE_podscope"), &program).expect("a copy");
    fs::set_permissions(&program, Permissions::from_mode(0o755)).expect("executable");
    (dir, program)
}

fn bench_of(program: &Path) -> Bench {
    let (sender, inputs) = crossbeam_channel::unbounded();
    let lab = Lab::start_with(program, Options::default(), sender).expect("a lab starts");
    Bench { lab, inputs, received: Vec::new() }
}

#[test]
fn a_pod_cannot_change_what_others_execute() {
    let (_dir, program) = own_program();
    let before = fs::metadata(&program).expect("the program");
    let mut bench = bench_of(&program);
    let pod = bench.run(stand_in_and_shell("exec sleep 1000"));
    let web = process(&pod, "web").pid;
    let modes = || {
        let exe = fs::metadata(format!("/proc/{web}/exe")).expect("its program");
        (exe.mode() & 0o7777, exe.size())
    };
    let was = modes();
    let said = run_script(
        &bench,
        &pod,
        "for p in /proc/[0-9]*; do chmod 4777 $p/exe; chmod 000 $p/exe; echo evil > $p/exe; echo evil >> $p/exe; \
         truncate -s 0 $p/exe; dd if=/dev/zero of=$p/exe bs=1 count=1 conv=notrunc; mv $p/exe /tmp/; rm $p/exe; done 2>&1; \
         perl -e 'for (glob \"/proc/[0-9]*/exe\") { print \"OPENED $_\\n\" if open(my $f, \"+<\", $_) }'",
    );
    assert!(!said.contains("OPENED"), "{said}");
    let now = modes();
    assert_eq!((now.0 & 0o111, now.1), (was.0 & 0o111, was.1), "everyone can still execute it: {said}");
    let after = fs::metadata(&program).expect("the program");
    assert_eq!((after.mode(), after.size(), after.mtime()), (before.mode(), before.size(), before.mtime()));
    // the node can still start stand-ins and programs
    let next = bench.run(stand_in_and_shell("exec sleep 1000"));
    assert!(exists(process(&next, "web")));
    assert_eq!(run_script(&bench, &next, "echo fine"), "fine\n");
}

#[test]
fn no_process_of_the_lab_runs_from_a_file_of_the_host() {
    let (_dir, program) = own_program();
    let mut bench = bench_of(&program);
    let pod = bench.run(stand_in_and_shell("exec sleep 1000"));
    let own = fs::metadata(&program).expect("the program");
    for pid in [bench.lab.node().pid, process(&pod, "web").pid] {
        let exe = fs::metadata(format!("/proc/{pid}/exe")).expect("its program");
        assert_ne!((exe.dev(), exe.ino()), (own.dev(), own.ino()), "{pid}");
        let maps = fs::read_to_string(format!("/proc/{pid}/maps")).expect("its maps");
        assert!(!maps.contains(&*program.to_string_lossy()), "{maps}");
    }
}

/// Set for the copy of this test program that plays the app. Its value is the program that the lab is started from.
const ROLE: &str = "PODSCOPE_TEST_APP";

/// Plays the app: it starts a pod that tries to overwrite executables, also after the app is killed.
#[test]
#[ignore = "part of another test"]
fn the_app() {
    let program = PathBuf::from(std::env::var_os(ROLE).expect("a program"));
    let mut bench = bench_of(&program);
    let attack =
        "while :; do for p in /proc/[0-9]*; do (echo evil > $p/exe; chmod 4777 $p/exe) 2>/dev/null; done; done";
    bench.run(stand_in_and_shell(attack));
    println!("\nnode {}", bench.lab.node().pid);
    loop {
        std::thread::park();
    }
}

#[test]
fn a_pod_cannot_change_the_program_after_the_app_is_killed() {
    let (_dir, program) = own_program();
    let content = fs::read(&program).expect("read");
    for round in 0..crate::rounds::number_of(6) {
        let mut app = Command::new(std::env::current_exe().expect("this program"))
            .args(["attack::executable::the_app", "--exact", "--ignored", "--nocapture", "--test-threads=1"])
            .env(ROLE, &program)
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("the app starts");
        let lines = BufReader::new(app.stdout.take().expect("piped")).lines().map_while(Result::ok);
        let node = lines.into_iter().find_map(|l| l.strip_prefix("node ")?.parse::<u32>().ok()).expect("a node");
        // a different moment in every round
        std::thread::sleep(Duration::from_micros(u64::from(round * 7919 % 12_000)));
        let signal = if round % 3 == 2 { Signal::SIGQUIT } else { Signal::SIGKILL };
        kill(Pid::from_raw(app.id() as i32), signal).expect("killed");
        app.wait().expect("ended");
        wait_for("the node to end", || {
            crate::support::status_field(node, "State").is_none_or(|state| state.starts_with('Z'))
        });
        assert_eq!(fs::metadata(&program).expect("the program").mode() & 0o7777, 0o755, "round {round}");
        assert!(fs::read(&program).expect("read") == content, "round {round}: it was overwritten");
    }
}
