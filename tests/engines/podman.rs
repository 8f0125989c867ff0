//! A real podman: as root with cgroups, as an ordinary user without.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Mutex, MutexGuard, PoisonError};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use tempfile::TempDir;

use crate::support::{PATIENCE, command, run, tool, wait_within};

/// Where podman as root keeps what it has learnt of images. It has no option for that.
const CACHE: &str = "/var/lib/containers";

/// podman with its own files and its API on a socket.
pub struct Podman {
    pub dir: TempDir,
    tools: PathBuf,
    service: Option<Child>,
    /// Whether it is to be removed at the end.
    makes_cache: bool,
    /// Two at once would remove the cache of each other.
    _alone: MutexGuard<'static, ()>,
}

static ALONE: Mutex<()> = Mutex::new(());

impl Podman {
    /// `Err` with the reason if it is not available here.
    pub fn start() -> Result<Self, String> {
        let tools = tool("engines");
        if !tools.join("podman").exists() {
            return Err(format!("{} is not there; scripts/engines puts it there", tools.display()));
        }
        let dir = tempfile::tempdir().expect("a directory");
        let write = |name: &str, text: String| {
            let path = dir.path().join(name);
            fs::create_dir_all(path.parent().expect("a directory")).expect("made");
            fs::write(path, text).expect("written");
        };
        let at = |name: &str| tools.join(name).display().to_string();
        write(
            "containers.conf",
            format!(
                "[containers]\ndefault_ulimits=[\"nofile=1024:1024\",\"nproc=4096:4096\"]\n[engine]\n\
                 cgroup_manager=\"cgroupfs\"\nruntime=\"runc\"\nevents_logger=\"file\"\nlock_type=\"file\"\n\
                 conmon_path=[{:?}]\nhelper_binaries_dir=[\"/usr/bin\"]\n[engine.runtimes]\nrunc=[{:?}]\n",
                at("conmon"),
                at("runc")
            ),
        );
        let place = |name: &str| dir.path().join(name).display().to_string();
        let storage =
            format!("[storage]\ndriver=\"vfs\"\nrunroot={:?}\ngraphroot={:?}\n", place("runroot"), place("graph"));
        write("storage.conf", storage);
        write("registries.conf", String::new());
        let policy = "{\"default\":[{\"type\":\"insecureAcceptAnything\"}]}";
        write("home/.config/containers/policy.json", policy.to_owned());
        fs::create_dir(dir.path().join("run")).expect("made");
        // a test that failed has cleaned up too
        let alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
        let makes_cache = nix::unistd::geteuid().is_root() && !Path::new(CACHE).exists();
        let mut this = Self { dir, tools, service: None, makes_cache, _alone: alone };
        this.make_image("busybox", "busybox", &["sh", "sleep"])?;
        let socket = this.dir.path().join("sock");
        let mut service = this.podman();
        service.args(["system", "service", "--time=0", &format!("unix://{}", socket.display())]);
        this.service = Some(service.spawn().map_err(|e| format!("podman's service: {e}"))?);
        wait_within(PATIENCE, "podman's socket", || std::os::unix::net::UnixStream::connect(&socket).is_ok());
        Ok(this)
    }

    fn podman(&self) -> Command {
        let at = |name: &str| self.dir.path().join(name);
        let mut podman = command(&self.tools, "podman");
        podman.env("HOME", at("home")).env("XDG_RUNTIME_DIR", at("run"));
        podman.env("CONTAINERS_CONF", at("containers.conf")).env("CONTAINERS_STORAGE_CONF", at("storage.conf"));
        podman.env("CONTAINERS_REGISTRIES_CONF", at("registries.conf"));
        for (option, dir) in [("--root", "graph"), ("--runroot", "runroot"), ("--tmpdir", "tmp")] {
            podman.arg(option).arg(at(dir));
        }
        podman.args(["--storage-driver", "vfs"]).current_dir(self.dir.path());
        podman.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        podman
    }

    /// Runs `podman` with the words of this line. Returns what it prints.
    pub fn run(&self, line: &str) -> Result<String, String> {
        self.words(&line.split(' ').collect::<Vec<_>>())
    }

    pub fn words(&self, words: &[&str]) -> Result<String, String> {
        run(self.podman().args(words).stdout(Stdio::piped()).stderr(Stdio::piped()))
    }

    /// Makes an image of one program, with links to it.
    fn make_image(&self, name: &str, program: &str, links: &[&str]) -> Result<(), String> {
        let root = self.dir.path().join("image").join(name);
        fs::create_dir_all(root.join("bin")).expect("made");
        fs::copy(self.tools.join(program), root.join("bin").join(program)).expect("copied");
        for link in links {
            symlink(program, root.join("bin").join(link)).expect("linked");
        }
        let archive = self.dir.path().join(format!("{name}.tar"));
        run(Command::new("tar").arg("-cf").arg(&archive).arg("-C").arg(&root).arg("."))?;
        self.run(&format!("import {} localhost/{name}", archive.display())).map(drop)
    }

    /// The process that keeps the namespaces of an ordinary user's containers.
    pub fn keeper(&self) -> Option<u32> {
        fs::read_to_string(self.dir.path().join("tmp/pause.pid")).ok()?.trim().parse().ok()
    }

    /// The host's pid of a container's first process.
    pub fn pid(&self, name: &str) -> u32 {
        let pid = self.run(&format!("inspect --format {{{{.State.Pid}}}} {name}"));
        pid.and_then(|pid| pid.parse().map_err(|_| pid)).expect("a pid")
    }
}

impl Drop for Podman {
    fn drop(&mut self) {
        let pods = self.run("pod ps --quiet --no-trunc").unwrap_or_default();
        // podman 4.3 removes a pod only without the others
        let _ = self.run("pod rm --force --all --time 0");
        let _ = self.run("rm --force --all --time 0");
        if let Some(service) = &mut self.service {
            let _ = kill(Pid::from_raw(service.id() as i32), Signal::SIGTERM);
            let _ = service.wait();
        }
        if let Some(pid) = self.keeper() {
            let _ = kill(Pid::from_raw(pid as i32), Signal::SIGKILL);
        }
        // podman leaves some cgroups behind; only empty ones are removed, so not those of another podman
        for hierarchy in fs::read_dir("/sys/fs/cgroup").into_iter().flatten().flatten() {
            let parent = hierarchy.path().join("libpod_parent");
            for pod in pods.lines().map(|pod| parent.join(pod)) {
                for container in fs::read_dir(&pod).into_iter().flatten().flatten() {
                    let _ = fs::remove_dir(container.path());
                }
                let _ = fs::remove_dir(pod);
            }
            let _ = fs::remove_dir(parent.join("conmon"));
            let _ = fs::remove_dir(parent);
        }
        if self.makes_cache {
            let _ = fs::remove_dir_all(CACHE);
        }
    }
}
