//! Measures pause-init against catatonit: size on disk, memory as PID 1, and orphans reaped per second.
//!
//! `cargo run --release -p pause-init --example bench [ORPHANS [RUNS]]`, by default 4,000 and 5.
//!
//! Forking costs far more than reaping. So the init is stopped while the orphans end, and the time is measured from its
//! SIGCONT until no zombie is left.

mod support;

use nix::sys::signal::Signal;
use std::{
    env,
    fs::{self, File},
    io::Read as _,
    time::Instant,
};
use support::{End, Init, Start, until};

/// Orphans alive at the same time. More would measure memory.
const BATCH: usize = 1000;

fn main() {
    let mut numbers = env::args().skip(1).map(|arg| arg.parse().expect("a number"));
    let orphans: usize = numbers.next().unwrap_or(4_000);
    let runs: usize = numbers.next().unwrap_or(5);
    let catatonit = fs::metadata("/usr/bin/catatonit").expect("install the package `catatonit`").len();
    println!("{orphans} orphans, median of {runs} runs (slowest to fastest)\n");
    println!("init        bytes on disk   VmRSS kB   orphans reaped/s");
    // In turns, so that both run under the same load.
    let inits =
        [(Init::PauseInit, "pause-init", pause_init::ELF.len() as u64), (Init::Catatonit, "catatonit", catatonit)];
    let mut rates = [const { Vec::new() }; 2];
    for _ in 0..runs {
        for ((init, ..), rates) in inits.iter().zip(&mut rates) {
            rates.push(reap_rate(*init, orphans));
        }
    }
    for ((init, name, bytes), mut rates) in inits.into_iter().zip(rates) {
        rates.sort_by(f64::total_cmp);
        let (slowest, median, fastest) = (rates[0], rates[runs / 2], rates[runs - 1]);
        let rss = Start::as_pid_1(init).ready().status("VmRSS");
        println!("{name:<10} {bytes:>14} {rss:>10} {median:>12.0} ({slowest:.0} to {fastest:.0})");
    }
}

fn reap_rate(init: Init, orphans: usize) -> f64 {
    let pod = Start::as_pid_1(init).ready();
    pod.kill(Signal::SIGSTOP);
    pod.wait_until_stopped();
    for start in (0..orphans).step_by(BATCH) {
        pod.actor.orphans(BATCH.min(orphans - start) as i32, End::Exit(0));
    }
    until("all are zombies", || pod.zombies() == orphans);
    let start = Instant::now();
    pod.kill(Signal::SIGCONT);
    // Neither condition is enough alone: the list may be incomplete while children leave it, and catatonit also sleeps
    // in between. That no zombie is left is checked after the measurement.
    let list = format!("/proc/{0}/task/{0}/children", pod.pid);
    let mut head = [0; 64];
    loop {
        pod.wait_until_asleep();
        let len = File::open(&list).and_then(|mut file| file.read(&mut head)).expect("children");
        if len < head.len() {
            break;
        }
    }
    let took = start.elapsed();
    assert_eq!(pod.zombies(), 0, "some zombies were not reaped");
    orphans as f64 / took.as_secs_f64()
}
