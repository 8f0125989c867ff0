//! A web server as nginx is built: a master that only watches, workers that share a listener.
//!
//! HUP replaces the workers, one at a time finishing what it does; QUIT lets them finish and ends,
//! TERM and INT end at once. Idle, everything sleeps in a system call.

mod worker;

use std::net::{Ipv4Addr, TcpListener};
use std::path::PathBuf;
use std::time::{Duration, Instant};

use nix::sched::CloneFlags;
use nix::sys::prctl;
use nix::sys::signal::{SigSet, Signal, kill};
use nix::unistd::Pid;

use super::{option, options};
use crate::sys::fork::{self, Alone};
use crate::sys::wait::{self, Change};

/// Where nginx's image has its pages and its log.
const ROOT: &str = "/usr/share/nginx/html";
const LOG: &str = "/var/log/nginx/access.log";
/// A worker that lives shorter than this is not replaced at once: it would only die again.
const TOO_SHORT: Duration = Duration::from_millis(200);

pub(super) struct Config {
    pub port: u16,
    pub root: PathBuf,
    pub log: PathBuf,
    workers: usize,
}

impl Config {
    fn read(args: &[String]) -> Result<Self, String> {
        let found = options(args, &["port", "root", "log", "workers"])?;
        let number = |name: &str, default: u16| match option(&found, name) {
            Some(text) => text.parse().map_err(|_| format!("--{name} is \"{text}\"; expected a number")),
            None => Ok(default),
        };
        Ok(Self {
            port: number("port", 80)?,
            root: option(&found, "root").unwrap_or(ROOT).into(),
            log: option(&found, "log").unwrap_or(LOG).into(),
            workers: number("workers", 2)?.clamp(1, 64).into(),
        })
    }
}

/// Worker processes by pid, with when each was started.
struct Master {
    alone: Alone,
    config: Config,
    listener: TcpListener,
    workers: Vec<(i32, Instant)>,
    /// Told to finish; not replaced.
    leaving: Vec<i32>,
}

pub fn main(args: &[String]) -> i32 {
    let config = match Config::read(args) {
        Ok(config) => config,
        Err(why) => {
            eprintln!("web: {why}");
            return 64;
        }
    };
    let _ = prctl::set_name(c"web: master");
    let Ok(alone) = Alone::prove() else { return 1 };
    let listener = match TcpListener::bind((Ipv4Addr::UNSPECIFIED, config.port)) {
        Ok(listener) => listener,
        Err(e) => {
            eprintln!("web: cannot listen on port {}: {e}", config.port);
            return 1;
        }
    };
    Master { alone, config, listener, workers: Vec::new(), leaving: Vec::new() }.watch()
}

impl Master {
    fn watch(mut self) -> i32 {
        let mut signals = SigSet::empty();
        for signal in [Signal::SIGCHLD, Signal::SIGHUP, Signal::SIGQUIT, Signal::SIGTERM, Signal::SIGINT] {
            signals.add(signal);
        }
        if signals.thread_block().is_err() {
            return 1;
        }
        for _ in 0..self.config.workers {
            self.start_worker();
        }
        let mut ending = false;
        loop {
            match signals.wait() {
                Ok(Signal::SIGCHLD) => self.replace_dead(ending),
                Ok(Signal::SIGHUP) if !ending => self.replace_all(),
                Ok(Signal::SIGQUIT) => {
                    ending = true;
                    self.tell(Signal::SIGQUIT);
                }
                Ok(Signal::SIGTERM | Signal::SIGINT) => {
                    ending = true;
                    self.tell(Signal::SIGTERM);
                }
                Ok(_) => {}
                Err(_) => return 1,
            }
            if ending && self.workers.is_empty() && self.leaving.is_empty() {
                return 0;
            }
        }
    }

    fn start_worker(&mut self) {
        let (listener, config) = (&self.listener, &self.config);
        match fork::spawn(&self.alone, CloneFlags::empty(), || worker::main(listener, config)) {
            Ok(child) => self.workers.push((child.pid, Instant::now())),
            // tried again when the next child ends
            Err(e) => eprintln!("web: cannot start a worker: {}", e.desc()),
        }
    }

    /// As `nginx -s reload`: new workers first, then the old ones finish.
    fn replace_all(&mut self) {
        let old = std::mem::take(&mut self.workers);
        for _ in 0..self.config.workers {
            self.start_worker();
        }
        for (pid, _) in old {
            let _ = kill(Pid::from_raw(pid), Signal::SIGQUIT);
            self.leaving.push(pid);
        }
    }

    fn replace_dead(&mut self, ending: bool) {
        let mut died_young = false;
        while let Ok(Some((pid, change))) = wait::next() {
            if !matches!(change, Change::Ended(_)) {
                continue;
            }
            self.leaving.retain(|p| *p != pid);
            died_young |= self.workers.iter().any(|(p, born)| *p == pid && born.elapsed() < TOO_SHORT);
            self.workers.retain(|(p, _)| *p != pid);
        }
        if ending {
            return;
        }
        if died_young {
            std::thread::sleep(TOO_SHORT);
        }
        while self.workers.len() < self.config.workers {
            let before = self.workers.len();
            self.start_worker();
            if self.workers.len() == before {
                return;
            }
        }
    }

    fn tell(&self, signal: Signal) {
        for pid in self.workers.iter().map(|(p, _)| p).chain(&self.leaving) {
            let _ = kill(Pid::from_raw(*pid), signal);
        }
    }
}
