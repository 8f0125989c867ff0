//! What a pod's manifest says in addition to [`Pod`](super::Pod). It is only shown; nothing acts on it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// The same for all states of the pod.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    /// `metadata.namespace`.
    pub namespace: String,
    /// `spec.nodeName`: where it runs.
    pub node: String,
    pub labels: BTreeMap<String, String>,
    pub annotations: BTreeMap<String, String>,
    pub volumes: Vec<ManifestVolume>,
    /// By name.
    pub containers: BTreeMap<String, ManifestContainer>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ManifestVolume {
    pub name: String,
    pub kind: VolumeKind,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum VolumeKind {
    EmptyDir {
        memory: bool,
        /// In bytes.
        size_limit: Option<u64>,
    },
    /// Files of ConfigMaps and Secrets (`configMap`, `secret` or `projected`).
    Config,
    /// `kind` is its `type`, if it has one.
    HostPath { path: String, kind: Option<String> },
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ManifestContainer {
    pub command: Vec<String>,
    pub args: Vec<String>,
    pub ports: Vec<ManifestPort>,
    pub mounts: Vec<ManifestMount>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ManifestPort {
    pub container: u16,
    pub host: Option<u16>,
    /// `TCP`, `UDP` or `SCTP`.
    pub protocol: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ManifestMount {
    pub volume: String,
    pub path: String,
    pub read_only: bool,
    pub sub_path: Option<String>,
}
