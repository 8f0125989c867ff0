//! A worker. It serves connections until it is told to finish.

use std::net::{IpAddr, TcpListener};

use nix::sys::prctl;
use nix::sys::signal::{SigSet, Signal};
use nix::unistd::{Gid, Pid, Uid, getppid, setgid, setgroups, setuid};

use super::config::{Config, Serves};
use super::log::{Log, access_line};
use crate::lab::applets::http::reply::{LogEntry, Reply, SignalAction, Site};
use crate::lab::applets::http::request::Request;
use crate::lab::applets::http::upstream::Upstream;
use crate::lab::applets::http::{files, server};
use crate::lab::applets::{print_error, title};

struct Worker<'a> {
    name: &'a str,
    config: &'a Config,
    access: Log,
    errors: Log,
}

/// What a worker needs to know about itself.
pub struct Identity<'a> {
    /// The program that it stands in for.
    pub name: &'a str,
    /// The user that it changes to.
    pub user: Option<u32>,
    pub master: Pid,
}

pub fn main(identity: &Identity<'_>, listener: &TcpListener, config: &Config) -> i32 {
    let Identity { name, user, master } = *identity;
    title::set(name, &format!("{name}: worker process"));
    if let Some(id) = user
        && let Err(e) = setgroups(&[]).and_then(|()| setgid(Gid::from_raw(id))).and_then(|()| setuid(Uid::from_raw(id)))
    {
        print_error(format_args!("web: [emerg] setuid({id}) failed ({})", e.desc()));
        return 2;
    }
    // end with the master, since only the master tells a worker to end. A change of user clears this setting
    // (prctl(2)), so it comes after that. The master may have ended before it took effect.
    let _ = prctl::set_pdeathsig(Signal::SIGTERM);
    if getppid() != master {
        return 0;
    }
    // HUP stays blocked: it is for the master. QUIT and USR1 stay blocked as well and are read from a signalfd, so that
    // none is lost or kills the worker.
    let usual = SigSet::from_iter([Signal::SIGCHLD, Signal::SIGTERM, Signal::SIGINT]);
    let awaited = SigSet::from_iter([Signal::SIGQUIT, Signal::SIGUSR1]);
    let mut worker = Worker { name, config, access: Log::open(&config.access), errors: Log::open(&config.errors) };
    let served = usual
        .thread_unblock()
        .map_err(Into::into)
        .and_then(|()| server::serve(listener, &awaited, config.connections, &mut worker));
    match served {
        Ok(()) => 0,
        Err(e) => {
            print_error(format_args!("web: [alert] {e}"));
            1
        }
    }
}

impl Site for Worker<'_> {
    const NAME: &'static str = "podscope-web";

    fn answer(&mut self, request: &Request, _: IpAddr) -> Reply {
        let location = self.config.locations.iter().find(|location| request.path().starts_with(&location.prefix));
        match location.map(|location| (&location.prefix, &location.serves)) {
            Some((prefix, Serves::Proxy { addresses, path })) => {
                let target = match path {
                    Some(path) => format!("{path}{}", &request.target[prefix.len()..]),
                    None => request.target.clone(),
                };
                Reply::Proxied(Upstream { addresses: addresses.clone(), target })
            }
            Some((_, Serves::Files(root))) => files::answer(root, request),
            None => files::answer(&self.config.root, request),
        }
    }

    fn answered(&mut self, line: &LogEntry) {
        self.access.line(&access_line(line, self.config.format, jiff::Timestamp::now()));
    }

    fn log_error(&mut self, what: &str) {
        self.errors.line(&format!("web: [error] {what}"));
    }

    fn handle_signal(&mut self, signal: Signal) -> SignalAction {
        if signal == Signal::SIGQUIT {
            title::set(self.name, &format!("{}: worker process is shutting down", self.name));
            return SignalAction::Finish;
        }
        self.access.reopen();
        self.errors.reopen();
        SignalAction::Continue
    }
}
