//! A real containerd, asked as a kubelet does.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};

use futures_lite::future::block_on;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use podscope::engines::Note;
use podscope::engines::client::grpc::{drive, open};
use podscope::lab::controller::PAUSE_IMAGE;
use tempfile::TempDir;

use crate::fake::{field, number};
use crate::support::{PATIENCE, command, run, tool, wait_within};

/// The largest answer that a test expects.
const LIMIT: usize = 1 << 20;

pub struct Containerd {
    /// Its socket is `sock` in it.
    pub dir: TempDir,
    tools: PathBuf,
    daemon: Child,
    sandboxes: Vec<String>,
    uids: Vec<String>,
}

impl Containerd {
    /// `Err` with the reason if it is not available here.
    pub fn start() -> Result<Self, String> {
        if !nix::unistd::geteuid().is_root() {
            return Err("containerd needs root".to_owned());
        }
        let tools = tool("engines");
        if !tools.join("containerd").exists() {
            return Err(format!("{} is not there; scripts/engines puts it there", tools.display()));
        }
        let dir = tempfile::tempdir().expect("a directory");
        let at = |name: &str| dir.path().join(name).display().to_string();
        let cri = "plugins.\"io.containerd.grpc.v1.cri\"";
        let config = format!(
            "version = 2\nroot = {:?}\nstate = {:?}\ndisabled_plugins = [\"io.containerd.internal.v1.opt\"]\n[grpc]\n\
             address = {:?}\n[{cri}]\nsandbox_image = {PAUSE_IMAGE:?}\nrestrict_oom_score_adj = true\n\
             [{cri}.containerd]\nsnapshotter = \"native\"\n[{cri}.cni]\nconf_dir = {:?}\n",
            at("root"),
            at("state"),
            at("sock"),
            at("cni")
        );
        fs::write(dir.path().join("config.toml"), config).expect("written");
        let log = fs::File::create(dir.path().join("log")).expect("a log");
        let daemon = command(&tools, "containerd")
            .args(["--config", &at("config.toml")])
            .stdin(Stdio::null())
            .stdout(log.try_clone().expect("a log"))
            .stderr(log)
            .spawn()
            .map_err(|e| format!("containerd: {e}"))?;
        let mut this = Self { dir, tools, daemon, sandboxes: Vec::new(), uids: Vec::new() };
        let mut ended = None;
        wait_within(PATIENCE, "containerd answers", || {
            ended = this.daemon.try_wait().expect("a child");
            ended.is_some() || this.ctr(&["version"]).is_ok()
        });
        if ended.is_some() {
            let log = fs::read_to_string(this.dir.path().join("log")).unwrap_or_default();
            return Err(format!("containerd does not start: {}", log.lines().last().unwrap_or_default()));
        }
        this.make_image(PAUSE_IMAGE, "pause", |root| {
            fs::write(root.join("pause"), pause_init::ELF).expect("written");
            make_executable(&root.join("pause"));
        })?;
        let busybox = this.tools.join("busybox");
        this.make_image("docker.io/library/busybox:1", "bin/busybox", |root| {
            fs::create_dir(root.join("bin")).expect("made");
            fs::copy(busybox, root.join("bin/busybox")).expect("copied");
        })?;
        Ok(this)
    }

    fn ctr(&self, args: &[&str]) -> Result<String, String> {
        let socket = self.dir.path().join("sock");
        run(command(&self.tools, "ctr").arg("-a").arg(socket).args(["-n", "k8s.io"]).args(args))
    }

    /// Makes an image as `docker save` writes it, and imports it.
    fn make_image(&self, name: &str, entry: &str, fill: impl FnOnce(&Path)) -> Result<(), String> {
        let dir = self.dir.path().join(entry.replace('/', "-"));
        fs::create_dir_all(dir.join("root")).expect("made");
        fill(&dir.join("root"));
        let tar = |args: &[&str]| run(Command::new("tar").current_dir(&dir).args(args));
        tar(&["-cf", "layer.tar", "-C", "root", "."])?;
        let sum = run(Command::new("sha256sum").current_dir(&dir).arg("layer.tar"))?;
        let sum = sum.split(' ').next().unwrap_or_default();
        let config = format!(
            "{{\"architecture\":\"amd64\",\"os\":\"linux\",\"config\":{{\"Entrypoint\":[\"/{entry}\"]}},\
             \"rootfs\":{{\"type\":\"layers\",\"diff_ids\":[\"sha256:{sum}\"]}}}}"
        );
        let manifest = format!("[{{\"Config\":\"config.json\",\"RepoTags\":[\"{name}\"],\"Layers\":[\"layer.tar\"]}}]");
        fs::write(dir.join("config.json"), config).expect("written");
        fs::write(dir.join("manifest.json"), manifest).expect("written");
        tar(&["-cf", "image.tar", "manifest.json", "config.json", "layer.tar"])?;
        self.ctr(&["images", "import", "--snapshotter", "native", &dir.join("image.tar").display().to_string()])
            .map(drop)
    }

    /// A call of CRI.
    fn call(&self, method: &str, request: &[u8]) -> Result<Vec<u8>, Note> {
        block_on(async {
            let (channel, connection) = open(&self.dir.path().join("sock")).await?;
            drive(connection, channel.call(&format!("/runtime.v1.RuntimeService/{method}"), request, LIMIT)).await
        })
    }

    /// Starts a pod in the host's network with a container that sleeps. Returns the ids of sandbox and container.
    pub fn pod(&mut self, name: &str, uid: &str, container: &str) -> Result<(String, String), Note> {
        // `NODE` is 2; without a number a namespace is the pod's
        let namespaces = number(1, 2);
        let metadata = [field(1, name.as_bytes()), field(2, uid.as_bytes()), field(3, b"prod")].concat();
        let parent = format!("/kubepods/besteffort/pod{uid}");
        let linux = [field(1, parent.as_bytes()), field(2, &field(1, &namespaces))].concat();
        let config = [field(1, &metadata), field(8, &linux)].concat();
        self.uids.push(uid.to_owned());
        let sandbox = id(&self.call("RunPodSandbox", &field(1, &config))?);
        self.sandboxes.push(sandbox.clone());
        let security = field(2, &field(3, &namespaces));
        let container = [
            field(1, &field(1, container.as_bytes())),
            field(2, &field(1, b"docker.io/library/busybox:1")),
            field(3, b"/bin/busybox"),
            field(4, b"sleep"),
            field(4, b"1000"),
            field(15, &security),
        ]
        .concat();
        let request = [field(1, sandbox.as_bytes()), field(2, &container), field(3, &config)].concat();
        let container = id(&self.call("CreateContainer", &request)?);
        self.call("StartContainer", &field(1, container.as_bytes()))?;
        Ok((sandbox, container))
    }

    /// The host's pid of a container's first process.
    pub fn pid(&self, id: &str) -> u32 {
        let tasks = self.ctr(&["tasks", "ls"]).expect("the tasks");
        let pid = tasks.lines().find_map(|line| line.strip_prefix(id)?.split_whitespace().next()?.parse().ok());
        pid.unwrap_or_else(|| panic!("{id} is not in {tasks}"))
    }
}

/// The first field of an answer, which is a short string.
fn id(answer: &[u8]) -> String {
    String::from_utf8_lossy(answer.get(2..).unwrap_or_default()).into_owned()
}

/// A uid that no other pod of this test program has.
pub fn uid() -> String {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    format!("0c90b7b1-7f2a-4e37-9d7e-{:08x}{:04x}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed))
}

fn make_executable(path: &Path) {
    use std::os::unix::fs::PermissionsExt as _;
    fs::set_permissions(path, fs::Permissions::from_mode(0o755)).expect("executable");
}

impl Drop for Containerd {
    fn drop(&mut self) {
        for sandbox in &self.sandboxes {
            for method in ["StopPodSandbox", "RemovePodSandbox"] {
                if let Err(note) = self.call(method, &field(1, sandbox.as_bytes())) {
                    eprintln!("{method}: {note}");
                }
            }
        }
        let _ = kill(Pid::from_raw(self.daemon.id() as i32), Signal::SIGTERM);
        let _ = self.daemon.wait();
        for hierarchy in fs::read_dir("/sys/fs/cgroup").into_iter().flatten().flatten() {
            let kubepods = hierarchy.path().join("kubepods");
            for uid in &self.uids {
                let _ = fs::remove_dir(kubepods.join(format!("besteffort/pod{uid}")));
            }
            // only empty ones are removed, so not those of a kubelet
            let _ = fs::remove_dir(kubepods.join("besteffort"));
            let _ = fs::remove_dir(kubepods);
        }
    }
}
