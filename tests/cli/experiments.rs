//! Runs every bundled experiment as a user does: the pods are real, and its script checks its claims against the
//! kernel.

mod descendants;

use std::collections::BTreeSet;
use std::process::{Command, ExitStatus, Stdio};
use std::time::Duration;

use descendants::Descendants;

/// Plays a preset's own script with `env` in the environment. The script must succeed, and no process may be left.
fn check(preset: &str, env: &[(&str, &str)]) {
    let (status, output) = play(preset, env);
    assert!(status.success(), "{preset} ended with {status} and printed\n{output}");
}

/// The same for a script that may fail. Returns the exit status and the output.
fn play(preset: &str, env: &[(&str, &str)]) -> (ExitStatus, String) {
    let dir = tempfile::tempdir().expect("a directory");
    let output = dir.path().join("output");
    let out = std::fs::File::create(&output).expect("a file");
    let mut run = Command::new(env!("CARGO_BIN_EXE_podscope"))
        .args(["run", preset, "--check", "--snapshot", "end.json"])
        .current_dir(dir.path())
        .envs(env.iter().copied())
        .stdin(Stdio::null())
        .stdout(out.try_clone().expect("a descriptor"))
        .stderr(out)
        .spawn()
        .expect("podscope starts");
    let mut seen = Descendants::of(run.id());
    let status = loop {
        seen.record();
        if let Some(status) = run.try_wait().expect("a child of ours") {
            break status;
        }
        std::thread::sleep(Duration::from_millis(10));
    };
    let output = std::fs::read_to_string(&output).expect("its output");
    // short processes may have been missed: the snapshot has those that existed at the end
    let end = std::fs::read_to_string(dir.path().join("end.json")).expect("a snapshot");
    let end: podscope::export::Snapshot = serde_json::from_str(&end).expect("a snapshot");
    seen.add(end.processes.iter().map(|p| ((p.pid, p.start_time), p.comm.clone())));
    assert!(!seen.is_empty(), "{preset} has started nothing; it printed\n{output}");
    let left = seen.remaining();
    assert!(left.is_empty(), "{preset} has left {left:?}; it printed\n{output}");
    (status, output)
}

macro_rules! experiments {
    ($($test:ident: $preset:literal;)*) => {
        const TESTED: &[&str] = &[$($preset,)* OUT_OF_MEMORY];
        $(
            #[test]
            fn $test() {
                check($preset, &[]);
            }
        )*
    };
}

experiments! {
    e01_two_containers_share_a_pod: "nginx-busybox";
    e02_a_host_port_leads_through_nginx_to_ghost: "ghost-blog";
    e03_members_share_one_network: "same-network";
    e04_namespaces_side_by_side: "namespaces-side-by-side";
    e05_each_container_is_pid_1: "private-pid";
    e06_what_sharing_the_pid_namespace_exposes: "what-sharing-exposes";
    e07_hup_replaces_the_workers: "reload";
    e08_a_parent_is_notified_of_stop_and_continue: "stop-continue";
    e09_pause_adopts_and_reaps_orphans: "orphans";
    e10_held_zombies_wait_for_their_parent: "held-zombies";
    e10_a_pause_that_does_not_reap: "no-reap";
    e11_the_pod_outlives_a_member: "kill-a-member";
    e12_a_shared_pid_namespace_dies_with_pause: "kill-pause-shared";
    e13_members_outlive_a_pause_they_do_not_share: "kill-pause-private";
    e14_an_app_in_place_of_pause: "app-as-infra";
    e15_pause_keeps_the_pod: "pause-keeps-the-pod";
    e16_one_container_is_replaced: "replace-one";
    e17_a_sandbox_that_cannot_be_made: "no-sandbox";
    e18_namespaces_by_hand: "by-hand";
    e19_a_wrong_configuration_loops: "crash-loop";
    e20_pid_1_without_a_handler_ignores_term: "deaf";
    e22_a_neighbour_ends_the_pod: "neighbour-ends-the-pod";
    e23_a_stopped_pause_does_not_reap: "stopped-pause";
    e24_net_and_ipc_outlive_an_app_in_place_of_pause: "app-as-infra-private";
    e25_a_program_that_must_be_pid_1: "must-be-pid-1";
    e26_members_are_not_children_of_pause: "parents";
    e27_two_members_cannot_listen_on_one_port: "port-taken";
    e28_term_with_and_without_a_handler: "term-and-pid-1";
    e29_what_lives_as_long_as_sandbox_or_pod: "sandbox-and-pod";
    e30_a_different_user_protects_from_neighbours: "users-and-neighbours";
    e31_other_programs_as_pause: "own-pause";
    e32_fork_fails_where_pid_1_is_dead: "fork-without-pid-1";
    e33_pause_ends_with_a_finished_pod: "finished-pod";
    e34_a_pod_is_built_step_by_step: "build-a-pod";
}

const OUT_OF_MEMORY: &str = "out-of-memory";

/// Limits take effect if the lab has cgroups with a memory controller; else the lab warns that they do not.
#[test]
fn e21_the_kernel_kills_a_container_that_exceeds_its_memory_limit() {
    let (status, output) = play(OUT_OF_MEMORY, &[]);
    let warned = output.contains("limit of memory of container \"hungry\" has no effect");
    assert_ne!(status.success(), warned, "it ended with {status} and printed\n{output}");
}

#[test]
fn e09_orphans_are_recognised_without_the_proc_connector() {
    check("orphans", &[("PODSCOPE_WITHOUT", "connector")]);
}

#[test]
fn every_preset_is_tested() {
    let all: BTreeSet<&str> = podscope::presets::ALL.iter().map(|p| p.name).collect();
    assert_eq!(TESTED.iter().copied().collect::<BTreeSet<_>>(), all);
}
