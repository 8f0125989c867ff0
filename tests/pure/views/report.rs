//! The reports of the fixture's pod, compared with what kubectl, crictl, docker, ps and readlink would print.

use std::sync::Arc;

use podscope::model::{
    ContainerKind, ContainerState, Delta, EventKind, Facts, Host, Manifest, ManifestContainer, ManifestMount,
    ManifestPort, ManifestVolume, Member, MonoNs, NsKind, Parent, Phase, Pod, PodEvent, PodMessage, PodReason,
    SignalMasks, Source, State, VolumeKind, WaitStatus, WallAnchor, World,
};
use podscope::report::{
    Get, Target, Text, crictl_pods, crictl_ps, describe, docker_ps, events, get_pods, links, links_of, pid_namespaces,
    ps_host, ps_inside, status,
};

use crate::views::fixture::{
    MASTER, NODE, PAUSE, SH, SLEEP, WORKERS, at, deltas, id, pod, prompt, uid, world, world_with,
};

/// The moment of all reports: 185 s after the pod's creation.
const NOW: MonoNs = MonoNs(185_600_000_000);

fn pod_with(change: impl Fn(&mut Pod)) -> Delta {
    let mut pod = pod(true);
    change(&mut pod);
    Delta::Pod { pod: Box::new(pod), at: at(1000) }
}

fn manifest() -> Manifest {
    let nginx = ManifestContainer {
        args: vec!["-g".into(), "daemon off;".into()],
        ports: vec![ManifestPort { container: 80, host: Some(8880), protocol: "TCP".into() }],
        mounts: vec![ManifestMount { volume: "html".into(), path: "/html".into(), read_only: true, sub_path: None }],
        ..ManifestContainer::default()
    };
    let busybox = ManifestContainer {
        command: vec!["sh".into(), "-c".into(), "while true; do\n  sleep 1h\ndone".into()],
        ..ManifestContainer::default()
    };
    Manifest {
        namespace: "default".into(),
        node: "podscope-node".into(),
        labels: [("app".into(), "web".into()), ("tier".into(), "front".into())].into(),
        volumes: vec![ManifestVolume {
            name: "html".into(),
            kind: VolumeKind::EmptyDir { memory: false, size_limit: None },
        }],
        containers: [("nginx".into(), nginx), ("busybox".into(), busybox)].into(),
        ..Manifest::default()
    }
}

fn event(kind: EventKind, reason: &str, message: &str, s: u64) -> Delta {
    let at = prompt(s * 1000, Source::Node);
    let event = PodEvent { pod: uid(), kind, reason: reason.into(), message: message.into(), at };
    Delta::Event { event }
}

/// A literal without its first, empty line.
fn lines(literal: &str) -> &str {
    literal.strip_prefix('\n').expect("a line feed first")
}

fn get(world: &World) -> String {
    get_pods(world, &Get::default(), NOW).to_string()
}

/// The state of a run that started at 1000 ms and ended at `ended` ms.
fn terminated(status: WaitStatus, reason: &str, ended: u64) -> ContainerState {
    let (started, at) = (Some(at(1000)), at(ended));
    ContainerState::Terminated { status, reason: reason.into(), message: None, started, at }
}

fn waiting(reason: &str) -> ContainerState {
    ContainerState::waiting(reason.into(), None)
}

#[test]
fn get_pods_has_kubectls_columns() {
    assert_eq!(
        get(&world(true)),
        lines(
            "
NAME            READY   STATUS    RESTARTS   AGE
nginx-busybox   2/2     Running   0          3m5s
"
        )
    );
    let restarted = |pod: &mut Pod| {
        pod.manifest = Some(Arc::new(manifest()));
        pod.containers[1].restarts = Some(2);
        pod.containers[1].last_state = Some(terminated(WaitStatus::killed(9), "Error", 170_000));
    };
    let world = world_with(true, &[pod_with(restarted)]);
    let wide = get_pods(&world, &Get { wide: true, pod: Some(uid()) }, NOW);
    assert_eq!(
        wide.to_string(),
        lines(
            "
NAME            READY   STATUS    RESTARTS      AGE    IP           NODE            NOMINATED NODE   READINESS GATES
nginx-busybox   2/2     Running   2 (15s ago)   3m5s   10.244.0.2   podscope-node   <none>           <none>
"
        )
    );
    assert_eq!(get(&World::default()), "");
}

#[test]
fn status_follows_the_rules_of_kubectl() {
    type Case = (&'static str, fn(&mut Pod), &'static str, &'static str);
    let table: [Case; 12] = [
        ("all run", |_| {}, "2/2", "Running"),
        (
            "no sandbox",
            |p| {
                p.reason = Some(PodReason::FailedCreatePodSandBox);
                p.phase = Phase::Pending;
                p.containers.iter_mut().for_each(|c| c.state = waiting("ContainerCreating"));
            },
            "0/2",
            "ContainerCreating",
        ),
        (
            "between two sandboxes",
            |p| {
                p.reason = Some(PodReason::SandboxChanged);
                p.containers.iter_mut().for_each(|c| c.state = terminated(WaitStatus::killed(9), "Error", 2000));
            },
            "0/2",
            "Error",
        ),
        ("one crashes", |p| p.containers[0].state = waiting("CrashLoopBackOff"), "1/2", "CrashLoopBackOff"),
        ("one is done", |p| p.containers[0].state = terminated(WaitStatus(0), "Completed", 2000), "1/2", "NotReady"),
        (
            "all are done",
            |p| {
                p.phase = Phase::Succeeded;
                p.containers.iter_mut().for_each(|c| c.state = terminated(WaitStatus(0), "Completed", 2000));
            },
            "0/2",
            "Completed",
        ),
        (
            "no reason",
            |p| {
                p.containers.iter_mut().for_each(|c| c.state = terminated(WaitStatus::killed(9), "", 2000));
            },
            "0/2",
            "Signal:9",
        ),
        (
            "the first by name decides",
            |p| {
                p.containers[0].state = waiting("CrashLoopBackOff");
                p.containers[1].state = terminated(WaitStatus::exited(1), "Error", 2000);
            },
            "0/2",
            "Error",
        ),
        ("deleted", |p| p.reason = Some(PodReason::Terminating), "2/2", "Terminating"),
        (
            "an init container runs",
            |p| {
                p.containers[0].kind = ContainerKind::Init;
                p.containers[1].state = waiting("PodInitializing");
            },
            "0/1",
            "Init:0/1",
        ),
        (
            "an init container fails",
            |p| {
                p.containers[0].kind = ContainerKind::Init;
                p.containers[0].state = terminated(WaitStatus::exited(1), "Error", 2000);
                p.containers[1].state = waiting("PodInitializing");
            },
            "0/1",
            "Init:Error",
        ),
        ("a sidecar counts", |p| p.containers[0].kind = ContainerKind::Sidecar, "2/2", "Running"),
    ];
    for (name, change, ready, word) in table {
        let world = world_with(true, &[pod_with(change)]);
        assert_eq!(status(world.pod(&uid()).expect("the pod")), word, "{name}");
        let row = get(&world).lines().nth(1).expect("a row").to_owned();
        assert_eq!(row.split_whitespace().nth(1), Some(ready), "{name}: {row}");
    }
}

#[test]
fn describe_has_kubectls_lines() {
    let described = |pod: &mut Pod| {
        pod.manifest = Some(Arc::new(manifest()));
        pod.containers[0].restarts = Some(1);
        pod.containers[0].last_state = Some(terminated(WaitStatus::killed(9), "Error", 90_000));
    };
    let deltas = [
        Delta::Host {
            host: Box::new(Host {
                anchor: WallAnchor { mono: MonoNs(0), unix_ns: 1_136_214_245_000_000_000 },
                ..Host::default()
            }),
            at: at(600),
        },
        pod_with(described),
        event(EventKind::Normal, "Scheduled", "Successfully assigned default/nginx-busybox to podscope-node", 1),
        event(EventKind::Warning, "BackOff", "Back-off restarting failed container nginx", 91),
        event(EventKind::Normal, "Started", "Started container nginx", 101),
        event(EventKind::Warning, "BackOff", "Back-off restarting failed container nginx", 181),
    ];
    let world = world_with(true, &deltas);
    let text = describe(&world, &uid(), NOW).expect("the pod").to_string();
    assert_eq!(
        text,
        lines(
            "
Name:         nginx-busybox
Namespace:    default
Node:         podscope-node
Start Time:   Mon, 02 Jan 2006 15:04:05 +0000
Labels:       app=web
              tier=front
Annotations:  <none>
Status:       Running
IP:           10.244.0.2
IPs:
  IP:  10.244.0.2
Containers:
  nginx:
    Container ID:  lab://0c0ffee0/nginx
    Image:         nginx
    Image ID:
    Program:       stand-in of Podscope for image nginx (web)
    Port:          80/TCP
    Host Port:     8880/TCP
    Args:
      -g
      daemon off;
    State:          Running
      Started:      Mon, 02 Jan 2006 15:04:05 +0000
    Last State:     Terminated
      Reason:       Error
      Exit Code:    137
      Started:      Mon, 02 Jan 2006 15:04:06 +0000
      Finished:     Mon, 02 Jan 2006 15:05:35 +0000
    Ready:          True
    Restart Count:  1
    Mounts:
      /html from html (ro)
  busybox:
    Container ID:  lab://0c0ffee0/busybox
    Image:         busybox
    Image ID:
    Program:       of the host; no image is used
    Port:          <none>
    Host Port:     <none>
    Command:
      sh
      -c
      while true; do
        sleep 1h
      done
    State:          Running
      Started:      Mon, 02 Jan 2006 15:04:05 +0000
    Ready:          True
    Restart Count:  0
    Mounts:         <none>
Conditions:
  Type                        Status
  PodReadyToStartContainers   True
  Initialized                 True
  Ready                       True
  ContainersReady             True
  PodScheduled                True
Volumes:
  html:
    Type:       EmptyDir (a temporary directory that shares a pod's lifetime)
    Medium:
    SizeLimit:  <unset>
Events:
  Type     Reason     Age               From           Message
  ----     ------     ----              ----           -------
  Normal   Scheduled  3m4s              podscope-node  Successfully assigned default/nginx-busybox to podscope-node
  Normal   Started    84s               podscope-node  Started container nginx
  Warning  BackOff    4s (x2 over 94s)  podscope-node  Back-off restarting failed container nginx
"
        )
    );
    assert_eq!(describe(&world, &podscope::model::PodUid("other".into()), NOW), None);
}

#[test]
fn describe_shows_only_what_is_known() {
    let unknown = |pod: &mut Pod| {
        pod.ip = None;
        pod.containers[0].state = waiting("CrashLoopBackOff");
        pod.containers[0].process = None;
    };
    let text = describe(&world_with(true, &[pod_with(unknown)]), &uid(), NOW).expect("the pod").to_string();
    for line in ["Namespace:", "Node:", "Labels:", "Conditions:", "Port:", "Args:", "Mounts:", "Last State:"] {
        assert!(!text.lines().any(|l| l.trim_start().starts_with(line)), "{line} in\n{text}");
    }
    for line in [
        "Start Time:  <unknown>",
        "IPs:         <none>",
        "    Container ID:",
        "      Reason:       CrashLoopBackOff",
        "  html:",
        "  <unknown>",
        "Events:  <none>",
    ] {
        assert!(text.lines().any(|l| l == line), "{line:?} in\n{text}");
    }
}

#[test]
fn events_are_counted_as_in_kubectl() {
    let world = world_with(
        true,
        &[
            event(EventKind::Normal, "Pulled", "Container image \"nginx\" already present on machine", 1),
            event(EventKind::Warning, "BackOff", "Back-off", 60),
            event(EventKind::Warning, "BackOff", "Back-off", 183),
        ],
    );
    assert_eq!(
        events(&world, Some(&uid()), NOW).to_string(),
        lines(
            "
LAST SEEN           TYPE      REASON    OBJECT              MESSAGE
3m4s                Normal    Pulled    Pod/nginx-busybox   Container image \"nginx\" already present on machine
2s (x2 over 2m5s)   Warning   BackOff   Pod/nginx-busybox   Back-off
"
        )
    );
    assert_eq!(events(&world, Some(&podscope::model::PodUid("other".into())), NOW).to_string(), "");
}

#[test]
fn crictl_lists_the_sandbox_and_the_containers() {
    let change = |pod: &mut Pod| {
        pod.manifest = Some(Arc::new(manifest()));
        pod.containers[1].restarts = Some(1);
        pod.containers[1].last_state = Some(terminated(WaitStatus::killed(9), "Error", 90_000));
    };
    let world = world_with(true, &[pod_with(change)]);
    assert_eq!(
        crictl_pods(&world, None, NOW).to_string(),
        lines("
POD ID              CREATED             STATE               NAME                NAMESPACE           ATTEMPT             RUNTIME
0c0ffee0            3 minutes ago       Ready               nginx-busybox       default             1                   (default)
")
    );
    let text = crictl_ps(&world, Some(&uid()), NOW);
    assert_eq!(
        text.to_string(),
        lines("
CONTAINER           IMAGE               CREATED             STATE               NAME                ATTEMPT             POD ID              POD                 NAMESPACE
0c0ffee0/busybox    busybox             3 minutes ago       Exited              busybox             0                   0c0ffee0            nginx-busybox       default
0c0ffee0/busybox    busybox             3 minutes ago       Running             busybox             1                   0c0ffee0            nginx-busybox       default
0c0ffee0/nginx      nginx               3 minutes ago       Running             nginx               0                   0c0ffee0            nginx-busybox       default
")
    );
    let targets: Vec<_> = text.rows().map(|row| row.cells[0].target.clone()).collect();
    assert_eq!(targets, [None, Some(Target::Process(id(SH))), Some(Target::Process(id(MASTER)))]);
}

#[test]
fn docker_lists_pause_as_a_container() {
    let change = |pod: &mut Pod| {
        pod.manifest = Some(Arc::new(manifest()));
        pod.host_ports = vec![(8880, 80)];
        pod.containers[0].state = terminated(WaitStatus::killed(9), "Error", 180_000);
    };
    let world = world_with(true, &[pod_with(change)]);
    let text = docker_ps(&world, Some(&uid()), NOW);
    let shown: Vec<Vec<&str>> = text.rows().map(|row| row.cells.iter().map(|c| c.text.as_str()).collect()).collect();
    assert_eq!(
        shown,
        [
            vec![
                "0c0ffee0/busybox",
                "busybox",
                "\"sh -c while true; d…\"",
                "3 minutes ago",
                "Up 3 minutes",
                "",
                "k8s_busybox_nginx-busybox_default_0c0ffee0_0"
            ],
            vec![
                "0c0ffee0/nginx",
                "nginx",
                "\"podscope web\"",
                "3 minutes ago",
                "Exited (137) 5 seconds ago",
                "",
                "k8s_nginx_nginx-busybox_default_0c0ffee0_0"
            ],
            vec![
                "0c0ffee0/POD",
                "pause (Podscope's own)",
                "\"/pause\"",
                "3 minutes ago",
                "Up 3 minutes",
                "127.0.0.1:8880->80/tcp",
                "k8s_POD_nginx-busybox_default_0c0ffee0_1"
            ],
        ]
    );
}

/// The node as the observer sees it from the host's pid namespace, with two pids.
fn node(world: &World) -> Delta {
    let facts = Facts {
        id: id(NODE),
        parent: Parent::Outside,
        comm: "podscope-node".into(),
        cmdline: vec!["podscope-node".into()],
        state: State::Sleeping,
        uid: 1000,
        nspid: vec![NODE, 1],
        threads: 1,
        rss_bytes: 4096,
        cpu: podscope::model::Cpu::default(),
        waited_cpu: podscope::model::Cpu::default(),
        signals: SignalMasks::default(),
        namespaces: world.host.namespaces,
    };
    Delta::Facts { facts: Box::new(facts), at: at(1500) }
}

#[test]
fn ps_shows_the_pids_of_the_host_and_of_the_pod() {
    let node = node(&world(true));
    let world = world_with(true, &[node, Delta::Exited { id: id(SLEEP), status: None, at: at(2000) }]);
    assert_eq!(
        ps_host(&world, Some(&uid())).to_string(),
        lines(
            "
  UID     PID    PPID S COMMAND
 1000     500       ? S podscope-node
 1000     501     500 S /pause
 1000     502     500 S podscope web
 1000     503     502 S podscope web
 1000     504     502 S podscope web
 1000     505     500 S sh -c while true; do sleep 1h; done
 1000     506     505 Z [sleep] <defunct>
"
        )
    );
    let [space] = &pid_namespaces(&world, &uid())[..] else { panic!("one pid namespace") };
    assert_eq!(space.members, ["pause", "nginx", "busybox"]);
    let inside = ps_inside(&world, space.ns);
    assert_eq!(
        inside.to_string(),
        lines(
            "
    PID    PPID S COMMAND
      1       0 S /pause
      7       0 S podscope web
      8       7 S podscope web
      9       7 S podscope web
     10       0 S sh -c while true; do sleep 1h; done
     11      10 Z [sleep] <defunct>
"
        )
    );
    let target = |text: &Text, row: usize, cell: usize| text.rows().nth(row).expect("a row").cells[cell].target.clone();
    assert_eq!(target(&inside, 2, 0), Some(Target::Process(id(WORKERS[0]))));
    assert_eq!(target(&inside, 2, 1), Some(Target::Process(id(MASTER))));
    assert_eq!(target(&inside, 0, 1), None, "its parent is not in the pod");
}

#[test]
fn each_container_has_its_own_pids_if_they_are_not_shared() {
    let node = node(&world(false));
    let world = world_with(false, &[node]);
    let spaces = pid_namespaces(&world, &uid());
    let members: Vec<&[String]> = spaces.iter().map(|s| s.members.as_slice()).collect();
    assert_eq!(members, [["pause"], ["nginx"], ["busybox"]]);
    assert_eq!(
        ps_inside(&world, spaces[1].ns).to_string(),
        lines(
            "
    PID    PPID S COMMAND
      1       0 S podscope web
      2       1 S podscope web
      3       1 S podscope web
"
        )
    );
}

#[test]
fn a_parent_that_is_gone_is_shown_as_unknown() {
    let reaped = Delta::Reaped { id: id(SH), by: Parent::Process(id(NODE)), at: at(2000) };
    let world = world_with(true, &[reaped]);
    let text = ps_host(&world, Some(&uid())).to_string();
    let line = text.lines().find(|l| l.contains(&SLEEP.to_string())).expect("the sleep");
    assert_eq!(line.split_whitespace().nth(2), Some("?"), "{line}");
}

#[test]
fn links_are_shown_side_by_side_as_readlink_prints_them() {
    let world = world(true);
    assert_eq!(
        links(&world, &uid()).to_string(),
        lines(
            "
        pause                nginx                busybox              host
cgroup  cgroup:[4026531830]  cgroup:[4026531830]  cgroup:[4026531830]  cgroup:[4026531830]
ipc     ipc:[4026532326]     ipc:[4026532326]     ipc:[4026532326]     ipc:[4026531831]
mnt     mnt:[4026532330]     mnt:[4026532331]     mnt:[4026532332]     mnt:[4026531832]
net     net:[4026532328]     net:[4026532328]     net:[4026532328]     net:[4026531833]
pid     pid:[4026532327]     pid:[4026532327]     pid:[4026532327]     pid:[4026531834]
time    time:[4026531835]    time:[4026531835]    time:[4026531835]    time:[4026531835]
user    user:[4026532177]    user:[4026532177]    user:[4026532177]    user:[4026531836]
uts     uts:[4026532325]     uts:[4026532325]     uts:[4026532325]     uts:[4026531837]
"
        )
    );
    let of_pause = links_of(&world, id(PAUSE));
    assert_eq!(of_pause.to_string().lines().nth(3), Some("net:[4026532328]"));
    let net = world.process(id(PAUSE)).and_then(|p| p.namespaces.get(NsKind::Net)).expect("a namespace");
    assert_eq!(of_pause.lines[3].cells[0].target, Some(Target::Namespace(net)));
}

#[test]
fn a_process_that_has_exited_has_left_its_namespaces() {
    let world = world_with(true, &[Delta::Exited { id: id(MASTER), status: None, at: at(2000) }]);
    let text = links_of(&world, id(MASTER)).to_string();
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines[3], "left at exit");
    assert_eq!((lines[4], lines[6]), ("pid:[4026532327]", "user:[4026532177]"));
}

#[test]
fn hidden_characters_in_names_are_escaped() {
    let evil = "a\nEVIL\u{202e}\u{1b}[2J";
    let change = |pod: &mut Pod| {
        pod.name = evil.into();
        pod.message = Some(PodMessage::Runtime(evil.into()));
        pod.containers[0].name = evil.into();
        pod.containers[0].image = evil.into();
        pod.containers[0].state = waiting(evil);
        pod.volumes = vec![evil.into()];
        let mut manifest = manifest();
        manifest.labels = [(evil.into(), evil.into())].into();
        manifest.annotations = [(evil.into(), evil.into())].into();
        manifest.containers.insert(
            evil.into(),
            ManifestContainer { command: vec!["\u{1b}[2J\tx".into()], ..ManifestContainer::default() },
        );
        pod.manifest = Some(Arc::new(manifest));
    };
    let world = world_with(true, &[pod_with(change), event(EventKind::Warning, evil, evil, 1)]);
    let all = [
        get_pods(&world, &Get { wide: true, pod: None }, NOW),
        describe(&world, &uid(), NOW).expect("the pod"),
        events(&world, None, NOW),
        crictl_pods(&world, None, NOW),
        crictl_ps(&world, None, NOW),
        docker_ps(&world, None, NOW),
        links(&world, &uid()),
    ];
    for text in all {
        let text = text.to_string();
        assert!(!text.contains(['\u{1b}', '\u{202e}', '\t']), "{text}");
        // only a word of a command or an annotation may begin a line, and it is indented
        let begins = |line: &str| line.trim_start().starts_with("EVIL") && !line.starts_with("      ");
        assert!(!text.lines().any(begins), "{text}");
    }
}

/// A pod may have taken over the node, whose figures these are.
#[test]
fn figures_that_are_too_large_are_cut_to_the_largest() {
    let mut all = deltas(true);
    for delta in &mut all {
        if let Delta::Facts { facts, .. } = delta {
            facts.rss_bytes = u64::MAX;
        }
    }
    all.push(pod_with(|pod| pod.containers.iter_mut().for_each(|c| c.restarts = Some(u32::MAX))));
    let mut world = World::default();
    for delta in &all {
        world.apply(delta);
    }
    let usage = world.usage(&Member::container(&uid(), "nginx")).expect("it runs");
    assert_eq!(usage.memory_bytes.value, u64::MAX);
    assert_eq!(world.pod(&uid()).expect("a pod").restarts(), Some(u32::MAX));
    let table = get_pods(&world, &Get::default(), NOW).to_string();
    assert!(table.contains("4294967295"), "{table}");
}
