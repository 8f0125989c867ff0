//! Which documents of a manifest are pods.

use super::Warning;
use crate::lab::spec::marked::{Marked, Place, Value, Wrong};

/// What there is in a manifest.
#[derive(Default)]
pub struct Found {
    pub pods: Vec<Marked>,
    /// Services, which give pods variables.
    pub services: Vec<Marked>,
    /// ConfigMaps and Secrets, which give pods files and variables.
    pub configs: Vec<Marked>,
    /// A warning for each document of another kind.
    pub skipped: Vec<Warning>,
}

/// Why a document is no pod.
struct Other {
    place: Place,
    message: String,
    /// Whether it has a pod's template in it.
    template: bool,
}

/// Kinds that have a template of a pod, and where.
const TEMPLATES: [(&str, &str); 7] = [
    ("CronJob", "spec.jobTemplate.spec.template"),
    ("DaemonSet", "spec.template"),
    ("Deployment", "spec.template"),
    ("Job", "spec.template"),
    ("ReplicaSet", "spec.template"),
    ("ReplicationController", "spec.template"),
    ("StatefulSet", "spec.template"),
];

/// The pods among the documents, those in lists as well.
///
/// # Errors
/// Something that is no Kubernetes object at all, or that there is no pod.
pub fn pods_of(documents: Vec<Marked>) -> Result<Found, Wrong> {
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

/// `implied` is the kind of an item that need not say it, as in a `PodList`.
fn sort(document: Marked, implied: Option<&str>, found: &mut Found, other: &mut Option<Other>) -> Result<(), Wrong> {
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
            // one of which a pod can be made says more than one of which none can
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

fn api_version(document: &Marked, implied: Option<&str>, kind: &str) -> Result<(), Wrong> {
    match text(document, "apiVersion", "v1")? {
        Some((got, place)) if got != "v1" => {
            Err((place, format!("apiVersion is \"{got}\"; expected v1, that of every {kind}")))
        }
        None if implied.is_none() => Err(missing(document, "apiVersion", "v1")),
        _ => Ok(()),
    }
}

fn text(document: &Marked, field: &str, want: &str) -> Result<Option<(String, Place)>, Wrong> {
    match document.get(field) {
        None => Ok(None),
        Some(Marked { value: Value::Text(text), place }) => Ok(Some((text.clone(), *place))),
        Some(other) => Err((other.place, format!("{field} is not a string; expected {want}"))),
    }
}

fn missing(document: &Marked, field: &str, want: &str) -> Wrong {
    (document.place, format!("{field} is missing; expected `{field}: {want}`"))
}

fn items(list: Marked) -> Result<Vec<Marked>, Wrong> {
    let place = list.place;
    let Value::Map(entries) = list.value else { return Ok(Vec::new()) };
    match entries.into_iter().find(|(key, ..)| key == "items") {
        Some((_, _, Marked { value: Value::List(items), .. })) => Ok(items),
        Some((_, _, Marked { value: Value::Null, .. })) => Ok(Vec::new()),
        Some((_, _, other)) => Err((other.place, "items is no list; expected a list of pods".to_owned())),
        None => Err((place, "items is missing; expected a list of pods".to_owned())),
    }
}
