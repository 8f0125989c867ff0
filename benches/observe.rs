//! The cost of observing, compared with common tools: `cargo bench --bench observe`.
//!
//! - one look at the whole machine with 5,000 idle processes in 100 namespaces, with all holders, by BPF and by /proc
//!   alone, compared with `lsns` in the same run, as root and as an ordinary user;
//! - the same per 1,000 processes, compared with `ps` and `lsns`;
//! - what of a look by BPF takes how long, at 5,000 processes, as root;
//! - the time from `kill(2)` to the delta in the sink, through the whole observer;
//! - the CPU time of watching six sleeping processes.

use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use podscope::model::{Capability, Coverage, Delta, Signal, World};
use podscope::observe::bpf::Reader;
use podscope::observe::{Input, Observer, Options, Scope, identify, now, once, once_by_proc, signal};

/// Set for a run of this program as an ordinary user, which measures only the look at the machine.
const ONLY_COLD: &str = "PODSCOPE_BENCH_ONLY_COLD";

fn main() {
    if std::env::var_os(ONLY_COLD).is_some() {
        return cold();
    }
    cold_with_crowd();
    // `cargo bench --bench observe -- cold`
    if std::env::args().any(|arg| arg == "cold") {
        return;
    }
    let mut crowd: Vec<Child> = (0..1_000).map(|_| sleeper()).collect();
    scans();
    crowd.extend((0..4_000).map(|_| sleeper()));
    by_bpf();
    for child in &mut crowd {
        end(child);
    }
    latency();
    idle();
}

/// Processes, each group in five namespaces of its own: `GROUPS` times `EACH` processes.
const GROUPS: usize = 20;
const EACH: usize = 250;

/// Looks at a machine with a crowd of idle processes, as the current user and, from root, as an ordinary one.
fn cold_with_crowd() {
    let script = format!("for i in $(seq {}); do sleep 1000 & done; echo up; wait", EACH - 2);
    let mut kinds = vec!["--net", "--ipc", "--uts", "--mount", "--pid", "--fork", "--kill-child"];
    if !nix::unistd::geteuid().is_root() {
        kinds.extend(["--user", "--map-root-user"]);
    }
    let mut groups: Vec<Child> = (0..GROUPS)
        .map(|_| {
            let mut group = Command::new("unshare");
            group.args(&kinds).args(["sh", "-c", &script]).stdin(Stdio::null()).stdout(Stdio::piped());
            group.spawn().expect("util-linux is installed")
        })
        .collect();
    for group in &mut groups {
        let mut up = String::new();
        let out = group.stdout.as_mut().expect("piped");
        std::io::BufRead::read_line(&mut std::io::BufReader::new(out), &mut up).expect("it starts them");
        assert_eq!(up, "up\n");
    }
    cold();
    if nix::unistd::geteuid().is_root() {
        let own = std::env::current_exe().expect("our own path");
        let as_nobody = ["--reuid=65534", "--regid=65534", "--clear-groups"];
        let done = Command::new("setpriv").args(as_nobody).arg(own).env(ONLY_COLD, "1").status();
        assert!(done.expect("util-linux is installed").success(), "as an ordinary user");
    }
    groups.iter_mut().for_each(end);
}

/// From nothing to the deltas: by BPF where it can be used, and by /proc alone. Then to a World.
fn cold() {
    let timed = |look: &dyn Fn() -> Vec<Delta>| {
        let start = Instant::now();
        let deltas = look();
        (start.elapsed(), deltas)
    };
    let by_best = || once(None).expect("/proc is there");
    let by_proc = || once_by_proc().expect("/proc is there");
    let lsns = || {
        let start = Instant::now();
        let done = Command::new("lsns").args(["-J", "-l"]).stdout(Stdio::null()).status();
        assert!(done.expect("util-linux is installed").success());
        start.elapsed()
    };
    let mut world = World::default();
    let mut times: [Vec<Duration>; 4] = Default::default();
    // in turn, so that a noisy moment is in all of them
    for _ in 0..9 {
        let (best, deltas) = timed(&by_best);
        let start = Instant::now();
        world = World::default();
        for delta in &deltas {
            world.apply(delta);
        }
        let applied = start.elapsed();
        let all = [best, applied, timed(&by_proc).0, lsns()];
        times.iter_mut().zip(all).for_each(|(times, time)| times.push(time));
    }
    let [best, applied, proc, lsns] = times.map(|times| median(times).0);
    let ratio = |ours: Duration| lsns.as_secs_f64() / ours.as_secs_f64();
    println!(
        "cold picture with all holders, uid {}, {} processes and {} namespaces: lsns -J -l {lsns:.1?}; by /proc \
         {proc:.1?}, {:.1} times as fast",
        nix::unistd::geteuid(),
        world.present().count(),
        world.namespaces.len(),
        ratio(proc)
    );
    match world.visibility.get(&Capability::Bpf) {
        Some(Coverage::Full) => println!("  by BPF {best:.1?}, {:.1} times as fast", ratio(best)),
        other => println!("  no BPF: {other:?}"),
    }
    println!("  then applied to a World: {applied:.1?}");
}

fn sleeper() -> Child {
    Command::new("sleep").arg("1000").stdin(Stdio::null()).spawn().expect("sleep runs")
}

fn end(child: &mut Child) {
    child.kill().and_then(|()| child.wait().map(drop)).expect("our child");
}

/// The median and the 99th percentile.
fn median(mut times: Vec<Duration>) -> (Duration, Duration) {
    times.sort_unstable();
    (times[times.len() / 2], times[(times.len() * 99).div_ceil(100) - 1])
}

fn scans() {
    let mut seen = 0;
    let times = (0..20).map(|_| {
        let start = Instant::now();
        let deltas = once(None).expect("/proc is there");
        seen = deltas.iter().filter(|d| matches!(d, Delta::Facts { .. })).count();
        start.elapsed()
    });
    let (one, _) = median(times.collect());
    let per = |t: Duration| t.as_secs_f64() * 1e6 / seen as f64;
    println!("one scan: {one:.1?} for {seen} processes, {:.1} ms per 1,000", per(one));
    for words in [
        &["ps", "-eo", "pid"][..],
        &["ps", "-eo", "pid,cgroupns,ipcns,mntns,netns,pidns,timens,userns,utsns,args"],
        &["lsns", "-J"],
    ] {
        let times = (0..5).map(|_| {
            let start = Instant::now();
            let _ = Command::new(words[0]).args(&words[1..]).stdout(Stdio::null()).status();
            start.elapsed()
        });
        let (one, _) = median(times.collect());
        println!("{}: {one:.1?}, {:.1} ms per 1,000", words.join(" "), per(one));
    }
}

/// From nothing: reading the kernel's types and loading the programs is part of it.
fn by_bpf() {
    let open = || Reader::open().map(|reader| (reader, Instant::now()));
    let mut tasks = 0;
    let mut holders = 0;
    let mut looks: [Vec<Duration>; 4] = Default::default();
    for _ in 0..9 {
        let start = Instant::now();
        let (mut reader, opened) = match open() {
            Ok(opened) => opened,
            Err(reason) => return println!("no look by BPF: {reason}"),
        };
        tasks = reader.read_tasks().expect("it can be read").len();
        let read = Instant::now();
        holders = reader.read_holders().expect("it can be read").len();
        let end = Instant::now();
        let times = [end - start, opened - start, read - opened, end - read];
        looks.iter_mut().zip(times).for_each(|(look, time)| look.push(time));
    }
    let [all, opening, reading, holding] = looks.map(|times| median(times).0);
    println!(
        "what BPF tells: {all:.1?}: {opening:.1?} to load, {reading:.1?} for {tasks} tasks, {holding:.1?} for {holders} \
         holders"
    );
}

fn latency() {
    let (out, stream) = crossbeam_channel::unbounded();
    let sink = Box::new(move |batch| drop(out.send((now(), batch))));
    let observer = Observer::start(Scope::Lab, Options::default(), sink).expect("the observer starts");
    observer.input().send(Input::Watch(identify(std::process::id()).expect("we are here")));
    let mut times = Vec::new();
    for _ in 0..500 {
        let mut child = sleeper();
        let id = identify(child.id()).expect("it runs");
        let has = |batch: &[Delta], exited: bool| {
            batch.iter().any(|d| match d {
                Delta::Exec { id: of, .. } => !exited && *of == id,
                Delta::Exited { id: of, .. } => exited && *of == id,
                _ => false,
            })
        };
        while !has(&stream.recv().expect("it observes").1, false) {}
        let killed = now();
        signal::send(id, Signal::KILL).expect("our child");
        let reported = loop {
            let (at, batch): (_, Vec<Delta>) = stream.recv().expect("it observes");
            if has(&batch, true) {
                break at;
            }
        };
        times.push(Duration::from_nanos(reported.since(killed)));
        child.wait().expect("our child");
    }
    let (half, most) = median(times);
    println!("kill to delta: median {half:.1?}, p99 {most:.1?}, of 500");
}

fn idle() {
    let (out, stream) = crossbeam_channel::unbounded();
    let sink = Box::new(move |batch: Vec<Delta>| out.send(batch.len()).unwrap_or_default());
    let mut six: Vec<Child> = (0..6).map(|_| sleeper()).collect();
    let watch = six.iter().filter_map(|c| identify(c.id())).collect();
    let observer = Observer::start(Scope::Lab, Options { watch, ..Options::default() }, sink);
    let observer = observer.expect("the observer starts");
    std::thread::sleep(Duration::from_secs(1));
    let before = used();
    let deltas: usize = stream.try_iter().sum();
    std::thread::sleep(Duration::from_secs(10));
    let spent = used().saturating_sub(before);
    let more: usize = stream.try_iter().sum();
    println!(
        "six processes watched: {:.3} % of a core over 10 s, {more} deltas (after {deltas} to start with)",
        spent.as_secs_f64() * 10.0
    );
    drop(observer);
    six.iter_mut().for_each(end);
}

/// CPU time of this process.
fn used() -> Duration {
    use nix::sys::time::TimeValLike as _;
    let usage = nix::sys::resource::getrusage(nix::sys::resource::UsageWho::RUSAGE_SELF).expect("getrusage");
    Duration::from_micros((usage.user_time() + usage.system_time()).num_microseconds() as u64)
}
