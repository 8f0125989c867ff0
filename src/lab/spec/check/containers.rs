//! Containers, init containers and sidecars.

use std::collections::BTreeSet;

use k8s_openapi::api::core::v1::{Container, EnvVar};

use super::Checker;
use super::downward::PodFields;
use super::ports::TakenPorts;
use super::resources::Resources;
use crate::lab::spec::images::default_pull_policy;
use crate::lab::spec::yaml::PlacedError;
use crate::lab::spec::{ContainerSpec, EnvValue, PullPolicy, Security, Stdio, TerminationMessage, Volume};

/// What the checks of one container need of the pod and its other containers.
pub struct PodContext<'a> {
    /// The pod's `securityContext`.
    pub security: &'a Security,
    pub volumes: &'a [Volume],
    pub known: &'a PodFields,
    pub host_network: bool,
    pub names: BTreeSet<String>,
    pub ports: TakenPorts,
}

impl Checker<'_> {
    pub(super) fn containers(
        &mut self,
        list: &str,
        containers: Vec<Container>,
        context: &mut PodContext<'_>,
    ) -> Result<Vec<ContainerSpec>, PlacedError> {
        let init = list == "spec.initContainers";
        let mut out = Vec::new();
        for (i, container) in containers.into_iter().enumerate() {
            let path = format!("{list}[{i}]");
            let at = format!("{path}.name");
            self.label(&at, &container.name)?;
            if !context.names.insert(container.name.clone()) {
                let message = format!("\"{}\" is taken by a container above; expected another name", container.name);
                return Err(self.wrong(&at, message));
            }
            let sidecar = self.sidecar(&path, container.restart_policy.as_deref(), init)?;
            out.push(ContainerSpec { sidecar, ..self.container(&path, container, context)? });
        }
        Ok(out)
    }

    fn sidecar(&mut self, path: &str, policy: Option<&str>, init: bool) -> Result<bool, PlacedError> {
        let path = format!("{path}.restartPolicy");
        match policy {
            None => Ok(false),
            Some("Always") if init => Ok(true),
            Some(other) if init => {
                let message = format!("is \"{other}\"; expected Always, which makes it a sidecar, or nothing");
                Err(self.wrong(&path, message))
            }
            Some(_) => {
                self.warn(path, "is not supported by the lab: spec.restartPolicy holds for every container");
                Ok(false)
            }
        }
    }

    fn container(
        &mut self,
        path: &str,
        c: Container,
        context: &mut PodContext<'_>,
    ) -> Result<ContainerSpec, PlacedError> {
        let command = c.command.unwrap_or_default();
        let image = c.image.unwrap_or_default();
        if image.is_empty() && command.is_empty() {
            return Err(self.wrong(path, "has neither `image` nor `command`; expected one of them at least"));
        }
        let resources = self.resources(&format!("{path}.resources"), c.resources)?;
        let own = (c.name.as_str(), &resources);
        let env_from = self.env_from(path, c.env_from.unwrap_or_default(), &context.known.namespace)?;
        let env = self.env(path, c.env.unwrap_or_default(), context.known, own)?;
        let ports = self.ports(path, c.ports.unwrap_or_default(), context.host_network, &mut context.ports)?;
        let mounts = self.mounts(path, c.volume_mounts.unwrap_or_default(), context.volumes)?;
        // in Kubernetes "" means the image's working directory
        let working_dir = c.working_dir.filter(|dir| !dir.is_empty());
        if let Some(dir) = &working_dir {
            self.absolute(&format!("{path}.workingDir"), dir)?;
        }
        let limits = resources.limits();
        let termination =
            self.termination(path, c.termination_message_path, c.termination_message_policy.as_deref())?;
        let security = self.security(path, c.security_context, context.security)?;
        let args = c.args.unwrap_or_default();
        let stdio = Stdio {
            stdin: c.stdin.unwrap_or_default(),
            stdin_once: c.stdin_once.unwrap_or_default(),
            tty: c.tty.unwrap_or_default(),
        };
        let pull = self.pull_policy(path, c.image_pull_policy.as_deref(), &image)?;
        let service_env = context.known.services.clone();
        Ok(ContainerSpec {
            name: c.name,
            image,
            pull,
            command,
            args,
            env,
            env_from,
            service_env,
            working_dir,
            ports,
            mounts,
            limits,
            termination,
            security,
            stdio,
            join: None,
            sidecar: false,
        })
    }

    fn pull_policy(&self, path: &str, policy: Option<&str>, image: &str) -> Result<PullPolicy, PlacedError> {
        match policy {
            None | Some("") => Ok(default_pull_policy(image)),
            Some("IfNotPresent") => Ok(PullPolicy::IfNotPresent),
            Some("Always") => Ok(PullPolicy::Always),
            Some("Never") => Ok(PullPolicy::Never),
            Some(other) => {
                let message = format!("is \"{other}\"; expected Always, IfNotPresent or Never");
                Err(self.wrong(&format!("{path}.imagePullPolicy"), message))
            }
        }
    }

    fn termination(
        &self,
        path: &str,
        file: Option<String>,
        policy: Option<&str>,
    ) -> Result<TerminationMessage, PlacedError> {
        let mut termination = TerminationMessage::default();
        // in Kubernetes "" means the default
        if let Some(file) = file.filter(|file| !file.is_empty()) {
            let at = format!("{path}.terminationMessagePath");
            self.absolute(&at, &file)?;
            self.mountable(&at, &file)?;
            termination.path = file;
        }
        termination.fallback_to_logs = match policy {
            None | Some("" | "File") => false,
            Some("FallbackToLogsOnError") => true,
            Some(other) => {
                let message = format!("is \"{other}\"; expected File or FallbackToLogsOnError");
                return Err(self.wrong(&format!("{path}.terminationMessagePolicy"), message));
            }
        };
        Ok(termination)
    }

    /// Reads the variables. `own` is the container's name and resources.
    fn env(
        &mut self,
        path: &str,
        vars: Vec<EnvVar>,
        known: &PodFields,
        own: (&str, &Resources),
    ) -> Result<Vec<(String, EnvValue)>, PlacedError> {
        let mut env = Vec::new();
        for (j, var) in vars.into_iter().enumerate() {
            let path = format!("{path}.env[{j}]");
            if var.name.is_empty() || var.name.contains(['=', '\0']) {
                let message = format!("is \"{}\"; expected a variable's name, without =", var.name);
                return Err(self.wrong(&format!("{path}.name"), message));
            }
            // a variable without a value is empty
            let value = var.value.unwrap_or_default();
            let Some(from) = var.value_from else {
                env.push((var.name, value.into()));
                continue;
            };
            let from_path = format!("{path}.valueFrom");
            if !value.is_empty() {
                return Err(self.wrong(&from_path, "is set together with `value`; expected one of them"));
            }
            if let Some(field) = from.resource_field_ref {
                let of_own = field.container_name.as_deref().is_none_or(|name| name.is_empty() || name == own.0);
                if let Some(value) = own.1.field(&field).filter(|_| of_own) {
                    env.push((var.name, value.into()));
                } else {
                    let message =
                        format!("is {}, which this container does not have: the variable is not set", field.resource);
                    self.warn(format!("{from_path}.resourceFieldRef.resource"), message);
                }
                continue;
            }
            if let Some(value) = self.key_ref(&from_path, &from, &known.namespace)? {
                env.push((var.name, value));
                continue;
            }
            // the list of supported fields already warns of any other source
            let Some(field) = from.field_ref else { continue };
            if let Some(value) = known.field(&field.field_path) {
                env.push((var.name, value));
            } else {
                let message = format!("is {}, which the lab does not give: the variable is not set", field.field_path);
                self.warn(format!("{from_path}.fieldRef.fieldPath"), message);
            }
        }
        Ok(env)
    }
}
