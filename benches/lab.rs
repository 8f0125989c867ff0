//! Measures how long the start of a pod, the report of an exit and the restart of a member take, and what many pods
//! cost. `cargo bench --bench lab`.
//!
//! The floor is the same three processes without a pod: unshare with the same namespaces, and exec.

use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, unbounded};
use nix::sys::signal::{Signal, kill, killpg};
use nix::unistd::Pid;
use podscope::lab::Lab;
use podscope::lab::spec::{PodSpec, parse};
use podscope::model::{ContainerState, Delta, Pod, PodUid};
use podscope::observe::Input;

const ROUNDS: usize = 100;
const POD: &str = "
apiVersion: v1
kind: Pod
metadata: {name: bench}
spec:
  shareProcessNamespace: true
  containers:
  - {name: a, image: busybox, command: [sleep, '1000']}
  - {name: b, image: busybox, command: [sleep, '1000']}
";

fn main() {
    let spec = parse("bench", POD).expect("a pod").remove(0).0;
    let mut preset = parse("preset", include_str!("../assets/pods/nginx-busybox.yaml")).expect("a pod").remove(0).0;
    "preset".clone_into(&mut preset.name);
    let (sender, inputs) = unbounded();
    let began = Instant::now();
    let lab = Lab::start(Path::new(env!("CARGO_BIN_EXE_podscope")), sender).expect("a lab");
    println!("node up                      {:>8.2} ms", ms(began.elapsed()));
    let (up, death) = measure(&lab, &inputs, &spec);
    report("pause + 2 (sleep), all running", up);
    report("kill to Delta::Exited", death);
    let (up, _) = measure(&lab, &inputs, &preset);
    report("preset nginx-busybox, all running", up);
    report("floor: 3 x unshare + exec", (0..ROUNDS).filter_map(|_| floor()).collect());
    report("member killed to running again", restarts(&lab, &inputs, &spec));
    drop(lab);
    fleet(&spec);
    storm();
    for engine in ["docker", "podman"] {
        engine_run(engine);
    }
}

/// The time from a member's kill until its restarted program runs. Each round uses a new pod, so that no back-off
/// applies.
fn restarts(lab: &Lab, inputs: &Receiver<Input>, spec: &PodSpec) -> Vec<Duration> {
    let all_run = |p: &Pod| p.containers.iter().all(|c| matches!(c.state, ContainerState::Running { .. }));
    let one = |_| {
        let uid = lab.run(spec.clone()).expect("accepted");
        let victim = until_pod(inputs, &uid, all_run).containers[1].process.expect("a process");
        let began = Instant::now();
        kill(Pid::from_raw(victim.pid as i32), Signal::SIGKILL).expect("killed");
        until_pod(inputs, &uid, |p| p.restarts() == Some(1) && all_run(p));
        let took = began.elapsed();
        lab.delete_within(&uid, Some(Duration::ZERO)).expect("deleted");
        until(inputs, |i| matches!(i, Input::Delta(Delta::PodRemoved { uid: it, .. }) if *it == uid).then_some(()));
        took
    };
    (0..ROUNDS).map(one).collect()
}

/// Measures many pods at once, and what they cost while idle.
fn fleet(spec: &PodSpec) {
    let (sender, inputs) = unbounded();
    let lab = Lab::start(Path::new(env!("CARGO_BIN_EXE_podscope")), sender).expect("a lab");
    let mut three = spec.clone();
    three.containers.push(podscope::lab::spec::ContainerSpec { name: "c".into(), ..three.containers[0].clone() });
    let up = |from: usize, to: usize| -> (Vec<PodUid>, Duration) {
        let began = Instant::now();
        let name = |n: usize| PodSpec { name: format!("pod-{n}"), ..three.clone() };
        let uids: Vec<PodUid> = (from..to).map(|n| lab.run(name(n)).expect("accepted")).collect();
        let mut open: std::collections::BTreeSet<PodUid> = uids.iter().cloned().collect();
        while !open.is_empty() {
            let uid = until(&inputs, |i| match i {
                Input::Delta(Delta::Pod { pod, .. }) if pod.status() == "Running" => Some(pod.uid.clone()),
                _ => None,
            });
            open.remove(&uid);
        }
        (uids, began.elapsed())
    };
    let down = |uids: &[PodUid]| {
        let began = Instant::now();
        for uid in uids {
            lab.delete_within(uid, Some(Duration::ZERO)).expect("deleted");
        }
        for _ in uids {
            until(&inputs, |i| matches!(i, Input::Delta(Delta::PodRemoved { .. })).then_some(()));
        }
        began.elapsed()
    };
    let (uids, took) = up(0, 50);
    println!("50 pods x 3 members up             {:>8.0} ms", ms(took));
    println!("50 pods x 3 members down           {:>8.0} ms", ms(down(&uids)));
    let (uids, took) = up(50, 250);
    println!("200 pods x 3 members up            {:>8.0} ms", ms(took));
    let node = lab.node().pid;
    let cpu = || {
        let stat = std::fs::read_to_string(format!("/proc/{node}/stat")).unwrap_or_default();
        let fields: Vec<u64> =
            stat.rsplit(')').next().unwrap_or("").split_whitespace().filter_map(|f| f.parse().ok()).collect();
        // utime and stime, in ticks of 10 ms; the state, a letter, is not among the numbers
        fields.get(10).copied().unwrap_or(0) + fields.get(11).copied().unwrap_or(0)
    };
    let (before, idle) = (cpu(), Duration::from_secs(10));
    std::thread::sleep(idle);
    let share = (cpu() - before) as f64 / idle.as_secs_f64();
    let status = std::fs::read_to_string(format!("/proc/{node}/status")).unwrap_or_default();
    let rss = status.lines().find_map(|l| l.strip_prefix("VmRSS:")).unwrap_or("?").trim();
    println!("200 pods live: node                {rss}, {share:.1} % of a core over {} s", idle.as_secs());
    println!("200 pods x 3 members down          {:>8.0} ms", ms(down(&uids)));
}

/// Makes ten thousand orphans in one pod, and counts how many are reaped and recorded.
fn storm() {
    const N: u32 = 10_000;
    let (sender, inputs) = unbounded();
    let lab = Lab::start(Path::new(env!("CARGO_BIN_EXE_podscope")), sender).expect("a lab");
    let yaml =
        POD.replace(
            "command: [sleep, '1000']}\n  - {name: b, image: busybox, command: [sleep, '1000']}",
            "command: [sleep, '1000']}",
        ) + &format!("  - {{name: z, image: podscope/zombies, args: [--rate, '0', --hold, '0', --total, '{N}']}}\n");
    let spec = parse("storm", &yaml).expect("a pod").remove(0).0;
    let began = Instant::now();
    lab.run(spec).expect("accepted");
    let (mut recorded, mut dropped) = (0, 0);
    while recorded + dropped < N {
        match inputs.recv_timeout(Duration::from_secs(20)) {
            Ok(Input::PauseReaped { .. }) => recorded += 1,
            Ok(Input::PauseDropped { count, .. }) => dropped += count,
            Ok(_) => {}
            Err(e) => {
                println!("storm: {e} after {recorded} records");
                break;
            }
        }
    }
    println!(
        "{N} orphans in one pod           {:>8.0} ms, {recorded} recorded, {dropped} counted as lost",
        ms(began.elapsed())
    );
}

fn measure(lab: &Lab, inputs: &Receiver<Input>, spec: &PodSpec) -> (Vec<Duration>, Vec<Duration>) {
    let (mut up, mut death) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        let began = Instant::now();
        let uid = lab.run(spec.clone()).expect("accepted");
        let pod =
            until_pod(inputs, &uid, |p| p.containers.iter().all(|c| matches!(c.state, ContainerState::Running { .. })));
        up.push(began.elapsed());
        let victim = pod.containers[1].process.expect("a process");
        let began = Instant::now();
        kill(Pid::from_raw(victim.pid as i32), Signal::SIGKILL).expect("killed");
        until(inputs, |i| matches!(i, Input::Delta(Delta::Exited { id, .. }) if *id == victim).then_some(()));
        death.push(began.elapsed());
        lab.delete_within(&uid, Some(Duration::ZERO)).expect("deleted");
        until(inputs, |i| matches!(i, Input::Delta(Delta::PodRemoved { uid: it, .. }) if *it == uid).then_some(()));
    }
    (up, death)
}

fn until<T>(inputs: &Receiver<Input>, found: impl Fn(&Input) -> Option<T>) -> T {
    loop {
        let input = inputs.recv_timeout(Duration::from_secs(10)).expect("received in time");
        if let Some(found) = found(&input) {
            return found;
        }
    }
}

fn until_pod(inputs: &Receiver<Input>, uid: &PodUid, done: impl Fn(&Pod) -> bool) -> Pod {
    until(inputs, |i| match i {
        Input::Delta(Delta::Pod { pod, .. }) if pod.uid == *uid && done(pod) => Some((**pod).clone()),
        _ => None,
    })
}

/// Starts three processes in the same namespaces with util-linux, without a network, a root and reports.
fn floor() -> Option<Duration> {
    let began = Instant::now();
    let mut children = Vec::new();
    for args in [&["-Urpfmniu", "sleep", "1000"][..], &["-Urm", "sleep", "1000"], &["-Urm", "sleep", "1000"]] {
        let mut unshare = Command::new("unshare");
        // a process group each, so that its children can be killed with it
        children.push(unshare.args(args).process_group(0).stdout(Stdio::null()).spawn().ok()?);
    }
    let running = |c: &std::process::Child| {
        std::fs::read_to_string(format!("/proc/{}/task/{0}/children", c.id())).is_ok_and(|t| !t.trim().is_empty())
            || std::fs::read_to_string(format!("/proc/{}/comm", c.id())).is_ok_and(|n| n == "sleep\n")
    };
    while !children.iter().all(running) {
        std::thread::yield_now();
    }
    let took = began.elapsed();
    for child in &mut children {
        let _ = killpg(Pid::from_raw(child.id() as i32), Signal::SIGKILL);
        let _ = child.wait();
    }
    Some(took)
}

fn engine_run(engine: &str) {
    let run = |args: &[&str]| Command::new(engine).args(args).output().is_ok_and(|o| o.status.success());
    if !run(&["image", "inspect", "busybox"]) {
        println!("{engine:<34} not here, or without a busybox image");
        return;
    }
    let mut took = Vec::new();
    for _ in 0..5 {
        let began = Instant::now();
        let up = run(&["run", "-d", "--rm", "--name", "podscope-bench-0", "busybox", "sleep", "1000"])
            && (1..3).all(|n| {
                let name = format!("podscope-bench-{n}");
                let (net, pid, ipc) =
                    ("--net=container:podscope-bench-0", "--pid=container:podscope-bench-0", "--ipc=private");
                run(&["run", "-d", "--rm", "--name", &name, net, pid, ipc, "busybox", "sleep", "1000"])
            });
        if up {
            took.push(began.elapsed());
        }
        run(&["rm", "-f", "podscope-bench-2", "podscope-bench-1", "podscope-bench-0"]);
    }
    report(&format!("{engine}: three containers, shared"), took);
}

fn report(what: &str, mut times: Vec<Duration>) {
    times.sort();
    let at = |q: f64| times.get(((times.len() as f64 - 1.0) * q) as usize).copied().map_or(f64::NAN, ms);
    println!(
        "{what:<34} median {:>8.3} ms   p90 {:>8.3} ms   max {:>8.3} ms   n {}",
        at(0.5),
        at(0.9),
        at(1.0),
        times.len()
    );
}

fn ms(d: Duration) -> f64 {
    d.as_secs_f64() * 1e3
}
