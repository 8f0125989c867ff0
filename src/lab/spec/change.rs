//! What must be done to a running pod when its manifest has changed.

use std::collections::BTreeSet;

use super::{ContainerSpec, PodSpec, VolumeSource, host_name};
use crate::model::SandboxKind;

/// The smallest change that brings a pod to its new manifest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// Nothing has to be done.
    None,
    /// These containers are restarted and the pod stays: only their command, arguments or image differ, or the contents
    /// of ConfigMaps and Secrets. If only the latter differ, the list is empty.
    Containers(Vec<String>),
    /// The pod is deleted and created again because of these fields, such as `spec.containers[nginx].ports`.
    Recreate(Vec<String>),
}

/// Compares the running pod with the new manifest.
pub fn change(old: &PodSpec, new: &PodSpec) -> Change {
    let mut found =
        Differences { sandbox: &old.sandbox, programs: Vec::new(), recreate: false, config: false, paths: Vec::new() };
    found.pod(old, new);
    if found.recreate {
        Change::Recreate(found.paths)
    } else if found.programs.is_empty() && !found.config {
        Change::None
    } else {
        Change::Containers(found.programs)
    }
}

struct Differences<'a> {
    sandbox: &'a SandboxKind,
    /// Containers with another program.
    programs: Vec<String>,
    /// Whether anything differs that a restart of containers cannot change.
    recreate: bool,
    /// Whether contents of ConfigMaps or Secrets differ, or what is only shown.
    config: bool,
    paths: Vec<String>,
}

impl Differences<'_> {
    fn recreate(&mut self, differs: bool, path: impl Into<String>) {
        if differs {
            self.recreate = true;
            self.paths.push(path.into());
        }
    }

    fn pod(&mut self, old: &PodSpec, new: &PodSpec) {
        // a full pattern without `..`, so that the compiler reports a new field here
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
            // both specs come from the same preset or from the same file
            ports_may_move: _,
            init_containers,
            containers,
            // no manifest has ephemeral containers
            ephemeral_containers: _,
            volumes,
            // it is part of each container's `security`
            security: _,
        } = old;
        self.recreate(*name != new.name, "metadata.name");
        self.recreate(*namespace != new.namespace, "metadata.namespace");
        // these are only shown, or used by variables, which are compared below
        self.config |= *labels != new.labels || *annotations != new.annotations;
        // the default host name is derived from the pod's name
        let follows = *hostname == host_name(name) && new.hostname == host_name(&new.name);
        self.recreate(*hostname != new.hostname && !follows, "spec.hostname");
        self.recreate(host.net != new.host.net, "spec.hostNetwork");
        self.recreate(host.pid != new.host.pid, "spec.hostPID");
        self.recreate(host.ipc != new.host.ipc, "spec.hostIPC");
        for (differs, kind, of_host) in [
            (share.net != new.share.net, "net", host.net != new.host.net),
            (share.ipc != new.share.ipc, "ipc", host.ipc != new.host.ipc),
            (share.uts != new.share.uts, "uts", false),
            (share.pid != new.share.pid, "pid", host.pid != new.host.pid),
        ] {
            self.recreate(differs && !of_host, format!("the sharing of {kind} namespaces"));
        }
        self.recreate(*restart != new.restart, "spec.restartPolicy");
        self.recreate(*grace_seconds != new.grace_seconds, "spec.terminationGracePeriodSeconds");
        self.recreate(*sandbox != new.sandbox || *own_pause != new.own_pause, "what holds the namespaces");
        let source = |name: &str, of: &PodSpec| -> Option<VolumeSource> {
            of.volumes.iter().find(|v| v.name == name).map(|v| v.source.clone())
        };
        for name in union(volumes.iter().map(|v| &v.name), new.volumes.iter().map(|v| &v.name)) {
            match (source(name, old), source(name, new)) {
                (Some(VolumeSource::Config(old)), Some(VolumeSource::Config(new))) => self.config |= old != new,
                (old, new) => self.recreate(old != new, format!("spec.volumes[{name}]")),
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
                self.recreate(true, path);
            }
        }
        let reordered = same && !old.iter().map(|c| &c.name).eq(new.iter().map(|c| &c.name));
        self.recreate(reordered, format!("the order of {list}"));
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
        self.recreate(!old.same_environment(new), format!("{path}.env"));
        // only the events of the next start show it
        self.config |= *pull != new.pull;
        self.config |= *env != new.env || *env_from != new.env_from;
        self.recreate(*service_env != new.service_env, format!("the services that {path} knows"));
        self.recreate(*working_dir != new.working_dir, format!("{path}.workingDir"));
        self.recreate(*ports != new.ports, format!("{path}.ports"));
        self.recreate(*mounts != new.mounts, format!("{path}.volumeMounts"));
        self.recreate(*limits != new.limits, format!("{path}.resources"));
        self.recreate(*termination != new.termination, format!("{path}.terminationMessagePath"));
        self.recreate(*security != new.security, format!("{path}.securityContext"));
        self.recreate(*stdio != new.stdio, format!("{path}.stdin"));
        self.recreate(*join != new.join, format!("the namespaces that {path} shares"));
        self.recreate(*sidecar != new.sidecar, format!("{path}.restartPolicy"));
        let program =
            [(*image != new.image, "image"), (*command != new.command, "command"), (*args != new.args, "args")];
        let fields: Vec<&str> = program.iter().filter(|(differs, _)| *differs).map(|(_, field)| *field).collect();
        if fields.is_empty() {
            return;
        }
        self.paths.extend(fields.iter().map(|field| format!("{path}.{field}")));
        // An init container would have to run again before the others. The others end with the holder of the
        // namespaces.
        let holder = matches!(self.sandbox, SandboxKind::Infra(infra) if infra == name);
        if (init && !sidecar) || holder {
            self.recreate = true;
        } else {
            self.programs.push(name.clone());
        }
    }
}

/// The names of both lists, each once, in the order of the first list.
fn union<'a>(a: impl Iterator<Item = &'a String>, b: impl Iterator<Item = &'a String>) -> Vec<&'a String> {
    let mut seen = BTreeSet::new();
    a.chain(b).filter(|name| seen.insert(*name)).collect()
}

#[cfg(test)]
mod tests;
