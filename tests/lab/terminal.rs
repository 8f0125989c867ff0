//! Terminals and standard input of containers, checked by what the kernel shows of them.

use std::fs;
use std::io::{Read as _, Write as _};
use std::os::fd::{AsFd as _, OwnedFd};
use std::thread;

use nix::errno::Errno;
use nix::fcntl::{FcntlArg, OFlag, fcntl};
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use podscope::lab::spec::{ContainerSpec, PodSpec, RestartPolicy, Stdio};
use podscope::lab::{LogPart, OutputStart, StreamRequest};
use podscope::model::{Member, Pod};
use podscope::sys::pty::{self, Size};

use crate::support::{Bench, container, exists, ns, pause, process, processes, spec, wait_for};

const TERMINAL: StreamRequest = StreamRequest { stdin: true, terminal: true, size: Some(Size { rows: 30, cols: 100 }) };

fn words(text: &str) -> Vec<String> {
    text.split(' ').map(str::to_owned).collect()
}

fn with(stdio: Stdio, container: ContainerSpec) -> ContainerSpec {
    ContainerSpec { stdio, ..container }
}

fn bench() -> (Bench, Pod) {
    let mut bench = Bench::new();
    let tty = Stdio { stdin: true, stdin_once: false, tty: true };
    let stdin = Stdio { tty: false, ..tty };
    let once = Stdio { stdin_once: true, ..stdin };
    let containers = vec![
        container("quiet", "exec sleep 1000"),
        with(tty, container("shell", "exec sh")),
        with(stdin, container("reader", "while read line; do echo \"read $line\"; done; echo end; exec sleep 1000")),
        with(once, container("once", "while read line; do echo \"read $line\"; done; echo end; exec sleep 1000")),
    ];
    let pod = bench.run(spec("terminal", true, containers));
    (bench, pod)
}

/// Reads until the text contains this word.
fn read_until(from: &OwnedFd, word: &str) -> String {
    let mut all = Vec::new();
    let mut buffer = [0; 4096];
    while !String::from_utf8_lossy(&all).contains(word) {
        let mut fds = [PollFd::new(from.as_fd(), PollFlags::POLLIN)];
        assert_eq!(poll(&mut fds, PollTimeout::from(20_000_u16)), Ok(1), "{word:?} did not come, only {all:?}");
        match nix::unistd::read(from, &mut buffer) {
            Ok(n @ 1..) => all.extend_from_slice(&buffer[..n]),
            Err(Errno::EAGAIN) => {}
            end => panic!("{end:?} before {word:?}: {:?}", String::from_utf8_lossy(&all)),
        }
    }
    String::from_utf8_lossy(&all).into_owned()
}

fn type_keys(into: &OwnedFd, text: &str) {
    nix::unistd::write(into, text.as_bytes()).expect("typed");
}

/// The processes in the pod's pid namespace that have this word as an argument.
fn running(pod: &Pod, word: &str) -> Vec<u32> {
    let pid_ns = ns(pause(pod).pid, "pid");
    let holds = |pid: &u32| {
        use std::os::unix::fs::MetadataExt as _;
        let inside = fs::metadata(format!("/proc/{pid}/ns/pid")).is_ok_and(|m| m.ino() == pid_ns);
        let line = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
        inside && line.split(|b| *b == 0).any(|arg| arg == word.as_bytes())
    };
    processes().into_iter().filter(holds).collect()
}

/// The fields of `/proc/PID/stat`, starting with the third.
fn stat(pid: u32) -> Vec<String> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).expect("its stat");
    stat[stat.rfind(')').expect("a name") + 2..].split(' ').map(str::to_owned).collect()
}

#[test]
fn a_program_has_its_own_terminal_and_control_keys_send_signals() {
    let (bench, pod) = bench();
    let member = Member::container(&pod.uid, "quiet");
    let (attachment, streams) = bench.lab.open_exec(&member, &words("sh"), TERMINAL).expect("started");
    let terminal = streams.terminal.expect("a terminal");
    assert!(streams.stdin.is_none() && streams.stdout.is_none() && streams.stderr.is_none());
    type_keys(&terminal, "echo at $(tty), $(stty size)\n");
    read_until(&terminal, "at /dev/pts/0, 30 100");
    pty::set_size(&terminal, Size { rows: 50, cols: 132 }).expect("resized");
    type_keys(&terminal, "stty size\n");
    read_until(&terminal, "50 132");

    type_keys(&terminal, "sleep 5151\n");
    wait_for("a sleep", || running(&pod, "5151").len() == 1);
    let sleep = running(&pod, "5151")[0];
    let stat = stat(sleep);
    // pgrp, session, tty_nr, tpgid (proc_pid_stat(5))
    assert_ne!(stat[4], "0", "it has a controlling terminal");
    assert_eq!(stat[2], stat[5], "and is in its foreground");
    type_keys(&terminal, "\u{3}");
    wait_for("Ctrl-C has ended it", || running(&pod, "5151").is_empty());
    type_keys(&terminal, "sleep 5152\n");
    wait_for("a sleep", || running(&pod, "5152").len() == 1);
    type_keys(&terminal, "\u{1a}");
    wait_for("Ctrl-Z has stopped it", || self::stat(running(&pod, "5152")[0])[0] == "T");
    type_keys(&terminal, "kill -9 %1; exit 7\n");
    type_keys(&terminal, "exit 7\n");
    let status = attachment.wait().expect("an end").expect("not left");
    assert_eq!(status.code(), 7);
    assert!(exists(process(&pod, "quiet")));
}

#[test]
fn a_closed_terminal_hangs_up_and_a_detached_one_does_not() {
    let (bench, pod) = bench();
    let member = Member::container(&pod.uid, "quiet");
    for (keep, word) in [(false, "5153"), (true, "5154")] {
        let (attachment, streams) =
            bench.lab.open_exec(&member, &words(&format!("sleep {word}")), TERMINAL).expect("started");
        wait_for("it to run", || running(&pod, word).len() == 1);
        let handle = attachment.detach_handle();
        handle.detach(keep);
        drop(streams);
        assert_eq!(attachment.wait().expect("an answer"), None);
    }
    wait_for("one ended by SIGHUP", || running(&pod, "5153").is_empty());
    // it was detached later: if its terminal had hung up, it would be gone by now
    assert_eq!(running(&pod, "5154").len(), 1);
    let left =
        bench.exec(&pod, "quiet", "kill -0 $(pgrep -f 5154) && ps -o tty= -p $(pgrep -f 'sleep 5154' | head -1)");
    assert!(String::from_utf8_lossy(&left.stdout).contains("pts/"), "{left:?}");
}

#[test]
fn without_a_terminal_all_bytes_arrive() {
    let (bench, pod) = bench();
    let member = Member::container(&pod.uid, "quiet");
    let wanted = StreamRequest { stdin: true, ..StreamRequest::default() };
    let (attachment, streams) = bench.lab.open_exec(&member, &words("cat"), wanted).expect("started");
    assert!(streams.terminal.is_none());
    let (stdin, stdout) = (streams.stdin.expect("an input"), streams.stdout.expect("an output"));
    let bytes: Vec<u8> = (0..3_000_000_u32).map(|n| (n % 251) as u8).collect();
    let sent = bytes.clone();
    let writer = thread::spawn(move || fs::File::from(stdin).write_all(&sent));
    fcntl(&stdout, FcntlArg::F_SETFL(OFlag::empty())).expect("waits");
    let mut got = Vec::new();
    fs::File::from(stdout).read_to_end(&mut got).expect("read");
    writer.join().expect("no panic").expect("all written");
    assert!(got == bytes, "{} of {} bytes", got.len(), bytes.len());
    assert_eq!(attachment.wait().expect("an end").map(podscope::model::WaitStatus::code), Some(0));
}

#[test]
fn a_failed_start_reports_the_reason() {
    let (bench, pod) = bench();
    let member = Member::container(&pod.uid, "quiet");
    for wanted in [TERMINAL, StreamRequest::default()] {
        let why = match bench.lab.open_exec(&member, &words("no-such-program"), wanted) {
            Ok((attachment, _streams)) => attachment.wait().expect_err("nothing to run"),
            Err(why) => why,
        };
        assert!(why.to_string().contains("executable file not found in $PATH"), "{why}");
    }
    let why = bench.lab.attach(&member, true, OutputStart::Now).expect_err("it reads nothing");
    assert!(why.to_string().contains("its manifest needs `stdin: true`"), "{why}");
}

#[test]
fn a_container_with_a_terminal_can_be_attached_to() {
    let (bench, pod) = bench();
    let member = Member::container(&pod.uid, "shell");
    let shell = process(&pod, "shell");
    assert_ne!(stat(shell.pid)[4], "0", "it has a controlling terminal");
    let (attachment, streams) = bench.lab.attach(&member, true, OutputStart::Now).expect("attached");
    let (input, output) = (streams.terminal.expect("its terminal"), streams.stdout.expect("its output"));
    type_keys(&input, "echo one plus one is $((1 + 1))\n");
    read_until(&output, "one plus one is 2");
    // a second client sees the same output
    let (second, streams) = bench.lab.attach(&member, false, OutputStart::Start).expect("attached");
    let also = streams.stdout.expect("its output");
    read_until(&also, "one plus one is 2");
    bench.log_until(&pod, "shell", "one plus one is 2");
    // detaching does not affect the container
    second.detach_handle().detach(false);
    drop(also);
    assert!(exists(shell));
    type_keys(&input, "exit 9\n");
    assert_eq!(attachment.wait().expect("an end").map(podscope::model::WaitStatus::code), Some(9));
}

#[test]
fn standard_input_stays_open_unless_stdin_once_is_set() {
    let (bench, pod) = bench();
    for (name, ends) in [("reader", false), ("once", true)] {
        let member = Member::container(&pod.uid, name);
        let (first, streams) = bench.lab.attach(&member, true, OutputStart::Now).expect("attached");
        let (stdin, stdout) = (streams.stdin.expect("its input"), streams.stdout.expect("its output"));
        type_keys(&stdin, "first\n");
        read_until(&stdout, "read first");
        first.detach_handle().detach(false);
        drop(stdin);
        if ends {
            bench.log_until(&pod, name, "end");
            assert!(bench.lab.attach(&member, true, OutputStart::Now).is_err());
        } else {
            let (_second, streams) = bench.lab.attach(&member, true, OutputStart::Now).expect("attached again");
            type_keys(&streams.stdin.expect("its input"), "second\n");
            bench.log_until(&pod, name, "read second");
            let log = bench.lab.logs(&member).expect("a log");
            assert!(!String::from_utf8_lossy(&log).contains("end"));
        }
    }
}

#[test]
fn a_client_that_does_not_read_does_not_block_the_container() {
    let mut bench = Bench::new();
    let script =
        "for n in 1 2 3 4 5 6 7 8 9 10; do head -c 100000 /dev/zero | tr '\\0' x; done; echo done; exec sleep 1000";
    let wait = format!("while [ ! -e /tmp/go ]; do sleep 0.02; done; {script}");
    let pod = bench.run(spec("slow", false, vec![container("writer", &wait)]));
    let member = Member::container(&pod.uid, "writer");
    let (_attachment, streams) = bench.lab.attach(&member, false, OutputStart::Now).expect("attached");
    let stdout = streams.stdout.expect("its output");
    bench.exec(&pod, "writer", "touch /tmp/go");
    // a pipe holds 64 kB, and a million bytes are written
    bench.log_until(&pod, "writer", "done");
    let text = read_until(&stdout, "done");
    assert!(text.len() > 200_000, "all that the log keeps is passed on: {} bytes", text.len());
}

#[test]
fn the_logs_of_runs_are_separate() {
    let mut bench = Bench::new();
    let script = "echo run $(cat /data/n 2>/dev/null || echo 0); echo 1 > /data/n; [ -e /data/m ] && exec sleep 1000; \
                  touch /data/m; exit 1";
    let mut runs = container("runs", script);
    runs.mounts.push(crate::support::mount("data", "/data"));
    let data = podscope::lab::spec::VolumeSource::EmptyDir { memory: false, size_limit: None };
    let again = PodSpec { restart: RestartPolicy::Always, ..spec("runs", false, vec![runs]) };
    let pod = bench.run(crate::support::with_volume(again, "data", data));
    let member = Member::container(&pod.uid, "runs");
    let log = |which| bench.lab.logs_of(&member, which).map(|log| String::from_utf8_lossy(&log).into_owned());
    bench.log_until(&pod, "runs", "run 1");
    assert_eq!(log(LogPart::Last).expect("a log"), "run 1\n");
    assert_eq!(log(LogPart::Previous).expect("a log"), "run 0\n");
    assert_eq!(log(LogPart::All).expect("a log"), "run 0\nrun 1\n");
    let pause = Member::pause(&pod.uid);
    let why = bench.lab.logs_of(&pause, LogPart::Previous).expect_err("it ran once");
    assert!(why.to_string().contains("previous terminated container"), "{why}");
}
