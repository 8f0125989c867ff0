//! The displayed part of a pod's manifest.

use std::sync::Arc;

use super::PodState;
use crate::lab::spec::{ContainerSpec, HostPathType, PodSpec, VolumeSource};
use crate::model::{Manifest, ManifestContainer, ManifestMount, ManifestPort, ManifestVolume, VolumeKind};

pub(super) fn of(spec: &PodSpec, node: &str) -> Manifest {
    let volume = |v: &crate::lab::spec::Volume| ManifestVolume { name: v.name.clone(), kind: kind(&v.source) };
    Manifest {
        namespace: spec.namespace.clone(),
        node: node.to_owned(),
        labels: spec.labels.clone(),
        annotations: spec.annotations.clone(),
        volumes: spec.volumes.iter().map(volume).collect(),
        containers: spec.all_containers().map(|c| (c.name.clone(), container(c))).collect(),
    }
}

impl PodState {
    /// Updates the displayed manifest after the spec has changed.
    pub(super) fn refresh_manifest(&mut self) {
        let node = self.pod.manifest.as_ref().map(|m| m.node.clone()).unwrap_or_default();
        self.pod.manifest = Some(Arc::new(of(&self.spec, &node)));
    }
}

fn container(spec: &ContainerSpec) -> ManifestContainer {
    let port = |p: &crate::lab::spec::Port| ManifestPort {
        container: p.container,
        host: p.host,
        protocol: p.protocol.clone(),
    };
    let mount = |m: &crate::lab::spec::VolumeMount| ManifestMount {
        volume: m.volume.clone(),
        path: m.path.clone(),
        read_only: m.read_only,
        sub_path: m.sub_path.clone(),
    };
    ManifestContainer {
        command: spec.command.clone(),
        args: spec.args.clone(),
        ports: spec.ports.iter().map(port).collect(),
        mounts: spec.mounts.iter().map(mount).collect(),
    }
}

fn kind(source: &VolumeSource) -> VolumeKind {
    match source {
        VolumeSource::EmptyDir { memory, size_limit } => {
            VolumeKind::EmptyDir { memory: *memory, size_limit: *size_limit }
        }
        VolumeSource::Config(_) => VolumeKind::Config,
        VolumeSource::HostPath { path, kind } => {
            let kind = (*kind != HostPathType::Unset).then(|| format!("{kind:?}"));
            VolumeKind::HostPath { path: path.clone(), kind }
        }
    }
}
