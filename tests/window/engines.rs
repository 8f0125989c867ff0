//! The pod of a real docker in the window.

use std::path::Path;

use crate::desktop::Desktop;
use crate::docker_daemon::Docker;
use crate::kernel::{Id, wait_for};

#[test]
fn a_pod_of_docker_is_shown_and_its_pause_is_killed_only_after_a_question() {
    let docker = match Docker::start() {
        Ok(docker) => docker,
        Err(why) => return eprintln!("skipped: {why}"),
    };
    docker.make_images();
    let pause = format!("docker run --detach --name pause --network none --ipc shareable {PAUSE}");
    docker.run(&pause);
    for name in ["nginx", "ghost"] {
        let join = "--net=container:pause --ipc=container:pause --pid=container:pause";
        docker.run(&format!("docker run --detach --name {name} {join} busybox sleep 1000"));
    }
    let of = |name: &str| {
        let pid = docker.run(&format!("docker inspect --format {{{{.State.Pid}}}} {name}")).parse().expect("a pid");
        Id::of(pid).expect("it runs")
    };
    let (pause, members) = (of("pause"), [of("nginx"), of("ghost")]);

    let mut desktop = Desktop::start();
    let host = format!("unix://{}", docker.dir.path().join("sock").display());
    desktop.open_with(&[], &[("DOCKER_HOST", &host)]);
    // the list is named by the container that holds the namespaces; the columns by the containers
    desktop.click("Pod pause");
    for member in &members {
        desktop.wait_shown(&format!("host pid {}", member.pid));
    }
    desktop.click(&format!("pause, PID 1 of the pod, host pid {}", pause.pid));
    desktop.wait_shown("If you send KILL");
    // `make screenshots`
    if let Some(dir) = std::env::var_os("PODSCOPE_PICTURES") {
        desktop.save_picture(&Path::new(&dir).join("docker-dark.png"));
    }
    desktop.click("KILL");
    // nothing is sent before the answer
    desktop.wait_shown("pause of pause in pod pause of docker");
    assert!(pause.runs() && members.iter().all(Id::runs));
    desktop.click("Send SIGKILL");
    wait_for("the kernel ends the pod", || (!pause.exists() && members.iter().all(|m| !m.exists())).then_some(()));
    desktop.wait_shown("2 of the 2 predicted ended with it");
    wait_for("the pod is no longer listed", || (!desktop.shows("Pod pause")).then_some(()));
}

const PAUSE: &str = podscope::lab::controller::PAUSE_IMAGE;
