//! Pods in the style of the Kubernetes documentation: they are accepted, with warnings where they ask for more than the
//! lab supports, and behave as in a cluster.

use std::fs;

use nix::sys::statvfs::statvfs;
use podscope::lab::spec::parse;
use podscope::model::{ContainerState, Phase, Pod, PodUid};

use crate::support::{Bench, ns, process, status_field, wait_for};

/// Fetches a page with whichever program the host has.
const FETCH: &str = "wget -qO- http://localhost/ 2>/dev/null || curl -s http://localhost/";

macro_rules! example {
    ($name:literal) => {
        ($name, include_str!(concat!("examples/", $name, ".yaml")))
    };
}

type Example = (&'static str, &'static str);

/// One lab with several of the pods in it.
struct Examples {
    bench: Bench,
}

impl Examples {
    fn new() -> Self {
        Self { bench: Bench::new() }
    }

    /// Parses a manifest, checks for exactly these warnings, and runs its only pod.
    fn run(&self, (name, yaml): Example, warnings: &[&str]) -> PodUid {
        let file = format!("{name}.yaml");
        let (spec, found) = parse(&file, yaml).unwrap_or_else(|e| panic!("{e}")).remove(0);
        assert_eq!(found.iter().map(ToString::to_string).collect::<Vec<_>>(), warnings, "{file}");
        self.bench.lab.run(spec).expect("accepted")
    }

    fn until(&mut self, uid: &PodUid, status: &str) -> Pod {
        self.bench.pod_until(uid, status, |p| p.status() == status)
    }

    fn running(&mut self, uid: &PodUid) -> Pod {
        self.until(uid, "Running")
    }

    fn run_script(&self, pod: &Pod, container: &str, script: &str) -> String {
        let output = self.bench.exec(pod, container, script);
        String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned()
    }

    fn log(&self, pod: &Pod, container: &str) -> String {
        let log = self.bench.lab.logs(&podscope::model::Member::container(&pod.uid, container)).expect("a log");
        String::from_utf8_lossy(&log).into_owned()
    }

    /// The log of a completed pod.
    fn whole_log(&mut self, uid: &PodUid, container: &str) -> String {
        let pod = self.until(uid, "Completed");
        assert_eq!(pod.phase, Phase::Succeeded);
        self.log(&pod, container)
    }
}

/// Whether a TCP port is listened on in a process's network namespace, from `/proc/PID/net`.
fn listens(pid: u32, port: u16) -> bool {
    let local = format!(":{port:04X}");
    ["tcp", "tcp6"].iter().any(|kind| {
        let table = fs::read_to_string(format!("/proc/{pid}/net/{kind}")).unwrap_or_default();
        table.lines().skip(1).any(|line| {
            let fields: Vec<&str> = line.split_whitespace().collect();
            fields.len() > 3 && fields[1].ends_with(&local) && fields[3] == "0A"
        })
    })
}

fn arguments(pid: u32) -> Vec<String> {
    let line = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
    line.split(|b| *b == 0).filter(|w| !w.is_empty()).map(|w| String::from_utf8_lossy(w).into_owned()).collect()
}

fn message(pod: &Pod) -> &str {
    match &pod.containers[0].state {
        ContainerState::Waiting { message: Some(message), .. } => message,
        other => panic!("{other:?}"),
    }
}

#[test]
fn programs_and_their_arguments() {
    let mut e = Examples::new();
    let simple = e.run(example!("simple-pod"), &[]);
    let commands = e.run(example!("commands"), &[]);
    let counter = e.run(example!("counter"), &[]);
    let liveness = e.run(
        example!("exec-liveness"),
        &["15:5: spec.containers[0].livenessProbe is not supported by the lab and has no effect"],
    );
    let http = e.run(
        example!("http-liveness"),
        &["13:5: spec.containers[0].livenessProbe is not supported by the lab and has no effect"],
    );
    let probes = e.run(
        example!("tcp-probes"),
        &[
            "13:5: spec.containers[0].readinessProbe is not supported by the lab and has no effect",
            "18:5: spec.containers[0].startupProbe is not supported by the lab and has no effect",
        ],
    );
    let registry = e.run(
        example!("private-registry"),
        &["9:3: spec.imagePullSecrets is not supported by the lab and has no effect"],
    );

    let pod = e.running(&simple);
    let nginx = process(&pod, "nginx").pid;
    wait_for("nginx listens", || listens(nginx, 80));
    assert_eq!(e.whole_log(&commands, "command-demo-container"), "command-demo\ntcp://10.96.0.1:443\n");
    // without a command, args are the program if the image has no entrypoint
    let pod = e.running(&counter);
    e.bench.log_until(&pod, "count", "2: ");
    assert!(e.log(&pod, "count").starts_with("0: "));
    assert_eq!(pod.restarts(), Some(0));
    let pod = e.running(&liveness);
    let sh = process(&pod, "liveness").pid;
    assert_eq!(arguments(sh)[..2], ["/bin/sh", "-c"]);
    wait_for("healthy", || fs::exists(format!("/proc/{sh}/root/tmp/healthy")).is_ok_and(|there| there));
    for (uid, image) in [(&http, "agnhost"), (&registry, "your-private-image")] {
        let pod = e.until(uid, "ErrImageNeverPull");
        assert_eq!(pod.phase, Phase::Pending);
        assert!(message(&pod).starts_with(&format!("no images are pulled and there is no stand-in for \"{image}\"")));
    }
    e.running(&probes);
}

#[test]
fn variables() {
    let mut e = Examples::new();
    let dependent = e.run(example!("dependent-envars"), &[]);
    let greeting = e.run(example!("print-greeting"), &[]);
    let field = e.run(example!("fieldref"), &[]);
    let resource = e.run(example!("resourcefieldref"), &[]);
    let config = e.run(
        example!("config-env"),
        &[
            "14:17: spec.containers[0].env[0].valueFrom.configMapKeyRef.name is \"special-config\", and no ConfigMap of that name is in this file: the pod waits for it; add one in namespace default, or say `optional: true`",
            "18:15: spec.containers[0].envFrom[0].configMapRef.name is \"env-config\", and no ConfigMap of that name is in this file: the pod waits for it; add one in namespace default, or say `optional: true`",
        ],
    );
    let with_maps = e.run(example!("config-env-maps"), &[]);
    let service = e.run(
        example!("service"),
        &[
            "2:7: kind is \"Service\": pods get the variables of \"my-service\", but nothing forwards its address 10.96.7.7: the lab has no kube-proxy",
        ],
    );

    let pod = e.running(&dependent);
    e.bench.log_until(&pod, "dependent-envars-demo", "ESCAPED_REFERENCE=");
    assert_eq!(
        e.log(&pod, "dependent-envars-demo"),
        "UNCHANGED_REFERENCE=$(PROTOCOL)://172.17.0.1:80\nSERVICE_ADDRESS=https://172.17.0.1:80\nESCAPED_REFERENCE=$(PROTOCOL)://172.17.0.1:80\n"
    );
    assert_eq!(e.whole_log(&greeting, "env-print-demo"), "Warm greetings to The Most Honorable Kubernetes\n");
    let log = e.whole_log(&field, "test-container");
    let ip = e.until(&field, "Completed").ip.expect("an address");
    assert_eq!(log, format!("podscope-node\ndapi-envars-fieldref\ndefault\n{ip}\ndefault\n"));
    assert_eq!(e.whole_log(&resource, "test-container"), "1\n0\n");
    let pod = e.until(&config, "CreateContainerConfigError");
    assert_eq!(message(&pod), "configmap \"env-config\" not found");
    assert_eq!(e.whole_log(&with_maps, "test-container"), "very\n0\n");
    assert_eq!(e.whole_log(&service, "client"), "10.96.7.7\n80\ntcp://10.96.7.7:80\n");
}

#[test]
fn init_containers_sidecars_and_several_containers() {
    let mut e = Examples::new();
    let init =
        e.run(example!("init-containers"), &["24:3: spec.dnsPolicy is not supported by the lab and has no effect"]);
    let fails = e.run(example!("init-fails"), &[]);
    let two = e.run(example!("two-containers"), &[]);
    let shared = e.run(
        example!("share-process-namespace"),
        &[
            "16:11: spec.containers[1].securityContext.capabilities.add[0] has no effect: the lab gives SYS_PTRACE to no container",
        ],
    );
    let sidecar = e.run(example!("sidecar"), &[]);
    let job = e.run(example!("job-with-sidecar"), &[]);

    let pod = e.running(&init);
    wait_for("the page", || e.run_script(&pod, "nginx", FETCH) == "hello from init\n");
    let pod = e.until(&fails, "Init:Error");
    assert_eq!(pod.phase, Phase::Failed);
    assert_eq!(e.log(&pod, "init-mydb"), "waiting for mydb\n");
    assert_eq!(pod.container("myapp-container").map(|c| c.state.word()), Some("PodInitializing"));
    assert!(pod.container("myapp-container").is_some_and(|c| c.process.is_none()));
    // one has completed, the other serves its page
    let pod = e.until(&two, "NotReady");
    assert_eq!(pod.phase, Phase::Running);
    wait_for("the page", || e.run_script(&pod, "nginx-container", FETCH) == "Hello from the debian container\n");
    let pod = e.running(&shared);
    let (nginx, shell) = (process(&pod, "nginx").pid, process(&pod, "shell").pid);
    assert_eq!(ns(nginx, "pid"), ns(shell, "pid"));
    assert!(e.run_script(&pod, "shell", "cat /proc/[0-9]*/comm").lines().any(|name| name == "pause"));
    let pod = e.running(&sidecar);
    e.bench.log_until(&pod, "logshipper", "logging");
    assert_eq!(pod.containers[0].name, "logshipper");
    // the job is complete only when its sidecar has stopped
    let pod = e.bench.pod_until(&job, "Succeeded", |p| p.phase == Phase::Succeeded);
    assert!(pod.containers.iter().all(|c| matches!(c.state, ContainerState::Terminated { .. })), "{pod:?}");
    assert_eq!(pod.container("logshipper").and_then(|c| c.last_exit).map(podscope::model::WaitStatus::code), Some(0));
}

#[test]
fn volumes() {
    let mut e = Examples::new();
    let host = e.run(
        example!("hostpath"),
        &[
            "6:3: spec.os is not supported by the lab and has no effect",
            "7:3: spec.nodeSelector is not supported by the lab and has no effect",
        ],
    );
    let create = e.run(
        example!("hostpath-fileorcreate"),
        &[
            "10:7: spec.containers[0].volumeMounts[0] is read-only here, as all of the host is; say so with `readOnly: true`",
            "16:13: spec.volumes[0].hostPath.type is FileOrCreate: the lab never writes to the host, so that the path must be there",
        ],
    );
    let limits = e.run(example!("empty-dir-limits"), &[]);
    let projected = e.run(
        example!("projected"),
        &[
            "19:17: spec.volumes[0].projected.sources[0].secret.name is \"mysecret\", and no Secret of that name is in this file: the pod waits for it; add one in namespace default, or say `optional: true`",
            "21:17: spec.volumes[0].projected.sources[1].configMap.name is \"myconfigmap\", and no ConfigMap of that name is in this file: the pod waits for it; add one in namespace default, or say `optional: true`",
        ],
    );
    let secret = e.run(
        example!("secret-volume"),
        &[
            "16:19: spec.volumes[0].secret.secretName is \"test-secret\", and no Secret of that name is in this file: the pod waits for it; add one in namespace default, or say `optional: true`",
        ],
    );
    let downward = e.run(example!("dapi-volume"), &[]);
    let sub_path = e.run(example!("sub-path"), &[]);

    let pod = e.running(&host);
    let same = fs::read("/etc/hostname").ok().is_none_or(|text| {
        let pid = process(&pod, "example-container").pid;
        fs::read(format!("/proc/{pid}/root/foo/hostname")).is_ok_and(|seen| seen == text)
    });
    assert!(same);
    let pod = e.until(&create, "CreateContainerError");
    let path = "/var/local/podscope-has-no-such-directory/1.txt";
    let want =
        format!("MountVolume.SetUp failed for volume \"myfile\" : {path} is not there, and the lab creates nothing");
    assert!(message(&pod).starts_with(&want), "{}", message(&pod));
    let pod = e.running(&limits);
    let pid = process(&pod, "test-container").pid;
    for (dir, size) in [("cache", 500 << 20), ("memory", 64 << 20)] {
        let fs = statvfs(format!("/proc/{pid}/root/{dir}").as_str()).expect("its size");
        assert_eq!(fs.blocks() as u64 * fs.fragment_size() as u64, size, "{dir}");
    }
    let pod = e.running(&sub_path);
    let dir = format!("/proc/{}/root/var/www/html", process(&pod, "site").pid);
    assert_eq!(fs::read_dir(&dir).expect("a directory").count(), 0, "{dir}");
    for (uid, want) in [
        (&projected, "\"all-in-one\" : [secret \"mysecret\" not found, configmap \"myconfigmap\" not found]"),
        (&secret, "\"secret-volume\" : secret \"test-secret\" not found"),
    ] {
        let want = format!("MountVolume.SetUp failed for volume {want}");
        e.bench.until(&want, |received| {
            received.iter().any(|i| format!("{i:?}").contains(&format!("{want:?}"))).then_some(())
        });
        e.until(uid, "ContainerCreating");
    }
    let pod = e.running(&downward);
    e.bench.log_until(&pod, "client-container", "zone=\"us-est-coast\"");
}

#[test]
fn ends_limits_and_names() {
    let mut e = Examples::new();
    let termination = e.run(example!("termination"), &[]);
    let path = e.run(example!("termination-path"), &[]);
    let policy = e.run(example!("termination-policy"), &[]);
    let lifecycle = e.run(
        example!("lifecycle-events"),
        &["9:5: spec.containers[0].lifecycle is not supported by the lab and has no effect"],
    );
    let resources = e.run(
        example!("resources"),
        &[
            "10:7: spec.containers[0].resources.requests is not supported by the lab and has no effect",
            "20:7: spec.containers[1].resources.requests is not supported by the lab and has no effect",
        ],
    );
    let security = e.run(
        example!("security-context"),
        &["9:5: spec.securityContext.fsGroup is not supported by the lab and has no effect"],
    );
    let aliases =
        e.run(example!("host-aliases"), &["7:3: spec.hostAliases is not supported by the lab and has no effect"]);
    let scheduling = e.run(
        example!("scheduling"),
        &[
            "12:3: spec.nodeSelector is not supported by the lab and has no effect",
            "14:3: spec.priorityClassName is not supported by the lab and has no effect",
            "15:3: spec.tolerations is not supported by the lab and has no effect",
            "19:3: spec.affinity is not supported by the lab and has no effect",
        ],
    );
    let hostname = e.run(example!("hostname"), &["9:3: spec.subdomain is not supported by the lab and has no effect"]);

    let said = e.bench.pod_until(&termination, "a message", |p| p.containers[0].last_message.is_some());
    assert_eq!(said.containers[0].last_message.as_deref(), Some("Sleep expired\n"));
    for (uid, code, want) in [(&path, 4, "from another file\n"), (&policy, 5, "cannot reach the database\n")] {
        let pod = e.until(uid, "Error");
        let ContainerState::Terminated { status, message, .. } = &pod.containers[0].state else { panic!("{pod:?}") };
        assert_eq!((pod.phase, status.code(), message.as_deref()), (Phase::Failed, code, Some(want)));
    }
    for uid in [&lifecycle, &resources, &scheduling] {
        e.running(uid);
    }
    let pod = e.running(&security);
    assert_eq!(
        e.run_script(&pod, "sec-ctx-demo", "id -u; id -g; touch /data/demo/x && stat -c %u /data/demo/x"),
        "1000\n3000\n1000\n"
    );
    assert!(!fs::exists("/usr/share/message").is_ok_and(|there| there));
    e.whole_log(&aliases, "cat-hosts");
    let pod = e.running(&hostname);
    assert_eq!(e.run_script(&pod, "busybox", "cat /proc/sys/kernel/hostname"), "busybox-1\n");
    let busybox = process(&pod, "busybox").pid;
    assert_eq!(arguments(busybox), ["sleep", "3600"]);
    assert_eq!(status_field(busybox, "NSpid").map(|pids| pids.split_whitespace().last() == Some("1")), Some(true));
}
