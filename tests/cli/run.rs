//! `podscope run` with real pods; its output is checked against /proc.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use podscope::export::{EventType, SandboxKind, Snapshot};
use podscope::model::{Delta, ExecEnd};
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

/// Whether this process, by pid and start time, is in the process table.
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
wait log nginx-busybox/nginx listening on
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
fn the_life_of_a_pod_is_reported_as_in_the_kernel() {
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

    // this signal is not sent by podscope: it must see a death that it has not caused
    assert!(Command::new("kill").args(["-KILL", &nginx.to_string()]).status().unwrap().success());

    let out = run.wait_with_output().unwrap();
    assert_eq!(out.status.code(), Some(0), "{}{}", text(&out.stdout), text(&out.stderr));
    let (member, end) = (read(&place.path("member.json")).unwrap(), read(&place.path("end.json")).unwrap());
    assert_eq!(member.pods[0].ip, pod.ip);
    crate::schema::validate(&serde_json::to_value(&end).unwrap());
    for process in &up.processes {
        assert!(!is_there(process.pid, process.start_time), "{} {} is left", process.pid, process.comm);
    }

    // the orphan is adopted by pause, becomes a zombie and is reaped by pause, in this order
    let of = |pid: u32, kind| end.events.iter().find(move |e| e.pid == Some(pid) && e.kind == kind);
    let adopted = end.events.iter().find(|e| e.kind == EventType::Reparented && e.by == Some(pause)).unwrap();
    let orphan = adopted.pid.unwrap();
    let [exited, reaped] = [EventType::Exited, EventType::Reaped].map(|k| of(orphan, k).unwrap());
    assert!(adopted.mono_ns <= exited.mono_ns && exited.mono_ns <= reaped.mono_ns);
    assert_eq!((exited.exit_code, reaped.by), (Some(0), Some(pause)));
    for event in [exited, reaped] {
        assert_ne!(event.precision, "by_then", "{event:?}");
    }
    // the kernel killed all members with pause
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
fn the_stream_of_deltas_names_its_format_then_its_machine_and_holds_the_output() {
    let place = Place::new();
    let script = place.file(
        "up.script",
        "wait ready within 30s\nexec busybox -- echo hello\nkill busybox KILL\nwait restarted busybox",
    );
    let out = place.start(&[PRESET, "--script", &script, "--events"]).wait_with_output().unwrap();
    assert_eq!(out.status.code(), Some(0), "{}", text(&out.stderr));
    let stdout = text(&out.stdout);
    let (header, lines) = stdout.split_once('\n').expect("lines");
    assert_eq!(header, r#"{"format":"podscope.deltas/1"}"#);
    let deltas: Vec<Delta> = lines.lines().map(|l| serde_json::from_str(l).expect(l)).collect();
    let boot_id = fs::read_to_string("/proc/sys/kernel/random/boot_id").expect("an id");
    assert!(matches!(&deltas[0], Delta::Host { host, .. } if host.boot_id == boot_id.trim()), "{:?}", deltas[0]);
    let mut world = podscope::model::World::default();
    for delta in &deltas {
        world.apply(delta);
    }
    let pod = world.pods.values().next().unwrap();
    assert_eq!(pod.name, "nginx-busybox");
    let run = world.last_exec(&pod.uid).expect("the exec");
    assert_eq!(run.output.lines().map(|line| &*line.text).collect::<Vec<_>>(), ["hello"]);
    assert!(matches!(run.ended, Some((ExecEnd::Exited(status), _)) if status.success()));
    assert!(text(&out.stderr).contains("nginx-busybox  Running"));
}

/// Starts a pod, ends podscope with this signal, checks that no process remains, and returns the exit code.
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
fn no_process_is_left_after_term_or_int() {
    assert_eq!(ended_by("-TERM"), Some(1), "interrupted before the script had ended");
    assert_eq!(ended_by("-INT"), Some(1));
}

#[test]
fn no_process_is_left_after_kill() {
    assert_eq!(ended_by("-KILL"), None);
}

#[test]
fn a_pod_that_cannot_start_is_a_failure_with_the_reason() {
    let place = Place::new();
    let yaml = "apiVersion: v1\nkind: Pod\nmetadata: {name: p}\nspec:\n  containers:\n  - {name: c, image: x, command: [/no/such/program]}\n";
    let file = place.file("p.yaml", yaml);
    let out = podscope(&["run", &file, "--for", "1s"]);
    assert_eq!(out.status.code(), Some(1));
    assert!(text(&out.stderr).contains("podscope: pod p did not come up: p/c is "), "{}", text(&out.stderr));
}

#[test]
fn presets_are_found_by_name_and_wrong_words_are_refused() {
    let out = podscope(&["run", "--list"]);
    assert!(out.status.success());
    assert!(text(&out.stdout).lines().any(|l| l.starts_with(" 1  nginx-busybox ")), "{}", text(&out.stdout));
    for (args, says) in [
        (
            vec!["run", "no-such-preset"],
            "no-such-preset: No such file or directory (os error 2); it is not a preset either",
        ),
        (vec!["run", PRESET, "--check"], "is not a preset, so it has no script for --check"),
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
fn the_options_clock_and_pod_cidr_take_effect() {
    let place = Place::new();
    let crash = "apiVersion: v1\nkind: Pod\nmetadata: {name: p}\nspec:\n  containers:\n  - {name: c, image: x, command: ['false']}\n";
    let file = place.file("p.yaml", crash);
    // the back-offs before the sixth restart are 0.31 s together; ten times as fast, as without the option, 31 s
    let script = place.file("s.script", "wait restarts c >=6 within 20s\nwait event p BackOff");
    let out = place.start(&[&file, "--clock", "1000", "--pod-cidr", "172.30.7.0/24", "--script", &script]);
    let out = out.wait_with_output().unwrap();
    assert_eq!(out.status.code(), Some(0), "{}{}", text(&out.stdout), text(&out.stderr));
    assert!(text(&out.stdout).contains("172.30.7.2"), "{}", text(&out.stdout));
}

#[test]
fn changes_of_a_manifest_are_applied() {
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
    // a change that would end the pod is only reported
    place.file("p.yaml", &manifest("two", "  hostname: other\n"));
    let mut lines = std::io::BufRead::lines(std::io::BufReader::new(run.stderr.take().unwrap()));
    let offered = lines.find_map(|line| line.ok().filter(|line| line.contains("re-created"))).unwrap();
    assert!(offered.ends_with("pod p would have to be re-created for spec.hostname; press Ctrl-C and run it again"));
    assert!(Command::new("kill").args(["-INT", &run.id().to_string()]).status().unwrap().success());
    run.wait().unwrap();
}

#[test]
fn bad_input_is_reported_before_anything_starts() {
    let place = Place::new();
    let broken = place.file("broken.yaml", "apiVersion: v1\nkind: Pod\nmetadata: {name: p}\nspec:\n  containers: 7\n");
    let script = place.file("bad.script", "wait ready\nklil x KILL\n");
    let two = place.file("two.yaml", &fs::read_to_string(PRESET).unwrap());
    for (args, says) in [
        (vec!["run", "/no/such.yaml"], "/no/such.yaml: No such file".to_owned()),
        (vec!["run", &broken], format!("{broken}:5:")),
        (vec!["run", PRESET, "--script", &script], format!("{script}:2: `klil` is not a step")),
        (vec!["run", PRESET, &two], "a second pod is named nginx-busybox".to_owned()),
    ] {
        let out = podscope(&args);
        assert_eq!(out.status.code(), Some(1), "{args:?}");
        assert!(out.stdout.is_empty(), "{args:?}");
        let stderr = text(&out.stderr);
        assert!(stderr.starts_with("podscope: ") && stderr.contains(&says) && stderr.lines().count() == 1, "{stderr}");
    }
    assert_eq!(podscope(&["run"]).status.code(), Some(2));
    assert_eq!(podscope(&["run", PRESET, "--for", "soon"]).status.code(), Some(2));
}

fn sleeper(name: &str, more: &str) -> String {
    format!(
        "apiVersion: v1\nkind: Pod\nmetadata: {{name: {name}}}\nspec:\n  containers:\n  \
         - {{name: c, image: busybox, command: [sleep, 1h]{more}}}\n"
    )
}

#[test]
fn ready_waits_for_every_pod_of_the_command_line() {
    const PODS: usize = 60;
    let place = Place::new();
    let files: Vec<String> =
        (0..PODS).map(|n| place.file(&format!("p{n}.yaml"), &sleeper(&format!("p{n}"), ""))).collect();
    let script = place.file("s.script", "wait ready within 60s\nsnapshot up.json\nsleep 1h");
    let mut args: Vec<&str> = files.iter().map(String::as_str).collect();
    args.extend(["--script", &script]);
    let mut run = place.start(&args);
    let up = until("up.json", || {
        assert!(run.try_wait().unwrap().is_none(), "{}", text(&run_output(&mut run)));
        read(&place.path("up.json"))
    });
    let mut pids: Vec<u32> = up.pods.iter().flat_map(|pod| pod.containers.iter().filter_map(|c| c.pid)).collect();
    pids.sort_unstable();
    pids.dedup();
    assert_eq!((up.pods.len(), pids.len()), (PODS, PODS));
    for pid in pids {
        assert_eq!(fs::read(format!("/proc/{pid}/cmdline")).unwrap(), b"sleep\x001h\0");
    }
    assert!(Command::new("kill").args(["-TERM", &run.id().to_string()]).status().unwrap().success());
    run.wait().unwrap();
}

#[test]
fn the_last_line_of_a_failure_names_the_cause() {
    let place = Place::new();
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port();
    let published =
        place.file("port.yaml", &sleeper("p", &format!(", ports: [{{containerPort: 80, hostPort: {port}}}]")));
    let files: Vec<String> =
        (0..6).map(|n| place.file(&format!("p{n}.yaml"), &sleeper(&format!("p{n}"), ""))).collect();
    let ready = place.file("s.script", "wait ready within 2s");
    let port = format!("cannot publish host port 127.0.0.1:{port}: address already in use; end what listens there");
    let range = "all 5 addresses of 10.1.2.0/29 are in use; delete a pod, or choose a larger range (--pod-cidr)";
    let small: Vec<&str> = files.iter().map(String::as_str).chain(["--pod-cidr", "10.1.2.0/29"]).collect();
    for (args, cause) in [(&[published.as_str()][..], port.as_str()), (&small, range)] {
        for end in [["--for", "1s"], ["--script", &ready]] {
            let out = podscope(&[&["run"], args, &end].concat());
            assert_eq!(out.status.code(), Some(1));
            let stderr = text(&out.stderr);
            let last = stderr.lines().last().unwrap_or_default();
            assert!(last.starts_with("podscope: ") && last.contains(cause), "{args:?} {end:?}: {stderr}");
        }
    }
}

/// A host port of a preset that is taken moves to another, with an event; the preset's script uses the new port.
#[test]
fn a_taken_host_port_of_a_preset_moves_and_its_script_follows() {
    // another program may have it already
    let _taken = std::net::TcpListener::bind("127.0.0.1:8880");
    let out = podscope(&["run", "ghost-blog", "--check"]);
    let stdout = text(&out.stdout);
    assert_eq!(out.status.code(), Some(0), "{stdout}{}", text(&out.stderr));
    let moved = stdout.lines().find(|l| l.contains("HostPortMoved")).unwrap_or_else(|| panic!("{stdout}"));
    assert!(moved.contains("Host port 8880 is taken: 127.0.0.1:") && moved.contains("leads to port 80"), "{moved}");
}

/// The file is looked up beside the manifest, not in the current directory.
#[test]
fn a_users_own_pause_is_compiled_or_refused_with_the_place() {
    let place = Place::new();
    let pod = |pause: &str| {
        sleeper("p", "").replace(
            "metadata: {name: p",
            &format!("metadata: {{annotations: {{podscope.dev/pause: {pause}}}, name: p"),
        )
    };
    place.file("mine.c", include_str!("../../assets/pods/naive-pause.c"));
    place.file("typo.c", "int main(void) { retrun 0; }\n");
    let good = place.file("good.yaml", &pod("mine.c"));
    let script = place.file("s.script", "wait ready\nexpect event p Pulled pause is made of mine.c");
    let end = place.path("end.json");
    let out = podscope(&["run", &good, "--script", &script, "--snapshot", &end.display().to_string()]);
    assert_eq!(out.status.code(), Some(0), "{}{}", text(&out.stdout), text(&out.stderr));
    let kinds: Vec<SandboxKind> =
        read(&end).unwrap().pods.iter().filter_map(|p| p.sandbox.as_ref()).map(|s| s.kind).collect();
    assert_eq!(kinds, [SandboxKind::Own]);
    for (pause, why) in [
        ("typo.c", "cc: "),
        ("none.c", "No such file or directory"),
        ("/bin/sh", "is linked dynamically"),
        ("./good.yaml", "is no ELF executable"),
    ] {
        let bad = place.file("bad.yaml", &pod(pause));
        let out = podscope(&["run", &bad]);
        let stderr = text(&out.stderr);
        let begin = format!("podscope: {bad}:");
        assert!(
            out.status.code() == Some(1) && stderr.starts_with(&begin) && stderr.contains(why),
            "{pause}: {stderr}"
        );
    }
}

#[test]
fn a_manifest_and_a_script_may_start_with_a_byte_order_mark() {
    let place = Place::new();
    let file = place.file("p.yaml", &format!("\u{feff}{}", sleeper("p", "")));
    let script = place.file("s.script", "\u{feff}wait ready\nexpect phase p Running");
    let out = podscope(&["run", &file, "--script", &script]);
    assert_eq!(out.status.code(), Some(0), "{}", text(&out.stderr));
    let broken = place.file("b.yaml", "\u{feff}apiVersion: v1\nkind: Pod\nmetadata: {name: p}\nspec: 7\n");
    assert!(text(&podscope(&["run", &broken]).stderr).starts_with(&format!("podscope: {broken}:4:7: ")));
}

#[test]
fn an_exec_that_exceeds_its_limit_is_killed_with_its_children() {
    let place = Place::new();
    let file = place.file("p.yaml", &sleeper("p", ""));
    let script = "wait ready\nexec --timeout 300ms p/c -- sh -c 'echo begun; sleep 1234 & sleep 1234'";
    let script = place.file("s.script", script);
    let out = podscope(&["run", &file, "--script", &script]);
    assert_eq!(out.status.code(), Some(1));
    let stderr = text(&out.stderr);
    assert!(
        stderr.contains("s.script:2: sh -c echo begun; sleep 1234 & sleep 1234: not done after 0.3 s, and killed"),
        "{stderr}"
    );
}

#[test]
fn a_container_may_be_named_pause() {
    let place = Place::new();
    let yaml = sleeper("p", "").replace("name: c,", "name: pause,");
    let file = place.file("p.yaml", &yaml);
    let script = "wait ready\nexec p/container/pause -- echo here\nexpect output here\nexpect private mnt p/pause p/container/pause
kill p/container/pause KILL\nwait ended p/container/pause signal KILL\nwait restarted p/container/pause
expect alive p/pause\nexpect sandbox 0 p";
    let script = place.file("s.script", script);
    let out = podscope(&["run", &file, "--script", &script]);
    assert_eq!(out.status.code(), Some(0), "{}{}", text(&out.stdout), text(&out.stderr));
}

/// The text that a container wrote to `/dev/termination-log` is printed line by line when its pod ends.
#[test]
fn a_termination_message_is_printed() {
    let place = Place::new();
    let pod = place.file(
        "pod.yaml",
        "apiVersion: v1\nkind: Pod\nmetadata: {name: says}\nspec:\n  restartPolicy: Never\n  containers:\n  - name: why\n    image: debian\n    args: [sh, -c, 'echo no database; printf \"no database\\nat db:5432\" > /dev/termination-log; exit 3']\n",
    );
    let script = place.file("steps.script", "wait phase says Failed\n");
    let out = place.start(&[&pod, "--script", &script]).wait_with_output().unwrap();
    let stdout = text(&out.stdout);
    assert_eq!(out.status.code(), Some(0), "{stdout}{}", text(&out.stderr));
    let lines: Vec<&str> = stdout.lines().map(str::trim).collect();
    let at = lines
        .iter()
        .position(|l| l.ends_with("says  why left a termination message"))
        .unwrap_or_else(|| panic!("{stdout}"));
    assert_eq!(lines[at + 1..at + 3], ["no database", "at db:5432"], "{stdout}");
}

#[test]
fn a_wrong_manifest_is_an_error_of_one_line_with_the_place() {
    let place = Place::new();
    let pod = "apiVersion: v1\nkind: Pod\nmetadata: {name: p}\nspec:\n  containers:\n  - {name: a, image: nginx}\n";
    let twice = place.file("twice.yaml", &pod.replace("{name: a,", "{name: a, name: b,"));
    let latin = place.path("latin.yaml");
    fs::write(&latin, [pod.as_bytes(), b"# caf\xe9\n"].concat()).unwrap();
    let latin = latin.display().to_string();
    let limit = place.file("limit.yaml", &pod.replace("nginx}", "nginx, resources: {limits: {memory: 64MiB}}}"));
    for (file, want) in [
        (&twice, "6:15: duplicate mapping key: name; expected each field once"),
        (&latin, "7:6: the byte 0xe9 is not UTF-8; save the file as UTF-8"),
        (
            &limit,
            "6:58: spec.containers[0].resources.limits[memory]: Invalid value: \"64MiB\": quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'; expected an amount such as 64Mi or 128M",
        ),
    ] {
        let out = place.start(&[file]).wait_with_output().unwrap();
        assert_eq!(out.status.code(), Some(1));
        assert_eq!(text(&out.stderr), format!("podscope: {file}:{want}\n"));
    }
}

#[test]
fn a_signal_to_anything_but_a_member_is_refused() {
    let place = Place::new();
    let file = place.file("p.yaml", &sleeper("p", ""));
    for (line, says) in [
        ("kill node KILL", "is not a member of a lab pod; use kill(1) for others".to_owned()),
        // a process outside of the lab is not known
        (&format!("kill {} KILL", std::process::id()), format!("there is no process {}", std::process::id())),
    ] {
        let script = place.file("s.script", &format!("wait ready\n{line}"));
        let out = podscope(&["run", &file, "--script", &script]);
        assert_eq!(out.status.code(), Some(1));
        let stderr = text(&out.stderr);
        assert!(
            stderr.contains(&says) && stderr.starts_with("podscope: ") && stderr.contains("s.script:2: "),
            "{stderr}"
        );
    }
    // the node can still run pods
    let script = place.file("s.script", "wait ready\nkill p/c KILL\nwait restarted p/c");
    assert_eq!(podscope(&["run", &file, "--script", &script]).status.code(), Some(0));
}

/// Soft and hard limit of open files of a process.
fn open_files(pid: u32) -> (String, String) {
    let limits = fs::read_to_string(format!("/proc/{pid}/limits")).unwrap();
    let line = limits.lines().find_map(|l| l.strip_prefix("Max open files")).unwrap();
    let mut words = line.split_whitespace().map(str::to_owned);
    (words.next().unwrap(), words.next().unwrap())
}

#[test]
fn many_processes_are_counted_under_a_low_limit_of_open_files_which_pods_keep() {
    const COUNT: usize = 200;
    let place = Place::new();
    let pod = format!(
        "apiVersion: v1\nkind: Pod\nmetadata: {{name: crowd}}\nspec:\n  restartPolicy: Never\n  containers:\n  - name: a\n    \
         image: busybox\n    command: [sh, -c, 'n=0; while [ $n -lt {COUNT} ]; do sleep 1000 & n=$((n+1)); done; wait']\n  \
         - name: busy\n    image: busybox\n    command: [sh, -c, 'while :; do :; done']\n"
    );
    let pod = place.file("crowd.yaml", &pod);
    // a share of the CPU is known after two scans; they must not lose any process
    let script = place.file(
        "s",
        &format!(
            "wait ready within 30s\nwait count crowd/a:sleep {COUNT} within 60s\nwait cpu crowd/busy >=1% within \
             30s\nsnapshot up.json\nsleep 600\n"
        ),
    );
    // the soft limit of 128 can be raised to at most 256
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
    assert_eq!((sleeps.len(), there), (COUNT, COUNT));
    assert_eq!(open_files(sleeps[0]), ("128".to_owned(), "256".to_owned()), "the programs of pods keep the old limit");
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
