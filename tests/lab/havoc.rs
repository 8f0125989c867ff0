//! Hundreds of kills in random order: the controller's state must match /proc, and no resource may leak.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::MetadataExt as _;

use podscope::lab::spec::RestartPolicy;
use podscope::lab::{DemoClock, Options, PodSpec};
use podscope::model::{ContainerState, Pod, PodUid, ProcId, SandboxKind};

use crate::support::{Bench, PATIENCE, container, exists, pause, pods, processes, spec, wait_for, within};

/// How many bursts of kills there are unless a longer test is asked for.
const BURSTS: u32 = 60;
/// How many kills a burst has.
const KILLS: u32 = 5;
/// Instead of every so many bursts the node is killed.
const NODE: u32 = 20;

/// Pseudo-random numbers that are the same in every run (Marsaglia's xorshift).
struct Random(u64);

impl Random {
    fn below(&mut self, n: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % n
    }
}

fn specs() -> Vec<PodSpec> {
    let still = |name: &str| container(name, "exec sleep 1000");
    let mut specs: Vec<PodSpec> = [("shared", true), ("apart", false), ("peers", true)]
        .into_iter()
        .map(|(name, share)| spec(name, share, vec![still("a"), still("b")]))
        .collect();
    for spec in &mut specs {
        (spec.restart, spec.grace_seconds) = (RestartPolicy::Always, 0);
    }
    specs[2].sandbox = SandboxKind::Infra("a".to_owned());
    specs
}

fn lab() -> (Bench, Vec<PodUid>) {
    let clock = DemoClock::new(DemoClock::FASTEST).expect("a clock");
    let bench = Bench::with(Options { clock, ..Options::default() });
    let uids = specs().into_iter().map(|spec| bench.lab.run(spec).expect("accepted")).collect();
    (bench, uids)
}

/// All processes that are alive according to the controller.
fn expected_processes(pod: &Pod) -> BTreeSet<ProcId> {
    let containers = pod.containers.iter().filter(|c| matches!(c.state, ContainerState::Running { .. }));
    containers.filter_map(|c| c.process).chain([pause(pod)]).collect()
}

/// All processes in the lab's user namespace, except the node.
fn actual_pids(node: u32) -> BTreeSet<u32> {
    let user = |pid: u32| fs::metadata(format!("/proc/{pid}/ns/user")).ok().map(|m| m.ino());
    let lab = user(node);
    processes().into_iter().filter(|pid| *pid != node && lab.is_some() && user(*pid) == lab).collect()
}

/// The pods, once the reported processes are exactly those that exist. Killed processes still exist until they have
/// exited, so their end is awaited first.
fn settled(bench: &mut Bench, uids: &[PodUid], killed: &[ProcId], burst: u32) -> Vec<Pod> {
    let node = bench.lab.node().pid;
    let (mut live, mut believed, mut actual) = (Vec::new(), BTreeSet::new(), BTreeSet::new());
    let equal = within(PATIENCE, || {
        if killed.iter().any(|id| exists(*id)) {
            return false;
        }
        bench.received.extend(bench.inputs.try_iter());
        let mut all = pods(&bench.received);
        live = uids.iter().filter_map(|uid| all.remove(uid)).collect();
        believed = live.iter().filter(|p| p.status() == "Running").flat_map(expected_processes).collect();
        if believed.len() != 8 || !believed.iter().all(|id| exists(*id)) {
            return false;
        }
        let pids: BTreeSet<u32> = believed.iter().map(|id| id.pid).collect();
        actual = actual_pids(node);
        actual == pids
    });
    let states = || live.iter().map(|p: &Pod| (p.name.as_str(), p.status())).collect::<Vec<_>>();
    assert!(
        equal,
        "burst {burst}: of {:?} {believed:?} should live, and {actual:?} or {:?} do; killed {killed:?}",
        states(),
        actual_pids(node)
    );
    live
}

/// The open descriptors of the node. Digits are removed, so that descriptors of the same kind are equal.
fn descriptors(node: u32) -> Vec<String> {
    let open = fs::read_dir(format!("/proc/{node}/fd")).into_iter().flatten().flatten();
    let mut names: Vec<String> =
        open.filter_map(|fd| Some(fs::read_link(fd.path()).ok()?.display().to_string())).collect();
    for name in &mut names {
        name.retain(|c| !c.is_ascii_digit());
    }
    names.sort();
    names
}

#[test]
fn the_controllers_state_matches_proc_after_random_kills() {
    let mut random = Random(0x9e37_79b9_7f4a_7c15);
    let (mut bench, mut uids) = lab();
    let (mut open, mut killed) = (None, Vec::new());
    for burst in 0..crate::rounds::number_of(BURSTS) {
        let live = settled(&mut bench, &uids, &killed, burst);
        let node = bench.lab.node().pid;
        assert_eq!(live.iter().filter_map(|p| p.ip).collect::<BTreeSet<_>>().len(), live.len(), "an address each");
        // the node must not leak descriptors; the end of a pipe may still wait to be read
        let first: &Vec<String> = open.get_or_insert_with(|| descriptors(node));
        let mut now = Vec::new();
        let few = within(PATIENCE, || {
            now = descriptors(node);
            now.len() <= first.len()
        });
        assert!(few, "burst {burst}: {now:#?}, and at first {first:#?}");
        // keep only the inputs that describe the present state
        bench.received = bench.received.split_off(bench.received.len().saturating_sub(2000));

        if burst % NODE == NODE - 1 {
            nix::sys::signal::kill(nix::unistd::Pid::from_raw(node as i32), nix::sys::signal::Signal::SIGKILL)
                .expect("killed");
            wait_for("all of the node's", || actual_pids(node).is_empty() && !exists(bench.lab.node()));
            (bench, uids) = lab();
            open = None;
            continue;
        }
        killed.clear();
        for _ in 0..KILLS {
            let pod = &live[random.below(3) as usize];
            let all: Vec<ProcId> = expected_processes(pod).into_iter().collect();
            let victim = all[random.below(all.len() as u64) as usize];
            if exists(victim) {
                let _ = nix::sys::signal::kill(
                    nix::unistd::Pid::from_raw(victim.pid as i32),
                    nix::sys::signal::Signal::SIGKILL,
                );
                killed.push(victim);
            }
            std::thread::sleep(std::time::Duration::from_micros(random.below(3000)));
        }
    }
}
