//! Reads ConfigMaps and Secrets from YAML documents.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::{ConfigMap, Secret};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;

use super::{ConfigKind, ConfigObject, Configs, Content, base64};
use crate::lab::spec::Warning;
use crate::lab::spec::check::{is_label, is_subdomain};
use crate::lab::spec::yaml::{PlacedError, Value, YamlNode};
use crate::lab::spec::{supported, typed};

/// `MaxSecretSize` of pkg/apis/core, which also applies to ConfigMaps.
const MAX_SIZE: usize = 1 << 20;

/// Keys that the API server requires in a Secret of each type (`ValidateSecret` in pkg/apis/core/validation).
const REQUIRED_KEYS: [(&str, &[&str]); 4] = [
    ("kubernetes.io/dockercfg", &[".dockercfg"]),
    ("kubernetes.io/dockerconfigjson", &[".dockerconfigjson"]),
    ("kubernetes.io/ssh-auth", &["ssh-privatekey"]),
    ("kubernetes.io/tls", &["tls.crt", "tls.key"]),
];

/// Fields of both kinds.
const FIELDS: [&str; 5] = ["apiVersion", "kind", "metadata", "data", "immutable"];

impl Configs {
    /// # Errors
    /// The first error in one of the documents.
    pub fn read(documents: &[YamlNode]) -> Result<Self, PlacedError> {
        let mut configs = Self::default();
        for document in documents {
            let document = supported::without_filled_in_fields(document);
            let secret = document.get("kind").and_then(YamlNode::scalar).as_deref() == Some("Secret");
            let of = if secret { ConfigKind::Secret } else { ConfigKind::ConfigMap };
            let object = read_object(of, &document)?;
            if configs.find(of, &object.namespace, &object.name).is_some() {
                let message =
                    format!("there is a {} \"{}\" above already; expected another name", of.word(), object.name);
                return Err((document.place_of("metadata.name"), message));
            }
            configs.warn_unknown_fields(of, &document);
            configs.all.push(object);
        }
        Ok(configs)
    }

    fn warn_unknown_fields(&mut self, of: ConfigKind, document: &YamlNode) {
        let own: &[&str] = if of == ConfigKind::Secret { &["stringData", "type"] } else { &["binaryData"] };
        for (field, place, _) in document.entries() {
            if !FIELDS.contains(&field.as_str()) && !own.contains(&field.as_str()) {
                let message = "is not a field that Kubernetes knows; it has no effect".to_owned();
                self.warnings.push(Warning { path: field.clone(), line: place.line, column: place.column, message });
            }
        }
    }
}

fn read_object(of: ConfigKind, document: &YamlNode) -> Result<ConfigObject, PlacedError> {
    let rest = without(document, &["data", "binaryData", "stringData"]);
    let (metadata, kind) = match of {
        ConfigKind::ConfigMap => (typed::read::<ConfigMap>(&rest)?.metadata, None),
        ConfigKind::Secret => {
            let secret = typed::read::<Secret>(&rest)?;
            (secret.metadata, secret.type_)
        }
    };
    let (name, namespace) = name_and_namespace(document, metadata)?;
    let (data, binary) = match of {
        ConfigKind::ConfigMap => (text_values(document, "data")?, base64_values(document, "binaryData", "data")?),
        ConfigKind::Secret => {
            let mut data = base64_values(document, "data", "stringData")?;
            data.extend(text_values(document, "stringData")?);
            (data, BTreeMap::new())
        }
    };
    if let Some(key) = data.keys().find(|key| binary.contains_key(*key)) {
        let path = format!("data[{key}]");
        let message = "duplicate of key present in binaryData; expected it in one of the two";
        return Err((document.place_of(&path), format!("{path}: Invalid value: \"{key}\": {message}")));
    }
    if data.values().chain(binary.values()).map(|content| content.0.len()).sum::<usize>() > MAX_SIZE {
        let whole = if of == ConfigKind::Secret { "data" } else { "[]" };
        let message = format!("{whole}: Too long: may not be more than {MAX_SIZE} bytes; expected less data");
        return Err((document.place_of("data"), message));
    }
    let kind = kind.unwrap_or_default();
    let needed = REQUIRED_KEYS.iter().find(|(of, _)| *of == kind).map_or(&[][..], |(_, keys)| keys);
    if let Some(key) = needed.iter().find(|key| !data.contains_key(**key)) {
        let message = format!("data[{key}]: Required value; expected it in a Secret of type {kind}");
        return Err((document.place_of("type"), message));
    }
    Ok(ConfigObject { of, name, namespace, data, binary })
}

fn name_and_namespace(document: &YamlNode, metadata: ObjectMeta) -> Result<(String, String), PlacedError> {
    let name = metadata.name.unwrap_or_default();
    let wrong = |path: &str, message: String| (document.place_of(path), format!("{path}{message}"));
    if name.is_empty() {
        return Err(wrong(
            "metadata.name",
            ": Required value: name or generateName is required; expected `name`".into(),
        ));
    }
    if !is_subdomain(&name) {
        let why = "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character";
        return Err(wrong(
            "metadata.name",
            format!(": Invalid value: \"{name}\": {why}; expected a name such as app-config"),
        ));
    }
    let namespace = metadata.namespace.filter(|n| !n.is_empty()).unwrap_or_else(|| "default".to_owned());
    if !is_label(&namespace) {
        let why = "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character";
        return Err(wrong("metadata.namespace", format!(": Invalid value: \"{namespace}\": {why}; expected a name")));
    }
    Ok((name, namespace))
}

fn without(document: &YamlNode, fields: &[&str]) -> YamlNode {
    let mut document = document.clone();
    if let Value::Map(entries) = &mut document.value {
        entries.retain(|(key, ..)| !fields.contains(&key.as_str()));
    }
    document
}

fn text_values(document: &YamlNode, field: &str) -> Result<BTreeMap<String, Content>, PlacedError> {
    let texts = texts(document, field)?;
    Ok(texts.into_iter().map(|(key, text)| (key, Content(text.into_bytes()))).collect())
}

/// Reads a field of base64 texts. `instead` is the field for text_values text, for the error message.
fn base64_values(document: &YamlNode, field: &str, instead: &str) -> Result<BTreeMap<String, Content>, PlacedError> {
    let decoded = |(key, text): (String, String)| match base64::decode(&text) {
        Ok(bytes) => Ok((key, Content(bytes))),
        Err(at) => {
            let path = format!("{field}[{key}]");
            let message =
                format!("illegal base64 data at input byte {at}; expected base64, or the plain text in {instead}");
            Err((document.place_of(&path), format!("{path}: {message}")))
        }
    };
    texts(document, field)?.into_iter().map(decoded).collect()
}

/// Reads a field that maps keys to texts, and checks the keys.
fn texts(document: &YamlNode, field: &str) -> Result<BTreeMap<String, String>, PlacedError> {
    let Some(node) = document.get(field) else { return Ok(BTreeMap::new()) };
    let mut node = node.clone();
    let dot = match &mut node.value {
        Value::Null => return Ok(BTreeMap::new()),
        Value::Map(entries) => {
            for (_, _, value) in entries.iter_mut().filter(|(_, _, value)| value.is_null()) {
                value.value = Value::Text(String::new());
            }
            "."
        }
        _ => " ",
    };
    let texts: BTreeMap<String, String> =
        typed::read(&node).map_err(|(place, message)| (place, format!("{field}{dot}{message}")))?;
    for (key, place, _) in node.entries() {
        if let Some(why) = key_error(key) {
            return Err((*place, format!("{field}[{key}]: Invalid value: \"{key}\": {why}")));
        }
    }
    Ok(texts)
}

/// `IsConfigMapKey` of k8s.io/apimachinery/pkg/util/validation.
fn key_error(key: &str) -> Option<String> {
    let allowed = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.');
    let why = if key.len() > 253 {
        "must be no more than 253 characters; expected a shorter key"
    } else if key.is_empty() || !key.bytes().all(allowed) {
        "a valid config key must consist of alphanumeric characters, '-', '_' or '.' (e.g. 'key.name',  or 'KEY_NAME',  or 'key-name', regex used for validation is '[-._a-zA-Z0-9]+'); expected such a key"
    } else if key == "." {
        "must not be '.'; expected another key"
    } else if key == ".." {
        "must not be '..'; expected another key"
    } else if key.starts_with("..") {
        "must not start with '..'; expected another key"
    } else {
        return None;
    };
    Some(why.to_owned())
}
