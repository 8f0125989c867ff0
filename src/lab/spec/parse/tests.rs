use super::{SpecError, Warning, parse};
use crate::lab::spec::{PodSpec, VolumeSource};
use crate::model::SandboxKind;

/// A pod with these lines in place of the marked ones.
fn manifest(annotations: &str, pod: &str, container: &str) -> String {
    format!(
        "apiVersion: v1\nkind: Pod\nmetadata:\n  name: p\n{annotations}spec:\n{pod}  containers:\n  - name: a\n    image: nginx\n{container}"
    )
}

fn one(text: &str) -> (PodSpec, Vec<Warning>) {
    parse("pod.yaml", text).unwrap_or_else(|e| panic!("{e}\n{text}")).remove(0)
}

fn error(text: &str) -> SpecError {
    parse("pod.yaml", text).expect_err(text)
}

#[test]
fn every_preset_is_read_without_a_warning() {
    let dir = concat!(env!("CARGO_MANIFEST_DIR"), "/assets/pods");
    let mut n = 0;
    for entry in std::fs::read_dir(dir).expect("presets") {
        let path = entry.expect("an entry").path();
        let text = std::fs::read_to_string(&path).expect("readable");
        for (spec, warnings) in parse(&path.to_string_lossy(), &text).unwrap_or_else(|e| panic!("{e}")) {
            assert!(warnings.is_empty(), "{}: {warnings:?}", path.display());
            assert!(!spec.containers.is_empty());
            n += 1;
        }
    }
    assert!(n >= 3, "{n} presets");
}

#[test]
fn all_that_is_heeded_is_read() {
    let text = "
apiVersion: v1
kind: Pod
metadata:
  name: full
  namespace: demo
  labels: {app: x}
  annotations: {podscope.dev/pause: delay=200ms, other.example/key: '1'}
spec:
  shareProcessNamespace: true
  restartPolicy: Never
  hostname: host
  terminationGracePeriodSeconds: 5
  volumes:
  - name: html
    emptyDir: {}
  - name: etc
    hostPath: {path: /etc, type: Directory}
  containers:
  - name: a
    image: busybox:1.36
    imagePullPolicy: Never
    command: [sh, -c]
    args: ['echo $(WHO)']
    env:
    - {name: WHO, value: world}
    workingDir: /tmp
    ports:
    - {containerPort: 80, name: http, protocol: TCP}
    volumeMounts:
    - {name: html, mountPath: /html, readOnly: true}
    - {name: etc, mountPath: /host-etc}
";
    let (spec, warnings) = one(text);
    assert_eq!(warnings, []);
    assert_eq!((spec.name.as_str(), spec.namespace.as_str(), spec.hostname.as_str()), ("full", "demo", "host"));
    assert!(spec.share.pid);
    assert_eq!((spec.grace_seconds, &spec.sandbox), (5, &SandboxKind::PauseDelay(200)));
    assert_eq!(spec.volumes[1].source, VolumeSource::HostPath("/etc".to_owned()));
    let a = &spec.containers[0];
    assert_eq!(a.argv(), ["sh", "-c", "echo world"]);
    assert_eq!(a.working_dir.as_deref(), Some("/tmp"));
    assert_eq!((a.mounts[0].path.as_str(), a.mounts[0].read_only, a.mounts[1].read_only), ("/html", true, false));
    assert_eq!(a.ports[0].container, 80);
}

#[test]
fn what_has_no_effect_is_named_with_its_place() {
    let text = manifest(
        "  annotations:\n    podscope.dev/colour: red\n",
        "  dnsPolicy: Default\n  restartPolicy: Always\n  hostNetwork: false\n  initContainers:\n  - {name: i, image: busybox}\n",
        "    resources:\n      limits: {cpu: 1}\n    colour: red\n    ports:\n    - containerPort: 80\n      hostPort: 8080\n    env:\n    - name: X\n      valueFrom: {fieldRef: {fieldPath: metadata.name}}\n",
    );
    let (_, warnings) = one(&text);
    let told: Vec<String> = warnings.iter().map(ToString::to_string).collect();
    assert_eq!(
        told,
        [
            "6:26: metadata.annotations.podscope.dev/colour is not an annotation that this version knows; it has no effect",
            "8:3: spec.dnsPolicy is not supported by the lab and has no effect",
            "9:18: spec.restartPolicy is not heeded by this version: what has ended stays so",
            "12:5: spec.initContainers are not run by this version",
            "16:5: spec.containers[0].resources is not supported by the lab and has no effect",
            "18:5: spec.containers[0].colour is not a field that Kubernetes knows; it has no effect",
            "21:17: spec.containers[0].ports[0].hostPort is not published by this version",
            "24:7: spec.containers[0].env[0].valueFrom is not supported by the lab and has no effect",
        ]
    );
}

#[test]
fn what_is_wrong_is_told_with_its_place_and_what_is_expected() {
    let cases: [(String, &str); 18] = [
        (String::new(), "1:1: nothing here; expected a manifest with `kind: Pod`"),
        ("- a\n".to_owned(), "1:1: expected a mapping with `apiVersion: v1` and `kind: Pod`"),
        ("kind: Pod\n".to_owned(), "1:1: apiVersion is missing; expected `apiVersion: v1`"),
        ("apiVersion: apps/v1\nkind: Deployment\n".to_owned(), "1:13: apiVersion is \"apps/v1\"; expected v1"),
        ("apiVersion: v1\nkind: Service\n".to_owned(), "2:7: kind is \"Service\"; expected Pod"),
        (
            "apiVersion: v1\nkind: Pod\nmetadata: {}\nspec: {containers: []}\n".to_owned(),
            "3:11: metadata.name is missing",
        ),
        (
            "apiVersion: v1\nkind: Pod\nmetadata: {name: p}\nspec: {containers: []}\n".to_owned(),
            "4:20: spec.containers is empty",
        ),
        (manifest("", "", "    command: sleep\n"), "9:14: "),
        (manifest("", "", "  - name: a\n    image: nginx\n"), "9:11: spec.containers[1].name \"a\" is taken"),
        (
            manifest("", "", "  - name: A_b\n    image: nginx\n"),
            "9:11: spec.containers[1].name is \"A_b\"; expected at most 63",
        ),
        (manifest("", "", "  - name: b\n"), "9:5: spec.containers[1] has neither `image` nor `command`"),
        (
            manifest(
                "",
                "  volumes:\n  - {name: log, emptyDir: {}}\n",
                "    volumeMounts:\n    - {name: logs, mountPath: /log}\n",
            ),
            "12:14: spec.containers[0].volumeMounts[0].name is \"logs\"; expected a volume of spec.volumes (log)",
        ),
        (
            manifest(
                "",
                "  volumes:\n  - {name: v, emptyDir: {}}\n",
                "    volumeMounts:\n    - {name: v, mountPath: log}\n",
            ),
            "12:28: spec.containers[0].volumeMounts[0].mountPath is \"log\"; expected an absolute path",
        ),
        (
            manifest("  annotations:\n    podscope.dev/pause: never\n", "", ""),
            "6:25: metadata.annotations podscope.dev/pause is \"never\"; expected reap, no-reap, or delay=",
        ),
        (
            manifest("", "  restartPolicy: Sometimes\n", ""),
            "6:18: spec.restartPolicy is \"Sometimes\"; expected Always, OnFailure or Never",
        ),
        (
            manifest("", "", "    ports:\n    - containerPort: 70000\n"),
            "10:22: spec.containers[0].ports[0].containerPort is 70000; expected 1 to 65535",
        ),
        (manifest("", "  shareProcessNamespace: 7\n", ""), "6:26: "),
        ("apiVersion: v1\nkind: Pod\nmetadata:\n  name: [\n".to_owned(), "4:9: unclosed bracket"),
    ];
    for (text, want) in cases {
        let told = error(&text).to_string();
        assert!(told.starts_with(&format!("pod.yaml:{want}")), "\n told {told}\n want pod.yaml:{want}\n{text}");
    }
}

#[test]
fn several_documents_are_several_pods() {
    let one = manifest("", "", "");
    let two = one.replace("name: p", "name: q");
    let pods = parse("f", &format!("---\n{one}---\n{two}---\n")).expect("two pods");
    assert_eq!(pods.iter().map(|(p, _)| p.name.as_str()).collect::<Vec<_>>(), ["p", "q"]);
    let again = parse("f", &format!("{one}---\n{one}")).expect_err("the same name twice");
    assert_eq!((again.line, again.column), (13, 9), "{again}");
}
