//! Passes data between this terminal and the streams of a program.

use std::io::{self, Write as _};
use std::os::fd::{AsFd as _, BorrowedFd, OwnedFd};
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::fcntl::{FcntlArg, OFlag, fcntl};
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::signal::{SigSet, Signal};
use nix::sys::signalfd::{SfdFlags, SignalFd};
use nix::unistd::{read, write};

use super::keys::DetachKeys;
use super::raw::RawTerminal;
use crate::cli::output::{Failure, print_bytes};
use crate::control::Opened;
use crate::lab::Streams;
use crate::model::WaitStatus;
use crate::sys::pty;

/// How long processes that the program left behind may keep its streams open after it has ended.
const OUTPUT_GRACE: Duration = Duration::from_millis(200);
const VEOF: u8 = 0x04;

/// Which parts of this terminal are used.
#[derive(Clone, Copy, Debug, Default)]
pub struct Local {
    pub stdin: bool,
    /// Standard input is a terminal and is used as one.
    pub terminal: bool,
}

/// How the relay ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RelayEnd {
    Ended(WaitStatus),
    /// The user typed the keys to detach.
    Detached,
}

struct Relay {
    input: Option<OwnedFd>,
    stdout: Option<OwnedFd>,
    stderr: Option<OwnedFd>,
    terminal: bool,
    /// Bytes that were read here and are not yet written to the program.
    pending: Vec<u8>,
    /// Standard input has no more to read.
    has_read_all: bool,
    keys: DetachKeys,
}

/// Passes input and output on until the program ends or the user types the keys to detach.
///
/// # Errors
/// The lab is gone, or the program could not be started; a signal ended it.
pub fn relay(opened: &mut Opened, local: Local) -> Result<RelayEnd, Failure> {
    let streams = std::mem::take(&mut opened.streams);
    let mut relay = Relay::new(streams, local).map_err(Failure::failed)?;
    // block signals before the terminal becomes raw, so that it never stays raw
    let signals = block_signals(local.terminal).map_err(Failure::failed)?;
    let raw = if local.terminal { Some(RawTerminal::enter().map_err(Failure::failed)?) } else { None };
    relay.resize();
    let end = relay.run(opened, &signals);
    drop(raw);
    if matches!(end, Ok(RelayEnd::Detached)) {
        // the lab must take the program's terminal over before our descriptor of it is closed
        opened.streams.terminal = relay.input.take();
    }
    end
}

/// As [`relay`]. After a detach the program keeps running; after its end its exit code becomes ours.
pub fn relay_to_end(mut opened: Opened, local: Local) -> Result<(), Failure> {
    match relay(&mut opened, local)? {
        RelayEnd::Ended(status) if status.code() != 0 => Err(Failure::Exit(u8::try_from(status.code()).unwrap_or(1))),
        RelayEnd::Ended(_) => Ok(()),
        RelayEnd::Detached => {
            opened.detach();
            Ok(())
        }
    }
}

/// Blocks the signals that would end us, since the terminal must be restored first, and SIGWINCH.
fn block_signals(terminal: bool) -> Result<SignalFd, Errno> {
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
        // a terminal is input and output; if the output has its own stream, the terminal is input only
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
            // the input stays open, but nothing is written to it
            has_read_all: !local.stdin,
            input,
            stdout,
            stderr,
            terminal: is_terminal,
            pending: Vec::new(),
            keys: DetachKeys::default(),
        })
    }

    /// Gives the program's terminal the size of ours.
    fn resize(&self) {
        if let (true, Some(terminal), Ok(size)) = (self.terminal, &self.input, pty::size(io::stdin())) {
            let _ = pty::set_size(terminal, size);
        }
    }

    fn run(&mut self, opened: &mut Opened, signals: &SignalFd) -> Result<RelayEnd, Failure> {
        let mut ended: Option<(WaitStatus, Instant)> = None;
        loop {
            let timeout = match ended {
                Some((status, _)) if self.stdout.is_none() && self.stderr.is_none() => {
                    return Ok(RelayEnd::Ended(status));
                }
                Some((status, since)) => match OUTPUT_GRACE.checked_sub(since.elapsed()) {
                    Some(left) => PollTimeout::try_from(left.as_millis() as i32).unwrap_or(PollTimeout::ZERO),
                    None => return Ok(RelayEnd::Ended(status)),
                },
                None => PollTimeout::NONE,
            };
            let [signal, lab, typed, writable, out, err] = self.wait(opened, signals, ended.is_some(), timeout)?;
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
                return Ok(RelayEnd::Detached);
            }
            if writable {
                self.write_pending();
            }
            if lab && ended.is_none() {
                match opened.wait().map_err(super::failure)? {
                    Some(status) => ended = Some((status, Instant::now())),
                    None => return Ok(RelayEnd::Ended(WaitStatus(0))),
                }
            }
        }
    }

    /// What is ready: a signal, the lab, typed input, room to write it, output, error output.
    fn wait(
        &self,
        opened: &Opened,
        signals: &SignalFd,
        ended: bool,
        timeout: PollTimeout,
    ) -> Result<[bool; 6], Failure> {
        let stdin = io::stdin();
        let reads_more = !self.has_read_all && self.pending.is_empty() && !ended;
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

    /// Reads typed input. Returns whether the keys to detach were in it.
    fn read_typed(&mut self) -> bool {
        let mut buffer = [0; 4096];
        match read(io::stdin(), &mut buffer) {
            Ok(0) | Err(Errno::EIO) => {
                self.has_read_all = true;
                if self.terminal {
                    self.pending.push(VEOF);
                } else {
                    self.input = None;
                }
            }
            Ok(n) if self.terminal => {
                let (passed, detaches) = self.keys.filter(&buffer[..n]);
                self.pending = passed;
                if detaches {
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
                // the program has closed its input
                self.pending.clear();
                self.has_read_all = true;
            }
        }
    }
}

/// Passes on what can be read. Returns whether the stream has ended.
fn pass_on(from: Option<&OwnedFd>, mut to: impl FnMut(&[u8]) -> Result<(), Failure>) -> Result<bool, Failure> {
    let Some(from) = from else { return Ok(false) };
    let mut buffer = [0; 16 * 1024];
    match read(from, &mut buffer) {
        // EIO: a terminal that no process has open any more
        Ok(0) | Err(Errno::EIO) => Ok(true),
        Ok(n) => to(&buffer[..n]).map(|()| false),
        Err(Errno::EAGAIN | Errno::EINTR) => Ok(false),
        Err(e) => Err(Failure::failed(e)),
    }
}
