//! From a manifest's text to pods.

use std::fmt;

use k8s_openapi::api::core::v1::Pod;
use serde::{Deserialize, Serialize};

use super::PodSpec;
use super::check::Checker;
use super::marked::{Marked, Place, Value};
use super::supported;

/// Something in a manifest that has no effect here.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Warning {
    /// As in `spec.containers[0].resources`.
    pub path: String,
    pub line: u64,
    pub column: u64,
    pub message: String,
}

impl fmt::Display for Warning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {} {}", self.line, self.column, self.path, self.message)
    }
}

/// Why a manifest is not a pod, and where.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{file}:{line}:{column}: {message}")]
pub struct SpecError {
    pub file: String,
    /// From 1; 0 if the place is not known.
    pub line: u64,
    pub column: u64,
    pub message: String,
}

/// Reads every pod of a manifest, in order.
///
/// # Errors
/// The first thing that is wrong, with its place and what is expected there.
pub fn parse(file_name: &str, text: &str) -> Result<Vec<(PodSpec, Vec<Warning>)>, SpecError> {
    let error = |place: Place, message: String| SpecError {
        file: file_name.to_owned(),
        line: place.line,
        column: place.column,
        message,
    };
    let yaml = |e: &serde_saphyr::Error| {
        let place = e.location().map(Place::of).unwrap_or_default();
        error(place, words(e))
    };
    let documents: Vec<Marked> = serde_saphyr::from_multiple(text).map_err(|e| yaml(&e))?;
    let documents: Vec<Marked> = documents.into_iter().filter(|d| !d.is_null()).collect();
    if documents.is_empty() {
        let place = Place { line: 1, column: 1 };
        return Err(error(place, "nothing here; expected a manifest with `kind: Pod`".to_owned()));
    }
    for document in &documents {
        kind(document).map_err(|(place, message)| error(place, message))?;
    }
    let typed: Vec<Pod> = serde_saphyr::from_multiple(text).map_err(|e| yaml(&e))?;
    let mut pods: Vec<(PodSpec, Vec<Warning>)> = Vec::new();
    for (document, pod) in documents.iter().zip(typed) {
        let known = serde_json::to_value(&pod).unwrap_or_default();
        let mut warnings = supported::unheeded(document, &known);
        let mut checker = Checker { document, warnings: Vec::new() };
        let spec = checker.pod(pod).map_err(|(place, message)| error(place, message))?;
        if pods.iter().any(|(other, _)| other.name == spec.name && other.namespace == spec.namespace) {
            let place = document.place_of("metadata.name");
            return Err(error(place, format!("there is a pod \"{}\" above already; expected another name", spec.name)));
        }
        warnings.append(&mut checker.warnings);
        warnings.sort_by(|a, b| (a.line, a.column, &a.path).cmp(&(b.line, b.column, &b.path)));
        pods.push((spec, warnings));
    }
    Ok(pods)
}

/// Before the types are checked, since another kind has other types.
fn kind(document: &Marked) -> Result<(), (Place, String)> {
    if !matches!(document.value, Value::Map(_)) {
        return Err((document.place, "expected a mapping with `apiVersion: v1` and `kind: Pod`".to_owned()));
    }
    for (field, want) in [("apiVersion", "v1"), ("kind", "Pod")] {
        match document.get(field).map(|v| (v, v.scalar())) {
            Some((_, Some(got))) if got == want => {}
            Some((v, Some(got))) => {
                return Err((
                    v.place,
                    format!("{field} is \"{got}\"; expected {want}: the lab runs pods and nothing else"),
                ));
            }
            Some((v, None)) => return Err((v.place, format!("{field} is not a string; expected {want}"))),
            None => return Err((document.place, format!("{field} is missing; expected `{field}: {want}`"))),
        }
    }
    Ok(())
}

/// The error without the place, which we say ourselves, and without the excerpt.
fn words(e: &serde_saphyr::Error) -> String {
    let text = e.without_snippet().to_string();
    let text = text.lines().next().unwrap_or_default();
    let cut = text.rfind(" at line ").unwrap_or(text.len());
    text[..cut].trim_end_matches([',', ':', ' ']).to_owned()
}

#[cfg(test)]
mod tests;
