//! Checks that types alone do not cover: required names, unique names, and references.

mod annotations;
mod config;
mod containers;
mod downward;
mod names;
mod ports;
mod quantity;
mod resources;
mod security;
mod volumes;

use std::collections::BTreeSet;

use k8s_openapi::api::core::v1::{Pod, PodSpec as K8sSpec};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;

pub(super) use self::annotations::SHARE_PREFIX;
pub(super) use self::names::{generate_name, is_label, is_subdomain};

use self::annotations::PodAnnotations;
use self::containers::PodContext;
use self::downward::PodFields;
use self::ports::TakenPorts;
use super::config::Configs;
use super::parse::{ReadProgram, Warning};
use super::services::{Service, variables};
use super::yaml::{Place, PlacedError, YamlNode};
use super::{HostNamespaces, PodSpec, RestartPolicy, Share, host_name};

pub struct Checker<'a> {
    pub document: &'a YamlNode,
    pub services: &'a [Service],
    pub configs: &'a Configs,
    /// Reads the file that the manifest may name.
    pub read_program: &'a ReadProgram<'a>,
    pub warnings: Vec<Warning>,
}

impl Checker<'_> {
    fn wrong(&self, path: &str, message: impl Into<String>) -> PlacedError {
        (self.document.place_of(path), format!("{path} {}", message.into()))
    }

    /// An error in the API server's format (field, value, reason), followed by what is expected.
    fn invalid(&self, path: &str, value: &str, why: &str, expected: &str) -> PlacedError {
        (self.document.place_of(path), format!("{path}: Invalid value: \"{value}\": {why}; expected {expected}"))
    }

    fn warn(&mut self, path: String, message: impl Into<String>) {
        let Place { line, column } = self.document.place_of(&path);
        self.warnings.push(Warning { path, line, column, message: message.into() });
    }

    pub fn pod(&mut self, pod: Pod) -> Result<PodSpec, PlacedError> {
        let name = self.name(&pod.metadata)?;
        let namespace = pod.metadata.namespace.unwrap_or_else(|| "default".to_owned());
        self.label("metadata.namespace", &namespace)?;
        let spec = pod.spec.ok_or_else(|| self.wrong("spec", "is missing; expected at least `containers`"))?;
        let hostname = match &spec.hostname {
            Some(hostname) => {
                self.label("spec.hostname", hostname)?;
                hostname.clone()
            }
            None => host_name(&name),
        };
        let annotations = pod.metadata.annotations.unwrap_or_default();
        let asked = self.annotations(&annotations)?;
        let host = self.host_namespaces(&spec)?;
        let share = self.share(&spec, &asked, host)?;
        let restart = self.restart(&spec)?;
        let grace_seconds = self.grace_seconds(&spec)?;
        let known = PodFields {
            name: name.clone(),
            namespace: namespace.clone(),
            labels: pod.metadata.labels.unwrap_or_default(),
            annotations,
            service_account: spec.service_account_name.unwrap_or_else(|| "default".to_owned()),
            services: variables(self.services, &namespace, spec.enable_service_links.unwrap_or(true)),
        };
        let volumes = self.volumes(spec.volumes.unwrap_or_default(), &known)?;
        let security = self.pod_security(spec.security_context)?;
        let mut context = PodContext {
            security: &security,
            volumes: &volumes,
            known: &known,
            host_network: host.net,
            names: BTreeSet::new(),
            ports: TakenPorts::default(),
        };
        let init = spec.init_containers.unwrap_or_default();
        let init_containers = self.containers("spec.initContainers", init, &mut context)?;
        let containers = self.containers("spec.containers", spec.containers, &mut context)?;
        if containers.is_empty() {
            let place = self.document.place_of("spec.containers");
            return Err((place, "spec.containers: Required value; expected at least one container".to_owned()));
        }
        if spec.ephemeral_containers.is_some_and(|list| !list.is_empty()) {
            let path = "spec.ephemeralContainers";
            let message = format!("{path}: Forbidden: cannot be set on create; add one to the running pod");
            return Err((self.document.place_of(path), format!("{message} with `podscope debug`")));
        }
        let (mut init_containers, mut containers) = (init_containers, containers);
        self.joins(&asked, init_containers.iter_mut(), containers.iter_mut())?;
        let (sandbox, own_pause) = self.sandbox(asked, &containers)?;
        Ok(PodSpec {
            name,
            namespace,
            labels: known.labels,
            annotations: known.annotations,
            hostname,
            share,
            host,
            restart,
            grace_seconds,
            sandbox,
            own_pause,
            ports_may_move: false,
            init_containers,
            containers,
            ephemeral_containers: Vec::new(),
            volumes,
            security,
        })
    }

    /// The pod's name, or one generated from `generateName`.
    fn name(&self, meta: &ObjectMeta) -> Result<String, PlacedError> {
        let given = |name: &Option<String>| name.clone().filter(|n| !n.is_empty());
        let (path, name) = match (given(&meta.name), given(&meta.generate_name)) {
            (None, Some(prefix)) => ("metadata.generateName", names::generate_name(&prefix)),
            (name, _) => ("metadata.name", name.unwrap_or_default()),
        };
        self.subdomain(path, &name)?;
        Ok(name)
    }

    fn host_namespaces(&self, spec: &K8sSpec) -> Result<HostNamespaces, PlacedError> {
        let on = |switch: Option<bool>| switch.unwrap_or(false);
        let host = HostNamespaces { net: on(spec.host_network), pid: on(spec.host_pid), ipc: on(spec.host_ipc) };
        if host.pid && on(spec.share_process_namespace) {
            let message = "is set together with `hostPID: true`; expected one of them";
            return Err(self.wrong("spec.shareProcessNamespace", message));
        }
        Ok(host)
    }

    /// What the containers share: by annotation, or as in Kubernetes. In addition they use the node's namespaces that
    /// the pod uses.
    fn share(&self, spec: &K8sSpec, asked: &PodAnnotations, host: HostNamespaces) -> Result<Share, PlacedError> {
        let path = "spec.shareProcessNamespace";
        let mut share = match (asked.share, spec.share_process_namespace) {
            (Some(share), Some(pid)) if share.pid != pid => {
                let has = if share.pid { "has" } else { "has no" };
                let message = format!("is {pid}, but podscope.dev/share {has} pid; expected them to agree");
                return Err(self.wrong(path, message));
            }
            (Some(share), _) => share,
            (None, pid) => Share { pid: pid.unwrap_or(false), ..Share::default() },
        };
        share.net |= host.net;
        share.pid |= host.pid;
        share.ipc |= host.ipc;
        Ok(share)
    }

    fn restart(&self, spec: &K8sSpec) -> Result<RestartPolicy, PlacedError> {
        match spec.restart_policy.as_deref() {
            None | Some("Always") => Ok(RestartPolicy::Always),
            Some("OnFailure") => Ok(RestartPolicy::OnFailure),
            Some("Never") => Ok(RestartPolicy::Never),
            Some(other) => {
                Err(self.wrong("spec.restartPolicy", format!("is \"{other}\"; expected Always, OnFailure or Never")))
            }
        }
    }

    fn grace_seconds(&self, spec: &K8sSpec) -> Result<u32, PlacedError> {
        let grace = spec.termination_grace_period_seconds.unwrap_or(30);
        let most = u32::MAX;
        u32::try_from(grace)
            .map_err(|_| self.wrong("spec.terminationGracePeriodSeconds", format!("is {grace}; expected 0 to {most}")))
    }
}
