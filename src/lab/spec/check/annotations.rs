//! Annotations under `podscope.dev/`, for settings that Kubernetes has no field for.

use std::collections::BTreeMap;

use super::Checker;
use crate::lab::spec::parse::Warning;
use crate::lab::spec::yaml::{Place, PlacedError};
use crate::lab::spec::{ContainerSpec, Content, Join, Share};
use crate::model::SandboxKind;

/// Prefix of the annotations that the lab reads.
const OURS: &str = "podscope.dev/";

/// Prefix of the annotation of one container. The container's name follows, which so may have its full length.
pub(in crate::lab) const SHARE_PREFIX: &str = "share.podscope.dev/";

/// The values of the lab's annotations.
#[derive(Default)]
pub struct PodAnnotations {
    pause: Option<SandboxKind>,
    /// The executable of a pause that the user supplies.
    own_pause: Option<Content>,
    infra: Option<String>,
    pub share: Option<Share>,
    /// By container name: the annotation's text, and what it shares.
    joins: BTreeMap<String, (String, Join)>,
}

impl Checker<'_> {
    pub(super) fn annotations(&mut self, all: &BTreeMap<String, String>) -> Result<PodAnnotations, PlacedError> {
        let mut asked = PodAnnotations::default();
        for (key, value) in all {
            if let Some(container) = key.strip_prefix(SHARE_PREFIX) {
                let join = Join::parse(value).ok_or_else(|| self.join_error(container, value, JOIN_SYNTAX))?;
                asked.joins.insert(container.to_owned(), (value.clone(), join));
                continue;
            }
            let Some(ours) = key.strip_prefix(OURS) else { continue };
            match ours {
                // a file, such as ./pause or pause.c
                "pause" if value.contains(['/', '.']) => {
                    let program = (self.read_program)(value).map_err(|why| {
                        self.annotation_error(ours, value, &format!("a static executable, or its source in C: {why}"))
                    })?;
                    asked.pause = Some(SandboxKind::Own(value.clone()));
                    asked.own_pause = Some(Content(program));
                }
                "pause" => {
                    let expected = "reap, no-reap, missing, delay= with milliseconds such as delay=200ms, or a file such as \
                                    ./pause.c";
                    asked.pause = Some(pause_kind(value).ok_or_else(|| self.annotation_error(ours, value, expected))?);
                }
                "infra" => asked.infra = Some(value.clone()),
                "share" => {
                    let expected = "any of net, ipc, uts and pid, with commas between";
                    asked.share = Some(share(value).ok_or_else(|| self.annotation_error(ours, value, expected))?);
                }
                _ => {
                    let Place { line, column } = self.annotation_place(ours);
                    let path = format!("metadata.annotations.{key}");
                    let message = "is not an annotation that this version knows; it has no effect".to_owned();
                    self.warnings.push(Warning { path, line, column, message });
                }
            }
        }
        Ok(asked)
    }

    /// What holds the pod's namespaces, and the executable if the user supplies the pause.
    pub(super) fn sandbox(
        &self,
        asked: PodAnnotations,
        containers: &[ContainerSpec],
    ) -> Result<(SandboxKind, Option<Content>), PlacedError> {
        let Some(infra) = asked.infra else {
            return Ok((asked.pause.unwrap_or(SandboxKind::Pause), asked.own_pause));
        };
        if asked.pause.is_some() {
            let expected = "no podscope.dev/pause beside it: with an infra container there is no pause";
            return Err(self.annotation_error("infra", &infra, expected));
        }
        if !containers.iter().any(|c| c.name == infra) {
            let names: Vec<&str> = containers.iter().map(|c| c.name.as_str()).collect();
            let expected = format!("a container of spec.containers ({})", names.join(", "));
            return Err(self.annotation_error("infra", &infra, &expected));
        }
        Ok((SandboxKind::Infra(infra), None))
    }

    /// Sets what single containers share if it differs from the pod's `share`. A container may join the pid namespace
    /// only of a container above it, so that there is no cycle, and only of one that does not end before it runs: of
    /// `init` only sidecars.
    pub(super) fn joins<'c>(
        &self,
        asked: &PodAnnotations,
        init: impl Iterator<Item = &'c mut ContainerSpec>,
        apps: impl Iterator<Item = &'c mut ContainerSpec>,
    ) -> Result<(), PlacedError> {
        let (mut all, mut above): (Vec<String>, Vec<String>) = (Vec::new(), Vec::new());
        let init = init.map(|c| (c.sidecar, c));
        for (lasts, container) in init.chain(apps.map(|c| (true, c))) {
            if let Some((value, join)) = asked.joins.get(&container.name) {
                if let Some(target) = join.target().filter(|target| !above.iter().any(|name| name == target)) {
                    let expected = format!("{target} to be a container above {} that lasts", container.name);
                    return Err(self.join_error(&container.name, value, &expected));
                }
                container.join = Some(join.clone());
            }
            all.push(container.name.clone());
            above.extend(lasts.then(|| container.name.clone()));
        }
        match asked.joins.iter().find(|(name, _)| !all.contains(name)) {
            Some((name, (value, _))) => {
                let expected = format!("one of the pod's containers ({}) after the slash", all.join(", "));
                Err(self.join_error(name, value, &expected))
            }
            None => Ok(()),
        }
    }

    fn join_error(&self, container: &str, value: &str, expected: &str) -> PlacedError {
        let key = format!("{SHARE_PREFIX}{container}");
        (self.place_of_key(&key), format!("metadata.annotations {key} is \"{value}\"; expected {expected}"))
    }

    pub(super) fn annotation_error(&self, ours: &str, value: &str, expected: &str) -> PlacedError {
        (self.annotation_place(ours), format!("metadata.annotations {OURS}{ours} is \"{value}\"; expected {expected}"))
    }

    /// The annotation's key contains dots, so no path leads to it.
    fn annotation_place(&self, ours: &str) -> Place {
        self.place_of_key(&format!("{OURS}{ours}"))
    }

    fn place_of_key(&self, key: &str) -> Place {
        let annotations = self.document.get("metadata").and_then(|m| m.get("annotations"));
        annotations.and_then(|a| a.get(key)).unwrap_or(self.document).place
    }
}

const JOIN_SYNTAX: &str = "any of net, ipc, uts and pid, or pid: and another container, with commas between; or none";

fn pause_kind(value: &str) -> Option<SandboxKind> {
    match value {
        "reap" => Some(SandboxKind::Pause),
        "no-reap" => Some(SandboxKind::PauseNoReap),
        "missing" => Some(SandboxKind::Missing),
        _ => value.strip_prefix("delay=")?.strip_suffix("ms")?.parse().ok().map(SandboxKind::PauseDelay),
    }
}

/// An empty text shares nothing.
fn share(value: &str) -> Option<Share> {
    let mut share = Share { net: false, ipc: false, uts: false, pid: false };
    for word in value.split(',').map(str::trim).filter(|_| !value.trim().is_empty()) {
        match word {
            "net" => share.net = true,
            "ipc" => share.ipc = true,
            "uts" => share.uts = true,
            "pid" => share.pid = true,
            _ => return None,
        }
    }
    Some(share)
}
