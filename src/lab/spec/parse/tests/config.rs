//! ConfigMaps and Secrets, and what pods use of them.

use super::{error, manifest};
use crate::lab::spec::{PodSpec, StartFacts, VolumeSource, Warning, parse};

const MAP: &str = "apiVersion: v1
kind: ConfigMap
metadata: {name: conf}
immutable: true
data:
  nginx.conf: |
    events {}
  LEVEL: info
  empty:
binaryData:
  logo: iVBORw==
";

const SECRET: &str = "apiVersion: v1
kind: Secret
metadata: {name: keys}
type: Opaque
data:
  password: |
    aHVudGVy
    Mg==
  user: YWRtaW4=
stringData:
  user: root
";

/// The pod and warnings of a manifest that has these documents before the pod.
fn read(documents: &[&str], pod: &str, container: &str) -> (PodSpec, Vec<String>) {
    let text = format!("{}\n---\n{}", documents.join("---\n"), manifest("", pod, container));
    let (spec, warnings) = parse("pod.yaml", &text).unwrap_or_else(|e| panic!("{e}\n{text}")).remove(0);
    (spec, warnings.iter().map(Warning::to_string).collect())
}

/// The files of the pod's volumes, or why a volume cannot be mounted.
fn files(spec: &PodSpec) -> Vec<String> {
    let one = |source: &VolumeSource| match source {
        VolumeSource::Config(payload) => {
            if let Some(why) = &payload.missing {
                return vec![why.clone()];
            }
            let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
            payload.files.iter().map(|f| format!("{} {:o} {:?}", f.path, f.mode, text(&f.content.0))).collect()
        }
        other => vec![format!("{other:?}")],
    };
    spec.volumes.iter().flat_map(|v| one(&v.source)).collect()
}

#[test]
fn volumes_have_all_keys_or_the_selected_ones() {
    for (source, want) in [
        (
            "configMap: {name: conf}",
            &["LEVEL 644 \"info\"", "empty 644 \"\"", "logo 644 \"\u{fffd}PNG\"", "nginx.conf 644 \"events {}\\n\""][..],
        ),
        (
            "configMap: {name: conf, defaultMode: 0400, items: [{key: LEVEL, path: a/./b}, {key: logo, path: l, mode: 0o600}]}",
            &["a/b 400 \"info\"", "l 600 \"\u{fffd}PNG\""],
        ),
        ("secret: {secretName: keys}", &["password 644 \"hunter2\"", "user 644 \"root\""]),
        ("secret: {secretName: keys, defaultMode: 256, items: [{key: user, path: u}]}", &["u 400 \"root\""]),
        (
            "projected: {defaultMode: 420, sources: [{secret: {name: keys}}, {configMap: {name: conf, items: [{key: LEVEL, path: user}]}}]}",
            &["password 644 \"hunter2\"", "user 644 \"info\""],
        ),
        ("configMap: {name: none, optional: true}", &[]),
        ("configMap: {name: conf, optional: true, items: [{key: none, path: x}]}", &[]),
        ("projected: {sources: [{configMap: {name: none, optional: true}}]}", &[]),
    ] {
        let (spec, warnings) = read(&[MAP, SECRET], &format!("  volumes:\n  - name: v\n    {source}\n"), "");
        assert_eq!((files(&spec), warnings), (want.iter().map(|w| (*w).to_owned()).collect(), vec![]), "{source}");
    }
}

#[test]
fn a_missing_object_or_key_has_the_kubelets_error_and_a_warning() {
    for (source, want, warning) in [
        (
            "configMap: {name: none}",
            "configmap \"none\" not found",
            "33:23: spec.volumes[0].configMap.name is \"none\", and no ConfigMap of that name is in this file: the pod waits for it; add one in namespace default, or say `optional: true`",
        ),
        (
            "secret: {secretName: conf}",
            "secret \"conf\" not found",
            "33:26: spec.volumes[0].secret.secretName is \"conf\", and no Secret of that name is in this file: the pod waits for it; add one in namespace default, or say `optional: true`",
        ),
        (
            "configMap: {name: conf, items: [{key: x, path: x}]}",
            "references non-existent config key: x",
            "33:36: spec.volumes[0].configMap.items references non-existent config key: x: the pod waits for it",
        ),
        (
            "secret: {secretName: keys, items: [{key: x, path: x}]}",
            "references non-existent secret key: x",
            "33:39: spec.volumes[0].secret.items references non-existent secret key: x: the pod waits for it",
        ),
    ] {
        let (spec, warnings) = read(&[MAP, SECRET], &format!("  volumes:\n  - name: v\n    {source}\n"), "");
        assert_eq!((files(&spec), warnings), (vec![want.to_owned()], vec![warning.to_owned()]), "{source}");
        let error_text: Vec<String> = spec.mount_errors().collect();
        assert_eq!(error_text, [format!("MountVolume.SetUp failed for volume \"v\" : {want}")]);
    }
    // objects of another namespace are not found
    let elsewhere = MAP.replace("name: conf", "name: conf, namespace: other");
    let (spec, _) = read(&[&elsewhere], "  volumes: [{name: v, configMap: {name: conf}}]\n", "");
    assert_eq!(files(&spec), ["configmap \"conf\" not found"]);
    // as kubectl prints a pod of a cluster
    let token = "  volumes:\n  - name: token\n    projected:\n      sources:\n      - serviceAccountToken: {path: token}\n      - configMap: {name: kube-root-ca.crt, items: [{key: ca.crt, path: ca.crt}]}\n";
    let (spec, warnings) = read(&[MAP], token, "");
    assert_eq!((spec.mount_errors().count(), warnings.len()), (0, 2), "{warnings:?}");
}

#[test]
fn variables_come_from_keys_and_a_missing_key_is_a_config_error() {
    let environment = |spec: &PodSpec| -> Vec<String> {
        let at_start = StartFacts { secrets: true, ..StartFacts::default() };
        let all = spec.containers[0].environment(&at_start);
        let own = all.iter().filter(|(name, _)| !name.starts_with("KUBERNETES_"));
        own.map(|(name, value)| format!("{name}={value}")).collect()
    };
    let container = "    args: [\"$(PASSWORD) $(L)\"]
    envFrom:
    - {prefix: C_, configMapRef: {name: conf}}
    - secretRef: {name: keys}
    - configMapRef: {name: none, optional: true}
    env:
    - {name: L, valueFrom: {configMapKeyRef: {name: conf, key: LEVEL}}}
    - {name: user, value: \"$(user)!\"}
    - {name: PASSWORD, valueFrom: {secretKeyRef: {name: keys, key: password}}}
    - {name: NONE, valueFrom: {secretKeyRef: {name: keys, key: none, optional: true}}}
    - {name: LOGO, valueFrom: {configMapKeyRef: {name: conf, key: logo, optional: true}}}
";
    let (spec, warnings) = read(&[MAP, SECRET], "", container);
    assert_eq!(warnings, Vec::<String>::new());
    assert_eq!(spec.containers[0].config_error("default"), None);
    assert_eq!(
        environment(&spec),
        [
            "C_LEVEL=info",
            "C_empty=",
            "C_nginx.conf=events {}\n",
            "password=hunter2",
            "user=root",
            "L=info",
            "user=root!",
            "PASSWORD=hunter2"
        ]
    );
    // neither displayed texts nor `Debug` output contain anything of a Secret
    assert_eq!(spec.containers[0].argv(&StartFacts::default()), ["$(PASSWORD) info"]);
    let described = format!("{spec:?} {:?}", spec.containers[0].environment(&StartFacts::default()));
    assert!(!described.contains("hunter2") && !described.contains("root!"), "{described}");
    for (fields, want) in [
        ("envFrom: [{configMapRef: {name: none}}]", "configmap \"none\" not found"),
        ("envFrom: [{secretRef: {name: none}}]", "secret \"none\" not found"),
        ("env: [{name: A, valueFrom: {configMapKeyRef: {name: none, key: k}}}]", "configmap \"none\" not found"),
        (
            "env: [{name: A, valueFrom: {configMapKeyRef: {name: conf, key: K}}}]",
            "couldn't find key K in ConfigMap default/conf",
        ),
        (
            "env: [{name: A, valueFrom: {secretKeyRef: {name: keys, key: K}}}]",
            "couldn't find key K in Secret default/keys",
        ),
        (
            "env: [{name: A, valueFrom: {configMapKeyRef: {name: conf, key: logo}}}]",
            "couldn't find key logo in ConfigMap default/conf",
        ),
    ] {
        let (spec, warnings) = read(&[MAP, SECRET], "", &format!("    {fields}\n"));
        assert_eq!(spec.containers[0].config_error("default").as_deref(), Some(want));
        assert_eq!(warnings.len(), 1, "{fields}: {warnings:?}");
    }
}

#[test]
fn errors_have_the_texts_of_the_api_server() {
    let document = |kind: &str, rest: &str| {
        format!("apiVersion: v1\nkind: {kind}\nmetadata: {{name: c}}\n{rest}\n---\n{}", manifest("", "", ""))
    };
    let big = format!("data: {{a: {}}}", "x".repeat((1 << 20) + 1));
    let long = format!("data: {{{}: x}}", "k".repeat(254));
    for (kind, rest, want) in [
        (
            "ConfigMap",
            "data: {a b: x}",
            "4:8: data[a b]: Invalid value: \"a b\": a valid config key must consist of alphanumeric characters, '-', '_' or '.'",
        ),
        ("ConfigMap", "data: {..: x}", "4:8: data[..]: Invalid value: \"..\": must not be '..'"),
        ("ConfigMap", "data: {..a: x}", "4:8: data[..a]: Invalid value: \"..a\": must not start with '..'"),
        ("ConfigMap", &long, "must be no more than 253 characters"),
        ("ConfigMap", "data: {port: 80}", "4:14: data.port is 80; expected a string; put it in quotes to make it one"),
        ("ConfigMap", "data: x", "4:7: data is \"x\"; expected a mapping"),
        (
            "ConfigMap",
            "binaryData: {a: hunter2!}",
            "4:17: binaryData[a]: illegal base64 data at input byte 7; expected base64, or the plain text in data",
        ),
        (
            "ConfigMap",
            "data: {a: x}\nbinaryData: {a: eA==}",
            "4:11: data[a]: Invalid value: \"a\": duplicate of key present in binaryData",
        ),
        ("ConfigMap", &big, "[]: Too long: may not be more than 1048576 bytes"),
        ("ConfigMap", "immutable: maybe", "4:12: immutable is \"maybe\"; expected true or false"),
        (
            "Secret",
            "data: {a: hunter2!}",
            "4:11: data[a]: illegal base64 data at input byte 7; expected base64, or the plain text in stringData",
        ),
        ("Secret", "stringData: {a/b: x}", "4:14: stringData[a/b]: Invalid value: \"a/b\""),
        (
            "Secret",
            "type: kubernetes.io/tls\ndata: {tls.crt: eA==}",
            "4:7: data[tls.key]: Required value; expected it in a Secret of type kubernetes.io/tls",
        ),
    ] {
        let error_text = error(&document(kind, rest)).to_string();
        assert!(error_text.starts_with("pod.yaml:") && error_text.contains(want), "{error_text}\n{want}");
    }
    let error_text = |text: &str| error(text).to_string();
    let pod = manifest("", "", "");
    assert!(error_text(&format!("{MAP}---\n{MAP}---\n{pod}")).contains("there is a ConfigMap \"conf\" above already"));
    let named = |name: &str| error_text(&format!("{}---\n{pod}", MAP.replace("name: conf", name)));
    assert!(
        named("name: Conf")
            .starts_with("pod.yaml:3:18: metadata.name: Invalid value: \"Conf\": a lowercase RFC 1123 subdomain")
    );
    assert!(named("labels: {}").contains("metadata.name: Required value"));
    assert!(error_text(&MAP.replace("v1", "v2")).contains("expected v1, that of every ConfigMap"));
    assert!(error_text(MAP).starts_with("pod.yaml:2:7: kind is \"ConfigMap\"; expected Pod"));
    for (volume, want) in [
        ("configMap: {}", "configMap.name: Required value"),
        ("secret: {}", "secret.secretName: Required value"),
        (
            "configMap: {name: conf, defaultMode: 01000}",
            "defaultMode: Invalid value: 512: must be a number between 0 and 0777 (octal), both inclusive",
        ),
        (
            "configMap: {name: conf, items: [{key: a, path: ../x}]}",
            "items[0].path: Invalid value: \"../x\": must not contain '..'",
        ),
        ("configMap: {name: conf, items: [{key: a, path: ..x}]}", "must not start with '..'"),
        ("configMap: {name: conf, items: [{key: a, path: /x}]}", "must be a relative path"),
        ("configMap: {name: conf}, secret: {secretName: keys}", "has two sources; expected one"),
    ] {
        let pod = manifest("", &format!("  volumes: [{{name: v, {volume}}}]\n"), "");
        let error_text = error_text(&format!("{MAP}---\n{SECRET}---\n{pod}"));
        assert!(error_text.contains(want), "{error_text}\n{want}");
    }
}

#[test]
fn an_unknown_field_of_a_config_map_is_warned_of() {
    let (_, warnings) = read(&[&MAP.replace("immutable: true", "dta: {}")], "", "");
    assert_eq!(warnings, ["4:1: dta is not a field that Kubernetes knows; it has no effect"]);
    let list = "apiVersion: v1\nkind: List\nitems:\n- apiVersion: v1\n  kind: ConfigMap\n  metadata: {name: c}\n  data: {a: b}\n";
    let (spec, _) = read(&[list], "  volumes: [{name: v, configMap: {name: c}}]\n", "");
    assert_eq!(files(&spec), ["a 644 \"b\""]);
}
