//! What `valueFrom.fieldRef` gives to a variable.

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
}
