//! A pod as the lab runs it: plain values that [`parse`] reads from a Kubernetes manifest.

mod admit;
mod change;
mod check;
mod config;
pub mod edit;
mod env;
mod images;
mod manifest;
mod parse;
pub mod security;
mod services;
mod share;
mod supported;
mod typed;
mod yaml;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

pub use change::{Change, change};
pub use config::{ConfigKind, Content, EnvFrom, Found, KeyRef, Payload, PayloadFile};
pub use env::{EnvValue, StartFacts};
pub use images::{image_name, needs_entrypoint_option, stand_in_images};
pub use manifest::{Unwritable, manifest};
pub use parse::{Pods, ReadProgram, SpecError, Warning, parse, parse_with_program};
pub use security::Security;
pub use share::{HostNamespaces, Join, JoinPid, PidNamespace, Share};

pub use crate::model::RestartPolicy;
use crate::model::SandboxKind;

/// Where a volume's files are.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum VolumeSource {
    /// A new directory in memory that lives as long as the pod, so that nothing is left behind however the node ends.
    /// With `medium: Memory`, or a limit in bytes, it is a separate tmpfs; otherwise it is a directory of the node's
    /// tmpfs.
    EmptyDir { memory: bool, size_limit: Option<u64> },
    /// Files from ConfigMaps and Secrets (`configMap`, `secret`, `projected`), read-only and in memory.
    Config(Payload),
    /// This path of the host, read-only.
    HostPath { path: String, kind: HostPathType },
}

/// `hostPath.type`: what must exist at the path. Here `*OrCreate` creates nothing, since the host is read-only.
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
    /// `sub_path` is a `subPathExpr`, in which `$(NAME)` refers to a variable of the container.
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

/// `imagePullPolicy`. No image is ever pulled; the policy only selects the events that are shown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum PullPolicy {
    Always,
    #[default]
    IfNotPresent,
    Never,
}

/// Resource limits of a container (`resources.limits`). `None`, like 0 in a manifest, is no limit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Limits {
    pub memory_bytes: Option<u64>,
    /// Thousandths of a processor.
    pub cpu_millicores: Option<u64>,
    /// Maximum number of tasks (`podscope.dev/pids`). Kubernetes has no such field: a kubelet has one limit for all
    /// pods.
    pub pids: Option<u64>,
}

/// Where a container's termination message comes from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TerminationMessage {
    /// `terminationMessagePath`: an absolute path in the container.
    pub path: String,
    /// `terminationMessagePolicy: FallbackToLogsOnError`: if the file is empty, take the end of the log.
    pub fallback_to_logs: bool,
}

impl Default for TerminationMessage {
    fn default() -> Self {
        Self { path: "/dev/termination-log".to_owned(), fallback_to_logs: false }
    }
}

/// Standard input and terminal of a container's program (`stdin`, `stdinOnce`, `tty`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stdio {
    /// Standard input stays open for attached clients. Otherwise it is empty.
    pub stdin: bool,
    /// Standard input ends when the first attached client detaches.
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
    /// In the order of the manifest; a later value may refer to an earlier one as `$(NAME)`.
    pub env: Vec<(String, EnvValue)>,
    /// Variables from whole ConfigMaps and Secrets. `env` overrides them, and later entries override earlier ones.
    pub env_from: Vec<EnvFrom>,
    /// Variables of the services of the namespace. `env` and `env_from` override them.
    pub service_env: Vec<(String, String)>,
    pub working_dir: Option<String>,
    pub ports: Vec<Port>,
    pub mounts: Vec<VolumeMount>,
    pub limits: Limits,
    pub termination: TerminationMessage,
    pub security: Security,
    pub stdio: Stdio,
    /// The namespaces of the pod that it joins, if they differ from what the pod's containers share (`share`).
    pub join: Option<Join>,
    /// An init container with `restartPolicy: Always`: it starts in its turn and runs beside the others.
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
    /// What holds the namespaces (`podscope.dev/pause`, `podscope.dev/infra`).
    pub sandbox: SandboxKind,
    /// The executable of [`SandboxKind::Own`]. The node writes it into the pod's files and keeps it only there.
    pub own_pause: Option<Content>,
    /// A host port that is taken is replaced by a free one. This holds for presets only: in a manifest of the user the
    /// port number is meant.
    pub ports_may_move: bool,
    /// Including sidecars.
    pub init_containers: Vec<ContainerSpec>,
    pub containers: Vec<ContainerSpec>,
    /// Containers that were added to the running pod to inspect it. They are never restarted, and a manifest has none.
    pub ephemeral_containers: Vec<ContainerSpec>,
    pub volumes: Vec<Volume>,
    /// The pod's `securityContext`, for containers that are added later.
    pub security: Security,
}

impl PodSpec {
    /// Init containers and sidecars in their order, then app containers, then ephemeral ones.
    pub fn all_containers(&self) -> impl Iterator<Item = &ContainerSpec> {
        self.init_containers.iter().chain(&self.containers).chain(&self.ephemeral_containers)
    }

    pub fn container(&self, name: &str) -> Option<&ContainerSpec> {
        self.all_containers().find(|c| c.name == name)
    }

    /// A copy in which this container has another command.
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

    /// For each volume that cannot be mounted, the reason in the kubelet's words.
    pub fn mount_errors(&self) -> impl Iterator<Item = String> {
        self.volumes.iter().filter_map(|volume| {
            let VolumeSource::Config(payload) = &volume.source else { return None };
            let why = payload.missing.as_ref()?;
            Some(format!("MountVolume.SetUp failed for volume \"{}\" : {why}", volume.name))
        })
    }

    /// Pairs of a port that is published on the host's loopback address and the container port behind it.
    pub fn host_ports(&self) -> impl Iterator<Item = (u16, u16)> {
        self.all_containers().flat_map(|c| &c.ports).filter_map(|p| Some((p.host?, p.container)))
    }
}

/// The default host name of a pod: its own name, cut to the 63 characters of a host name as the kubelet does it.
fn host_name(pod: &str) -> String {
    pod.chars().take(63).collect::<String>().trim_end_matches(['-', '.']).to_owned()
}
