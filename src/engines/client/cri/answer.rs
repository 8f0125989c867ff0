//! What CRI lists, without what is past.

use std::collections::BTreeMap;

use super::messages::{Container, ContainerState, PodSandbox};
use crate::engines::values::{ContainerStatus, ListedContainer, ListedPod};
use crate::model::Runtime;

/// The pods' sandboxes and containers. A kubelet keeps what has ended for a while: of several sandboxes of a pod, and of
/// several containers with one name in it, only the newest counts.
pub fn listed(runtime: Runtime, sandboxes: Vec<PodSandbox>, containers: Vec<Container>) -> Vec<ListedContainer> {
    let pods: BTreeMap<String, ListedPod> = sandboxes.iter().map(|s| (s.id.clone(), pod(s))).collect();
    let pod_of = |sandbox: &str| {
        let unknown = || ListedPod { id: sandbox.to_owned(), ..ListedPod::default() };
        pods.get(sandbox).cloned().unwrap_or_else(unknown)
    };
    let key = |sandbox: &str| pods.get(sandbox).and_then(|pod| pod.uid.clone()).unwrap_or_else(|| sandbox.to_owned());
    let mut newest_sandbox: BTreeMap<String, PodSandbox> = BTreeMap::new();
    for sandbox in sandboxes {
        newest(&mut newest_sandbox, key(&sandbox.id), sandbox, |s| (s.is_ready, s.created_at));
    }
    let mut newest_container: BTreeMap<(String, String), Container> = BTreeMap::new();
    for container in containers {
        let key = (key(&container.sandbox), container.name.clone());
        newest(&mut newest_container, key, container, |c| (c.state == ContainerState::Running, c.created_at));
    }
    let sandboxes = newest_sandbox.into_values().map(|sandbox| ListedContainer {
        runtime,
        name: None,
        image: None,
        status: if sandbox.is_ready { ContainerStatus::Running } else { ContainerStatus::Exited { code: None } },
        is_sandbox: true,
        pod: Some(pod_of(&sandbox.id)),
        joins: None,
        id: sandbox.id,
    });
    let containers = newest_container.into_values().map(|container| ListedContainer {
        runtime,
        name: present(container.name),
        status: match container.state {
            ContainerState::Created => ContainerStatus::Created,
            ContainerState::Running => ContainerStatus::Running,
            ContainerState::Exited => ContainerStatus::Exited { code: None },
            ContainerState::Unknown => ContainerStatus::Unknown,
        },
        is_sandbox: false,
        pod: Some(pod_of(&container.sandbox)),
        joins: None,
        image: present(container.image_in_manifest).or_else(|| present(container.image)),
        id: container.id,
    });
    sandboxes.chain(containers).filter(|listed| !listed.id.is_empty()).collect()
}

fn pod(sandbox: &PodSandbox) -> ListedPod {
    let [name, namespace, uid] = [&sandbox.name, &sandbox.namespace, &sandbox.uid].map(|text| present(text.clone()));
    ListedPod { id: sandbox.id.clone(), name, namespace, uid }
}

fn present(text: String) -> Option<String> {
    Some(text).filter(|text| !text.is_empty())
}

fn newest<K: Ord, T, A: Ord>(kept: &mut BTreeMap<K, T>, key: K, other: T, age: impl Fn(&T) -> A) {
    let is_newer = kept.get(&key).is_none_or(|kept| age(&other) > age(kept));
    if is_newer {
        kept.insert(key, other);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sandbox(id: &str, uid: &str, is_ready: bool, created_at: u64) -> PodSandbox {
        let (name, namespace) = ("web".to_owned(), "default".to_owned());
        PodSandbox { id: id.to_owned(), name, uid: uid.to_owned(), namespace, is_ready, created_at }
    }

    fn container(id: &str, sandbox: &str, name: &str, state: ContainerState, created_at: u64) -> Container {
        Container {
            id: id.to_owned(),
            sandbox: sandbox.to_owned(),
            name: name.to_owned(),
            image: "sha256:1".to_owned(),
            image_in_manifest: "nginx:1".to_owned(),
            state,
            created_at,
        }
    }

    #[test]
    fn of_several_attempts_the_newest_counts() {
        use ContainerState::{Exited, Running};
        let sandboxes =
            vec![sandbox("s2", "u", true, 2), sandbox("s1", "u", false, 1), sandbox("s3", "other", false, 1)];
        let containers = vec![
            container("c1", "s1", "nginx", Exited, 1),
            container("c2", "s2", "nginx", Exited, 2),
            container("c3", "s2", "nginx", Running, 3),
            container("c4", "s2", "side", Exited, 2),
            container("c5", "s3", "nginx", Exited, 2),
            container("c6", "gone", "nginx", Running, 2),
        ];
        let listed = listed(Runtime::Containerd, sandboxes, containers);
        let mut ids: Vec<&str> = listed.iter().map(|c| c.id.as_str()).collect();
        ids.sort_unstable();
        assert_eq!(ids, ["c3", "c4", "c5", "c6", "s2", "s3"]);
        let c3 = listed.iter().find(|c| c.id == "c3").expect("it is listed");
        let pod = c3.pod.as_ref().expect("a pod");
        assert_eq!((&*pod.id, pod.name.as_deref(), pod.namespace.as_deref()), ("s2", Some("web"), Some("default")));
        assert_eq!((c3.name.as_deref(), c3.image.as_deref()), (Some("nginx"), Some("nginx:1")));
        assert_eq!(c3.status, ContainerStatus::Running);
        let c6 = listed.iter().find(|c| c.id == "c6").expect("it is listed");
        assert_eq!(c6.pod.as_ref().map(|pod| (&*pod.id, pod.name.clone())), Some(("gone", None)));
    }
}
