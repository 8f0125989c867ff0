//! Things that a container must not be able to do.

use std::fs;
use std::os::linux::net::SocketAddrExt as _;
use std::os::unix::net::{SocketAddr, UnixListener};

use podscope::lab::spec::{PodSpec, RestartPolicy};
use podscope::model::Pod;

use crate::support::{Bench, container, exists, mount, process, spec, with_volume};

fn pod(bench: &mut Bench) -> Pod {
    bench.run(spec("caged", true, vec![container("a", "sleep 1000")]))
}

fn run_script(bench: &Bench, pod: &Pod, script: &str) -> String {
    let out = bench.exec(pod, "a", script);
    let (stdout, stderr) = (String::from_utf8_lossy(&out.stdout), String::from_utf8_lossy(&out.stderr));
    format!("{stdout}{stderr}")
}

#[test]
fn a_container_cannot_write_files_of_the_host() {
    let mut bench = Bench::new();
    let dir = tempfile::tempdir_in("/var/lib").or_else(|_| tempfile::tempdir()).expect("a directory");
    fs::set_permissions(dir.path(), std::os::unix::fs::PermissionsExt::from_mode(0o777)).expect("open to all");
    let path = dir.path().display().to_string();
    let mut spec = spec("caged", true, vec![container("a", "sleep 1000")]);
    spec.containers[0].mounts = vec![mount("host", "/mnt/host")];
    let pod = bench.run(with_volume(spec, "host", crate::support::host_path(path.clone())));
    for target in [
        "/etc/podscope-was-here",
        "/usr/podscope-was-here",
        "/podscope-was-here",
        "/mnt/host/was-here",
        "/proc/sys/kernel/hostname",
    ] {
        let said = run_script(&bench, &pod, &format!("echo x > {target} && echo WRITTEN"));
        assert!(!said.contains("WRITTEN"), "{target}: {said}");
    }
    // it cannot make read-only mounts writable again, or mount something else
    for attempt in
        ["mount -o remount,rw /", "mount -o remount,bind,rw /mnt/host", "mount -t tmpfs none /etc", "umount /etc/hosts"]
    {
        let said = run_script(&bench, &pod, &format!("{attempt} && echo DONE"));
        assert!(!said.contains("DONE"), "{attempt}: {said}");
    }
    assert_eq!(fs::read_dir(&path).expect("the directory").count(), 0);
}

#[test]
fn a_container_cannot_reach_an_abstract_socket_of_the_host() {
    let mut bench = Bench::new();
    let pod = pod(&mut bench);
    let name = format!("podscope-test-{}", std::process::id());
    let address = SocketAddr::from_abstract_name(&name).expect("a name");
    let listener = UnixListener::bind_addr(&address).expect("an abstract socket");
    listener.set_nonblocking(true).expect("set");
    let script = format!(
        "perl -MSocket -e 'socket(S, AF_UNIX, SOCK_STREAM, 0); print connect(S, sockaddr_un(\"\\0{name}\")) ? \"IN\" : \"$!\"'"
    );
    assert_eq!(run_script(&bench, &pod, &script), "Connection refused");
    assert!(listener.accept().is_err(), "a pod connected");
}

#[test]
fn a_container_sees_and_signals_only_its_own_pod() {
    let mut bench = Bench::new();
    // with restartPolicy Always: otherwise the lab stops pause once the container has ended
    let again = PodSpec { restart: RestartPolicy::Always, ..spec("caged", true, vec![container("a", "sleep 1000")]) };
    let pod = bench.run(again);
    let seen = run_script(&bench, &pod, "for p in /proc/[0-9]*; do cat $p/comm 2>/dev/null; done | sort | uniq -c");
    // pause, the container, and the shell that looks, with its children
    let names: Vec<&str> = seen.lines().filter_map(|l| l.split_whitespace().nth(1)).collect();
    let own = ["pause", "sh", "sleep", "cat", "sort", "uniq"];
    assert!(names.contains(&"pause") && names.iter().all(|n| own.contains(n)), "{seen}");
    let us = std::process::id();
    let said = run_script(&bench, &pod, &format!("kill -9 {us} && echo KILLED; kill -9 -1 && echo ALL"));
    assert!(!said.contains("KILLED"), "{said}");
    // pause is still alive, and so are we
    assert!(exists(crate::support::pause(&pod)));
}

/// Runs a program that forks until that fails. Returns how often it could fork, and all its output.
fn forks(bench: &Bench, pod: &Pod, script: &str) -> (u64, String) {
    let said = String::from_utf8_lossy(&bench.exec(pod, "a", script).stdout).into_owned();
    let n = said.split(' ').next().and_then(|n| n.parse().ok()).unwrap_or_else(|| panic!("{said}"));
    (n, said)
}

#[test]
fn a_fork_bomb_stops_at_the_limit() {
    let mut bench = Bench::new();
    let pod = pod(&mut bench);
    // it forks until that fails, and prints how often it could
    let script = "exec perl -e '$| = 1; while (1) { my $p = fork; last unless defined $p; if (!$p) { sleep 1000; exit } $n++ } print \"$n $!\"; kill 9, 0'";
    let (n, said) = forks(&bench, &pod, script);
    assert!(n < podscope::lab::MAX_PROCESSES, "{said}");
    assert!(said.contains("temporarily unavailable"), "{said}");
    // the limit does not apply to the node: it ends this pod and starts others
    bench.lab.delete_within(&pod.uid, Some(std::time::Duration::ZERO)).expect("deleted");
    bench.wait_removed(&pod.uid);
    let next = bench.run(spec("next", true, vec![container("a", "sleep 1000")]));
    assert!(exists(process(&next, "a")));
}

#[test]
fn a_fork_bomb_of_many_users_stops_at_a_limit() {
    let mut bench = Bench::new();
    let pod = pod(&mut bench);
    // the limit counts for each user, so it changes to another user after every hundred processes
    let script = "exec perl -e '$| = 1; while ($n < 20000) { my $p = fork; last unless defined $p; if (!$p) { $> = $< = 1 + $n / 100; my $q = fork; sleep 1000; exit } $n++ } print \"$n $!\"; kill 9, -1'";
    let (n, said) = forks(&bench, &pod, script);
    assert!(n < 2 * podscope::lab::MAX_PROCESSES + 1000, "{said}");
}
