//! A real docker, for the tests that compare with it.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use tempfile::TempDir;

use crate::tools::{tool, wait_within};

/// How long the daemon may take to start. It unpacks its own containerd first.
const DAEMON_PATIENCE: Duration = Duration::from_mins(1);

/// A docker daemon for this test only: its own files and socket, no bridge and no packet filter rules.
pub struct Docker {
    daemon: Child,
    tools: PathBuf,
    /// Its socket is `sock` in it.
    pub dir: TempDir,
}

impl Docker {
    /// Starts the daemon. `Err` with the reason if docker is not available here.
    pub fn start() -> Result<Self, String> {
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
    pub fn docker(&self, line: &str) -> Result<String, String> {
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

    pub fn run(&self, line: &str) -> String {
        self.docker(line).unwrap_or_else(|why| panic!("{why}"))
    }

    /// Makes an image from the files below a directory.
    fn import(&self, root: &Path, change: &str, name: &str) {
        let line = format!("tar -c -C '{}' . | docker import -c '{change}' - {name}", root.display());
        self.shell(&line).unwrap_or_else(|why| panic!("{why}"));
    }

    /// Makes the images that the lines name, from pause-init and busybox only.
    pub fn make_images(&self) {
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
