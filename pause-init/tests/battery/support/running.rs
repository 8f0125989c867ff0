//! An init at work, as the test sees it.

use super::{
    actor::{Actor, End},
    init::Init,
    process::{Stat, children, status_field, until, until_some},
};
use nix::{
    fcntl::{FcntlArg, OFlag, fcntl},
    libc,
    sys::{
        signal::{Signal, kill},
        wait::{WaitPidFlag, WaitStatus, waitpid},
    },
    unistd::{Pid, read},
};
use std::{fs, os::fd::OwnedFd, thread};

/// An init at work; killed, and with it its pid namespace, when it goes out of scope.
#[derive(Debug)]
pub struct Running {
    pub init: Init,
    /// As the test sees it.
    pub pid: Pid,
    pub actor: Actor,
    _stdin: OwnedFd,
    stdout: OwnedFd,
    stderr: OwnedFd,
    ended: Option<WaitStatus>,
}

impl Running {
    /// Of a child just cloned, and our ends of its standard streams.
    pub fn new(init: Init, pid: Pid, actor: Actor, [stdin, stdout, stderr]: [OwnedFd; 3]) -> Running {
        Running { init, pid, actor, _stdin: stdin, stdout, stderr, ended: None }
    }

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

    /// Waits until it is asleep; how often it went to sleep so far. State `S` does not tell: wait4(2)
    /// sets it while it still looks for children. `syscall` does: it waits for the switch
    /// (`task_current_syscall` in lib/syscall.c), and says which call it is.
    pub fn asleep(&self) -> u64 {
        until_some("the init sleeps", || {
            let text = fs::read_to_string(format!("/proc/{}/syscall", self.pid)).ok()?;
            let call: libc::c_long = text.split(' ').next()?.parse().ok()?;
            let waits = self.init != Init::PauseInit || call == libc::SYS_rt_sigtimedwait;
            waits.then(|| self.sleeps())
        })
    }

    pub fn is_stopped(&self) {
        until("the init is stopped", || self.stat().state == 'T');
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
        until("every orphan is reaped", || self.init.keeps(&self.children()));
    }

    /// A round trip: proof that it lives, and that what it was sent before has been acted on.
    pub fn reaps_one(&self) {
        self.actor.orphans(1, End::Exit(0));
        self.reaps_all();
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
        let ended = until_some("the init ends", || {
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
        // Not up to the end of file: a child of a peer's may live on and hold it open.
        fcntl(stream, FcntlArg::F_SETFL(OFlag::O_NONBLOCK)).expect("fcntl");
        let mut said = Vec::new();
        let mut bytes = [0; 4096];
        while let Ok(1..) = read(stream, &mut bytes).inspect(|len| said.extend(&bytes[..*len])) {}
        String::from_utf8(said).expect("text")
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if self.ended.is_none() {
            if thread::panicking() {
                eprintln!(
                    "{:?} was {:?}, its children {:?}",
                    self.init,
                    Stat::read(self.pid.as_raw()),
                    self.children()
                );
            }
            // Nothing can be done about an error, and none is possible: it is our own child.
            let _ = kill(self.pid, Signal::SIGKILL);
            let end = waitpid(self.pid, None);
            if thread::panicking() {
                self.ended = end.ok();
                eprintln!("ended: {end:?}; stdout: {:?}, stderr: {:?}", self.stdout(), self.stderr());
            }
        }
    }
}
