//! A lab, what it has reported, and readings of /proc.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, unbounded};
use podscope::lab::spec::{
    ContainerSpec, HostNamespaces, HostPathType, PodSpec, RestartPolicy, Security, Share, Volume, VolumeMount,
    VolumeSource,
};
use podscope::lab::{ExecOutput, Lab, Options};
use podscope::model::{ContainerState, Delta, Member, Pod, PodEvent, PodUid, ProcId, SandboxKind, WaitStatus};
use podscope::observe::Input;

pub const PATIENCE: Duration = Duration::from_secs(20);

/// A lab and everything it has said so far.
pub struct Bench {
    pub lab: Lab,
    pub inputs: Receiver<Input>,
    pub heard: Vec<Input>,
}

impl Bench {
    pub fn new() -> Self {
        Self::with(Options::default())
    }

    pub fn with(options: Options) -> Self {
        let (tell, inputs) = unbounded();
        let exe = Path::new(env!("CARGO_BIN_EXE_podscope"));
        let lab = Lab::start_with(exe, options, tell).expect("a lab starts");
        Self { lab, inputs, heard: Vec::new() }
    }

    /// Listens until `done` finds in all that was said what it looks for.
    pub fn until<T>(&mut self, what: &str, mut done: impl FnMut(&[Input]) -> Option<T>) -> T {
        let deadline = Instant::now() + PATIENCE;
        loop {
            if let Some(found) = done(&self.heard) {
                return found;
            }
            match self.inputs.recv_deadline(deadline) {
                Ok(input) => self.heard.push(input),
                Err(e) => panic!("{e} after {PATIENCE:?}, waiting for {what}; heard {}", last_words(&self.heard)),
            }
        }
    }

    /// The pod's status as last told.
    pub fn pod_until(&mut self, uid: &PodUid, what: &str, done: impl Fn(&Pod) -> bool) -> Pod {
        self.until(what, |heard| pods(heard).remove(uid).filter(|p| done(p)))
    }

    /// Starts a pod and waits until all its containers run.
    pub fn run(&mut self, spec: PodSpec) -> Pod {
        let uid = self.lab.run(spec).expect("the pod is taken");
        self.pod_until(&uid, "all running", |p| {
            p.containers.iter().all(|c| matches!(c.state, ContainerState::Running { .. }))
        })
    }

    pub fn exec(&self, pod: &Pod, container: &str, script: &str) -> ExecOutput {
        let argv = ["sh", "-c", script].map(str::to_owned);
        self.lab.exec(&Member::container(&pod.uid, container), &argv, PATIENCE).expect("exec works")
    }

    /// What a script writes, to both streams.
    pub fn say(&self, pod: &Pod, container: &str, script: &str) -> String {
        let output = self.exec(pod, container, script);
        String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).trim().to_owned()
    }

    pub fn exit_status(&mut self, id: ProcId) -> WaitStatus {
        self.until("its exit", |heard| {
            heard.iter().find_map(|i| match i {
                Input::Delta(Delta::Exited { id: it, status, .. }) if *it == id => *status,
                _ => None,
            })
        })
    }

    pub fn removed(&mut self, uid: &PodUid) {
        self.until("its removal", |heard| {
            heard.iter().find(|i| matches!(i, Input::Delta(Delta::PodRemoved { uid: it, .. }) if it == uid)).map(drop)
        });
    }

    pub fn log_until(&self, pod: &Pod, container: &str, word: &str) {
        self.log_until_of(&Member::container(&pod.uid, container), word);
    }

    pub fn log_until_of(&self, member: &Member, word: &str) {
        wait_for(word, || {
            let log = self.lab.logs(member).expect("a log");
            String::from_utf8_lossy(&log).contains(word)
        });
    }

    pub fn events(&self) -> Vec<&PodEvent> {
        self.heard
            .iter()
            .filter_map(|i| match i {
                Input::Delta(Delta::Event { event }) => Some(event),
                _ => None,
            })
            .collect()
    }
}

/// The end of what was heard, one line each.
fn last_words(heard: &[Input]) -> String {
    let tail = &heard[heard.len().saturating_sub(30)..];
    tail.iter().map(|i| format!("{i:?}")).collect::<Vec<_>>().join("\n  ")
}

/// The pods as last told; removed ones are not there.
pub fn pods(heard: &[Input]) -> BTreeMap<PodUid, Pod> {
    let mut pods = BTreeMap::new();
    for input in heard {
        match input {
            Input::Delta(Delta::Pod { pod, .. }) => drop(pods.insert(pod.uid.clone(), (**pod).clone())),
            Input::Delta(Delta::PodRemoved { uid, .. }) => drop(pods.remove(uid)),
            _ => {}
        }
    }
    pods
}

/// Any file or directory of the host.
pub fn host_path(path: impl Into<String>) -> VolumeSource {
    VolumeSource::HostPath { path: path.into(), kind: HostPathType::Unset }
}

pub fn pause(pod: &Pod) -> ProcId {
    pod.sandbox.as_ref().and_then(|s| s.process).expect("a pause")
}

pub fn process(pod: &Pod, container: &str) -> ProcId {
    pod.container(container).and_then(|c| c.process).expect("a process")
}

pub fn ns(pid: u32, kind: &str) -> u64 {
    fs::metadata(format!("/proc/{pid}/ns/{kind}")).unwrap_or_else(|e| panic!("ns/{kind} of {pid}: {e}")).ino()
}

/// A field of `/proc/PID/status`.
/// How many users a process can tell from each other.
pub fn users(pid: u32) -> u64 {
    let map = fs::read_to_string(format!("/proc/{pid}/uid_map")).expect("a map");
    map.lines().filter_map(|line| line.split_whitespace().nth(2)?.parse::<u64>().ok()).sum()
}

pub fn status_field(pid: u32, field: &str) -> Option<String> {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    status.lines().find_map(|l| Some(l.strip_prefix(field)?.strip_prefix(':')?.trim().to_owned()))
}

pub fn start_time(pid: u32) -> Option<u64> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    stat.rsplit_once(')')?.1.split_whitespace().nth(22 - 3)?.parse().ok()
}

/// Whether this very process is still in the process table.
pub fn exists(id: ProcId) -> bool {
    start_time(id.pid) == Some(id.start)
}

pub fn wait_for(what: &str, condition: impl FnMut() -> bool) {
    wait_within(PATIENCE, what, condition);
}

pub fn wait_within(limit: Duration, what: &str, condition: impl FnMut() -> bool) {
    assert!(within(limit, condition), "not within {limit:?}: {what}");
}

/// Whether it comes true in that time.
pub fn within(limit: Duration, mut condition: impl FnMut() -> bool) -> bool {
    let deadline = Instant::now() + limit;
    while !condition() {
        if Instant::now() >= deadline {
            return false;
        }
        std::thread::sleep(Duration::from_millis(2));
    }
    true
}

pub fn container(name: &str, script: &str) -> ContainerSpec {
    ContainerSpec {
        name: name.to_owned(),
        image: "busybox".to_owned(),
        command: ["sh", "-c", script].map(str::to_owned).to_vec(),
        ..ContainerSpec::default()
    }
}

pub fn spec(name: &str, share_pid: bool, containers: Vec<ContainerSpec>) -> PodSpec {
    PodSpec {
        name: name.to_owned(),
        namespace: "default".to_owned(),
        labels: BTreeMap::new(),
        annotations: BTreeMap::new(),
        hostname: name.to_owned(),
        share: Share { pid: share_pid, ..Share::default() },
        host: HostNamespaces::default(),
        restart: RestartPolicy::Never,
        grace_seconds: 30,
        sandbox: SandboxKind::Pause,
        own_pause: None,
        ports_may_move: false,
        init_containers: Vec::new(),
        containers,
        ephemeral_containers: Vec::new(),
        volumes: Vec::new(),
        security: Security::default(),
    }
}

pub fn with_volume(mut spec: PodSpec, name: &str, source: VolumeSource) -> PodSpec {
    spec.volumes.push(Volume { name: name.to_owned(), source });
    spec
}

pub fn mount(volume: &str, path: &str) -> VolumeMount {
    VolumeMount { volume: volume.to_owned(), path: path.to_owned(), read_only: false, sub_path: None, is_expr: false }
}

/// Sends a signal, by name or number, to this very process.
pub fn kill(id: ProcId, signal: &str) {
    assert!(exists(id), "{id} has gone already");
    let signal = podscope::model::Signal::parse(signal).expect("a signal").0;
    // nix knows no real-time signals
    let done = std::process::Command::new("kill").args([format!("-{signal}"), id.pid.to_string()]).status();
    assert!(done.expect("kill runs").success());
}

/// Every pid there is.
pub fn processes() -> Vec<u32> {
    let entries = fs::read_dir("/proc").expect("/proc").filter_map(Result::ok);
    entries.filter_map(|e| e.file_name().to_str()?.parse().ok()).collect()
}

pub fn children(parent: u32) -> Vec<u32> {
    let of_parent = |pid: &u32| status_field(*pid, "PPid").is_some_and(|p| p == parent.to_string());
    processes().into_iter().filter(of_parent).collect()
}
