//! Starts an init as Podscope does: cloned into a new pid namespace, and executed from a memfd.

use super::{
    actor::{self, Actor},
    child::{self, exit_unless},
    init::Init,
    process::until,
    running::Running,
};
use nix::{
    errno::Errno,
    fcntl::OFlag,
    libc,
    unistd::{Pid, geteuid, pipe2},
};
use std::{
    ffi::CString,
    os::fd::{AsRawFd, OwnedFd},
    ptr,
};

type Before = Box<dyn Fn()>;

/// What to start, and how.
pub struct Start {
    init: Init,
    arguments: Vec<String>,
    first: bool,
    descriptors: Vec<(OwnedFd, i32)>,
    before: Vec<Before>,
}

impl Start {
    /// Starts it as PID 1 of a new pid namespace.
    pub fn as_pid_1(init: Init) -> Start {
        Start { init, arguments: Vec::new(), first: true, descriptors: Vec::new(), before: Vec::new() }
    }

    /// Starts it as an ordinary process.
    pub fn as_other_process(init: Init) -> Start {
        Start { first: false, ..Start::as_pid_1(init) }
    }

    pub fn arguments(mut self, arguments: &[&str]) -> Start {
        self.arguments.extend(arguments.iter().map(|arg| (*arg).to_owned()));
        self
    }

    /// Passes it a descriptor with this number.
    pub fn descriptor(mut self, fd: OwnedFd, number: i32) -> Start {
        self.descriptors.push((fd, number));
        self
    }

    /// Runs `act` in the child before the exec, under the rules of module `child`.
    pub fn before(mut self, act: impl Fn() + 'static) -> Start {
        self.before.push(Box::new(act));
        self
    }

    pub fn run(self) -> Running {
        let program = self.init.program();
        let arguments: Vec<CString> = (self.init.command().iter().copied())
            .chain(self.arguments.iter().map(String::as_str))
            .map(|arg| CString::new(arg).expect("no zero in an argument"))
            .collect();
        let argv: Vec<_> = arguments.iter().map(|arg| arg.as_ptr()).chain([ptr::null()]).collect();
        let (input, stdin) = pipe2(OFlag::O_CLOEXEC).expect("pipe");
        let (stdout, out) = pipe2(OFlag::O_CLOEXEC).expect("pipe");
        let (stderr, err) = pipe2(OFlag::O_CLOEXEC).expect("pipe");
        let (actor, its_end) = Actor::new();
        let plan =
            Plan { start: &self, program: &program, argv: &argv, streams: [&input, &out, &err], actor: &its_end };
        let flags = match (self.first, geteuid().is_root()) {
            (false, _) => 0,
            (true, true) => libc::CLONE_NEWPID,
            (true, false) => libc::CLONE_NEWPID | libc::CLONE_NEWUSER,
        };
        // SAFETY: the child follows the rules of module `child`; everything it needs exists already.
        let pid = unsafe { child::fork(flags) };
        if pid == 0 {
            plan.exec();
        }
        assert!(pid > 0, "clone with {flags:#x}: {}; are user and pid namespaces allowed?", Errno::last());
        Running::new(self.init, Pid::from_raw(pid), actor, [stdin, stdout, stderr])
    }

    /// Starts it, and waits until it has reaped a child and sleeps. A peer must have its command first: catatonit never
    /// notices a child that ended before that.
    pub fn ready(self) -> Running {
        let running = self.run();
        until("the init has what it starts", || running.init.keeps_only(&running.children()));
        running.let_it_reap_one();
        running.wait_until_asleep();
        running
    }
}

/// Descriptors from this number on are for the child itself.
const HIGH: i32 = 900;

/// Everything the child needs, created before it.
struct Plan<'a> {
    start: &'a Start,
    program: &'a OwnedFd,
    argv: &'a [*const libc::c_char],
    streams: [&'a OwnedFd; 3],
    actor: &'a OwnedFd,
}

impl Plan<'_> {
    fn exec(&self) -> ! {
        child::defaults();
        // SAFETY: the child ends with this thread; the actor ends with the init or with the test.
        let program = unsafe {
            exit_unless(libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL) == 0);
            match child::fork(0) {
                0 => actor::run(self.actor),
                pid => exit_unless(pid > 0),
            }
            // Keep it away from descriptor numbers that a test uses.
            let program = libc::fcntl(self.program.as_raw_fd(), libc::F_DUPFD_CLOEXEC, HIGH);
            exit_unless(program >= HIGH);
            for (number, stream) in (0..).zip(self.streams) {
                exit_unless(libc::dup2(stream.as_raw_fd(), number) == number);
            }
            for (fd, number) in &self.start.descriptors {
                exit_unless(libc::dup2(fd.as_raw_fd(), *number) == *number);
            }
            program
        };
        for act in &self.start.before {
            act();
        }
        let environment = [ptr::null::<libc::c_char>()];
        // SAFETY: both arrays end with null, and their strings with a zero byte.
        unsafe {
            let (argv, envp) = (self.argv.as_ptr(), environment.as_ptr());
            libc::syscall(libc::SYS_execveat, program, c"".as_ptr(), argv, envp, libc::AT_EMPTY_PATH);
        }
        child::exit_child(122)
    }
}
