//! The answers of docker and podman in JSON, as far as they are needed.

use std::collections::HashMap;

use serde::Deserialize;

use crate::engines::monitor::KubernetesName;
use crate::engines::values::{ContainerStatus, ListedContainer, ListedPod};
use crate::model::Runtime;

/// `GET /containers/json` of docker.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct DockerContainer {
    id: String,
    #[serde(default)]
    names: Option<Vec<String>>,
    #[serde(default)]
    image: Option<String>,
    #[serde(default)]
    state: Option<String>,
    /// `Exited (137) 2 minutes ago`
    #[serde(default)]
    status: Option<String>,
    #[serde(default)]
    labels: Option<HashMap<String, String>>,
    #[serde(default)]
    host_config: Option<HostConfig>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct HostConfig {
    #[serde(default)]
    network_mode: Option<String>,
}

/// `GET /libpod/containers/json` of podman.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct PodmanContainer {
    id: String,
    #[serde(default)]
    names: Option<Vec<String>>,
    #[serde(default)]
    image: Option<String>,
    #[serde(default)]
    state: Option<String>,
    #[serde(default)]
    exit_code: Option<i32>,
    #[serde(default)]
    is_infra: bool,
    /// The pod's id; empty if it is in none.
    #[serde(default)]
    pod: Option<String>,
    #[serde(default)]
    pod_name: Option<String>,
}

/// An event of either.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Event<'a> {
    #[serde(borrow, default)]
    action: std::borrow::Cow<'a, str>,
}

pub fn docker(body: &[u8]) -> serde_json::Result<Vec<ListedContainer>> {
    let containers: Vec<DockerContainer> = serde_json::from_slice(body)?;
    Ok(containers.into_iter().filter(|c| !c.id.is_empty()).map(docker_container).collect())
}

fn docker_container(container: DockerContainer) -> ListedContainer {
    let names = container.names.unwrap_or_default();
    // a link to another container is a name too: `/web/alias`
    let own = names.iter().map(|name| name.trim_start_matches('/')).find(|name| !name.contains('/'));
    let code = container.status.as_deref().and_then(exit_code);
    let network = container.host_config.and_then(|config| config.network_mode);
    let mut listed = ListedContainer {
        runtime: Runtime::Docker,
        id: container.id,
        name: own.filter(|name| !name.is_empty()).map(str::to_owned),
        image: container.image,
        status: status(container.state.as_deref(), code),
        is_sandbox: false,
        pod: None,
        joins: network.and_then(|mode| Some(mode.strip_prefix("container:")?.to_owned())),
    };
    // containers that a kubelet has asked cri-dockerd for
    if let Some(name) = listed.name.as_deref().and_then(KubernetesName::parse) {
        let labels = container.labels.unwrap_or_default();
        listed.is_sandbox = name.container.is_none();
        let sandbox = labels.get("io.kubernetes.sandbox.id").cloned().unwrap_or_else(|| listed.id.clone());
        listed.pod =
            Some(ListedPod { id: sandbox, name: Some(name.pod), namespace: Some(name.namespace), uid: Some(name.uid) });
        listed.name = name.container;
    }
    listed
}

pub fn podman(body: &[u8]) -> serde_json::Result<Vec<ListedContainer>> {
    // without containers podman 3 writes `null`
    let containers: Option<Vec<PodmanContainer>> = serde_json::from_slice(body)?;
    let containers = containers.unwrap_or_default();
    Ok(containers.into_iter().filter(|c| !c.id.is_empty()).map(podman_container).collect())
}

fn podman_container(container: PodmanContainer) -> ListedContainer {
    let present = |text: &Option<String>| text.clone().filter(|text| !text.is_empty());
    let pod =
        present(&container.pod).map(|id| ListedPod { id, name: present(&container.pod_name), ..ListedPod::default() });
    ListedContainer {
        runtime: Runtime::Podman,
        id: container.id,
        name: container.names.unwrap_or_default().into_iter().next(),
        image: container.image,
        status: status(container.state.as_deref(), container.exit_code),
        is_sandbox: container.is_infra,
        pod,
        joins: None,
    }
}

/// `State` of docker (`container/state.go`) and podman (`libpod/define/containerstate.go`).
fn status(state: Option<&str>, code: Option<i32>) -> ContainerStatus {
    match state {
        Some("created" | "configured" | "initialized") => ContainerStatus::Created,
        Some("running" | "restarting" | "stopping") => ContainerStatus::Running,
        Some("paused") => ContainerStatus::Paused,
        Some("exited" | "stopped" | "dead" | "removing") => ContainerStatus::Exited { code },
        _ => ContainerStatus::Unknown,
    }
}

/// `Exited (137) 2 minutes ago`
fn exit_code(status: &str) -> Option<i32> {
    status.strip_prefix("Exited (")?.split_once(')')?.0.parse().ok()
}

/// Whether the list may be different after this event.
pub fn is_change(line: &[u8]) -> bool {
    let Ok(event) = serde_json::from_slice::<Event>(line) else { return false };
    matches!(
        &*event.action,
        // docker, then podman's own words
        "create"
            | "start"
            | "restart"
            | "die"
            | "destroy"
            | "rename"
            | "pause"
            | "unpause"
            | "update"
            | "died"
            | "remove"
            | "init"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dockers_list_is_read() {
        // docker 20.10.24, shortened
        let body = br#"[
            {"Id":"aa","Names":["/all"],"Image":"busybox","Command":"sleep 1000","Labels":{},"State":"running",
             "Status":"Up 1 second","HostConfig":{"NetworkMode":"container:bb"},"Mounts":[]},
            {"Id":"bb","Names":["/web/alias","/pause"],"Image":"registry.k8s.io/pause:3.10","State":"exited",
             "Status":"Exited (137) 3 seconds ago","HostConfig":{"NetworkMode":"none"}},
            {"Id":"cc","Names":null,"Labels":null,"State":"new word"},
            {"Id":"dd","Names":["/k8s_nginx_web_default_u-1_0"],"State":"running",
             "Labels":{"io.kubernetes.sandbox.id":"ee"}},
            {"Id":"ee","Names":["/k8s_POD_web_default_u-1_0"],"State":"paused"}
        ]"#;
        let listed = docker(body).expect("a list");
        let by = |id: &str| listed.iter().find(|c| c.id == id).expect("it is listed").clone();
        assert_eq!((by("aa").name.as_deref(), by("aa").joins.as_deref()), (Some("all"), Some("bb")));
        assert_eq!(by("aa").status, ContainerStatus::Running);
        assert_eq!((by("bb").name.as_deref(), by("bb").joins), (Some("pause"), None));
        assert_eq!(by("bb").status, ContainerStatus::Exited { code: Some(137) });
        assert_eq!((by("cc").name, by("cc").status), (None, ContainerStatus::Unknown));
        let pod = by("dd").pod.expect("a pod");
        assert_eq!((&*pod.id, pod.name.as_deref(), pod.uid.as_deref()), ("ee", Some("web"), Some("u-1")));
        assert_eq!((by("dd").name.as_deref(), by("dd").is_sandbox), (Some("nginx"), false));
        assert_eq!((by("ee").pod, by("ee").is_sandbox), (Some(pod), true));
        assert_eq!(by("ee").status, ContainerStatus::Paused);
        assert!(docker(b"{\"message\":\"no\"}").is_err());
    }

    #[test]
    fn podmans_list_is_read() {
        // podman 4.3.1, shortened
        let body = br#"[
            {"Id":"aa","Names":["web-infra"],"Image":"localhost/podman-pause:4.3.1-0","IsInfra":true,"Pod":"p1",
             "PodName":"web","State":"running","ExitCode":0,"Labels":null,"Networks":[],"Pid":24463},
            {"Id":"bb","Names":["alone"],"Image":"busybox","IsInfra":false,"Pod":"","PodName":"","State":"exited",
             "ExitCode":3}
        ]"#;
        let listed = podman(body).expect("a list");
        let pod = ListedPod { id: "p1".to_owned(), name: Some("web".to_owned()), ..ListedPod::default() };
        assert_eq!((&listed[0].pod, listed[0].is_sandbox), (&Some(pod), true));
        assert_eq!((&listed[1].pod, listed[1].name.as_deref()), (&None, Some("alone")));
        assert_eq!(listed[1].status, ContainerStatus::Exited { code: Some(3) });
        assert_eq!(podman(b"null").expect("a list"), []);
    }

    #[test]
    fn health_checks_are_no_changes() {
        for (line, want) in [
            (r#"{"status":"start","id":"aa","Type":"container","Action":"start","Actor":{"ID":"aa"}}"#, true),
            (r#"{"Action":"died"}"#, true),
            (r#"{"Action":"exec_create: sh -c true"}"#, false),
            (r#"{"Action":"health_status: healthy"}"#, false),
            ("{}", false),
            ("", false),
        ] {
            assert_eq!(is_change(line.as_bytes()), want, "{line}");
        }
    }
}
