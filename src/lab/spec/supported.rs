//! Which fields of a manifest the lab heeds, and what it says of the others.

use super::marked::{Marked, Place, Value};
use super::parse::Warning;

/// Fields that are heeded. `[]` is any item, `*` any key.
const HEEDED: [&str; 42] = [
    "apiVersion",
    "kind",
    "metadata.name",
    "metadata.namespace",
    "metadata.labels.*",
    "metadata.annotations.*",
    "spec.hostname",
    "spec.shareProcessNamespace",
    "spec.restartPolicy",
    "spec.terminationGracePeriodSeconds",
    "spec.containers[].name",
    "spec.containers[].image",
    "spec.containers[].command[]",
    "spec.containers[].args[]",
    "spec.containers[].workingDir",
    "spec.containers[].env[].name",
    "spec.containers[].env[].value",
    "spec.containers[].ports[].containerPort",
    "spec.containers[].ports[].hostPort",
    "spec.containers[].ports[].name",
    "spec.containers[].ports[].protocol",
    "spec.containers[].volumeMounts[].name",
    "spec.containers[].volumeMounts[].mountPath",
    "spec.containers[].volumeMounts[].readOnly",
    "spec.initContainers[].name",
    "spec.initContainers[].image",
    "spec.initContainers[].command[]",
    "spec.initContainers[].args[]",
    "spec.initContainers[].workingDir",
    "spec.initContainers[].env[].name",
    "spec.initContainers[].env[].value",
    "spec.initContainers[].ports[].containerPort",
    "spec.initContainers[].ports[].name",
    "spec.initContainers[].ports[].protocol",
    "spec.initContainers[].volumeMounts[].name",
    "spec.initContainers[].volumeMounts[].mountPath",
    "spec.initContainers[].volumeMounts[].readOnly",
    "spec.volumes[].name",
    "spec.volumes[].emptyDir",
    "spec.volumes[].emptyDir.medium",
    "spec.volumes[].hostPath.path",
    "spec.volumes[].hostPath.type",
];

/// Fields that say what is so here anyway: not worth a word.
const HARMLESS: [&str; 3] =
    ["spec.containers[].imagePullPolicy", "spec.initContainers[].imagePullPolicy", "spec.enableServiceLinks"];

/// Warnings for every field that is not heeded. `known` is the manifest as Kubernetes' types keep
/// it: a field that is not there is none of Kubernetes'.
pub fn unheeded(document: &Marked, known: &serde_json::Value) -> Vec<Warning> {
    let mut found = Vec::new();
    walk(document, Some(known), &mut Vec::new(), document.place, &mut found);
    found
}

fn walk(
    node: &Marked,
    known: Option<&serde_json::Value>,
    path: &mut Vec<String>,
    key: Place,
    found: &mut Vec<Warning>,
) {
    let (shown, pattern) = (show(path), pattern(path));
    let below = |p: &&str| p.starts_with(&format!("{pattern}.")) || p.starts_with(&format!("{pattern}[]"));
    let heeded = HEEDED.contains(&pattern.as_str()) || heeded_by_star(path);
    if heeded || (!path.is_empty() && (HARMLESS.contains(&pattern.as_str()) || says_no(node, &pattern))) {
        if matches!(node.value, Value::Map(_)) {
            descend(node, known, path, found);
        }
        return;
    }
    let inside = path.is_empty() || HEEDED.iter().any(below);
    if !inside {
        let message = if known.is_some() {
            "is not supported by the lab and has no effect".to_owned()
        } else {
            "is not a field that Kubernetes knows; it has no effect".to_owned()
        };
        found.push(Warning { path: shown, line: key.line, column: key.column, message });
        return;
    }
    descend(node, known, path, found);
}

fn descend(node: &Marked, known: Option<&serde_json::Value>, path: &mut Vec<String>, found: &mut Vec<Warning>) {
    match &node.value {
        Value::Map(entries) => {
            for (name, place, value) in entries {
                path.push(name.clone());
                // what is null is as good as absent
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
        Value::Null | Value::Scalar(_) => {}
    }
}

/// `hostNetwork: false` and the like ask for nothing.
fn says_no(node: &Marked, pattern: &str) -> bool {
    let switch = ["hostNetwork", "hostPID", "hostIPC", "tty", "stdin"];
    pattern.rsplit('.').next().is_some_and(|name| switch.contains(&name)) && node.scalar() == Some("false")
}

fn heeded_by_star(path: &[String]) -> bool {
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
