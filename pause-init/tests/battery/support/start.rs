//! Starting an init the way Podscope does: cloned into a new pid namespace, from a memfd.

use super::{
    actor::{self, Actor},
    child::{self, must},
    process::{Stat, children, status_field, until},
};
use nix::{
    errno::Errno,
    fcntl::OFlag,
    libc,
    sys::{
        memfd::{MFdFlags, memfd_create},
        signal::{Signal, kill},
        wait::{WaitPidFlag, WaitStatus, waitpid},
    },
    unistd::{Pid, geteuid, pipe2, write},
};
use std::{
    ffi::CString,
    fs::{self, File},
    io::Read as _,
    os::fd::{AsRawFd, OwnedFd},
    path::Path,
    ptr,
    sync::OnceLock,
};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Init {
    PauseInit,
    Catatonit,
    Tini,
}

impl Init {
    /// The peers end with a child of theirs: `sleep`, which they start first.
    fn command(self) -> &'static [&'static str] {
        match self {
            Init::PauseInit => &["pause"],
            Init::Catatonit => &["catatonit", "--", "/bin/sleep", "infinity"],
            Init::Tini => &["tini", "--", "/bin/sleep", "infinity"],
        }
    }

    /// The program, as a descriptor to execute.
    fn program(self) -> OwnedFd {
        static PAUSE: OnceLock<OwnedFd> = OnceLock::new();
        let (path, package) = match self {
            Init::PauseInit => {
                let memfd = PAUSE.get_or_init(|| {
                    let memfd = memfd_create(c"pause", MFdFlags::MFD_CLOEXEC).expect("memfd_create");
                    assert_eq!(write(&memfd, pause_init::ELF), Ok(pause_init::ELF.len()));
                    memfd
                });
                return memfd.try_clone().expect("dup");
            }
            Init::Catatonit => ("/usr/bin/catatonit", "catatonit"),
            Init::Tini => ("/usr/bin/tini", "tini"),
        };
        let file = File::open(Path::new(path));
        file.unwrap_or_else(|e| panic!("{path}: {e}; install the package `{package}`")).into()
    }

    /// How it ends when it is told to: a peer passes the signal on and ends as its child did.
    pub fn end_by(self, pid: Pid, signal: Signal) -> WaitStatus {
        let code = if self == Init::PauseInit { 0 } else { 128 + signal as i32 };
        WaitStatus::Exited(pid, code)
    }

    /// How many children it has of its own: the actor, and a peer's command.
    fn own_children(self) -> usize {
        if self == Init::PauseInit { 1 } else { 2 }
    }
}

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
        let (stdout, out) = pipe2(OFlag::O_CLOEXEC).expect("pipe");
        let (stderr, err) = pipe2(OFlag::O_CLOEXEC).expect("pipe");
        let (actor, its_end) = Actor::new();
        let plan = Plan { start: &self, program: &program, argv: &argv, streams: [&out, &err], actor: &its_end };
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
        Running { init: self.init, pid: Pid::from_raw(pid), actor, stdout, stderr, ended: None }
    }

    /// Started, and at work: it has reaped something.
    pub fn ready(self) -> Running {
        let running = self.run();
        running.reaps_one();
        running
    }
}

/// All the child needs, made before it exists.
struct Plan<'a> {
    start: &'a Start,
    program: &'a OwnedFd,
    argv: &'a [*const libc::c_char],
    streams: [&'a OwnedFd; 2],
    actor: &'a OwnedFd,
}

impl Plan<'_> {
    fn carry_out(&self) -> ! {
        child::defaults();
        // SAFETY: the child lives until this thread ends; the actor until the init does, or the test.
        unsafe {
            must(libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL) == 0);
            match child::fork(0) {
                0 => actor::live(self.actor),
                pid => must(pid > 0),
            }
            for (number, stream) in (1..).zip(self.streams) {
                must(libc::dup2(stream.as_raw_fd(), number) == number);
            }
            for (fd, number) in &self.start.descriptors {
                must(libc::dup2(fd.as_raw_fd(), *number) == *number);
            }
        }
        for act in &self.start.before {
            act();
        }
        let environment = [ptr::null::<libc::c_char>()];
        // SAFETY: both arrays end with null and their strings with zero.
        unsafe {
            let (argv, envp) = (self.argv.as_ptr(), environment.as_ptr());
            let program = self.program.as_raw_fd();
            libc::syscall(libc::SYS_execveat, program, c"".as_ptr(), argv, envp, libc::AT_EMPTY_PATH);
        }
        child::leave(122)
    }
}

/// An init at work; killed, and with it its pid namespace, when it goes out of scope.
#[derive(Debug)]
pub struct Running {
    pub init: Init,
    /// As the test sees it.
    pub pid: Pid,
    pub actor: Actor,
    stdout: OwnedFd,
    stderr: OwnedFd,
    ended: Option<WaitStatus>,
}

impl Running {
    pub fn stat(&self) -> Stat {
        Stat::read(self.pid.as_raw()).expect("the init lives")
    }

    pub fn status(&self, field: &str) -> String {
        status_field(self.pid.as_raw(), field)
    }

    /// How often it went to sleep.
    pub fn sleeps(&self) -> u64 {
        self.status("voluntary_ctxt_switches").parse().expect("a number")
    }

    pub fn kill(&self, signal: Signal) {
        kill(self.pid, signal).expect("the init is there");
    }

    pub fn zombies(&self) -> usize {
        self.children().iter().filter(|child| child.state == 'Z').count()
    }

    pub fn children(&self) -> Vec<Stat> {
        children(self.pid.as_raw())
    }

    /// Waits until only those children are left that are meant to live.
    pub fn reaps_all(&self) {
        until("every orphan is reaped", || self.children().len() == self.init.own_children());
    }

    /// A round trip: proof that it lives, and that what it was sent before has been acted on.
    pub fn reaps_one(&self) {
        self.actor.orphans(1, actor::End::Exit(0));
        self.reaps_all();
    }

    pub fn is_in_state(&self, state: char) {
        until("the init's state", || self.stat().state == state);
    }

    /// Descriptors it has open.
    pub fn descriptors(&self) -> Vec<i32> {
        let dir = fs::read_dir(format!("/proc/{}/fd", self.pid)).expect("fd");
        let mut numbers: Vec<i32> = dir.flatten().filter_map(|e| e.file_name().to_str()?.parse().ok()).collect();
        numbers.sort_unstable();
        numbers
    }

    /// Waits for its end, which must come.
    pub fn wait(&mut self) -> WaitStatus {
        let pid = self.pid;
        let ended = super::until_some("the init ends", || {
            let status = waitpid(pid, Some(WaitPidFlag::WNOHANG)).expect("waitpid");
            (status != WaitStatus::StillAlive).then_some(status)
        });
        self.ended = Some(ended);
        ended
    }

    pub fn ends_with(&mut self, code: i32) {
        assert_eq!(self.wait(), WaitStatus::Exited(self.pid, code), "stderr: {}", self.stderr());
    }

    /// What it said, once it has ended.
    pub fn stdout(&self) -> String {
        self.said(&self.stdout)
    }

    pub fn stderr(&self) -> String {
        self.said(&self.stderr)
    }

    fn said(&self, stream: &OwnedFd) -> String {
        assert!(self.ended.is_some(), "it may have more to say");
        let mut text = String::new();
        File::from(stream.try_clone().expect("dup")).read_to_string(&mut text).expect("text");
        text
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if self.ended.is_none() {
            // Nothing can be done about an error, and none is possible: it is our own child.
            let _ = kill(self.pid, Signal::SIGKILL);
            let _ = waitpid(self.pid, None);
        }
    }
}
