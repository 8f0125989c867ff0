//! `podscope run` with real pods; what it says is checked against /proc.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use podscope::export::{EventType, Snapshot};
use tempfile::{TempDir, tempdir};

use crate::command_line::{podscope, text};

const PRESET: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/assets/pods/nginx-busybox.yaml");

struct Place(TempDir);

impl Place {
    fn new() -> Self {
        Self(tempdir().unwrap())
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn file(&self, name: &str, content: &str) -> String {
        fs::write(self.path(name), content).unwrap();
        self.path(name).into_os_string().into_string().unwrap()
    }

    fn start(&self, args: &[&str]) -> Child {
        let mut command = Command::new(env!("CARGO_BIN_EXE_podscope"));
        command.arg("run").args(args).current_dir(self.0.path());
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
    }
}

fn until<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let start = Instant::now();
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(start.elapsed() < Duration::from_secs(30), "{what} did not come");
        std::thread::sleep(Duration::from_millis(5));
    }
}

fn read(path: &Path) -> Option<Snapshot> {
    serde_json::from_str(&fs::read_to_string(path).ok()?).ok()
}

fn inode(pid: u32, kind: &str) -> String {
    fs::read_link(format!("/proc/{pid}/ns/{kind}")).unwrap().to_string_lossy().into_owned()
}

/// Whether the very process is in the process table, by pid and start time.
fn is_there(pid: u32, start: u64) -> bool {
    let Ok(stat) = fs::read_to_string(format!("/proc/{pid}/stat")) else { return false };
    let after_name = &stat[stat.rfind(')').unwrap() + 2..];
    after_name.split(' ').nth(19).unwrap().parse() == Ok(start)
}

const STORY: &str = "
wait ready within 30s
expect pid nginx-busybox/pause in-pod 1
expect shared net pause nginx
expect shared pid nginx busybox
expect private mnt nginx busybox
exec nginx-busybox/busybox -- wget -qO- localhost
expect output hello pod
exec nginx-busybox/busybox -- sh -c '(sleep 0.05 &)'
wait zombies 0
snapshot up.json
wait gone nginx-busybox/nginx within 60s
expect ip nginx-busybox kept
expect alive nginx-busybox/pause
snapshot member.json
kill nginx-busybox/pause KILL
wait gone nginx-busybox/pause
wait gone nginx-busybox/busybox
expect zombies 0
";

#[test]
fn a_pod_lives_and_dies_as_the_kernel_says() {
    let place = Place::new();
    let script = place.file("story.script", STORY);
    let mut run = place.start(&[PRESET, "--script", &script, "--snapshot", "end.json"]);
    let up = until("up.json", || {
        assert!(run.try_wait().unwrap().is_none(), "{}", text(&run_output(&mut run)));
        read(&place.path("up.json"))
    });
    let pod = &up.pods[0];
    let pause = pod.sandbox.as_ref().unwrap().pid.unwrap();
    let pids: Vec<u32> = pod.containers.iter().map(|c| c.pid.unwrap()).collect();
    let [nginx, busybox] = pids[..] else { panic!("{pids:?}") };
    for kind in ["net", "ipc", "uts", "pid", "user"] {
        assert_eq!(inode(nginx, kind), inode(busybox, kind), "{kind}");
        assert_eq!(inode(nginx, kind), inode(pause, kind), "{kind}");
    }
    for kind in ["net", "ipc", "uts", "pid", "user", "mnt"] {
        assert_ne!(inode(nginx, kind), inode(std::process::id(), kind), "{kind} is the host's");
    }
    assert_ne!(inode(nginx, "mnt"), inode(busybox, "mnt"));
    let status = fs::read_to_string(format!("/proc/{pause}/status")).unwrap();
    let inside = status.lines().find_map(|l| l.strip_prefix("NSpid:")).unwrap();
    assert_eq!(inside.split_whitespace().last(), Some("1"));

    // nobody of the pod but us sends this one: podscope must see what it did not do
    assert!(Command::new("kill").args(["-KILL", &nginx.to_string()]).status().unwrap().success());

    let out = run.wait_with_output().unwrap();
    assert_eq!(out.status.code(), Some(0), "{}{}", text(&out.stdout), text(&out.stderr));
    let (member, end) = (read(&place.path("member.json")).unwrap(), read(&place.path("end.json")).unwrap());
    assert_eq!(member.pods[0].ip, pod.ip);
    crate::schema::validate(&serde_json::to_value(&end).unwrap());
    for process in &up.processes {
        assert!(!is_there(process.pid, process.start_time), "{} {} is left", process.pid, process.comm);
    }

    // the orphan: adopted by pause, a zombie, reaped by pause, each at its time
    let of = |pid: u32, kind| end.events.iter().find(move |e| e.pid == Some(pid) && e.kind == kind);
    let adopted = end.events.iter().find(|e| e.kind == EventType::Reparented && e.by == Some(pause)).unwrap();
    let orphan = adopted.pid.unwrap();
    let [exited, reaped] = [EventType::Exited, EventType::Reaped].map(|k| of(orphan, k).unwrap());
    assert!(adopted.mono_ns <= exited.mono_ns && exited.mono_ns <= reaped.mono_ns);
    assert_eq!((exited.exit_code, reaped.by), (Some(0), Some(pause)));
    for event in [exited, reaped] {
        assert_ne!(event.precision, "by_then", "{event:?}");
    }
    // and all members died by KILL with pause
    for pid in [pause, busybox] {
        assert_eq!(of(pid, EventType::Exited).unwrap().exit_code, Some(137));
        assert!(of(pid, EventType::Reaped).is_some());
    }
}

fn run_output(run: &mut Child) -> Vec<u8> {
    let mut all = Vec::new();
    if let Some(err) = &mut run.stderr {
        let _ = std::io::Read::read_to_end(err, &mut all);
    }
    all
}

#[test]
fn events_are_one_json_object_a_line() {
    let place = Place::new();
    let out = place.start(&[PRESET, "--for", "1s", "--events"]).wait_with_output().unwrap();
    assert_eq!(out.status.code(), Some(0), "{}", text(&out.stderr));
    let deltas: Vec<podscope::model::Delta> =
        text(&out.stdout).lines().map(|l| serde_json::from_str(l).expect(l)).collect();
    let mut world = podscope::model::World::default();
    for delta in &deltas {
        world.apply(delta);
    }
    assert_eq!(world.pods.values().next().unwrap().name, "nginx-busybox");
    assert!(text(&out.stderr).contains("nginx-busybox  Running"));
}

/// Starts a pod, ends podscope by this signal, and gives its exit code; nothing of it may remain.
fn ended_by(signal: &str) -> Option<i32> {
    let place = Place::new();
    let script = place.file("up.script", "wait ready within 30s\nsnapshot up.json\nsleep 1h");
    let args = [PRESET, "--script", &script];
    let mut run = place.start(&args);
    let up = until("up.json", || read(&place.path("up.json")));
    assert!(up.processes.len() >= 4, "{:?}", up.processes);
    assert!(Command::new("kill").args([signal, &run.id().to_string()]).status().unwrap().success());
    let status = run.wait().unwrap();
    until("the end of all", || (!up.processes.iter().any(|p| is_there(p.pid, p.start_time))).then_some(()));
    status.code()
}

#[test]
fn nothing_is_left_when_it_is_told_to_end() {
    assert_eq!(ended_by("-TERM"), Some(1), "interrupted before the script had ended");
    assert_eq!(ended_by("-INT"), Some(1));
}

#[test]
fn nothing_is_left_when_it_is_killed() {
    assert_eq!(ended_by("-KILL"), None);
}

#[test]
fn a_pod_that_cannot_start_is_a_failure_that_says_why() {
    let place = Place::new();
    let yaml = "apiVersion: v1\nkind: Pod\nmetadata: {name: p}\nspec:\n  containers:\n  - {name: c, image: x, command: [/no/such/program]}\n";
    let file = place.file("p.yaml", yaml);
    let out = podscope(&["run", &file, "--for", "1s"]);
    assert_eq!(out.status.code(), Some(1));
    assert!(text(&out.stderr).contains("podscope: pod p did not come up: p/c is "), "{}", text(&out.stderr));
}

#[test]
fn presets_are_known_by_name() {
    let out = podscope(&["run", "--list"]);
    assert!(out.status.success());
    assert!(text(&out.stdout).lines().any(|l| l.starts_with(" 1  nginx-busybox ")), "{}", text(&out.stdout));
    for (args, says) in [
        (vec!["run", "no-such-preset"], "no-such-preset: No such file or directory (os error 2); nor is it a preset"),
        (vec!["run", PRESET, "--check"], "is no preset, so it has no script for --check"),
        (vec!["run", "deaf", "orphans", "--check"], "--check plays the script of one preset"),
        (vec!["run", "deaf", "--clock", "0"], "expected a whole number from 1 to 1000"),
        (vec!["run", "deaf", "--pod-cidr", "8.8.8.0/24"], "8.8.8.0/24"),
    ] {
        let out = podscope(&args);
        assert!(!out.status.success() && out.stdout.is_empty(), "{args:?}");
        assert!(text(&out.stderr).contains(says), "{args:?}: {}", text(&out.stderr));
    }
}

#[test]
fn the_clock_and_the_addresses_are_as_asked_for() {
    let place = Place::new();
    let crash = "apiVersion: v1\nkind: Pod\nmetadata: {name: p}\nspec:\n  containers:\n  - {name: c, image: x, command: ['false']}\n";
    let file = place.file("p.yaml", crash);
    // at a hundred times the speed the third start comes after 0.1 s, and not after 10
    let script = place.file("s.script", "wait restarts c >=3 within 3s\nwait event p BackOff");
    let out = place.start(&[&file, "--clock", "100", "--pod-cidr", "172.30.7.0/24", "--script", &script]);
    let out = out.wait_with_output().unwrap();
    assert_eq!(out.status.code(), Some(0), "{}{}", text(&out.stdout), text(&out.stderr));
    assert!(text(&out.stdout).contains("172.30.7.2"), "{}", text(&out.stdout));
}

#[test]
fn a_manifest_that_changes_is_followed() {
    let place = Place::new();
    let manifest = |word: &str, more: &str| {
        format!(
            "apiVersion: v1\nkind: Pod\nmetadata: {{name: p}}\nspec:\n  shareProcessNamespace: true\n{more}  containers:
  - {{name: c, image: x, command: [sh, -c, echo {word}; exec sleep 1h]}}
  - {{name: d, image: x, command: [sleep, 1h]}}\n"
        )
    };
    let file = place.file("p.yaml", &manifest("one", ""));
    let script = "wait ready\nwait log c one\nsnapshot up.json\nwait log c two\nwait restarted c\nexpect restarts d 0
expect ip p kept\nsnapshot replaced.json\nwait phase p Failed within 1h";
    let script = place.file("s.script", script);
    let mut run = place.start(&[&file, "--watch", "--script", &script]);
    until("up.json", || read(&place.path("up.json")));
    place.file("p.yaml", &manifest("two", ""));
    until("replaced.json", || {
        assert!(run.try_wait().unwrap().is_none(), "{}", text(&run_output(&mut run)));
        read(&place.path("replaced.json"))
    });
    // what it cannot do without ending the pod it offers
    place.file("p.yaml", &manifest("two", "  hostname: other\n"));
    let mut told = std::io::BufRead::lines(std::io::BufReader::new(run.stderr.take().unwrap()));
    let offered = told.find_map(|line| line.ok().filter(|line| line.contains("re-created"))).unwrap();
    assert!(offered.ends_with("pod p would have to be re-created for spec.hostname; press Ctrl-C and run it again"));
    assert!(Command::new("kill").args(["-INT", &run.id().to_string()]).status().unwrap().success());
    run.wait().unwrap();
}

#[test]
fn bad_input_is_named_before_anything_starts() {
    let place = Place::new();
    let broken = place.file("broken.yaml", "apiVersion: v1\nkind: Pod\nmetadata: {name: p}\nspec:\n  containers: 7\n");
    let script = place.file("bad.script", "wait ready\nklil x KILL\n");
    let two = place.file("two.yaml", &fs::read_to_string(PRESET).unwrap());
    for (args, says) in [
        (vec!["run", "/no/such.yaml"], "/no/such.yaml: No such file".to_owned()),
        (vec!["run", &broken], format!("{broken}:5:")),
        (vec!["run", PRESET, "--script", &script], format!("{script}:2: `klil` is no step")),
        (vec!["run", PRESET, &two], "a second pod is named nginx-busybox".to_owned()),
    ] {
        let out = podscope(&args);
        assert_eq!(out.status.code(), Some(1), "{args:?}");
        assert!(out.stdout.is_empty(), "{args:?}");
        let told = text(&out.stderr);
        assert!(told.starts_with("podscope: ") && told.contains(&says) && told.lines().count() == 1, "{told}");
    }
    assert_eq!(podscope(&["run"]).status.code(), Some(2));
    assert_eq!(podscope(&["run", PRESET, "--for", "soon"]).status.code(), Some(2));
}

/// Soft and hard limit of open files of a process.
fn open_files(pid: u32) -> (String, String) {
    let limits = fs::read_to_string(format!("/proc/{pid}/limits")).unwrap();
    let line = limits.lines().find_map(|l| l.strip_prefix("Max open files")).unwrap();
    let mut words = line.split_whitespace().map(str::to_owned);
    (words.next().unwrap(), words.next().unwrap())
}

#[test]
fn a_crowd_is_counted_under_a_low_limit_of_open_files_which_pods_keep() {
    const CROWD: usize = 200;
    let place = Place::new();
    let pod = format!(
        "apiVersion: v1\nkind: Pod\nmetadata: {{name: crowd}}\nspec:\n  restartPolicy: Never\n  containers:\n  - name: a\n    \
         image: busybox\n    command: [sh, -c, 'n=0; while [ $n -lt {CROWD} ]; do sleep 1000 & n=$((n+1)); done; wait']\n"
    );
    let pod = place.file("crowd.yaml", &pod);
    let script = place.file(
        "s",
        &format!(
            "wait ready within 30s\nwait count crowd/a:sleep {CROWD} within 60s\nsleep 2\nsnapshot up.json\nsleep 600\n"
        ),
    );
    // 128 may be raised, to no more than 256
    let mut command = Command::new("sh");
    command.args([
        "-c",
        "ulimit -Sn 128 && ulimit -Hn 256 && exec \"$@\"",
        "sh",
        env!("CARGO_BIN_EXE_podscope"),
        "run",
    ]);
    command.args([&pod, "--script", &script]).current_dir(place.0.path());
    let mut run = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let up = until("up.json", || {
        assert!(run.try_wait().unwrap().is_none(), "{}", text(&run_output(&mut run)));
        read(&place.path("up.json"))
    });
    assert_eq!(open_files(run.id()), ("256".to_owned(), "256".to_owned()), "the app raises its own");
    let sleeps: Vec<u32> = up.processes.iter().filter(|p| p.comm == "sleep" && p.state != 'Z').map(|p| p.pid).collect();
    let there =
        sleeps.iter().filter(|pid| fs::read_to_string(format!("/proc/{pid}/comm")).unwrap() == "sleep\n").count();
    assert_eq!((sleeps.len(), there), (CROWD, CROWD));
    assert_eq!(open_files(sleeps[0]), ("128".to_owned(), "256".to_owned()), "the pods' programs have theirs");
    assert_eq!(up.host.visibility["processes"].reason, None);
    let pidfd = up.host.visibility["pidfd"].reason.clone().unwrap();
    assert!(pidfd.contains("only 128 processes are held"), "{pidfd}");
    // the node is a child of the app
    let app = run.id();
    let node = up.processes.iter().find(|p| p.ppid == Some(app)).expect("the node has its real parent");
    assert_eq!(
        fs::read_to_string(format!("/proc/{}/stat", node.pid)).unwrap().split(' ').nth(3),
        Some(&*app.to_string())
    );
    run.kill().unwrap();
    run.wait().unwrap();
}
