//! Which fields of a manifest the lab supports, and the warnings for the others.

use super::parse::Warning;
use super::yaml::{Place, Value, YamlNode};

/// Supported fields outside containers. `[]` stands for any item, `*` for any key.
const SUPPORTED: [&str; 59] = [
    "apiVersion",
    "kind",
    "metadata.name",
    "metadata.generateName",
    "metadata.namespace",
    "metadata.labels.*",
    "metadata.annotations.*",
    "spec.enableServiceLinks",
    "spec.hostname",
    "spec.hostNetwork",
    "spec.hostPID",
    "spec.hostIPC",
    "spec.shareProcessNamespace",
    "spec.restartPolicy",
    "spec.terminationGracePeriodSeconds",
    "spec.volumes[].name",
    "spec.volumes[].emptyDir",
    "spec.volumes[].emptyDir.medium",
    "spec.volumes[].emptyDir.sizeLimit",
    "spec.volumes[].configMap.name",
    "spec.volumes[].configMap.defaultMode",
    "spec.volumes[].configMap.items[].key",
    "spec.volumes[].configMap.items[].mode",
    "spec.volumes[].configMap.items[].path",
    "spec.volumes[].configMap.optional",
    "spec.volumes[].secret.secretName",
    "spec.volumes[].secret.defaultMode",
    "spec.volumes[].secret.items[].key",
    "spec.volumes[].secret.items[].mode",
    "spec.volumes[].secret.items[].path",
    "spec.volumes[].secret.optional",
    "spec.volumes[].projected.defaultMode",
    "spec.volumes[].downwardAPI.defaultMode",
    "spec.volumes[].downwardAPI.items[].fieldRef.apiVersion",
    "spec.volumes[].downwardAPI.items[].fieldRef.fieldPath",
    "spec.volumes[].downwardAPI.items[].mode",
    "spec.volumes[].downwardAPI.items[].path",
    "spec.volumes[].projected.sources[].downwardAPI.items[].fieldRef.apiVersion",
    "spec.volumes[].projected.sources[].downwardAPI.items[].fieldRef.fieldPath",
    "spec.volumes[].projected.sources[].downwardAPI.items[].mode",
    "spec.volumes[].projected.sources[].downwardAPI.items[].path",
    "spec.volumes[].projected.sources[].configMap.name",
    "spec.volumes[].projected.sources[].configMap.items[].key",
    "spec.volumes[].projected.sources[].configMap.items[].mode",
    "spec.volumes[].projected.sources[].configMap.items[].path",
    "spec.volumes[].projected.sources[].configMap.optional",
    "spec.volumes[].projected.sources[].secret.name",
    "spec.volumes[].projected.sources[].secret.items[].key",
    "spec.volumes[].projected.sources[].secret.items[].mode",
    "spec.volumes[].projected.sources[].secret.items[].path",
    "spec.volumes[].projected.sources[].secret.optional",
    "spec.volumes[].hostPath.path",
    "spec.volumes[].hostPath.type",
    "spec.securityContext.runAsUser",
    "spec.securityContext.runAsGroup",
    "spec.securityContext.runAsNonRoot",
    "spec.securityContext.supplementalGroups[]",
    "spec.containers[].*",
    "spec.initContainers[].*",
];

/// Supported fields of containers of every kind.
const OF_CONTAINERS: [&str; 49] = [
    "name",
    "image",
    "command[]",
    "args[]",
    "workingDir",
    "env[].name",
    "env[].value",
    "env[].valueFrom.configMapKeyRef.key",
    "env[].valueFrom.configMapKeyRef.name",
    "env[].valueFrom.configMapKeyRef.optional",
    "env[].valueFrom.secretKeyRef.key",
    "env[].valueFrom.secretKeyRef.name",
    "env[].valueFrom.secretKeyRef.optional",
    "envFrom[].prefix",
    "envFrom[].configMapRef.name",
    "envFrom[].configMapRef.optional",
    "envFrom[].secretRef.name",
    "envFrom[].secretRef.optional",
    "env[].valueFrom.fieldRef.apiVersion",
    "env[].valueFrom.fieldRef.fieldPath",
    "env[].valueFrom.resourceFieldRef.containerName",
    "env[].valueFrom.resourceFieldRef.divisor",
    "env[].valueFrom.resourceFieldRef.resource",
    "ports[].containerPort",
    "ports[].hostPort",
    "ports[].hostIP",
    "ports[].name",
    "ports[].protocol",
    "resources.limits.cpu",
    "resources.limits.memory",
    "resources.limits.podscope.dev/pids",
    "restartPolicy",
    "securityContext.allowPrivilegeEscalation",
    "securityContext.capabilities.add[]",
    "securityContext.capabilities.drop[]",
    "securityContext.readOnlyRootFilesystem",
    "securityContext.runAsGroup",
    "securityContext.runAsNonRoot",
    "securityContext.runAsUser",
    "stdin",
    "stdinOnce",
    "terminationMessagePath",
    "terminationMessagePolicy",
    "tty",
    "volumeMounts[].name",
    "volumeMounts[].mountPath",
    "volumeMounts[].readOnly",
    "volumeMounts[].subPath",
    "volumeMounts[].subPathExpr",
];

/// Fields that a server fills in, as `kubectl get -o yaml` prints them. They report a state and request nothing.
const FILLED_IN: [&str; 10] = [
    "status",
    "metadata.creationTimestamp",
    "metadata.deletionGracePeriodSeconds",
    "metadata.deletionTimestamp",
    "metadata.generation",
    "metadata.managedFields",
    "metadata.ownerReferences",
    "metadata.resourceVersion",
    "metadata.selfLink",
    "metadata.uid",
];

/// Fields without a warning although they have no effect: the lab pulls no images.
const HARMLESS: [&str; 2] = ["spec.containers[].imagePullPolicy", "spec.initContainers[].imagePullPolicy"];

/// Values that Kubernetes sets by default, so that they mean the same as no value.
const DEFAULTS: [(&str, &str); 8] = [
    ("spec.automountServiceAccountToken", "false"),
    ("spec.dnsPolicy", "ClusterFirst"),
    ("spec.preemptionPolicy", "PreemptLowerPriority"),
    ("spec.priority", "0"),
    ("spec.schedulerName", "default-scheduler"),
    ("spec.serviceAccount", "default"),
    ("spec.serviceAccountName", "default"),
    ("spec.setHostnameAsFQDN", "false"),
];

/// The document without the fields that a server fills in, whose types are not checked here.
pub fn without_filled_in_fields(document: &YamlNode) -> YamlNode {
    fn strip(node: &mut YamlNode, path: &str) {
        if let Value::Map(entries) = &mut node.value {
            entries.retain(|(key, ..)| !FILLED_IN.contains(&format!("{path}{key}").as_str()));
        }
    }
    let mut document = document.clone();
    strip(&mut document, "");
    if let Value::Map(entries) = &mut document.value {
        for (_, _, metadata) in entries.iter_mut().filter(|(key, ..)| key == "metadata") {
            strip(metadata, "metadata.");
        }
    }
    document
}

/// A warning for every unsupported field, at its outermost level. `known` is the manifest as Kubernetes' types keep it:
/// a field that is missing there does not exist in Kubernetes.
pub fn unsupported_fields(document: &YamlNode, known: &serde_json::Value) -> Vec<Warning> {
    let mut found = Vec::new();
    walk(document, Some(known), &mut Vec::new(), document.place, &mut found);
    found
}

fn walk(
    node: &YamlNode,
    known: Option<&serde_json::Value>,
    path: &mut Vec<String>,
    key: Place,
    found: &mut Vec<Warning>,
) {
    let (shown, pattern) = (show(path), pattern(path));
    if path.is_empty() || is_label_or_annotation(path) || is_supported(&pattern) {
        descend(node, known, path, found);
    } else if !(known.is_some() && has_no_meaning(node, &pattern)) {
        let message = if known.is_some() { unsupported_message(&pattern) } else { UNKNOWN };
        found.push(Warning { path: shown, line: key.line, column: key.column, message: message.to_owned() });
    }
}

const UNKNOWN: &str = "is not a field that Kubernetes knows; it has no effect";

/// The warning for an unsupported field, with the consequence if more than the field is affected.
fn unsupported_message(pattern: &str) -> &'static str {
    if pattern.starts_with("spec.volumes[].projected.sources[].") {
        "is not supported by the lab: its files are not there"
    } else if pattern.starts_with("spec.volumes[].downwardAPI.items[].") {
        "is not supported by the lab: its file is not there"
    } else if pattern.starts_with("spec.volumes[].") {
        "is not supported by the lab: an empty directory takes its place"
    } else if pattern.contains(".env[].valueFrom.") {
        "is not supported by the lab: the variable is not set"
    } else {
        "is not supported by the lab and has no effect"
    }
}

/// Whether this field, or a field inside it, is supported.
fn is_supported(pattern: &str) -> bool {
    let container = ["spec.containers[].", "spec.initContainers[]."].iter().find_map(|list| pattern.strip_prefix(list));
    let (fields, pattern): (&[&str], &str) = match container {
        Some(field) => (&OF_CONTAINERS, field),
        None => (&SUPPORTED, pattern),
    };
    fields.iter().any(|field| *field == pattern || is_inside(field, pattern))
}

/// Whether the pattern `inner` names something inside `outer`.
fn is_inside(inner: &str, outer: &str) -> bool {
    inner.strip_prefix(outer).is_some_and(|rest| rest.starts_with('.') || rest.starts_with("[]"))
}

fn has_no_meaning(node: &YamlNode, pattern: &str) -> bool {
    let empty = match &node.value {
        Value::List(items) => items.is_empty(),
        Value::Map(entries) => entries.is_empty(),
        _ => false,
    };
    let default = || DEFAULTS.iter().any(|(p, value)| *p == pattern && node.scalar().as_deref() == Some(value));
    empty && !pattern.starts_with("spec.volumes[]") || HARMLESS.contains(&pattern) || default()
}

fn descend(node: &YamlNode, known: Option<&serde_json::Value>, path: &mut Vec<String>, found: &mut Vec<Warning>) {
    match &node.value {
        Value::Map(entries) => {
            for (name, place, value) in entries {
                path.push(name.clone());
                // null means absent
                if !value.is_null() {
                    walk(value, known.and_then(|k| k.get(name)), path, *place, found);
                }
                path.pop();
            }
        }
        Value::List(items) => {
            for (i, item) in items.iter().enumerate() {
                path.push(format!("[{i}]"));
                walk(item, known.and_then(|k| k.get(i)), path, item.place, found);
                path.pop();
            }
        }
        _ => {}
    }
}

fn is_label_or_annotation(path: &[String]) -> bool {
    path.len() == 3 && path[0] == "metadata" && (path[1] == "labels" || path[1] == "annotations")
}

fn show(path: &[String]) -> String {
    join(path, str::to_owned)
}

fn pattern(path: &[String]) -> String {
    join(path, |_| "[]".to_owned())
}

fn join(path: &[String], index: impl Fn(&str) -> String) -> String {
    let mut out = String::new();
    for word in path {
        if word.starts_with('[') {
            out.push_str(&index(word));
        } else {
            if !out.is_empty() {
                out.push('.');
            }
            out.push_str(word);
        }
    }
    out
}
