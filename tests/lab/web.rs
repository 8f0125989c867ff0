//! The preset, and the stand-in for nginx.

use podscope::lab::spec::{PodSpec, parse};
use podscope::model::Member;

use crate::support::{Bench, PATIENCE, children, kill, process, status_field, wait_for};

fn preset() -> PodSpec {
    let text = include_str!("../../assets/pods/nginx-busybox.yaml");
    parse("nginx-busybox.yaml", text).expect("a pod").remove(0).0
}

/// The host may have either.
const FETCH: &str = "wget -qO- http://localhost/ 2>/dev/null || curl -s http://localhost/";

fn workers(master: u32) -> Vec<u32> {
    let mut workers = children(master);
    workers.retain(|pid| status_field(*pid, "Name").as_deref() == Some("web: worker"));
    workers
}

#[test]
fn busybox_fetches_what_it_has_written_from_nginx() {
    let mut bench = Bench::new();
    let pod = bench.run(preset());
    let mut page = String::new();
    wait_for("the page", || {
        page = String::from_utf8_lossy(&bench.exec(&pod, "busybox", FETCH).stdout).into_owned();
        page.contains("hello pod")
    });
    assert_eq!(page, "hello pod\n");
    // by the pod's address too, and the log is shared
    let by_ip = FETCH.replace("localhost", &pod.ip.expect("an address").to_string());
    assert_eq!(bench.exec(&pod, "busybox", &by_ip).stdout, b"hello pod\n");
    let log = bench.exec(&pod, "busybox", "cat /log/access.log");
    let log = String::from_utf8_lossy(&log.stdout);
    assert!(log.lines().any(|l| l.starts_with("127.0.0.1 - - [") && l.contains("\"GET / HTTP/1.1\" 200 10")), "{log}");
    // and it sees nginx's processes
    let seen = bench.exec(&pod, "busybox", "cat /proc/[0-9]*/comm");
    let seen = String::from_utf8_lossy(&seen.stdout);
    for name in ["pause", "web: master", "web: worker"] {
        assert!(seen.lines().any(|l| l == name), "{name} in {seen}");
    }
}

#[test]
fn hup_replaces_the_workers_and_a_dead_one_is_replaced() {
    let mut bench = Bench::new();
    let pod = bench.run(preset());
    let master = process(&pod, "nginx");
    wait_for("two workers", || workers(master.pid).len() == 2);
    let old = workers(master.pid);
    kill(master, "HUP");
    wait_for("two others", || {
        let new = workers(master.pid);
        new.len() == 2 && new.iter().all(|pid| !old.contains(pid))
    });
    let victim = workers(master.pid)[0];
    let victim = podscope::model::ProcId { pid: victim, start: crate::support::start_time(victim).expect("alive") };
    kill(victim, "KILL");
    wait_for("a new one in its place", || {
        let new = workers(master.pid);
        new.len() == 2 && !new.contains(&victim.pid)
    });
    wait_for("it still serves", || bench.exec(&pod, "busybox", FETCH).stdout == b"hello pod\n");
    kill(master, "QUIT");
    assert!(bench.exit_status(master).success());
}

#[test]
fn the_client_says_what_it_gets() {
    let text = include_str!("../../assets/pods/private-pid.yaml");
    let mut bench = Bench::new();
    let pod = bench.run(parse("private-pid.yaml", text).expect("a pod").remove(0).0);
    // nobody has put a page there: the stand-in's own
    wait_for("an answer", || {
        let log = bench.lab.logs(&Member::container(&pod.uid, "client")).expect("a log");
        String::from_utf8_lossy(&log).contains("GET http://localhost/: 200 OK")
    });
    let _ = PATIENCE;
}
