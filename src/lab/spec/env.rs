//! A container's environment, and the texts that refer to its variables.

use serde::{Deserialize, Serialize};

use super::{ConfigKind, ContainerSpec, Content, EnvFrom, Found, KeyRef, VolumeMount};

/// The source of a variable's value.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EnvValue {
    /// A text in which `$(NAME)` refers to an earlier variable.
    Text(String),
    /// `status.podIP`.
    PodIp,
    /// `status.hostIP`: the node's address.
    HostIp,
    /// `metadata.uid`.
    PodUid,
    /// A key of a ConfigMap or Secret, without expansion.
    Key(KeyRef),
}

impl From<&str> for EnvValue {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<String> for EnvValue {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

/// Facts about a pod that are known only when one of its containers starts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StartFacts {
    pub pod_ip: Option<String>,
    pub host_ip: Option<String>,
    pub pod_uid: Option<String>,
    /// Whether to include contents of Secrets: only the container itself gets them.
    pub secrets: bool,
}

impl ContainerSpec {
    /// Command and arguments with `$(NAME)` expanded from the environment, as Kubernetes does it.
    pub fn argv(&self, at_start: &StartFacts) -> Vec<String> {
        let env = self.environment(at_start);
        self.command.iter().chain(&self.args).map(|word| expand(word, &env)).collect()
    }

    /// The environment of the spec with `$(NAME)` expanded from earlier variables. The spec's own variables replace
    /// those of services (`makeEnvironmentVariables` in pkg/kubelet/kubelet_pods.go). A variable whose value is not
    /// known yet is not set.
    pub fn environment(&self, at_start: &StartFacts) -> Vec<(String, String)> {
        let from = self.env_from.iter().flat_map(|from| from.variables(at_start));
        let from: Vec<(String, String)> = from.collect();
        let own =
            |name: &String| self.env.iter().any(|(own, _)| own == name) || from.iter().any(|(own, _)| own == name);
        let mut known: Vec<(String, String)> =
            self.service_env.iter().filter(|(name, _)| !own(name)).cloned().collect();
        let services = known.len();
        // a variable can be referred to until it is replaced
        let mut before = self.service_env.clone();
        before.extend(from.iter().cloned());
        // of several variables with one name the last one counts
        known.extend(from);
        for (name, value) in &self.env {
            let value = match value {
                EnvValue::Text(text) => Some(expand(text, &before)),
                EnvValue::PodIp => at_start.pod_ip.clone(),
                EnvValue::HostIp => at_start.host_ip.clone(),
                EnvValue::PodUid => at_start.pod_uid.clone(),
                EnvValue::Key(KeyRef { of, found: Found::Value(content), .. }) => variable_text(*of, content, at_start),
                EnvValue::Key(_) => None,
            };
            let Some(value) = value else { continue };
            before.push((name.clone(), value.clone()));
            known.push((name.clone(), value));
        }
        // as in the kubelet's list, the services' variables come last
        known.rotate_left(services);
        known
    }
}

impl ContainerSpec {
    /// The file or directory inside the volume that is mounted (`makeMounts` in pkg/kubelet/kubelet_pods.go).
    ///
    /// # Errors
    /// A `subPathExpr` refers to a variable that is not set, or leads out of the volume; the text is the kubelet's.
    pub fn sub_path(&self, mount: &VolumeMount, at_start: &StartFacts) -> Result<Option<String>, String> {
        let Some(path) = mount.sub_path.as_ref().filter(|_| mount.is_expr) else { return Ok(mount.sub_path.clone()) };
        let env = self.environment(at_start);
        let unset: Vec<&str> = references(path).filter(|name| !env.iter().any(|(known, _)| known == name)).collect();
        if !unset.is_empty() {
            return Err(format!("missing value for {}", unset.join(", ")));
        }
        let path = expand(path, &env);
        if path.starts_with('/') {
            return Err(format!("error SubPath `{path}` must not be an absolute path"));
        }
        if path.split('/').any(|part| part == "..") {
            return Err(format!("unable to provision SubPath `{path}`: must not contain '..'"));
        }
        Ok(Some(path).filter(|path| path.split('/').any(|part| !part.is_empty() && part != ".")))
    }
}

/// Names that a text refers to as `$(NAME)`.
fn references(text: &str) -> impl Iterator<Item = &str> {
    let mut rest = text;
    std::iter::from_fn(move || {
        loop {
            let after = &rest[rest.find('$')? + 1..];
            if let Some((name, tail)) = after.strip_prefix('(').and_then(|inner| inner.split_once(')')) {
                rest = tail;
                return Some(name);
            }
            // `$$` is an escaped dollar sign
            rest = after.strip_prefix('$').unwrap_or(after);
        }
    })
}

impl EnvFrom {
    fn variables(&self, at_start: &StartFacts) -> Vec<(String, String)> {
        let vars = self.found.iter().flatten();
        vars.filter_map(|(key, content)| {
            Some((format!("{}{key}", self.prefix), variable_text(self.of, content, at_start)?))
        })
        .collect()
    }
}

/// The value as text; `None` for a Secret unless `at_start.secrets`, so that Secrets are never displayed.
fn variable_text(of: ConfigKind, content: &Content, at_start: &StartFacts) -> Option<String> {
    let may = at_start.secrets || of == ConfigKind::ConfigMap;
    may.then(|| String::from_utf8_lossy(&content.0).into_owned())
}

/// Replaces `$(NAME)` by the value and `$$` by a dollar sign; a name that is not set stays as written (the rules of
/// `k8s.io/kubernetes/third_party/forked/golang/expansion`).
fn expand(text: &str, env: &[(String, String)]) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('$') {
        out.push_str(&rest[..at]);
        let after = &rest[at + 1..];
        if let Some(tail) = after.strip_prefix('$') {
            out.push('$');
            rest = tail;
        } else if let Some((name, tail)) = after.strip_prefix('(').and_then(|a| a.split_once(')')) {
            match env.iter().rev().find(|(known, _)| known == name) {
                Some((_, value)) => out.push_str(value),
                None => out.push_str(&rest[at..rest.len() - tail.len()]),
            }
            rest = tail;
        } else {
            out.push('$');
            rest = after;
        }
    }
    out.push_str(rest);
    out
}

#[cfg(test)]
mod tests {
    use super::{EnvValue, StartFacts, expand};
    use crate::lab::spec::{ContainerSpec, VolumeMount};

    #[test]
    fn a_sub_path_expr_is_expanded_and_must_stay_in_the_volume() {
        let env = vec![("A".to_owned(), "a".into()), ("UP".to_owned(), "..".into()), ("ROOT".to_owned(), "/".into())];
        let container = ContainerSpec { env, ..ContainerSpec::default() };
        let of = |path: &str, is_expr| {
            let sub_path = Some(path.to_owned());
            let mount = VolumeMount { volume: "v".into(), path: "/v".into(), read_only: false, sub_path, is_expr };
            container.sub_path(&mount, &StartFacts::default())
        };
        assert_eq!(of("$(A)", false), Ok(Some("$(A)".to_owned())));
        assert_eq!(of("x/$(A)/$$(B)$", true), Ok(Some("x/a/$(B)$".to_owned())));
        assert_eq!(of("$(B)/$(A)/$(C)", true), Err("missing value for B, C".to_owned()));
        assert_eq!(of("$(UP)/b", true), Err("unable to provision SubPath `../b`: must not contain '..'".to_owned()));
        assert_eq!(of("$(ROOT)etc", true), Err("error SubPath `/etc` must not be an absolute path".to_owned()));
        assert_eq!(of("./", true), Ok(None));
    }

    #[test]
    fn variables_expand_as_in_kubernetes() {
        let env = [("A".to_owned(), "1".to_owned()), ("B".to_owned(), "x$(A)".to_owned())];
        for (text, want) in [
            ("$(A)", "1"),
            ("a$(A)b$(A)", "a1b1"),
            ("$(C)", "$(C)"),
            ("$$(A)", "$(A)"),
            ("$A $ $(A", "$A $ $(A"),
            ("$(B)", "x$(A)"),
            ("", ""),
        ] {
            assert_eq!(expand(text, &env), want, "{text}");
        }
    }

    #[test]
    fn own_variables_replace_those_of_services_and_pod_fields_are_filled_in() {
        let text = |name: &str, value: &str| (name.to_owned(), EnvValue::from(value));
        let container = ContainerSpec {
            args: vec!["$(WEB_SERVICE_HOST):$(IP)".to_owned()],
            service_env: [("WEB_SERVICE_HOST", "10.96.0.2"), ("WEB_SERVICE_PORT", "80")]
                .map(|(n, v)| (n.to_owned(), v.to_owned()))
                .to_vec(),
            env: vec![
                text("URL", "http://$(WEB_SERVICE_HOST):$(WEB_SERVICE_PORT)/"),
                text("WEB_SERVICE_HOST", "me"),
                ("IP".to_owned(), EnvValue::PodIp),
                text("TWICE", "$(IP) $(IP)"),
                ("NODE".to_owned(), EnvValue::HostIp),
                ("UID".to_owned(), EnvValue::PodUid),
            ],
            ..ContainerSpec::default()
        };
        let known = |ip: &str, node: &str, uid: &str| StartFacts {
            pod_ip: Some(ip.to_owned()),
            host_ip: Some(node.to_owned()),
            pod_uid: Some(uid.to_owned()),
            secrets: true,
        };
        let variables = |at_start: &StartFacts| -> Vec<String> {
            container.environment(at_start).iter().map(|(name, value)| format!("{name}={value}")).collect()
        };
        let all = known("10.244.0.2", "10.244.0.1", "u");
        let want = [
            "URL=http://10.96.0.2:80/",
            "WEB_SERVICE_HOST=me",
            "IP=10.244.0.2",
            "TWICE=10.244.0.2 10.244.0.2",
            "NODE=10.244.0.1",
            "UID=u",
            "WEB_SERVICE_PORT=80",
        ];
        assert_eq!(variables(&all), want);
        assert_eq!(container.argv(&all), ["me:10.244.0.2"]);
        // before the container starts
        let early = ["URL=http://10.96.0.2:80/", "WEB_SERVICE_HOST=me", "TWICE=$(IP) $(IP)", "WEB_SERVICE_PORT=80"];
        assert_eq!(variables(&StartFacts::default()), early);
    }
}
