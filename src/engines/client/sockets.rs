//! Where engines listen.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};

use crate::engines::values::{Protocol, Socket};

/// The places in which docker, podman, containerd and CRI-O put their sockets, and those that the environment names. Each
/// file is listed once, whatever its names are.
pub fn sockets() -> Vec<Socket> {
    let users = fs::read_dir("/run/user").into_iter().flatten().flatten().map(|entry| entry.path()).collect();
    let candidates = candidates(|name| std::env::var_os(name), users);
    let mut seen = BTreeSet::new();
    // one that is not there yet has no other name
    let is_new = |socket: &Socket| {
        seen.insert((socket.protocol, fs::canonicalize(&socket.path).unwrap_or_else(|_| socket.path.clone())))
    };
    candidates.into_iter().filter(is_new).collect()
}

fn candidates(variable: impl Fn(&str) -> Option<OsString>, mut users: Vec<PathBuf>) -> Vec<Socket> {
    let mut found = Vec::new();
    let mut add = |protocol, path: PathBuf| found.push(Socket { protocol, path });
    for (name, protocol) in [
        ("DOCKER_HOST", Protocol::Docker),
        ("CONTAINER_HOST", Protocol::Docker),
        ("CONTAINER_RUNTIME_ENDPOINT", Protocol::Cri),
    ] {
        // engines on other machines have other processes
        if let Some(path) = variable(name).and_then(|value| Some(value.to_str()?.strip_prefix("unix://")?.into())) {
            add(protocol, path);
        }
    }
    for path in ["/run/docker.sock", "/var/run/docker.sock", "/run/podman/podman.sock"] {
        add(Protocol::Docker, path.into());
    }
    for path in ["/run/containerd/containerd.sock", "/run/crio/crio.sock", "/run/k3s/containerd/containerd.sock"] {
        add(Protocol::Cri, path.into());
    }
    users.extend(variable("XDG_RUNTIME_DIR").map(PathBuf::from));
    for user in users {
        add(Protocol::Docker, user.join(Path::new("podman/podman.sock")));
        add(Protocol::Docker, user.join("docker.sock"));
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_environment_and_other_users_count() {
        let variable = |name: &str| match name {
            "DOCKER_HOST" => Some("unix:///tmp/d.sock".into()),
            "CONTAINER_HOST" => Some("ssh://host/run/podman.sock".into()),
            "XDG_RUNTIME_DIR" => Some("/run/user/7".into()),
            _ => None,
        };
        let found = candidates(variable, vec!["/run/user/1000".into()]);
        let has = |protocol, path: &str| found.contains(&Socket { protocol, path: path.into() });
        assert_eq!(found[0].path, Path::new("/tmp/d.sock"), "what the user names comes first");
        assert!(has(Protocol::Docker, "/run/user/1000/podman/podman.sock"));
        assert!(has(Protocol::Docker, "/run/user/7/docker.sock"));
        assert!(has(Protocol::Cri, "/run/crio/crio.sock"));
        assert!(!found.iter().any(|socket| socket.path.to_string_lossy().contains("host")));
    }
}
