//! A running init, as the test sees it.

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

/// A running init. It is killed on drop, and its pid namespace with it.
#[derive(Debug)]
pub struct Running {
    pub init: Init,
    /// Its pid in the test's pid namespace.
    pub pid: Pid,
    pub actor: Actor,
    _stdin: OwnedFd,
    stdout: OwnedFd,
    stderr: OwnedFd,
    ended: Option<WaitStatus>,
}

impl Running {
    /// Takes a child that was just cloned, and our ends of its standard streams.
    pub fn new(init: Init, pid: Pid, actor: Actor, [stdin, stdout, stderr]: [OwnedFd; 3]) -> Running {
        Running { init, pid, actor, _stdin: stdin, stdout, stderr, ended: None }
    }

    pub fn stat(&self) -> Stat {
        Stat::read(self.pid.as_raw()).expect("the init lives")
    }

    pub fn status(&self, field: &str) -> String {
        status_field(self.pid.as_raw(), field)
    }

    /// How often it has gone to sleep.
    pub fn sleep_count(&self) -> u64 {
        self.status("voluntary_ctxt_switches").parse().expect("a number")
    }

    /// Waits until it is asleep, and returns how often it has gone to sleep. State `S` is not enough: wait4(2) sets it
    /// while it still looks for children. `/proc/PID/syscall` is: it waits for the context switch
    /// (`task_current_syscall` in lib/syscall.c), and shows the system call.
    pub fn wait_until_asleep(&self) -> u64 {
        until_some("the init sleeps", || {
            let text = fs::read_to_string(format!("/proc/{}/syscall", self.pid)).ok()?;
            let call: libc::c_long = text.split(' ').next()?.parse().ok()?;
            let waits = self.init != Init::PauseInit || call == libc::SYS_rt_sigtimedwait;
            waits.then(|| self.sleep_count())
        })
    }

    pub fn wait_until_stopped(&self) {
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

    /// Waits until only the children are left that are to stay.
    pub fn wait_until_all_reaped(&self) {
        until("every orphan is reaped", || self.init.keeps_only(&self.children()));
    }

    /// Makes an orphan and waits until it is reaped: then the init lives, and has handled all signals sent before.
    pub fn let_it_reap_one(&self) {
        self.actor.orphans(1, End::Exit(0));
        self.wait_until_all_reaped();
    }

    /// Its open descriptors.
    pub fn descriptors(&self) -> Vec<i32> {
        let dir = fs::read_dir(format!("/proc/{}/fd", self.pid)).expect("fd");
        let mut numbers: Vec<i32> = dir.flatten().filter_map(|e| e.file_name().to_str()?.parse().ok()).collect();
        numbers.sort_unstable();
        numbers
    }

    /// Waits until it has ended. Fails if it does not end.
    pub fn wait(&mut self) -> WaitStatus {
        let pid = self.pid;
        let ended = until_some("the init ends", || {
            let status = waitpid(pid, Some(WaitPidFlag::WNOHANG)).expect("waitpid");
            (status != WaitStatus::StillAlive).then_some(status)
        });
        self.ended = Some(ended);
        ended
    }

    pub fn assert_exit_code(&mut self, code: i32) {
        assert_eq!(self.wait(), WaitStatus::Exited(self.pid, code), "stderr: {}", self.stderr());
    }

    /// What it wrote to stdout; call it only after the init has ended.
    pub fn stdout(&self) -> String {
        self.read_output(&self.stdout)
    }

    pub fn stderr(&self) -> String {
        self.read_output(&self.stderr)
    }

    fn read_output(&self, stream: &OwnedFd) -> String {
        assert!(self.ended.is_some(), "it may still write");
        // Not up to the end of file: a child of a peer may live and keep the stream open.
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
            // No error is possible, since it is our own child.
            let _ = kill(self.pid, Signal::SIGKILL);
            let end = waitpid(self.pid, None);
            if thread::panicking() {
                self.ended = end.ok();
                eprintln!("ended: {end:?}; stdout: {:?}, stderr: {:?}", self.stdout(), self.stderr());
            }
        }
    }
}
