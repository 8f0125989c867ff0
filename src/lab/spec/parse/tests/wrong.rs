use super::{error, manifest};

fn expect_error(text: &str, want: &str) {
    let got = error(text).to_string();
    assert!(got.starts_with(&format!("pod.yaml:{want}")), "\n got  {got}\n want pod.yaml:{want}\n{text}");
}

#[test]
fn a_document_that_is_no_pod_is_refused() {
    for (text, want) in [
        ("", "1:1: nothing here; expected a manifest with `kind: Pod`"),
        ("# nothing\n---\n", "1:1: nothing here"),
        ("- a\n", "1:1: expected a mapping with `apiVersion: v1` and `kind: Pod`"),
        ("kind: Pod\n", "1:1: apiVersion is missing; expected `apiVersion: v1`"),
        ("apiVersion: v1\n", "1:1: kind is missing; expected `kind: Pod`"),
        ("apiVersion: v2\nkind: Pod\n", "1:13: apiVersion is \"v2\"; expected v1"),
        ("apiVersion: v1\nkind: 5\n", "2:7: kind is not a string; expected Pod"),
        ("apiVersion: v1\nkind: Pod\nmetadata: {}\nspec: {containers: []}\n", "3:11: metadata.name is missing"),
        ("apiVersion: v1\nkind: Pod\nmetadata: {name: p}\n", "1:1: spec is missing; expected at least `containers`"),
        (
            "apiVersion: v1\nkind: Pod\nmetadata: {name: p}\nspec: {containers: []}\n",
            "4:20: spec.containers: Required value; expected at least one container",
        ),
        (
            "apiVersion: v1\nkind: Pod\nmetadata: {generateName: P-}\nspec: {containers: [{name: a, image: b}]}\n",
            "3:26: metadata.generateName is \"P-",
        ),
        ("apiVersion: v1\nkind: Pod\nmetadata:\n  name: [\n", "4:9: unclosed bracket"),
        // the reader reports the end of the text after the last line
        ("a: 'x\n\n", "2:1: invalid indentation in multiline quoted scalar"),
        ("a: \"x\n", "1:6: invalid indentation in multiline quoted scalar"),
        (": x\n", "1:1: empty; expected a field's name"),
        ("a: &a [*a]\n", "1:8: contains itself; expected an end to it"),
        ("apiVersion: v1\nkind: Pod\nkind: Pod\n", "3:1: duplicate mapping key: kind; expected each field once"),
    ] {
        expect_error(text, want);
    }
}

#[test]
fn a_wrong_field_of_the_pod_is_refused() {
    for (lines, want) in [
        ("  shareProcessNamespace: 7\n", "6:26: spec.shareProcessNamespace is 7; expected true or false"),
        ("  hostname: a.b\n", "6:13: spec.hostname is \"a.b\"; expected at most 63 of"),
        ("  hostname: 5\n", "6:13: spec.hostname is 5; expected a string; put it in quotes to make it one"),
        ("  restartPolicy: Maybe\n", "6:18: spec.restartPolicy is \"Maybe\"; expected Always, OnFailure or Never"),
        (
            "  ephemeralContainers: [{name: e, image: busybox}]\n",
            "6:24: spec.ephemeralContainers: Forbidden: cannot be set on create; add one to the running pod with \
             `podscope debug`",
        ),
        (
            "  terminationGracePeriodSeconds: -1\n",
            "6:34: spec.terminationGracePeriodSeconds is -1; expected 0 to 4294967295",
        ),
        (
            "  terminationGracePeriodSeconds: 5s\n",
            "6:34: spec.terminationGracePeriodSeconds is \"5s\"; expected a whole number",
        ),
        (
            "  hostPID: true\n  shareProcessNamespace: true\n",
            "7:26: spec.shareProcessNamespace is set together with `hostPID: true`; expected one of them",
        ),
        (
            "  initContainers:\n  - {name: i, image: busybox, restartPolicy: OnFailure}\n",
            "7:46: spec.initContainers[0].restartPolicy is \"OnFailure\"; expected Always, which makes it a sidecar",
        ),
        (
            "  initContainers:\n  - {name: a, image: busybox}\n",
            "9:11: spec.containers[0].name \"a\" is taken by a container above; expected another name",
        ),
    ] {
        expect_error(&manifest("", lines, ""), want);
    }
}

#[test]
fn an_unknown_pull_policy_is_refused() {
    let want = "7:46: spec.initContainers[0].imagePullPolicy is \"Sometimes\"; expected Always, IfNotPresent or Never";
    expect_error(
        &manifest("", "  initContainers:\n  - {name: i, image: nginx, imagePullPolicy: Sometimes}\n", ""),
        want,
    );
}

#[test]
fn a_wrong_annotation_is_refused() {
    let key = "metadata.annotations podscope.dev";
    for (lines, pod, want) in [
        ("pause: never", "", format!("6:25: {key}/pause is \"never\"; expected reap, no-reap, missing, delay=")),
        ("pause: delay=1s", "", format!("6:25: {key}/pause is \"delay=1s\"; expected reap")),
        (
            "pause: ./own.c",
            "",
            format!(
                "6:25: {key}/pause is \"./own.c\"; expected a static executable, or its source in C: the manifest is no file"
            ),
        ),
        ("infra: b", "", format!("6:25: {key}/infra is \"b\"; expected a container of spec.containers (a)")),
        (
            "infra: a\n    podscope.dev/pause: reap",
            "",
            format!("6:25: {key}/infra is \"a\"; expected no podscope.dev/pause beside it"),
        ),
        (
            "infra: i",
            "  initContainers:\n  - {name: i, image: nginx}\n",
            format!("6:25: {key}/infra is \"i\"; expected a container of spec.containers (a)"),
        ),
        ("share: net,mnt", "", format!("6:25: {key}/share is \"net,mnt\"; expected any of net, ipc, uts and pid")),
        ("share: net,", "", format!("6:25: {key}/share is \"net,\"; expected any of")),
        (
            "share: net",
            "  shareProcessNamespace: true\n",
            "8:26: spec.shareProcessNamespace is true, but podscope.dev/share has no pid; expected them to agree"
                .to_owned(),
        ),
        (
            "share: pid",
            "  shareProcessNamespace: false\n",
            "8:26: spec.shareProcessNamespace is false, but podscope.dev/share has pid; expected them to agree"
                .to_owned(),
        ),
        (
            "pause: 5",
            "",
            "6:25: metadata.annotations.podscope.dev/pause is 5; expected a string; put it in quotes".to_owned(),
        ),
    ] {
        expect_error(&manifest(&format!("  annotations:\n    podscope.dev/{lines}\n"), pod, ""), &want);
    }
}

#[test]
fn a_wrong_volume_or_mount_is_refused() {
    for (volume, mount, want) in [
        (
            "{name: v, emptyDir: {medium: Disk}}",
            "",
            "7:34: spec.volumes[0].emptyDir.medium is \"Disk\"; expected Memory",
        ),
        (
            "{name: v, emptyDir: {sizeLimit: 64MB}}",
            "",
            "7:37: spec.volumes[0].emptyDir.sizeLimit: Invalid value: \"64MB\": quantities must match the regular expression",
        ),
        (
            "{name: v, emptyDir: {sizeLimit: -1}}",
            "",
            "7:37: spec.volumes[0].emptyDir.sizeLimit: Invalid value: \"-1\": must be greater than or equal to 0; expected an amount such as 64Mi or 1G",
        ),
        ("{name: v, emptyDir: {sizeLimit: true}}", "", "7:37: spec.volumes[0].emptyDir.sizeLimit is true; expected"),
        ("{name: v, emptyDir: 5}", "", "7:25: spec.volumes[0].emptyDir is 5; expected a mapping"),
        (
            "{name: v, hostPath: {path: etc}}",
            "",
            "7:32: spec.volumes[0].hostPath.path is \"etc\"; expected an absolute",
        ),
        (
            "{name: v, hostPath: {path: /etc, type: Dir}}",
            "",
            "7:44: spec.volumes[0].hostPath.type is \"Dir\"; expected one of DirectoryOrCreate, Directory, ",
        ),
        ("{name: v, emptyDir: {}, hostPath: {path: /e}}", "", "7:5: spec.volumes[0] has two sources; expected one"),
        (
            "{name: v, emptyDir: {}}\n  - {name: v, emptyDir: {}}",
            "",
            "8:12: spec.volumes[1].name \"v\" is taken by a volume above; expected another name",
        ),
        (
            "{name: log, emptyDir: {}}",
            "{name: logs, mountPath: /log}",
            "12:14: spec.containers[0].volumeMounts[0].name is \"logs\"; expected a volume of spec.volumes (log)",
        ),
        (
            "{name: v, emptyDir: {}}",
            "{name: v, mountPath: log}",
            "12:28: spec.containers[0].volumeMounts[0].mountPath is \"log\"; expected an absolute path",
        ),
        (
            "{name: v, emptyDir: {}}",
            "{name: v, mountPath: /./}",
            "12:28: spec.containers[0].volumeMounts[0].mountPath is \"/./\"; expected a path below the root",
        ),
        (
            "{name: v, emptyDir: {}}",
            "{name: v, mountPath: /a}\n    - {name: v, mountPath: /a}",
            "13:28: spec.containers[0].volumeMounts[1].mountPath: Invalid value: \"/a\": must be unique; expected another path",
        ),
        (
            "{name: v, emptyDir: {}}",
            "{name: v, mountPath: /a, subPath: ../..}",
            "12:41: spec.containers[0].volumeMounts[0].subPath: Invalid value: \"../..\": must not contain '..'; expected a path inside the volume",
        ),
        (
            "{name: v, emptyDir: {}}",
            "{name: v, mountPath: /a, subPath: a/../b}",
            "12:41: spec.containers[0].volumeMounts[0].subPath: Invalid value: \"a/../b\": must not contain '..'",
        ),
        (
            "{name: v, emptyDir: {}}",
            "{name: v, mountPath: /a, subPath: /etc}",
            "12:41: spec.containers[0].volumeMounts[0].subPath: Invalid value: \"/etc\": must be a relative path",
        ),
        (
            "{name: v, emptyDir: {}}",
            "{name: v, mountPath: /a, subPath: a, subPathExpr: $(A)}",
            "12:57: spec.containers[0].volumeMounts[0].subPathExpr: Invalid value: \"$(A)\": subPathExpr and subPath are mutually exclusive",
        ),
        (
            "{name: v, emptyDir: {}}",
            "{name: v, mountPath: /a, subPathExpr: $(A)/..}",
            "12:45: spec.containers[0].volumeMounts[0].subPathExpr: Invalid value: \"$(A)/..\": must not contain '..'",
        ),
        (
            "{name: v, emptyDir: {}}",
            "{name: v, mountPath: '/a:b'}",
            "12:28: spec.containers[0].volumeMounts[0].mountPath: Invalid value: \"/a:b\": must not contain ':'; expected a path without it",
        ),
        (
            "{name: v, emptyDir: {}}",
            "{name: v, mountPath: /proc}",
            "12:28: spec.containers[0].volumeMounts[0].mountPath: Invalid value: \"/proc\": cannot be mounted because it is inside /proc; expected a path elsewhere",
        ),
        (
            "{name: v, emptyDir: {}}",
            "{name: v, mountPath: //./proc/sys/}",
            "12:28: spec.containers[0].volumeMounts[0].mountPath: Invalid value: \"//./proc/sys/\": cannot be mounted because",
        ),
    ] {
        let mounts = if mount.is_empty() { String::new() } else { format!("    volumeMounts:\n    - {mount}\n") };
        expect_error(&manifest("", &format!("  volumes:\n  - {volume}\n"), &mounts), want);
    }
}

#[test]
fn a_wrong_field_of_a_container_is_refused() {
    let c = "spec.containers[0]";
    for (lines, want) in [
        ("    command: sleep\n", format!("9:14: {c}.command is \"sleep\"; expected a list")),
        ("    command: [sleep, 5]\n", format!("9:22: {c}.command[1] is 5; expected a string; put it in quotes")),
        ("    args: [yes]\n", format!("9:12: {c}.args[0] is true; expected a string; put it in quotes")),
        ("    workingDir: tmp\n", format!("9:17: {c}.workingDir is \"tmp\"; expected an absolute path")),
        ("  - name: a\n    image: nginx\n", "9:11: spec.containers[1].name \"a\" is taken by".to_owned()),
        ("  - name: A_b\n    image: x\n", "9:11: spec.containers[1].name is \"A_b\"; expected at most 63".to_owned()),
        ("  - name: b\n", "9:5: spec.containers[1] has neither `image` nor `command`; expected".to_owned()),
        ("  -\n", "9:4: spec.containers[1] is empty; expected a mapping".to_owned()),
        ("    env:\n    - {name: A=B}\n", format!("10:14: {c}.env[0].name is \"A=B\"; expected a variable's name")),
        (
            "    env:\n    - {name: A, value: b, valueFrom: {fieldRef: {fieldPath: metadata.name}}}\n",
            format!("10:38: {c}.env[0].valueFrom is set together with `value`; expected one of them"),
        ),
        (
            "    terminationMessagePath: log\n",
            format!("9:29: {c}.terminationMessagePath is \"log\"; expected an absolute path"),
        ),
        (
            "    terminationMessagePath: /proc/x\n",
            format!("9:29: {c}.terminationMessagePath: Invalid value: \"/proc/x\": cannot be mounted because"),
        ),
        (
            "    terminationMessagePolicy: Logs\n",
            format!("9:31: {c}.terminationMessagePolicy is \"Logs\"; expected File or FallbackToLogsOnError"),
        ),
        (
            "    livenessProbe: {httpGet: {port: [80]}}\n",
            format!("9:37: {c}.livenessProbe.httpGet.port is a list; expected IntOrString"),
        ),
    ] {
        expect_error(&manifest("", "", lines), &want);
    }
}

#[test]
fn a_wrong_port_is_refused() {
    let p = "spec.containers[0].ports";
    for (pod, ports, want) in [
        ("", "{containerPort: 70000}", format!("10:23: {p}[0].containerPort is 70000; expected 1 to 65535")),
        (
            "",
            "{containerPort: 99999999999}",
            format!("10:23: {p}[0].containerPort is 99999999999; expected a number from -2147483648"),
        ),
        ("", "{containerPort: '80'}", format!("10:23: {p}[0].containerPort is \"80\"; expected a whole number")),
        ("", "{containerPort: 80, hostPort: -1}", format!("10:37: {p}[0].hostPort is -1; expected 1 to 65535")),
        ("", "{containerPort: 80, protocol: tcp}", format!("10:37: {p}[0].protocol is \"tcp\"; expected TCP, UDP")),
        ("", "{containerPort: 80, name: Web}", format!("10:33: {p}[0].name is \"Web\"; expected at most 15")),
        (
            "",
            "{containerPort: 80, name: web}\n    - {containerPort: 81, name: web}",
            format!("11:33: {p}[1].name \"web\" is taken by a port above; expected another name"),
        ),
        (
            "",
            "{containerPort: 80, hostPort: 8080}\n  - name: b\n    image: nginx\n    ports:\n    - {containerPort: 81, hostPort: 8080}",
            format!(
                "14:37: spec.containers[1].ports[0].hostPort 8080 is taken by {p}[0].hostPort; expected another port"
            ),
        ),
        (
            "  hostNetwork: true\n",
            "{containerPort: 80, hostPort: 8080}",
            format!("11:37: {p}[0].hostPort is 8080; expected 80 as containerPort, for hostNetwork"),
        ),
    ] {
        expect_error(&manifest("", pod, &format!("    ports:\n    - {ports}\n")), &want);
    }
}

#[test]
fn a_wrong_limit_or_request_is_refused() {
    let r = "spec.containers[0].resources";
    let form = "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'";
    let bytes = "expected an amount such as 64Mi or 128M";
    for (lines, want) in [
        ("limits: {memory: 64MiB}", format!("10:24: {r}.limits[memory]: Invalid value: \"64MiB\": {form}; {bytes}")),
        ("limits: {memory: abc}", format!("10:24: {r}.limits[memory]: Invalid value: \"abc\": {form}; {bytes}")),
        ("limits: {memory: ''}", format!("10:24: {r}.limits[memory]: Invalid value: \"\": {form}; {bytes}")),
        (
            "limits: {memory: -1}",
            format!("10:24: {r}.limits[memory]: Invalid value: \"-1\": must be greater than or equal to 0; {bytes}"),
        ),
        (
            "limits: {memory: 64K}",
            format!("10:24: {r}.limits[memory]: Invalid value: \"64K\": unable to parse quantity's suffix; {bytes}"),
        ),
        (
            "requests: {cpu: half}",
            format!(
                "10:23: {r}.requests[cpu]: Invalid value: \"half\": {form}; expected an amount such as 500m or 0.5"
            ),
        ),
        (
            "limits: {memory: [1]}",
            format!("10:24: {r}.limits.memory is a list; expected an amount such as 64Mi or 0.5"),
        ),
        (
            "limits: {pids: 5}",
            format!("10:22: {r}.limits[pids]: Invalid value: \"pids\": must be a standard resource for containers"),
        ),
        (
            "limits: {podscope.dev/pids: 1500m}",
            format!("10:35: {r}.limits[podscope.dev/pids]: Invalid value: \"1500m\": must be an integer; expected"),
        ),
        (
            "{limits: {memory: 64Mi}, requests: {memory: 65Mi}}",
            format!("10:51: {r}.requests: Invalid value: \"65Mi\": must be less than or equal to memory limit of 64Mi"),
        ),
        (
            "{limits: {cpu: 500m}, requests: {cpu: 0.6}}",
            format!("10:45: {r}.requests: Invalid value: \"0.6\": must be less than or equal to cpu limit of 500m"),
        ),
        (
            "{limits: {example.com/gpu: 2}, requests: {example.com/gpu: 1}}",
            format!("10:66: {r}.requests: Invalid value: \"1\": must be equal to example.com/gpu limit of 2"),
        ),
        (
            "requests: {example.com/gpu: 1}",
            format!("10:35: {r}.limits: Required value: Limit must be set for non overcommitable resources; expected"),
        ),
    ] {
        expect_error(&manifest("", "", &format!("    resources:\n      {lines}\n")), &want);
    }
}

/// The YAML library's advice for programmers does not help users.
#[test]
fn no_error_shows_the_librarys_advice_for_programmers() {
    let deep = format!("a: {}", "[".repeat(3000));
    let bomb = "a: &a [x,x,x,x,x,x,x,x,x]\nb: &b [*a,*a,*a,*a,*a,*a,*a,*a,*a]\nc: &c [*b,*b,*b,*b,*b,*b,*b,*b,*b]\nd: &d [*c,*c,*c,*c,*c,*c,*c,*c,*c]\ne: &e [*d,*d,*d,*d,*d,*d,*d,*d,*d]\nf: &f [*e,*e,*e,*e,*e,*e,*e,*e,*e]\ng: [*f,*f,*f,*f,*f,*f,*f,*f,*f]\n";
    let pod = manifest("", "", "");
    let twice = pod.replace("    image: nginx\n", "    image: nginx\n    image: busybox\n");
    let in_list = "apiVersion: v1\nkind: List\nitems:\n- {kind: Pod, kind: Pod}\n";
    for text in
        [deep.as_str(), bomb, &twice, in_list, "a: *b\n", "<<: 5\n", "a: !!binary x\n", "? [a]\n: b\n", "a: .nan\n"]
    {
        let got = error(text).to_string();
        for word in ["Policy", "Options", "serde", "deserialize", "String", "budget", "API", "Rc", "weak"] {
            assert!(!got.contains(word), "{word}: {got}");
        }
        assert_eq!(got.lines().count(), 1, "{got}");
    }
    assert_eq!(error(&twice).to_string(), "pod.yaml:9:5: duplicate mapping key: image; expected each field once");
}

#[test]
fn a_name_of_253_characters_is_valid() {
    let long = format!("{}-{}", "a".repeat(62), "b".repeat(190));
    assert_eq!(long.len(), 253);
    let named = |name: &str| manifest("", "", "").replace("name: p", &format!("name: {name}"));
    let (spec, _) = super::one(&named(&long));
    // a host name has room for 63 characters, and does not end in a dash
    assert_eq!((spec.name, spec.hostname), (long.clone(), "a".repeat(62)));
    let dots = format!("{}.{}", "a".repeat(62), "b".repeat(190));
    assert_eq!(super::one(&named(&dots)).0.hostname, "a".repeat(62));
    expect_error(&named(&format!("{long}c")), "4:9: metadata.name is \"aaa");
    expect_error(&named("a..b"), "4:9: metadata.name is \"a..b\"; expected at most 253");
}
