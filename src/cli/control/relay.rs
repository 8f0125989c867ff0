//! Between this terminal and a program's streams.

use std::io::{self, Write as _};
use std::os::fd::{AsFd as _, BorrowedFd, OwnedFd};
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::fcntl::{FcntlArg, OFlag, fcntl};
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::signal::{SigSet, Signal};
use nix::sys::signalfd::{SfdFlags, SignalFd};
use nix::unistd::{read, write};

use super::keys::LeaveKeys;
use super::raw::Raw;
use crate::cli::output::{Failure, print_bytes};
use crate::control::Opened;
use crate::lab::Streams;
use crate::model::WaitStatus;
use crate::sys::pty;

/// After the program's end, how long what it left behind may keep its streams open.
const LAST_WORDS: Duration = Duration::from_millis(200);
const VEOF: u8 = 0x04;

/// What of this terminal takes part.
#[derive(Clone, Copy, Debug, Default)]
pub struct Local {
    pub stdin: bool,
    /// It is a terminal, and is to be used as one.
    pub terminal: bool,
}

/// How it came to an end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    Ended(WaitStatus),
    /// By the keys for it.
    Left,
}

struct Relay {
    input: Option<OwnedFd>,
    stdout: Option<OwnedFd>,
    stderr: Option<OwnedFd>,
    terminal: bool,
    /// What was read here and not yet taken there.
    pending: Vec<u8>,
    /// There is no more to read here.
    read_all: bool,
    keys: LeaveKeys,
}

/// Passes on what is typed and what is written until the program ends or the keys to leave are typed.
///
/// # Errors
/// The lab is gone, or the program could not be started; a signal ended it.
pub fn relay(opened: &mut Opened, local: Local) -> Result<End, Failure> {
    let streams = std::mem::take(&mut opened.streams);
    let mut relay = Relay::new(streams, local).map_err(Failure::failed)?;
    // before the terminal is raw, so that it never stays so
    let signals = signals(local.terminal).map_err(Failure::failed)?;
    let raw = if local.terminal { Some(Raw::enter().map_err(Failure::failed)?) } else { None };
    relay.resize();
    let end = relay.run(opened, &signals);
    drop(raw);
    if matches!(end, Ok(End::Left)) {
        // the lab takes its terminal over before ours is closed
        opened.streams.terminal = relay.input.take();
    }
    end
}

/// As [`relay`]; a program that is left goes on without us, and the exit code of one that ended is ours.
pub fn relay_to_end(mut opened: Opened, local: Local) -> Result<(), Failure> {
    match relay(&mut opened, local)? {
        End::Ended(status) if status.code() != 0 => Err(Failure::Exit(u8::try_from(status.code()).unwrap_or(1))),
        End::Ended(_) => Ok(()),
        End::Left => {
            opened.detach();
            Ok(())
        }
    }
}

/// Of signals that would end us: the terminal must be given back first.
fn signals(terminal: bool) -> Result<SignalFd, Errno> {
    let mut wanted = SigSet::empty();
    wanted.add(Signal::SIGWINCH);
    if terminal {
        for signal in [Signal::SIGHUP, Signal::SIGINT, Signal::SIGQUIT, Signal::SIGTERM] {
            wanted.add(signal);
        }
    }
    wanted.thread_block()?;
    SignalFd::with_flags(&wanted, SfdFlags::SFD_CLOEXEC | SfdFlags::SFD_NONBLOCK)
}

impl Relay {
    fn new(streams: Streams, local: Local) -> Result<Self, Errno> {
        let Streams { stdin, stdout, stderr, terminal } = streams;
        // a terminal is both; with a stream of its own for output it is only typed into
        let stdout = match (stdout, &terminal) {
            (Some(stdout), _) => Some(stdout),
            (None, Some(terminal)) => Some(terminal.try_clone().map_err(|_| Errno::EMFILE)?),
            (None, None) => None,
        };
        let is_terminal = terminal.is_some();
        let input = stdin.or(terminal);
        if let Some(input) = &input {
            let flags = OFlag::from_bits_truncate(fcntl(input, FcntlArg::F_GETFL)?);
            fcntl(input, FcntlArg::F_SETFL(flags | OFlag::O_NONBLOCK))?;
        }
        Ok(Self {
            // kept open, but nothing is typed into it
            read_all: !local.stdin,
            input,
            stdout,
            stderr,
            terminal: is_terminal,
            pending: Vec::new(),
            keys: LeaveKeys::default(),
        })
    }

    /// The program's terminal is as large as ours.
    fn resize(&self) {
        if let (true, Some(terminal), Ok(size)) = (self.terminal, &self.input, pty::size(io::stdin())) {
            let _ = pty::set_size(terminal, size);
        }
    }

    fn run(&mut self, opened: &mut Opened, signals: &SignalFd) -> Result<End, Failure> {
        let mut ended: Option<(WaitStatus, Instant)> = None;
        loop {
            let timeout = match ended {
                Some((status, _)) if self.stdout.is_none() && self.stderr.is_none() => return Ok(End::Ended(status)),
                Some((status, since)) => match LAST_WORDS.checked_sub(since.elapsed()) {
                    Some(left) => PollTimeout::try_from(left.as_millis() as i32).unwrap_or(PollTimeout::ZERO),
                    None => return Ok(End::Ended(status)),
                },
                None => PollTimeout::NONE,
            };
            let [signal, lab, typed, taken, out, err] = self.wait(opened, signals, ended.is_some(), timeout)?;
            if signal {
                while let Ok(Some(info)) = signals.read_signal() {
                    if info.ssi_signo == Signal::SIGWINCH as u32 {
                        self.resize();
                    } else {
                        let code = u8::try_from(128 + info.ssi_signo).unwrap_or(1);
                        return Err(Failure::Exit(code));
                    }
                }
            }
            if out {
                let reached_end = pass_on(self.stdout.as_ref(), print_bytes)?;
                if reached_end {
                    self.stdout = None;
                }
            }
            if err {
                let reached_end = pass_on(self.stderr.as_ref(), |bytes| {
                    let _ = io::stderr().write_all(bytes);
                    Ok(())
                })?;
                if reached_end {
                    self.stderr = None;
                }
            }
            if typed && self.read_typed() {
                return Ok(End::Left);
            }
            if taken {
                self.write_pending();
            }
            if lab && ended.is_none() {
                match opened.wait().map_err(super::failure)? {
                    Some(status) => ended = Some((status, Instant::now())),
                    None => return Ok(End::Ended(WaitStatus(0))),
                }
            }
        }
    }

    /// What is ready: a signal, the lab, what is typed, room for it, output, errors.
    fn wait(
        &self,
        opened: &Opened,
        signals: &SignalFd,
        ended: bool,
        timeout: PollTimeout,
    ) -> Result<[bool; 6], Failure> {
        let stdin = io::stdin();
        let reads_more = !self.read_all && self.pending.is_empty() && !ended;
        let wanted: [Option<(BorrowedFd<'_>, PollFlags)>; 6] = [
            Some((signals.as_fd(), PollFlags::POLLIN)),
            (!ended).then(|| (opened.socket().as_fd(), PollFlags::POLLIN)),
            reads_more.then(|| (stdin.as_fd(), PollFlags::POLLIN)),
            self.input.as_ref().filter(|_| !self.pending.is_empty()).map(|fd| (fd.as_fd(), PollFlags::POLLOUT)),
            self.stdout.as_ref().map(|fd| (fd.as_fd(), PollFlags::POLLIN)),
            self.stderr.as_ref().map(|fd| (fd.as_fd(), PollFlags::POLLIN)),
        ];
        let mut fds: Vec<PollFd<'_>> = wanted.iter().flatten().map(|(fd, flags)| PollFd::new(*fd, *flags)).collect();
        match poll(&mut fds, timeout) {
            Ok(_) | Err(Errno::EINTR) => {}
            Err(e) => return Err(Failure::failed(e)),
        }
        let mut ready = fds.iter().map(|fd| fd.revents().is_some_and(|events| !events.is_empty()));
        Ok(wanted.map(|wanted| wanted.is_some() && ready.next().unwrap_or(false)))
    }

    /// Takes what is typed; whether the keys to leave were among it.
    fn read_typed(&mut self) -> bool {
        let mut buffer = [0; 4096];
        match read(io::stdin(), &mut buffer) {
            Ok(0) | Err(Errno::EIO) => {
                self.read_all = true;
                if self.terminal {
                    self.pending.push(VEOF);
                } else {
                    self.input = None;
                }
            }
            Ok(n) if self.terminal => {
                let (passed, leaves) = self.keys.filter(&buffer[..n]);
                self.pending = passed;
                if leaves {
                    return true;
                }
            }
            Ok(n) => self.pending = buffer[..n].to_vec(),
            Err(_) => {}
        }
        self.write_pending();
        false
    }

    fn write_pending(&mut self) {
        let Some(input) = &self.input else {
            self.pending.clear();
            return;
        };
        match write(input, &self.pending) {
            Ok(n) => drop(self.pending.drain(..n)),
            Err(Errno::EAGAIN | Errno::EINTR) => {}
            Err(_) => {
                // nobody reads there any more
                self.pending.clear();
                self.read_all = true;
            }
        }
    }
}

/// Passes on what there is to read; whether there will be no more.
fn pass_on(from: Option<&OwnedFd>, mut to: impl FnMut(&[u8]) -> Result<(), Failure>) -> Result<bool, Failure> {
    let Some(from) = from else { return Ok(false) };
    let mut buffer = [0; 16 * 1024];
    match read(from, &mut buffer) {
        // a terminal that nobody has open any more
        Ok(0) | Err(Errno::EIO) => Ok(true),
        Ok(n) => to(&buffer[..n]).map(|()| false),
        Err(Errno::EAGAIN | Errno::EINTR) => Ok(false),
        Err(e) => Err(Failure::failed(e)),
    }
}
