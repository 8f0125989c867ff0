//! Whatever the parent left behind is set right.

use crate::{
    signals::{INTERRUPT, TERMINATED},
    support::{Init, Running, Start, before},
};
use nix::{
    fcntl::OFlag,
    libc,
    sys::{
        signal::Signal::{self, SIGCHLD, SIGHUP, SIGINT, SIGTERM},
        wait::WaitStatus,
    },
    unistd::{pipe2, write},
};
use std::{fs, os::fd::OwnedFd};

const NOT_FIRST: &str = "Warning: pause should be the first process\n";

pub fn term_pending_at_exec(init: Init) {
    for (signal, message) in [(SIGTERM, TERMINATED), (SIGINT, INTERRUPT)] {
        for ignored in [false, true] {
            let start = Start::first(init).before(move || before::block(&[signal]));
            let start = if ignored { start.before(move || before::ignore(&[signal])) } else { start };
            let mut pod = start.before(move || before::raise(signal)).run();
            pod.ends_with(0);
            assert_eq!(pod.stderr(), message);
        }
    }
}

/// However early it comes, it is heard once the parent has blocked it; else it may be lost on a
/// PID 1 or be the end of any other process, but nothing in between.
pub fn term_right_after_spawn(init: Init) {
    for _ in 0..20 {
        let mut pod = Start::not_first(init).before(|| before::block(&[SIGTERM])).run();
        pod.kill(SIGTERM);
        let end = pod.wait();
        let early = end == WaitStatus::Signaled(pod.pid, SIGTERM, false);
        assert!(early || end == WaitStatus::Exited(pod.pid, 0), "{end:?}");
    }
}

pub fn signals_blocked_by_the_parent(init: Init) {
    works(Start::first(init).before(|| before::block(&[SIGTERM, SIGINT, SIGCHLD, SIGHUP])).ready());
}

pub fn signals_ignored_by_the_parent(init: Init) {
    works(Start::first(init).before(|| before::ignore(&[SIGTERM, SIGINT, SIGCHLD])).ready());
}

fn works(mut pod: Running) {
    let of = |signals: &[Signal]| signals.iter().fold(0u64, |set, one| set | 1 << (*one as i32 - 1));
    let mask = |field| u64::from_str_radix(&pod.status(field), 16).expect("a mask");
    // While it waits, the kernel takes what it waits for out of the mask.
    pod.asleep();
    assert_eq!(mask("SigBlk"), of(&[Signal::SIGPIPE]), "nothing else stays blocked");
    assert_eq!(mask("SigIgn") & of(&[SIGTERM, SIGINT, SIGCHLD]), 0);
    pod.reaps_one();
    pod.kill(SIGTERM);
    pod.ends_with(0);
    assert_eq!(pod.stderr(), TERMINATED);
}

/// With CHLD ignored the kernel reaps in the init's place, and a stopped one collects no zombies.
/// The peers take that over from their parent; pause does not.
pub fn chld_ignored_by_the_parent(init: Init) {
    let pod = Start::first(init).before(|| before::ignore(&[SIGCHLD])).ready();
    let ignored = u64::from_str_radix(&pod.status("SigIgn"), 16).expect("a mask");
    assert_eq!(ignored >> (SIGCHLD as i32 - 1) & 1 == 1, init != Init::PauseInit, "{init:?}");
}

const LEAKED: [i32; 5] = [3, 4, 77, 500, 1000];

pub fn descriptors_are_closed(init: Init) {
    let pod = Start::first(init).before(|| before::leak_descriptors(&LEAKED)).ready();
    let open = pod.descriptors();
    match init {
        Init::PauseInit => assert_eq!(open, [0, 1, 2]),
        Init::Catatonit => assert!(!LEAKED.iter().any(|fd| *fd != 4 && open.contains(fd)), "but its own: {open:?}"),
        // It keeps what it was given.
        Init::Tini => assert!(LEAKED.iter().all(|fd| open.contains(fd)), "{open:?}"),
    }
}

/// As under a filter that does not know close_range(2); then between and around the report pipe.
pub fn descriptors_are_closed_without_close_range(init: Init) {
    for denied in [false, true] {
        let (_reader, writer) = pipe2(OFlag::O_CLOEXEC).expect("pipe");
        let start = Start::first(init).descriptor(writer, 700).arguments(&["--report-fd=700"]);
        let start = start.before(|| before::leak_descriptors(&LEAKED));
        let start = if denied { start.before(|| before::deny(libc::SYS_close_range, None)) } else { start };
        assert_eq!(start.ready().descriptors(), [0, 1, 2, 700]);
    }
}

pub fn directory_and_umask_are_reset(init: Init) {
    let pod = Start::first(init)
        .before(|| {
            // SAFETY: the path ends with zero.
            unsafe {
                libc::chdir(c"/tmp".as_ptr());
                libc::umask(0o777);
            }
        })
        .ready();
    assert_eq!(fs::read_link(format!("/proc/{}/cwd", pod.pid)).expect("cwd").as_os_str(), "/");
    assert_eq!(pod.status("Umask"), "0022");
}

/// tini ends: it tries to give its command the terminal, and takes EBADF for a failure. catatonit
/// goes on until its command ends, which it does at once without a standard input.
pub fn standard_streams_may_be_closed(init: Init) {
    let start = Start::first(init).before(|| before::close(&[0, 1, 2]));
    if init != Init::PauseInit {
        start.run().ends_with(1);
        return;
    }
    let mut pod = start.ready();
    assert!(pod.descriptors().is_empty());
    pod.kill(SIGTERM);
    pod.ends_with(0);
}

/// Who stops reading pause's words must not hold up the end of the pod.
pub fn stderr_may_be_full(init: Init) {
    let (_reader, writer) = pipe2(OFlag::O_CLOEXEC).expect("pipe");
    fill(&writer);
    for start in [Start::first(init), Start::not_first(init).before(before::subreaper)] {
        let mut pod = start.descriptor(writer.try_clone().expect("dup"), 2).ready();
        pod.kill(SIGTERM);
        pod.ends_with(0);
    }
}

fn fill(writer: &OwnedFd) {
    use nix::fcntl::{FcntlArg, fcntl};
    fcntl(writer, FcntlArg::F_SETFL(OFlag::O_NONBLOCK)).expect("fcntl");
    while write(writer, &[0; 4096]).is_ok() {}
    fcntl(writer, FcntlArg::F_SETFL(OFlag::empty())).expect("fcntl");
}

/// As any process but PID 1 it would be killed by PIPE.
pub fn stderr_may_have_no_reader(init: Init) {
    let (_, writer) = pipe2(OFlag::O_CLOEXEC).expect("pipe");
    let mut pod = Start::not_first(init).before(before::subreaper).descriptor(writer, 2).ready();
    pod.kill(SIGTERM);
    pod.ends_with(0);
}

pub fn not_first_warns_and_goes_on(init: Init) {
    let mut pod = Start::not_first(init).before(before::subreaper).ready();
    pod.kill(SIGTERM);
    let end = pod.wait();
    assert_eq!(end, init.end_by(pod.pid, SIGTERM));
    if init == Init::PauseInit {
        assert_eq!(pod.stderr(), format!("{NOT_FIRST}{TERMINATED}"));
    }
}
