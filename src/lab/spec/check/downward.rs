//! What `fieldRef` gives to a variable or a file.

use std::collections::BTreeMap;

use crate::lab::spec::EnvValue;

/// The name of the lab's only node.
const NODE: &str = "podscope-node";

/// What is known of a pod from its manifest alone.
pub struct Known {
    pub name: String,
    pub namespace: String,
    pub labels: BTreeMap<String, String>,
    pub annotations: BTreeMap<String, String>,
    pub service_account: String,
    /// Variables of the services of its namespace.
    pub services: Vec<(String, String)>,
}

impl Known {
    /// The value of a field such as `metadata.labels['app']`; a label that is not there is empty, as in
    /// Kubernetes. `None` if the lab has no such field.
    pub fn field(&self, path: &str) -> Option<EnvValue> {
        let text = match path {
            "status.podIP" | "status.podIPs" => return Some(EnvValue::PodIp),
            // a node of two addresses has two; the lab's has one
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

    /// The text of a file that has this field, as `downwardAPI` volumes have it; whole maps among them. `None` if the lab has
    /// none.
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

/// `FormatMap` of pkg/fieldpath: a line each, without a newline after the last.
fn lines(map: &BTreeMap<String, String>) -> String {
    map.iter().map(|(key, value)| format!("{key}={value:?}")).collect::<Vec<_>>().join("\n")
}
