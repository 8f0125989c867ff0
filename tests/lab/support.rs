//! A lab with the inputs that it has sent, and helpers that read /proc.

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

pub use crate::tools::{tool, wait_within, within};

pub const PATIENCE: Duration = Duration::from_secs(20);

/// A lab and everything it has reported so far.
pub struct Bench {
    pub lab: Lab,
    pub inputs: Receiver<Input>,
    pub received: Vec<Input>,
}

impl Bench {
    pub fn new() -> Self {
        Self::with(Options::default())
    }

    pub fn with(options: Options) -> Self {
        let (sender, inputs) = unbounded();
        let exe = Path::new(env!("CARGO_BIN_EXE_podscope"));
        let lab = Lab::start_with(exe, options, sender).expect("a lab starts");
        Self { lab, inputs, received: Vec::new() }
    }

    /// Receives inputs until `done` returns a value for all inputs so far.
    pub fn until<T>(&mut self, what: &str, mut done: impl FnMut(&[Input]) -> Option<T>) -> T {
        let deadline = Instant::now() + PATIENCE;
        loop {
            if let Some(found) = done(&self.received) {
                return found;
            }
            match self.inputs.recv_deadline(deadline) {
                Ok(input) => self.received.push(input),
                Err(e) => panic!("{e} after {PATIENCE:?}, waiting for {what}; received {}", last_words(&self.received)),
            }
        }
    }

    /// Waits until the last reported state of a pod fulfils a condition. Returns that state.
    pub fn pod_until(&mut self, uid: &PodUid, what: &str, done: impl Fn(&Pod) -> bool) -> Pod {
        self.until(what, |received| pods(received).remove(uid).filter(|p| done(p)))
    }

    /// Starts a pod and waits until all its containers run.
    pub fn run(&mut self, spec: PodSpec) -> Pod {
        let uid = self.lab.run(spec).expect("the pod is accepted");
        self.pod_until(&uid, "all running", |p| {
            p.containers.iter().all(|c| matches!(c.state, ContainerState::Running { .. }))
        })
    }

    pub fn exec(&self, pod: &Pod, container: &str, script: &str) -> ExecOutput {
        let argv = ["sh", "-c", script].map(str::to_owned);
        self.lab.exec(&Member::container(&pod.uid, container), &argv, PATIENCE).expect("exec works")
    }

    /// Runs a script. Returns its standard output and standard error, trimmed.
    pub fn run_script(&self, pod: &Pod, container: &str, script: &str) -> String {
        let output = self.exec(pod, container, script);
        String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).trim().to_owned()
    }

    pub fn exit_status(&mut self, id: ProcId) -> WaitStatus {
        self.until("its exit", |received| {
            received.iter().find_map(|i| match i {
                Input::Delta(Delta::Exited { id: it, status, .. }) if *it == id => *status,
                _ => None,
            })
        })
    }

    pub fn wait_removed(&mut self, uid: &PodUid) {
        self.until("its removal", |received| {
            received
                .iter()
                .find(|i| matches!(i, Input::Delta(Delta::PodRemoved { uid: it, .. }) if it == uid))
                .map(drop)
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
        self.received
            .iter()
            .filter_map(|i| match i {
                Input::Delta(Delta::Event { event }) => Some(event),
                _ => None,
            })
            .collect()
    }
}

/// The last inputs, one line each.
fn last_words(received: &[Input]) -> String {
    let tail = &received[received.len().saturating_sub(30)..];
    tail.iter().map(|i| format!("{i:?}")).collect::<Vec<_>>().join("\n  ")
}

/// The last reported state of each pod that has not been removed.
pub fn pods(received: &[Input]) -> BTreeMap<PodUid, Pod> {
    let mut pods = BTreeMap::new();
    for input in received {
        match input {
            Input::Delta(Delta::Pod { pod, .. }) => drop(pods.insert(pod.uid.clone(), (**pod).clone())),
            Input::Delta(Delta::PodRemoved { uid, .. }) => drop(pods.remove(uid)),
            _ => {}
        }
    }
    pods
}

/// A `hostPath` volume of any type.
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

/// The kinds of namespaces, as in `/proc/PID/ns`.
pub const KINDS: [&str; 8] = ["cgroup", "ipc", "mnt", "net", "pid", "time", "user", "uts"];

/// The kinds of namespaces that two processes share.
pub fn shared_kinds(a: u32, b: u32) -> Vec<&'static str> {
    KINDS.into_iter().filter(|kind| ns(a, kind) == ns(b, kind)).collect()
}

/// How many user ids are mapped for a process.
pub fn users(pid: u32) -> u64 {
    let map = fs::read_to_string(format!("/proc/{pid}/uid_map")).expect("a map");
    map.lines().filter_map(|line| line.split_whitespace().nth(2)?.parse::<u64>().ok()).sum()
}

/// A field of `/proc/PID/status`.
pub fn status_field(pid: u32, field: &str) -> Option<String> {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    status.lines().find_map(|l| Some(l.strip_prefix(field)?.strip_prefix(':')?.trim().to_owned()))
}

pub fn start_time(pid: u32) -> Option<u64> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    stat.rsplit_once(')')?.1.split_whitespace().nth(22 - 3)?.parse().ok()
}

/// Whether this process is still in the process table. Its start time tells it from another one with its pid.
pub fn exists(id: ProcId) -> bool {
    start_time(id.pid) == Some(id.start)
}

pub fn wait_for(what: &str, condition: impl FnMut() -> bool) {
    wait_within(PATIENCE, what, condition);
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

/// Sends a signal, by name or number, to a process that must exist.
pub fn kill(id: ProcId, signal: &str) {
    assert!(exists(id), "{id} has gone already");
    let signal = podscope::model::Signal::parse(signal).expect("a signal").0;
    // nix does not support real-time signals
    let done = std::process::Command::new("kill").args([format!("-{signal}"), id.pid.to_string()]).status();
    assert!(done.expect("kill runs").success());
}

/// All pids in /proc.
pub fn processes() -> Vec<u32> {
    let entries = fs::read_dir("/proc").expect("/proc").filter_map(Result::ok);
    entries.filter_map(|e| e.file_name().to_str()?.parse().ok()).collect()
}

pub fn children(parent: u32) -> Vec<u32> {
    let of_parent = |pid: &u32| status_field(*pid, "PPid").is_some_and(|p| p == parent.to_string());
    processes().into_iter().filter(of_parent).collect()
}
