//! Sorts the documents of a manifest by kind.

use super::Warning;
use crate::lab::spec::yaml::{Place, PlacedError, Value, YamlNode};

/// The documents of a manifest, by kind.
#[derive(Default)]
pub struct Found {
    pub pods: Vec<YamlNode>,
    /// Services, which set variables in pods.
    pub services: Vec<YamlNode>,
    /// ConfigMaps and Secrets, for files and variables of pods.
    pub configs: Vec<YamlNode>,
    /// A warning for each document of another kind.
    pub skipped: Vec<Warning>,
}

/// A document of another kind, and the error if there is no pod at all.
struct Other {
    place: Place,
    message: String,
    /// Whether it contains a pod template.
    template: bool,
}

/// Kinds that contain a pod template, and the path of the template.
const TEMPLATES: [(&str, &str); 7] = [
    ("CronJob", "spec.jobTemplate.spec.template"),
    ("DaemonSet", "spec.template"),
    ("Deployment", "spec.template"),
    ("Job", "spec.template"),
    ("ReplicaSet", "spec.template"),
    ("ReplicationController", "spec.template"),
    ("StatefulSet", "spec.template"),
];

/// Sorts the documents, including those in lists.
///
/// # Errors
/// A document is no Kubernetes object, or there is no pod.
pub fn pods_of(documents: Vec<YamlNode>) -> Result<Found, PlacedError> {
    let mut found = Found::default();
    let mut other = None;
    let mut anything = None;
    for document in documents.into_iter().filter(|d| !d.is_null()) {
        anything = anything.or(Some(document.place));
        sort(document, None, &mut found, &mut other)?;
    }
    match (found.pods.is_empty(), other, anything) {
        (false, ..) => Ok(found),
        (true, Some(other), _) => Err((other.place, other.message)),
        (true, None, Some(place)) => Err((place, "a list without a pod; expected items of `kind: Pod`".to_owned())),
        (true, None, None) => {
            Err((Place { line: 1, column: 1 }, "nothing here; expected a manifest with `kind: Pod`".to_owned()))
        }
    }
}

/// `implied` is the kind of an item that does not name one, as in a `PodList`.
fn sort(
    document: YamlNode,
    implied: Option<&str>,
    found: &mut Found,
    other: &mut Option<Other>,
) -> Result<(), PlacedError> {
    if !matches!(document.value, Value::Map(_)) {
        return Err((document.place, "expected a mapping with `apiVersion: v1` and `kind: Pod`".to_owned()));
    }
    let kind = match (text(&document, "kind", "Pod")?, implied) {
        (Some((kind, _)), _) => kind,
        (None, Some(implied)) => implied.to_owned(),
        (None, None) if document.get("apiVersion").is_none() => return Err(missing(&document, "apiVersion", "v1")),
        (None, None) => return Err(missing(&document, "kind", "Pod")),
    };
    match kind.as_str() {
        "Pod" => {
            api_version(&document, implied, "pod")?;
            found.pods.push(document);
        }
        "List" | "PodList" => {
            let implied = (kind == "PodList").then_some("Pod");
            for item in items(document)? {
                sort(item, implied, found, other)?;
            }
        }
        _ => {
            let Place { line, column } = document.place_of("kind");
            let hint = TEMPLATES.iter().find(|(k, _)| *k == kind).map(|(_, path)| {
                format!("to run its pod, copy its {path} into a manifest with `apiVersion: v1` and `kind: Pod`")
            });
            let template = hint.is_some();
            let hint = hint.as_deref().unwrap_or("the lab runs pods and nothing else");
            // a kind with a pod template makes a more helpful error than one without
            if other.as_ref().is_none_or(|o| template && !o.template) {
                let message = format!("kind is \"{kind}\"; expected Pod: {hint}");
                *other = Some(Other { place: document.place_of("kind"), message, template });
            }
            if kind == "Service" {
                found.services.push(document);
                return Ok(());
            }
            if kind == "ConfigMap" || kind == "Secret" {
                api_version(&document, None, &kind)?;
                found.configs.push(document);
                return Ok(());
            }
            let message = format!("is \"{kind}\", which is skipped: {hint}");
            found.skipped.push(Warning { path: "kind".to_owned(), line, column, message });
        }
    }
    Ok(())
}

fn api_version(document: &YamlNode, implied: Option<&str>, kind: &str) -> Result<(), PlacedError> {
    match text(document, "apiVersion", "v1")? {
        Some((got, place)) if got != "v1" => {
            Err((place, format!("apiVersion is \"{got}\"; expected v1, that of every {kind}")))
        }
        None if implied.is_none() => Err(missing(document, "apiVersion", "v1")),
        _ => Ok(()),
    }
}

fn text(document: &YamlNode, field: &str, want: &str) -> Result<Option<(String, Place)>, PlacedError> {
    match document.get(field) {
        None => Ok(None),
        Some(YamlNode { value: Value::Text(text), place }) => Ok(Some((text.clone(), *place))),
        Some(other) => Err((other.place, format!("{field} is not a string; expected {want}"))),
    }
}

fn missing(document: &YamlNode, field: &str, want: &str) -> PlacedError {
    (document.place, format!("{field} is missing; expected `{field}: {want}`"))
}

fn items(list: YamlNode) -> Result<Vec<YamlNode>, PlacedError> {
    let place = list.place;
    let Value::Map(entries) = list.value else { return Ok(Vec::new()) };
    match entries.into_iter().find(|(key, ..)| key == "items") {
        Some((_, _, YamlNode { value: Value::List(items), .. })) => Ok(items),
        Some((_, _, YamlNode { value: Value::Null, .. })) => Ok(Vec::new()),
        Some((_, _, other)) => Err((other.place, "items is no list; expected a list of pods".to_owned())),
        None => Err((place, "items is missing; expected a list of pods".to_owned())),
    }
}
