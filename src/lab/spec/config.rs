//! ConfigMaps and Secrets of a manifest, and what volumes and variables use of them.

mod base64;
mod read;

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

use super::ContainerSpec;

/// Bytes of a ConfigMap or Secret. `Debug` shows only their number.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Content(#[serde(with = "crate::lab::latin1")] pub Vec<u8>);

impl fmt::Debug for Content {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "({} bytes)", self.0.len())
    }
}

impl From<&str> for Content {
    fn from(text: &str) -> Self {
        Self(text.as_bytes().to_vec())
    }
}

/// The kind of a config object.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ConfigKind {
    ConfigMap,
    Secret,
}

impl ConfigKind {
    /// The name in a manifest's `kind`.
    pub const fn word(self) -> &'static str {
        match self {
            Self::ConfigMap => "ConfigMap",
            Self::Secret => "Secret",
        }
    }

    /// The name in the API server's "not found" errors.
    pub const fn resource(self) -> &'static str {
        match self {
            Self::ConfigMap => "configmap",
            Self::Secret => "secret",
        }
    }
}

/// A file of a `configMap`, `secret` or `projected` volume.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PayloadFile {
    /// Relative to the volume, without `.` and `..`.
    pub path: String,
    /// Permission bits.
    pub mode: u32,
    pub content: Content,
}

/// The contents of a `configMap`, `secret` or `projected` volume.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Payload {
    /// Ordered by path; each path is unique.
    pub files: Vec<PayloadFile>,
    /// Why the volume cannot be mounted, in the kubelet's words.
    pub missing: Option<String>,
}

/// A reference to one key, for a variable (`configMapKeyRef`, `secretKeyRef`).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyRef {
    pub of: ConfigKind,
    pub name: String,
    pub key: String,
    pub optional: bool,
    pub found: Found,
}

/// The result of looking up a key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Found {
    NoObject,
    NoKey,
    Value(Content),
}

impl KeyRef {
    /// Whether it refers to the same key; the result may differ.
    fn has_same_reference(&self, other: &Self) -> bool {
        let reference = |k: &Self| (k.of, k.name.clone(), k.key.clone(), k.optional);
        reference(self) == reference(other)
    }
}

/// A reference to all keys of an object, as variables (`envFrom`).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EnvFrom {
    pub of: ConfigKind,
    pub name: String,
    pub prefix: String,
    pub optional: bool,
    /// Ordered by key, without the prefix; `None` if there is no such object.
    pub found: Option<Vec<(String, Content)>>,
}

impl EnvFrom {
    fn has_same_reference(&self, other: &Self) -> bool {
        let reference = |e: &Self| (e.of, e.name.clone(), e.prefix.clone(), e.optional);
        reference(self) == reference(other)
    }
}

impl ContainerSpec {
    /// Why the environment cannot be built, in the kubelet's words (`makeEnvironmentVariables` in
    /// pkg/kubelet/kubelet_pods.go).
    pub fn config_error(&self, namespace: &str) -> Option<String> {
        let utf8 = |content: &Content, of: ConfigKind, name: &str, key: &str| {
            let wrong = std::str::from_utf8(&content.0).is_err();
            wrong.then(|| format!("key {key} in {} {namespace}/{name} is not UTF-8; expected text", of.word()))
        };
        for EnvFrom { of, name, optional, found, .. } in &self.env_from {
            match found {
                None if !optional => return Some(not_found(*of, name)),
                None => {}
                Some(vars) => {
                    if let Some(why) = vars.iter().find_map(|(key, content)| utf8(content, *of, name, key)) {
                        return Some(why);
                    }
                }
            }
        }
        self.env.iter().find_map(|(_, value)| {
            let super::EnvValue::Key(KeyRef { of, name, key, optional, found }) = value else { return None };
            match found {
                Found::Value(content) => utf8(content, *of, name, key),
                _ if *optional => None,
                Found::NoObject => Some(not_found(*of, name)),
                Found::NoKey => Some(format!("couldn't find key {key} in {} {namespace}/{name}", of.word())),
            }
        })
    }

    /// Whether both environments have the same variables and references; contents of ConfigMaps and Secrets may differ.
    pub fn same_environment(&self, other: &Self) -> bool {
        let same = |(a, b): (&(String, super::EnvValue), &(String, super::EnvValue))| match (&a.1, &b.1) {
            (super::EnvValue::Key(old), super::EnvValue::Key(new)) => a.0 == b.0 && old.has_same_reference(new),
            _ => a == b,
        };
        self.env.len() == other.env.len()
            && self.env_from.len() == other.env_from.len()
            && self.env.iter().zip(&other.env).all(same)
            && self.env_from.iter().zip(&other.env_from).all(|(a, b)| a.has_same_reference(b))
    }
}

/// The API server's error text.
pub fn not_found(of: ConfigKind, name: &str) -> String {
    format!("{} \"{name}\" not found", of.resource())
}

/// A ConfigMap or Secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigObject {
    pub of: ConfigKind,
    pub name: String,
    pub namespace: String,
    /// `data`; for a Secret `stringData` overrides it.
    data: BTreeMap<String, Content>,
    /// `binaryData`, which cannot be used for variables.
    binary: BTreeMap<String, Content>,
}

/// All ConfigMaps and Secrets of a manifest.
#[derive(Debug, Default)]
pub struct Configs {
    all: Vec<ConfigObject>,
    pub warnings: Vec<super::Warning>,
}

impl Configs {
    pub fn find(&self, of: ConfigKind, namespace: &str, name: &str) -> Option<&ConfigObject> {
        self.all.iter().find(|o| o.of == of && o.namespace == namespace && o.name == name)
    }
}

/// A key that becomes a file (`items` of a volume).
#[derive(Clone, Debug)]
pub struct Item {
    pub key: String,
    pub path: String,
    pub mode: Option<u32>,
}

/// Which files a volume takes from an object.
pub struct FileSelection<'a> {
    /// If empty, all keys are taken.
    pub items: &'a [Item],
    pub mode: u32,
    pub optional: bool,
}

impl ConfigObject {
    /// The files of a volume (`MakePayload` in pkg/volume/configmap and pkg/volume/secret).
    ///
    /// # Errors
    /// A key is missing; the text is the kubelet's.
    pub fn files(&self, wanted: &FileSelection<'_>) -> Result<Vec<PayloadFile>, String> {
        let file =
            |path: &str, mode, content: &Content| PayloadFile { path: path.to_owned(), mode, content: content.clone() };
        if wanted.items.is_empty() {
            let all = self.data.iter().chain(&self.binary);
            return Ok(all.map(|(key, content)| file(key, wanted.mode, content)).collect());
        }
        let mut files = Vec::new();
        for Item { key, path, mode } in wanted.items {
            match self.data.get(key).or_else(|| self.binary.get(key)) {
                Some(content) => files.push(file(path, mode.unwrap_or(wanted.mode), content)),
                None if wanted.optional => {}
                None => {
                    let of = if self.of == ConfigKind::ConfigMap { "config" } else { "secret" };
                    return Err(format!("references non-existent {of} key: {key}"));
                }
            }
        }
        Ok(files)
    }

    /// The value of a key, if a variable may have it.
    pub fn value(&self, key: &str) -> Option<&Content> {
        self.data.get(key)
    }

    /// All keys and values that variables may have.
    pub fn values(&self) -> Vec<(String, Content)> {
        self.data.iter().map(|(key, content)| (key.clone(), content.clone())).collect()
    }
}
