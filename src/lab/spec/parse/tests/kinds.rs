//! Manifests with several documents, other kinds and lists.

use super::{error, manifest};
use crate::lab::spec::{Warning, parse};

const SERVICE: &str = "apiVersion: v1\nkind: Service\nmetadata: {name: s}\nspec: {ports: [{port: 80}]}\n";
const DEPLOYMENT: &str = "apiVersion: apps/v1\nkind: Deployment\nspec: {template: {}}\n";

/// The names of the pods, and all warnings.
fn read(text: &str) -> (Vec<String>, Vec<String>) {
    let pods = parse("pod.yaml", text).unwrap_or_else(|e| panic!("{e}\n{text}"));
    let warnings = pods.iter().flat_map(|(_, warnings)| warnings).map(Warning::to_string).collect();
    (pods.into_iter().map(|(spec, _)| spec.name).collect(), warnings)
}

/// The pod of [`manifest`] as an item of a list.
fn item(name: &str, typed: bool) -> String {
    let text = manifest("", "", "").replace("name: p", &format!("name: {name}"));
    let lines: Vec<&str> = text.lines().skip(if typed { 0 } else { 2 }).collect();
    format!("- {}\n", lines.join("\n  "))
}

#[test]
fn several_documents_are_several_pods() {
    let one = manifest("", "", "");
    let two = one.replace("name: p", "name: q");
    let (names, warnings) = read(&format!("---\n{one}---\n{two}---\n"));
    assert_eq!((names, warnings), (vec!["p".to_owned(), "q".to_owned()], vec![]));
    let again = parse("f", &format!("{one}---\n{one}")).expect_err("the same name twice");
    assert_eq!((again.line, again.column), (13, 9), "{again}");
    let elsewhere = one.replace("name: p", "name: p\n  namespace: other");
    assert_eq!(read(&format!("{one}---\n{elsewhere}")).0, ["p", "p"]);
}

#[test]
fn other_kinds_beside_a_pod_are_skipped_with_a_warning() {
    let (names, warnings) = read(&format!("{SERVICE}---\n{}---\n{DEPLOYMENT}", manifest("", "", "")));
    assert_eq!(names, ["p"]);
    assert_eq!(
        warnings,
        [
            "2:7: kind is \"Service\": pods get the variables of \"s\", but nothing forwards its address 10.96.0.2: the lab has no kube-proxy",
            "16:7: kind is \"Deployment\", which is skipped: to run its pod, copy its spec.template into a manifest with `apiVersion: v1` and `kind: Pod`",
        ]
    );
}

#[test]
fn a_manifest_without_a_pod_is_an_error_that_says_what_to_do() {
    assert_eq!(
        error(SERVICE).to_string(),
        "pod.yaml:2:7: kind is \"Service\"; expected Pod: the lab runs pods and nothing else"
    );
    for (kind, path) in [
        ("Deployment", "spec.template"),
        ("ReplicaSet", "spec.template"),
        ("StatefulSet", "spec.template"),
        ("DaemonSet", "spec.template"),
        ("Job", "spec.template"),
        ("CronJob", "spec.jobTemplate.spec.template"),
    ] {
        let hint = format!("copy its {path} into a manifest with `apiVersion: v1` and `kind: Pod`");
        let want = format!("pod.yaml:2:7: kind is \"{kind}\"; expected Pod: to run its pod, {hint}");
        assert_eq!(error(&DEPLOYMENT.replace("Deployment", kind)).to_string(), want);
        // this error helps more than that of the service
        assert_eq!(
            error(&format!("{SERVICE}---\n{}", DEPLOYMENT.replace("Deployment", kind))).message,
            want.split_once(": ").expect("a place").1
        );
    }
}

#[test]
fn lists_as_kubectl_prints_them_are_read_as_pods() {
    for (kind, typed) in [("List", true), ("PodList", false), ("PodList", true)] {
        let head = "apiVersion: v1\nmetadata: {resourceVersion: ''}\n";
        let text = format!("{head}items:\n{}{}kind: {kind}\n", item("p", typed), item("q", typed));
        let (names, warnings) = read(&text);
        assert_eq!((names, warnings), (vec!["p".to_owned(), "q".to_owned()], vec![]), "{text}");
    }
    let service = SERVICE.lines().collect::<Vec<_>>().join("\n  ");
    let (names, warnings) = read(&format!("apiVersion: v1\nkind: List\nitems:\n- {service}\n{}", item("p", true)));
    assert_eq!(names, ["p"]);
    assert_eq!(warnings.len(), 1, "{warnings:?}");
    for (items, want) in [
        ("items: []\n", "1:1: a list without a pod; expected items of `kind: Pod`"),
        ("items: 5\n", "3:8: items is no list; expected a list of pods"),
        ("", "1:1: items is missing; expected a list of pods"),
        ("items: [5]\n", "3:9: expected a mapping"),
        ("items: [{a: b}]\n", "3:9: apiVersion is missing"),
    ] {
        let got = error(&format!("apiVersion: v1\nkind: List\n{items}")).to_string();
        assert!(got.starts_with(&format!("pod.yaml:{want}")), "{got}");
    }
}

#[test]
fn a_generated_name_is_the_prefix_and_five_characters() {
    let text = manifest("", "", "").replace("name: p", "generateName: web-");
    let names: Vec<String> = (0..2).map(|_| read(&text).0.remove(0)).collect();
    for name in &names {
        assert!(name.starts_with("web-") && name.len() == 9, "{name}");
    }
    assert_ne!(names[0], names[1]);
    let long = manifest("", "", "").replace("name: p", &format!("generateName: {}", "x".repeat(200)));
    assert_eq!(read(&long).0[0].len(), 63);
    let both = text.replace("generateName", "name: p\n  generateName");
    assert_eq!(read(&both).0, ["p"]);
}

/// The variables that the pod's container gets from services.
fn variables(services: &str, pod: &str) -> Vec<String> {
    let text = format!("{services}---\n{}", manifest("", pod, ""));
    let (spec, _) = parse("pod.yaml", &text).unwrap_or_else(|e| panic!("{e}\n{text}")).remove(0);
    spec.containers[0].service_env.iter().map(|(name, value)| format!("{name}={value}")).collect()
}

/// The variables of the API server's own service, which a kubelet sets in every container.
const OF_KUBERNETES: [&str; 8] = [
    "KUBERNETES_SERVICE_HOST=10.96.0.1",
    "KUBERNETES_SERVICE_PORT=443",
    "KUBERNETES_SERVICE_PORT_HTTPS=443",
    "KUBERNETES_PORT=tcp://10.96.0.1:443",
    "KUBERNETES_PORT_443_TCP=tcp://10.96.0.1:443",
    "KUBERNETES_PORT_443_TCP_PROTO=tcp",
    "KUBERNETES_PORT_443_TCP_PORT=443",
    "KUBERNETES_PORT_443_TCP_ADDR=10.96.0.1",
];

#[test]
fn services_set_the_same_variables_as_a_kubelet() {
    assert_eq!(variables("", ""), OF_KUBERNETES);
    assert_eq!(variables("", "  enableServiceLinks: false\n"), OF_KUBERNETES);
    let redis = "apiVersion: v1\nkind: Service\nmetadata: {name: redis-primary}\nspec:\n  clusterIP: 10.0.0.11\n  ports:\n  - {port: 6379}\n  - {port: 53, name: dns-udp, protocol: UDP}\n";
    let mut want = OF_KUBERNETES.to_vec();
    want.extend([
        "REDIS_PRIMARY_SERVICE_HOST=10.0.0.11",
        "REDIS_PRIMARY_SERVICE_PORT=6379",
        "REDIS_PRIMARY_SERVICE_PORT_DNS_UDP=53",
        "REDIS_PRIMARY_PORT=tcp://10.0.0.11:6379",
        "REDIS_PRIMARY_PORT_6379_TCP=tcp://10.0.0.11:6379",
        "REDIS_PRIMARY_PORT_6379_TCP_PROTO=tcp",
        "REDIS_PRIMARY_PORT_6379_TCP_PORT=6379",
        "REDIS_PRIMARY_PORT_6379_TCP_ADDR=10.0.0.11",
        "REDIS_PRIMARY_PORT_53_UDP=udp://10.0.0.11:53",
        "REDIS_PRIMARY_PORT_53_UDP_PROTO=udp",
        "REDIS_PRIMARY_PORT_53_UDP_PORT=53",
        "REDIS_PRIMARY_PORT_53_UDP_ADDR=10.0.0.11",
    ]);
    assert_eq!(variables(redis, ""), want);
    assert_eq!(variables(redis, "  enableServiceLinks: false\n"), OF_KUBERNETES);
    // in another namespace, without an address, or an alias of an external name
    for (from, to) in [
        ("{name: redis-primary}", "{name: redis-primary, namespace: other}"),
        ("10.0.0.11", "None"),
        ("clusterIP: 10.0.0.11", "type: ExternalName"),
    ] {
        assert_eq!(variables(&redis.replace(from, to), ""), OF_KUBERNETES, "{to}");
    }
    let six = variables(&redis.replace("10.0.0.11", "'fd00::1'"), "");
    assert!(six.contains(&"REDIS_PRIMARY_PORT=tcp://[fd00::1]:6379".to_owned()), "{six:?}");
    let (_, warnings) = read(&format!("{}---\n{}", redis.replace("10.0.0.11", "None"), manifest("", "", "")));
    assert_eq!(
        warnings,
        ["2:7: kind is \"Service\" and has no effect: \"redis-primary\" has no cluster IP, hence no variables"]
    );
    for (from, to, want) in [
        ("port: 6379", "port: 0", "7:12: spec.ports[0].port: Invalid value: 0: must be between 1 and 65535, inclusive"),
        ("10.0.0.11", "ten", "5:14: spec.clusterIP: Invalid value: \"ten\": must be a valid IP address"),
        ("{name: redis-primary}", "{}", "3:11: metadata.name: Required value"),
    ] {
        let got = error(&format!("{}---\n{}", redis.replace(from, to), manifest("", "", ""))).to_string();
        assert!(got.starts_with(&format!("pod.yaml:{want}")), "{got}");
    }
}
