//! Starts the node's process and waits until it is ready.

use std::collections::HashMap;
use std::os::fd::OwnedFd;
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Mutex};

use nix::sys::signal::{Signal, kill};
use nix::sys::socket::{AddressFamily, SockFlag, SockType, setsockopt, socketpair, sockopt};
use nix::sys::time::{TimeVal, TimeValLike as _};
use nix::unistd::Pid;

use super::Shared;
use crate::lab::Error;
use crate::lab::allow;
use crate::lab::cgroup::{self, Tree};
use crate::lab::executable::Executable;
use crate::lab::hidden;
use crate::lab::protocol::{Options, Report, Request, VERSION};
use crate::lab::users::{self, Mapped};
use crate::lab::wire::{Inbox, send_blocking, send_with};
use crate::model::{ProcId, Sight};
use crate::observe::InputSender;
use crate::sys::limits::{self, restore_open_files};
use crate::sys::wait;

/// How long a node may take to be ready, in seconds. It takes some 30 ms.
const PATIENCE_S: i64 = 20;

pub(super) struct Started {
    pub shared: Arc<Shared>,
    pub node: ProcId,
    /// The node as our child, to be waited for.
    pub pid: i32,
    pub inbox: Inbox,
    /// What the node's cgroup is worth, and the cgroup itself for as long as the node lives.
    pub sight: Sight,
    pub cgroups: Option<Tree>,
}

pub(super) fn start(exe: &Path, options: Options, observer: &InputSender) -> Result<Started, Error> {
    let system = |e: nix::Error| Error::Start(limits::reason(e).into_owned());
    let (ours, theirs): (OwnedFd, OwnedFd) =
        socketpair(AddressFamily::Unix, SockType::SeqPacket, None, SockFlag::SOCK_CLOEXEC).map_err(system)?;
    // a node that hangs must not take the app along
    let patience = |seconds| setsockopt(&ours, sockopt::ReceiveTimeout, &TimeVal::seconds(seconds)).map_err(system);
    patience(PATIENCE_S)?;
    // as its standard input the socket needs no number agreed on and no flag changed
    let program = Executable::copy_of(exe).map_err(|e| Error::Start(e.to_string()))?;
    let mut command = Command::new(program.path());
    command
        .arg0("podscope")
        .arg(hidden::NODE)
        .arg(serde_json::to_string(&options).map_err(|e| Error::Start(e.to_string()))?)
        .stdin(Stdio::from(theirs))
        .stdout(Stdio::null())
        // nothing of the user's terminal and environment is left where a pod could find it
        .stderr(Stdio::null())
        .env_clear();
    // what the app allows itself is not for the pods' programs, which take their limits over from the node
    let mut launcher = restore_open_files(&mut command)
        .spawn()
        .map_err(|e| Error::Start(format!("{}: {}", exe.display(), limits::reason_of(&e))))?;

    let user = users::for_root();
    let cgroups = if options.without_cgroups {
        Err("switched off".to_owned())
    } else {
        Tree::make(&program.path(), launcher.id(), user)
    };
    let sight = cgroups.as_ref().map_or_else(|why| cgroup::without(why), Tree::sight);
    let cgroups = cgroups.ok();
    place(&ours, cgroups.as_ref(), user);

    let mut inbox = Inbox::default();
    let mut pid = None;
    // theirs first: whatever we say may come too late for a launcher that was refused at once
    let map = || if options.without_users { Mapped::default() } else { Mapped::of(launcher.id()) };
    let outcome = hear(&ours, &mut inbox, &mut pid, map).and_then(|node| {
        let hello = Request::Hello { version: VERSION };
        patience(0)?;
        send_blocking(&ours, &hello).map_err(|e| Error::Start(e.to_string())).map(|()| node)
    });
    // the launcher's part is over, one way or the other
    let _ = launcher.kill();
    let _ = launcher.wait();
    match (outcome, pid) {
        (Ok(node), Some(pid)) => {
            let shared = Shared {
                socket: ours,
                sending: Mutex::default(),
                calls: Mutex::new(Some(HashMap::new())),
                follows: super::Follows::default(),
                next: AtomicU64::new(1),
                host_ports: Mutex::default(),
                silent: Mutex::default(),
                observer: observer.clone(),
            };
            Ok(Started { shared: Arc::new(shared), node, pid, inbox, sight, cgroups })
        }
        (outcome, pid) => {
            pid.map(end);
            Err(outcome.err().unwrap_or_else(|| Error::Start("it did not tell its pid".to_owned())))
        }
    }
}

/// Tells the launcher where to run. One that was refused before has gone, and has said why.
fn place(socket: &OwnedFd, cgroups: Option<&Tree>, user: Option<u32>) {
    let (grant, directory) = cgroups.map(Tree::grant).unzip();
    let _ = send_with(socket, &Request::Place { grant, user }, directory.map_or(&[], std::slice::from_ref));
}

fn hear(socket: &OwnedFd, inbox: &mut Inbox, pid: &mut Option<i32>, map: impl Fn() -> Mapped) -> Result<ProcId, Error> {
    loop {
        match inbox.receive::<Report>(socket, true) {
            Ok(Some(Report::Unshared)) => drop(send_blocking(socket, &Request::Mapped(map()))),
            Ok(Some(Report::Launched { pid: it })) => *pid = Some(it),
            Ok(Some(Report::Hello { version, node })) if version == VERSION => return Ok(node),
            Ok(Some(Report::Hello { version, .. })) => {
                return Err(Error::Start(format!(
                    "it speaks version {version}, not {VERSION}: the program was replaced while it ran"
                )));
            }
            Ok(Some(Report::Refused { step, errno })) => return Err(allow::explain(step, errno)),
            Ok(Some(_)) => {}
            Ok(None) => return Err(Error::Start(format!("it was not ready within {PATIENCE_S} s"))),
            Err(e) => return Err(Error::Start(format!("it ended before it was ready ({e})"))),
        }
    }
}

/// Kills the node if it still lives, and waits for it; its raw wait status.
pub(super) fn end(pid: i32) -> Option<i32> {
    // our own child, not yet waited for: the pid cannot be anybody else's
    let _ = kill(Pid::from_raw(pid), Signal::SIGKILL);
    wait::one(pid).ok()
}
