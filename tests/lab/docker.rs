//! Compares the articles' `docker run` lines with the same steps in the lab: which namespaces are shared, what `ps`
//! shows inside, and which processes die together. The lines are the ones that the window shows as equivalent. They are
//! run unchanged.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use podscope::lab::PodSpec;
use podscope::lab::spec::{ContainerSpec, Join};
use podscope::model::{ContainerKind, ContainerState, EventReason, PodReason, PodUid, ProcId, WaitStatus};
use podscope::steps::{Step, equivalents};
use tempfile::TempDir;

use crate::support::{Bench, ns, pause, process, shared_kinds, start_time, tool, wait_for, wait_within};

/// How long the daemon may take to start. It unpacks its own containerd first.
const DAEMON_PATIENCE: Duration = Duration::from_mins(1);

/// A docker daemon for this test only: its own files and socket, no bridge and no packet filter rules.
struct Docker {
    daemon: Child,
    tools: PathBuf,
    dir: TempDir,
}

impl Docker {
    /// Starts the daemon. `Err` with the reason if docker is not available here.
    fn start() -> Result<Self, String> {
        if !nix::unistd::geteuid().is_root() {
            return Err("a docker daemon needs root".to_owned());
        }
        let tools = tool("docker");
        if !tools.join("dockerd").exists() {
            return Err(format!("{} is not there; scripts/docker puts it there", tools.display()));
        }
        let dir = tempfile::tempdir().expect("a directory");
        let at = |name: &str| dir.path().join(name).display().to_string();
        let log = fs::File::create(dir.path().join("log")).expect("a log");
        let daemon = command(&tools, "dockerd")
            .args(["--data-root", &at("data"), "--exec-root", &at("run"), "--pidfile", &at("pid")])
            .args(["--host", &format!("unix://{}", at("sock")), "--storage-driver", "vfs", "--bridge", "none"])
            .args(["--iptables=false", "--ip6tables=false", "--default-ulimit", "nofile=1024:1024"])
            .stdout(log.try_clone().expect("a log"))
            .stderr(log)
            .spawn()
            .expect("dockerd");
        let mut this = Self { daemon, tools, dir };
        let mut ended = None;
        wait_within(DAEMON_PATIENCE, "docker answers", || {
            ended = this.daemon.try_wait().expect("a child");
            ended.is_some() || this.docker("docker version").is_ok()
        });
        match ended {
            Some(_) => Err(format!("dockerd does not start: {}", this.last_words())),
            None => Ok(this),
        }
    }

    fn last_words(&self) -> String {
        let log = fs::read_to_string(self.dir.path().join("log")).unwrap_or_default();
        log.lines().rev().take(3).collect::<Vec<_>>().join("; ")
    }

    /// Runs a line that begins with `docker`. Returns its output, or why it failed.
    fn docker(&self, line: &str) -> Result<String, String> {
        assert!(line.starts_with("docker "), "{line}");
        self.shell(line)
    }

    /// Runs a line of a shell in which `docker` talks to this daemon.
    fn shell(&self, line: &str) -> Result<String, String> {
        let done = command(&self.tools, "sh")
            .args(["-c", line])
            .env("DOCKER_HOST", format!("unix://{}", self.dir.path().join("sock").display()))
            .env("DOCKER_CONFIG", self.dir.path())
            .stdin(Stdio::null())
            .output()
            .expect("sh");
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).trim().to_owned();
        if done.status.success() { Ok(text(&done.stdout)) } else { Err(format!("{line}: {}", text(&done.stderr))) }
    }

    fn run(&self, line: &str) -> String {
        self.docker(line).unwrap_or_else(|why| panic!("{why}"))
    }

    /// Makes an image from the files below a directory.
    fn import(&self, root: &Path, change: &str, name: &str) {
        let line = format!("tar -c -C '{}' . | docker import -c '{change}' - {name}", root.display());
        self.shell(&line).unwrap_or_else(|why| panic!("{why}"));
    }

    /// Makes the images that the lines name, from pause-init and busybox only.
    fn make_images(&self) {
        let root = self.dir.path().join("pause");
        fs::create_dir(&root).expect("a directory");
        fs::write(root.join("pause"), pause_init::ELF).expect("written");
        make_executable(&root.join("pause"));
        self.import(&root, r#"ENTRYPOINT ["/pause"]"#, podscope::lab::controller::PAUSE_IMAGE);
        let root = self.dir.path().join("busybox");
        fs::create_dir_all(root.join("bin")).expect("a directory");
        fs::copy(self.tools.join("busybox"), root.join("bin/busybox")).expect("copied");
        for name in ["sh", "sleep", "ps"] {
            symlink("busybox", root.join("bin").join(name)).expect("linked");
        }
        self.import(&root, r#"CMD ["sh"]"#, "busybox");
    }

    /// The first process of a container.
    fn process(&self, name: &str) -> ProcId {
        let pid = self.run(&format!("docker inspect --format {{{{.State.Pid}}}} {name}")).parse().expect("a pid");
        ProcId { pid, start: start_time(pid).expect("it runs") }
    }

    /// Whether a container runs, and its exit code.
    fn state(&self, name: &str) -> String {
        self.run(&format!("docker inspect --format '{{{{.State.Running}}}} {{{{.State.ExitCode}}}}' {name}"))
    }
}

impl Drop for Docker {
    fn drop(&mut self) {
        let _ = self.docker("docker rm --force $(docker ps --all --quiet)");
        if let Ok(pid) = i32::try_from(self.daemon.id()) {
            let _ = nix::sys::signal::kill(nix::unistd::Pid::from_raw(pid), nix::sys::signal::Signal::SIGTERM);
        }
        let _ = self.daemon.wait();
    }
}

fn command(tools: &Path, program: &str) -> Command {
    let path = std::env::var("PATH").unwrap_or_default();
    let mut command = Command::new(if program == "sh" { PathBuf::from("sh") } else { tools.join(program) });
    command.env("PATH", format!("{}:{path}", tools.display())).env("LD_LIBRARY_PATH", tools);
    command
}

fn make_executable(path: &Path) {
    use std::os::unix::fs::PermissionsExt as _;
    fs::set_permissions(path, fs::Permissions::from_mode(0o755)).expect("executable");
}

/// The command lines, without that of `ps` itself. Pids are left out: they differ, since a runtime forks more than the
/// lab does.
fn commands(ps: &str) -> BTreeSet<String> {
    let of = |line: &str| line.split_whitespace().skip(2).collect::<Vec<_>>().join(" ");
    ps.lines().skip(1).map(of).filter(|c| !c.starts_with("ps") && !c.starts_with("sh -c")).collect()
}

#[test]
fn the_articles_docker_run_lines_give_the_same_result_as_the_steps() {
    let docker = match Docker::start() {
        Ok(docker) => docker,
        Err(why) => return eprintln!("skipped: {why}"),
    };
    docker.make_images();
    let mut bench = Bench::new();
    let uid = bench.lab.sandbox("web").expect("a sandbox");
    let mut pod = bench.pod_until(&uid, "a sandbox", |p| p.sandbox.is_some());
    let mut spec = PodSpec::sandbox("web").expect("a name");
    docker.run(&equivalents(&Step::Sandbox { name: "web".to_owned() }, &spec).docker);
    let theirs_pause = docker.process("pause");

    for (name, join) in [("all", "net,ipc,pid"), ("network", "net"), ("apart", "none")] {
        let container = ContainerSpec {
            name: name.to_owned(),
            image: "busybox".to_owned(),
            command: vec!["sleep".to_owned(), "1000".to_owned()],
            join: Join::parse(join),
            ..ContainerSpec::default()
        };
        let step = Step::Join { pod: PodUid(String::new()), container: Box::new(container.clone()), ephemeral: false };
        docker.run(&equivalents(&step, &spec).docker);
        bench.lab.add_container(&uid, container.clone()).expect("it is accepted");
        pod = bench.pod_until(&uid, name, |p| {
            p.container(name).is_some_and(|c| matches!(c.state, ContainerState::Running { .. }))
        });
        // the lab's pod has a user namespace and docker's processes are in the host's, but both share it with pause;
        // docker creates no cgroup namespaces where cgroups have version 1
        let mut theirs = shared_kinds(docker.process(name).pid, theirs_pause.pid);
        let ours = shared_kinds(process(&pod, name).pid, pause(&pod).pid);
        theirs.retain(|kind| *kind != "cgroup");
        assert_eq!(ours, theirs, "{name} joined {join}");
        spec = spec.with_container(container, ContainerKind::App);
    }

    let inside = |name: &str| {
        let theirs = docker.run(&format!("docker exec {name} ps -o pid,user,args"));
        (commands(&bench.run_script(&pod, name, "ps -o pid,user,args")), commands(&theirs))
    };
    let (ours, theirs) = inside("all");
    assert_eq!(ours, BTreeSet::from(["/pause".to_owned(), "sleep 1000".to_owned()]));
    assert_eq!(ours, theirs, "from inside the shared pid namespace");
    let (ours, theirs) = inside("network");
    assert_eq!(ours, BTreeSet::from(["sleep 1000".to_owned()]));
    assert_eq!(ours, theirs, "from inside its own");

    // when a member dies, no other one does
    let (theirs, ours) = (docker.process("apart"), process(&pod, "apart"));
    crate::support::kill(theirs, "KILL");
    crate::support::kill(ours, "KILL");
    assert_eq!(bench.exit_status(ours), WaitStatus::killed(9));
    wait_for("docker notices", || docker.state("apart") == "false 137");
    assert_eq!([docker.state("all"), docker.state("network")], ["true 0", "true 0"]);

    // when pause dies, the kernel kills the members of its pid namespace, and no others
    let (all, net) = (process(&pod, "all"), ns(theirs_pause.pid, "net"));
    crate::support::kill(theirs_pause, "KILL");
    crate::support::kill(pause(&pod), "KILL");
    assert_eq!(bench.exit_status(all), WaitStatus::killed(9));
    wait_for("docker notices", || docker.state("all") == "false 137");
    assert_eq!(docker.state("network"), "true 0", "its pid namespace is its own");
    assert_eq!(ns(docker.process("network").pid, "net"), net, "it holds pause's network");
    // docker does nothing more; the lab continues as a kubelet does: the pod gets a new sandbox, so the other member is
    // stopped as well
    let killing = |bench: &Bench, name: &str| {
        let message = format!("Stopping container {name}");
        bench.events().iter().any(|e| e.reason == EventReason::Killing && e.message == message)
    };
    bench.pod_until(&uid, "a changed sandbox", |p| p.reason == Some(PodReason::SandboxChanged));
    assert!(killing(&bench, "network") && !killing(&bench, "all"), "{:?}", bench.events());
}
