//! A pod as the lab runs it: plain values, read from a Kubernetes manifest by [`parse`].

mod change;
mod check;
mod marked;
mod parse;
mod supported;
mod typed;

use serde::{Deserialize, Serialize};

pub use change::{Change, change};
pub use parse::{SpecError, Warning, parse};

pub use crate::model::RestartPolicy;
use crate::model::{Program, SandboxKind};

/// Where a volume's files are.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum VolumeSource {
    /// A new directory, as old as the pod. With `medium: Memory` a tmpfs of its own, of this many bytes
    /// at most; otherwise in the node's tmpfs, so that nothing is left behind however the node ends.
    EmptyDir { memory: bool, size_limit: Option<u64> },
    /// This path of the host, read-only.
    HostPath(String),
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
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Port {
    pub container: u16,
    pub host: Option<u16>,
    pub name: Option<String>,
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

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ContainerSpec {
    pub name: String,
    pub image: String,
    pub command: Vec<String>,
    pub args: Vec<String>,
    /// In the order given; a later value may refer to an earlier one as `$(NAME)`.
    pub env: Vec<(String, String)>,
    pub working_dir: Option<String>,
    pub ports: Vec<Port>,
    pub mounts: Vec<VolumeMount>,
    pub limits: Limits,
    /// An init container with `restartPolicy: Always`: started in its turn, and runs beside the others.
    pub sidecar: bool,
}

/// Namespaces that the containers of a pod have in common (`podscope.dev/share`); the others are each
/// container's own. pid follows `shareProcessNamespace`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Share {
    pub net: bool,
    pub ipc: bool,
    pub uts: bool,
    pub pid: bool,
}

impl Default for Share {
    /// As Kubernetes has it.
    fn default() -> Self {
        Self { net: true, ipc: true, uts: true, pid: false }
    }
}

/// Namespaces of the node that a pod uses in place of its own.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct HostNamespaces {
    /// `hostNetwork`.
    pub net: bool,
    /// `hostPID`.
    pub pid: bool,
    /// `hostIPC`.
    pub ipc: bool,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PodSpec {
    pub name: String,
    pub namespace: String,
    pub hostname: String,
    pub share: Share,
    pub host: HostNamespaces,
    pub restart: RestartPolicy,
    /// `terminationGracePeriodSeconds`.
    pub grace_seconds: u32,
    /// What holds the namespaces (`podscope.dev/pause` and `podscope.dev/infra`).
    pub sandbox: SandboxKind,
    /// Sidecars among them.
    pub init_containers: Vec<ContainerSpec>,
    pub containers: Vec<ContainerSpec>,
    pub volumes: Vec<Volume>,
}

impl PodSpec {
    /// Init containers and sidecars in their order, then the others.
    pub fn all_containers(&self) -> impl Iterator<Item = &ContainerSpec> {
        self.init_containers.iter().chain(&self.containers)
    }

    /// The pod has a pid namespace of its own, and what holds the sandbox is its PID 1.
    pub fn shares_pid_namespace(&self) -> bool {
        self.share.pid && !self.host.pid
    }

    pub fn container(&self, name: &str) -> Option<&ContainerSpec> {
        self.all_containers().find(|c| c.name == name)
    }

    /// The same with another command in this container; `None` if there is no such one.
    pub fn with_command(&self, container: &str, argv: &[String]) -> Option<Self> {
        let mut spec = self.clone();
        let found = spec.init_containers.iter_mut().chain(&mut spec.containers).find(|c| c.name == container)?;
        found.command = argv.to_vec();
        found.args.clear();
        Some(spec)
    }

    /// Ports published on the host's loopback, each with the container port behind it.
    pub fn host_ports(&self) -> impl Iterator<Item = (u16, u16)> {
        self.all_containers().flat_map(|c| &c.ports).filter_map(|p| Some((p.host?, p.container)))
    }
}

/// The images that have a stand-in, by their last path element, and the applet it is. The last four
/// are no one else's images: `podscope/zombies` and so on.
pub const STAND_INS: [(&str, &str); 12] = [
    ("nginx", "web"),
    ("httpd", "web"),
    ("caddy", "web"),
    ("busybox", "client"),
    ("curl", "client"),
    ("alpine", "client"),
    ("ghost", "blog"),
    ("zombies", "zombies"),
    ("crash", "crash"),
    ("waiter", "waiter"),
    ("deaf", "deaf"),
    ("hand", "hand"),
];

/// The host name of a pod that asks for none: its own name, of which a host name has room for 63
/// characters (the kubelet cuts it as well).
fn host_name(pod: &str) -> String {
    pod.chars().take(63).collect::<String>().trim_end_matches(['-', '.']).to_owned()
}

/// `docker.io/library/nginx:1.29@sha256:…` is `nginx`.
pub fn image_name(image: &str) -> &str {
    let path = image.split('@').next().unwrap_or(image);
    let last = path.rsplit('/').next().unwrap_or(path);
    last.split(':').next().unwrap_or(last)
}

impl ContainerSpec {
    /// What is started in place of the image; `None` if there is no such stand-in and no command.
    pub fn program(&self) -> Option<Program> {
        if !self.command.is_empty() {
            return Some(Program::Host);
        }
        let name = image_name(&self.image);
        STAND_INS.iter().find(|(image, _)| *image == name).map(|(_, applet)| Program::StandIn((*applet).to_owned()))
    }

    /// Command and arguments with `$(NAME)` filled in from the environment, as Kubernetes does.
    pub fn argv(&self) -> Vec<String> {
        let env = self.environment();
        self.command.iter().chain(&self.args).map(|word| expand(word, &env)).collect()
    }

    /// The spec's own environment with `$(NAME)` filled in from what stands before.
    pub fn environment(&self) -> Vec<(String, String)> {
        let mut known: Vec<(String, String)> = Vec::new();
        for (name, value) in &self.env {
            let value = expand(value, &known);
            known.push((name.clone(), value));
        }
        known
    }
}

/// `$(NAME)` becomes the value, `$$` a dollar sign; a name that is not set stays as written
/// (the rules of `k8s.io/kubernetes/third_party/forked/golang/expansion`).
fn expand(text: &str, env: &[(String, String)]) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('$') {
        out.push_str(&rest[..at]);
        let after = &rest[at + 1..];
        if let Some(tail) = after.strip_prefix('$') {
            out.push('$');
            rest = tail;
        } else if let Some((name, tail)) = after.strip_prefix('(').and_then(|a| a.split_once(')')) {
            match env.iter().rev().find(|(known, _)| known == name) {
                Some((_, value)) => out.push_str(value),
                None => out.push_str(&rest[at..rest.len() - tail.len()]),
            }
            rest = tail;
        } else {
            out.push('$');
            rest = after;
        }
    }
    out.push_str(rest);
    out
}

#[cfg(test)]
mod tests {
    use super::{expand, image_name};

    #[test]
    fn an_image_is_known_by_its_last_name() {
        for image in ["nginx", "nginx:1.29", "docker.io/library/nginx:1.29@sha256:00", "localhost:5000/nginx"] {
            assert_eq!(image_name(image), "nginx", "{image}");
        }
    }

    #[test]
    fn variables_expand_as_in_kubernetes() {
        let env = [("A".to_owned(), "1".to_owned()), ("B".to_owned(), "x$(A)".to_owned())];
        for (text, want) in [
            ("$(A)", "1"),
            ("a$(A)b$(A)", "a1b1"),
            ("$(C)", "$(C)"),
            ("$$(A)", "$(A)"),
            ("$A $ $(A", "$A $ $(A"),
            ("$(B)", "x$(A)"),
            ("", ""),
        ] {
            assert_eq!(expand(text, &env), want, "{text}");
        }
    }
}
