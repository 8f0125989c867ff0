//! Both ends of the standard streams of a pod's programs.

use std::os::fd::OwnedFd;

use nix::errno::Errno;
use nix::fcntl::{FcntlArg, OFlag, fcntl, open};
use nix::sys::socket::{AddressFamily, MsgFlags, SockFlag, SockType, socketpair};
use nix::sys::stat::Mode;
use nix::unistd::{Uid, dup2_stderr, dup2_stdin, dup2_stdout, fchown, setsid};

use super::output;
use super::process::Failure;
use crate::sys::fd_passing;
use crate::sys::pty::{self, Size};

/// The path of `/dev/null` in the node, which has no `/dev`.
const NULL: &str = "/parts/dev/null";

/// Which standard streams a program gets.
#[derive(Debug)]
pub enum Stdio {
    /// Standard input is empty; output and error are pipes.
    Output,
    /// The same, with this as standard input.
    Input(OwnedFd),
    /// A new terminal in the container, which becomes the program's controlling terminal.
    Terminal(Option<Size>),
}

/// The node's ends of the streams.
#[derive(Debug)]
pub enum NodeEnds {
    Pipes {
        stdout: OwnedFd,
        stderr: OwnedFd,
    },
    /// The socket on which the program's process sends the terminal's master once it has opened it.
    Console(OwnedFd),
}

/// The program's ends of the streams, until they are its standard streams.
#[derive(Debug)]
pub enum ProgramEnds<'a> {
    Pipes { stdin: Option<&'a OwnedFd>, stdout: OwnedFd, stderr: OwnedFd },
    Console { socket: OwnedFd, size: Option<Size> },
}

pub fn make(stdio: &Stdio) -> Result<(NodeEnds, ProgramEnds<'_>), Errno> {
    let stdin = match stdio {
        Stdio::Terminal(size) => {
            let (ours, socket) = socketpair(AddressFamily::Unix, SockType::SeqPacket, None, SockFlag::SOCK_CLOEXEC)?;
            return Ok((NodeEnds::Console(ours), ProgramEnds::Console { socket, size: *size }));
        }
        Stdio::Input(stdin) => Some(stdin),
        Stdio::Output => None,
    };
    let (stdout, stdout_in) = output::pipe()?;
    let (stderr, stderr_in) = output::pipe()?;
    Ok((NodeEnds::Pipes { stdout, stderr }, ProgramEnds::Pipes { stdin, stdout: stdout_in, stderr: stderr_in }))
}

impl ProgramEnds<'_> {
    /// Begins a session with these as standard streams. A terminal does not exist yet: `/dev/null` takes its place.
    /// Must be called while the node's root is reachable.
    pub fn install(&self) -> Result<(), Failure> {
        let taken = match self {
            Self::Pipes { stdin, stdout, stderr } => begin_session(*stdin, stdout, stderr),
            Self::Console { .. } => null().and_then(|null| begin_session(Some(&null), &null, &null)),
        };
        taken.map_err(|e| Failure::create("set up standard streams", e))
    }

    /// Opens the terminal in the container's root and sends its master to the node. `owner` becomes its owner, as after
    /// a login.
    pub fn open_terminal(&self, owner: u32) -> Result<(), Failure> {
        let Self::Console { socket, size } = self else { return Ok(()) };
        let open = || {
            let (master, slave) = pty::open(pty::MULTIPLEXER)?;
            if let Some(size) = size {
                pty::set_size(&slave, *size)?;
            }
            if owner != 0 {
                // a user that is not mapped is reported later, when the process changes to it
                let _ = fchown(&slave, Some(Uid::from_raw(owner)), None);
            }
            pty::take_control(&slave)?;
            dup2_stdin(&slave)?;
            dup2_stdout(&slave)?;
            dup2_stderr(&slave)?;
            fd_passing::send(socket, b"m", &[master], MsgFlags::MSG_NOSIGNAL)
        };
        open().map_err(|e| Failure::create("open a terminal in the container", e))
    }
}

/// Takes the terminal's master from the socket; `None` if the process ended before it had one.
pub fn receive_master(console: &OwnedFd) -> Option<OwnedFd> {
    let (_, fds) = fd_passing::receive(console, &mut [0; 8], MsgFlags::MSG_DONTWAIT).ok()?;
    let master = fds.into_iter().next()?;
    // the node must not block
    fcntl(&master, FcntlArg::F_SETFL(OFlag::O_RDWR | OFlag::O_NONBLOCK)).ok()?;
    Some(master)
}

/// Begins a new session with these as standard streams. Without `stdin`, standard input is `/dev/null`.
pub fn begin_session(stdin: Option<&OwnedFd>, stdout: &OwnedFd, stderr: &OwnedFd) -> Result<(), Errno> {
    setsid()?;
    match stdin {
        Some(stdin) => dup2_stdin(stdin)?,
        None => dup2_stdin(null()?)?,
    }
    dup2_stdout(stdout)?;
    dup2_stderr(stderr)
}

fn null() -> Result<OwnedFd, Errno> {
    open(NULL, OFlag::O_RDWR | OFlag::O_CLOEXEC, Mode::empty())
}
