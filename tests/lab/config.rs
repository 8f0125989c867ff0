//! ConfigMaps and Secrets as files and variables, checked inside the containers and in /proc.

use std::fs;
use std::path::Path;

use podscope::lab::spec::{PodSpec, parse};
use podscope::model::{ContainerState, Pod, PodUid};

use crate::support::{Bench, kill, process, wait_for};

const MAP: &str = "apiVersion: v1
kind: ConfigMap
metadata: {name: conf}
data: {page: \"one\\n\", LEVEL: info}
binaryData: {logo: /9j/}
---
";

const SECRET: &str = "apiVersion: v1
kind: Secret
metadata: {name: keys}
data: {password: aHVudGVyMg==}
stringData: {user: root}
---
";

/// The manifest of a pod with one container that sleeps.
fn pod(volumes: &str, container: &str) -> String {
    format!(
        "apiVersion: v1\nkind: Pod\nmetadata: {{name: p}}\nspec:\n  volumes: {volumes}\n  containers:\n  - name: a\n    image: busybox\n    command: [sleep, '1000']\n{container}"
    )
}

fn read(text: &str) -> PodSpec {
    parse("pod.yaml", text).unwrap_or_else(|e| panic!("{e}\n{text}")).remove(0).0
}

fn run_script(bench: &Bench, pod: &Pod, script: &str) -> String {
    bench.run_script(pod, "a", script)
}

/// Options and file system type of the mount at a path of a container.
fn mount_at(pid: u32, path: &str) -> (String, String) {
    let text = fs::read_to_string(format!("/proc/{pid}/mountinfo")).expect("mounts");
    let line =
        text.lines().find(|line| line.split(' ').nth(4) == Some(path)).unwrap_or_else(|| panic!("{path}: {text}"));
    let (fields, source) = line.split_once(" - ").expect("a source");
    let options = fields.split(' ').nth(5).expect("options");
    (options.to_owned(), source.split(' ').next().expect("a type").to_owned())
}

fn waiting(pod: &Pod) -> (&str, Option<&str>) {
    match &pod.containers[0].state {
        ContainerState::Waiting { reason, message, .. } => (reason.as_str(), message.as_deref()),
        other => panic!("{other:?}"),
    }
}

#[test]
fn volumes_hold_files_as_a_kubelet_writes_them() {
    let volumes = "[{name: c, configMap: {name: conf}}, {name: s, secret: {secretName: keys, defaultMode: 0400}}, {name: i, configMap: {name: conf, items: [{key: page, path: html/index.html, mode: 0600}]}}, {name: all, projected: {sources: [{secret: {name: keys}}, {configMap: {name: conf}}]}}, {name: none, secret: {secretName: none, optional: true}}]";
    let mounts = "    volumeMounts: [{name: c, mountPath: /c}, {name: s, mountPath: /usr/share/podscope-test/s}, {name: i, mountPath: /i}, {name: all, mountPath: /all}, {name: none, mountPath: /none}]\n";
    let mut bench = Bench::new();
    let pod = bench.run(read(&format!("{MAP}{SECRET}{}", pod(volumes, mounts))));
    for (script, want) in [
        ("cd /c; cat page LEVEL; od -An -tx1 logo", "one\ninfo ff d8 ff"),
        ("ls /c", "LEVEL\nlogo\npage"),
        ("readlink /c/page /c/..data | sed 's/[0-9]\\{2,\\}/N/g'", "..data/page\n..N_N_N_N_N_N.N"),
        ("stat -Lc '%a %u' /c/page /c/.", "644 0\n777 0"),
        ("cd /usr/share/podscope-test/s; cat password user; stat -Lc %a user", "hunter2root400"),
        (
            "cd /i; cat html/index.html; readlink html; stat -Lc %a html html/index.html; ls",
            "one\n..data/html\n755\n600\nhtml",
        ),
        ("ls /all", "LEVEL\nlogo\npage\npassword\nuser"),
        ("ls /none; readlink /none/..data | wc -l", "1"),
        ("(echo x > /c/page) 2>&1 | grep -c 'Read-only'; touch /c/new 2>&1 | grep -c 'Read-only'", "1\n1"),
    ] {
        assert_eq!(run_script(&bench, &pod, script), want, "{script}");
    }
    let a = process(&pod, "a").pid;
    for path in ["/c", "/usr/share/podscope-test/s", "/all"] {
        let (options, kind) = mount_at(a, path);
        assert!(options.starts_with("ro") && kind == "tmpfs", "{path}: {options} {kind}");
    }
}

#[test]
fn variables_come_from_config_maps_and_secrets_and_no_secret_is_reported() {
    let container = "    args: ['$(LEVEL)']
    envFrom: [{prefix: C_, configMapRef: {name: conf}}, {secretRef: {name: keys}}, {secretRef: {name: none, optional: true}}]
    env:
    - {name: LEVEL, valueFrom: {configMapKeyRef: {name: conf, key: LEVEL}}}
    - {name: PASSWORD, valueFrom: {secretKeyRef: {name: keys, key: password}}}
    - {name: URL, value: 'https://root:$(PASSWORD)@db'}
    volumeMounts: [{name: s, mountPath: /s}]
";
    let text = format!("{MAP}{SECRET}{}", pod("[{name: s, secret: {secretName: keys}}]", container));
    let text = text.replace("command: [sleep, '1000']", "command: [sh, -c, 'exec sleep 1000', '$(URL)']");
    let mut bench = Bench::new();
    let pod = bench.run(read(&text));
    let a = process(&pod, "a").pid;
    // the shell executes sleep; during the exec the environment is empty for a moment
    let mut environ = String::new();
    wait_for("an environment", || {
        environ = String::from_utf8_lossy(&fs::read(format!("/proc/{a}/environ")).unwrap_or_default()).into_owned();
        environ.contains("URL=")
    });
    for want in [
        "C_page=one\n",
        "C_LEVEL=info",
        "LEVEL=info",
        "password=hunter2",
        "PASSWORD=hunter2",
        "URL=https://root:hunter2@db",
    ] {
        assert!(environ.split('\0').any(|var| var == want), "{want}: {environ}");
    }
    assert!(!environ.contains("logo"), "no variable holds binary data");
    assert_eq!(run_script(&bench, &pod, "cat /s/password; echo $PASSWORD"), "hunter2hunter2");
    // check everything that the node has reported; it does not report the process's arguments
    let reported = format!("{:?} {}", bench.received, serde_json::to_string(&pod).expect("JSON"));
    assert!(!reported.contains("hunter2") && !reported.contains("aHVudGVyMg"), "{reported}");
    assert!(
        pod.containers[0].command.contains(&"https://root:$(PASSWORD)@db".to_owned()),
        "{:?}",
        pod.containers[0].command
    );
}

#[test]
fn a_pod_waits_for_missing_config_maps_and_secrets() {
    let mut bench = Bench::new();
    let volume = pod("[{name: x, configMap: {name: conf}}]", "    volumeMounts: [{name: x, mountPath: /x}]\n");
    let uid = bench.lab.run(read(&volume)).expect("accepted");
    let events = |bench: &Bench, uid: &PodUid, reason: &str| -> Vec<String> {
        let of_pod = bench.events().into_iter().filter(|e| e.pod == *uid && e.reason.as_str() == reason);
        of_pod.map(|e| e.message.clone()).collect()
    };
    bench.until("FailedMount", |received| {
        received.iter().any(|i| format!("{i:?}").contains("FailedMount")).then_some(())
    });
    let want = "MountVolume.SetUp failed for volume \"x\" : configmap \"conf\" not found";
    assert_eq!(events(&bench, &uid, "FailedMount"), [want]);
    // another pod can be started and removed meanwhile
    let other = bench.run(read(&pod("[]", "").replace("name: p}", "name: q}")));
    bench.lab.delete_within(&other.uid, Some(std::time::Duration::ZERO)).expect("deleted");
    bench.wait_removed(&other.uid);
    let waits = crate::support::pods(&bench.received).remove(&uid).expect("the pod");
    assert_eq!(
        (waiting(&waits), &*waits.status(), waits.sandbox.is_none()),
        (("ContainerCreating", None), "ContainerCreating", true)
    );
    // now the ConfigMap exists
    bench.lab.replace(&uid, read(&format!("{MAP}{volume}")), Vec::new()).expect("replaced");
    let pod_ = bench.pod_until(&uid, "running", |p| p.status() == "Running");
    assert_eq!(run_script(&bench, &pod_, "cat /x/page"), "one");

    for (field, want) in [
        ("envFrom: [{configMapRef: {name: none}}]", "configmap \"none\" not found"),
        ("env: [{name: A, valueFrom: {secretKeyRef: {name: none, key: k}}}]", "secret \"none\" not found"),
        (
            "env: [{name: A, valueFrom: {configMapKeyRef: {name: conf, key: K}}}]",
            "couldn't find key K in ConfigMap default/conf",
        ),
    ] {
        let text = format!("{MAP}{}", pod("[]", &format!("    {field}\n")));
        let uid = bench.lab.run(read(&text)).expect("accepted");
        let waits = bench.pod_until(&uid, "its error", |p| p.status() == "CreateContainerConfigError");
        assert_eq!(waiting(&waits), ("CreateContainerConfigError", Some(want)));
        assert!(waits.sandbox.is_some() && waits.containers[0].process.is_none());
        assert_eq!(events(&bench, &uid, "Failed"), [format!("Error: {want}")]);
        let there = format!("{MAP}{}", pod("[]", ""));
        bench.lab.replace(&uid, read(&there), Vec::new()).expect("replaced");
        bench.pod_until(&uid, "running", |p| p.status() == "Running");
    }
}

#[test]
fn files_change_with_their_config_map_and_variables_with_the_next_start() {
    let container = "    env: [{name: L, valueFrom: {configMapKeyRef: {name: conf, key: LEVEL}}}]
    volumeMounts: [{name: c, mountPath: /c}, {name: c, mountPath: /one, subPath: page}]
";
    let text = format!("{MAP}{}", pod("[{name: c, configMap: {name: conf}}]", container));
    let new = text.replace("one\\n", "two\\n").replace("LEVEL: info", "LEVEL: debug");
    let mut bench = Bench::new();
    let first = bench.run(read(&text));
    let (old, new) = (read(&text), read(&new));
    assert_eq!(podscope::lab::change(&old, &new), podscope::lab::Change::Containers(Vec::new()));
    bench.lab.replace(&first.uid, new, Vec::new()).expect("replaced");
    wait_for("the new page", || run_script(&bench, &first, "cat /c/page") == "two");
    // a subPath mount and the environment keep the values from the start
    assert_eq!(run_script(&bench, &first, "cat /one"), "one");
    let level = |pod: &Pod| {
        let environ = fs::read(format!("/proc/{}/environ", process(pod, "a").pid)).expect("an environment");
        String::from_utf8_lossy(&environ).split('\0').find(|v| v.starts_with("L=")).map(str::to_owned)
    };
    assert_eq!(level(&first).as_deref(), Some("L=info"));
    kill(process(&first, "a"), "KILL");
    let again = bench.pod_until(&first.uid, "another start", |p| p.status() == "Running" && p.restarts() == Some(1));
    assert_eq!(level(&again).as_deref(), Some("L=debug"));
    assert_eq!(run_script(&bench, &again, "cat /one"), "two");
    assert_eq!(again.sandbox, first.sandbox);
}

#[test]
fn a_sub_path_is_one_file_or_directory_of_a_volume() {
    let host = std::env::temp_dir().join(format!("podscope-sub-path-{}", std::process::id()));
    fs::create_dir_all(host.join("dir")).expect("a directory");
    fs::write(host.join("dir/file"), "host\n").expect("written");
    let volumes = format!(
        "[{{name: c, configMap: {{name: conf, items: [{{key: page, path: deep/page}}]}}}}, {{name: e, emptyDir: {{}}}}, {{name: m, emptyDir: {{medium: Memory}}}}, {{name: h, hostPath: {{path: {}}}}}]",
        host.display()
    );
    let mounts = "    volumeMounts:
    - {name: c, mountPath: /etc/podscope-test/deep/one.conf, subPath: deep/page}
    - {name: c, mountPath: /tmp/dir, subPath: deep}
    - {name: e, mountPath: /data, subPath: a/b}
    - {name: m, mountPath: /memory, subPath: x}
    - {name: e, mountPath: /all}
    - {name: h, mountPath: /host-file, subPath: dir/file, readOnly: true}
    - {name: h, mountPath: /host-dir, subPath: dir, readOnly: true}
";
    let mut bench = Bench::new();
    let pod = bench.run(read(&format!("{MAP}{}", pod(&volumes, mounts))));
    for (script, want) in [
        ("cat /etc/podscope-test/deep/one.conf /tmp/dir/page", "one\none"),
        ("ls /etc/podscope-test/deep /tmp/dir", "/etc/podscope-test/deep:\none.conf\n\n/tmp/dir:\npage"),
        ("echo mine > /data/x; cat /all/a/b/x; echo y > /memory/y && ls /memory", "mine\ny"),
        ("cat /host-file /host-dir/file; ls /host-dir", "host\nhost\nfile"),
        ("test -f /etc/passwd && (echo x > /etc/podscope-test/deep/one.conf) 2>&1 | grep -c Read-only", "1"),
        ("(echo x >> /host-file) 2>&1 | grep -c -e Read-only -e denied", "1"),
    ] {
        assert_eq!(run_script(&bench, &pod, script), want, "{script}");
    }
    let a = process(&pod, "a").pid;
    let (options, kind) = mount_at(a, "/etc/podscope-test/deep/one.conf");
    assert!(options.starts_with("ro") && kind == "tmpfs", "{options} {kind}");
    assert!(!Path::new("/etc/podscope-test").exists() && !host.join("new").exists());
    // the lab creates nothing on the host
    let mounts = "    volumeMounts: [{name: h, mountPath: /h, subPath: new/deep, readOnly: true}]\n";
    let text = crate::config::pod(&volumes.replace("name: conf", "name: conf, optional: true"), mounts);
    let uid = bench.lab.run(read(&text.replace("name: p}", "name: q}"))).expect("accepted");
    let waits = bench.pod_until(&uid, "a refusal", |p| p.status() == "CreateContainerConfigError");
    let want = "failed to create subPath directory for volumeMount \"h\" of container \"a\": new/deep: it is not there, and the lab creates nothing on the host; create it yourself";
    assert_eq!(waiting(&waits).1, Some(want));
    assert!(!host.join("new").exists());
    fs::remove_dir_all(host).expect("removed");
}

/// A manifest as in tutorials: the configuration is a key of a ConfigMap, mounted over the image's file.
fn nginx(config: &str) -> String {
    let lines: Vec<String> = config.lines().map(|line| format!("    {line}")).collect();
    format!(
        "apiVersion: v1
kind: ConfigMap
metadata: {{name: nginx}}
data:
  nginx.conf: |
{}
---
apiVersion: v1
kind: Pod
metadata: {{name: web}}
spec:
  volumes: [{{name: conf, configMap: {{name: nginx}}}}]
  containers:
  - name: a
    image: nginx
    args: [\"-g\", \"daemon off;\"]
    volumeMounts: [{{name: conf, mountPath: /etc/nginx/nginx.conf, subPath: nginx.conf}}]
",
        lines.join("\n")
    )
}

#[test]
fn nginx_reads_its_configuration_from_a_config_map() {
    let mut bench = Bench::new();
    let good = "worker_processes 1;\nevents {}\nhttp {\n  server {\n    listen 8081;\n    location / { root /usr/share/podscope; }\n  }\n}";
    let pod = bench.run(read(&nginx(good)));
    bench.log_until(&pod, "a", "listening on 0.0.0.0:8081");
    let master = process(&pod, "a").pid;
    wait_for("one worker", || crate::support::children(master).len() == 1);
    let typo = nginx("hhtp{\n  server { listen 80; }\n}").replace("name: web}", "name: typo}");
    let uid = bench.lab.run(read(&typo)).expect("accepted");
    let pod = bench.pod_until(&uid, "a back-off", |p| p.status() == "CrashLoopBackOff");
    bench.log_until(&pod, "a", "nginx: [emerg] unknown directive \"hhtp\" in /etc/nginx/nginx.conf:1\n");
    assert_eq!(pod.containers[0].last_exit.map(podscope::model::WaitStatus::code), Some(1));
}

#[test]
fn sub_paths_with_variables_and_downward_api_files_work() {
    let volumes = "[{name: e, emptyDir: {}}, {name: d, downwardAPI: {defaultMode: 0440, items: [{path: about/labels, fieldRef: {fieldPath: metadata.labels}}, {path: name, mode: 0400, fieldRef: {fieldPath: metadata.name}}]}}]";
    let mounts = "    env: [{name: WHO, valueFrom: {fieldRef: {fieldPath: metadata.name}}}]
    volumeMounts:
    - {name: e, mountPath: /logs, subPathExpr: logs/$(WHO)}
    - {name: e, mountPath: /all}
    - {name: d, mountPath: /about}
";
    let mut bench = Bench::new();
    let text =
        pod(volumes, mounts).replace("metadata: {name: ", "metadata: {labels: {app: 'a \"b\"', tier: t}, name: ");
    let pod = bench.run(read(&text));
    let name = pod.name.clone();
    for (script, want) in [
        ("echo mine > /logs/x; cd /all; find . -type f".to_owned(), format!("./logs/{name}/x")),
        ("cat /about/about/labels".to_owned(), "app=\"a \\\"b\\\"\"\ntier=\"t\"".to_owned()),
        ("cat /about/name; stat -L -c %a /about/name /about/about/labels".to_owned(), format!("{name}400\n440")),
    ] {
        assert_eq!(run_script(&bench, &pod, &script), want, "{script}");
    }
    // with an unset variable the container cannot start
    let uid = bench
        .lab
        .run(read(&text.replace("$(WHO)", "$(NOBODY)").replace("name: p}", "name: other}")))
        .expect("accepted");
    let waits = bench.pod_until(&uid, "the error", |p| p.status() == "CreateContainerConfigError");
    let state = &waits.containers[0].state;
    assert!(format!("{state:?}").contains("missing value for NOBODY"), "{state:?}");
}
