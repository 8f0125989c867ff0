//! What types alone do not tell: names that must be there, be unique, or refer to something.

use std::collections::BTreeSet;

use k8s_openapi::api::core::v1::{Container, Pod, PodSpec as K8sSpec, Volume as K8sVolume};

use super::marked::{Marked, Place};
use super::parse::Warning;
use super::{ContainerSpec, PodSpec, Port, RestartPolicy, Volume, VolumeMount, VolumeSource};
use crate::model::SandboxKind;

/// A place and what is wrong there.
type Wrong = (Place, String);

/// Annotations that the lab reads begin with this.
const OURS: &str = "podscope.dev/";

pub struct Checker<'a> {
    pub document: &'a Marked,
    pub warnings: Vec<Warning>,
}

impl Checker<'_> {
    fn wrong(&self, path: &str, message: impl Into<String>) -> Wrong {
        (self.document.place_of(path), format!("{path} {}", message.into()))
    }

    fn warn(&mut self, path: String, message: &str) {
        let Place { line, column } = self.document.place_of(&path);
        self.warnings.push(Warning { path, line, column, message: message.to_owned() });
    }

    pub fn pod(&mut self, pod: Pod) -> Result<PodSpec, Wrong> {
        let name = pod.metadata.name.unwrap_or_default();
        self.subdomain("metadata.name", &name)?;
        let spec = pod.spec.ok_or_else(|| self.wrong("spec", "is missing; expected at least `containers`"))?;
        let hostname = match &spec.hostname {
            Some(hostname) => {
                self.label("spec.hostname", hostname)?;
                hostname.clone()
            }
            // a host name has at most 63 characters (the kubelet cuts it as well)
            None => name.chars().take(63).collect::<String>().trim_end_matches(['-', '.']).to_owned(),
        };
        let pause = self.annotations(pod.metadata.annotations.unwrap_or_default())?;
        let volumes = self.volumes(spec.volumes.as_deref().unwrap_or_default())?;
        let names: BTreeSet<&str> = volumes.iter().map(|v| v.name.as_str()).collect();
        let mut taken = BTreeSet::new();
        let init = spec.init_containers.clone().unwrap_or_default();
        let init_containers = self.containers("spec.initContainers", init, &names, &mut taken)?;
        let containers = self.containers("spec.containers", spec.containers.clone(), &names, &mut taken)?;
        if containers.is_empty() {
            return Err(self.wrong("spec.containers", "is empty; expected at least one container"));
        }
        let grace = spec.termination_grace_period_seconds.unwrap_or(30);
        let grace_seconds = u32::try_from(grace)
            .map_err(|_| self.wrong("spec.terminationGracePeriodSeconds", format!("is {grace}; expected 0 or more")))?;
        let restart = self.restart(&spec)?;
        self.not_yet(&spec, &init_containers);
        Ok(PodSpec {
            name,
            namespace: pod.metadata.namespace.unwrap_or_else(|| "default".to_owned()),
            hostname,
            share: super::Share { pid: spec.share_process_namespace.unwrap_or(false), ..super::Share::default() }, host: super::HostNamespaces::default(),
            restart,
            grace_seconds,
            sandbox: pause,
            init_containers,
            containers,
            volumes,
        })
    }

    /// What is read and will be heeded one day, but is not by this version.
    fn not_yet(&mut self, spec: &K8sSpec, init: &[ContainerSpec]) {
        if !init.is_empty() {
            self.warn("spec.initContainers".to_owned(), "are not run by this version");
        }
        for (i, container) in spec.containers.iter().enumerate() {
            for (j, port) in container.ports.iter().flatten().enumerate() {
                if port.host_port.is_some() {
                    let path = format!("spec.containers[{i}].ports[{j}].hostPort");
                    self.warn(path, "is not published by this version");
                }
            }
        }
        if matches!(spec.restart_policy.as_deref(), Some("Always" | "OnFailure")) {
            self.warn("spec.restartPolicy".to_owned(), "is not heeded by this version: what has ended stays so");
        }
    }

    fn restart(&self, spec: &K8sSpec) -> Result<RestartPolicy, Wrong> {
        match spec.restart_policy.as_deref() {
            None | Some("Always") => Ok(RestartPolicy::Always),
            Some("OnFailure") => Ok(RestartPolicy::OnFailure),
            Some("Never") => Ok(RestartPolicy::Never),
            Some(other) => {
                Err(self.wrong("spec.restartPolicy", format!("is \"{other}\"; expected Always, OnFailure or Never")))
            }
        }
    }

    fn annotations(&mut self, all: std::collections::BTreeMap<String, String>) -> Result<SandboxKind, Wrong> {
        let mut kind = SandboxKind::Pause;
        for (key, value) in all {
            let Some(ours) = key.strip_prefix(OURS) else { continue };
            let place = self.annotation_place(&key);
            if ours == "pause" {
                kind = pause_kind(&value).ok_or_else(|| {
                    let expected = "expected reap, no-reap, or delay= with milliseconds such as delay=200ms";
                    (place, format!("metadata.annotations {key} is \"{value}\"; {expected}"))
                })?;
            } else {
                let Place { line, column } = place;
                let path = format!("metadata.annotations.{key}");
                let message = "is not an annotation that this version knows; it has no effect".to_owned();
                self.warnings.push(Warning { path, line, column, message });
            }
        }
        Ok(kind)
    }

    /// Its key has dots of its own, so no path leads there.
    fn annotation_place(&self, key: &str) -> Place {
        let annotations = self.document.get("metadata").and_then(|m| m.get("annotations"));
        annotations.and_then(|a| a.get(key)).unwrap_or(self.document).place
    }

    fn volumes(&mut self, volumes: &[K8sVolume]) -> Result<Vec<Volume>, Wrong> {
        let mut taken = BTreeSet::new();
        let mut out = Vec::new();
        for (i, volume) in volumes.iter().enumerate() {
            let path = format!("spec.volumes[{i}]");
            self.label(&format!("{path}.name"), &volume.name)?;
            if !taken.insert(&volume.name) {
                return Err(self.wrong(&format!("{path}.name"), format!("\"{}\" is taken already", volume.name)));
            }
            let source = match (&volume.empty_dir, &volume.host_path) {
                (Some(_), None) => VolumeSource::EmptyDir { memory: false, size_limit: None },
                (None, Some(host)) => {
                    self.absolute(&format!("{path}.hostPath.path"), &host.path)?;
                    VolumeSource::HostPath(host.path.clone())
                }
                (Some(_), Some(_)) => return Err(self.wrong(&path, "has two sources; expected one")),
                (None, None) => {
                    // what it has instead is named by the list of fields
                    self.warn(path, "is of no supported kind: an empty directory takes its place");
                    VolumeSource::EmptyDir { memory: false, size_limit: None }
                }
            };
            out.push(Volume { name: volume.name.clone(), source });
        }
        Ok(out)
    }

    fn containers(
        &mut self,
        list: &str,
        containers: Vec<Container>,
        volumes: &BTreeSet<&str>,
        taken: &mut BTreeSet<String>,
    ) -> Result<Vec<ContainerSpec>, Wrong> {
        let mut out = Vec::new();
        for (i, container) in containers.into_iter().enumerate() {
            let path = format!("{list}[{i}]");
            self.label(&format!("{path}.name"), &container.name)?;
            if !taken.insert(container.name.clone()) {
                return Err(self
                    .wrong(&format!("{path}.name"), format!("\"{}\" is taken by a container above", container.name)));
            }
            out.push(self.container(&path, container, volumes)?);
        }
        Ok(out)
    }

    fn container(&self, path: &str, c: Container, volumes: &BTreeSet<&str>) -> Result<ContainerSpec, Wrong> {
        let command = c.command.unwrap_or_default();
        let image = c.image.unwrap_or_default();
        if image.is_empty() && command.is_empty() {
            return Err(self.wrong(path, "has neither `image` nor `command`; expected one of them at least"));
        }
        let mut env = Vec::new();
        for (j, var) in c.env.unwrap_or_default().into_iter().enumerate() {
            if var.name.is_empty() || var.name.contains('=') {
                return Err(self.wrong(&format!("{path}.env[{j}].name"), "is no name of a variable"));
            }
            // `valueFrom` is named by the list of fields; a variable without value is an empty one
            if var.value_from.is_none() {
                env.push((var.name, var.value.unwrap_or_default()));
            }
        }
        let mut ports = Vec::new();
        for (j, port) in c.ports.unwrap_or_default().into_iter().enumerate() {
            let number = |field: &str, n: i32| {
                u16::try_from(n).ok().filter(|n| *n > 0).ok_or_else(|| {
                    self.wrong(&format!("{path}.ports[{j}].{field}"), format!("is {n}; expected 1 to 65535"))
                })
            };
            ports.push(Port {
                container: number("containerPort", port.container_port)?,
                host: port.host_port.map(|n| number("hostPort", n)).transpose()?,
                name: port.name,
            });
        }
        let mut mounts: Vec<VolumeMount> = Vec::new();
        for (j, mount) in c.volume_mounts.unwrap_or_default().into_iter().enumerate() {
            let path = format!("{path}.volumeMounts[{j}]");
            if !volumes.contains(mount.name.as_str()) {
                let known: Vec<&str> = volumes.iter().copied().collect();
                let known = if known.is_empty() { "there are none".to_owned() } else { known.join(", ") };
                let message = format!("is \"{}\"; expected a volume of spec.volumes ({known})", mount.name);
                return Err(self.wrong(&format!("{path}.name"), message));
            }
            let at = format!("{path}.mountPath");
            self.absolute(&at, &mount.mount_path)?;
            if mounts.iter().any(|m| m.path == mount.mount_path) {
                return Err(self.wrong(&at, format!("{} is mounted already; expected another path", mount.mount_path)));
            }
            let read_only = mount.read_only.unwrap_or(false);
            mounts.push(VolumeMount { volume: mount.name, path: mount.mount_path, read_only });
        }
        if let Some(dir) = &c.working_dir {
            self.absolute(&format!("{path}.workingDir"), dir)?;
        }
        let args = c.args.unwrap_or_default();
        Ok(ContainerSpec { name: c.name, image, command, args, env, working_dir: c.working_dir, ports, mounts, sidecar: false })
    }

    /// An absolute path that does not climb, and is not the root itself.
    fn absolute(&self, path: &str, value: &str) -> Result<(), Wrong> {
        let climbs = value.split('/').any(|part| part == "..");
        let root = path.ends_with("mountPath") && value.trim_matches('/').is_empty();
        if !value.starts_with('/') || climbs || root || value.contains('\0') {
            return Err(self.wrong(path, format!("is \"{value}\"; expected an absolute path without \"..\"")));
        }
        Ok(())
    }

    /// A DNS label (RFC 1123), as Kubernetes demands of most names.
    fn label(&self, path: &str, value: &str) -> Result<(), Wrong> {
        if is_label(value) { Ok(()) } else { Err(self.bad_name(path, value, 63)) }
    }

    /// Labels with dots between, as a pod's name may be.
    fn subdomain(&self, path: &str, value: &str) -> Result<(), Wrong> {
        if value.len() <= 253 && value.split('.').all(is_label) { Ok(()) } else { Err(self.bad_name(path, value, 253)) }
    }

    fn bad_name(&self, path: &str, value: &str, most: usize) -> Wrong {
        if value.is_empty() {
            return self.wrong(path, "is missing; expected a name");
        }
        let expected = format!("expected at most {most} of a-z, 0-9 and -, with a letter or digit at both ends");
        self.wrong(path, format!("is \"{value}\"; {expected}"))
    }
}

fn is_label(text: &str) -> bool {
    let allowed = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
    (1..=63).contains(&text.len()) && text.bytes().all(allowed) && !text.starts_with('-') && !text.ends_with('-')
}

fn pause_kind(value: &str) -> Option<SandboxKind> {
    match value {
        "reap" => Some(SandboxKind::Pause),
        "no-reap" => Some(SandboxKind::PauseNoReap),
        _ => value.strip_prefix("delay=")?.strip_suffix("ms")?.parse().ok().map(SandboxKind::PauseDelay),
    }
}
