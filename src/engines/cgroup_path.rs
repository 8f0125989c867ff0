//! Which container and which pod a cgroup belongs to, by the path that engines give it.
//!
//! Each engine names cgroups in its own way, once for each driver (`cgroupfs` makes directories, `systemd` makes slices
//! and scopes). The forms are those of libcontainer (`libcontainer/cgroups/systemd`), docker (`daemon/oci_linux.go`),
//! podman (`libpod/container_internal_linux.go`), kubelet (`pkg/kubelet/cm/cgroup_manager_linux.go`), containerd
//! (`internal/cri/server/podsandbox/sandbox_run_linux.go`) and CRI-O (`internal/config/cgmgr`).

use crate::model::Runtime;

/// How the kubelet ranks the pod when memory is short. It is part of the path.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Qos {
    Guaranteed,
    Burstable,
    BestEffort,
}

/// The pod in the path.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum PodKey {
    /// A pod of a kubelet, by its uid.
    Kubernetes { uid: String, qos: Qos },
    /// A pod of podman, by its id.
    Podman(String),
}

/// One engine's part of a path. A container in which another engine runs has a level, and each of that engine's
/// containers has one more.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Level {
    /// [`Runtime::Unknown`] if the path does not tell.
    pub runtime: Runtime,
    /// The container's id; `None` in a cgroup of the pod alone.
    pub container: Option<String>,
    pub pod: Option<PodKey>,
    /// Whether this is the cgroup of the engine's own process beside the container (conmon).
    pub is_monitor: bool,
    /// Whether another program could have such a path too. Then something else must confirm that this is a container.
    pub is_uncertain: bool,
}

/// The levels of a process from `/proc/PID/cgroup` (`cgroups(7)`), the outermost first. Empty if it is in no container.
///
/// A machine with version 1 has a line for each hierarchy, and not every hierarchy has the engine's cgroups. The line
/// that says most is taken. The kernel marks the cgroup of a zombie as deleted if it was removed.
pub fn levels(text: &str) -> Vec<Level> {
    let paths = text.lines().filter_map(|line| line.splitn(3, ':').nth(2));
    let paths = paths.map(|path| path.strip_suffix(" (deleted)").unwrap_or(path));
    paths.map(levels_of_path).fold(Vec::new(), |best, other| if detail(&other) > detail(&best) { other } else { best })
}

/// How much is known: containers first, then pods.
fn detail(levels: &[Level]) -> (usize, usize, bool) {
    let containers = levels.iter().filter(|level| level.container.is_some()).count();
    let pods = levels.iter().filter(|level| level.pod.is_some()).count();
    (containers, pods, !levels.is_empty())
}

/// The levels of one path, from the root of its hierarchy.
pub fn levels_of_path(path: &str) -> Vec<Level> {
    // systemd's cgroup driver of containerd gets `SLICE:PREFIX:NAME`; with cgroupfs the whole of it is one directory
    let parts: Vec<&str> = path.split(['/', ':']).filter(|part| !part.is_empty() && *part != "..").collect();
    let mut reader = Reader::default();
    for (i, part) in parts.iter().enumerate() {
        let before = i.checked_sub(1).map(|before| parts[before]);
        reader.read(part, before, &parts);
    }
    reader.end()
}

#[derive(Default)]
struct Reader {
    done: Vec<Level>,
    /// Below `kubepods`: the class that the next directories belong to.
    qos: Option<Qos>,
    pod: Option<PodKey>,
    /// A monitor that is known without its container.
    monitor: bool,
}

impl Reader {
    fn read(&mut self, part: &str, before: Option<&str>, parts: &[&str]) {
        let container = container(part, before);
        if part == "conmon" || matches!(&container, Some((Runtime::Podman, ..))) {
            self.take_parent_as_pod(before);
        }
        let name = part.strip_suffix(".slice").unwrap_or(part);
        if let Some((runtime, id, is_monitor)) = container {
            // podman divides a container's cgroup between systemd in it and the rest (`libpod-payload`)
            if self.done.last().and_then(|last| last.container.as_ref()) == Some(&id) {
                return;
            }
            self.push(Level { runtime, container: Some(id), pod: None, is_monitor, is_uncertain: false });
        } else if let Some(pod) = podman_pod(name, before) {
            self.pod = Some(PodKey::Podman(pod));
        } else if part == "conmon" && matches!(self.pod, Some(PodKey::Podman(_))) {
            self.monitor = true;
        } else if let Some(id) = containerd_container(part, before, parts) {
            self.push(Level {
                runtime: Runtime::Containerd,
                container: Some(id),
                pod: None,
                is_monitor: false,
                is_uncertain: true,
            });
        } else {
            self.read_kubelet(name);
        }
    }

    /// What looked like a container is a pod of podman: with `--cgroup-parent` only what is below it tells.
    fn take_parent_as_pod(&mut self, parent: Option<&str>) {
        let is_parent = |last: &mut Level| last.runtime == Runtime::Unknown && last.container.as_deref() == parent;
        if let Some(Level { container: Some(pod), .. }) = self.done.pop_if(is_parent) {
            self.pod = Some(PodKey::Podman(pod));
        }
    }

    /// `kubepods-burstable-podUID.slice` of systemd, or `kubepods`, `burstable`, `podUID` one below another.
    fn read_kubelet(&mut self, name: &str) {
        // kind has `kubelet-kubepods`
        let words: Vec<&str> = name.split('-').collect();
        let inner = match words.iter().position(|word| *word == "kubepods") {
            Some(at) => {
                self.qos = Some(Qos::Guaranteed);
                &words[at + 1..]
            }
            None => &words[..],
        };
        if self.qos.is_none() {
            return;
        }
        let rest = match inner.first() {
            Some(&"besteffort") => {
                self.qos = Some(Qos::BestEffort);
                &inner[1..]
            }
            Some(&"burstable") => {
                self.qos = Some(Qos::Burstable);
                &inner[1..]
            }
            _ => inner,
        };
        let uid = rest.join("-");
        if let Some(uid) = uid.strip_prefix("pod").map(|uid| uid.replace('_', "-"))
            && is_pod_uid(&uid)
            && let Some(qos) = self.qos
        {
            self.pod = Some(PodKey::Kubernetes { uid, qos });
        }
    }

    /// What follows is inside this container.
    fn push(&mut self, mut level: Level) {
        level.pod = self.pod.take();
        self.qos = None;
        self.done.push(level);
    }

    fn end(mut self) -> Vec<Level> {
        if let Some(pod) = self.pod.take() {
            let runtime = if matches!(pod, PodKey::Podman(_)) { Runtime::Podman } else { Runtime::Unknown };
            self.done.push(Level {
                runtime,
                container: None,
                pod: Some(pod),
                is_monitor: self.monitor,
                is_uncertain: false,
            });
        }
        self.done
    }
}

/// The engine, the id and whether it is the monitor's cgroup.
fn container(part: &str, before: Option<&str>) -> Option<(Runtime, String, bool)> {
    let scope = part.strip_suffix(".scope");
    let name = scope.unwrap_or(part);
    if is_id(name) {
        let runtime = match before {
            Some("docker") => Runtime::Docker,
            Some("k8s.io" | "cri-containerd") => Runtime::Containerd,
            Some("crio") => Runtime::CriO,
            // a pod of podman, not a container
            Some("libpod_parent") => return None,
            _ => Runtime::Unknown,
        };
        return Some((runtime, name.to_owned(), false));
    }
    let (prefix, id) = name.rsplit_once('-')?;
    let (runtime, is_monitor) = match prefix {
        "docker" => (Runtime::Docker, false),
        "libpod" | "libpod-payload" => (Runtime::Podman, false),
        "libpod-conmon" => (Runtime::Podman, true),
        "cri-containerd" | "nerdctl" => (Runtime::Containerd, false),
        "crio" => (Runtime::CriO, false),
        "crio-conmon" => (Runtime::CriO, true),
        // any engine may choose a prefix, but only engines have scopes with such ids
        _ if scope.is_some() => (Runtime::Unknown, false),
        _ => return None,
    };
    is_id(id).then(|| (runtime, id.to_owned(), is_monitor))
}

/// `libpod_parent/POD` by cgroupfs, `machine-libpod_pod_POD.slice` by systemd.
fn podman_pod(name: &str, before: Option<&str>) -> Option<String> {
    if before == Some("libpod_parent") && is_id(name) {
        return Some(name.to_owned());
    }
    let (_, pod) = name.split_once("libpod_pod_")?;
    is_id(pod).then(|| pod.to_owned())
}

/// `/default/ID`, where the user chooses the id: `ctr run` and nerdctl without systemd.
fn containerd_container(part: &str, before: Option<&str>, parts: &[&str]) -> Option<String> {
    // the limit of containerd (`pkg/identifiers`)
    let is_name =
        part.len() <= 76 && part.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.' | b'_'));
    (parts.len() == 2 && matches!(before, Some("default" | "k8s.io")) && is_name).then(|| part.to_owned())
}

/// 64 lower-case hexadecimal digits: what docker, podman, CRI-O and containerd's CRI take.
pub fn is_id(text: &str) -> bool {
    text.len() == 64 && is_hex(text)
}

/// A UUID, or the MD5 sum that a kubelet gives to a static pod.
fn is_pod_uid(text: &str) -> bool {
    let lengths: Vec<usize> = text.split('-').map(str::len).collect();
    (lengths == [8, 4, 4, 4, 12] || lengths == [32]) && text.split('-').all(is_hex)
}

fn is_hex(text: &str) -> bool {
    text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))
}

#[cfg(test)]
mod tests;
