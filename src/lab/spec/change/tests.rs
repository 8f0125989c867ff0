use super::{Change, change};
use crate::lab::spec::{PodSpec, parse};

const POD: &str = "
apiVersion: v1
kind: Pod
metadata:
  name: p
spec:
  volumes:
  - {name: html, emptyDir: {}}
  initContainers:
  - {name: init, image: busybox, command: ['true']}
  - {name: side, image: busybox, restartPolicy: Always}
  containers:
  - {name: nginx, image: 'nginx:1', ports: [{containerPort: 80}]}
  - {name: box, image: busybox, command: [sleep, '1'], args: ['2']}
";

fn read(text: &str) -> PodSpec {
    parse("pod.yaml", text).unwrap_or_else(|e| panic!("{e}\n{text}")).remove(0).0
}

/// The change that follows from these text replacements (old, new) in the pod's manifest.
fn changed(replacements: &[(&str, &str)]) -> Change {
    let new = replacements.iter().fold(POD.to_owned(), |text, (from, to)| {
        assert!(text.contains(from), "{from} in {text}");
        text.replacen(from, to, 1)
    });
    change(&read(POD), &read(&new))
}

fn names(names: &[&str]) -> Vec<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

#[test]
fn an_equivalent_manifest_is_no_change() {
    for replacement in [
        ("name: p", "name: p"),
        ("name: p", "name: p\n  namespace: default"),
        ("spec:", "spec:\n  restartPolicy: Always\n  terminationGracePeriodSeconds: 30\n  hostname: p"),
        ("spec:", "spec:\n  shareProcessNamespace: false\n  priority: 5"),
        ("image: busybox, command: ['true']", "command: ['true'], image: busybox"),
    ] {
        assert_eq!(changed(&[replacement]), Change::None, "{replacement:?}");
    }
}

#[test]
fn another_program_restarts_only_its_container() {
    for (replacements, want) in [
        (&[("nginx:1", "nginx:2")][..], &["nginx"][..]),
        (&[("[sleep, '1']", "[sleep, '3']")], &["box"]),
        (&[("args: ['2']", "args: []")], &["box"]),
        (&[("image: busybox, restartPolicy", "image: curl, restartPolicy")], &["side"]),
        (&[("nginx:1", "nginx:2"), ("args: ['2']", "args: ['3']"), ("[sleep", "[cat")], &["nginx", "box"]),
    ] {
        assert_eq!(changed(replacements), Change::Containers(names(want)), "{replacements:?}");
    }
}

#[test]
fn labels_annotations_and_pull_policy_change_without_a_restart() {
    for replacement in [
        ("name: p", "name: p\n  labels: {a: b}"),
        ("name: p", "name: p\n  annotations: {podscope.dev/pause: reap, podscope.dev/share: 'net,ipc,uts'}"),
        ("image: 'nginx:1'", "image: 'nginx:1', imagePullPolicy: Always"),
    ] {
        assert_eq!(changed(&[replacement]), Change::Containers(vec![]), "{replacement:?}");
    }
}

#[test]
fn contents_of_config_maps_and_secrets_change_without_a_restart() {
    const TEXT: &str = "
apiVersion: v1
kind: ConfigMap
metadata: {name: c}
data: {k: one}
---
apiVersion: v1
kind: Secret
metadata: {name: s}
stringData: {k: one}
---
apiVersion: v1
kind: Pod
metadata: {name: p}
spec:
  volumes: [{name: v, configMap: {name: c}}]
  containers:
  - name: a
    image: nginx
    env: [{name: A, valueFrom: {secretKeyRef: {name: s, key: k}}}]
    envFrom: [{configMapRef: {name: c}}]
";
    for (from, to, want) in [
        ("data: {k: one}", "data: {k: two}", Change::Containers(vec![])),
        ("data: {k: one}", "data: {l: two}", Change::Containers(vec![])),
        ("stringData: {k: one}", "stringData: {k: two}", Change::Containers(vec![])),
        ("metadata: {name: s}", "metadata: {name: t}", Change::Containers(vec![])),
        ("image: nginx", "image: busybox", Change::Containers(names(&["a"]))),
        ("secretKeyRef: {name: s,", "secretKeyRef: {name: t,", Change::Recreate(names(&["spec.containers[a].env"]))),
        (
            "{configMapRef: {name: c}}",
            "{configMapRef: {name: d}}",
            Change::Recreate(names(&["spec.containers[a].env"])),
        ),
        ("configMap: {name: c}", "emptyDir: {}", Change::Recreate(names(&["spec.volumes[v]"]))),
    ] {
        assert!(TEXT.contains(from), "{from}");
        assert_eq!(change(&read(TEXT), &read(&TEXT.replacen(from, to, 1))), want, "{to}");
    }
}

#[test]
fn any_other_difference_recreates_the_pod_and_is_named() {
    let annotate = |text: &'static str| ("name: p", text);
    for (replacements, want) in [
        (&[("name: p", "name: q")][..], &["metadata.name"][..]),
        (&[("name: p", "name: p\n  namespace: other")], &["metadata.namespace"]),
        (&[("spec:", "spec:\n  hostname: other")], &["spec.hostname"]),
        (&[("spec:", "spec:\n  restartPolicy: Never")], &["spec.restartPolicy"]),
        (&[("spec:", "spec:\n  terminationGracePeriodSeconds: 1")], &["spec.terminationGracePeriodSeconds"]),
        (&[("spec:", "spec:\n  shareProcessNamespace: true")], &["the sharing of pid namespaces"]),
        (&[("spec:", "spec:\n  hostNetwork: true")], &["spec.hostNetwork"]),
        (&[("spec:", "spec:\n  hostPID: true\n  hostIPC: true")], &["spec.hostPID", "spec.hostIPC"]),
        (
            &[annotate("name: p\n  annotations: {podscope.dev/share: net}")],
            &["the sharing of ipc namespaces", "the sharing of uts namespaces"],
        ),
        (&[annotate("name: p\n  annotations: {podscope.dev/pause: no-reap}")], &["what holds the namespaces"]),
        (&[annotate("name: p\n  annotations: {podscope.dev/infra: box}")], &["what holds the namespaces"]),
        (&[("emptyDir: {}", "emptyDir: {medium: Memory}")], &["spec.volumes[html]"]),
        (&[("{name: html, emptyDir: {}}", "{name: log, emptyDir: {}}")], &["spec.volumes[html]", "spec.volumes[log]"]),
        (&[("containerPort: 80", "containerPort: 81")], &["spec.containers[nginx].ports"]),
        (&[("name: box,", "name: box, env: [{name: A}],")], &["spec.containers[box].env"]),
        (&[("name: box,", "name: box, resources: {limits: {memory: 1Gi}},")], &["spec.containers[box].resources"]),
        (&[("name: box,", "name: box, workingDir: /tmp,")], &["spec.containers[box].workingDir"]),
        (
            &[("name: box,", "name: box, volumeMounts: [{name: html, mountPath: /a}],")],
            &["spec.containers[box].volumeMounts"],
        ),
        (&[("name: box", "name: bax")], &["spec.containers[box]", "spec.containers[bax]"]),
        (&[(", restartPolicy: Always", "")], &["spec.initContainers[side].restartPolicy"]),
        // an init container has already run, and the other containers depend on its work
        (&[("['true']", "['false']")], &["spec.initContainers[init].command"]),
        (
            &[("nginx:1", "nginx:2"), ("spec:", "spec:\n  restartPolicy: Never")],
            &["spec.restartPolicy", "spec.containers[nginx].image"],
        ),
    ] {
        assert_eq!(changed(replacements), Change::Recreate(names(want)), "{replacements:?}");
    }
}

/// The other containers end with the holder of the namespaces.
#[test]
fn another_program_of_the_infra_container_recreates_the_pod() {
    let old = POD.replace("name: p", "name: p\n  annotations: {podscope.dev/infra: nginx}");
    let new = old.replace("nginx:1", "nginx:2");
    let want = Change::Recreate(names(&["spec.containers[nginx].image"]));
    assert_eq!(change(&read(&old), &read(&new)), want);
    let other = old.replace("args: ['2']", "args: ['3']");
    assert_eq!(change(&read(&old), &read(&other)), Change::Containers(names(&["box"])));
}

#[test]
fn another_order_of_containers_recreates_the_pod() {
    let old = read(POD);
    let mut new = old.clone();
    new.containers.reverse();
    assert_eq!(change(&old, &new), Change::Recreate(names(&["the order of spec.containers"])));
    new.volumes.reverse();
    new.containers.reverse();
    assert_eq!(change(&old, &new), Change::None);
}
