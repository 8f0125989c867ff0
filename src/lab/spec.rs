//! A pod as the lab runs it: plain values, read from a Kubernetes manifest by [`parse`].

mod admit;
mod change;
mod check;
mod config;
mod env;
mod images;
mod manifest;
mod marked;
mod parse;
pub mod security;
mod services;
mod share;
mod supported;
mod typed;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

pub use change::{Change, change};
pub use config::{ConfigKind, Content, EnvFrom, Found, KeyRef, Payload, PayloadFile};
pub use env::{AtStart, EnvValue};
pub use images::{image_name, needs_entrypoint_option, stand_in_images};
pub use manifest::{Unwritable, manifest};
pub use parse::{Pods, SpecError, Warning, parse, parse_beside};
pub use security::Security;
pub use share::{HostNamespaces, Join, JoinPid, PidNamespace, Share};

pub use crate::model::RestartPolicy;
use crate::model::SandboxKind;

/// Where a volume's files are.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum VolumeSource {
    /// A new directory, as old as the pod, in memory, so that nothing is left behind however the node ends. With
    /// `medium: Memory`, or a limit in bytes, it is a tmpfs of its own; otherwise it is in the node's.
    EmptyDir { memory: bool, size_limit: Option<u64> },
    /// Files of ConfigMaps and Secrets (`configMap`, `secret`, `projected`), read-only and in memory.
    Config(Payload),
    /// This path of the host, read-only.
    HostPath { path: String, kind: HostPathType },
}

/// `hostPath.type`: what must be at the path. `*OrCreate` creates nothing here, since the host is read-only.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum HostPathType {
    /// Anything.
    #[default]
    Unset,
    DirectoryOrCreate,
    Directory,
    FileOrCreate,
    File,
    Socket,
    CharDevice,
    BlockDevice,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Volume {
    pub name: String,
    pub source: VolumeSource,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct VolumeMount {
    pub volume: String,
    /// Absolute, in the container.
    pub path: String,
    pub read_only: bool,
    /// `subPath`: only this file or directory of the volume.
    pub sub_path: Option<String>,
    /// It is a `subPathExpr`, in which `$(NAME)` refers to a variable of the container.
    pub is_expr: bool,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Port {
    pub container: u16,
    pub host: Option<u16>,
    pub name: Option<String>,
    /// `TCP`, `UDP` or `SCTP`.
    pub protocol: String,
}

/// `imagePullPolicy`. No image is ever pulled; events say so in the words that go with it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum PullPolicy {
    Always,
    #[default]
    IfNotPresent,
    Never,
}

/// What a container may use at most (`resources.limits`). `None`, as 0 in a manifest, is no limit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Limits {
    pub memory_bytes: Option<u64>,
    /// Thousandths of a processor.
    pub cpu_millicores: Option<u64>,
    /// Tasks at once (`podscope.dev/pids`; Kubernetes has no such field, a kubelet bounds every pod alike).
    pub pids: Option<u64>,
}

/// Where a container's termination message comes from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TerminationMessage {
    /// `terminationMessagePath`: this file of the container, absolute.
    pub path: String,
    /// `terminationMessagePolicy: FallbackToLogsOnError`: the end of its log if the file is empty.
    pub fallback_to_logs: bool,
}

impl Default for TerminationMessage {
    fn default() -> Self {
        Self { path: "/dev/termination-log".to_owned(), fallback_to_logs: false }
    }
}

/// What a container's program reads from and writes to (`stdin`, `stdinOnce`, `tty`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stdio {
    /// Standard input stays open; whoever attaches writes to it. Otherwise there is nothing to read.
    pub stdin: bool,
    /// It ends when the first who has attached to it goes.
    pub stdin_once: bool,
    pub tty: bool,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ContainerSpec {
    pub name: String,
    pub image: String,
    pub pull: PullPolicy,
    pub command: Vec<String>,
    pub args: Vec<String>,
    /// In the order given; a later value may refer to an earlier one as `$(NAME)`.
    pub env: Vec<(String, EnvValue)>,
    /// Variables that stand back behind these, later ones before earlier ones.
    pub env_from: Vec<EnvFrom>,
    /// Variables of the services of its namespace, which stand back behind its own.
    pub service_env: Vec<(String, String)>,
    pub working_dir: Option<String>,
    pub ports: Vec<Port>,
    pub mounts: Vec<VolumeMount>,
    pub limits: Limits,
    pub termination: TerminationMessage,
    pub security: Security,
    pub stdio: Stdio,
    /// The namespaces of the pod that it shares, where they are not those that the pod's containers share (`share`).
    pub join: Option<Join>,
    /// An init container with `restartPolicy: Always`: started in its turn, and runs beside the others.
    pub sidecar: bool,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PodSpec {
    pub name: String,
    pub namespace: String,
    pub labels: BTreeMap<String, String>,
    pub annotations: BTreeMap<String, String>,
    pub hostname: String,
    pub share: Share,
    pub host: HostNamespaces,
    pub restart: RestartPolicy,
    /// `terminationGracePeriodSeconds`.
    pub grace_seconds: u32,
    /// What holds the namespaces (`podscope.dev/pause` and `podscope.dev/infra`).
    pub sandbox: SandboxKind,
    /// The executable of [`SandboxKind::Own`]. The node writes it into the pod's files and keeps it there alone.
    pub own_pause: Option<Content>,
    /// A host port that is taken gives way to another one. So it is with presets; who writes a manifest means the port.
    pub ports_may_move: bool,
    /// Sidecars among them.
    pub init_containers: Vec<ContainerSpec>,
    pub containers: Vec<ContainerSpec>,
    /// Those that were added to the running pod to look into it, and that are never restarted; none in a manifest.
    pub ephemeral_containers: Vec<ContainerSpec>,
    pub volumes: Vec<Volume>,
    /// The pod's `securityContext`, for containers that are added later.
    pub security: Security,
}

impl PodSpec {
    /// Init containers and sidecars in their order, then the others, then ephemeral ones.
    pub fn all_containers(&self) -> impl Iterator<Item = &ContainerSpec> {
        self.init_containers.iter().chain(&self.containers).chain(&self.ephemeral_containers)
    }

    pub fn container(&self, name: &str) -> Option<&ContainerSpec> {
        self.all_containers().find(|c| c.name == name)
    }

    /// The same with another command in this container.
    ///
    /// # Errors
    /// There is no such container, or it is an ephemeral one.
    pub fn with_command(&self, container: &str, argv: &[String]) -> Result<Self, String> {
        if self.ephemeral_containers.iter().any(|c| c.name == container) {
            // `ValidatePodEphemeralContainersUpdate` in pkg/apis/core/validation
            let why = format!("Forbidden: existing ephemeral containers \"{container}\" may not be changed");
            return Err(format!("spec.ephemeralContainers: {why}"));
        }
        let mut spec = self.clone();
        let found = spec.init_containers.iter_mut().chain(&mut spec.containers).find(|c| c.name == container);
        let found = found.ok_or_else(|| format!("pod {} has no container {container}", self.name))?;
        found.command = argv.to_vec();
        found.args.clear();
        Ok(spec)
    }

    /// Why its volumes cannot be made, for each that cannot, in the kubelet's words.
    pub fn unmountable(&self) -> impl Iterator<Item = String> {
        self.volumes.iter().filter_map(|volume| {
            let VolumeSource::Config(payload) = &volume.source else { return None };
            let why = payload.missing.as_ref()?;
            Some(format!("MountVolume.SetUp failed for volume \"{}\" : {why}", volume.name))
        })
    }

    /// Ports published on the host's loopback, each with the container port behind it.
    pub fn host_ports(&self) -> impl Iterator<Item = (u16, u16)> {
        self.all_containers().flat_map(|c| &c.ports).filter_map(|p| Some((p.host?, p.container)))
    }
}

/// The host name of a pod that asks for none: its own name, of which a host name has room for 63
/// characters (the kubelet cuts it as well).
fn host_name(pod: &str) -> String {
    pod.chars().take(63).collect::<String>().trim_end_matches(['-', '.']).to_owned()
}
