//! `securityContext`, checked by what the kernel shows of the processes.

use podscope::lab::spec::{PodSpec, parse};
use podscope::model::{ContainerState, Pod, WaitingReason};

use crate::support::{Bench, process, status_field, users};

/// A pod of two containers that share a pid namespace: `a` with this security context, `b` without one.
fn pod(of_pod: &str, of_a: &str) -> PodSpec {
    let text = format!(
        "apiVersion: v1\nkind: Pod\nmetadata: {{name: p}}\nspec:\n  shareProcessNamespace: true\n  restartPolicy: Never\n  \
         securityContext: {of_pod}\n  volumes: [{{name: v, emptyDir: {{}}}}]\n  containers:\n  \
         - {{name: a, image: busybox, command: [sleep, '1000'], securityContext: {of_a}, volumeMounts: [{{name: v, mountPath: /v}}]}}\n  \
         - {{name: b, image: busybox, command: [sleep, '1001'], env: [{{name: SECRET, value: hunter2}}]}}\n"
    );
    parse("pod.yaml", &text).unwrap_or_else(|e| panic!("{e}\n{text}")).remove(0).0
}

fn run_script(bench: &Bench, pod: &Pod, script: &str) -> String {
    bench.run_script(pod, "a", script)
}

fn state<'a>(pod: &'a Pod, name: &str) -> &'a ContainerState {
    &pod.container(name).expect("such a container").state
}

const fn runs(state: &ContainerState) -> bool {
    matches!(state, ContainerState::Running { .. })
}

/// Runs a pod. If the lab has only one user, `a` cannot start and reports that; then the result is `None`.
fn run(bench: &mut Bench, spec: PodSpec) -> Option<Pod> {
    let uid = bench.lab.run(spec).expect("the pod is accepted");
    let pod = bench.pod_until(&uid, "b runs", |pod| runs(state(pod, "b")));
    if users(process(&pod, "b").pid) > 3000 {
        return Some(bench.pod_until(&uid, "a runs", |pod| runs(state(pod, "a"))));
    }
    bench.pod_until(&uid, "a says why not", |pod| {
        matches!(state(pod, "a"), ContainerState::Waiting { message: Some(why), .. } if why.contains("is not mapped"))
    });
    None
}

#[test]
fn a_container_has_the_users_and_groups_that_it_asks_for() {
    let mut bench = Bench::new();
    let spec = pod("{runAsUser: 1000, runAsGroup: 2000, supplementalGroups: [2001, 2002]}", "{runAsUser: 1001}");
    let Some(pod) = run(&mut bench, spec) else { return };
    let id =
        run_script(&bench, &pod, "grep -E '^(Uid|Gid|Groups|CapEff|CapPrm):' /proc/self/status | tr -s '\\t ' ' '");
    assert_eq!(
        id,
        "Uid: 1001 1001 1001 1001\nGid: 2000 2000 2000 2000\nGroups: 2001 2002 \nCapPrm: 0000000000000000\nCapEff: 0000000000000000"
    );
    assert_eq!(
        run_script(&bench, &pod, "echo x > /v/f && stat -c '%u %g' /v/f"),
        "1001 2000",
        "a volume is for every user"
    );
    // its first process, as seen from the host
    let pid = process(&pod, "a").pid;
    assert_eq!(status_field(pid, "CapEff").as_deref(), Some("0000000000000000"));
}

#[test]
fn another_user_protects_a_container_but_not_its_arguments() {
    let mut bench = Bench::new();
    let Some(pod) = run(&mut bench, pod("{}", "{runAsUser: 1000}")) else { return };
    let b = status_field(process(&pod, "b").pid, "NSpid").expect("its pids");
    let b = b.split_whitespace().last().expect("its pid in the pod").to_owned();
    assert_eq!(run_script(&bench, &pod, &format!("tr '\\0' ' ' < /proc/{b}/cmdline")), "sleep 1001");
    for denied in [format!("cat /proc/{b}/environ"), format!("ls /proc/{b}/root/"), format!("kill -TERM {b}")] {
        let answer = run_script(&bench, &pod, &denied);
        assert!(answer.contains("ermi"), "{denied}: {answer}");
    }
    let alive = bench.exec(&pod, "b", "true");
    assert!(alive.status.success(), "{alive:?}");
}

#[test]
fn capabilities_are_dropped_and_the_root_is_read_only() {
    let mut bench = Bench::new();
    let context = "{capabilities: {drop: [ALL], add: [NET_BIND_SERVICE]}, readOnlyRootFilesystem: true}";
    let pod = bench.run(pod("{}", context));
    let caps = run_script(&bench, &pod, "grep -E '^Cap(Prm|Eff|Bnd):' /proc/self/status | tr -s '\\t ' ' '");
    assert_eq!(caps, "CapPrm: 0000000000000400\nCapEff: 0000000000000400\nCapBnd: 0000000000000400");
    for path in ["/tmp/x", "/root/x", "/var/tmp/x", "/run/x", "/x"] {
        let answer = run_script(&bench, &pod, &format!("echo x > {path}"));
        assert!(answer.contains("ead-only file system"), "{path}: {answer}");
    }
    assert_eq!(
        run_script(&bench, &pod, "echo x > /v/x && echo x > /dev/shm/x && cat /v/x"),
        "x",
        "volumes can be written"
    );
    let outside = bench.exec(&pod, "b", "echo x > /tmp/x && cat /tmp/x");
    assert_eq!(outside.stdout, b"x\n", "the other container is not affected");
}

#[test]
fn a_container_that_must_not_be_root_does_not_start_as_root() {
    let mut bench = Bench::new();
    let uid = bench.lab.run(pod("{runAsNonRoot: true}", "{}")).expect("the pod is accepted");
    let pod = bench.pod_until(&uid, "it waits", |pod| {
        matches!(state(pod, "a"), ContainerState::Waiting { reason: WaitingReason::CreateContainerConfigError, .. })
    });
    let ContainerState::Waiting { message: Some(message), .. } = state(&pod, "a") else { panic!("{pod:?}") };
    assert!(
        message.starts_with("container has runAsNonRoot and image will run as root (pod: \"p_default("),
        "{message}"
    );
}
