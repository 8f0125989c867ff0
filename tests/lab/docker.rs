//! Compares the articles' `docker run` lines with the same steps in the lab: which namespaces are shared, what `ps`
//! shows inside, and which processes die together. The lines are the ones that the window shows as equivalent. They are
//! run unchanged.

use std::collections::BTreeSet;

use podscope::lab::PodSpec;
use podscope::lab::spec::{ContainerSpec, Join};
use podscope::model::{ContainerKind, ContainerState, EventReason, PodReason, PodUid, ProcId, WaitStatus};
use podscope::steps::{Step, equivalents};

use crate::docker_daemon::Docker;
use crate::support::{Bench, ns, pause, process, shared_kinds, start_time, wait_for};

impl Docker {
    /// The first process of a container.
    fn process(&self, name: &str) -> ProcId {
        let pid = self.run(&format!("docker inspect --format {{{{.State.Pid}}}} {name}")).parse().expect("a pid");
        ProcId { pid, start: start_time(pid).expect("it runs") }
    }

    /// Whether a container runs, and its exit code.
    fn state(&self, name: &str) -> String {
        self.run(&format!("docker inspect --format '{{{{.State.Running}}}} {{{{.State.ExitCode}}}}' {name}"))
    }
}

/// The command lines, without that of `ps` itself. Pids are left out: they differ, since a runtime forks more than the
/// lab does.
fn commands(ps: &str) -> BTreeSet<String> {
    let of = |line: &str| line.split_whitespace().skip(2).collect::<Vec<_>>().join(" ");
    ps.lines().skip(1).map(of).filter(|c| !c.starts_with("ps") && !c.starts_with("sh -c")).collect()
}

#[test]
fn the_articles_docker_run_lines_give_the_same_result_as_the_steps() {
    let docker = match Docker::start() {
        Ok(docker) => docker,
        Err(why) => return eprintln!("skipped: {why}"),
    };
    docker.make_images();
    let mut bench = Bench::new();
    let uid = bench.lab.sandbox("web").expect("a sandbox");
    let mut pod = bench.pod_until(&uid, "a sandbox", |p| p.sandbox.is_some());
    let mut spec = PodSpec::sandbox("web").expect("a name");
    docker.run(&equivalents(&Step::Sandbox { name: "web".to_owned() }, &spec).docker);
    let theirs_pause = docker.process("pause");

    for (name, join) in [("all", "net,ipc,pid"), ("network", "net"), ("apart", "none")] {
        let container = ContainerSpec {
            name: name.to_owned(),
            image: "busybox".to_owned(),
            command: vec!["sleep".to_owned(), "1000".to_owned()],
            join: Join::parse(join),
            ..ContainerSpec::default()
        };
        let step = Step::Join { pod: PodUid(String::new()), container: Box::new(container.clone()), ephemeral: false };
        docker.run(&equivalents(&step, &spec).docker);
        bench.lab.add_container(&uid, container.clone()).expect("it is accepted");
        pod = bench.pod_until(&uid, name, |p| {
            p.container(name).is_some_and(|c| matches!(c.state, ContainerState::Running { .. }))
        });
        // the lab's pod has a user namespace and docker's processes are in the host's, but both share it with pause;
        // docker creates no cgroup namespaces where cgroups have version 1
        let mut theirs = shared_kinds(docker.process(name).pid, theirs_pause.pid);
        let ours = shared_kinds(process(&pod, name).pid, pause(&pod).pid);
        theirs.retain(|kind| *kind != "cgroup");
        assert_eq!(ours, theirs, "{name} joined {join}");
        spec = spec.with_container(container, ContainerKind::App);
    }

    let inside = |name: &str| {
        let theirs = docker.run(&format!("docker exec {name} ps -o pid,user,args"));
        (commands(&bench.run_script(&pod, name, "ps -o pid,user,args")), commands(&theirs))
    };
    let (ours, theirs) = inside("all");
    assert_eq!(ours, BTreeSet::from(["/pause".to_owned(), "sleep 1000".to_owned()]));
    assert_eq!(ours, theirs, "from inside the shared pid namespace");
    let (ours, theirs) = inside("network");
    assert_eq!(ours, BTreeSet::from(["sleep 1000".to_owned()]));
    assert_eq!(ours, theirs, "from inside its own");

    // when a member dies, no other one does
    let (theirs, ours) = (docker.process("apart"), process(&pod, "apart"));
    crate::support::kill(theirs, "KILL");
    crate::support::kill(ours, "KILL");
    assert_eq!(bench.exit_status(ours), WaitStatus::killed(9));
    wait_for("docker notices", || docker.state("apart") == "false 137");
    assert_eq!([docker.state("all"), docker.state("network")], ["true 0", "true 0"]);

    // when pause dies, the kernel kills the members of its pid namespace, and no others
    let (all, net) = (process(&pod, "all"), ns(theirs_pause.pid, "net"));
    crate::support::kill(theirs_pause, "KILL");
    crate::support::kill(pause(&pod), "KILL");
    assert_eq!(bench.exit_status(all), WaitStatus::killed(9));
    wait_for("docker notices", || docker.state("all") == "false 137");
    assert_eq!(docker.state("network"), "true 0", "its pid namespace is its own");
    assert_eq!(ns(docker.process("network").pid, "net"), net, "it holds pause's network");
    // docker does nothing more; the lab continues as a kubelet does: the pod gets a new sandbox, so the other member is
    // stopped as well
    let killing = |bench: &Bench, name: &str| {
        let message = format!("Stopping container {name}");
        bench.events().iter().any(|e| e.reason == EventReason::Killing && e.message == message)
    };
    bench.pod_until(&uid, "a changed sandbox", |p| p.reason == Some(PodReason::SandboxChanged));
    assert!(killing(&bench, "network") && !killing(&bench, "all"), "{:?}", bench.events());
}
