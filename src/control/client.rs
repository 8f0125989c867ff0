//! The side of the command.

use std::fs;
use std::io;
use std::os::fd::{AsRawFd as _, OwnedFd};
use std::path::Path;

use nix::errno::Errno;
use nix::sys::socket::{AddressFamily, SockFlag, SockType, UnixAddr, connect, socket};

use super::directory::{self, DirectoryError};
use super::protocol::{About, Hello, Leave, Reply, Request, VERSION};
use crate::lab::Streams;
use crate::lab::wire::{Inbox, WireError, send_blocking};
use crate::model::{WaitStatus, World};

#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    #[error("no lab runs for this user; start one by `podscope` or `podscope run POD.yaml`")]
    NoLab,
    #[error("no lab runs as process {0}; `podscope labs` lists those that do")]
    NoSuchLab(u32),
    #[error("{0}")]
    Directory(#[from] DirectoryError),
    #[error("the lab of process {pid}: {error}")]
    Connect { pid: u32, error: io::Error },
    #[error("the lab of process {0} has ended")]
    Ended(u32),
    /// The lab's own message.
    #[error("{0}")]
    Refused(String),
    /// This lab has no such pod or container; another lab may have it.
    #[error("{0}")]
    NotHere(String),
}

/// A running lab that takes requests.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lab {
    pub about: About,
}

/// The connection of a request that has been sent.
#[derive(Debug)]
pub struct Client {
    pid: u32,
    socket: OwnedFd,
    inbox: Inbox,
}

/// A program's streams, and the connection that reports its end.
#[derive(Debug)]
pub struct Opened {
    pub streams: Streams,
    client: Client,
}

/// All labs of this user. Removes sockets that dead programs left behind.
///
/// # Errors
/// The sockets cannot be listed, or a lab cannot be asked.
pub fn labs() -> Result<Vec<Lab>, ClientError> {
    let mut labs = Vec::new();
    for (pid, path) in directory::sockets()? {
        match Client::ask(pid, &path, Request::About).and_then(|mut client| client.reply(&mut |_| ())) {
            Ok(Reply::About(about)) => labs.push(Lab { about }),
            Ok(other) => return Err(unexpected(&other)),
            Err(ClientError::Connect { error, .. }) if is_left_behind(&error) => drop(fs::remove_file(&path)),
            // it is just ending
            Err(ClientError::Ended(_)) => {}
            Err(e) => return Err(e),
        }
    }
    Ok(labs)
}

/// Whether no program listens on the socket any more.
fn is_left_behind(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::ConnectionRefused | io::ErrorKind::NotFound)
}

impl Lab {
    /// # Errors
    /// The lab is gone.
    pub fn ask(&self, request: Request) -> Result<Client, ClientError> {
        let pid = self.about.pid;
        Client::ask(pid, &directory::socket(&directory::path(), pid), request)
    }

    /// Everything that the lab's app knows now.
    ///
    /// # Errors
    /// The lab is gone, or its app does not answer.
    pub fn world(&self) -> Result<World, ClientError> {
        match self.ask(Request::World)?.reply(&mut |_| ())? {
            Reply::World(world) => Ok(*world),
            other => Err(unexpected(&other)),
        }
    }
}

impl Client {
    fn ask(pid: u32, path: &Path, request: Request) -> Result<Self, ClientError> {
        let failed = |e: Errno| ClientError::Connect { pid, error: e.into() };
        let socket = socket(AddressFamily::Unix, SockType::SeqPacket, SockFlag::SOCK_CLOEXEC, None).map_err(failed)?;
        let address = UnixAddr::new(path).map_err(failed)?;
        connect(socket.as_raw_fd(), &address).map_err(failed)?;
        let hello = Hello { version: VERSION, request };
        match send_blocking(&socket, &hello) {
            // the lab may have refused before it read the request
            Ok(()) | Err(WireError::Closed) => Ok(Self { pid, socket, inbox: Inbox::default() }),
            Err(e) => Err(ClientError::Refused(e.to_string())),
        }
    }

    /// The next reply that is not a note. Passes notes to `note`.
    ///
    /// # Errors
    /// The lab refuses, has no such pod, or is gone.
    pub fn reply(&mut self, note: &mut dyn FnMut(&str)) -> Result<Reply, ClientError> {
        loop {
            return match self.inbox.receive::<Reply>(&self.socket, true) {
                Ok(Some(Reply::Note(text))) => {
                    note(&text);
                    continue;
                }
                Ok(Some(Reply::Failed(why))) => Err(ClientError::Refused(why)),
                Ok(Some(Reply::NotHere(what))) => Err(ClientError::NotHere(what)),
                Ok(Some(reply)) => Ok(reply),
                Ok(None) | Err(WireError::Closed) => Err(ClientError::Ended(self.pid)),
                Err(WireError::Garbled(_)) => {
                    let why = format!("the lab of process {} was started by another version of podscope", self.pid);
                    Err(ClientError::Refused(why))
                }
                Err(WireError::System(e)) => Err(ClientError::Connect { pid: self.pid, error: e.into() }),
            };
        }
    }

    /// The requested streams.
    ///
    /// # Errors
    /// As for [`Client::reply`].
    pub fn open(mut self, note: &mut dyn FnMut(&str)) -> Result<Opened, ClientError> {
        match self.reply(note)? {
            Reply::Streams(kinds) => {
                let streams = Streams::from_parts(&kinds, self.inbox.take_fds());
                Ok(Opened { streams, client: self })
            }
            other => Err(unexpected(&other)),
        }
    }
}

impl Opened {
    /// The socket that becomes readable when the program has ended.
    pub fn socket(&self) -> &OwnedFd {
        &self.client.socket
    }

    /// Waits for the end of the program and returns how it ended. `None`: it was detached from.
    ///
    /// # Errors
    /// The program could not be started, or the lab is gone.
    pub fn wait(&mut self) -> Result<Option<WaitStatus>, ClientError> {
        match self.client.reply(&mut |_| ())? {
            Reply::Ended(status) => Ok(Some(status)),
            Reply::Done => Ok(None),
            other => Err(unexpected(&other)),
        }
    }

    /// Detaches from the program, which keeps running.
    pub fn detach(self) {
        // must be done before the last reader of the terminal is dropped with `self`; the lab answers when it has taken
        // the terminal over
        let mut this = self;
        if send_blocking(&this.client.socket, &Leave::Detach).is_ok() {
            let _ = this.client.reply(&mut |_| ());
        }
    }
}

fn unexpected(reply: &Reply) -> ClientError {
    let what = match reply {
        Reply::World(_) => "a state",
        Reply::Streams(_) => "streams",
        Reply::Bytes(_) => "output",
        _ => "an answer",
    };
    ClientError::Refused(format!("the lab sent {what}, which was not requested"))
}
