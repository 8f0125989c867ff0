//! References from volumes and variables to ConfigMaps and Secrets.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::{
    ConfigMapVolumeSource, DownwardAPIVolumeFile, DownwardAPIVolumeSource, EnvFromSource, EnvVarSource, KeyToPath,
    ProjectedVolumeSource, SecretVolumeSource,
};

use super::Checker;
use super::downward::PodFields;
use crate::lab::spec::config::{FileSelection, Item, not_found};
use crate::lab::spec::yaml::PlacedError;
use crate::lab::spec::{ConfigKind, EnvFrom, EnvValue, Found, KeyRef, Payload, PayloadFile};

/// A reference to a ConfigMap or Secret.
struct Reference<'a> {
    of: ConfigKind,
    /// The path of the field with the name.
    at: String,
    name: &'a str,
    optional: bool,
}

/// A ConfigMap that every namespace of a cluster has, with the certificate of the API server.
const ROOT_CA: &str = "kube-root-ca.crt";

/// `*SourceVolumeSourceDefaultMode` of k8s.io/api/core/v1.
const DEFAULT_MODE: u32 = 0o644;

impl Checker<'_> {
    pub(super) fn config_map_volume(
        &mut self,
        path: &str,
        source: &ConfigMapVolumeSource,
        namespace: &str,
    ) -> Result<Payload, PlacedError> {
        let mode = self.mode(&format!("{path}.defaultMode"), source.default_mode)?.unwrap_or(DEFAULT_MODE);
        let optional = source.optional.unwrap_or(false);
        let reference =
            Reference { of: ConfigKind::ConfigMap, at: format!("{path}.name"), name: &source.name, optional };
        let files = self.files(path, &reference, source.items.as_deref(), mode, namespace)?;
        Ok(payload(vec![files]))
    }

    pub(super) fn secret_volume(
        &mut self,
        path: &str,
        source: &SecretVolumeSource,
        namespace: &str,
    ) -> Result<Payload, PlacedError> {
        let mode = self.mode(&format!("{path}.defaultMode"), source.default_mode)?.unwrap_or(DEFAULT_MODE);
        let name = source.secret_name.as_deref().unwrap_or_default();
        let optional = source.optional.unwrap_or(false);
        let reference = Reference { of: ConfigKind::Secret, at: format!("{path}.secretName"), name, optional };
        let files = self.files(path, &reference, source.items.as_deref(), mode, namespace)?;
        Ok(payload(vec![files]))
    }

    /// The list of supported fields already warns of sources of other kinds.
    pub(super) fn projected_volume(
        &mut self,
        path: &str,
        source: &ProjectedVolumeSource,
        known: &PodFields,
    ) -> Result<Payload, PlacedError> {
        let namespace = known.namespace.as_str();
        let mode = self.mode(&format!("{path}.defaultMode"), source.default_mode)?.unwrap_or(DEFAULT_MODE);
        let mut all = Vec::new();
        for (i, source) in source.sources.iter().flatten().enumerate() {
            let path = format!("{path}.sources[{i}]");
            if let Some(map) = &source.config_map {
                let path = format!("{path}.configMap");
                let (of, at, optional) = (ConfigKind::ConfigMap, format!("{path}.name"), map.optional.unwrap_or(false));
                let reference = Reference { of, at, name: &map.name, optional };
                all.push(self.files(&path, &reference, map.items.as_deref(), mode, namespace)?);
            }
            if let Some(secret) = &source.secret {
                let path = format!("{path}.secret");
                let (of, at, optional) = (ConfigKind::Secret, format!("{path}.name"), secret.optional.unwrap_or(false));
                let reference = Reference { of, at, name: &secret.name, optional };
                all.push(self.files(&path, &reference, secret.items.as_deref(), mode, namespace)?);
            }
            if let Some(downward) = &source.downward_api {
                let items = downward.items.as_deref().unwrap_or_default();
                all.push(Ok(self.downward_files(&format!("{path}.downwardAPI"), items, mode, known)?));
            }
        }
        Ok(payload(all))
    }

    pub(super) fn downward_volume(
        &mut self,
        path: &str,
        source: &DownwardAPIVolumeSource,
        known: &PodFields,
    ) -> Result<Payload, PlacedError> {
        let mode = self.mode(&format!("{path}.defaultMode"), source.default_mode)?.unwrap_or(DEFAULT_MODE);
        let items = source.items.as_deref().unwrap_or_default();
        Ok(payload(vec![Ok(self.downward_files(path, items, mode, known)?)]))
    }

    /// Fields of the pod, as files.
    fn downward_files(
        &mut self,
        path: &str,
        items: &[DownwardAPIVolumeFile],
        mode: u32,
        known: &PodFields,
    ) -> Result<Vec<PayloadFile>, PlacedError> {
        let mut files = Vec::new();
        for (i, item) in items.iter().enumerate() {
            let path = format!("{path}.items[{i}]");
            let file = self.path_of_file(&format!("{path}.path"), &item.path)?;
            let mode = self.mode(&format!("{path}.mode"), item.mode)?.unwrap_or(mode);
            // the list of supported fields already warns of `resourceFieldRef`
            let Some(field) = &item.field_ref else { continue };
            if let Some(text) = known.file(&field.field_path) {
                files.push(PayloadFile { path: file, mode, content: text.as_str().into() });
            } else {
                let message = format!("is {}, which the lab does not give: its file is not there", field.field_path);
                self.warn(format!("{path}.fieldRef.fieldPath"), message);
            }
        }
        Ok(files)
    }

    /// The files of a source, or why the volume cannot be mounted.
    fn files(
        &mut self,
        path: &str,
        reference: &Reference<'_>,
        items: Option<&[KeyToPath]>,
        mode: u32,
        namespace: &str,
    ) -> Result<Result<Vec<PayloadFile>, String>, PlacedError> {
        let items = self.items(&format!("{path}.items"), items.unwrap_or_default())?;
        self.required(&reference.at, reference.name)?;
        let Some(object) = self.configs.find(reference.of, namespace, reference.name) else {
            if reference.optional {
                return Ok(Ok(Vec::new()));
            }
            if reference.of == ConfigKind::ConfigMap && reference.name == ROOT_CA {
                let message = format!(
                    "is {ROOT_CA}, which a cluster makes: the lab has no API server, and no certificate of one"
                );
                self.warn(reference.at.clone(), message);
                return Ok(Ok(Vec::new()));
            }
            self.warn_missing(reference, namespace);
            return Ok(Err(not_found(reference.of, reference.name)));
        };
        let wanted = FileSelection { items: &items, mode, optional: reference.optional };
        let files = object.files(&wanted);
        if let Err(why) = &files {
            self.warn(format!("{path}.items"), format!("{why}: the pod waits for it"));
        }
        Ok(files)
    }

    fn warn_missing(&mut self, reference: &Reference<'_>, namespace: &str) {
        let (word, name) = (reference.of.word(), reference.name);
        let message = format!(
            "is \"{name}\", and no {word} of that name is in this file: the pod waits for it; add one in namespace {namespace}, or say `optional: true`"
        );
        self.warn(reference.at.clone(), message);
    }

    fn items(&self, path: &str, items: &[KeyToPath]) -> Result<Vec<Item>, PlacedError> {
        let item = |(i, item): (usize, &KeyToPath)| {
            let path = format!("{path}[{i}]");
            self.required(&format!("{path}.key"), &item.key)?;
            let file = self.path_of_file(&format!("{path}.path"), &item.path)?;
            let mode = self.mode(&format!("{path}.mode"), item.mode)?;
            Ok(Item { key: item.key.clone(), path: file, mode })
        };
        items.iter().enumerate().map(item).collect()
    }

    /// A file's path inside a volume, without `.` and `..`.
    fn path_of_file(&self, at: &str, given: &str) -> Result<String, PlacedError> {
        self.required(at, given)?;
        self.inside(at, given, "a path inside the volume")?;
        if given.starts_with("..") {
            return Err(self.invalid(at, given, "must not start with '..'", "a path inside the volume"));
        }
        let parts: Vec<&str> = given.split('/').filter(|part| !part.is_empty() && *part != ".").collect();
        if parts.is_empty() {
            return Err(self.invalid(at, given, "must name a file", "a path inside the volume"));
        }
        Ok(parts.join("/"))
    }

    fn required(&self, path: &str, value: &str) -> Result<(), PlacedError> {
        if value.is_empty() {
            return Err((self.document.place_of(path), format!("{path}: Required value; expected a name")));
        }
        Ok(())
    }

    fn mode(&self, path: &str, mode: Option<i32>) -> Result<Option<u32>, PlacedError> {
        let Some(given) = mode else { return Ok(None) };
        let valid = u32::try_from(given).ok().filter(|mode| *mode <= 0o777);
        valid.map(Some).ok_or_else(|| {
            let why = "must be a number between 0 and 0777 (octal), both inclusive";
            (self.document.place_of(path), format!("{path}: Invalid value: {given}: {why}; expected such as 0644"))
        })
    }

    /// Reads a reference to a key; `None` if the source is of another kind.
    pub(super) fn key_ref(
        &mut self,
        path: &str,
        from: &EnvVarSource,
        namespace: &str,
    ) -> Result<Option<EnvValue>, PlacedError> {
        let (of, path, name, key, optional) = match (&from.config_map_key_ref, &from.secret_key_ref) {
            (Some(r), _) => (ConfigKind::ConfigMap, format!("{path}.configMapKeyRef"), &r.name, &r.key, r.optional),
            (None, Some(r)) => (ConfigKind::Secret, format!("{path}.secretKeyRef"), &r.name, &r.key, r.optional),
            (None, None) => return Ok(None),
        };
        let reference = Reference { of, at: format!("{path}.name"), name, optional: optional.unwrap_or(false) };
        self.required(&reference.at, name)?;
        self.required(&format!("{path}.key"), key)?;
        let found = match self.configs.find(of, namespace, name).map(|object| object.value(key)) {
            Some(Some(content)) => Found::Value(content.clone()),
            Some(None) => {
                if !reference.optional {
                    let message = format!(
                        "is \"{key}\", which {} \"{name}\" does not have: the container waits for it",
                        of.word()
                    );
                    self.warn(format!("{path}.key"), message);
                }
                Found::NoKey
            }
            None => {
                if !reference.optional {
                    self.warn_missing(&reference, namespace);
                }
                Found::NoObject
            }
        };
        let optional = reference.optional;
        Ok(Some(EnvValue::Key(KeyRef { of, name: name.clone(), key: key.clone(), optional, found })))
    }

    pub(super) fn env_from(
        &mut self,
        path: &str,
        sources: Vec<EnvFromSource>,
        namespace: &str,
    ) -> Result<Vec<EnvFrom>, PlacedError> {
        let mut out = Vec::new();
        for (i, source) in sources.into_iter().enumerate() {
            let path = format!("{path}.envFrom[{i}]");
            let prefix = source.prefix.unwrap_or_default();
            if prefix.contains(['=', '\0']) {
                let message = format!("is \"{prefix}\"; expected the beginning of a variable's name, without =");
                return Err(self.wrong(&format!("{path}.prefix"), message));
            }
            let (of, path, name, optional) = match (source.config_map_ref, source.secret_ref) {
                (Some(_), Some(_)) => {
                    let at = self.document.place_of(&path);
                    let message = "may not have more than one field specified at a time; expected one of them";
                    return Err((at, format!("{path}: Invalid value: \"\": {message}")));
                }
                (Some(r), None) => (ConfigKind::ConfigMap, format!("{path}.configMapRef"), r.name, r.optional),
                (None, Some(r)) => (ConfigKind::Secret, format!("{path}.secretRef"), r.name, r.optional),
                (None, None) => {
                    let message = "must specify one of: `configMapRef` or `secretRef`; expected one of them";
                    return Err((self.document.place_of(&path), format!("{path}: Invalid value: \"\": {message}")));
                }
            };
            let reference =
                Reference { of, at: format!("{path}.name"), name: &name, optional: optional.unwrap_or(false) };
            self.required(&reference.at, &name)?;
            let found = self.configs.find(of, namespace, &name).map(super::super::config::ConfigObject::values);
            if found.is_none() && !reference.optional {
                self.warn_missing(&reference, namespace);
            }
            let optional = reference.optional;
            out.push(EnvFrom { of, name, prefix, optional, found });
        }
        Ok(out)
    }
}

/// Merges sources; a later file replaces an earlier one with the same path. All missing sources are reported.
fn payload(sources: Vec<Result<Vec<PayloadFile>, String>>) -> Payload {
    let mut files = BTreeMap::new();
    let mut missing = Vec::new();
    for source in sources {
        match source {
            Ok(found) => files.extend(found.into_iter().map(|file| (file.path.clone(), file))),
            Err(why) => missing.push(why),
        }
    }
    // the format of an aggregate error in Go
    let missing = match missing.as_slice() {
        [] => None,
        [one] => Some(one.clone()),
        several => Some(format!("[{}]", several.join(", "))),
    };
    Payload { files: files.into_values().collect(), missing }
}
