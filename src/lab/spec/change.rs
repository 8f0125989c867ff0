//! What a pod must go through when its manifest has changed.

use std::collections::BTreeSet;

use super::{ContainerSpec, PodSpec, VolumeSource, host_name};
use crate::model::SandboxKind;

/// The least that makes a pod as its new manifest has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// It is so already.
    None,
    /// These containers are stopped and started anew, and the pod stays: only their command, arguments or
    /// image are others, and what ConfigMaps and Secrets hold. With the latter alone, none is.
    Containers(Vec<String>),
    /// The pod is made anew, because of these, such as `spec.containers[nginx].ports`.
    Recreate(Vec<String>),
}

/// Compares what runs with what is wanted.
pub fn change(old: &PodSpec, new: &PodSpec) -> Change {
    let mut found =
        Found { sandbox: &old.sandbox, programs: Vec::new(), deep: false, config: false, paths: Vec::new() };
    found.pod(old, new);
    if found.deep {
        Change::Recreate(found.paths)
    } else if found.programs.is_empty() && !found.config {
        Change::None
    } else {
        Change::Containers(found.programs)
    }
}

struct Found<'a> {
    sandbox: &'a SandboxKind,
    /// Containers of which the program is another.
    programs: Vec<String>,
    /// Whether anything else differs.
    deep: bool,
    /// Whether ConfigMaps or Secrets hold something else.
    config: bool,
    paths: Vec<String>,
}

impl Found<'_> {
    fn deep(&mut self, differs: bool, path: impl Into<String>) {
        if differs {
            self.deep = true;
            self.paths.push(path.into());
        }
    }

    fn pod(&mut self, old: &PodSpec, new: &PodSpec) {
        // all named, so that a new field cannot be forgotten here
        let PodSpec {
            name,
            namespace,
            labels,
            annotations,
            hostname,
            share,
            host,
            restart,
            grace_seconds,
            sandbox,
            own_pause,
            // of the same preset, or of the same file
            ports_may_move: _,
            init_containers,
            containers,
            // no manifest has any
            ephemeral_containers: _,
            volumes,
            // each container's own has it
            security: _,
        } = old;
        self.deep(*name != new.name, "metadata.name");
        self.deep(*namespace != new.namespace, "metadata.namespace");
        // shown, and known to variables: those are compared below
        self.config |= *labels != new.labels || *annotations != new.annotations;
        // by default it follows the name
        let follows = *hostname == host_name(name) && new.hostname == host_name(&new.name);
        self.deep(*hostname != new.hostname && !follows, "spec.hostname");
        self.deep(host.net != new.host.net, "spec.hostNetwork");
        self.deep(host.pid != new.host.pid, "spec.hostPID");
        self.deep(host.ipc != new.host.ipc, "spec.hostIPC");
        for (differs, kind, of_host) in [
            (share.net != new.share.net, "net", host.net != new.host.net),
            (share.ipc != new.share.ipc, "ipc", host.ipc != new.host.ipc),
            (share.uts != new.share.uts, "uts", false),
            (share.pid != new.share.pid, "pid", host.pid != new.host.pid),
        ] {
            self.deep(differs && !of_host, format!("the sharing of {kind} namespaces"));
        }
        self.deep(*restart != new.restart, "spec.restartPolicy");
        self.deep(*grace_seconds != new.grace_seconds, "spec.terminationGracePeriodSeconds");
        self.deep(*sandbox != new.sandbox || *own_pause != new.own_pause, "what holds the namespaces");
        let source = |name: &str, of: &PodSpec| -> Option<VolumeSource> {
            of.volumes.iter().find(|v| v.name == name).map(|v| v.source.clone())
        };
        for name in union(volumes.iter().map(|v| &v.name), new.volumes.iter().map(|v| &v.name)) {
            match (source(name, old), source(name, new)) {
                (Some(VolumeSource::Config(old)), Some(VolumeSource::Config(new))) => self.config |= old != new,
                (old, new) => self.deep(old != new, format!("spec.volumes[{name}]")),
            }
        }
        self.containers("spec.initContainers", init_containers, &new.init_containers);
        self.containers("spec.containers", containers, &new.containers);
    }

    fn containers(&mut self, list: &str, old: &[ContainerSpec], new: &[ContainerSpec]) {
        let find = |name: &str, of: &[ContainerSpec]| of.iter().find(|c| c.name == name).cloned();
        let mut same = true;
        for name in union(old.iter().map(|c| &c.name), new.iter().map(|c| &c.name)) {
            let path = format!("{list}[{name}]");
            if let (Some(old), Some(new)) = (find(name, old), find(name, new)) {
                self.container(&path, &old, &new, list == "spec.initContainers");
            } else {
                same = false;
                self.deep(true, path);
            }
        }
        let reordered = same && !old.iter().map(|c| &c.name).eq(new.iter().map(|c| &c.name));
        self.deep(reordered, format!("the order of {list}"));
    }

    fn container(&mut self, path: &str, old: &ContainerSpec, new: &ContainerSpec, init: bool) {
        let ContainerSpec {
            name,
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
            join,
            sidecar,
        } = old;
        self.deep(!old.same_environment(new), format!("{path}.env"));
        // the events of the next start say so
        self.config |= *pull != new.pull;
        self.config |= *env != new.env || *env_from != new.env_from;
        self.deep(*service_env != new.service_env, format!("the services that {path} knows"));
        self.deep(*working_dir != new.working_dir, format!("{path}.workingDir"));
        self.deep(*ports != new.ports, format!("{path}.ports"));
        self.deep(*mounts != new.mounts, format!("{path}.volumeMounts"));
        self.deep(*limits != new.limits, format!("{path}.resources"));
        self.deep(*termination != new.termination, format!("{path}.terminationMessagePath"));
        self.deep(*security != new.security, format!("{path}.securityContext"));
        self.deep(*stdio != new.stdio, format!("{path}.stdin"));
        self.deep(*join != new.join, format!("the namespaces that {path} shares"));
        self.deep(*sidecar != new.sidecar, format!("{path}.restartPolicy"));
        let program =
            [(*image != new.image, "image"), (*command != new.command, "command"), (*args != new.args, "args")];
        let fields: Vec<&str> = program.iter().filter(|(differs, _)| *differs).map(|(_, field)| *field).collect();
        if fields.is_empty() {
            return;
        }
        self.paths.extend(fields.iter().map(|field| format!("{path}.{field}")));
        // what has run to its end must run again before the others; and with the holder of the namespaces
        // the others end
        let holder = matches!(self.sandbox, SandboxKind::Infra(infra) if infra == name);
        if (init && !sidecar) || holder {
            self.deep = true;
        } else {
            self.programs.push(name.clone());
        }
    }
}

/// Both lists' names, each once, in the order of the first.
fn union<'a>(a: impl Iterator<Item = &'a String>, b: impl Iterator<Item = &'a String>) -> Vec<&'a String> {
    let mut seen = BTreeSet::new();
    a.chain(b).filter(|name| seen.insert(*name)).collect()
}

#[cfg(test)]
mod tests;
