//! Containers that are added to a running pod: which are allowed, and the API server's error texts for the others.

use super::check::{generate_name, is_label, is_subdomain};
use super::images::default_pull_policy;
use super::services::variables;
use super::{
    ContainerSpec, HostNamespaces, Join, JoinPid, Limits, PodSpec, PullPolicy, RestartPolicy, Security, Share,
    host_name,
};
use crate::model::{ContainerKind, SandboxKind};

/// `validation.IsDNS1123Label` of apimachinery.
const NO_LABEL: &str = "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must \
                        start and end with an alphanumeric character (e.g. 'my-name',  or '123-abc')";
/// The same for names of several labels with dots between them.
const NO_SUBDOMAIN: &str = "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or \
                            '.', and must start and end with an alphanumeric character (e.g. 'example.com')";

impl PodSpec {
    /// A pod that is only a sandbox, to which containers are added one by one. No manifest can describe it, since the
    /// API server requires at least one container.
    ///
    /// # Errors
    /// The name is not valid for a pod.
    pub fn sandbox(name: &str) -> Result<Self, String> {
        if !is_subdomain(name) {
            return Err(format!("metadata.name: Invalid value: \"{name}\": {NO_SUBDOMAIN}"));
        }
        Ok(Self {
            annotations: std::collections::BTreeMap::new(),
            labels: std::collections::BTreeMap::new(),
            name: name.to_owned(),
            namespace: "default".to_owned(),
            hostname: host_name(name),
            share: Share::default(),
            host: HostNamespaces::default(),
            restart: RestartPolicy::Always,
            grace_seconds: 30,
            sandbox: SandboxKind::Pause,
            own_pause: None,
            ports_may_move: false,
            init_containers: Vec::new(),
            containers: Vec::new(),
            ephemeral_containers: Vec::new(),
            volumes: Vec::new(),
            security: Security::default(),
        })
    }

    /// Checks a container that is to be added and fills in what it takes from the pod: the services' variables, and the
    /// pod's `securityContext` if it has none itself.
    ///
    /// # Errors
    /// Why the API server would refuse the container (`pkg/apis/core/validation`).
    pub fn admit(&self, mut container: ContainerSpec, kind: ContainerKind) -> Result<ContainerSpec, String> {
        let ephemeral = kind == ContainerKind::Ephemeral;
        let path = self.next_path(kind);
        let name = container.name.clone();
        let name = &name;
        if name.is_empty() {
            return Err(format!("{path}.name: Required value"));
        }
        if !is_label(name) {
            return Err(format!("{path}.name: Invalid value: \"{name}\": {NO_LABEL}"));
        }
        if self.container(name).is_some() {
            return Err(format!("{path}.name: Duplicate value: \"{name}\""));
        }
        if container.image.is_empty() && container.command.is_empty() {
            return Err(format!("{path}.image: Required value; or give a command of the host"));
        }
        if ephemeral {
            container.join = self.ephemeral_join(&container);
            for (field, is_set) in
                [("ports", !container.ports.is_empty()), ("resources", container.limits != Limits::default())]
            {
                if is_set {
                    return Err(format!("{path}.{field}: Forbidden: cannot be set for an Ephemeral Container"));
                }
            }
            if let Some(i) = container.mounts.iter().position(|mount| mount.sub_path.is_some()) {
                let why = "Forbidden: cannot be set for an Ephemeral Container";
                return Err(format!("{path}.volumeMounts[{i}].subPath: {why}"));
            }
        }
        if let Some(target) = container.join.as_ref().and_then(Join::target)
            && !self.init_containers.iter().chain(&self.containers).any(|c| c.name == target)
        {
            let field = if ephemeral { format!("{path}.targetContainerName") } else { format!("{path}: pid:{target}") };
            return Err(format!("{field}: Not found: \"{target}\""));
        }
        // an app container cannot use a pid namespace whose PID 1 ends for good; an ephemeral container can
        if let Some(target) = container.join.as_ref().and_then(Join::target)
            && !ephemeral
            && self.init_containers.iter().any(|c| c.name == target && !c.sidecar)
        {
            return Err(format!("{path}: pid:{target}: {target} is an init container, which ends before {name} runs"));
        }
        for (i, mount) in container.mounts.iter().enumerate() {
            if !self.volumes.iter().any(|volume| volume.name == mount.volume) {
                return Err(format!("{path}.volumeMounts[{i}].name: Not found: \"{}\"", mount.volume));
            }
        }
        if let Some(i) = container.ports.iter().position(|port| port.host.is_some()) {
            return Err(format!("{path}.ports[{i}].hostPort is published when the sandbox is made; leave it out"));
        }
        if container.pull == PullPolicy::default() {
            container.pull = default_pull_policy(&container.image);
        }
        if container.security == Security::default() {
            container.security.clone_from(&self.security);
        }
        container.service_env = match self.all_containers().next() {
            Some(other) => other.service_env.clone(),
            None => variables(&[], &self.namespace, true),
        };
        Ok(container)
    }

    /// What an ephemeral container joins: with a target, the target's pid namespace; otherwise `None`, which is what
    /// all containers of the pod join.
    pub fn ephemeral_join(&self, container: &ContainerSpec) -> Option<Join> {
        let target = container.join.as_ref()?.target()?;
        Some(Join { pid: JoinPid::Container(target.to_owned()), ..self.share.into() })
    }

    /// Adds a container after the others of its kind.
    #[must_use]
    pub fn with_container(mut self, container: ContainerSpec, kind: ContainerKind) -> Self {
        match kind {
            ContainerKind::App => self.containers.push(container),
            ContainerKind::Ephemeral => self.ephemeral_containers.push(container),
            ContainerKind::Init | ContainerKind::Sidecar => self.init_containers.push(container),
        }
        self
    }

    /// Why this container cannot be removed from the pod while the pod runs; `None` if it can.
    pub fn why_not_removable(&self, name: &str) -> Option<String> {
        if self.ephemeral_containers.iter().any(|c| c.name == name) {
            // `ValidatePodEphemeralContainersUpdate`
            let why = format!("Forbidden: existing ephemeral containers \"{name}\" may not be removed");
            return Some(format!("spec.ephemeralContainers: {why}; end its program instead"));
        }
        if matches!(&self.sandbox, SandboxKind::Infra(infra) if infra == name) {
            return Some(format!("{name} holds the pod's namespaces in place of pause; delete the pod instead"));
        }
        let members = self.init_containers.iter().chain(&self.containers);
        let inside = members.clone().find(|c| c.join.as_ref().and_then(Join::target) == Some(name));
        inside.map(|other| {
            let other = &other.name;
            format!("{other} is in the pid namespace of {name} and would end with it; take out {other} first")
        })
    }

    /// Removes this container from the spec.
    pub(in crate::lab) fn remove_container(&mut self, name: &str) {
        for list in [&mut self.init_containers, &mut self.containers, &mut self.ephemeral_containers] {
            list.retain(|c| c.name != name);
        }
    }

    /// The spec `new` with the present set of containers: added containers stay, removed ones stay removed.
    pub(in crate::lab) fn updated(&self, mut new: Self) -> Self {
        let with_new_values = |list: &[ContainerSpec]| -> Vec<ContainerSpec> {
            list.iter().map(|c| new.container(&c.name).unwrap_or(c).clone()).collect()
        };
        let (init, apps) = (with_new_values(&self.init_containers), with_new_values(&self.containers));
        (new.init_containers, new.containers) = (init, apps);
        new.ephemeral_containers.clone_from(&self.ephemeral_containers);
        new
    }

    fn next_path(&self, kind: ContainerKind) -> String {
        let (list, n) = match kind {
            ContainerKind::App => ("containers", self.containers.len()),
            ContainerKind::Ephemeral => ("ephemeralContainers", self.ephemeral_containers.len()),
            ContainerKind::Init | ContainerKind::Sidecar => ("initContainers", self.init_containers.len()),
        };
        format!("spec.{list}[{n}]")
    }
}

impl ContainerSpec {
    /// An ephemeral container as `kubectl debug` makes it: without a name it gets one such as `debugger-x7k2p`; with a
    /// target it joins that container's pid namespace.
    pub fn debugger(spec: &PodSpec, name: Option<&str>, image: &str, argv: &[String], target: Option<&str>) -> Self {
        let name = name.map_or_else(|| generate_name("debugger-"), str::to_owned);
        let join = target.map(|target| Join { pid: JoinPid::Container(target.to_owned()), ..spec.share.into() });
        Self { name, image: image.to_owned(), command: argv.to_vec(), join, ..Self::default() }
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Port, VolumeMount};
    use super::*;

    fn container(name: &str) -> ContainerSpec {
        ContainerSpec { name: name.to_owned(), image: "busybox".to_owned(), ..ContainerSpec::default() }
    }

    fn with(change: impl FnOnce(&mut ContainerSpec)) -> ContainerSpec {
        let mut it = container("new");
        change(&mut it);
        it
    }

    fn pod() -> PodSpec {
        let pod = PodSpec::sandbox("p").expect("a name");
        let pod = pod.with_container(container("web"), ContainerKind::App);
        pod.with_container(container("debugger"), ContainerKind::Ephemeral)
    }

    #[test]
    fn admit_refuses_with_the_error_texts_of_the_api_server() {
        let (app, ephemeral) = (ContainerKind::App, ContainerKind::Ephemeral);
        let port = Port { container: 80, host: None, name: None, protocol: "TCP".to_owned() };
        let published = Port { host: Some(80), ..port.clone() };
        let mount = VolumeMount {
            volume: "v".to_owned(),
            path: "/v".to_owned(),
            read_only: false,
            sub_path: Some("a".to_owned()),
            is_expr: false,
        };
        let target = |name: &str| Some(Join { pid: JoinPid::Container(name.to_owned()), ..Share::default().into() });
        let forbidden = |field: &str| {
            format!("spec.ephemeralContainers[1].{field}: Forbidden: cannot be set for an Ephemeral Container")
        };
        for (it, kind, want) in [
            (with(|c| c.name.clear()), app, "spec.containers[1].name: Required value".to_owned()),
            (
                with(|c| c.name = "A".to_owned()),
                app,
                format!("spec.containers[1].name: Invalid value: \"A\": {NO_LABEL}"),
            ),
            (container("web"), app, "spec.containers[1].name: Duplicate value: \"web\"".to_owned()),
            (container("web"), ephemeral, "spec.ephemeralContainers[1].name: Duplicate value: \"web\"".to_owned()),
            (container("debugger"), app, "spec.containers[1].name: Duplicate value: \"debugger\"".to_owned()),
            (
                with(|c| c.image.clear()),
                app,
                "spec.containers[1].image: Required value; or give a command of the host".to_owned(),
            ),
            (with(|c| c.ports = vec![port]), ephemeral, forbidden("ports")),
            (with(|c| c.limits.pids = Some(1)), ephemeral, forbidden("resources")),
            (with(|c| c.mounts = vec![mount.clone()]), ephemeral, forbidden("volumeMounts[0].subPath")),
            (with(|c| c.mounts = vec![mount]), app, "spec.containers[1].volumeMounts[0].name: Not found: \"v\"".into()),
            (
                with(|c| c.join = target("api")),
                ephemeral,
                "spec.ephemeralContainers[1].targetContainerName: Not found: \"api\"".to_owned(),
            ),
            // an ephemeral container is not a valid target either
            (
                with(|c| c.join = target("debugger")),
                ephemeral,
                "spec.ephemeralContainers[1].targetContainerName: Not found: \"debugger\"".to_owned(),
            ),
            (
                with(|c| c.ports = vec![published]),
                app,
                "spec.containers[1].ports[0].hostPort is published when the sandbox is made; leave it out".to_owned(),
            ),
        ] {
            assert_eq!(pod().admit(it, kind), Err(want));
        }
        let admitted = pod().admit(with(|c| c.join = target("web")), ephemeral).expect("admitted");
        assert_eq!(admitted.join.as_ref().and_then(Join::target), Some("web"));
        assert!(PodSpec::sandbox("-").is_err());
    }

    #[test]
    fn only_an_ephemeral_container_can_target_an_init_container() {
        let mut pod = pod();
        pod.init_containers = vec![container("init"), ContainerSpec { sidecar: true, ..container("mesh") }];
        let joining = |name: &str| {
            with(|c| c.join = Some(Join { pid: JoinPid::Container(name.to_owned()), ..Share::default().into() }))
        };
        let why = "spec.containers[1]: pid:init: init is an init container, which ends before new runs";
        assert_eq!(pod.admit(joining("init"), ContainerKind::App), Err(why.to_owned()));
        assert!(pod.admit(joining("init"), ContainerKind::Ephemeral).is_ok());
        assert!(pod.admit(joining("mesh"), ContainerKind::App).is_ok());
    }

    #[test]
    fn an_added_container_gets_the_security_context_and_service_variables_of_the_pod() {
        let mut pod = pod();
        pod.security.user = Some(1000);
        let admitted = pod.admit(container("b"), ContainerKind::App).expect("admitted");
        assert_eq!(admitted.security.user, Some(1000));
        // even in an empty sandbox there is the API server's own service
        let alone = PodSpec::sandbox("p").expect("a name");
        let first = alone.admit(container("a"), ContainerKind::App).expect("admitted");
        assert!(first.service_env.iter().any(|(name, _)| name == "KUBERNETES_SERVICE_HOST"));
    }

    #[test]
    fn must_stay_gives_the_reason() {
        let mut pod = pod();
        assert_eq!(pod.why_not_removable("web"), None);
        let why = pod.why_not_removable("debugger").expect("it must stay");
        assert!(why.contains("Forbidden: existing ephemeral containers \"debugger\" may not be removed"), "{why}");
        let join = Some(Join { pid: JoinPid::Container("web".to_owned()), ..Join::NONE });
        pod.containers.push(ContainerSpec { join, ..container("tools") });
        assert!(pod.why_not_removable("web").is_some_and(|why| why.contains("take out tools first")));
        pod.containers.pop();
        pod.sandbox = SandboxKind::Infra("web".to_owned());
        assert!(pod.why_not_removable("web").is_some_and(|why| why.contains("delete the pod")));
    }

    #[test]
    fn updated_keeps_added_containers_and_does_not_bring_back_removed_ones() {
        let from_file = pod().with_container(container("out"), ContainerKind::App);
        let mut now = from_file.clone();
        now.remove_container("out");
        now.containers.push(container("joined"));
        let mut new = from_file;
        new.ephemeral_containers.clear();
        new.containers[0].args = vec!["x".to_owned()];
        let updated = now.updated(new);
        let names: Vec<&str> = updated.all_containers().map(|c| c.name.as_str()).collect();
        assert_eq!(names, ["web", "joined", "debugger"]);
        assert_eq!(updated.containers[0].args, ["x"]);
    }
}
