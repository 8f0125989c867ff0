//! Scenes of processes as they were seen on machines with each engine.

mod property;

use super::{SeenProcess, pods, unlisted};
use crate::engines::known::Known;
use crate::engines::values::{
    ContainerStatus, EngineContainer, EnginePod, ListedContainer, ListedPod, Note, Protocol, Report, Socket,
};
use crate::model::{NsId, NsKind, NsSet, ProcId, Runtime};

const UID: &str = "0c90b7b1-7f2a-4e37-9d7e-0b7f7a1c9a11";

/// An id of 64 digits that begins with these.
fn id(begin: &str) -> String {
    format!("{begin:0<64}")
}

#[derive(Clone, Debug)]
struct Process {
    id: ProcId,
    parent: u32,
    namespaces: NsSet,
    comm: String,
    argv: Vec<String>,
    cgroup: String,
}

/// `own` is like `net=5 mnt=7`; all other namespaces are the host's. A process is as old as its pid says.
fn process(pid: u32, parent: u32, command: &str, cgroup: &str, own: &str) -> Process {
    let mut namespaces = host();
    for (kind, ino) in own.split_whitespace().filter_map(|part| part.split_once('=')) {
        let kind = NsKind::from_name(kind).expect("a kind");
        namespaces.set(NsId { kind, dev: 4, ino: ino.parse().expect("a number"), generation: 0 });
    }
    let argv: Vec<String> = command.split_whitespace().map(str::to_owned).collect();
    let comm = argv.first().map_or("", |first| first.rsplit('/').next().expect("a name")).to_owned();
    let cgroup = format!("0::{cgroup}\n");
    Process { id: ProcId { pid, start: u64::from(pid) }, parent, namespaces, comm, argv, cgroup }
}

fn host() -> NsSet {
    let mut host = NsSet::default();
    for kind in NsKind::ALL {
        host.set(NsId { kind, dev: 4, ino: 1, generation: 0 });
    }
    host
}

fn find(processes: &[Process], known: &Known) -> Vec<EnginePod> {
    let seen: Vec<SeenProcess> = processes
        .iter()
        .map(|p| SeenProcess {
            id: p.id,
            parent: processes.iter().find(|other| other.id.pid == p.parent).map(|other| other.id),
            namespaces: &p.namespaces,
            comm: &p.comm,
            argv: &p.argv,
            cgroup: &p.cgroup,
        })
        .collect();
    pods(&seen, &host(), known)
}

fn listed(runtime: Runtime, id: &str, name: &str) -> ListedContainer {
    ListedContainer {
        runtime,
        id: id.to_owned(),
        name: Some(name.to_owned()),
        image: Some(format!("{name}:1")),
        status: ContainerStatus::Running,
        is_sandbox: false,
        pod: None,
        joins: None,
    }
}

fn socket() -> Socket {
    Socket { protocol: Protocol::Docker, path: "/run/x.sock".into() }
}

fn told(containers: Vec<ListedContainer>) -> Known {
    let mut known = Known::default();
    known.apply(Report { socket: socket(), answer: Ok(containers) });
    known
}

/// `docker NAME: sandbox a0[1] + b0[2,3]`, with ids cut at two characters and the pids of each container.
fn words(pods: &[EnginePod]) -> Vec<String> {
    let container = |c: &EngineContainer| {
        let pids: Vec<String> = c.processes.iter().map(ToString::to_string).collect();
        let name = c.name.clone().unwrap_or_else(|| c.id.chars().take(2).collect());
        format!("{name}[{}]", pids.join(","))
    };
    let one = |pod: &EnginePod| {
        let runtime = serde_json::to_string(&pod.runtime).expect("JSON").replace('"', "");
        let namespace = pod.namespace.as_ref().map(|n| format!("{n}/")).unwrap_or_default();
        let name = pod.name.clone().unwrap_or_else(|| pod.id.chars().take(8).collect());
        let sandbox = pod.sandbox.as_ref().map(|c| format!(" sandbox {}", container(c))).unwrap_or_default();
        let containers: Vec<String> = pod.containers.iter().map(container).collect();
        let within = pod.within.as_ref().map(|id| format!(" in {}", &id[..2])).unwrap_or_default();
        format!("{runtime} {namespace}{name}:{sandbox} {}{within}", containers.join(" + "))
    };
    pods.iter().map(one).collect()
}

/// The articles' `docker run` lines, and a container alone.
fn docker_scene() -> Vec<Process> {
    let in_docker = |begin: &str| format!("/system.slice/docker-{}.scope", id(begin));
    let shim = |begin: &str| format!("/usr/bin/containerd-shim-runc-v2 -namespace moby -id {} -address x", id(begin));
    vec![
        process(1, 0, "/sbin/init", "/init.scope", ""),
        process(10, 1, &shim("a0"), "/system.slice/docker.service", ""),
        process(11, 10, "/pause", &in_docker("a0"), "net=5 ipc=5 pid=5 mnt=5 uts=5"),
        process(20, 1, &shim("b0"), "/system.slice/docker.service", ""),
        process(21, 20, "nginx: master", &in_docker("b0"), "net=5 ipc=5 pid=5 mnt=6 uts=6"),
        process(22, 21, "nginx: worker", &in_docker("b0"), "net=5 ipc=5 pid=5 mnt=6 uts=6"),
        process(31, 1, "busybox sleep", &in_docker("c0"), "net=5 ipc=7 pid=7 mnt=7 uts=7"),
        process(41, 1, "redis-server", &in_docker("d0"), "net=8 ipc=8 pid=8 mnt=8 uts=8"),
    ]
}

#[test]
fn containers_of_docker_that_share_a_namespace_are_a_pod() {
    let scene = docker_scene();
    let unnamed = find(&scene, &Known::default());
    assert_eq!(words(&unnamed), ["docker a0000000: sandbox a0[11] b0[21,22] + c0[31]", "docker d0000000: d0[41]"]);
    assert_eq!(unlisted(&unnamed, &Known::default()).len(), 4);

    let mut containers: Vec<_> = [("a0", "pause"), ("b0", "nginx"), ("d0", "redis")]
        .map(|(begin, name)| listed(Runtime::Docker, &id(begin), name))
        .into();
    // one that has ended, in this pod, and one elsewhere
    let ended = ContainerStatus::Exited { code: Some(137) };
    let joins = Some(id("a0"));
    containers.push(ListedContainer { status: ended, joins, ..listed(Runtime::Docker, &id("e0"), "side") });
    containers.push(ListedContainer { status: ended, ..listed(Runtime::Docker, &id("f0"), "old") });
    let known = told(containers);
    let named = find(&scene, &known);
    assert_eq!(
        words(&named),
        ["docker pause: sandbox pause[11] nginx[21,22] + c0[31] + side[]", "docker redis: redis[41]"]
    );
    assert_eq!(unlisted(&named, &known).into_iter().collect::<Vec<_>>(), [id("c0")]);
    let side = named[0].containers.iter().find(|c| c.name.as_deref() == Some("side")).expect("it is listed");
    assert_eq!((side.status, side.image.as_deref()), (ended, Some("side:1")));

    // an engine that no longer answers leaves the names, and nothing that is not seen
    let mut known = known;
    known.apply(Report { socket: socket(), answer: Err(Note::TimedOut) });
    assert_eq!(
        words(&find(&scene, &known)),
        ["docker pause: sandbox pause[11] nginx[21,22] + c0[31]", "docker redis: redis[41]"]
    );
}

#[test]
fn an_app_whose_network_others_use_names_the_pod() {
    let in_docker = |begin: &str| format!("/docker/{}", id(begin));
    let scene = [
        process(11, 1, "nginx", &in_docker("a0"), "net=5 ipc=5 pid=5 mnt=5"),
        process(21, 1, "busybox", &in_docker("b0"), "net=5 ipc=6 pid=6 mnt=6"),
    ];
    let joins = Some(id("b0"));
    let known = told(vec![
        ListedContainer { joins, ..listed(Runtime::Docker, &id("a0"), "nginx") },
        listed(Runtime::Docker, &id("b0"), "box"),
    ]);
    assert_eq!(words(&find(&scene, &known)), ["docker box: nginx[11] + box[21]"]);
}

#[test]
fn an_init_is_a_sandbox_only_with_nothing_below_it() {
    let in_docker = |begin: &str| format!("/docker/{}", id(begin));
    let tini = process(11, 1, "/sbin/tini -- sleep", &in_docker("a0"), "net=5 mnt=5 pid=5");
    let app = process(12, 11, "app", &in_docker("a0"), "net=5 mnt=5 pid=5");
    let other = process(21, 1, "nginx", &in_docker("b0"), "net=5 mnt=6 pid=6");
    let all = |scene: &[Process]| words(&find(scene, &Known::default()));
    assert_eq!(all(std::slice::from_ref(&tini)), ["docker a0000000: a0[11]"], "alone");
    assert_eq!(all(&[tini.clone(), other.clone()]), ["docker a0000000: sandbox a0[11] b0[21]"]);
    assert_eq!(all(&[tini, app, other]), ["docker a0000000: a0[11,12] + b0[21]"]);
}

/// podman as an ordinary user, without cgroups of its own. All of it is in the user's session.
fn rootless_scene() -> Vec<Process> {
    let conmon = |begin: &str, name: &str| {
        let id = id(begin);
        format!("/usr/bin/conmon --api-version 1 -c {id} -u {id} -n {name} --exit-command /usr/bin/podman")
    };
    let user = "user=3 mnt=3";
    vec![
        process(5, 1, "catatonit -P", "/", user),
        process(10, 1, &conmon("a0", "web-infra"), "/", user),
        process(11, 10, "/catatonit -P", "/", "user=3 net=5 ipc=5 pid=5 mnt=5"),
        process(20, 1, &conmon("b0", "nginx"), "/", user),
        process(21, 20, "nginx: master", "/", "user=3 net=5 ipc=5 pid=5 mnt=6"),
        process(22, 21, "nginx: worker", "/", "user=3 net=5 ipc=5 pid=5 mnt=6"),
        // its parent died, so the pod's first process has adopted it
        process(23, 11, "nginx: orphan", "/", "user=3 net=5 ipc=5 pid=5 mnt=6"),
        process(30, 1, &conmon("c0", "alone"), "/", user),
        process(31, 30, "sleep 1000", "/", "user=3 net=7 ipc=7 pid=7 mnt=7"),
        // conmon's own child, when its container has ended
        process(32, 30, "/usr/bin/podman container cleanup", "/", user),
    ]
}

#[test]
fn podman_without_cgroups_is_found_by_its_conmon() {
    let scene = rootless_scene();
    let want = ["podman alone: alone[31]", "podman web-infra: sandbox web-infra[11] nginx[21,22,23]"];
    assert_eq!(words(&find(&scene, &Known::default())), want);
    let pod = ListedPod { id: id("99"), name: Some("web".to_owned()), ..ListedPod::default() };
    let known = told(vec![
        ListedContainer { is_sandbox: true, pod: Some(pod.clone()), ..listed(Runtime::Podman, &id("a0"), "web-infra") },
        ListedContainer { pod: Some(pod), ..listed(Runtime::Podman, &id("b0"), "nginx") },
    ]);
    let named = find(&scene, &known);
    assert_eq!(words(&named), ["podman alone: alone[31]", "podman web: sandbox web-infra[11] nginx[21,22,23]"]);
    assert_eq!(named[1].id, id("99"));
}

#[test]
fn a_pod_of_podman_is_named_in_its_cgroup() {
    let of = |begin: &str| format!("/machine.slice/machine-libpod_pod_{}.slice/libpod-{}.scope", id("99"), id(begin));
    let scene = [
        // a pod that shares nothing
        process(11, 1, "/catatonit -P", &of("a0"), "net=5 ipc=5 pid=5 mnt=5"),
        process(21, 1, "nginx", &format!("{}/container", of("b0")), "net=6 ipc=6 pid=6 mnt=6"),
    ];
    assert_eq!(words(&find(&scene, &Known::default())), ["podman 99000000: sandbox a0[11] b0[21]"]);
}

#[test]
fn pods_of_a_kubelet_are_found_by_their_uid() {
    let slice =
        format!("/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod{}.slice", UID.replace('-', "_"));
    let other = UID.replace('0', "1");
    let host_network = format!("/kubepods/besteffort/pod{other}");
    let conmon = |begin: &str, container: &str| {
        format!("/usr/bin/conmon -b x -c {} --exit-dir /run/crio/exits -n k8s_{container}_web_prod_{UID}_0", id(begin))
    };
    let shim = format!("/usr/bin/containerd-shim-runc-v2 -namespace k8s.io -id {} -address x", id("d0"));
    let scene = [
        process(10, 1, &conmon("a0", "POD"), &format!("{slice}/crio-conmon-{}.scope", id("a0")), ""),
        process(11, 10, "/pause", &format!("{slice}/crio-{}.scope", id("a0")), "net=5 ipc=5 mnt=5"),
        process(20, 1, &conmon("b0", "nginx"), &format!("{slice}/crio-conmon-{}.scope", id("b0")), ""),
        process(21, 20, "nginx", &format!("{slice}/crio-{}.scope/container", id("b0")), "net=5 ipc=5 pid=6 mnt=6"),
        // a pod in the host's network, and one of its processes visits the other pod's network
        process(30, 1, &shim, "/", ""),
        process(31, 30, "pause-amd64", &format!("{host_network}/{}", id("d0")), "ipc=8 mnt=8 pid=8"),
        process(41, 30, "agent", &format!("{host_network}/{}", id("e0")), "ipc=8 mnt=9 pid=9"),
        process(42, 41, "nsenter -n", &format!("{host_network}/{}", id("e0")), "net=5 ipc=8 mnt=9 pid=9"),
    ];
    let found = find(&scene, &Known::default());
    assert_eq!(
        words(&found),
        [
            "containerd d0000000: sandbox d0[31] e0[41,42]",
            "cri-o prod/web: sandbox k8s_POD_web_prod_0c90b7b1-7f2a-4e37-9d7e-0b7f7a1c9a11_0[11] nginx[21]"
        ]
    );
    assert_eq!(found[0].uid.as_deref(), Some(&*other));
    assert_eq!(found[1].uid.as_deref(), Some(UID));
}

#[test]
fn a_sandbox_without_a_process_is_told_by_the_engine() {
    let slice = format!("/kubepods/besteffort/pod{UID}");
    let scene = [process(21, 1, "nginx", &format!("{slice}/crio-{}", id("b0")), "net=5 ipc=5 pid=6 mnt=6")];
    let pod = ListedPod {
        id: id("a0"),
        name: Some("web".to_owned()),
        namespace: Some("prod".to_owned()),
        uid: Some(UID.to_owned()),
    };
    let known = told(vec![
        ListedContainer {
            is_sandbox: true,
            name: None,
            pod: Some(pod.clone()),
            ..listed(Runtime::CriO, &id("a0"), "")
        },
        ListedContainer { pod: Some(pod), ..listed(Runtime::CriO, &id("b0"), "nginx") },
    ]);
    let found = find(&scene, &known);
    assert_eq!(words(&found), ["cri-o prod/web: sandbox a0[] nginx[21]"]);
    assert_eq!(unlisted(&found, &known).len(), 0);
}

#[test]
fn an_engine_in_a_container_has_that_container_as_its_host() {
    let outer = format!("/docker/{}", id("a0"));
    let inner = |begin: &str| format!("{outer}/docker/{}", id(begin));
    let node = "net=5 ipc=5 pid=5 mnt=5";
    let conmon = format!("conmon -c {} -n inner --exit-command /usr/bin/podman", id("e0"));
    let scene = [
        process(11, 1, "dockerd", &outer, node),
        // both use the network of the node
        process(21, 11, "one", &inner("b0"), "net=5 ipc=6 pid=6 mnt=6"),
        process(31, 11, "two", &inner("c0"), "net=5 ipc=7 pid=7 mnt=7"),
        process(41, 11, "three", &inner("d0"), "net=8 ipc=7 pid=8 mnt=8"),
        // podman without cgroups in it
        process(50, 11, &conmon, &outer, node),
        process(51, 50, "sleep", &outer, "net=9 ipc=9 pid=9 mnt=9"),
    ];
    assert_eq!(
        words(&find(&scene, &Known::default())),
        [
            "docker a0000000: a0[11,50]",
            "docker b0000000: b0[21] in a0",
            "docker c0000000: c0[31] + d0[41] in a0",
            "podman inner: inner[51] in a0",
        ]
    );
}

#[test]
fn a_cgroup_that_any_program_could_have_made_needs_a_shim() {
    let container = process(11, 10, "redis-server", "/default/red", "net=5 mnt=5");
    let shim = process(10, 1, "/usr/bin/containerd-shim-runc-v2 -namespace default -id red -address x", "/", "");
    let all = |scene: &[Process]| words(&find(scene, &Known::default()));
    assert_eq!(all(std::slice::from_ref(&container)), [""; 0]);
    assert_eq!(all(&[shim, container]), ["containerd red: re[11]"]);
}

#[test]
fn a_pod_made_by_hand_is_found_by_its_namespaces() {
    let scene = [
        process(5, 1, "/catatonit -P", "/", "user=3 mnt=3"),
        process(11, 1, "./pause", "/user.slice", "net=5 ipc=5 pid=5"),
        process(21, 1, "nginx", "/user.slice", "net=5 ipc=5 pid=5 mnt=6"),
        process(22, 21, "nginx", "/user.slice", "net=5 ipc=5 pid=5 mnt=6"),
        process(31, 1, "sleep", "/user.slice", "net=5"),
        process(41, 1, "firefox", "/user.slice", "net=9 pid=9"),
        process(42, 1, "pause", "/user.slice", ""),
    ];
    let found = find(&scene, &Known::default());
    assert_eq!(words(&found), ["unknown net:[5]: sandbox pr[11] pr[21,22] + pr[31]"]);
    assert_eq!(unlisted(&found, &Known::default()).len(), 0, "no engine knows it");
}

#[test]
fn what_cannot_be_read_joins_nothing() {
    let in_docker = |begin: &str| format!("/docker/{}", id(begin));
    let mut scene = docker_scene();
    scene.push(process(51, 1, "hidden", &in_docker("e0"), ""));
    scene.push(process(61, 1, "hidden", &in_docker("f0"), ""));
    for process in &mut scene {
        process.namespaces = NsSet::default();
    }
    let found = find(&scene, &Known::default());
    assert_eq!(found.len(), 6, "{:?}", words(&found));
    assert!(found.iter().all(|pod| pod.members().count() == 1));
}
