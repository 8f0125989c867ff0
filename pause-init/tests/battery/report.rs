//! The report pipe.

use crate::support::{End, Init, Start, until};
use nix::{
    errno::Errno,
    fcntl::{FcntlArg, OFlag, fcntl},
    libc,
    sys::signal::Signal,
    time::{ClockId, clock_gettime},
    unistd::{pipe2, read},
};
use pause_init::Record;
use std::{collections::BTreeMap, os::fd::OwnedFd};

const NUMBER: i32 = 700;

fn start(init: Init) -> (Start, OwnedFd) {
    let (reader, writer) = pipe2(OFlag::O_CLOEXEC).expect("pipe");
    fcntl(&reader, FcntlArg::F_SETFL(OFlag::O_NONBLOCK)).expect("fcntl");
    (Start::as_pid_1(init).descriptor(writer, NUMBER).arguments(&["--report-fd", "700"]), reader)
}

/// Reads all records that are in the pipe now.
fn drain(reader: &OwnedFd) -> Vec<Record> {
    let mut records = Vec::new();
    loop {
        let mut wire = [0; Record::SIZE];
        match read(reader, &mut wire) {
            Ok(Record::SIZE) => records.push(Record::decode(&wire)),
            Ok(0) | Err(Errno::EAGAIN) => return records,
            other => panic!("an incomplete record: {other:?}"),
        }
    }
}

fn now_ns() -> u64 {
    let now = clock_gettime(ClockId::CLOCK_MONOTONIC).expect("clock");
    now.tv_sec() as u64 * 1_000_000_000 + now.tv_nsec() as u64
}

pub fn records_show_what_was_reaped(init: Init) {
    let (start, reader) = start(init);
    let mut pod = start.run();
    let before = now_ns();
    let ends = [(End::Exit(0), 0), (End::Exit(7), 7 << 8), (End::Signal(libc::SIGKILL), libc::SIGKILL)];
    let mut want = BTreeMap::new();
    for (end, status) in ends {
        want.extend(pod.actor.orphans(3, end).into_iter().map(|(pid, _)| (pid, status)));
    }
    pod.wait_until_all_reaped();
    let mut records = Vec::new();
    until("nine records", || {
        records.extend(drain(&reader));
        records.len() >= 9
    });
    let after = now_ns();
    let got: BTreeMap<i32, i32> = records.iter().map(|record| (record.pid, record.status)).collect();
    assert_eq!(got, want);
    let numbers: Vec<u64> = records.iter().map(|record| record.sequence).collect();
    assert_eq!(numbers, (1..=9).collect::<Vec<u64>>());
    assert!(records.iter().all(|record| record.dropped == 0));
    assert!(records.is_sorted_by_key(|record| record.monotonic_ns));
    assert!(records.iter().all(|record| (before..=after).contains(&record.monotonic_ns)));
    pod.kill(Signal::SIGTERM);
    pod.assert_exit_code(0);
    assert_eq!(drain(&reader), [], "nothing but records");
}

pub fn full_pipe_counts_what_it_drops(init: Init) {
    const PAGE: i32 = 4096;
    const FITS: usize = PAGE as usize / Record::SIZE;
    let (start, reader) = start(init);
    fcntl(&reader, FcntlArg::F_SETPIPE_SZ(PAGE)).expect("a pipe of one page");
    let mut pod = start.run();
    pod.actor.orphans(200, End::Exit(0));
    pod.wait_until_all_reaped();
    pod.wait_until_asleep();
    let first = drain(&reader);
    assert_eq!(first.len(), FITS);
    assert!((1..).zip(&first).all(|(number, record)| record.sequence == number && record.dropped == 0));
    for (sequence, dropped) in [(201, 200 - FITS), (202, 0)] {
        pod.let_it_reap_one();
        let mut next = Vec::new();
        until("one more record", || {
            next.extend(drain(&reader));
            !next.is_empty()
        });
        assert_eq!(next.len(), 1);
        assert_eq!((next[0].sequence, next[0].dropped), (sequence, dropped as u32));
    }
    pod.kill(Signal::SIGTERM);
    pod.assert_exit_code(0);
}

/// As PID 1, and as a subreaper, which PIPE would kill.
pub fn the_reader_may_close_the_pipe(init: Init) {
    for first in [true, false] {
        let (_, writer) = pipe2(OFlag::O_CLOEXEC).expect("pipe");
        let start = if first { Start::as_pid_1(init) } else { Start::as_other_process(init) };
        let start = start.before(crate::support::before::subreaper).descriptor(writer, NUMBER);
        let mut pod = start.arguments(&["--report-fd=700"]).ready();
        pod.actor.orphans(100, End::Exit(0));
        pod.wait_until_all_reaped();
        pod.wait_until_asleep();
        pod.kill(Signal::SIGTERM);
        pod.assert_exit_code(0);
    }
}

/// `ps` shows the same as for the reference, although pause was started with arguments.
pub fn arguments_are_not_shown(init: Init) {
    let (start, _reader) = start(init);
    let mut pod = start.ready();
    let cmdline = std::fs::read(format!("/proc/{}/cmdline", pod.stat().pid)).expect("its command line");
    let name = cmdline.split(|byte| *byte == 0).next().expect("a name");
    assert!(!name.is_empty() && !name.starts_with(b"-"), "{cmdline:?}");
    assert_eq!(cmdline, [name, b"\0"].concat());
    pod.kill(Signal::SIGTERM);
    pod.assert_exit_code(0);
}
