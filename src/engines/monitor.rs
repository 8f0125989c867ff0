//! The engines' own processes above a container: conmon of podman and CRI-O, and containerd's shim. Their arguments name
//! the container, so they tell it where the cgroup does not, and to users who may not ask the engine.

use crate::model::Runtime;

/// What the arguments of such a process say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Monitor {
    /// Each container has a conmon (`src/cli.c` of conmon).
    Conmon { runtime: Runtime, container: String, name: Option<String> },
    /// A container of docker has one, and a pod of CRI, named after its sandbox (`runtime/v2/README.md` of containerd).
    Shim { namespace: String, id: String },
}

impl Monitor {
    /// `None` for any other program.
    pub fn of(argv: &[String]) -> Option<Self> {
        let program = argv.first()?.rsplit('/').next()?;
        let value = |option: &str| {
            let at = argv.iter().position(|arg| arg == option)?;
            argv.get(at + 1).cloned()
        };
        if program == "conmon" {
            let name = value("-n").or_else(|| value("--name"));
            let mentions = |word: &str| argv.iter().skip(1).any(|arg| arg.contains(word));
            let runtime = if mentions("/podman") || mentions("libpod") {
                Runtime::Podman
            } else if mentions("/crio") || name.as_deref().is_some_and(|name| name.starts_with("k8s_")) {
                Runtime::CriO
            } else {
                Runtime::Unknown
            };
            let container = value("-c").or_else(|| value("--cid"))?;
            return Some(Self::Conmon { runtime, container, name });
        }
        if program.starts_with("containerd-shim") {
            return Some(Self::Shim { namespace: value("-namespace")?, id: value("-id")? });
        }
        None
    }
}

/// The name that CRI-O and cri-dockerd give to a container of a kubelet: `k8s_CONTAINER_POD_NAMESPACE_UID_ATTEMPT`
/// (`makeContainerName` in `core/naming.go` of cri-dockerd). None of the parts can have an underscore.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KubernetesName {
    /// `None` for the sandbox, which has `POD` here.
    pub container: Option<String>,
    pub pod: String,
    pub namespace: String,
    pub uid: String,
}

impl KubernetesName {
    pub fn parse(name: &str) -> Option<Self> {
        let parts: Vec<&str> = name.trim_start_matches('/').split('_').collect();
        let ["k8s", container, pod, namespace, uid, _attempt, ..] = parts[..] else { return None };
        let container = (container != "POD").then(|| container.to_owned());
        Some(Self { container, pod: pod.to_owned(), namespace: namespace.to_owned(), uid: uid.to_owned() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(line: &str) -> Vec<String> {
        line.split_whitespace().map(str::to_owned).collect()
    }

    #[test]
    fn arguments_tell_the_container() {
        // podman 4.3.1, shortened
        let podman = "/usr/bin/conmon --api-version 1 -c aa -u aa -r /usr/sbin/runc -n web-infra --exit-dir /run/libpod/exits \
                      --exit-command /usr/bin/podman --exit-command-arg -n";
        let crio = "/usr/libexec/crio/conmon -b /run/containers/x -c bb --exit-dir /var/run/crio/exits \
                    -n k8s_nginx_web_default_0c90b7b1-7f2a-4e37-9d7e-0b7f7a1c9a11_0";
        let shim = "/usr/bin/containerd-shim-runc-v2 -namespace moby -id cc -address /run/containerd/containerd.sock";
        let conmon = |runtime, container: &str, name: &str| Monitor::Conmon {
            runtime,
            container: container.to_owned(),
            name: Some(name.to_owned()),
        };
        assert_eq!(Monitor::of(&words(podman)), Some(conmon(Runtime::Podman, "aa", "web-infra")));
        let name = "k8s_nginx_web_default_0c90b7b1-7f2a-4e37-9d7e-0b7f7a1c9a11_0";
        assert_eq!(Monitor::of(&words(crio)), Some(conmon(Runtime::CriO, "bb", name)));
        let want = Monitor::Shim { namespace: "moby".to_owned(), id: "cc".to_owned() };
        assert_eq!(Monitor::of(&words(shim)), Some(want));
        for other in ["", "conmon", "conmon -c", "containerd-shim-runc-v2 -namespace", "sh -c conmon -c aa"] {
            assert_eq!(Monitor::of(&words(other)), None, "{other}");
        }
    }

    #[test]
    fn kubernetes_names_are_taken_apart() {
        let name = KubernetesName::parse("/k8s_POD_web-0_kube-system_5a6c_2").expect("a name");
        assert_eq!((name.container, &*name.pod, &*name.namespace, &*name.uid), (None, "web-0", "kube-system", "5a6c"));
        let name = KubernetesName::parse("k8s_nginx_web_default_1_0").expect("a name");
        assert_eq!(name.container.as_deref(), Some("nginx"));
        assert_eq!(KubernetesName::parse("k8s_nginx_web"), None);
        assert_eq!(KubernetesName::parse("web"), None);
    }
}
