//! A web server with the structure of nginx: a master that only supervises, and workers that share a listener.
//!
//! `--config FILE` (see [`config`]), `--port N` (80; 0 takes a free one), `--root DIR`, `--log FILE`,
//! `--workers N` (2), `--proxy URL` for all requests. As nginx it takes `-c FILE` and `-g DIRECTIVES`, and reads
//! `/etc/nginx/nginx.conf` if the pod has mounted one.
//!
//! HUP reads the configuration again and replaces the workers: the old ones finish their requests, as `nginx: worker
//! process is shutting down`, and exit. USR1 reopens the logs. QUIT ends the server after the workers have finished,
//! TERM and INT end it at once. While idle, all processes sleep in a system call.
//!
//! As nginx, its workers run as the user of nginx's image if that id is mapped.

pub(crate) mod config;
pub(crate) mod directives;
pub(crate) mod include;
mod log;
pub(crate) mod nginx;
pub(crate) mod syntax;
mod worker;

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::os::fd::AsFd as _;
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sched::CloneFlags;
use nix::sys::signal::{SigSet, Signal, kill};
use nix::sys::signalfd::{SfdFlags, SignalFd};
use nix::unistd::{Pid, geteuid, getpid};

use self::config::{Config, Flags};
use super::{Call, print_error, title, usage_error};
use crate::sys::fork::{self, SingleThreaded};
use crate::sys::wait::{self, Change};

/// A worker that lived shorter than this is not replaced at once: the new one would probably die too.
const TOO_SHORT: Duration = Duration::from_millis(200);
/// The delay before the next try, if a worker could not be started or died too soon.
const RETRY_DELAY: Duration = Duration::from_millis(500);
/// How long workers have to end after TERM. A stopped one would never end.
const TERM_TIMEOUT: Duration = Duration::from_secs(1);

/// The signals that the master handles. USR2 is among them, though there is no upgrade of the executable: otherwise it
/// would kill the master.
const SIGNALS: [Signal; 7] = [
    Signal::SIGCHLD,
    Signal::SIGHUP,
    Signal::SIGUSR1,
    Signal::SIGUSR2,
    Signal::SIGQUIT,
    Signal::SIGTERM,
    Signal::SIGINT,
];

/// The id of the user `nginx` in nginx's image.
const NGINX_USER: u32 = 101;

struct Worker {
    pid: i32,
    started: Instant,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Shutdown {
    No,
    Graceful,
    /// At once. Workers that are left at this time are killed.
    Immediate(Instant),
}

struct Master {
    /// The program that it stands in for.
    name: String,
    /// The user that the workers change to.
    user: Option<u32>,
    alone: SingleThreaded,
    flags: Flags,
    config: Config,
    listener: TcpListener,
    workers: Vec<Worker>,
    /// Workers that have been told to finish. They are not replaced.
    finishing: Vec<i32>,
    shutdown: Shutdown,
    /// When to try again to start the missing workers.
    retry: Option<Instant>,
}

pub(super) fn main(call: &Call<'_>) -> i32 {
    let flags = match Flags::read(call.args) {
        Ok(flags) => flags,
        Err(why) => return usage_error("web", &why),
    };
    let name = call.program.to_owned();
    // the default is the command of nginx's image
    let args = if call.args.is_empty() { "-g daemon off;".to_owned() } else { call.args.join(" ") };
    title::set(&name, &format!("{name}: master process {name} {args}"));
    let Ok(alone) = SingleThreaded::check() else { return 1 };
    // block the signals before the port is open, so that none is lost
    let signals = SigSet::from_iter(SIGNALS);
    if signals.thread_block().is_err() {
        return 1;
    }
    let ready = Config::load(&flags).and_then(|config| Ok((listen(config.listen)?, config)));
    let (listener, config) = match ready {
        Ok(ready) => ready,
        Err(why) => {
            print_error(format_args!("{}: [emerg] {why}", flags.name()));
            return 1;
        }
    };
    let user = (name == "nginx").then_some(NGINX_USER).filter(|id| is_mapped("uid", *id) && is_mapped("gid", *id));
    let master = Master {
        name,
        user,
        alone,
        flags,
        config,
        listener,
        workers: Vec::new(),
        finishing: Vec::new(),
        shutdown: Shutdown::No,
        retry: None,
    };
    match master.run(&signals) {
        Ok(()) => 0,
        Err(e) => {
            print_error(format_args!("web: [alert] {e}"));
            1
        }
    }
}

/// Whether root in this user namespace may become this user or group.
fn is_mapped(kind: &str, id: u32) -> bool {
    let map = std::fs::read_to_string(format!("/proc/self/{kind}_map")).unwrap_or_default();
    let range = |line: &str| {
        let mut fields = line.split_whitespace().map(str::parse::<u32>);
        Some((fields.next()?.ok()?, fields.nth(1)?.ok()?))
    };
    geteuid().is_root() && map.lines().filter_map(range).any(|(first, length)| id.wrapping_sub(first) < length)
}

fn listen(address: SocketAddr) -> Result<TcpListener, String> {
    let bound = TcpListener::bind(address).and_then(|listener| Ok((listener.local_addr()?, listener)));
    let (address, listener) = bound.map_err(|e| format!("bind() to {address} failed ({e})"))?;
    print_error(format_args!("web: [notice] listening on {address}"));
    Ok(listener)
}

impl Master {
    fn run(mut self, signals: &SigSet) -> io::Result<()> {
        let signal = SignalFd::with_flags(signals, SfdFlags::SFD_CLOEXEC | SfdFlags::SFD_NONBLOCK)?;
        self.start_workers();
        loop {
            let mut fds = [PollFd::new(signal.as_fd(), PollFlags::POLLIN)];
            match poll(&mut fds, self.timeout()) {
                Ok(_) | Err(Errno::EINTR) => {}
                Err(e) => return Err(e.into()),
            }
            while let Some(info) = signal.read_signal()? {
                self.handle_signal(Signal::try_from(info.ssi_signo as i32).unwrap_or(Signal::SIGCHLD));
            }
            let now = Instant::now();
            if self.retry.is_some_and(|at| at <= now) {
                self.retry = None;
                self.start_workers();
            }
            match self.shutdown {
                Shutdown::No => {}
                _ if self.workers.is_empty() && self.finishing.is_empty() => return Ok(()),
                Shutdown::Immediate(by) if by <= now => self.signal_all(Signal::SIGKILL),
                _ => {}
            }
        }
    }

    /// How long to wait for a signal; without a limit if nothing is scheduled.
    fn timeout(&self) -> PollTimeout {
        let by = match self.shutdown {
            Shutdown::Immediate(by) => Some(by),
            _ => self.retry,
        };
        let Some(by) = by else { return PollTimeout::NONE };
        let ms = by.saturating_duration_since(Instant::now()).as_millis() + 1;
        PollTimeout::try_from(ms).unwrap_or(PollTimeout::MAX)
    }

    fn handle_signal(&mut self, signal: Signal) {
        match signal {
            Signal::SIGCHLD => self.reap(),
            Signal::SIGHUP if self.shutdown == Shutdown::No => self.reload(),
            Signal::SIGUSR1 => {
                // the workers may not be allowed to create the files
                self.make_logs();
                self.signal_all(Signal::SIGUSR1);
            }
            Signal::SIGQUIT if self.shutdown == Shutdown::No => {
                self.shutdown = Shutdown::Graceful;
                self.signal_all(Signal::SIGQUIT);
            }
            Signal::SIGTERM | Signal::SIGINT if !matches!(self.shutdown, Shutdown::Immediate(_)) => {
                self.shutdown = Shutdown::Immediate(Instant::now() + TERM_TIMEOUT);
                self.signal_all(Signal::SIGTERM);
            }
            _ => {}
        }
    }

    fn make_logs(&self) {
        if let Some(user) = self.user {
            for target in [&self.config.access, &self.config.errors] {
                log::make_for(target, user);
            }
        }
    }

    /// Starts workers until the configured number runs.
    fn start_workers(&mut self) {
        self.make_logs();
        while self.shutdown == Shutdown::No && self.workers.len() < self.config.workers {
            let (listener, config) = (&self.listener, &self.config);
            let identity = worker::Identity { name: &self.name, user: self.user, master: getpid() };
            match fork::spawn(&self.alone, CloneFlags::empty(), || worker::main(&identity, listener, config)) {
                Ok(child) => self.workers.push(Worker { pid: child.pid, started: Instant::now() }),
                Err(e) => {
                    print_error(format_args!("web: [alert] cannot start a worker: {}", e.desc()));
                    self.retry = Some(Instant::now() + RETRY_DELAY);
                    return;
                }
            }
        }
    }

    /// Does what `nginx -s reload` does: starts new workers, then lets the old ones finish. A wrong configuration
    /// changes nothing.
    fn reload(&mut self) {
        let ready = Config::load(&self.flags).and_then(|config| {
            let moved = config.listen != self.config.listen;
            Ok((if moved { Some(listen(config.listen)?) } else { None }, config))
        });
        match ready {
            Ok((listener, config)) => {
                self.config = config;
                if let Some(listener) = listener {
                    self.listener = listener;
                }
            }
            Err(why) => {
                print_error(format_args!("{}: [emerg] {why}", self.flags.name()));
                return;
            }
        }
        let old = std::mem::take(&mut self.workers);
        self.start_workers();
        for Worker { pid, .. } in old {
            let _ = kill(Pid::from_raw(pid), Signal::SIGQUIT);
            self.finishing.push(pid);
        }
    }

    fn reap(&mut self) {
        let mut died_soon = false;
        while let Ok(Some((pid, change))) = wait::next() {
            let Change::Ended(status) = change else { continue };
            // as PID 1 it also reaps orphans, without a message
            let Some(at) = self.workers.iter().position(|worker| worker.pid == pid) else {
                self.finishing.retain(|p| *p != pid);
                continue;
            };
            let worker = self.workers.remove(at);
            if self.shutdown == Shutdown::No {
                print_error(format_args!("web: [alert] worker {pid} {}", describe(status)));
                died_soon |= worker.started.elapsed() < TOO_SHORT;
            }
        }
        if died_soon {
            self.retry = Some(Instant::now() + RETRY_DELAY);
        } else if self.retry.is_none() {
            self.start_workers();
        }
    }

    fn signal_all(&self, signal: Signal) {
        for pid in self.workers.iter().map(|worker| worker.pid).chain(self.finishing.iter().copied()) {
            let _ = kill(Pid::from_raw(pid), signal);
        }
    }
}

fn describe(status: i32) -> String {
    if libc::WIFSIGNALED(status) {
        format!("was killed by signal {}", libc::WTERMSIG(status))
    } else {
        format!("exited with code {}", libc::WEXITSTATUS(status))
    }
}
