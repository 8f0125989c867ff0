//! What real engines run is found and named. What is expected comes from the engines' own clients.

use std::process::{Command, Stdio};
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use podscope::engines::{Known, Note, Options, Protocol, Socket, unlisted};
use podscope::model::Runtime;

use crate::containerd::{Containerd, uid};
use crate::docker_daemon::Docker;
use crate::podman::Podman;
use crate::support::{Asked, PATIENCE, engine, names, pids, pod_of, pods_now, run, wait_within};

fn options(sockets: Vec<Socket>) -> Options {
    Options { sockets, deadline: PATIENCE, gap: Duration::from_millis(50), ..Options::default() }
}

/// Says why an engine is not there.
fn available<T>(engine: Result<T, String>) -> Option<T> {
    engine.map_err(|why| eprintln!("skipped: {why}")).ok()
}

#[test]
fn dockers_groups_are_pods_also_while_the_daemon_hangs() {
    let Some(docker) = available(Docker::start()) else { return };
    docker.make_images();
    let path = docker.dir.path().join("sock");
    let mut asked = Asked::start(options(vec![engine(Protocol::Docker, &path)]));
    asked.until("an answer", |this| !this.reports.is_empty());
    assert_eq!(asked.reports[0].answer, Ok(Vec::new()), "it has no containers yet");
    let start = |line: &str| docker.run(&format!("docker run --detach {line}"));
    let pause = start(&format!("--name pause --net=none --ipc=shareable {}", podscope::lab::controller::PAUSE_IMAGE));
    let app = start("--name app --net=container:pause --ipc=container:pause --pid=container:pause busybox sleep 1000");
    let side = start("--name side --net=container:pause busybox sh -c 'sleep 1000 & exec sleep 1001'");
    let alone = start("--name alone --net=none busybox sleep 1000");
    // names come by events: nobody asks
    let names_of = |this: &Asked| this.known.current().filter(|c| c.status.is_alive()).count();
    asked.until("four names", |this| names_of(this) == 4);
    wait_within(PATIENCE, "side runs both", || pids(pod_of(&pods_now(&asked.known), &side), &side).len() == 2);
    let pods = pods_now(&asked.known);
    let pod = pod_of(&pods, &app);
    assert_eq!((names(pod), pod.runtime), ("pause: pause + app, side".to_owned(), Runtime::Docker));
    assert_eq!((pod.id.as_str(), pod_of(&pods, &pause)), (pause.as_str(), pod));
    assert_eq!(names(pod_of(&pods, &alone)), "alone: none + alone");
    let pid = |name: &str| -> u32 {
        docker.run(&format!("docker inspect --format {{{{.State.Pid}}}} {name}")).parse().expect("a pid")
    };
    assert_eq!(pids(pod, &app), [pid("app")]);
    assert_eq!(pids(pod, &side)[0], pid("side"));
    // without docker's answer the same processes are in the same containers
    let unnamed = pods_now(&Known::default());
    let unnamed = pod_of(&unnamed, &app);
    assert_eq!(names(unnamed), "?: ? + ?, ?");
    assert_eq!((unnamed.runtime, &unnamed.id, pids(unnamed, &side)), (pod.runtime, &pod.id, pids(pod, &side)));
    // the same while the daemon does not answer
    let daemon = std::fs::read_to_string(docker.dir.path().join("pid")).expect("a file");
    let daemon = Pid::from_raw(daemon.trim().parse().expect("a pid"));
    kill(daemon, Signal::SIGSTOP).expect("it runs");
    let hung = Options { deadline: Duration::from_millis(200), ..options(vec![engine(Protocol::Docker, &path)]) };
    let answer = Asked::start(hung).first();
    let pods = pods_now(&asked.known);
    kill(daemon, Signal::SIGCONT).expect("it is there");
    assert_eq!(answer, Err(Note::TimedOut));
    assert_eq!(names(pod_of(&pods, &app)), "pause: pause + app, side");
}

#[test]
fn podmans_pods_are_found_with_and_without_cgroups() {
    let Some(podman) = available(Podman::start()) else { return };
    let path = podman.dir.path().join("sock");
    let podman_run = |line: &str| podman.run(line);
    // what this machine cannot do is no error of ours
    let pod = match podman_run("pod create --name web --network none --share net,ipc,pid") {
        Ok(pod) => pod,
        Err(why) => return eprintln!("skipped: {why}"),
    };
    // its `sleep 1002` loses its parent and is adopted by the pod's first process
    let script = "(sleep 1002 &); exec sleep 1001";
    let mut orphaning = vec!["run", "--detach", "--pod", "web", "--name", "orphaning", "localhost/busybox", "sh", "-c"];
    orphaning.push(script);
    let orphaning = match podman.words(&orphaning) {
        Ok(id) => id,
        Err(why) => return eprintln!("skipped: {why}"),
    };
    let app = podman_run("run --detach --pod web --name app localhost/busybox sleep 1000").expect("as the first");
    let alone =
        podman_run("run --detach --network none --name alone localhost/busybox sleep 1000").expect("as the first");
    let mut asked = Asked::start(options(vec![engine(Protocol::Docker, &path)]));
    asked.until("four names", |this| this.known.current().filter(|c| c.status.is_alive()).count() == 4);
    for known in [asked.known.clone(), Known::default()] {
        let both = || pids(pod_of(&pods_now(&known), &orphaning), &orphaning).len() == 2;
        wait_within(PATIENCE, "the orphan is in its container", both);
        let pods = pods_now(&known);
        let found = pod_of(&pods, &app);
        assert_eq!(found, pod_of(&pods, &orphaning));
        assert_eq!(found.runtime, Runtime::Podman);
        assert_eq!(pids(found, &app), [podman.pid("app")]);
        assert_eq!(pids(found, &orphaning)[0], podman.pid("orphaning"));
        assert!(found.sandbox.as_ref().is_some_and(|sandbox| sandbox.processes.len() == 1), "{found:#?}");
        // conmon's arguments tell these names too
        assert_eq!(found.containers.len(), 2);
        assert_eq!(names(pod_of(&pods, &alone)), "alone: none + alone");
        // an ordinary user's podman keeps its namespaces by the same program on the host
        let keeper = podman.keeper();
        let members = pods.iter().flat_map(|pod| pod.members().flat_map(|c| &c.processes));
        assert!(members.into_iter().all(|id| Some(id.pid) != keeper), "{pods:#?}");
    }
    let pods = pods_now(&asked.known);
    let found = pod_of(&pods, &app);
    assert_eq!((found.id.as_str(), found.name.as_deref()), (pod.as_str(), Some("web")));
    podman_run("rm --force --time 0 alone").expect("removed");
    asked.until("an event of the removal", |this| this.known.container(&alone).is_none());
}

#[test]
fn pods_of_cri_have_their_kubernetes_names() {
    let Some(mut containerd) = available(Containerd::start()) else { return };
    let path = containerd.dir.path().join("sock");
    let mut asked = Asked::start(options(vec![engine(Protocol::Cri, &path)]));
    asked.until("an answer", |this| !this.reports.is_empty());
    assert_eq!(asked.reports[0].answer, Ok(Vec::new()), "it has no pods yet");
    let (uid, other) = (uid(), uid());
    let (sandbox, app) = containerd.pod("web", &uid, "app").expect("a pod");
    let (_, second) = containerd.pod("db", &other, "app").expect("a pod");
    let pods = pods_now(&asked.known);
    let found = pod_of(&pods, &app);
    assert_eq!((found.runtime, found.uid.as_deref(), found.name.as_deref()), (Runtime::Containerd, Some(&*uid), None));
    assert_eq!(found.sandbox.as_ref().map(|s| &s.id), Some(&sandbox));
    // this containerd has no events, so what is new to it is a reason to ask
    assert!(unlisted(&pods, &asked.known).contains(app.as_str()));
    asked.engines.ask_again();
    asked.until("the names", |this| this.known.container(&second).is_some());
    let pods = pods_now(&asked.known);
    let found = pod_of(&pods, &app);
    assert_eq!((found.name.as_deref(), found.namespace.as_deref()), (Some("web"), Some("prod")));
    assert_eq!((names(found), found.uid.as_deref()), ("web: ? + app".to_owned(), Some(&*uid)));
    assert_eq!(pids(found, &app), [containerd.pid(&app)]);
    assert_eq!(pids(found, &sandbox), [containerd.pid(&sandbox)]);
    assert_eq!(found.containers[0].image.as_deref(), Some("docker.io/library/busybox:1"));
    assert_eq!(names(pod_of(&pods, &second)), "db: ? + app");
    assert!(!unlisted(&pods, &asked.known).contains(app.as_str()));
}

#[test]
fn all_engines_at_once_are_told_apart() {
    let docker = available(Docker::start());
    let podman = available(Podman::start());
    let mut containerd = available(Containerd::start());
    let mut sockets = Vec::new();
    let mut want = Vec::new();
    if let Some(docker) = &docker {
        docker.make_images();
        let id = docker.run("docker run --detach --name same --net=none busybox sleep 1000");
        sockets.push(engine(Protocol::Docker, &docker.dir.path().join("sock")));
        want.push((id, Runtime::Docker, "same: none + same"));
    }
    if let Some(podman) = &podman
        && let Some(id) = available(podman.run("run --detach --name same --network none localhost/busybox sleep 1000"))
    {
        sockets.push(engine(Protocol::Docker, &podman.dir.path().join("sock")));
        want.push((id, Runtime::Podman, "same: none + same"));
    }
    if let Some(containerd) = &mut containerd {
        let (_, id) = containerd.pod("same", &uid(), "same").expect("a pod");
        sockets.push(engine(Protocol::Cri, &containerd.dir.path().join("sock")));
        want.push((id, Runtime::Containerd, "same: ? + same"));
    }
    let mut asked = Asked::start(options(sockets));
    asked.until("all names", |this| want.iter().all(|(id, ..)| this.known.container(id).is_some()));
    let pods = pods_now(&asked.known);
    for (id, runtime, text) in want {
        let pod = pod_of(&pods, &id);
        assert_eq!((pod.runtime, &*names(pod)), (runtime, text));
    }
}

#[test]
fn a_pod_made_by_hand_is_found() {
    let dir = tempfile::tempdir().expect("a directory");
    let pause = dir.path().join("pause");
    let bytes = dir.path().join("bytes");
    std::fs::write(&bytes, pause_init::ELF).expect("written");
    // a file that this process has open for writing cannot be executed, and a fork elsewhere would keep it open
    run(Command::new("install").arg("-m755").args([&bytes, &pause])).expect("copied");
    // the shell stays in the host's pid namespace, and ends when its input does
    let script = "\"$0\" & pause=$!; sleep 1000 & echo $!; read -r _; kill -KILL $pause $!; wait";
    let mut command = Command::new("unshare");
    if !nix::unistd::geteuid().is_root() {
        command.args(["--user", "--map-root-user"]);
    }
    command.args(["--net", "--ipc", "sh", "-c", script]).arg(&pause);
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("unshare");
    let mut line = String::new();
    let output = child.stdout.take().expect("a pipe");
    std::io::BufRead::read_line(&mut std::io::BufReader::new(output), &mut line).expect("a line");
    let Ok(sleep) = line.trim().parse::<u32>() else {
        drop(child.stdin.take());
        let _ = child.wait();
        return eprintln!("skipped: unshare is not permitted");
    };
    let mut found = None;
    wait_within(PATIENCE, "the pod", || {
        let has = |pids: &[podscope::model::ProcId]| pids.iter().any(|id| id.pid == sleep);
        let pods = pods_now(&Known::default());
        found = pods.into_iter().find(|pod| pod.containers.iter().any(|c| has(&c.processes)));
        found.is_some()
    });
    let found = found.expect("a pod");
    drop(child.stdin.take());
    child.wait().expect("a child");
    assert_eq!((found.runtime, found.name), (Runtime::Unknown, None));
    assert!(found.id.starts_with("net:["), "{}", found.id);
    let sandbox = found.sandbox.expect("its pause");
    assert!(sandbox.processes.len() == 1 && found.containers.len() == 1);
}
