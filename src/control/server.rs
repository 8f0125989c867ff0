//! The side of the lab: accepts connections until the server is dropped.

use std::fs;
use std::io;
use std::os::fd::{AsRawFd as _, OwnedFd};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread::JoinHandle;

use crossbeam_channel::Sender;
use nix::sys::socket::{
    AddressFamily, Backlog, Shutdown, SockFlag, SockType, UnixAddr, bind, listen, shutdown, socket,
};

use super::directory::{self, DirectoryError};
use super::protocol::{About, Reply};
use super::{peer, serve};
use crate::lab::Lab;
use crate::lab::wire::send_blocking;
use crate::model::World;
use crate::sys::{fd_passing, thread};

/// How many commands may be connected at once; each has two threads.
const MAX_CONNECTIONS: usize = 64;

/// Where the app sends its current World, and its lab if there is one.
pub type StateSender = Sender<(World, Option<Arc<Lab>>)>;

/// Asks the app for them. The app may answer later, or never if it ends.
pub type StateRequest = Arc<dyn Fn(StateSender) + Send + Sync>;

#[derive(Debug, thiserror::Error)]
pub enum StartError {
    #[error("other terminals cannot reach this lab: {0}")]
    Directory(#[from] DirectoryError),
    #[error("other terminals cannot reach this lab: {}: {error}", path.display())]
    Socket { path: PathBuf, error: io::Error },
    #[error("other terminals cannot reach this lab: {0}")]
    Thread(#[from] thread::SpawnError),
}

/// Listens until it is dropped. Then it removes its socket.
#[derive(Debug)]
pub struct Server {
    path: PathBuf,
    listener: Arc<OwnedFd>,
    thread: Option<JoinHandle<()>>,
}

impl Server {
    /// # Errors
    /// The directory cannot be used, or the socket cannot be created.
    pub fn start(window: bool, state_request: StateRequest) -> Result<Self, StartError> {
        let dir = directory::make()?;
        let path = directory::socket(&dir, std::process::id());
        let failed = |error: nix::Error| StartError::Socket { path: path.clone(), error: error.into() };
        // left by a killed program that had our pid
        let _ = fs::remove_file(&path);
        let listener =
            socket(AddressFamily::Unix, SockType::SeqPacket, SockFlag::SOCK_CLOEXEC, None).map_err(failed)?;
        let address = UnixAddr::new(&path).map_err(failed)?;
        bind(listener.as_raw_fd(), &address).map_err(failed)?;
        let backlog = Backlog::new(16).map_err(failed)?;
        let bound = listen(&listener, backlog).map_err(failed);
        let listener = Arc::new(listener);
        let mut server = Self { path: path.clone(), listener: Arc::clone(&listener), thread: None };
        bound?;
        let about = About { pid: std::process::id(), window, pods: Vec::new() };
        server.thread = Some(thread::spawn("control", move || accept_all(&listener, &about, &state_request))?);
        Ok(server)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.path);
        // makes accept(2) return EINVAL
        let _ = shutdown(self.listener.as_raw_fd(), Shutdown::Both);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn accept_all(listener: &OwnedFd, about: &About, state_request: &StateRequest) {
    let running = Arc::new(AtomicUsize::new(0));
    loop {
        let connection = match fd_passing::accept(listener) {
            Ok(connection) => connection,
            Err(nix::Error::EINTR | nix::Error::ECONNABORTED) => continue,
            Err(nix::Error::EMFILE | nix::Error::ENFILE) => {
                tracing::warn!("a command was not accepted: no more files can be opened");
                // the connection stays in the backlog until some files are closed
                std::thread::sleep(std::time::Duration::from_millis(100));
                continue;
            }
            Err(_) => return,
        };
        let refused = if running.load(Ordering::Relaxed) >= MAX_CONNECTIONS {
            Err(format!("{MAX_CONNECTIONS} commands are connected to this lab already; end one and try again"))
        } else {
            peer::check(&connection)
        };
        if let Err(why) = refused {
            let _ = send_blocking(&connection, &Reply::Failed(why));
            continue;
        }
        running.fetch_add(1, Ordering::Relaxed);
        let (about, state_request, count) = (about.clone(), Arc::clone(state_request), Arc::clone(&running));
        let served = thread::spawn("command", move || {
            serve::serve(&connection, &about, &*state_request);
            count.fetch_sub(1, Ordering::Relaxed);
        });
        if let Err(e) = served {
            tracing::warn!("a command was not accepted: {e}");
            running.fetch_sub(1, Ordering::Relaxed);
        }
    }
}
