//! Which namespaces a container shares, and with which processes.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::{ContainerSpec, PodSpec};
use crate::model::SandboxKind;

/// Namespaces that the containers of a pod share (`podscope.dev/share`); of the others each container has its own. pid
/// follows `shareProcessNamespace`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Share {
    pub net: bool,
    pub ipc: bool,
    pub uts: bool,
    pub pid: bool,
}

impl Default for Share {
    /// The default of Kubernetes.
    fn default() -> Self {
        Self { net: true, ipc: true, uts: true, pid: false }
    }
}

/// Namespaces of the node that a pod uses instead of its own.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct HostNamespaces {
    /// `hostNetwork`.
    pub net: bool,
    /// `hostPID`.
    pub pid: bool,
    /// `hostIPC`.
    pub ipc: bool,
}

/// Namespaces that one container joins; of the others it has its own. As text `net,ipc,uts,pid`, `net,pid:web` or
/// `none`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Join {
    pub net: bool,
    pub ipc: bool,
    pub uts: bool,
    pub pid: JoinPid,
}

/// The pid namespace in which a container starts.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum JoinPid {
    /// Its own, in which it is PID 1.
    #[default]
    Own,
    /// The sandbox's, in which pause is PID 1.
    Pod,
    /// Another container's (`targetContainerName`).
    Container(String),
}

impl From<Share> for Join {
    fn from(share: Share) -> Self {
        let pid = if share.pid { JoinPid::Pod } else { JoinPid::Own };
        Self { net: share.net, ipc: share.ipc, uts: share.uts, pid }
    }
}

impl Join {
    pub const NONE: Self = Self { net: false, ipc: false, uts: false, pid: JoinPid::Own };

    /// Reads `net,ipc,uts,pid`, `net,pid:web` or `none`; `None` for any other text.
    pub fn parse(text: &str) -> Option<Self> {
        let mut join = Self::NONE;
        if text.trim() == "none" {
            return Some(join);
        }
        for word in text.split(',').map(str::trim) {
            match word.split_once(':') {
                Some(("pid", target)) if super::check::is_label(target) => {
                    join.pid = JoinPid::Container(target.to_owned());
                }
                None if word == "net" => join.net = true,
                None if word == "ipc" => join.ipc = true,
                None if word == "uts" => join.uts = true,
                None if word == "pid" => join.pid = JoinPid::Pod,
                _ => return None,
            }
        }
        Some(join)
    }

    /// The container whose pid namespace it joins.
    pub fn target(&self) -> Option<&str> {
        match &self.pid {
            JoinPid::Container(name) => Some(name),
            JoinPid::Own | JoinPid::Pod => None,
        }
    }
}

impl fmt::Display for Join {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let pid = match &self.pid {
            JoinPid::Own => None,
            JoinPid::Pod => Some("pid".to_owned()),
            JoinPid::Container(name) => Some(format!("pid:{name}")),
        };
        let kinds = [("net", self.net), ("ipc", self.ipc), ("uts", self.uts)];
        let mut words: Vec<String> = kinds.iter().filter(|(_, on)| *on).map(|(kind, _)| (*kind).to_owned()).collect();
        words.extend(pid);
        f.write_str(if words.is_empty() { "none" } else { "" })?;
        f.write_str(&words.join(","))
    }
}

/// The owner of a container's pid namespace.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PidNamespace<'a> {
    /// The node's (`hostPID`).
    Node,
    /// The sandbox's: the container ends with the holder of the sandbox.
    Pod,
    /// Its own: processes that the container leaves behind end with it.
    Own,
    /// The namespace of this container, which is PID 1 there: both end together.
    Of(&'a str),
}

impl PodSpec {
    /// What a container shares: its own `join`, or else what the pod's containers share. In addition it uses the node's
    /// namespaces that the pod uses.
    pub fn join_of(&self, container: &ContainerSpec) -> Join {
        let mut join = container.join.clone().unwrap_or_else(|| self.share.into());
        join.net |= self.host.net;
        join.ipc |= self.host.ipc;
        join
    }

    /// The owner of the pid namespace of the container with this name.
    pub fn pid_namespace(&self, name: &str) -> PidNamespace<'_> {
        if self.host.pid {
            return PidNamespace::Node;
        }
        let Some(container) = self.container(name) else { return PidNamespace::Own };
        let target = match container.join.as_ref().map(|join| &join.pid) {
            None if self.share.pid => return PidNamespace::Pod,
            None | Some(JoinPid::Own) => return PidNamespace::Own,
            Some(JoinPid::Pod) => return PidNamespace::Pod,
            Some(JoinPid::Container(target)) => target,
        };
        if matches!(&self.sandbox, SandboxKind::Infra(infra) if infra == target) {
            return PidNamespace::Pod;
        }
        // a container joins only an earlier one, so this recursion ends
        match self.container(target).filter(|c| c.name != name).map(|_| self.pid_namespace(target)) {
            Some(PidNamespace::Own) | None => PidNamespace::Of(target),
            Some(other) => other,
        }
    }

    /// Whether a container is in the pid namespace of the sandbox's holder. With `shareProcessNamespace` all are.
    pub fn shares_pid_namespace(&self) -> bool {
        let in_it = |c: &ContainerSpec| self.pid_namespace(&c.name) == PidNamespace::Pod;
        !self.host.pid && (self.share.pid || self.all_containers().any(in_it))
    }
}

#[cfg(test)]
mod tests {
    use super::{Join, JoinPid, PidNamespace};
    use crate::lab::spec::{ContainerSpec, PodSpec};

    #[test]
    fn a_join_survives_writing_and_reading() {
        for text in ["none", "net", "net,ipc,uts,pid", "net,ipc,uts", "uts,pid:web", "pid:a-1"] {
            let join = Join::parse(text).unwrap_or_else(|| panic!("{text}"));
            assert_eq!(join.to_string(), text);
        }
        for wrong in ["", "mnt", "net,", "pid:", "pid:A", "net:web", "none,net", "net none"] {
            assert_eq!(Join::parse(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn a_target_leads_to_the_pid_namespace_that_it_is_in() {
        let container = |name: &str, pid: JoinPid| ContainerSpec {
            name: name.to_owned(),
            join: Some(Join { pid, ..Join::NONE }),
            ..ContainerSpec::default()
        };
        let of = |name: &str| JoinPid::Container(name.to_owned());
        let mut spec = PodSpec::sandbox("p").expect("a name");
        spec.containers = vec![
            container("shared", JoinPid::Pod),
            container("own", JoinPid::Own),
            container("a", of("shared")),
            container("b", of("own")),
            container("c", of("b")),
        ];
        for (name, want) in [
            ("shared", PidNamespace::Pod),
            ("own", PidNamespace::Own),
            ("a", PidNamespace::Pod),
            ("b", PidNamespace::Of("own")),
            ("c", PidNamespace::Of("own")),
        ] {
            assert_eq!(spec.pid_namespace(name), want, "{name}");
        }
        assert!(spec.shares_pid_namespace() && !spec.share.pid);
        spec.host.pid = true;
        assert_eq!(spec.pid_namespace("b"), PidNamespace::Node);
    }
}
