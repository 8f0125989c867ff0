//! Host ports of pods, and several pods with the same port.

use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, TcpListener, TcpStream};

use podscope::lab::spec::{ContainerSpec, Port, RestartPolicy};
use podscope::model::{ContainerState, EventReason, Pod};
use podscope::wording::ending::pod_message;

use crate::support::{Bench, children, container, exists, kill, ns, pause, process, spec, status_field, wait_for};

/// A free port of the host's loopback.
fn free_port() -> u16 {
    let socket = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port");
    socket.local_addr().expect("an address").port()
}

fn get(port: u16, path: &str) -> std::io::Result<String> {
    let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port))?;
    stream.write_all(format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").as_bytes())?;
    let mut text = String::new();
    stream.read_to_string(&mut text)?;
    Ok(text)
}

fn web(name: &str, host: Option<u16>, page: &str) -> ContainerSpec {
    ContainerSpec {
        name: name.to_owned(),
        image: "busybox".to_owned(),
        command: vec!["sh".to_owned(), "-c".to_owned(), format!("echo {page} > /tmp/page; sleep 1000")],
        ports: vec![Port { container: 80, host, name: None, protocol: "TCP".to_owned() }],
        ..ContainerSpec::default()
    }
}

fn running(pod: &Pod) -> bool {
    pod.containers.iter().all(|c| matches!(c.state, ContainerState::Running { .. }))
}

/// The blog of the articles: nginx on port 80 in front of ghost on the pod's loopback, published on the host.
fn blog(port: u16) -> podscope::lab::PodSpec {
    let nginx = ContainerSpec {
        name: "nginx".to_owned(),
        image: "nginx".to_owned(),
        args: ["--proxy", "http://127.0.0.1:2368"].map(str::to_owned).to_vec(),
        ports: vec![Port { container: 80, host: Some(port), name: None, protocol: "TCP".to_owned() }],
        ..ContainerSpec::default()
    };
    let ghost = ContainerSpec { name: "ghost".to_owned(), image: "ghost".to_owned(), ..ContainerSpec::default() };
    let mut spec = spec("ghost-blog", true, vec![nginx, ghost]);
    spec.restart = RestartPolicy::Always;
    spec
}

#[test]
fn the_blog_is_served_through_nginx_before_and_after_pause_is_killed() {
    let mut bench = Bench::new();
    let port = free_port();
    let pod = bench.run(blog(port));
    let page = |what: &str| {
        wait_for(what, || get(port, "/").is_ok_and(|page| page.starts_with("HTTP/1.1 200") && page.contains("Ghost")));
    };
    page("the blog");
    // a process of the node accepts the connections: it is in the process tree, but in no pod
    let publisher = |bench: &Bench| {
        let name = format!("port {port}");
        children(bench.lab.node().pid).into_iter().find(|pid| status_field(*pid, "Name").as_deref() == Some(&name))
    };
    let first = publisher(&bench).expect("the publisher");
    // it cannot be inspected by a pod, and so not by its user either
    match std::fs::metadata(format!("/proc/{first}/ns/net")) {
        Ok(link) => {
            let net = std::os::unix::fs::MetadataExt::ino(&link);
            assert!(net != ns(pause(&pod).pid, "net") && net != ns(std::process::id(), "net"));
        }
        Err(e) => {
            assert!(!nix::unistd::geteuid().is_root());
            assert_eq!(e.kind(), std::io::ErrorKind::PermissionDenied);
        }
    }
    assert_eq!(status_field(first, "CapEff").as_deref(), Some("0000000000000000"));
    // ghost itself listens only on the pod's loopback
    let ip = pod.ip.expect("an address");
    let outside = bench.exec(&pod, "nginx", &format!("wget -qO- -T1 http://{ip}:2368 || echo refused"));
    assert!(String::from_utf8_lossy(&outside.stdout).contains("refused"), "{outside:?}");

    kill(pause(&pod), "KILL");
    let again = bench.pod_until(&pod.uid, "a new sandbox", |p| {
        p.sandbox.as_ref().is_some_and(|s| s.attempt == Some(1)) && running(p)
    });
    assert_ne!(again.ip, pod.ip);
    page("the same page at the same place");
    assert_ne!(publisher(&bench), Some(first));

    // when the publisher itself is killed, another one is started
    let second = publisher(&bench).expect("the publisher");
    let id = podscope::model::ProcId { pid: second, start: crate::support::start_time(second).expect("alive") };
    kill(id, "KILL");
    wait_for("another publisher", || publisher(&bench).is_some_and(|pid| pid != second));
    page("the page once more");
    assert!(exists(process(&again, "nginx")));

    bench.lab.delete_within(&pod.uid, Some(std::time::Duration::ZERO)).expect("deleted");
    bench.wait_removed(&pod.uid);
    wait_for("the port is free", || TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok());
}

#[test]
fn a_taken_host_port_is_reported_and_tried_again() {
    let mut bench = Bench::new();
    let taken = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port");
    let port = taken.local_addr().expect("an address").port();
    let mut pod = blog(port);
    pod.containers.truncate(1);
    let uid = bench.lab.run(pod).expect("accepted");
    let waits = bench.pod_until(&uid, "the conflict", |p| p.status() == "FailedCreatePodSandBox");
    let message = pod_message(&waits).expect("a message");
    assert!(message.contains(&format!("host port 127.0.0.1:{port}: address already in use")), "{message}");
    drop(taken);
    bench.pod_until(&uid, "it runs", running);
}

/// The ports of presets may move, since their exact number does not matter.
#[test]
fn a_taken_host_port_that_may_move_gets_another_port_and_keeps_it() {
    let mut bench = Bench::new();
    let taken = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port");
    let asked = taken.local_addr().expect("an address").port();
    let mut spec = blog(asked);
    spec.ports_may_move = true;
    let pod = bench.run(spec);
    let (port, inside) = pod.host_ports[0];
    assert!(port != asked && inside == 80);
    let page = |port: u16| {
        wait_for("the blog", || get(port, "/").is_ok_and(|page| page.contains("Ghost")));
    };
    page(port);
    let message = format!("Host port {asked} is taken: 127.0.0.1:{port} leads to port 80 in its place");
    let moved = |bench: &Bench| -> Vec<String> {
        bench.events().iter().filter(|e| e.reason == EventReason::HostPortMoved).map(|e| e.message.clone()).collect()
    };
    assert_eq!(moved(&bench), [message]);
    // it keeps the new port with the next sandbox, though the original one is free by then
    drop(taken);
    kill(pause(&pod), "KILL");
    let again = bench.pod_until(&pod.uid, "a new sandbox", |p| {
        p.sandbox.as_ref().is_some_and(|s| s.attempt == Some(1)) && running(p)
    });
    assert_eq!(again.host_ports, [(port, 80)]);
    page(port);
    assert_eq!(moved(&bench).len(), 1);
}

#[test]
fn two_pods_listen_on_the_same_port() {
    let mut bench = Bench::new();
    let server = |name: &str| ContainerSpec {
        name: name.to_owned(),
        image: "nginx".to_owned(),
        args: ["--root", "/tmp"].map(str::to_owned).to_vec(),
        ..ContainerSpec::default()
    };
    let one = bench.run(spec("one", false, vec![server("web"), web("side", None, "one")]));
    let two = bench.run(spec("two", false, vec![server("web"), web("side", None, "two")]));
    let (a, b) = (one.ip.expect("an address"), two.ip.expect("an address"));
    assert_ne!(a, b);
    // each reaches its own server by localhost and the other one by its address: same port, two networks
    for (pod, other) in [(&one, b), (&two, a)] {
        let seen = bench.exec(
            pod,
            "side",
            &format!("for h in localhost {other}; do wget -qSO- http://$h/ 2>&1 | grep -c HTTP; done"),
        );
        assert_eq!(String::from_utf8_lossy(&seen.stdout), "1\n1\n", "{seen:?}");
    }
}

#[test]
fn a_pod_on_the_nodes_network_has_the_nodes_address() {
    let mut bench = Bench::new();
    let mut on_node = spec("on-node", false, vec![container("a", "sleep 1000")]);
    on_node.host.net = true;
    on_node.share.net = true;
    let pod = bench.run(on_node);
    let node = bench.lab.node().pid;
    assert_eq!(ns(process(&pod, "a").pid, "net"), ns(node, "net"));
    assert_eq!(ns(pause(&pod).pid, "uts"), ns(node, "uts"));
    assert_ne!(ns(node, "net"), ns(std::process::id(), "net"), "never the host's own");
    assert_eq!(pod.ip.map(|ip| ip.to_string()).as_deref(), Some("10.244.0.1"));
    let text = bench.exec(&pod, "a", "hostname; ls /sys/class/net");
    let text = String::from_utf8_lossy(&text.stdout).into_owned();
    assert!(text.contains("podscope-node") && text.contains("cni0"), "{text}");
    bench.lab.delete_within(&pod.uid, Some(std::time::Duration::ZERO)).expect("deleted");
    bench.wait_removed(&pod.uid);
    // its end does not free the node's address
    let next = bench.run(spec("next", false, vec![container("a", "sleep 1000")]));
    assert_eq!(next.ip.map(|ip| ip.to_string()).as_deref(), Some("10.244.0.2"));
}
