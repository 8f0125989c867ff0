//! A worker: one connection at a time.

use std::fs::{File, OpenOptions};
use std::io::{self, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::fd::AsFd as _;
use std::time::Duration;

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::prctl;
use nix::sys::signal::{SigSet, Signal};
use nix::sys::signalfd::{SfdFlags, SignalFd};

use super::Config;
use crate::lab::applets::http::{self, Heard, Request};

/// A client may be silent for this long while others wait.
const SILENCE: Duration = Duration::from_millis(500);

pub fn main(listener: &TcpListener, config: &Config) -> i32 {
    let _ = prctl::set_name(c"web: worker");
    // without a master nobody would tell us to end
    let _ = prctl::set_pdeathsig(Signal::SIGTERM);
    // HUP is for the master; TERM, INT and CHLD do as always
    let mut back = SigSet::empty();
    for signal in [Signal::SIGCHLD, Signal::SIGTERM, Signal::SIGINT] {
        back.add(signal);
    }
    let mut quit = SigSet::empty();
    quit.add(Signal::SIGQUIT);
    let ready = back.thread_unblock().and_then(|()| quit.thread_block());
    let quit = ready.and_then(|()| SignalFd::with_flags(&quit, SfdFlags::SFD_CLOEXEC | SfdFlags::SFD_NONBLOCK));
    let Ok(quit) = quit else { return 1 };
    // another worker may be faster: then accept must not wait
    if listener.set_nonblocking(true).is_err() {
        return 1;
    }
    let mut log = Log::open(config);
    loop {
        let mut fds = [PollFd::new(listener.as_fd(), PollFlags::POLLIN), PollFd::new(quit.as_fd(), PollFlags::POLLIN)];
        if poll(&mut fds, PollTimeout::NONE).is_err() {
            continue;
        }
        if fds[1].any() == Some(true) {
            return 0;
        }
        if let Ok((stream, peer)) = listener.accept() {
            let _ = serve(stream, peer, config, &mut log);
        }
    }
}

fn serve(mut stream: TcpStream, peer: SocketAddr, config: &Config, log: &mut Log) -> io::Result<()> {
    stream.set_nonblocking(false)?;
    stream.set_read_timeout(Some(SILENCE))?;
    stream.set_write_timeout(Some(Duration::from_secs(5)))?;
    stream.set_nodelay(true)?;
    let mut buffer = Vec::new();
    loop {
        match http::hear(&mut stream, &mut buffer)? {
            Heard::Request(request) => {
                let (status, length) = http::answer(&mut stream, &config.root, &request)?;
                log.line(peer, &request, status, length);
                if !request.keep_alive {
                    return Ok(());
                }
            }
            Heard::Nothing => return Ok(()),
            Heard::Bad => {
                return stream.write_all(b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\nContent-Length: 0\r\n\r\n");
            }
        }
    }
}

/// The access log, in the combined log format.
struct Log {
    file: Option<File>,
}

impl Log {
    /// To standard output where the file's directory is missing or read-only.
    fn open(config: &Config) -> Self {
        Self { file: OpenOptions::new().create(true).append(true).open(&config.log).ok() }
    }

    fn line(&mut self, peer: SocketAddr, request: &Request, status: u16, length: u64) {
        let time = jiff::Timestamp::now().strftime("%d/%b/%Y:%H:%M:%S +0000");
        let dash = |s: &str| if s.is_empty() { "-".to_owned() } else { s.replace('"', "%22") };
        let line = format!(
            "{} - - [{time}] \"{} {} HTTP/1.{}\" {status} {length} \"{}\" \"{}\"\n",
            peer.ip(),
            request.method,
            request.target,
            request.version,
            dash(&request.referer),
            dash(&request.agent)
        );
        // one write a line: workers share the file
        let bytes = line.as_bytes();
        let _ = if let Some(file) = &mut self.file {
            file.write_all(bytes)
        } else {
            nix::unistd::write(io::stdout(), bytes).map(drop).map_err(io::Error::from)
        };
    }
}
