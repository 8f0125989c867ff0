//! Reads pods from a manifest's text.

mod documents;

use std::{fmt, thread};

use serde::{Deserialize, Serialize};

use self::documents::{Found, pods_of};
use super::PodSpec;
use super::check::Checker;
use super::config::Configs;
use super::services::Services;
use super::yaml::{Place, PlacedError, YamlNode};
use super::{supported, typed};
use crate::model::text::escaped;

/// A field of a manifest that has no effect in the lab, or another effect than in Kubernetes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Warning {
    /// A path such as `spec.containers[0].resources`.
    pub path: String,
    /// Line and column count from 1.
    pub line: u64,
    pub column: u64,
    pub message: String,
}

impl fmt::Display for Warning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {} {}", self.line, self.column, self.path, self.message)
    }
}

/// Why a manifest cannot be read, and where.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{file}:{line}:{column}: {message}")]
pub struct SpecError {
    pub file: String,
    /// Line and column count from 1, and are always inside the text.
    pub line: u64,
    pub column: u64,
    pub message: String,
}

/// Reads every pod of a manifest, in order, including those in a `List`. Documents of other kinds are skipped, with a
/// warning at the first pod. The manifest is no file, so it may name none.
///
/// # Errors
/// The first error, with its place and what is expected there; or that there is no pod.
pub fn parse(file_name: &str, text: &str) -> Result<Pods, SpecError> {
    let nothing = |_: &str| Err("the manifest is no file, so there is nothing beside it".to_owned());
    parse_with_program(file_name, text, &nothing)
}

/// Gets the executable of a pause from its path in the manifest, or says why it cannot be used.
pub type ReadProgram<'a> = dyn Fn(&str) -> Result<Vec<u8>, String> + Sync + 'a;

/// As [`parse`], for a manifest that may name a file beside it. The caller reads the file: there is no I/O here.
///
/// # Errors
/// As [`parse`], or the error of `read_program`.
pub fn parse_with_program(file_name: &str, text: &str, read_program: &ReadProgram<'_>) -> Result<Pods, SpecError> {
    on_large_stack(|| read(text, read_program)).map_err(|(place, message)| {
        let Place { line, column } = clamp_to_text(place, text);
        // names and values of the manifest are in it
        SpecError { file: file_name.to_owned(), line, column, message: escaped(&message).into_owned() }
    })
}

/// A document may have about 60 levels, the reader's limit. These need more stack than a thread usually has.
const STACK: usize = 16 << 20;

/// Runs the closure on a thread with a large stack, or on this thread if no other can be started.
fn on_large_stack<T: Send>(work: impl Fn() -> T + Sync) -> T {
    thread::scope(|scope| match thread::Builder::new().stack_size(STACK).spawn_scoped(scope, &work) {
        Ok(thread) => thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)),
        Err(_) => work(),
    })
}

/// Each pod with its warnings.
pub type Pods = Vec<(PodSpec, Vec<Warning>)>;

/// The pods of a manifest as YAML, in the order of [`parse`], for what changes the text.
///
/// # Errors
/// As [`parse`], but the fields of the pods are not checked.
pub(super) fn pod_documents(text: &str) -> Result<Vec<YamlNode>, PlacedError> {
    on_large_stack(|| found(text)).map(|found| found.pods)
}

fn found(text: &str) -> Result<Found, PlacedError> {
    let yaml = |e: serde_saphyr::Error| (e.location().map(Place::of).unwrap_or_default(), error_text(&e));
    // `defaultMode: 0400` is octal to kubectl, which reads YAML 1.1
    let options = serde_saphyr::options! { legacy_octal_numbers: true };
    let documents: Vec<YamlNode> = serde_saphyr::from_multiple_with_options(text, options).map_err(yaml)?;
    pods_of(documents)
}

fn read(text: &str, read_program: &ReadProgram<'_>) -> Result<Pods, PlacedError> {
    let Found { pods: found, services, configs, mut skipped } = found(text)?;
    let services = Services::read(&services)?;
    skipped.extend(services.warnings);
    let mut configs = Configs::read(&configs)?;
    skipped.append(&mut configs.warnings);
    let mut pods = Pods::new();
    for document in found {
        let document = supported::without_filled_in_fields(&document);
        let pod = typed::read(&document)?;
        let known = serde_json::to_value(&pod).unwrap_or_default();
        let mut warnings = supported::unsupported_fields(&document, &known);
        let mut checker = Checker {
            document: &document,
            services: &services.all,
            configs: &configs,
            read_program,
            warnings: Vec::new(),
        };
        let spec = checker.pod(pod)?;
        if pods.iter().any(|(other, _)| other.name == spec.name && other.namespace == spec.namespace) {
            let place = document.place_of("metadata.name");
            return Err((place, format!("there is a pod \"{}\" above already; expected another name", spec.name)));
        }
        warnings.append(&mut checker.warnings);
        warnings.append(&mut skipped);
        for warning in &mut warnings {
            warning.path = escaped(&warning.path).into_owned();
            warning.message = escaped(&warning.message).into_owned();
        }
        warnings.sort_by(|a, b| (a.line, a.column, &a.path).cmp(&(b.line, b.column, &b.path)));
        pods.push((spec, warnings));
    }
    Ok(pods)
}

/// Moves a place into the text: the reader has no place for some errors, and one past the end for others.
fn clamp_to_text(place: Place, text: &str) -> Place {
    let end_of = |line: Option<&str>| line.map_or(0, |line| line.chars().count()) as u64 + 1;
    let last = text.lines().count().max(1) as u64;
    match place {
        Place { line: 0, .. } => Place { line: 1, column: 1 },
        Place { line, .. } if line > last => Place { line: last, column: end_of(text.lines().last()) },
        Place { line, column } => {
            let end = end_of(text.lines().nth(line as usize - 1));
            Place { line, column: column.clamp(1, end) }
        }
    }
}

/// The reader's error without the place, which [`SpecError`] shows, and without the excerpt. It is formatted for users:
/// the reader's default messages advise programmers.
fn error_text(e: &serde_saphyr::Error) -> String {
    use serde_saphyr::{Error, MessageFormatter as _, UserMessageFormatter};
    let error = e.without_snippet();
    let text = UserMessageFormatter.format_message(error);
    let text = text.lines().next().unwrap_or_default();
    let cut = text.rfind(" at line ").unwrap_or(text.len());
    let text = text[..cut].trim_end_matches([',', ':', ' ']);
    match error {
        Error::DuplicateMappingKey { key: Some(key), .. } => {
            format!("duplicate mapping key: {key}; expected each field once")
        }
        Error::NullIntoString { .. } => "empty; expected a field's name".to_owned(),
        Error::RecursiveReferencesRequireWeakTypes { .. } => "contains itself; expected an end to it".to_owned(),
        _ if text.starts_with("YAML document too large") || text == "recursion limit exceeded" => {
            "too large or too deep; expected a manifest".to_owned()
        }
        _ => text.to_owned(),
    }
}

#[cfg(test)]
mod tests;
