//! Changes one setting in the text of a manifest. Comments, order and layout of the rest stay.
//!
//! The place of the setting is found in the parsed document, and the text is changed there. Then the text is parsed
//! again. If anything but the wanted pod comes out, the change is refused, so that no unusual layout is broken.

mod text;

use self::text::{insert_entry, insert_nested, is_flow, remove_entry, replace_value};
use super::parse::{SpecError, parse_with_program, pod_documents};
use super::yaml::YamlNode;
use super::{PodSpec, RestartPolicy, Share, host_name};
use crate::model::SandboxKind;

/// A setting that a switch of the window changes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Setting {
    /// `spec.shareProcessNamespace`, and `pid` in `podscope.dev/share` if that is there.
    SharePid(bool),
    /// What pause does (`podscope.dev/pause`). A pause of the user's own and an infra container cannot be set by this.
    Pause(SandboxKind),
    /// The container that holds the namespaces (`podscope.dev/infra`); `None` is pause.
    Infra(Option<String>),
    Restart(RestartPolicy),
    /// `metadata.name`.
    Name(String),
}

/// Why a setting was not changed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EditError {
    /// The text is no manifest before the change.
    #[error(transparent)]
    Invalid(#[from] SpecError),
    #[error("{0} is written in a way that is not changed here; change it in the YAML")]
    Layout(&'static str),
}

const PAUSE: &str = "podscope.dev/pause";
const INFRA: &str = "podscope.dev/infra";
const SHARE: &str = "podscope.dev/share";

const METADATA: &[&str] = &["metadata"];
const ANNOTATIONS: &[&str] = &["metadata", "annotations"];
const SPEC: &[&str] = &["spec"];

/// The text with this setting in its pod number `nth`, counted from 0.
///
/// # Errors
/// The text is no manifest, or the setting is written in a way that cannot be changed safely.
pub fn set(text: &str, nth: usize, setting: &Setting) -> Result<String, EditError> {
    let refused = || EditError::Layout(setting.field());
    let before = specs(text)?;
    let wanted = before.get(nth).and_then(|pod| setting.applied_to(pod)).ok_or_else(refused)?;
    let changed = setting.write(text, nth).ok_or_else(refused)?;
    let after = specs(&changed).map_err(|_| refused())?;
    let generated = generated_names(text);
    let is_wanted = after.len() == before.len()
        && after.iter().zip(&before).enumerate().all(|(i, (new, old))| {
            let is_generated = generated.get(i).copied().unwrap_or_default();
            match setting {
                Setting::Name(name) if i == nth => new.name == *name && new.containers.len() == old.containers.len(),
                _ => is_same(new, if i == nth { &wanted } else { old }, is_generated),
            }
        });
    if is_wanted { Ok(changed) } else { Err(refused()) }
}

/// The pods without the executables of their pauses, since there is no I/O here.
fn specs(text: &str) -> Result<Vec<PodSpec>, SpecError> {
    let pods = parse_with_program("manifest", text, &|_| Ok(Vec::new()))?;
    Ok(pods.into_iter().map(|(spec, _)| spec).collect())
}

/// Whether the name of each pod is generated, and so another one each time.
fn generated_names(text: &str) -> Vec<bool> {
    let is_generated = |pod: &YamlNode| find(pod, METADATA).is_none_or(|metadata| metadata.get("name").is_none());
    pod_documents(text).map_or_else(|_| Vec::new(), |pods| pods.iter().map(is_generated).collect())
}

/// Whether two pods are the same. The lab's own annotations are in their other fields already.
fn is_same(new: &PodSpec, wanted: &PodSpec, is_generated: bool) -> bool {
    let plain = |pod: &PodSpec| {
        let mut pod = pod.clone();
        pod.annotations.retain(|key, _| ![PAUSE, INFRA, SHARE].contains(&key.as_str()));
        if is_generated {
            (pod.name, pod.hostname) = (String::new(), String::new());
        }
        pod
    };
    plain(new) == plain(wanted)
}

impl Setting {
    const fn field(&self) -> &'static str {
        match self {
            Self::SharePid(_) => "spec.shareProcessNamespace",
            Self::Pause(_) => "metadata.annotations podscope.dev/pause",
            Self::Infra(_) => "metadata.annotations podscope.dev/infra",
            Self::Restart(_) => "spec.restartPolicy",
            Self::Name(_) => "metadata.name",
        }
    }

    /// The pod with this setting; `None` if the pod cannot have it.
    fn applied_to(&self, pod: &PodSpec) -> Option<PodSpec> {
        let mut pod = pod.clone();
        match self {
            // with hostPID all containers share the node's
            Self::SharePid(_) if pod.host.pid => return None,
            Self::SharePid(on) => pod.share.pid = *on,
            Self::Pause(kind) => {
                pause_word(kind)?;
                (pod.sandbox, pod.own_pause) = (kind.clone(), None);
            }
            Self::Infra(Some(name)) => {
                (pod.sandbox, pod.own_pause) = (SandboxKind::Infra(name.clone()), None);
            }
            Self::Infra(None) if matches!(pod.sandbox, SandboxKind::Infra(_)) => pod.sandbox = SandboxKind::Pause,
            Self::Infra(None) => {}
            Self::Restart(policy) => pod.restart = *policy,
            Self::Name(name) => {
                if pod.hostname == host_name(&pod.name) {
                    pod.hostname = host_name(name);
                }
                pod.name.clone_from(name);
            }
        }
        Some(pod)
    }

    fn write(&self, text: &str, nth: usize) -> Option<String> {
        match self {
            Self::SharePid(on) => {
                let share = annotation(text, nth, SHARE);
                let mut text = text.to_owned();
                if let Some(words) = &share {
                    text = put(&text, nth, ANNOTATIONS, SHARE, &scalar(&share_words(words, *on)?))?;
                }
                if share.is_some() && !has(&text, nth, SPEC, "shareProcessNamespace") {
                    return Some(text);
                }
                put(&text, nth, SPEC, "shareProcessNamespace", if *on { "true" } else { "false" })
            }
            Self::Pause(kind) => {
                let is_default = *kind == SandboxKind::Pause && annotation(text, nth, PAUSE).is_none();
                if is_default {
                    return Some(text.to_owned());
                }
                put(text, nth, ANNOTATIONS, PAUSE, &scalar(&pause_word(kind)?))
            }
            // with an infra container there is no pause
            Self::Infra(Some(name)) => put(&remove(text, nth, PAUSE)?, nth, ANNOTATIONS, INFRA, &scalar(name)),
            Self::Infra(None) => remove(text, nth, INFRA),
            Self::Restart(RestartPolicy::Always) if !has(text, nth, SPEC, "restartPolicy") => Some(text.to_owned()),
            Self::Restart(policy) => {
                let word = match policy {
                    RestartPolicy::Always => "Always",
                    RestartPolicy::OnFailure => "OnFailure",
                    RestartPolicy::Never => "Never",
                };
                put(text, nth, SPEC, "restartPolicy", word)
            }
            Self::Name(name) => put(text, nth, METADATA, "name", &scalar(name)),
        }
    }
}

/// The value of `podscope.dev/pause`; `None` if it is not one of a fixed set.
fn pause_word(kind: &SandboxKind) -> Option<String> {
    match kind {
        SandboxKind::Pause => Some("reap".to_owned()),
        SandboxKind::PauseNoReap => Some("no-reap".to_owned()),
        SandboxKind::PauseDelay(ms) => Some(format!("delay={ms}ms")),
        SandboxKind::Missing => Some("missing".to_owned()),
        SandboxKind::Infra(_) | SandboxKind::Own(_) => None,
    }
}

/// The value of `podscope.dev/share` with or without pid.
fn share_words(words: &str, pid: bool) -> Option<String> {
    let mut share = Share { net: false, ipc: false, uts: false, pid };
    for word in words.split(',').map(str::trim).filter(|word| !word.is_empty()) {
        match word {
            "net" => share.net = true,
            "ipc" => share.ipc = true,
            "uts" => share.uts = true,
            "pid" => {}
            _ => return None,
        }
    }
    let words = [("net", share.net), ("ipc", share.ipc), ("uts", share.uts), ("pid", share.pid)];
    Some(words.iter().filter(|(_, on)| *on).map(|(word, _)| *word).collect::<Vec<_>>().join(","))
}

/// A text as a scalar of YAML, in quotes where it would else be something other than this text.
fn scalar(text: &str) -> String {
    const WORDS: [&str; 9] = ["true", "false", "yes", "no", "on", "off", "null", "y", "n"];
    let is_plain = text.starts_with(|c: char| c.is_ascii_lowercase())
        && text.chars().all(|c| c.is_ascii_alphanumeric() || "-.=/".contains(c))
        && !WORDS.contains(&text);
    // what is set here has neither quotes nor backslashes
    if is_plain { text.to_owned() } else { format!("\"{text}\"") }
}

fn find<'n>(pod: &'n YamlNode, path: &[&str]) -> Option<&'n YamlNode> {
    path.iter().try_fold(pod, |node, key| node.get(key))
}

/// The text of an annotation, if the pod has it.
fn annotation(text: &str, nth: usize, key: &str) -> Option<String> {
    let pods = pod_documents(text).ok()?;
    find(pods.get(nth)?, ANNOTATIONS)?.get(key)?.scalar()
}

fn has(text: &str, nth: usize, parent: &[&str], key: &str) -> bool {
    let pods = pod_documents(text).unwrap_or_default();
    pods.get(nth).and_then(|pod| find(pod, parent)).is_some_and(|map| map.get(key).is_some())
}

/// Sets an entry of a mapping. If the mapping is `metadata.annotations` and is missing, it is added.
fn put(text: &str, nth: usize, parent: &[&str], key: &str, value: &str) -> Option<String> {
    let pods = pod_documents(text).ok()?;
    let pod = pods.get(nth)?;
    if let Some(map) = find(pod, parent).filter(|map| !map.is_null()) {
        if map.get(key).is_some() {
            return replace_value(text, map, key, value);
        }
        return insert_entry(text, map, None, key, value);
    }
    let (name, above) = parent.split_last()?;
    let above = find(pod, above).filter(|_| parent == ANNOTATIONS)?;
    if above.get(name).is_some() {
        return insert_nested(text, above, name, key, value);
    }
    let value = if is_flow(text, above)? {
        format!("{{{key}: {value}}}")
    } else {
        let indent = above.entries().first().map_or(0, |(_, place, _)| place.column.saturating_sub(1)) as usize + 2;
        format!("{}{}{key}: {value}", text::line_end(text), " ".repeat(indent))
    };
    insert_entry(text, above, Some("name"), name, &value)
}

/// Removes an annotation, and `annotations` if there is no other.
fn remove(text: &str, nth: usize, key: &str) -> Option<String> {
    let pods = pod_documents(text).ok()?;
    let metadata = find(pods.get(nth)?, METADATA)?;
    let Some(annotations) = metadata.get("annotations") else { return Some(text.to_owned()) };
    if annotations.get(key).is_none() {
        return Some(text.to_owned());
    }
    match annotations.entries() {
        [_] => remove_entry(text, metadata, "annotations"),
        _ => remove_entry(text, annotations, key),
    }
}

#[cfg(test)]
mod tests;
