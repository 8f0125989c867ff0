//! Paths as the engines make them. Those of docker, podman and containerd with cgroupfs were read on a machine with
//! Debian 12; the others are from the documentation and issues of each project.

use proptest::prelude::*;

use super::{Level, PodKey, Qos, levels, levels_of_path};
use crate::model::Runtime;

const A: &str = "207048a271173168ce60f46123a2ad517552742c18967a47f0b240caff146708";
const B: &str = "d9e8e40dc902d3e61d831cce51ab8998b9c6dc4596cd97d5fab22be5b53c14f9";
const UID: &str = "0c90b7b1-7f2a-4e37-9d7e-0b7f7a1c9a11";
/// The uid of a static pod, such as kube-apiserver's.
const STATIC: &str = "5a6c4a1f2e6d4f17b1c3a1d2e3f40516";

/// `docker ID, containerd ID in burstable UID`, and so on.
fn words(levels: &[Level]) -> String {
    let one = |level: &Level| {
        let runtime = match level.runtime {
            Runtime::Docker => "docker",
            Runtime::Podman => "podman",
            Runtime::Containerd => "containerd",
            Runtime::CriO => "cri-o",
            Runtime::Lab => "lab",
            Runtime::Unknown => "?",
        };
        let id = match level.container.as_deref() {
            Some(A) => "A",
            Some(B) => "B",
            Some(other) => other,
            None => "-",
        };
        let pod = match &level.pod {
            Some(PodKey::Kubernetes { uid, qos }) => {
                let qos = match qos {
                    Qos::Guaranteed => "guaranteed",
                    Qos::Burstable => "burstable",
                    Qos::BestEffort => "besteffort",
                };
                let uid = if uid == UID { "UID" } else { uid };
                format!(" in {qos} {uid}")
            }
            Some(PodKey::Podman(id)) => format!(" in pod {}", if id == B { "B" } else { id }),
            None => String::new(),
        };
        let monitor = if level.is_monitor { " monitor" } else { "" };
        let uncertain = if level.is_uncertain { " perhaps" } else { "" };
        format!("{runtime} {id}{pod}{monitor}{uncertain}")
    };
    levels.iter().map(one).collect::<Vec<_>>().join(", ")
}

#[test]
fn every_engines_paths_are_read() {
    let under = UID.replace('-', "_");
    let table = [
        // docker
        (format!("/docker/{A}"), "docker A"),
        (format!("/docker/{A}/init.scope"), "docker A"),
        (format!("/system.slice/docker-{A}.scope"), "docker A"),
        (format!("/user.slice/user-1000.slice/user@1000.service/user.slice/docker-{A}.scope"), "docker A"),
        (format!("/my-own-parent/{A}"), "? A"),
        (format!("/ecs/0f9de17a6465404e8b1b2356dc13c2f8/{A}"), "? A"),
        // podman
        (format!("/libpod_parent/libpod-{A}"), "podman A"),
        (format!("/libpod_parent/{B}/libpod-{A}"), "podman A in pod B"),
        (format!("/libpod_parent/{B}/conmon"), "podman - in pod B monitor"),
        (format!("/libpod_parent/libpod-conmon-{A}"), "podman A monitor"),
        (format!("/my-own-parent/{B}/libpod-{A}"), "podman A in pod B"),
        (format!("/my-own-parent/{B}/conmon"), "podman - in pod B monitor"),
        (format!("/machine.slice/libpod-{A}.scope"), "podman A"),
        (format!("/machine.slice/libpod-{A}.scope/container"), "podman A"),
        (format!("/machine.slice/libpod-{A}.scope/libpod-payload-{A}"), "podman A"),
        (format!("/machine.slice/libpod-conmon-{A}.scope"), "podman A monitor"),
        (format!("/machine.slice/machine-libpod_pod_{B}.slice/libpod-{A}.scope/container"), "podman A in pod B"),
        (format!("/user.slice/user-1000.slice/user@1000.service/user.slice/libpod-{A}.scope/container"), "podman A"),
        (
            format!(
                "/user.slice/user-1000.slice/user@1000.service/user.slice/user-libpod_pod_{B}.slice/libpod-{A}.scope"
            ),
            "podman A in pod B",
        ),
        // the process that keeps the namespaces of rootless podman is in no container
        ("/user.slice/user-1000.slice/user@1000.service/user.slice/podman-pause-1f3b.scope".to_owned(), ""),
        // kubelet
        (format!("/kubepods/besteffort/pod{UID}/{A}"), "? A in besteffort UID"),
        (format!("/kubepods/burstable/pod{UID}/{A}"), "? A in burstable UID"),
        (format!("/kubepods/pod{UID}/{A}"), "? A in guaranteed UID"),
        (format!("/kubepods/pod{UID}"), "? - in guaranteed UID"),
        (format!("/kubepods/burstable/pod{STATIC}/{A}"), &*format!("? A in burstable {STATIC}")),
        (
            format!(
                "/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod{under}.slice/cri-containerd-{A}.scope"
            ),
            "containerd A in burstable UID",
        ),
        (
            format!("/kubepods.slice/kubepods-pod{under}.slice/cri-containerd-{A}.scope"),
            "containerd A in guaranteed UID",
        ),
        (
            format!(
                "/kubepods.slice/kubepods-besteffort.slice/kubepods-besteffort-pod{under}.slice/crio-{A}.scope/container"
            ),
            "cri-o A in besteffort UID",
        ),
        (
            format!(
                "/kubepods.slice/kubepods-besteffort.slice/kubepods-besteffort-pod{under}.slice/crio-conmon-{A}.scope"
            ),
            "cri-o A in besteffort UID monitor",
        ),
        (format!("/system.slice/crio-conmon-{A}.scope"), "cri-o A monitor"),
        (format!("/kubepods/burstable/pod{UID}/crio-{A}"), "cri-o A in burstable UID"),
        (
            format!("/kubepods.slice/kubepods-besteffort.slice/kubepods-besteffort-pod{under}.slice/docker-{A}.scope"),
            "docker A in besteffort UID",
        ),
        // the kubelet uses systemd and containerd does not
        (
            format!("/system.slice/containerd.service/kubepods-burstable-pod{under}.slice:cri-containerd:{A}"),
            "containerd A in burstable UID",
        ),
        // containerd without a kubelet
        (format!("/k8s.io/{A}"), "containerd A"),
        (format!("/default/{A}"), "? A"),
        ("/default/redis".to_owned(), "containerd redis perhaps"),
        (format!("/system.slice/nerdctl-{A}.scope"), "containerd A"),
        // engines in containers
        (format!("/docker/{A}/docker/{B}"), "docker A, docker B"),
        (format!("/system.slice/docker-{A}.scope/docker/{B}"), "docker A, docker B"),
        (
            format!(
                "/docker/{A}/kubelet.slice/kubelet-kubepods.slice/kubelet-kubepods-burstable.slice/\
                 kubelet-kubepods-burstable-pod{under}.slice/cri-containerd-{B}.scope"
            ),
            "docker A, containerd B in burstable UID",
        ),
        (format!("/docker/{A}/kubelet/kubepods/besteffort/pod{UID}/{B}"), "docker A, ? B in besteffort UID"),
        // seen from another cgroup namespace (cgroup_namespaces(7))
        (format!("/../../docker/{A}"), "docker A"),
        // no containers
        ("/".to_owned(), ""),
        ("/user.slice/user-1000.slice/session-2.scope".to_owned(), ""),
        ("/system.slice/docker.service".to_owned(), ""),
        ("/system.slice/containerd.service".to_owned(), ""),
        ("/default".to_owned(), ""),
        ("/user.slice/default/x".to_owned(), ""),
        ("/kubepods.slice/kubepods-burstable.slice".to_owned(), ""),
        (format!("/docker/{}", &A[1..]), ""),
        (format!("/docker/{}", A.to_uppercase()), ""),
        (format!("/system.slice/docker-{A}.scope.d"), ""),
        // the lab names its cgroups in a similar way
        (format!("/podscope-23247-0/pod{UID}/shell.3"), ""),
        ("/kubepods/besteffort/podfoo".to_owned(), ""),
    ];
    for (path, want) in table {
        assert_eq!(words(&levels_of_path(&path)), want, "{path}");
    }
}

#[test]
fn of_several_hierarchies_the_one_that_says_most_is_taken() {
    let docker = format!(
        "9:name=systemd:/docker/{A}\n8:pids:/docker/{A}\n4:memory:/process_api/8326b883f4ac31334a51f06f383891e1\n0::/\n"
    );
    assert_eq!(words(&levels(&docker)), "docker A");
    // podman's monitor with version 1, without systemd
    let conmon = format!("9:name=systemd:/\n8:pids:/libpod_parent/{B}/conmon\n0::/\n");
    assert_eq!(words(&levels(&conmon)), "podman - in pod B monitor");
    let kubelet = format!("2:cpu:/kubepods/besteffort\n1:pids:/kubepods/besteffort/pod{UID}/{A}\n0::/\n");
    assert_eq!(words(&levels(&kubelet)), "? A in besteffort UID");
    assert_eq!(words(&levels(&format!("0::/docker/{A}\n"))), "docker A");
    assert_eq!(words(&levels(&format!("0::/docker/{A} (deleted)\n"))), "docker A", "a zombie's");
    assert_eq!(levels(""), []);
}

/// Pieces of paths, and anything else.
fn any_path() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        Just(A.to_owned()),
        Just(format!("docker-{B}.scope")),
        Just(format!("pod{UID}")),
        Just(format!("kubepods-pod{}.slice", UID.replace('-', "_"))),
        "docker|libpod_parent|kubepods|besteffort|conmon|default|k8s\\.io|\\.\\.|machine-libpod_pod_.{0,3}|:|-|\\.scope",
        any::<String>(),
    ];
    prop::collection::vec(piece, 0..8).prop_map(|parts| format!("0::/{}", parts.join("/")))
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_text_is_safe_and_gives_only_whole_ids(text in prop_oneof![any::<String>(), any_path()]) {
        for level in levels(&text) {
            prop_assert!(level.container.is_some() || level.pod.is_some());
            if let Some(id) = &level.container {
                prop_assert!(text.contains(id.as_str()));
                prop_assert!(level.is_uncertain || super::is_id(id));
            }
        }
    }
}
