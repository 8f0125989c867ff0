//! Volumes, and where containers mount them.

use std::collections::BTreeSet;

use k8s_openapi::api::core::v1::{
    EmptyDirVolumeSource, HostPathVolumeSource, Volume as K8sVolume, VolumeMount as Mount,
};

use super::Checker;
use super::quantity::Quantity;
use crate::lab::spec::marked::Wrong;
use crate::lab::spec::{Volume, VolumeMount, VolumeSource};

/// `hostPath.type` (`k8s.io/api/core/v1.HostPathType`).
const HOST_PATH_TYPES: [&str; 8] =
    ["", "DirectoryOrCreate", "Directory", "FileOrCreate", "File", "Socket", "CharDevice", "BlockDevice"];

impl Checker<'_> {
    pub(super) fn volumes(&mut self, volumes: Vec<K8sVolume>) -> Result<Vec<Volume>, Wrong> {
        let mut taken = BTreeSet::new();
        let mut out = Vec::new();
        for (i, volume) in volumes.into_iter().enumerate() {
            let path = format!("spec.volumes[{i}]");
            let at = format!("{path}.name");
            self.label(&at, &volume.name)?;
            if !taken.insert(volume.name.clone()) {
                let message = format!("\"{}\" is taken by a volume above; expected another name", volume.name);
                return Err(self.wrong(&at, message));
            }
            let source = match (&volume.empty_dir, &volume.host_path) {
                (Some(dir), None) => self.empty_dir(&format!("{path}.emptyDir"), dir)?,
                (None, Some(host)) => self.host_path(&format!("{path}.hostPath"), host)?,
                (Some(_), Some(_)) => return Err(self.wrong(&path, "has two sources; expected one")),
                // one without any is an empty directory to Kubernetes too; any other source is named
                // by the list of fields
                (None, None) => VolumeSource::EmptyDir { memory: false, size_limit: None },
            };
            out.push(Volume { name: volume.name, source });
        }
        Ok(out)
    }

    fn empty_dir(&self, path: &str, dir: &EmptyDirVolumeSource) -> Result<VolumeSource, Wrong> {
        let memory = match dir.medium.as_deref() {
            None | Some("") => false,
            Some("Memory") => true,
            Some(other) => {
                let message = format!("is \"{other}\"; expected Memory, or \"\" for the node's own");
                return Err(self.wrong(&format!("{path}.medium"), message));
            }
        };
        let limit = dir.size_limit.as_ref();
        let limit =
            limit.map(|limit| self.quantity(&format!("{path}.sizeLimit"), &limit.0, "an amount such as 64Mi or 1G"));
        // to Kubernetes, 0 is no limit
        let size_limit = limit.transpose()?.map(Quantity::units).filter(|bytes| *bytes > 0);
        Ok(VolumeSource::EmptyDir { memory, size_limit })
    }

    fn host_path(&mut self, path: &str, host: &HostPathVolumeSource) -> Result<VolumeSource, Wrong> {
        self.absolute(&format!("{path}.path"), &host.path)?;
        let kind = host.type_.as_deref().unwrap_or_default();
        let at = format!("{path}.type");
        if !HOST_PATH_TYPES.contains(&kind) {
            let message = format!("is \"{kind}\"; expected one of {}", HOST_PATH_TYPES[1..].join(", "));
            return Err(self.wrong(&at, message));
        }
        if kind.ends_with("OrCreate") {
            self.warn(at, format!("is {kind}: the lab never writes to the host, so that the path must be there"));
        }
        Ok(VolumeSource::HostPath(host.path.clone()))
    }

    pub(super) fn mounts(
        &mut self,
        path: &str,
        mounts: Vec<Mount>,
        volumes: &[Volume],
    ) -> Result<Vec<VolumeMount>, Wrong> {
        let mut out: Vec<VolumeMount> = Vec::new();
        for (j, mount) in mounts.into_iter().enumerate() {
            let path = format!("{path}.volumeMounts[{j}]");
            let Some(volume) = volumes.iter().find(|v| v.name == mount.name) else {
                let known: Vec<&str> = volumes.iter().map(|v| v.name.as_str()).collect();
                let known = if known.is_empty() { "there are none".to_owned() } else { known.join(", ") };
                let message = format!("is \"{}\"; expected a volume of spec.volumes ({known})", mount.name);
                return Err(self.wrong(&format!("{path}.name"), message));
            };
            let at = format!("{path}.mountPath");
            self.absolute(&at, &mount.mount_path)?;
            if mount.mount_path.split('/').all(|part| part.is_empty() || part == ".") {
                let message = format!("is \"{}\"; expected a path below the root", mount.mount_path);
                return Err(self.wrong(&at, message));
            }
            if out.iter().any(|m| m.path == mount.mount_path) {
                return Err(self.wrong(&at, format!("{} is mounted already; expected another path", mount.mount_path)));
            }
            let asked = mount.read_only.unwrap_or(false);
            let of_host = matches!(volume.source, VolumeSource::HostPath(_));
            if of_host && !asked {
                self.warn(path, "is read-only here, as all of the host is; say so with `readOnly: true`");
            }
            out.push(VolumeMount { volume: mount.name, path: mount.mount_path, read_only: asked || of_host });
        }
        Ok(out)
    }
}
