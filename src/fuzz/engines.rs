//! What container engines answer, and the processes that they run. Anyone may call a cgroup or a program as engines do.

use crate::engines::client::{cri, docker};
use crate::engines::{Known, SeenProcess, cgroup_path, pods};
use crate::model::{NsSet, ProcId};

/// An answer of docker, podman or CRI.
pub fn engine_answer(bytes: &[u8]) {
    docker::read_any(bytes);
    cri::read_any(bytes);
}

/// A process for each line: its arguments, a tab and the path of its cgroup. Its parent is the one before. Each is in one
/// container at most.
pub fn engine_processes(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    let lines: Vec<(Vec<String>, String)> = text
        .lines()
        .map(|line| line.split_once('\t').unwrap_or((line, "")))
        .map(|(argv, path)| (argv.split(' ').map(str::to_owned).collect(), format!("0::{path}\n")))
        .collect();
    let id = |pid: usize| ProcId { pid: pid as u32, start: 0 };
    let namespaces = NsSet::default();
    let processes: Vec<SeenProcess> = lines
        .iter()
        .enumerate()
        .map(|(i, (argv, cgroup))| SeenProcess {
            id: id(i),
            parent: i.checked_sub(1).map(id),
            namespaces: &namespaces,
            comm: argv.first().map_or("", |first| first),
            argv,
            cgroup,
        })
        .collect();
    for (_, cgroup) in &lines {
        for level in cgroup_path::levels(cgroup) {
            assert!(level.container.is_some() || level.pod.is_some(), "{cgroup}");
            assert!(level.container.is_none_or(|id| cgroup.contains(&id)), "{cgroup}");
        }
    }
    let pods = pods(&processes, &namespaces, &Known::default());
    let mut members: Vec<ProcId> =
        pods.iter().flat_map(|pod| pod.members().flat_map(|c| c.processes.iter().copied())).collect();
    let all = members.len();
    members.sort_unstable();
    members.dedup();
    assert_eq!(members.len(), all, "a process in two containers");
}
