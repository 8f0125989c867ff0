//! State inherited from the parent is reset.

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

pub fn a_term_pending_at_exec_ends_it(init: Init) {
    for (signal, message) in [(SIGTERM, TERMINATED), (SIGINT, INTERRUPT)] {
        for ignored in [false, true] {
            let start = Start::as_pid_1(init).before(move || before::block(&[signal]));
            let start = if ignored { start.before(move || before::ignore(&[signal])) } else { start };
            let mut pod = start.before(move || before::raise(signal)).run();
            pod.assert_exit_code(0);
            assert_eq!(pod.stderr(), message);
        }
    }
}

/// A TERM that comes early ends the init: either before its exec by the default action, or with code 0 by its own code.
/// Nothing else happens in between.
pub fn an_early_term_ends_it(init: Init) {
    for _ in 0..20 {
        let mut pod = Start::as_other_process(init).before(|| before::block(&[SIGTERM])).run();
        pod.kill(SIGTERM);
        let end = pod.wait();
        let early = end == WaitStatus::Signaled(pod.pid, SIGTERM, false);
        assert!(early || end == WaitStatus::Exited(pod.pid, 0), "{end:?}");
    }
}

pub fn signals_blocked_by_the_parent_are_unblocked(init: Init) {
    assert_it_works(Start::as_pid_1(init).before(|| before::block(&[SIGTERM, SIGINT, SIGCHLD, SIGHUP])).ready());
}

pub fn signals_ignored_by_the_parent_are_reset(init: Init) {
    assert_it_works(Start::as_pid_1(init).before(|| before::ignore(&[SIGTERM, SIGINT, SIGCHLD])).ready());
}

fn assert_it_works(mut pod: Running) {
    let of = |signals: &[Signal]| signals.iter().fold(0u64, |set, one| set | 1 << (*one as i32 - 1));
    let mask = |field| u64::from_str_radix(&pod.status(field), 16).expect("a mask");
    // While it waits, the kernel removes the signals that it waits for from the mask.
    pod.wait_until_asleep();
    assert_eq!(mask("SigBlk"), of(&[Signal::SIGPIPE]), "nothing else stays blocked");
    assert_eq!(mask("SigIgn") & of(&[SIGTERM, SIGINT, SIGCHLD]), 0);
    pod.let_it_reap_one();
    pod.kill(SIGTERM);
    pod.assert_exit_code(0);
    assert_eq!(pod.stderr(), TERMINATED);
}

/// With CHLD ignored the kernel itself reaps, so a stopped init collects no zombies. The peers inherit that; pause does
/// not.
pub fn only_pause_resets_an_ignored_chld(init: Init) {
    let pod = Start::as_pid_1(init).before(|| before::ignore(&[SIGCHLD])).ready();
    let ignored = u64::from_str_radix(&pod.status("SigIgn"), 16).expect("a mask");
    assert_eq!(ignored >> (SIGCHLD as i32 - 1) & 1 == 1, init != Init::PauseInit, "{init:?}");
}

const LEAKED: [i32; 5] = [3, 4, 77, 500, 1000];

pub fn descriptors_are_closed(init: Init) {
    let pod = Start::as_pid_1(init).before(|| before::leak_descriptors(&LEAKED)).ready();
    let open = pod.descriptors();
    match init {
        Init::PauseInit => assert_eq!(open, [0, 1, 2]),
        Init::Catatonit => assert!(!LEAKED.iter().any(|fd| *fd != 4 && open.contains(fd)), "except its own: {open:?}"),
        // tini closes nothing.
        Init::Tini => assert!(LEAKED.iter().all(|fd| open.contains(fd)), "{open:?}"),
    }
}

/// Also under a filter that forbids close_range(2): descriptors below and above the report pipe are closed.
pub fn descriptors_are_closed_without_close_range(init: Init) {
    for denied in [false, true] {
        let (_reader, writer) = pipe2(OFlag::O_CLOEXEC).expect("pipe");
        let start = Start::as_pid_1(init).descriptor(writer, 700).arguments(&["--report-fd=700"]);
        let start = start.before(|| before::leak_descriptors(&LEAKED));
        let start = if denied { start.before(|| before::deny(libc::SYS_close_range, None)) } else { start };
        assert_eq!(start.ready().descriptors(), [0, 1, 2, 700]);
    }
}

pub fn directory_and_umask_are_reset(init: Init) {
    let pod = Start::as_pid_1(init)
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

/// tini exits: it tries to give its command the terminal, and treats EBADF as a failure. catatonit continues until its
/// command ends, which it does at once without standard input.
pub fn standard_streams_may_be_closed(init: Init) {
    let start = Start::as_pid_1(init).before(|| before::close(&[0, 1, 2]));
    if init != Init::PauseInit {
        start.run().assert_exit_code(1);
        return;
    }
    let mut pod = start.ready();
    assert!(pod.descriptors().is_empty());
    pod.kill(SIGTERM);
    pod.assert_exit_code(0);
}

/// A reader that stops reading pause's stderr must not delay the end of the pod.
pub fn stderr_may_be_full(init: Init) {
    let (_reader, writer) = pipe2(OFlag::O_CLOEXEC).expect("pipe");
    fill(&writer);
    for start in [Start::as_pid_1(init), Start::as_other_process(init).before(before::subreaper)] {
        let mut pod = start.descriptor(writer.try_clone().expect("dup"), 2).ready();
        pod.kill(SIGTERM);
        pod.assert_exit_code(0);
    }
}

fn fill(writer: &OwnedFd) {
    use nix::fcntl::{FcntlArg, fcntl};
    fcntl(writer, FcntlArg::F_SETFL(OFlag::O_NONBLOCK)).expect("fcntl");
    while write(writer, &[0; 4096]).is_ok() {}
    fcntl(writer, FcntlArg::F_SETFL(OFlag::empty())).expect("fcntl");
}

/// A process that is not PID 1 would be killed by PIPE.
pub fn stderr_may_have_no_reader(init: Init) {
    let (_, writer) = pipe2(OFlag::O_CLOEXEC).expect("pipe");
    let mut pod = Start::as_other_process(init).before(before::subreaper).descriptor(writer, 2).ready();
    pod.kill(SIGTERM);
    pod.assert_exit_code(0);
}

pub fn it_warns_if_it_is_not_pid_1(init: Init) {
    let mut pod = Start::as_other_process(init).before(before::subreaper).ready();
    pod.kill(SIGTERM);
    let end = pod.wait();
    assert_eq!(end, init.exit_status_after(pod.pid, SIGTERM));
    if init == Init::PauseInit {
        assert_eq!(pod.stderr(), format!("{NOT_FIRST}{TERMINATED}"));
    }
}
