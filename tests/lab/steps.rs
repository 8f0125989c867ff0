//! Runs the shell lines that are shown as equivalent to a step, and compares their namespace links with the lab's.

use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Child, ChildStdin, Command, Stdio};

use podscope::lab::PodSpec;
use podscope::lab::spec::{ContainerSpec, Join};
use podscope::model::{ContainerKind, ContainerState, PodUid};
use podscope::steps::{Step, equivalents};

use crate::support::{Bench, pause, process, shared_kinds, wait_for};

/// A shell that gets one line after the other. The processes that it has started are killed with it.
struct Shell {
    child: Child,
    lines: ChildStdin,
    answers: BufReader<std::process::ChildStdout>,
}

impl Shell {
    fn start() -> Self {
        let mut child = Command::new("bash")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("bash");
        let (lines, answers) = (child.stdin.take().expect("piped"), child.stdout.take().expect("piped"));
        Self { child, lines, answers: BufReader::new(answers) }
    }

    /// Runs a line. Returns the line that it prints.
    fn ask(&mut self, line: &str) -> String {
        writeln!(self.lines, "{line}").expect("it reads");
        let mut answer = String::new();
        self.answers.read_line(&mut answer).expect("it answers");
        answer.trim().to_owned()
    }

    /// Runs the line of a step. Returns the pid that it has stored in `variable`, once the process has joined all its
    /// namespaces.
    fn step(&mut self, line: &str, variable: &str) -> u32 {
        writeln!(self.lines, "{}", line.replace("/pause", "sleep 1000")).expect("it reads");
        let mut pid = 0;
        // the process exists as soon as it is cloned, and then joins one namespace after the other
        wait_for(&format!("sleep in ${variable}"), || {
            pid = self.ask(&format!("echo ${variable}")).parse().unwrap_or_default();
            std::fs::read_to_string(format!("/proc/{pid}/comm")).is_ok_and(|comm| comm == "sleep\n")
        });
        pid
    }
}

impl Drop for Shell {
    fn drop(&mut self) {
        let _ = writeln!(self.lines, "kill -KILL $(jobs -p) $PAUSE $ALL $NETWORK $APART; exit");
        let _ = self.child.wait();
    }
}

/// Needs user namespaces for the user who runs this, as the lab does, and util-linux.
#[test]
fn the_shell_lines_give_the_same_links_as_the_lab() {
    let mut bench = Bench::new();
    let uid = bench.lab.sandbox("lines").expect("a sandbox");
    let mut pod = bench.pod_until(&uid, "a sandbox", |p| p.sandbox.is_some());
    let mut shell = Shell::start();
    let mut spec = PodSpec::sandbox("lines").expect("a name");
    let line = equivalents(&Step::Sandbox { name: "lines".to_owned() }, &spec).shell;
    let by_hand = shell.step(&line, "PAUSE");
    for (name, join) in [("all", "net,ipc,uts,pid"), ("network", "net"), ("apart", "none"), ("inside", "net,pid:apart")]
    {
        let container = ContainerSpec {
            name: name.to_owned(),
            command: vec!["sleep".to_owned(), "1000".to_owned()],
            join: Join::parse(join),
            ..ContainerSpec::default()
        };
        let step = Step::Join { pod: PodUid(String::new()), container: Box::new(container.clone()), ephemeral: false };
        let theirs = shell.step(&equivalents(&step, &spec).shell, &name.to_uppercase());
        bench.lab.add_container(&uid, container.clone()).expect("it is accepted");
        pod = bench.pod_until(&uid, name, |p| {
            p.container(name).is_some_and(|c| matches!(c.state, ContainerState::Running { .. }))
        });
        let ours = process(&pod, name).pid;
        assert_eq!(shared_kinds(theirs, by_hand), shared_kinds(ours, pause(&pod).pid), "{name} joined {join}");
        spec = spec.with_container(container, ContainerKind::App);
    }
    let apart = shell.ask("echo $APART").parse().expect("a pid");
    let inside = shell.ask("echo $INSIDE").parse().expect("a pid");
    let ours = shared_kinds(process(&pod, "inside").pid, process(&pod, "apart").pid);
    assert_eq!(shared_kinds(inside, apart), ours);
}
