//! Writes a pod as a manifest that is read as the same pod.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::{
    Capabilities, Container, ContainerPort, EmptyDirVolumeSource, EnvVar, EnvVarSource, HostPathVolumeSource,
    ObjectFieldSelector, Pod, PodSecurityContext, PodSpec as K8sSpec, ResourceRequirements, SecurityContext, Volume,
    VolumeMount,
};
use k8s_openapi::apimachinery::pkg::api::resource::Quantity;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;

use super::check::SHARE_PREFIX;
use super::images::default_pull_policy;
use super::security::{CONTAINER, Capability};
use super::services::variables;
use super::{
    ContainerSpec, EnvValue, HostPathType, Join, JoinPid, PodSpec, RestartPolicy, Security, Share, TerminationMessage,
    VolumeSource, host_name,
};
use crate::model::SandboxKind;
use crate::model::text::{escaped_lines, shell_words};

/// Why a pod cannot be written as a manifest.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unwritable {
    #[error("spec.containers: Required value; add a container before the pod is saved")]
    NoContainer,
    #[error("{0} comes from ConfigMaps or Secrets, which are in the manifest that the pod was started from")]
    Config(String),
    #[error("its pause is {0}, a file beside the manifest that the pod was started from")]
    OwnPause(String),
    #[error("its variables come from Services, which are in the manifest that the pod was started from")]
    Services,
    #[error("{0}")]
    Yaml(String),
}

/// The pod's manifest, which [`super::parse`] reads as [`PodSpec::with_common_share`]. Ephemeral containers, which a
/// manifest cannot have, are written as comments.
///
/// # Errors
/// The pod has no container, or it uses ConfigMaps, Secrets or Services, which are not part of it.
pub fn manifest(spec: &PodSpec) -> Result<String, Unwritable> {
    if spec.containers.is_empty() {
        return Err(Unwritable::NoContainer);
    }
    if let SandboxKind::Own(path) = &spec.sandbox {
        return Err(Unwritable::OwnPause(path.clone()));
    }
    let spec = spec.with_common_share();
    let pod = Pod {
        metadata: ObjectMeta {
            name: Some(spec.name.clone()),
            namespace: Some(spec.namespace.clone()).filter(|ns| ns != "default"),
            annotations: Some(spec.annotations.clone()).filter(|all| !all.is_empty()),
            labels: Some(spec.labels.clone()).filter(|all| !all.is_empty()),
            ..ObjectMeta::default()
        },
        spec: Some(pod_spec(&spec)?),
        status: None,
    };
    let body = serde_saphyr::to_string(&pod).map_err(|e| Unwritable::Yaml(e.to_string()))?;
    let mut text = format!("# The pod {}, as it was built in Podscope.\n", spec.name);
    for container in &spec.ephemeral_containers {
        let name = &container.name;
        let why = "ephemeral containers cannot be set on create";
        // a line feed in an argument must not end the comment
        let line = escaped_lines(&debug_line(&spec, container)).replace('\n', "\n#   ");
        text = format!("{text}# {name} is not in it: {why}. Once it runs:\n#   {line}\n");
    }
    Ok(text + &body)
}

fn debug_line(spec: &PodSpec, container: &ContainerSpec) -> String {
    let mut words = vec!["podscope", "debug", &spec.name, "--container", &container.name];
    if !container.image.is_empty() {
        words.extend(["--image", &container.image]);
    }
    if let Some(target) = container.join.as_ref().and_then(Join::target) {
        words.extend(["--target", target]);
    }
    words.push("--");
    words.extend(container.command.iter().chain(&container.args).map(String::as_str));
    shell_words(words)
}

impl PodSpec {
    /// The same pod, where the pod's `share` is what most of its containers share, so that as few containers as
    /// possible need an annotation.
    #[must_use]
    pub fn with_common_share(&self) -> Self {
        let mut spec = self.clone();
        let joins: Vec<Join> = self.init_containers.iter().chain(&self.containers).map(|c| self.join_of(c)).collect();
        let of_pod = |join: &Join| {
            let pid = match join.pid {
                JoinPid::Own => false,
                JoinPid::Pod => true,
                JoinPid::Container(_) => return None,
            };
            Some(Share { net: join.net, ipc: join.ipc, uts: join.uts, pid: pid || self.host.pid })
        };
        let candidates: Vec<Share> = joins.iter().filter_map(of_pod).collect();
        let votes = |share: &Share| candidates.iter().filter(|other| *other == share).count();
        // of equal numbers of votes the first one wins
        if let Some(most) = candidates.iter().rev().max_by_key(|share| votes(share)) {
            spec.share = *most;
        }
        for container in spec.init_containers.iter_mut().chain(&mut spec.containers) {
            let join = self.join_of(container);
            container.join = (of_pod(&join) != Some(spec.share)).then_some(join);
        }
        // only presets may move their ports
        spec.ports_may_move = false;
        spec.annotations = annotations(&spec);
        spec
    }
}

fn annotations(spec: &PodSpec) -> BTreeMap<String, String> {
    const OURS: [&str; 3] = ["podscope.dev/pause", "podscope.dev/infra", "podscope.dev/share"];
    let ours = |key: &String| OURS.contains(&key.as_str()) || key.starts_with(SHARE_PREFIX);
    let mut all = spec.annotations.clone();
    all.retain(|key, _| !ours(key));
    let mut say = |key: &str, value: String| drop(all.insert(format!("podscope.dev/{key}"), value));
    match &spec.sandbox {
        // a pause of the user is not written
        SandboxKind::Pause | SandboxKind::Own(_) => {}
        SandboxKind::PauseNoReap => say("pause", "no-reap".to_owned()),
        SandboxKind::PauseDelay(ms) => say("pause", format!("delay={ms}ms")),
        SandboxKind::Missing => say("pause", "missing".to_owned()),
        SandboxKind::Infra(name) => say("infra", name.clone()),
    }
    let Share { net, ipc, uts, pid } = spec.share;
    if !(net && ipc && uts) {
        let join = Join { net, ipc, uts, pid: if pid { JoinPid::Pod } else { JoinPid::Own } };
        let text = if join == Join::NONE { String::new() } else { join.to_string() };
        say("share", text);
    }
    for container in spec.init_containers.iter().chain(&spec.containers) {
        if let Some(join) = &container.join {
            all.insert(format!("{SHARE_PREFIX}{}", container.name), join.to_string());
        }
    }
    all
}

fn pod_spec(spec: &PodSpec) -> Result<K8sSpec, Unwritable> {
    let on = |on: bool| on.then_some(true);
    let containers = |list: &[ContainerSpec]| -> Result<Vec<Container>, Unwritable> {
        list.iter().map(|c| container(spec, c)).collect()
    };
    let init = containers(&spec.init_containers)?;
    let volumes = spec.volumes.iter().map(volume).collect::<Result<Vec<_>, _>>()?;
    let some = |n: u32, usual: u32| (n != usual).then_some(i64::from(n));
    Ok(K8sSpec {
        hostname: Some(spec.hostname.clone()).filter(|name| *name != host_name(&spec.name)),
        host_network: on(spec.host.net),
        host_pid: on(spec.host.pid),
        host_ipc: on(spec.host.ipc),
        share_process_namespace: on(spec.share.pid && !spec.host.pid),
        restart_policy: match spec.restart {
            RestartPolicy::Always => None,
            RestartPolicy::OnFailure => Some("OnFailure".to_owned()),
            RestartPolicy::Never => Some("Never".to_owned()),
        },
        termination_grace_period_seconds: some(spec.grace_seconds, 30),
        security_context: pod_security(&spec.security),
        init_containers: Some(init).filter(|list| !list.is_empty()),
        containers: containers(&spec.containers)?,
        volumes: Some(volumes).filter(|list| !list.is_empty()),
        ..K8sSpec::default()
    })
}

fn container(spec: &PodSpec, c: &ContainerSpec) -> Result<Container, Unwritable> {
    if !c.env_from.is_empty() {
        return Err(Unwritable::Config(format!("the environment of {}", c.name)));
    }
    if c.service_env != variables(&[], &spec.namespace, true) {
        return Err(Unwritable::Services);
    }
    let list = |words: &[String]| Some(words.to_vec()).filter(|words| !words.is_empty());
    let env = c.env.iter().map(|(name, value)| variable(c, name, value)).collect::<Result<Vec<_>, _>>()?;
    let ports = c.ports.iter().map(|port| ContainerPort {
        container_port: i32::from(port.container),
        host_port: port.host.map(i32::from),
        name: port.name.clone(),
        protocol: (port.protocol != "TCP").then(|| port.protocol.clone()),
        ..ContainerPort::default()
    });
    let mounts = c.mounts.iter().map(|mount| VolumeMount {
        name: mount.volume.clone(),
        mount_path: mount.path.clone(),
        read_only: mount.read_only.then_some(true),
        sub_path: mount.sub_path.clone().filter(|_| !mount.is_expr),
        sub_path_expr: mount.sub_path.clone().filter(|_| mount.is_expr),
        ..VolumeMount::default()
    });
    let usual = TerminationMessage::default();
    let on = |on: bool| on.then_some(true);
    Ok(Container {
        name: c.name.clone(),
        image: Some(c.image.clone()).filter(|image| !image.is_empty()),
        command: list(&c.command),
        args: list(&c.args),
        env: Some(env).filter(|all| !all.is_empty()),
        working_dir: c.working_dir.clone(),
        ports: Some(ports.collect::<Vec<_>>()).filter(|all| !all.is_empty()),
        volume_mounts: Some(mounts.collect::<Vec<_>>()).filter(|all| !all.is_empty()),
        resources: limits(c),
        image_pull_policy: (c.pull != default_pull_policy(&c.image)).then(|| format!("{:?}", c.pull)),
        stdin: on(c.stdio.stdin),
        stdin_once: on(c.stdio.stdin_once),
        tty: on(c.stdio.tty),
        restart_policy: c.sidecar.then(|| "Always".to_owned()),
        security_context: security(&c.security, &spec.security),
        termination_message_path: Some(c.termination.path.clone()).filter(|path| *path != usual.path),
        termination_message_policy: c.termination.fallback_to_logs.then(|| "FallbackToLogsOnError".to_owned()),
        ..Container::default()
    })
}

fn variable(c: &ContainerSpec, name: &str, value: &EnvValue) -> Result<EnvVar, Unwritable> {
    let field = |path: &str| EnvVar {
        name: name.to_owned(),
        value: None,
        value_from: Some(EnvVarSource {
            field_ref: Some(ObjectFieldSelector { api_version: None, field_path: path.to_owned() }),
            ..EnvVarSource::default()
        }),
    };
    Ok(match value {
        EnvValue::Text(text) => EnvVar { name: name.to_owned(), value: Some(text.clone()), value_from: None },
        EnvValue::PodIp => field("status.podIP"),
        EnvValue::HostIp => field("status.hostIP"),
        EnvValue::PodUid => field("metadata.uid"),
        EnvValue::Key(_) => return Err(Unwritable::Config(format!("variable {name} of {}", c.name))),
    })
}

fn limits(c: &ContainerSpec) -> Option<ResourceRequirements> {
    let mut limits = BTreeMap::new();
    let mut say = |name: &str, amount: Option<String>| {
        if let Some(amount) = amount {
            limits.insert(name.to_owned(), Quantity(amount));
        }
    };
    say("memory", c.limits.memory_bytes.map(|n| n.to_string()));
    say("cpu", c.limits.cpu_millicores.map(|n| format!("{n}m")));
    say("podscope.dev/pids", c.limits.pids.map(|n| n.to_string()));
    let limits = Some(limits).filter(|all| !all.is_empty())?;
    Some(ResourceRequirements { limits: Some(limits), ..ResourceRequirements::default() })
}

fn pod_security(of: &Security) -> Option<PodSecurityContext> {
    (*of != Security::default()).then(|| PodSecurityContext {
        run_as_user: of.user.map(i64::from),
        run_as_group: of.group.map(i64::from),
        run_as_non_root: of.non_root.then_some(true),
        supplemental_groups: Some(of.groups.iter().copied().map(i64::from).collect())
            .filter(|all: &Vec<_>| !all.is_empty()),
        ..PodSecurityContext::default()
    })
}

fn security(of: &Security, of_pod: &Security) -> Option<SecurityContext> {
    let names = |list: &[Capability]| {
        let name = |c: &Capability| match c {
            Capability::All => Some("ALL".to_owned()),
            Capability::One(number) => {
                CONTAINER.iter().find(|(known, _)| known == number).map(|(_, name)| (*name).to_owned())
            }
        };
        Some(list.iter().filter_map(name).collect::<Vec<_>>()).filter(|all| !all.is_empty())
    };
    let capabilities = Capabilities { add: names(&of.added), drop: names(&of.dropped) };
    (of != of_pod).then(|| SecurityContext {
        run_as_user: of.user.filter(|_| of.user != of_pod.user).map(i64::from),
        run_as_group: of.group.filter(|_| of.group != of_pod.group).map(i64::from),
        run_as_non_root: (of.non_root != of_pod.non_root).then_some(of.non_root),
        read_only_root_filesystem: of.read_only_root.then_some(true),
        capabilities: Some(capabilities).filter(|c| *c != Capabilities::default()),
        ..SecurityContext::default()
    })
}

fn volume(volume: &super::Volume) -> Result<Volume, Unwritable> {
    let mut out = Volume { name: volume.name.clone(), ..Volume::default() };
    match &volume.source {
        VolumeSource::EmptyDir { memory, size_limit } => {
            out.empty_dir = Some(EmptyDirVolumeSource {
                medium: memory.then(|| "Memory".to_owned()),
                size_limit: size_limit.map(|n| Quantity(n.to_string())),
            });
        }
        VolumeSource::HostPath { path, kind } => {
            let kind = (*kind != HostPathType::Unset).then(|| format!("{kind:?}"));
            out.host_path = Some(HostPathVolumeSource { path: path.clone(), type_: kind });
        }
        VolumeSource::Config(_) => return Err(Unwritable::Config(format!("volume {}", volume.name))),
    }
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lab::spec::parse;
    use crate::model::ContainerKind;

    fn read(text: &str) -> PodSpec {
        let (spec, warnings) = parse("pod.yaml", text).unwrap_or_else(|e| panic!("{e}\n{text}")).remove(0);
        assert!(warnings.is_empty(), "{warnings:?}\n{text}");
        spec
    }

    fn joined(name: &str, join: &str) -> ContainerSpec {
        ContainerSpec {
            name: name.to_owned(),
            image: "busybox".to_owned(),
            command: vec!["sh".to_owned(), "-c".to_owned(), "echo '#: a'; sleep 1h".to_owned()],
            join: Join::parse(join),
            ..ContainerSpec::default()
        }
    }

    fn built(containers: &[(&str, &str)]) -> PodSpec {
        containers.iter().fold(PodSpec::sandbox("built").expect("a name"), |spec, (name, join)| {
            let container = spec.admit(joined(name, join), ContainerKind::App).expect("admitted");
            spec.with_container(container, ContainerKind::App)
        })
    }

    #[test]
    fn a_pod_that_was_built_is_read_as_the_same_pod() {
        for (containers, says) in [
            (&[("a", "net,ipc,uts"), ("b", "net,ipc,uts")][..], &[][..]),
            (&[("a", "net,ipc,uts,pid"), ("b", "net,ipc,uts,pid")], &["shareProcessNamespace: true"]),
            (&[("a", "net"), ("b", "net")], &["podscope.dev/share: net"]),
            (&[("a", "none")], &["podscope.dev/share: ''", "podscope.dev/share: \"\""]),
            (
                &[("a", "net,ipc,uts,pid"), ("b", "net,ipc,uts,pid"), ("c", "ipc,pid:b")],
                &["shareProcessNamespace: true", "share.podscope.dev/c: ipc,pid:b"],
            ),
            (
                &[("a", "net,ipc,uts"), ("b", "uts"), ("c", "none"), ("d", "net,ipc,uts")],
                &["share.podscope.dev/b: uts"],
            ),
        ] {
            let spec = built(containers);
            let text = manifest(&spec).expect("a manifest");
            let found = says.iter().any(|line| text.contains(line)) || says.is_empty();
            assert!(found, "{says:?} in\n{text}");
            if says.is_empty() {
                assert!(!text.contains("share"), "{text}");
            }
            let again = read(&text);
            assert_eq!(again, spec.with_common_share(), "{text}");
            // so each container shares the same namespaces as before
            for c in &spec.containers {
                let other = again.container(&c.name).expect("it is there");
                assert_eq!(again.join_of(other), spec.join_of(c), "{}", c.name);
                assert_eq!(again.pid_namespace(&c.name), spec.pid_namespace(&c.name), "{}", c.name);
            }
        }
    }

    #[test]
    fn every_preset_and_example_without_configs_is_read_as_the_same_pod() {
        let mut written = 0;
        // a manifest that names files needs them beside it, and the written one has none
        let alone = crate::presets::ALL.iter().filter(|preset| preset.files.is_empty());
        let manifests = alone.filter_map(|preset| preset.yaml).map(str::to_owned);
        let examples = std::fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/lab/examples")).expect("examples");
        let examples = examples.map(|f| std::fs::read_to_string(f.expect("an entry").path()).expect("text"));
        for text in manifests.chain(examples) {
            for (spec, _) in parse("pod.yaml", &text).unwrap_or_else(|e| panic!("{e}")) {
                match manifest(&spec) {
                    Ok(text) => {
                        let (again, _) = parse("again.yaml", &text).unwrap_or_else(|e| panic!("{e}\n{text}")).remove(0);
                        assert_eq!(again, spec.with_common_share(), "{text}");
                        written += 1;
                    }
                    Err(Unwritable::Config(_) | Unwritable::Services) => {}
                    Err(e) => panic!("{}: {e}", spec.name),
                }
            }
        }
        assert!(written > 40, "{written}");
    }

    #[test]
    fn ephemeral_containers_are_written_as_comments() {
        let spec = built(&[("web", "net,ipc,uts")]);
        let debugger = ContainerSpec::debugger(&spec, Some("look"), "busybox", &["sh".to_owned()], Some("web"));
        let spec = spec.with_container(debugger, ContainerKind::Ephemeral);
        let text = manifest(&spec).expect("a manifest");
        assert!(text.contains("# look is not in it: ephemeral containers cannot be set on create."), "{text}");
        assert!(
            text.contains("#   podscope debug built --container look --image busybox --target web -- sh\n"),
            "{text}"
        );
        assert_eq!(read(&text).all_containers().count(), 1);
    }

    #[test]
    fn an_argument_of_several_lines_stays_in_the_comment() {
        let spec = built(&[("web", "net,ipc,uts")]);
        let argv = ["sh", "-c", "echo a\nkind: Service\r\u{202e}"].map(str::to_owned);
        let debugger = ContainerSpec::debugger(&spec, Some("look"), "busybox", &argv, None);
        let text = manifest(&spec.with_container(debugger, ContainerKind::Ephemeral)).expect("a manifest");
        assert!(text.contains("-- sh -c 'echo a\n#   kind: Service\\r\\u{202e}'\n"), "{text}");
        assert_eq!(read(&text).all_containers().count(), 1);
    }

    #[test]
    fn protocols_and_sub_paths_are_written() {
        let head = "apiVersion: v1\nkind: Pod\nmetadata: {name: p}\nspec:\n  volumes: [{name: v}]\n  containers:\n  - \
                    name: a\n    image: busybox\n";
        for field in [
            "ports: [{containerPort: 53, protocol: UDP}, {containerPort: 53}]",
            "volumeMounts: [{name: v, mountPath: /a, subPathExpr: x}, {name: v, mountPath: /b, subPathExpr: .}]",
        ] {
            let spec = read(&format!("{head}    {field}\n"));
            assert_eq!(read(&manifest(&spec).expect("a manifest")), spec.with_common_share());
        }
    }

    #[test]
    fn an_error_says_why_a_pod_cannot_be_written() {
        let alone = PodSpec::sandbox("alone").expect("a name");
        assert_eq!(manifest(&alone), Err(Unwritable::NoContainer));
        let text = "apiVersion: v1\nkind: Pod\nmetadata: {name: p}\nspec:\n  containers:\n  - name: a\n    image: \
                    busybox\n    envFrom: [{secretRef: {name: s}}]\n";
        let why = manifest(&parse("p", text).expect("a pod").remove(0).0).expect_err("it takes from a Secret");
        assert!(why.to_string().starts_with("the environment of a comes from ConfigMaps or Secrets"), "{why}");
    }
}
