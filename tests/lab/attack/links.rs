//! Checks that no `/proc` link of a process that a pod can see leads to a file of the host that its user may write.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::{FileTypeExt as _, MetadataExt as _};
use std::path::PathBuf;

use podscope::lab::spec::{HostNamespaces, PodSpec};

use crate::support::{Bench, container, processes, spec, status_field};

/// The device numbers of the file systems that the host has mounted.
fn host_devices() -> BTreeSet<u64> {
    let mounts = fs::read_to_string("/proc/self/mountinfo").expect("mounts");
    let points = mounts.lines().filter_map(|line| line.split(' ').nth(4));
    points.filter_map(|point| fs::metadata(point).ok()).map(|meta| meta.dev()).collect()
}

/// Whether a process is the node or one of its descendants.
fn is_below(pid: u32, node: u32) -> bool {
    let mut at = pid;
    while at > 1 {
        if at == node {
            return true;
        }
        at = status_field(at, "PPid").and_then(|ppid| ppid.parse().ok()).unwrap_or(0);
    }
    false
}

/// The `/proc` links of a process that lead to files.
fn links(pid: u32) -> Vec<PathBuf> {
    let dir = PathBuf::from(format!("/proc/{pid}"));
    let mut links: Vec<PathBuf> = ["exe", "cwd", "root"].map(|name| dir.join(name)).to_vec();
    for list in ["fd", "map_files"] {
        let entries = fs::read_dir(dir.join(list)).into_iter().flatten().flatten();
        links.extend(entries.map(|entry| entry.path()));
    }
    links
}

fn assert_no_link_to_the_host(bench: &Bench, uid: u32, but: &[u32]) {
    let host = host_devices();
    let node = bench.lab.node().pid;
    let mut seen = 0;
    for pid in processes().into_iter().filter(|pid| is_below(*pid, node) && !but.contains(pid)) {
        for link in links(pid) {
            let Ok(meta) = fs::metadata(&link) else { continue };
            seen += 1;
            let file = meta.is_file() || meta.is_dir() || meta.file_type().is_block_device();
            let writable = meta.uid() == uid || meta.mode() & 0o002 != 0;
            let way = file && writable && host.contains(&meta.dev());
            assert!(!way, "{}: {:?} of {:?}", link.display(), fs::read_link(&link), status_field(pid, "Name"));
        }
    }
    // an ordinary user cannot follow the links of a worker with another user
    assert!(seen > 10, "only {seen} links could be followed");
}

fn uid_of(bench: &Bench) -> u32 {
    fs::metadata(format!("/proc/{}", bench.lab.node().pid)).expect("the node").uid()
}

fn default_pod() -> PodSpec {
    podscope::lab::spec::parse("preset", include_str!("../../../assets/pods/nginx-busybox.yaml"))
        .expect("a pod")
        .remove(0)
        .0
}

#[test]
fn no_link_in_the_default_pod_leads_to_the_host() {
    let mut bench = Bench::new();
    bench.run(default_pod());
    // pods do not see the node
    let node = bench.lab.node().pid;
    assert_no_link_to_the_host(&bench, uid_of(&bench), &[node]);
}

#[test]
fn a_pod_in_the_nodes_pid_namespace_finds_no_link_to_the_host() {
    let mut bench = Bench::new();
    let ports = "apiVersion: v1\nkind: Pod\nmetadata: {name: published}\nspec:\n  containers:\n  - name: web\n    \
                 image: nginx\n    ports: [{containerPort: 80, hostPort: PORT}]\n";
    let port = free_port();
    let published =
        podscope::lab::spec::parse("pod", &ports.replace("PORT", &port.to_string())).expect("a pod").remove(0).0;
    let mut above = spec("above", false, vec![container("a", "exec sleep 1000")]);
    above.host = HostNamespaces { pid: true, ..HostNamespaces::default() };
    // a process of the node passes on the connections of this pod
    bench.run(published);
    let above = bench.run(above);
    let node = bench.lab.node().pid;
    assert_no_link_to_the_host(&bench, uid_of(&bench), &[node]);
    // it sees the node and its helpers, but cannot use their files
    let script = "cat /proc/1/comm; for p in /proc/[0-9]*; do ls $p/root/host 2>/dev/null && echo OUT $p $(cat $p/comm); done; \
                  cat /proc/1/environ /proc/1/maps; ls /proc/1/fd/ /proc/1/root/ /proc/1/cwd/; true";
    let said = super::run_script(&bench, &above, script);
    assert!(said.starts_with("podscope-node"), "{said}");
    assert!(!said.contains("OUT"), "{said}");
    let denied = said.matches("Permission denied").count();
    assert!(denied >= 4, "{said}");
}

fn free_port() -> u16 {
    std::net::TcpListener::bind("127.0.0.1:0").and_then(|l| l.local_addr()).expect("a port").port()
}
