//! Starting an init the way Podscope does: cloned into a new pid namespace, from a memfd.

use super::{
    actor::{self, Actor},
    child::{self, must},
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
    /// As PID 1 of a new pid namespace.
    pub fn first(init: Init) -> Start {
        Start { init, arguments: Vec::new(), first: true, descriptors: Vec::new(), before: Vec::new() }
    }

    /// As any other process.
    pub fn not_first(init: Init) -> Start {
        Start { first: false, ..Start::first(init) }
    }

    pub fn arguments(mut self, arguments: &[&str]) -> Start {
        self.arguments.extend(arguments.iter().map(|arg| (*arg).to_owned()));
        self
    }

    /// Hands it a descriptor under this number.
    pub fn descriptor(mut self, fd: OwnedFd, number: i32) -> Start {
        self.descriptors.push((fd, number));
        self
    }

    /// What its parent did to it: runs in the child, under the rules of `child`.
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
        // SAFETY: the child keeps to the rules of `child`; all it needs was made before.
        let pid = unsafe { child::fork(flags) };
        if pid == 0 {
            plan.carry_out();
        }
        assert!(pid > 0, "clone with {flags:#x}: {}; are user and pid namespaces allowed?", Errno::last());
        Running::new(self.init, Pid::from_raw(pid), actor, [stdin, stdout, stderr])
    }

    /// Started, and at work: it has reaped something, and sleeps. A peer must have its command first:
    /// catatonit never hears of a child that ended before.
    pub fn ready(self) -> Running {
        let running = self.run();
        until("the init has what it starts", || running.init.keeps(&running.children()));
        running.reaps_one();
        running.asleep();
        running
    }
}

/// Descriptors from here on are the child's own.
const HIGH: i32 = 900;

/// All the child needs, made before it exists.
struct Plan<'a> {
    start: &'a Start,
    program: &'a OwnedFd,
    argv: &'a [*const libc::c_char],
    streams: [&'a OwnedFd; 3],
    actor: &'a OwnedFd,
}

impl Plan<'_> {
    fn carry_out(&self) -> ! {
        child::defaults();
        // SAFETY: the child lives until this thread ends; the actor until the init does, or the test.
        let program = unsafe {
            must(libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL) == 0);
            match child::fork(0) {
                0 => actor::live(self.actor),
                pid => must(pid > 0),
            }
            // Out of the way of whatever number a test gives away.
            let program = libc::fcntl(self.program.as_raw_fd(), libc::F_DUPFD_CLOEXEC, HIGH);
            must(program >= HIGH);
            for (number, stream) in (0..).zip(self.streams) {
                must(libc::dup2(stream.as_raw_fd(), number) == number);
            }
            for (fd, number) in &self.start.descriptors {
                must(libc::dup2(fd.as_raw_fd(), *number) == *number);
            }
            program
        };
        for act in &self.start.before {
            act();
        }
        let environment = [ptr::null::<libc::c_char>()];
        // SAFETY: both arrays end with null and their strings with zero.
        unsafe {
            let (argv, envp) = (self.argv.as_ptr(), environment.as_ptr());
            libc::syscall(libc::SYS_execveat, program, c"".as_ptr(), argv, envp, libc::AT_EMPTY_PATH);
        }
        child::leave(122)
    }
}
