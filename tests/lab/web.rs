//! The default preset, and the stand-in for nginx.

use podscope::lab::spec::{PodSpec, parse};
use podscope::model::Member;

use crate::support::{Bench, children, kill, process, users, wait_for};

fn preset() -> PodSpec {
    let text = include_str!("../../assets/pods/nginx-busybox.yaml");
    parse("nginx-busybox.yaml", text).expect("a pod").remove(0).0
}

/// Fetches a page with whichever program the host has.
const FETCH: &str = "wget -qO- http://localhost/ 2>/dev/null || curl -s http://localhost/";

fn cmdline(pid: u32) -> Vec<String> {
    let line = std::fs::read_to_string(format!("/proc/{pid}/cmdline")).unwrap_or_default();
    line.split_terminator('\0').map(str::to_owned).collect()
}

fn workers(master: u32) -> Vec<u32> {
    let mut workers = children(master);
    workers.retain(|pid| cmdline(*pid) == ["nginx: worker process"]);
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
    // the page is also served on the pod's address, and the log is in a shared volume
    let by_ip = FETCH.replace("localhost", &pod.ip.expect("an address").to_string());
    assert_eq!(bench.exec(&pod, "busybox", &by_ip).stdout, b"hello pod\n");
    let log = bench.exec(&pod, "busybox", "cat /log/access.log");
    let log = String::from_utf8_lossy(&log.stdout);
    assert!(log.lines().any(|l| l.starts_with("127.0.0.1 - - [") && l.contains("\"GET / HTTP/1.1\" 200 10")), "{log}");
    // busybox sees nginx's processes
    let seen = bench.exec(&pod, "busybox", "for p in /proc/[0-9]*; do tr '\\0' '|' < $p/cmdline; echo; done");
    let seen = String::from_utf8_lossy(&seen.stdout);
    for line in ["/pause|", "nginx: master process nginx -g daemon off;|", "nginx: worker process|"] {
        assert!(seen.lines().any(|l| l == line), "{line} in {seen}");
    }
    let names = bench.exec(&pod, "busybox", "cat /proc/[0-9]*/comm");
    assert_eq!(String::from_utf8_lossy(&names.stdout).lines().filter(|l| *l == "nginx").count(), 3);
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
fn the_client_prints_what_it_gets() {
    let text = include_str!("../../assets/pods/private-pid.yaml");
    let mut bench = Bench::new();
    let pod = bench.run(parse("private-pid.yaml", text).expect("a pod").remove(0).0);
    // there is no index.html, so the stand-in serves its own page
    wait_for("an answer", || {
        let log = bench.lab.logs(&Member::container(&pod.uid, "client")).expect("a log");
        String::from_utf8_lossy(&log).contains("GET http://localhost/: 200 OK")
    });
}

#[test]
fn workers_have_the_user_of_nginxs_image_where_it_is_mapped() {
    let mut bench = Bench::new();
    let pod = bench.run(preset());
    let master = process(&pod, "nginx");
    wait_for("two workers", || workers(master.pid).len() == 2);
    let many = users(master.pid) > 101;
    let users = bench.exec(&pod, "busybox", "grep -h ^Uid: $(grep -l ^nginx$ /proc/[0-9]*/comm | sed s/comm/status/)");
    let users = String::from_utf8_lossy(&users.stdout).into_owned();
    let with = |id: u32| users.lines().filter(|l| **l == format!("Uid:\t{id}\t{id}\t{id}\t{id}")).count();
    assert_eq!((with(0), with(101)), if many { (1, 2) } else { (3, 0) }, "{users}");
    wait_for("a log", || bench.exec(&pod, "busybox", "test -e /log/access.log").status.success());
    // they write to the log that the master has created for them, also after it was renamed
    let moved = bench.exec(&pod, "busybox", "mv /log/access.log /log/old && kill -USR1 $(grep -l '[n]ginx: master' /proc/[0-9]*/cmdline | cut -d/ -f3 | head -1)");
    assert!(moved.status.success(), "{moved:?}");
    wait_for("a line in the new log", || {
        bench.exec(&pod, "busybox", FETCH);
        !bench.exec(&pod, "busybox", "cat /log/access.log").stdout.is_empty()
    });
}

#[test]
fn ghosts_stand_in_is_shown_as_ghost() {
    let mut bench = Bench::new();
    let text = "apiVersion: v1\nkind: Pod\nmetadata: {name: blog}\nspec: {containers: [{name: ghost, image: ghost}]}";
    let pod = bench.run(parse("blog.yaml", text).expect("a pod").remove(0).0);
    wait_for("its command line", || cmdline(process(&pod, "ghost").pid) == ["node current/index.js"]);
}
