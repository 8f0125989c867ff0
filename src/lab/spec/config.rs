//! ConfigMaps and Secrets of a manifest, and what volumes and variables take from them.

mod base64;
mod read;

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

use super::ContainerSpec;

/// Bytes of a ConfigMap or Secret. `Debug` tells how many there are, and not which.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Content(#[serde(with = "crate::lab::protocol::latin")] pub Vec<u8>);

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

/// Which of the two.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ConfigKind {
    ConfigMap,
    Secret,
}

impl ConfigKind {
    /// As in a manifest's `kind`.
    pub const fn word(self) -> &'static str {
        match self {
            Self::ConfigMap => "ConfigMap",
            Self::Secret => "Secret",
        }
    }

    /// As the API server calls one that it does not find.
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
    /// In the volume, without `.` and `..`.
    pub path: String,
    /// Its permissions.
    pub mode: u32,
    pub content: Content,
}

/// What a `configMap`, `secret` or `projected` volume holds.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Payload {
    /// By path, each once.
    pub files: Vec<PayloadFile>,
    /// Why the volume cannot be made, in the kubelet's words.
    pub missing: Option<String>,
}

/// One key, for a variable (`configMapKeyRef`, `secretKeyRef`).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyRef {
    pub of: ConfigKind,
    pub name: String,
    pub key: String,
    pub optional: bool,
    pub found: Found,
}

/// What there is of a key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Found {
    NoObject,
    NoKey,
    Value(Content),
}

impl KeyRef {
    /// Whether it asks for the same, whatever is found.
    fn asks_as(&self, other: &Self) -> bool {
        let asked = |k: &Self| (k.of, k.name.clone(), k.key.clone(), k.optional);
        asked(self) == asked(other)
    }
}

/// All keys as variables (`envFrom`).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EnvFrom {
    pub of: ConfigKind,
    pub name: String,
    pub prefix: String,
    pub optional: bool,
    /// By key, without the prefix; `None` if there is no such object.
    pub found: Option<Vec<(String, Content)>>,
}

impl EnvFrom {
    fn asks_as(&self, other: &Self) -> bool {
        let asked = |e: &Self| (e.of, e.name.clone(), e.prefix.clone(), e.optional);
        asked(self) == asked(other)
    }
}

impl ContainerSpec {
    /// Why its environment cannot be made, in the kubelet's words (`makeEnvironmentVariables` in
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

    /// Whether its environment comes from the same places, whatever is there.
    pub fn same_environment(&self, other: &Self) -> bool {
        let same = |(a, b): (&(String, super::EnvValue), &(String, super::EnvValue))| match (&a.1, &b.1) {
            (super::EnvValue::Key(old), super::EnvValue::Key(new)) => a.0 == b.0 && old.asks_as(new),
            _ => a == b,
        };
        self.env.len() == other.env.len()
            && self.env_from.len() == other.env_from.len()
            && self.env.iter().zip(&other.env).all(same)
            && self.env_from.iter().zip(&other.env_from).all(|(a, b)| a.asks_as(b))
    }
}

/// The API server's words.
pub fn not_found(of: ConfigKind, name: &str) -> String {
    format!("{} \"{name}\" not found", of.resource())
}

/// A ConfigMap or Secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigObject {
    pub of: ConfigKind,
    pub name: String,
    pub namespace: String,
    /// `data`, with a Secret's `stringData` over it.
    data: BTreeMap<String, Content>,
    /// `binaryData`, which no variable can hold.
    binary: BTreeMap<String, Content>,
}

/// All of a manifest's.
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

/// A key that becomes a file.
#[derive(Clone, Debug)]
pub struct Item {
    pub key: String,
    pub path: String,
    pub mode: Option<u32>,
}

/// What a volume takes of an object.
pub struct Wanted<'a> {
    /// Without any, all keys.
    pub items: &'a [Item],
    pub mode: u32,
    pub optional: bool,
}

impl ConfigObject {
    /// The files of a volume (`MakePayload` in pkg/volume/configmap and pkg/volume/secret).
    ///
    /// # Errors
    /// A key is not there, in the kubelet's words.
    pub fn files(&self, wanted: &Wanted<'_>) -> Result<Vec<PayloadFile>, String> {
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

    /// Of a key that a variable may hold.
    pub fn value(&self, key: &str) -> Option<&Content> {
        self.data.get(key)
    }

    /// Of all keys that variables may hold.
    pub fn values(&self) -> Vec<(String, Content)> {
        self.data.iter().map(|(key, content)| (key.clone(), content.clone())).collect()
    }
}
