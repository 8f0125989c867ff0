//! The changes of a step of building a pod, found from the World before and after it.

use podscope::lab::{ContainerSpec, PodSpec};
use podscope::model::{
    Container, ContainerKind, ContainerState, Delta, Facts, Member, MonoNs, NsId, NsKind, Pod, Program, Source, Stamp,
    TerminatedReason, WaitStatus, World,
};
use podscope::steps::{LinkLine, Links, Pending, SharedWith, Step};

use crate::views::fixture::{self, PAUSE, SH, at, id, uid, world};

const NEW: u32 = 700;

fn line(lines: &[LinkLine], kind: NsKind) -> &SharedWith {
    &lines.iter().find(|line| line.kind == kind).expect("a link").with
}

#[test]
fn each_link_names_the_members_that_share_it() {
    for shared in [true, false] {
        let world = world(shared);
        let links = Links::of(&world, &uid());
        let lines = links.lines(&world, &Member::container(&uid(), "nginx"));
        assert_eq!(lines.len(), 8);
        let with = |names: &[&str]| SharedWith::Members(names.iter().map(|n| (*n).to_owned()).collect());
        assert_eq!(line(&lines, NsKind::Net), &with(&["pause", "busybox"]));
        let pid = if shared { with(&["pause", "busybox"]) } else { SharedWith::NoOther };
        assert_eq!(line(&lines, NsKind::Pid), &pid, "{shared}");
        assert_eq!(line(&lines, NsKind::Mnt), &SharedWith::NoOther);
        assert_eq!(line(&lines, NsKind::Time), &SharedWith::Host);
    }
}

/// The facts of a new process with busybox's namespaces, but its own mount and cgroup namespace.
fn new_facts(world: &World) -> Delta {
    let sh = world.process(id(SH)).expect("busybox");
    let mut namespaces = sh.namespaces;
    for kind in [NsKind::Mnt, NsKind::Cgroup] {
        namespaces.set(NsId { kind, dev: 4, ino: 4_026_539_000 + kind as u64, generation: 0 });
    }
    let facts = Facts {
        id: id(NEW),
        parent: sh.parent,
        comm: "sleep".into(),
        cmdline: vec!["sleep".into()],
        state: sh.state,
        uid: 1000,
        nspid: vec![NEW, NEW - 498, 9],
        threads: 1,
        rss_bytes: 4096,
        cpu: sh.cpu,
        waited_cpu: sh.waited_cpu,
        signals: sh.signals,
        namespaces,
    };
    Delta::Facts { facts: Box::new(facts), at: at(2_000) }
}

fn new_container(state: ContainerState) -> Container {
    Container {
        name: "new".into(),
        image: "busybox".into(),
        kind: ContainerKind::App,
        program: Program::Host,
        command: vec!["sleep".into()],
        state,
        process: Some(id(NEW)),
        restarts: Some(0),
        last_exit: None,
        last_message: None,
        last_state: None,
        kill_at: None,
        stdin: false,
    }
}

fn change_pod(world: &mut World, change: impl FnOnce(&mut Pod)) {
    let mut pod = world.pod(&uid()).expect("the pod").clone();
    change(&mut pod);
    world.apply(&Delta::Pod { pod: Box::new(pod), at: at(2_000) });
}

fn joining() -> Step {
    let container = ContainerSpec { name: "new".into(), image: "busybox".into(), ..ContainerSpec::default() };
    Step::Join { pod: uid(), container: Box::new(container), ephemeral: false }
}

fn pending(step: Step, world: &World) -> Pending {
    Pending::new(uid(), step, &PodSpec::sandbox("nginx-busybox").expect("a name"), world, MonoNs(0))
}

const SOON: MonoNs = MonoNs(3_000_000_000);
const LATE: MonoNs = MonoNs(600_000_000_000);

#[test]
fn a_join_is_complete_when_the_namespaces_of_the_container_are_seen() {
    let mut world = world(true);
    let step = pending(joining(), &world);
    assert_eq!(step.poll(&world, SOON), None, "the pod does not have it yet");
    let running = ContainerState::Running { since: at(2_000) };
    change_pod(&mut world, |pod| pod.containers.push(new_container(running)));
    let member = Member::container(&uid(), "new");
    world.apply(&Delta::Born { id: id(NEW), parent: world.process(id(SH)).expect("busybox").parent, at: at(1_900) });
    world.apply(&Delta::Joined { id: id(NEW), member, at: at(1_900) });
    assert_eq!(step.poll(&world, SOON), None, "its links have not been read");
    world.apply(&new_facts(&world));
    let report = step.poll(&world, SOON).expect("it is seen").expect("it runs");
    assert_eq!(report.title, "new joined");
    assert_eq!(line(&report.links, NsKind::Mnt), &SharedWith::NoOther);
    assert_eq!(report.changes, [""; 0], "no other member's links have changed");
    let text = report.text();
    // the fixture has no facts of the node, so the user namespace counts as that of pause
    let links =
        "links    ipc net pid user uts shared with pause, busybox, nginx; cgroup mnt its own; time this machine's";
    for want in
        [links, "docker   docker run -d --name new ", "shell    nsenter ", "kubelet  ", "net      net:[4026532328]"]
    {
        assert!(text.contains(want), "{want} in\n{text}");
    }
}

#[test]
fn a_join_fails_if_the_container_cannot_run_or_waits_too_long() {
    let mut world = world(true);
    let step = pending(joining(), &world);
    let mut waits = |reason: &str, message: Option<&str>| {
        let state = ContainerState::waiting(reason.into(), message.map(str::to_owned));
        change_pod(&mut world, |pod| {
            pod.containers.retain(|c| c.name != "new");
            pod.containers.push(Container { process: None, ..new_container(state) });
        });
        (step.poll(&world, SOON), step.poll(&world, LATE))
    };
    let failed = Some(Err("new does not run: RunContainerError: exec: \"x\": not found".to_owned()));
    assert_eq!(waits("RunContainerError", Some("exec: \"x\": not found")).0, failed);
    let late = Some(Err("new is still PodInitializing".to_owned()));
    assert_eq!(waits("PodInitializing", None), (None, late));
}

#[test]
fn a_container_that_ends_at_once_has_joined() {
    let mut world = world(true);
    let step = pending(joining(), &world);
    let status = WaitStatus::exited(3);
    let ended = ContainerState::Terminated {
        status,
        reason: TerminatedReason::Error,
        message: None,
        started: None,
        at: at(2_000),
    };
    change_pod(&mut world, |pod| pod.containers.push(new_container(ended)));
    // this can be the state of the last run of a container that is created again
    assert_eq!(step.poll(&world, SOON), None);
    world.apply(&Delta::Exited { id: id(NEW), status: Some(status), at: at(2_000) });
    let report = step.poll(&world, SOON).expect("it has ended").expect("it ran");
    assert_eq!((report.links.len(), &report.changes[..]), (0, &["new has ended already: exit 3".to_owned()][..]));
}

#[test]
fn the_report_names_the_namespaces_that_are_empty_after_a_leave() {
    let mut world = world(false);
    let member = Member::container(&uid(), "busybox");
    let step = pending(Step::Leave { member: member.clone() }, &world);
    change_pod(&mut world, |pod| pod.containers.retain(|c| c.name != "busybox"));
    assert_eq!(step.poll(&world, SOON), None, "its processes are alive");
    let of_member: Vec<_> =
        world.pod_processes(&uid()).filter(|p| p.member.as_ref() == Some(&member)).map(|p| p.id).collect();
    for process in of_member {
        world.apply(&Delta::Exited { id: process, status: Some(WaitStatus::killed(15)), at: at(2_100) });
    }
    let report = step.poll(&world, SOON).expect("it is gone").expect("it left");
    let [left] = &report.changes[..] else { panic!("{:?}", report.changes) };
    assert!(left.starts_with("busybox has left; no other member was in "), "{left}");
    assert!(left.contains("mnt:[") && left.contains("pid:[") && !left.contains("net:["), "{left}");
}

#[test]
fn a_sandbox_is_complete_when_the_links_of_pause_are_seen() {
    let mut world = World::default();
    let step = pending(Step::Sandbox { name: "nginx-busybox".into() }, &world);
    assert_eq!(step.poll(&world, SOON), None);
    for delta in fixture::deltas(true) {
        world.apply(&delta);
    }
    // the fixture's pause has the machine's cgroup namespace, like a pause that is still being started
    assert_eq!(step.poll(&world, SOON), None);
    let mut namespaces = world.process(id(PAUSE)).expect("pause").namespaces;
    namespaces.set(NsId { kind: NsKind::Cgroup, dev: 4, ino: 4_026_539_100, generation: 0 });
    let pause = world.process(id(PAUSE)).expect("pause").clone();
    let facts = Facts {
        id: pause.id,
        parent: pause.parent,
        comm: pause.comm,
        cmdline: pause.cmdline,
        state: pause.state,
        uid: 1000,
        nspid: vec![PAUSE, 3, 1],
        threads: 1,
        rss_bytes: 4096,
        cpu: pause.cpu,
        waited_cpu: pause.waited_cpu,
        signals: pause.signals,
        namespaces,
    };
    world.apply(&Delta::Facts { facts: Box::new(facts), at: Stamp::prompt(MonoNs(2_000_000_000), Source::Scan) });
    let report = step.poll(&world, SOON).expect("it is seen").expect("it is up");
    assert_eq!(report.title, "Sandbox nginx-busybox created");
    // a step that never completes fails after a time
    let empty = World::default();
    let step = pending(Step::Sandbox { name: "x".into() }, &empty);
    assert!(step.poll(&empty, LATE).is_some_and(|how| how.is_err()));
}
