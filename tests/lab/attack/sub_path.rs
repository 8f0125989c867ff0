//! A `subPath` must not lead out of its volume by a link that a container has left there (CVE-2017-1002101), nor by one
//! that is exchanged all the time (CVE-2021-25741).

use podscope::lab::spec::{RestartPolicy, VolumeSource};
use podscope::model::{ContainerState, Pod, WaitingReason};

use super::run_script;
use crate::support::{Bench, container, kill, mount, process, spec, with_volume};

fn message(pod: &Pod, container: &str) -> Option<String> {
    match &pod.container(container)?.state {
        ContainerState::Waiting { reason: WaitingReason::CreateContainerConfigError, message, .. } => message.clone(),
        _ => None,
    }
}

#[test]
fn a_link_in_a_volume_does_not_lead_out_of_it() {
    let mut a = container("a", "exec sleep 1000");
    a.mounts = vec![mount("v", "/v")];
    let mut b = container("b", "exec sleep 1000");
    b.mounts = vec![mount("v", "/b")];
    b.mounts[0].sub_path = Some("way/in".to_owned());
    let mut spec = spec("sub-path", false, vec![a, b]);
    spec.restart = RestartPolicy::Always;
    let spec = with_volume(spec, "v", VolumeSource::EmptyDir { memory: false, size_limit: None });
    let mut bench = Bench::new();
    let mut pod = bench.run(spec);
    assert_eq!(run_script(&bench, &pod, "ls /v /v/way"), "/v:\nway\n\n/v/way:\nin\n");
    // the node has the host's root in /host, its own files in /pods, and every container's parts in /parts
    for (link, made) in [
        ("/host", "ln -s /host/etc /v/way/in"),
        ("up", "ln -s ../../../../../host/etc /v/way/in"),
        ("parent", "rmdir /v/way; ln -s /host/etc /v/way"),
    ] {
        run_script(&bench, &pod, &format!("rm -rf /v/way; mkdir /v/way; {made}"));
        kill(process(&pod, "b"), "KILL");
        let refusal = bench.until("a refusal", |received| {
            let now = crate::support::pods(received).remove(&pod.uid)?;
            message(&now, "b")
        });
        assert!(
            refusal.starts_with("failed to prepare subPath for volumeMount \"v\" of container \"b\": way/in: "),
            "{refusal}"
        );
        assert!(refusal.ends_with("a link in it leads out of the volume; remove the link"), "{link}: {refusal}");
        // nothing was created through the link; once it is removed, the container starts again
        run_script(&bench, &pod, "rm -rf /v/way");
        pod = bench.pod_until(&pod.uid, "b again", |p| {
            p.containers.iter().all(|c| matches!(c.state, ContainerState::Running { .. }))
        });
        assert_eq!(run_script(&bench, &pod, "ls /v/way"), "in\n", "{link}");
    }
}

/// One container exchanges the directory and a link to the host's root all the time, while others start with it.
#[test]
fn a_link_that_is_exchanged_all_the_time_does_not_lead_out_of_a_volume() {
    // renameat2(2) with RENAME_EXCHANGE
    let number = if cfg!(target_arch = "aarch64") { 276 } else { 316 };
    let swap = format!("syscall({number}, -100, $a, -100, $b, 2)");
    let perl = format!("my ($a, $b) = (\"/v/way\", \"/v/link\"); while (1) {{ {swap} }}");
    let script = format!("mkdir /v/way; touch /v/way/mine; ln -s /host /v/link; exec perl -e '{perl}'");
    let mut a = container("a", &script);
    a.mounts = vec![mount("v", "/v")];
    a.sidecar = true;
    let others = (0..24).map(|i| {
        let mut c = container(&format!("c{i}"), "sleep 0.1; ls -A /b | tr '\\n' ' '");
        c.mounts = vec![mount("v", "/b")];
        c.mounts[0].sub_path = Some("way".to_owned());
        c
    });
    let mut spec = spec("race", false, others.collect());
    spec.init_containers = vec![a];
    let spec = with_volume(spec, "v", VolumeSource::EmptyDir { memory: false, size_limit: None });
    let mut bench = Bench::new();
    let uid = bench.lab.run(spec).expect("accepted");
    let settled = |p: &Pod| p.containers.iter().skip(1).all(|c| c.last_exit.is_some() || message(p, &c.name).is_some());
    let pod = bench.pod_until(&uid, "all started or refused", settled);
    let (ran, refused): (Vec<_>, Vec<_>) = pod.containers.iter().skip(1).partition(|c| c.last_exit.is_some());
    let mut found = 0;
    for c in ran {
        let log = bench.lab.logs(&podscope::model::Member::container(&uid, &c.name)).expect("a log");
        let seen = String::from_utf8_lossy(&log).into_owned();
        // a container that starts before the sidecar has created the directory sees an empty one
        assert!(["mine ", ""].contains(&seen.as_str()), "{}: {seen}", c.name);
        found += usize::from(!seen.is_empty());
    }
    assert!(found + refused.len() > 0, "the sidecar has exchanged nothing");
}
