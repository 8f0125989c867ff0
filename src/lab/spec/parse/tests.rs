use super::{SpecError, Warning, parse, parse_with_program};
use crate::lab::spec::{HostNamespaces, HostPathType, PodSpec, RestartPolicy, Share, StartFacts, VolumeSource};
use crate::model::SandboxKind;

mod config;
mod kinds;
mod mangled;
mod wild;
mod wrong;

/// A manifest of a pod with these additional lines: annotations, fields of `spec`, fields of the container `a`.
pub fn manifest(annotations: &str, pod: &str, container: &str) -> String {
    format!(
        "apiVersion: v1\nkind: Pod\nmetadata:\n  name: p\n{annotations}spec:\n{pod}  containers:\n  - name: a\n    image: nginx\n{container}"
    )
}

pub fn one(text: &str) -> (PodSpec, Vec<Warning>) {
    parse("pod.yaml", text).unwrap_or_else(|e| panic!("{e}\n{text}")).remove(0)
}

pub fn error(text: &str) -> SpecError {
    parse("pod.yaml", text).expect_err(text)
}

#[test]
fn every_preset_is_read_without_a_warning() {
    for preset in &crate::presets::ALL {
        for (spec, warnings) in preset.pods().unwrap_or_else(|e| panic!("{e}")) {
            assert!(warnings.is_empty(), "{}: {warnings:?}", preset.name);
            assert!(!spec.containers.is_empty());
        }
    }
}

#[test]
fn the_caller_reads_the_program_of_a_pods_own_pause() {
    let text = manifest("  annotations:\n    podscope.dev/pause: ./own\n", "", "");
    let (spec, _) = parse_with_program("pod.yaml", &text, &|path| Ok(path.into())).expect("a pod").remove(0);
    assert_eq!((spec.sandbox, spec.own_pause), (SandboxKind::Own("./own".to_owned()), Some("./own".into())));
}

#[test]
fn every_supported_field_is_read() {
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
  restartPolicy: OnFailure
  hostname: host
  terminationGracePeriodSeconds: 5
  volumes:
  - name: html
    emptyDir: {}
  - name: etc
    hostPath: {path: /etc, type: Directory}
  - name: cache
    emptyDir: {medium: Memory, sizeLimit: 64Mi}
  - name: log
    emptyDir: {medium: '', sizeLimit: 1000}
  initContainers:
  - name: first
    image: busybox
    command: ['true']
  - name: beside
    image: busybox
    command: [sleep, '100']
    restartPolicy: Always
    ports:
    - {containerPort: 9000, hostPort: 9000}
  containers:
  - name: a
    image: busybox:1.36
    imagePullPolicy: Never
    command: [sh, -c]
    args: ['echo $(WHO)']
    env:
    - {name: WHO, value: world}
    - {name: NOTHING}
    - {name: POD, valueFrom: {fieldRef: {fieldPath: metadata.name}}}
    - {name: NS, valueFrom: {fieldRef: {apiVersion: v1, fieldPath: metadata.namespace}}}
    - {name: APP, valueFrom: {fieldRef: {fieldPath: \"metadata.labels['app']\"}}}
    - {name: KEY, valueFrom: {fieldRef: {fieldPath: \"metadata.annotations['other.example/key']\"}}}
    - {name: NONE, valueFrom: {fieldRef: {fieldPath: \"metadata.labels['none']\"}}}
    - {name: NODE, valueFrom: {fieldRef: {fieldPath: spec.nodeName}}}
    - {name: BOTH, value: $(POD).$(NS)}
    workingDir: /tmp
    ports:
    - {containerPort: 80, hostPort: 8880, hostIP: 127.0.0.1, name: http, protocol: TCP}
    - {containerPort: 81, hostPort: 0}
    volumeMounts:
    - {name: html, mountPath: /html, readOnly: true}
    - {name: log, mountPath: /log}
    - {name: etc, mountPath: /host-etc, readOnly: true}
";
    let (spec, warnings) = one(text);
    assert_eq!(warnings, []);
    assert_eq!((spec.name.as_str(), spec.namespace.as_str(), spec.hostname.as_str()), ("full", "demo", "host"));
    assert_eq!(spec.share, Share { pid: true, ..Share::default() });
    assert_eq!(spec.host, HostNamespaces::default());
    assert_eq!((spec.grace_seconds, spec.restart), (5, RestartPolicy::OnFailure));
    assert_eq!(spec.sandbox, SandboxKind::PauseDelay(200));
    let sources: Vec<&VolumeSource> = spec.volumes.iter().map(|v| &v.source).collect();
    assert_eq!(
        sources,
        [
            &VolumeSource::EmptyDir { memory: false, size_limit: None },
            &VolumeSource::HostPath { path: "/etc".to_owned(), kind: HostPathType::Directory },
            &VolumeSource::EmptyDir { memory: true, size_limit: Some(64 << 20) },
            &VolumeSource::EmptyDir { memory: false, size_limit: Some(1_000) },
        ]
    );
    let sidecars: Vec<(&str, bool)> = spec.all_containers().map(|c| (c.name.as_str(), c.sidecar)).collect();
    assert_eq!(sidecars, [("first", false), ("beside", true), ("a", false)]);
    assert_eq!(spec.host_ports().collect::<Vec<_>>(), [(9000, 9000), (8880, 80)]);
    let a = &spec.containers[0];
    assert_eq!(a.argv(&StartFacts::default()), ["sh", "-c", "echo world"]);
    let env: Vec<String> = a
        .environment(&StartFacts::default())
        .iter()
        .take(a.env.len())
        .map(|(name, value)| format!("{name}={value}"))
        .collect();
    assert_eq!(
        env,
        [
            "WHO=world",
            "NOTHING=",
            "POD=full",
            "NS=demo",
            "APP=x",
            "KEY=1",
            "NONE=",
            "NODE=podscope-node",
            "BOTH=full.demo"
        ]
    );
    assert_eq!(a.working_dir.as_deref(), Some("/tmp"));
    let mounts: Vec<(&str, bool)> = a.mounts.iter().map(|m| (m.path.as_str(), m.read_only)).collect();
    assert_eq!(mounts, [("/html", true), ("/log", false), ("/host-etc", true)]);
}

#[test]
fn limits_are_read_as_bytes_and_millicores() {
    use crate::lab::spec::Limits;
    for (lines, want, want_warnings) in [
        ("{}", Limits::default(), &[][..]),
        ("{limits: {}, requests: {}}", Limits::default(), &[]),
        (
            "{limits: {memory: 64Mi, cpu: 500m, podscope.dev/pids: 20}}",
            Limits { memory_bytes: Some(64 << 20), cpu_millicores: Some(500), pids: Some(20) },
            &[],
        ),
        ("{limits: {cpu: 0.5}}", Limits { cpu_millicores: Some(500), ..Limits::default() }, &[]),
        ("{limits: {cpu: 1}}", Limits { cpu_millicores: Some(1000), ..Limits::default() }, &[]),
        ("{limits: {memory: 129e6}}", Limits { memory_bytes: Some(129_000_000), ..Limits::default() }, &[]),
        ("{limits: {memory: 128974848}}", Limits { memory_bytes: Some(128_974_848), ..Limits::default() }, &[]),
        ("{limits: {memory: 1e3}}", Limits { memory_bytes: Some(1000), ..Limits::default() }, &[]),
        ("{limits: {memory: 0, cpu: '0'}}", Limits::default(), &[]),
        (
            "{limits: {memory: 400m}}",
            Limits { memory_bytes: Some(1), ..Limits::default() },
            &[
                "9:34: spec.containers[0].resources.limits[memory] fractional byte value \"400m\" is invalid, must be an integer",
            ],
        ),
        (
            "{limits: {ephemeral-storage: 1Gi, example.com/gpu: 1}}",
            Limits::default(),
            &[
                "9:26: spec.containers[0].resources.limits.ephemeral-storage is not supported by the lab and has no effect",
                "9:50: spec.containers[0].resources.limits.example.com/gpu is not supported by the lab and has no effect",
            ],
        ),
        (
            "{requests: {memory: 64Mi}}",
            Limits::default(),
            &["9:17: spec.containers[0].resources.requests is not supported by the lab and has no effect"],
        ),
    ] {
        let (spec, warnings) = one(&manifest("", "", &format!("    resources: {lines}\n")));
        assert_eq!(spec.containers[0].limits, want, "{lines}");
        assert_eq!(warnings.iter().map(ToString::to_string).collect::<Vec<_>>(), want_warnings, "{lines}");
    }
}

#[test]
fn a_variable_may_have_a_limit_as_its_value() {
    let resources = "    resources: {limits: {cpu: 250m, memory: 64Mi}, requests: {memory: 32Mi}}\n";
    for (selector, want) in [
        ("resource: limits.cpu", Some("1")),
        ("resource: limits.cpu, divisor: 1m", Some("250")),
        ("resource: requests.cpu, divisor: 1m", Some("250")),
        ("resource: limits.memory", Some("67108864")),
        ("resource: limits.memory, divisor: 1Mi, containerName: a", Some("64")),
        ("resource: requests.memory, divisor: 1Mi", Some("32")),
        ("resource: requests.ephemeral-storage", Some("0")),
        ("resource: limits.ephemeral-storage", None),
        ("resource: limits.cpu, containerName: b", None),
    ] {
        let env = format!("    env: [{{name: A, valueFrom: {{resourceFieldRef: {{{selector}}}}}}}]\n");
        let (spec, warnings) = one(&manifest("", "", &format!("{resources}{env}")));
        let value = spec.containers[0].env.first().map(|(_, value)| value.clone());
        assert_eq!(value, want.map(Into::into), "{selector}");
        let has_warning = warnings.iter().any(|w| w.path.ends_with("resourceFieldRef.resource"));
        assert_eq!(has_warning, want.is_none(), "{selector}: {warnings:?}");
    }
}

#[test]
fn annotations_and_fields_select_shared_namespaces_and_their_holder() {
    let annotated = |lines: &str, pod: &str| {
        let (spec, warnings) = one(&manifest(&format!("  annotations:\n{lines}"), pod, ""));
        assert_eq!(warnings, []);
        spec
    };
    for (value, kind) in [
        ("reap", SandboxKind::Pause),
        ("no-reap", SandboxKind::PauseNoReap),
        ("delay=0ms", SandboxKind::PauseDelay(0)),
        ("missing", SandboxKind::Missing),
    ] {
        assert_eq!(annotated(&format!("    podscope.dev/pause: {value}\n"), "").sandbox, kind);
    }
    assert_eq!(annotated("    podscope.dev/infra: a\n", "").sandbox, SandboxKind::Infra("a".to_owned()));
    for (value, pod, want) in [
        ("net,ipc,uts,pid", "", [true, true, true, true]),
        ("' uts , net'", "", [true, false, true, false]),
        ("pid", "  shareProcessNamespace: true\n", [false, false, false, true]),
        ("''", "  shareProcessNamespace: false\n", [false; 4]),
        ("uts", "  hostNetwork: true\n  hostIPC: true\n", [true, true, true, false]),
        ("uts", "  hostPID: true\n", [false, false, true, true]),
    ] {
        let share = annotated(&format!("    podscope.dev/share: {value}\n"), pod).share;
        assert_eq!([share.net, share.ipc, share.uts, share.pid], want, "{value} {pod}");
    }
    let (spec, _) = one(&manifest("", "  hostNetwork: true\n  hostPID: true\n  hostIPC: true\n", ""));
    assert_eq!(spec.host, HostNamespaces { net: true, pid: true, ipc: true });
    assert_eq!(spec.share, Share { pid: true, ..Share::default() });
}

/// The manifest of [`two`] has the containers `a` and `b`.
#[test]
fn one_container_may_share_other_namespaces_than_the_others() {
    let annotated = |lines: &str| parse("pod.yaml", &two(lines));
    let joins = |lines: &str| -> Vec<String> {
        let (spec, warnings) = annotated(lines).expect("a pod").remove(0);
        assert_eq!(warnings, []);
        spec.containers.iter().map(|c| c.join.as_ref().map_or("-".to_owned(), ToString::to_string)).collect()
    };
    assert_eq!(joins(""), ["-", "-"]);
    assert_eq!(joins("    share.podscope.dev/b: net,pid:a\n"), ["-", "net,pid:a"]);
    assert_eq!(
        joins("    share.podscope.dev/a: none\n    share.podscope.dev/b: net,ipc,uts,pid\n"),
        ["none", "net,ipc,uts,pid"]
    );
    for (line, want) in [
        ("share.podscope.dev/a: mnt", "is \"mnt\"; expected any of net, ipc, uts and pid, or pid:"),
        ("share.podscope.dev/c: net", "is \"net\"; expected one of the pod's containers (a, b) after the slash"),
        // no cycle: a target must be above
        ("share.podscope.dev/a: pid:b", "is \"pid:b\"; expected b to be a container above a that lasts"),
        ("share.podscope.dev/a: pid:a", "is \"pid:a\"; expected a to be a container above a that lasts"),
    ] {
        let error = annotated(&format!("    {line}\n")).expect_err(line);
        let key = line.split(':').next().unwrap_or_default();
        assert_eq!((error.line, error.message.starts_with(&format!("metadata.annotations {key} {want}"))), (6, true));
    }
    // an init container has already ended, a sidecar has not
    let with_init = |init: &str| {
        let text = two("    share.podscope.dev/b: pid:i\n");
        parse("pod.yaml", &text.replace("  containers:", &format!("  initContainers:\n  - {init}\n  containers:")))
    };
    let error = with_init("{name: i, image: busybox}").expect_err("it ends");
    assert!(error.message.ends_with("expected i to be a container above b that lasts"), "{error}");
    assert!(with_init("{name: i, image: busybox, restartPolicy: Always}").is_ok());
}

fn two(annotations: &str) -> String {
    format!(
        "apiVersion: v1\nkind: Pod\nmetadata:\n  name: p\n  annotations:\n{annotations}    x: z\nspec:\n  containers:\n  \
         - {{name: a, image: busybox}}\n  - {{name: b, image: busybox}}\n"
    )
}

#[test]
fn fields_without_their_usual_effect_are_warned_of_with_their_place() {
    let text = manifest(
        "  annotations:\n    podscope.dev/colour: red\n",
        "  dnsPolicy: Default\n  restartPolicy: Always\n  hostNetwork: false\n  volumes:\n  - name: h\n    hostPath: {path: /srv, type: DirectoryOrCreate}\n  - name: c\n    configMap: {name: c}\n  - name: x\n    colour: red\n  - name: huge\n    emptyDir: {medium: HugePages-2Mi}\n",
        "    restartPolicy: Never\n    resources:\n      limits: {cpu: 1}\n      requests: {cpu: 1}\n    securityContext: {}\n    colour: red\n    ports:\n    - {containerPort: 53, hostPort: 53}\n    - containerPort: 53\n      hostPort: 53\n      protocol: UDP\n    - containerPort: 80\n      hostPort: 8080\n      hostIP: 0.0.0.0\n    - {containerPort: 81, hostIP: 0.0.0.0}\n    env:\n    - name: IP\n      valueFrom: {fieldRef: {fieldPath: status.phase}}\n    - name: S\n      valueFrom: {secretKeyRef: {name: s, key: k}}\n    envFrom:\n    - configMapRef: {name: c}\n    volumeMounts:\n    - name: h\n      mountPath: /srv\n      subPathExpr: x\n",
    );
    let (spec, warnings) = one(&text);
    let texts: Vec<String> = warnings.iter().map(ToString::to_string).collect();
    let c = "spec.containers[0]";
    let missing =
        "of that name is in this file: the pod waits for it; add one in namespace default, or say `optional: true`";
    assert_eq!(
        texts,
        [
            "6:26: metadata.annotations.podscope.dev/colour is not an annotation that this version knows; it has no effect".to_owned(),
            "8:3: spec.dnsPolicy is not supported by the lab and has no effect".to_owned(),
            "13:34: spec.volumes[0].hostPath.type is DirectoryOrCreate: the lab never writes to the host, so that the path must be there".to_owned(),
            format!("15:23: spec.volumes[1].configMap.name is \"c\", and no ConfigMap {missing}"),
            "17:5: spec.volumes[2].colour is not a field that Kubernetes knows; it has no effect".to_owned(),
            "19:24: spec.volumes[3].emptyDir.medium is HugePages-2Mi: the lab has no huge pages; ordinary memory takes their place".to_owned(),
            format!("23:20: {c}.restartPolicy is not supported by the lab: spec.restartPolicy holds for every container"),
            format!("26:7: {c}.resources.requests is not supported by the lab and has no effect"),
            format!("28:5: {c}.colour is not a field that Kubernetes knows; it has no effect"),
            format!("32:17: {c}.ports[1].hostPort is not published: the lab publishes TCP only, and this is UDP"),
            format!("36:15: {c}.ports[2].hostIP is 0.0.0.0: the lab publishes on 127.0.0.1 only"),
            format!("37:35: {c}.ports[3].hostIP has no effect without hostPort"),
            format!("40:41: {c}.env[0].valueFrom.fieldRef.fieldPath is status.phase, which the lab does not give: the variable is not set"),
            format!("42:40: {c}.env[1].valueFrom.secretKeyRef.name is \"s\", and no Secret {missing}"),
            format!("44:28: {c}.envFrom[0].configMapRef.name is \"c\", and no ConfigMap {missing}"),
            format!("46:7: {c}.volumeMounts[0] is read-only here, as all of the host is; say so with `readOnly: true`"),
        ]
    );
    assert_eq!(spec.host_ports().collect::<Vec<_>>(), [(53, 53), (8080, 80)]);
    assert_eq!(spec.containers[0].environment(&StartFacts { secrets: true, ..StartFacts::default() }).len(), 8);
    assert!(spec.containers[0].mounts[0].read_only);
}
