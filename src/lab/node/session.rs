//! Executes programs in a running container.

use std::os::fd::{AsFd, OwnedFd};

use nix::errno::Errno;
use nix::fcntl::OFlag;
use nix::sys::signal::{Signal, killpg};
use nix::unistd::{Pid, pipe2};

use super::event_loop::{Node, Role, Session, Timer, Watch};
use super::process::{self, ProcessSpec, Program};
use super::streams::{NodeEnds, Stdio};
use super::{attach, spawn, start};
use crate::lab::protocol::{Answer, Call, ExecStreams, Stream, StreamRequest};
use crate::model::Member;
use crate::sys::limits;

/// Chooses the program's standard streams; also returns the other end of its standard input.
fn stdio(wanted: StreamRequest) -> Result<(Option<OwnedFd>, Stdio), Answer> {
    if wanted.terminal {
        return Ok((None, Stdio::Terminal(wanted.size)));
    }
    if !wanted.stdin {
        return Ok((None, Stdio::Output));
    }
    let (read, write) = pipe2(OFlag::O_CLOEXEC).map_err(|e| Answer::Failed(format!("make a pipe: {}", e.desc())))?;
    Ok((Some(write), Stdio::Input(read)))
}

impl Node {
    pub(super) fn exec(
        &mut self,
        call: Call,
        member: &Member,
        argv: Vec<String>,
        timeout_ms: Option<u64>,
        output: ExecStreams,
    ) -> Result<(), Answer> {
        let run = self.pods.get(&member.pod).ok_or(Answer::NoSuchPod)?;
        let name = member.container.as_ref().ok_or_else(|| {
            Answer::Failed("pause's root holds nothing but pause: there is no program to run".to_owned())
        })?;
        let spec = &run.state.spec;
        let container = spec.container(name).ok_or(Answer::NotRunning)?;
        let target = run.containers.get(name).and_then(|pid| self.children.get(pid)).ok_or(Answer::NotRunning)?;
        if target.starting.is_some() {
            return Err(Answer::NotRunning);
        }
        let hostname = start::hostname(spec);
        let own = container.environment(&run.at_start(self.network.gateway()));
        let streams = output.of_client();
        let wanted = streams.unwrap_or_default();
        let (stdin, stdio) = stdio(wanted)?;
        let process_spec = ProcessSpec {
            program: Program::InRoot,
            argv,
            env: attach::variables(&hostname, wanted.terminal, own),
            working_dir: container.working_dir.clone(),
            stdio,
            capabilities: container.security.capabilities(),
            identity: process::Identity::of(&container.security),
            filter: self.filters.container(),
            cgroup: target.cgroup.as_ref().map(AsFd::as_fd),
            mark: target.mark,
        };
        let mark = target.mark;
        let started =
            spawn::exec(&self.alone, &target.pidfd, &self.own_pid_ns, &process_spec).map_err(|e| match e {
                // the init of its pid namespace is dead
                Errno::ENOMEM | Errno::ESRCH => Answer::NotRunning,
                e => Answer::Failed(format!("start a process: {}", limits::reason(e))),
            })?;
        let spawn::Started { child, streams: ends, error } = started;
        let pid = child.pid;
        self.register_child(child, Role::Exec(call), Some(member.clone()), mark)
            .map_err(|e| Answer::Failed(format!("identify the process: {}", limits::reason_of(&e))))?;
        let session = Session {
            pid,
            stdout: super::output::Ring::default(),
            stderr: super::output::Ring::default(),
            passed: (output == ExecStreams::Record).then(Default::default),
            open: 0,
            status: None,
            timed_out: false,
            cancelled: false,
            failure: None,
            terminal: None,
        };
        let session = self.sessions.entry(call).insert_entry(session).into_mut();
        match ends {
            NodeEnds::Console(socket) => drop(self.watch(socket, Watch::Console(pid))),
            NodeEnds::Pipes { stdout, stderr } if streams.is_some() => {
                let stdin = stdin.map(|stdin| (Stream::Stdin, stdin));
                let outputs = [(Stream::Stdout, stdout), (Stream::Stderr, stderr)];
                self.send_streams(call, stdin.into_iter().chain(outputs).collect());
            }
            NodeEnds::Pipes { stdout, stderr } => {
                session.open = 2;
                self.watch(stdout, Watch::ExecOutput { call, stderr: false });
                self.watch(stderr, Watch::ExecOutput { call, stderr: true });
            }
        }
        self.await_exec(pid, error);
        if let Some(ms) = timeout_ms {
            self.add_timer(ms, Timer::Exec(call));
        }
        Ok(())
    }

    /// Kills a program whose caller no longer waits for it.
    pub(super) fn cancel_exec(&mut self, call: Call) {
        if let Some(session) = self.sessions.get_mut(&call) {
            session.cancelled = true;
            self.kill_session(call);
        }
    }

    /// Kills the program and the other processes of its process group, which it leads (`setsid(2)` in
    /// [`super::streams::begin_session`]).
    pub(super) fn kill_session(&mut self, call: Call) {
        let Some(session) = self.sessions.get(&call) else { return };
        // until it is reaped, neither its pid nor its process group id can be reused
        if session.status.is_none() {
            let pid = session.pid;
            // first the leader, in case it does not lead a group yet
            self.signal_child(pid, crate::model::Signal::KILL);
            let _ = killpg(Pid::from_raw(pid), Signal::SIGKILL);
        }
    }
}
