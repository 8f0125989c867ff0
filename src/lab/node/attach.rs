//! Terminals and standard input of containers, and attaching to containers.

use std::os::fd::{AsFd as _, OwnedFd};

use nix::errno::Errno;
use nix::fcntl::OFlag;
use nix::sys::epoll::EpollFlags;
use nix::unistd::{pipe2, write};

use super::event_loop::{Node, Role, Watch};
use super::hand;
use super::output::Ring;
use super::process::{Failure, environment};
use super::streams::{Stdio, receive_master};
use crate::lab::protocol::{Answer, Call, ExecOutput, OutputStart, Stream};
use crate::lab::spec::ContainerSpec;
use crate::model::{Member, PodUid, WaitStatus};

/// The node's end of a container's standard input.
pub(super) enum StdinEnd {
    /// The socket for orders to a container of the image `podscope/hand`.
    Hand(OwnedFd),
    Pipe(OwnedFd),
}

/// The standard input of a container.
#[derive(Debug)]
pub(super) struct Input {
    /// The writing end of its pipe, or the master of its terminal.
    end: OwnedFd,
    terminal: bool,
    /// The first client that attaches gets it for good (`stdinOnce`).
    once: bool,
}

/// A client that reads a container's output from a pipe. It gets everything that the log keeps. A slow client does not
/// block the container.
#[derive(Debug)]
pub(super) struct Attached {
    member: Member,
    /// The watch of the pipe.
    token: u64,
    /// How many of all bytes ever written to the log have been passed on, or were not asked for.
    sent: u64,
    /// How the container has ended. The rest of its output is still to be passed on.
    ended: Option<WaitStatus>,
}

/// Chooses a container's standard streams; also returns the node's end of its standard input.
pub(super) fn stdio(container: &ContainerSpec, is_hand: bool) -> Result<(Option<StdinEnd>, Stdio), Failure> {
    if is_hand {
        let (ours, theirs) = hand::socket()?;
        return Ok((Some(StdinEnd::Hand(ours)), Stdio::Input(theirs)));
    }
    if container.stdio.tty {
        return Ok((None, Stdio::Terminal(None)));
    }
    if container.stdio.stdin {
        let (read, write) = pipe2(OFlag::O_CLOEXEC).map_err(|e| Failure::create("make a pipe", e))?;
        return Ok((Some(StdinEnd::Pipe(write)), Stdio::Input(read)));
    }
    Ok((None, Stdio::Output))
}

/// The environment of a program. With a terminal it includes `TERM`, as containerd sets it.
pub(super) fn variables(hostname: &str, terminal: bool, own: Vec<(String, String)>) -> Vec<(String, String)> {
    let mut env = environment(hostname, own);
    if terminal && !env.iter().any(|(name, _)| name == "TERM") {
        env.push(("TERM".to_owned(), "xterm".to_owned()));
    }
    env
}

impl Node {
    pub(super) fn set_input(&mut self, uid: &PodUid, container: &ContainerSpec, end: OwnedFd, terminal: bool) {
        if let Some(run) = self.pods.get_mut(uid) {
            let once = container.stdio.stdin_once;
            run.inputs.insert(container.name.clone(), Input { end, terminal, once });
        }
        self.attach_waiting();
    }

    pub(super) fn is_console(&self, token: u64) -> bool {
        matches!(self.watches.get(&token), Some((_, Watch::Console(_))))
    }

    /// Receives the master of a child's terminal, or learns that the child ended without opening one.
    pub(super) fn receive_terminal(&mut self, token: u64) {
        let Some((socket, Watch::Console(pid))) = self.watches.get(&token) else { return };
        let (pid, master) = (*pid, receive_master(socket));
        self.unwatch(token);
        let (Some(master), Some(child)) = (master, self.children.get(&pid)) else { return };
        match child.role.clone() {
            Role::Container(uid, name) => {
                let container = self.pods.get(&uid).and_then(|run| run.state.spec.container(&name)).cloned();
                if let (Some(container), Ok(input)) = (container, master.try_clone()) {
                    if container.stdio.stdin {
                        self.set_input(&uid, &container, input, true);
                    }
                    self.watch(master, Watch::Output(uid, Some(name)));
                }
            }
            Role::Exec(call) => {
                if let (Some(session), Ok(kept)) = (self.sessions.get_mut(&call), master.try_clone()) {
                    session.terminal = Some(kept);
                    self.send_streams(call, vec![(Stream::Terminal, master)]);
                }
            }
            Role::Pause(_) | Role::Ports(_) | Role::Removal(_) => {}
        }
    }

    /// Does the same for a child that has ended, before the child is removed.
    pub(super) fn receive_terminal_of(&mut self, pid: i32) {
        let token = self.watches.iter().find(|(_, (_, w))| matches!(w, Watch::Console(it) if *it == pid));
        if let Some(token) = token.map(|(token, _)| *token) {
            self.receive_terminal(token);
        }
    }

    pub(super) fn attach(&mut self, call: Call, member: Member, stdin: bool, since: OutputStart) -> Result<(), Answer> {
        let run = self.pods.get_mut(&member.pod).ok_or(Answer::NoSuchPod)?;
        let alive = run.pid_of(member.container.as_deref()).is_some();
        // the output of an ended container can still be read
        if !alive && since == OutputStart::Now {
            return Err(Answer::NotRunning);
        }
        let container = member.container.as_deref().and_then(|name| run.state.pod.container(name));
        let last_status = container.and_then(|c| c.last_exit);
        let failed = |e: Errno| Answer::Failed(format!("make a pipe: {}", e.desc()));
        let mut streams = Vec::new();
        if stdin {
            let name = member.container.clone().unwrap_or_default();
            let input = run.inputs.remove(&name).ok_or_else(|| {
                let why = format!("{} has no standard input open; its manifest needs `stdin: true`", member.name());
                Answer::Failed(why)
            })?;
            let kind = if input.terminal { Stream::Terminal } else { Stream::Stdin };
            if input.once && !input.terminal {
                streams.push((kind, input.end));
            } else {
                let copy = input.end.try_clone().map_err(|e| failed(super::errno_of(&e)));
                run.inputs.insert(name, input);
                streams.push((kind, copy?));
            }
        }
        let (theirs, ours) = pipe2(OFlag::O_CLOEXEC | OFlag::O_NONBLOCK).map_err(failed)?;
        streams.insert(0, (Stream::Stdout, theirs));
        let log = run.logs.entry(member.container.clone()).or_default();
        let sent = match since {
            OutputStart::Start => log.run_start(),
            OutputStart::Now => log.written(),
        };
        let ended = if alive { None } else { Some(last_status.unwrap_or(WaitStatus(0))) };
        // edge-triggered: epoll reports each time that the pipe has room again
        let token = self.watch_for(EpollFlags::EPOLLOUT | EpollFlags::EPOLLET, ours, Watch::Attached(call));
        self.attached.insert(call, Attached { member, token, sent, ended });
        self.send_streams(call, streams);
        self.feed_call(call);
        Ok(())
    }

    /// Attaches as soon as the container runs and, if it gets one, has its standard input.
    pub(super) fn attach_later(&mut self, call: Call, member: Member, stdin: bool) {
        self.waiting_to_attach.push((call, member, stdin));
        self.attach_waiting();
    }

    /// Attaches every waiting client whose container runs now.
    pub(super) fn attach_waiting(&mut self) {
        for (call, member, stdin) in std::mem::take(&mut self.waiting_to_attach) {
            let run = self.pods.get(&member.pod);
            let name = member.container.as_deref().unwrap_or_default();
            let spec = run.and_then(|run| run.state.spec.container(name));
            let Some((run, spec)) = run.zip(spec) else {
                self.answer(call, Answer::NoSuchPod);
                continue;
            };
            let runs = run.pid_of(Some(name)).is_some();
            // a terminal arrives a little after the container has started
            if !runs || stdin && spec.stdio.stdin && !run.inputs.contains_key(name) {
                self.waiting_to_attach.push((call, member, stdin));
            } else if let Err(answer) = self.attach(call, member, stdin, OutputStart::Start) {
                self.answer(call, answer);
            }
        }
    }

    /// Tells the clients that wait for a container why it could not be started.
    pub(super) fn fail_clients_of(&mut self, uid: &PodUid, container: &str, why: &str) {
        let of_it = |m: &Member| m.pod == *uid && m.container.as_deref() == Some(container);
        self.fail_attached(of_it, &Answer::Failed(why.to_owned()));
    }

    /// Handles that the app has closed the streams of a call.
    pub(super) fn detach(&mut self, call: Call, keep: bool) {
        self.waiting_to_attach.retain(|(waiting, ..)| *waiting != call);
        self.remove_attached(call);
        let Some(session) = self.sessions.get_mut(&call) else { return };
        // without `keep` the terminal is dropped here and hangs up
        if let Some(terminal) = session.terminal.take().filter(|_| keep) {
            // the app no longer reads it; the node does, so that the program does not block
            session.open += 1;
            self.watch(terminal, Watch::ExecOutput { call, stderr: false });
        }
    }

    fn remove_attached(&mut self, call: Call) -> Option<Attached> {
        let attached = self.attached.remove(&call)?;
        self.unwatch(attached.token);
        Some(attached)
    }

    pub(super) fn is_attached(&self, token: u64) -> bool {
        matches!(self.watches.get(&token), Some((_, Watch::Attached(_))))
    }

    pub(super) fn feed_token(&mut self, token: u64) {
        if let Some((_, Watch::Attached(call))) = self.watches.get(&token) {
            self.feed_call(*call);
        }
    }

    /// Passes a member's output on to all attached clients.
    pub(super) fn feed(&mut self, uid: &PodUid, container: Option<&str>) {
        let of_member = |m: &Member| m.pod == *uid && m.container.as_deref() == container;
        let calls: Vec<Call> = self.attached.iter().filter(|(_, a)| of_member(&a.member)).map(|(c, _)| *c).collect();
        for call in calls {
            self.feed_call(call);
        }
    }

    /// Records that a container has ended. Its attached clients are answered once they have read the rest.
    pub(super) fn attached_ended(&mut self, uid: &PodUid, container: &str, status: WaitStatus) {
        for attached in self.attached.values_mut().filter(|a| a.ended.is_none()) {
            if attached.member.pod == *uid && attached.member.container.as_deref() == Some(container) {
                attached.ended = Some(status);
            }
        }
        self.feed(uid, Some(container));
    }

    fn feed_call(&mut self, call: Call) {
        let Some(attached) = self.attached.get_mut(&call) else { return };
        let Some((pipe, _)) = self.watches.get(&attached.token) else { return };
        let log = self.pods.get(&attached.member.pod).and_then(|run| run.logs.get(&attached.member.container));
        let more = log.map(|log: &Ring| log.since(attached.sent)).unwrap_or_default();
        let mut rest = &more[..];
        let open = loop {
            if rest.is_empty() {
                break true;
            }
            match write(pipe.as_fd(), rest) {
                Ok(n) => rest = &rest[n..],
                Err(Errno::EINTR) => {}
                Err(Errno::EAGAIN) => break true,
                // the reader has closed the pipe
                Err(_) => break false,
            }
        };
        attached.sent = log.map_or(attached.sent, |log| log.written() - rest.len() as u64);
        let ended = attached.ended.filter(|_| rest.is_empty() || !open);
        if let Some(status) = ended {
            self.remove_attached(call);
            self.answer(call, Answer::Output(ExecOutput::ended(status)));
        } else if !open {
            self.remove_attached(call);
        }
    }

    /// Fails all clients that are attached to a removed pod.
    pub(super) fn detach_pod(&mut self, uid: &PodUid) {
        self.fail_attached(|m| m.pod == *uid, &Answer::NoSuchPod);
    }

    fn fail_attached(&mut self, of: impl Fn(&Member) -> bool, answer: &Answer) {
        let attached = self.attached.iter().filter(|(_, a)| of(&a.member)).map(|(call, _)| *call);
        let expected = self.waiting_to_attach.iter().filter(|(_, member, _)| of(member)).map(|(call, ..)| *call);
        let calls: Vec<Call> = attached.chain(expected).collect();
        self.waiting_to_attach.retain(|(_, member, _)| !of(member));
        for call in calls {
            self.remove_attached(call);
            self.answer(call, answer.clone());
        }
    }
}
