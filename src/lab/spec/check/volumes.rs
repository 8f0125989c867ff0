//! Volumes, and where containers mount them.

use std::collections::BTreeSet;

use k8s_openapi::api::core::v1::{
    EmptyDirVolumeSource, HostPathVolumeSource, Volume as K8sVolume, VolumeMount as Mount,
};

use super::Checker;
use super::downward::PodFields;
use super::quantity::Quantity;
use crate::lab::spec::yaml::PlacedError;
use crate::lab::spec::{HostPathType, Volume, VolumeMount, VolumeSource};

/// `hostPath.type` (`k8s.io/api/core/v1.HostPathType`).
const HOST_PATH_TYPES: [(&str, HostPathType); 8] = [
    ("", HostPathType::Unset),
    ("DirectoryOrCreate", HostPathType::DirectoryOrCreate),
    ("Directory", HostPathType::Directory),
    ("FileOrCreate", HostPathType::FileOrCreate),
    ("File", HostPathType::File),
    ("Socket", HostPathType::Socket),
    ("CharDevice", HostPathType::CharDevice),
    ("BlockDevice", HostPathType::BlockDevice),
];

impl Checker<'_> {
    pub(super) fn volumes(&mut self, volumes: Vec<K8sVolume>, known: &PodFields) -> Result<Vec<Volume>, PlacedError> {
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
            let source = self.source(&path, &volume, known)?;
            out.push(Volume { name: volume.name, source });
        }
        Ok(out)
    }

    fn source(&mut self, path: &str, volume: &K8sVolume, known: &PodFields) -> Result<VolumeSource, PlacedError> {
        let namespace = known.namespace.as_str();
        let mut sources = Vec::new();
        if let Some(dir) = &volume.empty_dir {
            sources.push(self.empty_dir(&format!("{path}.emptyDir"), dir)?);
        }
        if let Some(host) = &volume.host_path {
            sources.push(self.host_path(&format!("{path}.hostPath"), host)?);
        }
        if let Some(map) = &volume.config_map {
            let payload = self.config_map_volume(&format!("{path}.configMap"), map, namespace)?;
            sources.push(VolumeSource::Config(payload));
        }
        if let Some(secret) = &volume.secret {
            let payload = self.secret_volume(&format!("{path}.secret"), secret, namespace)?;
            sources.push(VolumeSource::Config(payload));
        }
        if let Some(projected) = &volume.projected {
            let payload = self.projected_volume(&format!("{path}.projected"), projected, known)?;
            sources.push(VolumeSource::Config(payload));
        }
        if let Some(downward) = &volume.downward_api {
            let payload = self.downward_volume(&format!("{path}.downwardAPI"), downward, known)?;
            sources.push(VolumeSource::Config(payload));
        }
        if sources.len() > 1 {
            return Err(self.wrong(path, "has two sources; expected one"));
        }
        // in Kubernetes too a volume without a source is an empty directory; the list of supported fields already warns
        // of any other source
        Ok(sources.pop().unwrap_or(VolumeSource::EmptyDir { memory: false, size_limit: None }))
    }

    /// Checks that something may be mounted at this path of a container.
    pub(super) fn mountable(&self, path: &str, target: &str) -> Result<(), PlacedError> {
        if target.contains(':') {
            return Err(self.invalid(path, target, "must not contain ':'", "a path without it"));
        }
        let mut parts = target.split('/').filter(|part| !part.is_empty() && *part != ".");
        if parts.next() == Some("proc") {
            // the error text of runc, `checkProcMount` in libcontainer
            let why = "cannot be mounted because it is inside /proc";
            return Err(self.invalid(path, target, why, "a path elsewhere"));
        }
        Ok(())
    }

    fn sub_path(&self, mount: &str, field: &str, value: Option<&str>) -> Result<(), PlacedError> {
        let Some(value) = value.filter(|value| !value.is_empty()) else { return Ok(()) };
        self.inside(&format!("{mount}.{field}"), value, "a path inside the volume")
    }

    /// Checks a relative path without `..` (`validateLocalDescendingPath`).
    pub(super) fn inside(&self, at: &str, value: &str, expected: &str) -> Result<(), PlacedError> {
        if value.starts_with('/') {
            return Err(self.invalid(at, value, "must be a relative path", expected));
        }
        if value.split('/').any(|part| part == "..") {
            return Err(self.invalid(at, value, "must not contain '..'", expected));
        }
        if value.contains('\0') {
            return Err(self.invalid(at, value, "must not contain a NUL byte", expected));
        }
        Ok(())
    }

    fn empty_dir(&mut self, path: &str, dir: &EmptyDirVolumeSource) -> Result<VolumeSource, PlacedError> {
        let memory = match dir.medium.as_deref() {
            None | Some("") => false,
            Some("Memory") => true,
            Some(huge) if huge == "HugePages" || huge.starts_with("HugePages-") => {
                let message = format!("is {huge}: the lab has no huge pages; ordinary memory takes their place");
                self.warn(format!("{path}.medium"), message);
                true
            }
            Some(other) => {
                let message = format!("is \"{other}\"; expected Memory, or \"\" for the node's own");
                return Err(self.wrong(&format!("{path}.medium"), message));
            }
        };
        let limit = dir.size_limit.as_ref();
        let limit =
            limit.map(|limit| self.quantity(&format!("{path}.sizeLimit"), &limit.0, "an amount such as 64Mi or 1G"));
        // in Kubernetes 0 means no limit
        let size_limit = limit.transpose()?.map(Quantity::units).filter(|bytes| *bytes > 0);
        Ok(VolumeSource::EmptyDir { memory, size_limit })
    }

    fn host_path(&mut self, path: &str, host: &HostPathVolumeSource) -> Result<VolumeSource, PlacedError> {
        self.absolute(&format!("{path}.path"), &host.path)?;
        let word = host.type_.as_deref().unwrap_or_default();
        let at = format!("{path}.type");
        let Some((_, kind)) = HOST_PATH_TYPES.iter().find(|(known, _)| *known == word) else {
            let words: Vec<&str> = HOST_PATH_TYPES[1..].iter().map(|(word, _)| *word).collect();
            return Err(self.wrong(&at, format!("is \"{word}\"; expected one of {}", words.join(", "))));
        };
        match kind {
            HostPathType::DirectoryOrCreate | HostPathType::FileOrCreate => {
                self.warn(at, format!("is {word}: the lab never writes to the host, so that the path must be there"));
            }
            HostPathType::Socket | HostPathType::CharDevice | HostPathType::BlockDevice => {
                self.warn(at, format!("is {word}: the lab gives pods no sockets or devices of the host; no container that mounts it starts"));
            }
            HostPathType::Unset | HostPathType::Directory | HostPathType::File => {}
        }
        Ok(VolumeSource::HostPath { path: host.path.clone(), kind: *kind })
    }

    pub(super) fn mounts(
        &mut self,
        path: &str,
        mounts: Vec<Mount>,
        volumes: &[Volume],
    ) -> Result<Vec<VolumeMount>, PlacedError> {
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
            self.mountable(&at, &mount.mount_path)?;
            if out.iter().any(|m| m.path == mount.mount_path) {
                return Err(self.invalid(&at, &mount.mount_path, "must be unique", "another path"));
            }
            self.sub_path(&path, "subPath", mount.sub_path.as_deref())?;
            self.sub_path(&path, "subPathExpr", mount.sub_path_expr.as_deref())?;
            let asked = mount.read_only.unwrap_or(false);
            let of_host = matches!(volume.source, VolumeSource::HostPath { .. });
            if of_host && !asked {
                self.warn(path.clone(), "is read-only here, as all of the host is; say so with `readOnly: true`");
            }
            // the kubelet always mounts ConfigMaps and Secrets read-only
            let read_only = asked || of_host || matches!(volume.source, VolumeSource::Config(_));
            let given = |path: &Option<String>| path.as_ref().is_some_and(|path| !path.is_empty());
            let is_expr = given(&mount.sub_path_expr);
            if is_expr && given(&mount.sub_path) {
                let at = format!("{path}.subPathExpr");
                let value = mount.sub_path_expr.unwrap_or_default();
                return Err(self.invalid(&at, &value, "subPathExpr and subPath are mutually exclusive", "one of them"));
            }
            let sub_path = if is_expr { mount.sub_path_expr } else { mount.sub_path };
            let sub_path = sub_path.filter(|path| path.split('/').any(|part| !part.is_empty() && part != "."));
            let is_expr = is_expr && sub_path.is_some();
            out.push(VolumeMount { volume: mount.name, path: mount.mount_path, read_only, sub_path, is_expr });
        }
        Ok(out)
    }
}
