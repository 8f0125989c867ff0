//! The values of `fieldRef` for variables and files.

use std::collections::BTreeMap;

use crate::lab::spec::EnvValue;

/// The name of the lab's only node.
const NODE: &str = "podscope-node";

/// The fields of a pod that are known from its manifest alone.
pub struct PodFields {
    pub name: String,
    pub namespace: String,
    pub labels: BTreeMap<String, String>,
    pub annotations: BTreeMap<String, String>,
    pub service_account: String,
    /// Variables of the services in the pod's namespace.
    pub services: Vec<(String, String)>,
}

impl PodFields {
    /// The value of a field such as `metadata.labels['app']`; a missing label is empty, as in Kubernetes. `None` if the
    /// lab does not support the field.
    pub fn field(&self, path: &str) -> Option<EnvValue> {
        let text = match path {
            "status.podIP" | "status.podIPs" => return Some(EnvValue::PodIp),
            // on a node with two addresses this has both; the lab's node has one
            "status.hostIP" | "status.hostIPs" => return Some(EnvValue::HostIp),
            "metadata.uid" => return Some(EnvValue::PodUid),
            "metadata.name" => self.name.clone(),
            "metadata.namespace" => self.namespace.clone(),
            "spec.nodeName" => NODE.to_owned(),
            "spec.serviceAccountName" => self.service_account.clone(),
            _ => {
                let (map, key) = path.strip_suffix("']")?.split_once("['")?;
                let map = match map {
                    "metadata.labels" => &self.labels,
                    "metadata.annotations" => &self.annotations,
                    _ => return None,
                };
                map.get(key).cloned().unwrap_or_default()
            }
        };
        Some(EnvValue::Text(text))
    }

    /// The contents of a file of a `downwardAPI` volume for this field, which may be a whole map. `None` if the lab
    /// does not support the field.
    pub fn file(&self, path: &str) -> Option<String> {
        match path {
            "metadata.labels" => Some(lines(&self.labels)),
            "metadata.annotations" => Some(lines(&self.annotations)),
            "metadata.name" | "metadata.namespace" => self.text(path),
            _ if path.starts_with("metadata.labels[") || path.starts_with("metadata.annotations[") => self.text(path),
            _ => None,
        }
    }

    fn text(&self, path: &str) -> Option<String> {
        match self.field(path)? {
            EnvValue::Text(text) => Some(text),
            _ => None,
        }
    }
}

/// `FormatMap` of pkg/fieldpath: one line for each entry, and no newline after the last.
fn lines(map: &BTreeMap<String, String>) -> String {
    map.iter().map(|(key, value)| format!("{key}={value:?}")).collect::<Vec<_>>().join("\n")
}
