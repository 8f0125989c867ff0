//! Users, groups, namespaces and system calls.

use std::fs;

use super::run_script;
use crate::support::{Bench, container, pause, process, spec, status_field};

fn field(pid: u32, name: &str) -> String {
    status_field(pid, name).unwrap_or_else(|| panic!("{name} of {pid}"))
}

#[test]
fn supplementary_groups_are_dropped() {
    let mut bench = Bench::new();
    let pod = bench.run(spec("groups", true, vec![container("a", "exec sleep 1000")]));
    let map = fs::read_to_string(format!("/proc/{}/gid_map", bench.lab.node().pid)).expect("a map");
    assert!(
        map.lines().count() > 1 || map.contains("65536"),
        "this machine allots no groups: scripts/test does; {map}"
    );
    for pid in [bench.lab.node().pid, pause(&pod).pid, process(&pod, "a").pid] {
        assert_eq!(field(pid, "Groups"), "", "{pid}");
    }
    assert_eq!(run_script(&bench, &pod, "id -G"), "0\n");
}

#[test]
fn pods_of_root_use_ids_of_no_user_of_this_machine() {
    if !nix::unistd::geteuid().is_root() {
        return;
    }
    let mut bench = Bench::new();
    let pod = bench.run(spec("users", true, vec![container("a", "exec sleep 1000")]));
    let read = |path: &str| fs::read_to_string(path).unwrap_or_default();
    let ids: Vec<u64> = [read("/etc/passwd"), read("/etc/group")]
        .iter()
        .flat_map(|text| text.lines().filter_map(|line| line.split(':').nth(2)?.parse().ok()).collect::<Vec<_>>())
        .collect();
    for pid in [bench.lab.node().pid, pause(&pod).pid, process(&pod, "a").pid] {
        for name in ["Uid", "Gid"] {
            let outside = field(pid, name);
            for id in outside.split_whitespace().map(|id| id.parse::<u64>().expect("an id")) {
                assert!(id >= 1_900_000_000 && !ids.contains(&id), "{name} {id} of {pid}");
            }
        }
    }
    // all other users of the pod are in that range as well
    let map = read(&format!("/proc/{}/uid_map", process(&pod, "a").pid));
    let numbers: Vec<u64> = map.split_whitespace().map(|n| n.parse().expect("a number")).collect();
    assert!(numbers[0] == 0 && numbers[1] >= 1_900_000_000 && numbers[2] == 65_536, "{map}");
    for line in [read("/etc/subuid"), read("/etc/subgid")].iter().flat_map(|text| text.lines()) {
        let mut fields = line.split(':').skip(1).filter_map(|n| n.parse::<u64>().ok());
        let (Some(start), Some(count)) = (fields.next(), fields.next()) else { continue };
        assert!(start + count <= numbers[1] || start >= numbers[1] + numbers[2], "{line} is part of {map}");
    }
}

#[test]
fn every_member_has_a_seccomp_filter_and_no_new_privs() {
    let mut bench = Bench::new();
    let pod = bench.run(spec("filtered", true, vec![container("a", "exec sleep 1000")]));
    for pid in [pause(&pod).pid, process(&pod, "a").pid] {
        assert_eq!((field(pid, "Seccomp").as_str(), field(pid, "NoNewPrivs").as_str()), ("2", "1"), "{pid}");
    }
    assert_eq!(run_script(&bench, &pod, "grep Seccomp: /proc/self/status").trim(), "Seccomp:\t2");
}

/// The calls are made by number, on x86_64 and elsewhere. The errors are those of docker's profile.
#[test]
fn system_calls_that_reach_beyond_a_container_are_refused() {
    let mut bench = Bench::new();
    let pod = bench.run(spec("calls", true, vec![container("a", "exec sleep 1000")]));
    let x86 = cfg!(target_arch = "x86_64");
    let number = |on_x86: u32, elsewhere: u32| if x86 { on_x86 } else { elsewhere };
    let (eperm, enosys) = (1, 38);
    for (name, number, errno) in [
        ("add_key", number(248, 217), eperm),
        ("request_key", number(249, 218), eperm),
        ("keyctl", number(250, 219), eperm),
        ("mount", number(165, 40), eperm),
        ("umount2", number(166, 39), eperm),
        ("unshare", number(272, 97), eperm),
        ("setns", number(308, 268), eperm),
        ("bpf", number(321, 280), eperm),
        ("perf_event_open", number(298, 241), eperm),
        ("userfaultfd", number(323, 282), eperm),
        ("init_module", number(175, 105), eperm),
        ("kexec_load", number(246, 104), eperm),
        ("reboot", number(169, 142), eperm),
        ("open_by_handle_at", number(304, 265), eperm),
        ("io_uring_setup", 425, eperm),
        ("open_tree", 428, eperm),
        ("fsopen", 430, eperm),
        ("pidfd_getfd", 438, eperm),
        ("clone3", 435, enosys),
    ] {
        let said =
            run_script(&bench, &pod, &format!("perl -e 'print syscall({number}, 0, 0, 0, 0, 0), \" \", $! + 0'"));
        assert_eq!(said, format!("-1 {errno}"), "{name}");
    }
    // clone with a namespace flag is refused; without one it works
    let clone = number(56, 220);
    let said = run_script(
        &bench,
        &pod,
        &format!("perl -e 'print syscall({clone}, 0x10000000 | 17, 0, 0, 0, 0), \" \", $! + 0'"),
    );
    assert_eq!(said, "-1 1", "a user namespace of its own");
    assert_eq!(run_script(&bench, &pod, "(exit 7); echo $?").trim(), "7", "processes can still be started");
    // a VSOCK socket
    assert_eq!(
        run_script(&bench, &pod, "perl -MSocket -e 'print socket(S, 40, SOCK_STREAM, 0) ? \"OPEN\" : $! + 0'"),
        "1"
    );
}
