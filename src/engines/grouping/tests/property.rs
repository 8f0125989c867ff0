//! Any processes, and many.

use std::collections::BTreeSet;

use proptest::prelude::*;

use super::{Process, UID, find, host, id, listed, process, told};
use crate::engines::grouping::{SeenProcess, pods};
use crate::engines::known::Known;
use crate::engines::values::EnginePod;
use crate::model::{ProcId, Runtime};

#[test]
fn a_thousand_containers_are_found_among_many_processes() {
    let mut scene = Vec::new();
    for n in 0..1000 {
        let (first, id) = (10 * n + 10, format!("{n:064x}"));
        let own = format!("net={first} ipc={first} pid={first} mnt={first}");
        scene.push(process(first, 1, &format!("containerd-shim-runc-v2 -namespace moby -id {id}"), "/", ""));
        scene.push(process(first + 1, first, "app", &format!("/docker/{id}"), &own));
        for other in 2..5 {
            scene.push(process(first + other, first + 1, "worker", &format!("/docker/{id}"), &own));
        }
    }
    let host = host();
    let seen: Vec<SeenProcess> = scene
        .iter()
        .map(|p| SeenProcess {
            id: p.id,
            parent: Some(ProcId { pid: p.parent, start: u64::from(p.parent) }),
            namespaces: &p.namespaces,
            comm: &p.comm,
            argv: &p.argv,
            cgroup: &p.cgroup,
        })
        .collect();
    let began = std::time::Instant::now();
    let found = pods(&seen, &host, &Known::default());
    eprintln!("1,000 containers found among 5,000 processes in {:?}", began.elapsed());
    assert_eq!(found.len(), 1000);
    assert!(found.iter().all(|pod| pod.containers.len() == 1 && pod.containers[0].processes.len() == 4));
}

fn any_scene() -> impl Strategy<Value = Vec<Process>> {
    let command = prop_oneof![
        Just("/pause".to_owned()),
        Just("/catatonit -P".to_owned()),
        Just("tini -- app".to_owned()),
        (0..3u32).prop_map(|n| format!("conmon -c {} -n k8s_a_b_c_d_{n}", id(&n.to_string()))),
        (0..3u32).prop_map(|n| format!("containerd-shim-runc-v2 -namespace k8s.io -id {}", id(&n.to_string()))),
        "[a-z ]{0,9}",
    ];
    let part = prop_oneof![
        (0..4u32).prop_map(|n| id(&n.to_string())),
        (0..4u32).prop_map(|n| format!("docker-{}.scope", id(&n.to_string()))),
        "docker|libpod_parent|kubepods|default|conmon|x",
        Just(format!("pod{UID}")),
    ];
    let cgroup = prop::collection::vec(part, 0..5).prop_map(|parts| format!("/{}", parts.join("/")));
    let kind = prop_oneof![Just("net"), Just("pid"), Just("mnt")];
    let one = (kind, 1..4u32).prop_map(|(kind, ino)| format!("{kind}={ino}"));
    let own = prop::collection::vec(one, 0..3).prop_map(|own| own.join(" "));
    let one = (1..12u32, 0..12u32, command, cgroup, own);
    prop::collection::vec(one, 0..10).prop_map(|all| {
        let mut pids = BTreeSet::new();
        let unique = all.into_iter().filter(|(pid, ..)| pids.insert(*pid));
        unique
            .map(|(pid, parent, command, cgroup, own): (_, _, _, _, String)| {
                process(pid, parent, &command, &cgroup, &own)
            })
            .collect()
    })
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_process_is_in_one_container_at_most_and_order_does_not_matter(scene in any_scene(), seed in any::<u64>()) {
        let known = told(vec![listed(Runtime::Docker, &id("1"), "one")]);
        let found = find(&scene, &known);
        let all: Vec<ProcId> =
            found.iter().flat_map(EnginePod::members).flat_map(|c| c.processes.iter().copied()).collect();
        let different: BTreeSet<ProcId> = all.iter().copied().collect();
        prop_assert_eq!(all.len(), different.len());
        let mut turned = scene;
        let by = seed as usize % turned.len().max(1);
        turned.rotate_left(by);
        let processes = |pods: &[EnginePod]| -> BTreeSet<Vec<Vec<ProcId>>> {
            let of = |pod: &EnginePod| {
                let mut members: Vec<_> = pod.members().map(|c| c.processes.clone()).collect();
                members.sort();
                members
            };
            pods.iter().map(of).collect()
        };
        prop_assert_eq!(processes(&found), processes(&find(&turned, &known)));
    }
}
