//! The command line, exit codes, and the executable file.

use crate::{
    signals::TERMINATED,
    support::{Init, Start, before},
};
use nix::{libc, sys::signal::Signal};

pub fn version_is_printed(init: Init) {
    for arguments in [&["-v"][..], &["-V"], &["x", "-v"], &["--report-fd", "-V"], &["--report-fd=x", "-v"]] {
        let mut pause = Start::as_pid_1(init).arguments(arguments).run();
        pause.assert_exit_code(0);
        assert_eq!(pause.stdout(), format!("pause.c {}\n", pause_init::VERSION));
        assert_eq!(pause.stderr(), "");
    }
}

pub fn version_without_stdout_exits_0(init: Init) {
    let mut pause = Start::as_pid_1(init).arguments(&["-v"]).before(|| before::close(&[0, 1, 2])).run();
    pause.assert_exit_code(0);
}

pub fn other_arguments_are_ignored(init: Init) {
    let others = ["", "-", "--", "-vv", "--version", "-h", "--no-reaper", "--report-fds=x", "--reap-delay-msec", "8"];
    let mut pause = Start::as_pid_1(init).arguments(&others).ready();
    pause.kill(Signal::SIGTERM);
    pause.assert_exit_code(0);
    assert_eq!(pause.stderr(), TERMINATED);
}

pub fn wrong_values_exit_64(init: Init) {
    const FD: &str = "--report-fd wants an open, writable descriptor above 2";
    const MS: &str = "--reap-delay-ms wants milliseconds, 0 to 4294967295";
    let cases: [(&[&str], String); 14] = [
        (&["--report-fd"], format!("{FD}, got nothing")),
        (&["--report-fd="], format!("{FD}, got \"\"")),
        (&["--report-fd", "2"], format!("{FD}, got \"2\"")),
        (&["--report-fd=ten"], format!("{FD}, got \"ten\"")),
        (&["--report-fd", "-1"], format!("{FD}, got \"-1\"")),
        (&["--report-fd", "99"], format!("{FD}, got \"99\"")),
        (&["--report-fd", "4294967296"], format!("{FD}, got \"4294967296\"")),
        (&["--report-fd", "2147483648"], format!("{FD}, got \"2147483648\"")),
        (&["--reap-delay-ms"], format!("{MS}, got nothing")),
        (&["--reap-delay-ms=1s"], format!("{MS}, got \"1s\"")),
        (&["--reap-delay-ms", "4294967296"], format!("{MS}, got \"4294967296\"")),
        (&["ignored", "--reap-delay-ms", "99999999999"], format!("{MS}, got \"99999999999\"")),
        (&["--no-reap=yes"], "--no-reap takes no value, got \"yes\"".to_owned()),
        (&["--no-reap="], "--no-reap takes no value, got \"\"".to_owned()),
    ];
    for (arguments, why) in cases {
        let mut pause = Start::as_pid_1(init).arguments(arguments).run();
        pause.assert_exit_code(64);
        assert_eq!(pause.stderr(), format!("pause: {why}\n"));
        assert_eq!(pause.stdout(), "");
    }
    let (reader, _writer) = nix::unistd::pipe().expect("pipe");
    let mut pause = Start::as_pid_1(init).descriptor(reader, 9).arguments(&["--report-fd", "9"]).run();
    pause.assert_exit_code(64);
    assert_eq!(pause.stderr(), format!("pause: {FD}, got \"9\"\n"), "a read end");
}

pub fn refused_system_calls_have_their_exit_code(init: Init) {
    let action = |signal: Signal| (libc::SYS_rt_sigaction, Some(signal as u32));
    let cases = [
        ((libc::SYS_rt_sigprocmask, None), 1, ""),
        (action(Signal::SIGINT), 1, ""),
        (action(Signal::SIGTERM), 2, ""),
        (action(Signal::SIGCHLD), 3, ""),
        ((libc::SYS_rt_sigtimedwait, None), 42, "Error: infinite loop terminated\n"),
    ];
    for ((call, argument), code, message) in cases {
        let mut pause = Start::as_pid_1(init).before(move || before::deny(call, argument)).run();
        pause.assert_exit_code(code);
        assert_eq!(pause.stderr(), message);
    }
}

pub fn the_file_is_small_and_static(_: Init) {
    let elf = pause_init::ELF;
    assert!(elf.len() <= 4096, "{} bytes", elf.len());
    assert_eq!(elf[..4], *b"\x7fELF");
    let half = |at: usize| u16::from_ne_bytes([elf[at], elf[at + 1]]);
    let word = |at: usize| u32::from_ne_bytes([elf[at], elf[at + 1], elf[at + 2], elf[at + 3]]);
    assert_eq!(half(16), 2, "ET_EXEC: static and not relocatable");
    const LOAD: u32 = 1;
    const GNU_STACK: u32 = 0x6474_e551;
    let headers = (0..usize::from(half(56))).map(|i| 64 + 56 * i);
    let segments: Vec<_> = headers.map(|at| (word(at), word(at + 4))).collect();
    assert_eq!(
        segments,
        [(LOAD, 5), (GNU_STACK, 6)],
        "one segment to read and execute, and a stack that is not executable"
    );
}
