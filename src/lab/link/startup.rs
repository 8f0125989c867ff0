//! Starts the node's process and waits until it is ready.

use std::collections::HashMap;
use std::os::fd::OwnedFd;
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex};

use nix::sys::signal::{Signal, kill};
use nix::sys::socket::{AddressFamily, SockFlag, SockType, setsockopt, socketpair, sockopt};
use nix::sys::time::{TimeVal, TimeValLike as _};
use nix::unistd::Pid;

use super::error::Error;
use super::{Shared, allow, users};
use crate::lab::cgroup::LabCgroup;
use crate::lab::protocol::{MappedIds, Options, Report, Request, VERSION, modes};
use crate::lab::wire::{Inbox, send_blocking, send_with};
use crate::model::{Coverage, Limitation, ProcId};
use crate::observe::InputSender;
use crate::sys::executable::Executable;
use crate::sys::limits::{self, restore_open_files};
use crate::sys::wait;

/// How long a node may take to be ready, in seconds. It usually takes about 30 ms.
const READY_TIMEOUT_S: i64 = 20;

/// A node that is ready.
pub(super) struct Started {
    pub shared: Arc<Shared>,
    pub node: ProcId,
    /// The pid of the node. It is our child, so we must wait for it.
    pub pid: i32,
    pub inbox: Inbox,
    /// What can be seen and limited with the node's cgroups.
    pub coverage: Coverage,
    /// The node's cgroups, kept for as long as the node lives.
    pub cgroups: Option<LabCgroup>,
}

pub(super) fn start(exe: &Path, options: Options, observer: &InputSender) -> Result<Started, Error> {
    let system = |e: nix::Error| Error::Start(limits::reason(e).into_owned());
    let (ours, theirs): (OwnedFd, OwnedFd) =
        socketpair(AddressFamily::Unix, SockType::SeqPacket, None, SockFlag::SOCK_CLOEXEC).map_err(system)?;
    // the app must not hang if the node does
    let set_timeout = |seconds| setsockopt(&ours, sockopt::ReceiveTimeout, &TimeVal::seconds(seconds)).map_err(system);
    set_timeout(READY_TIMEOUT_S)?;
    // the socket is passed as standard input: that needs no agreed number and no change of flags
    let program = Executable::copy_of(exe).map_err(|e| Error::Start(e.to_string()))?;
    let mut command = Command::new(program.path());
    command
        .arg0("podscope")
        .arg(modes::NODE)
        .arg(serde_json::to_string(&options).map_err(|e| Error::Start(e.to_string()))?)
        .stdin(Stdio::from(theirs))
        .stdout(Stdio::null())
        // pods must not get access to the user's terminal and environment
        .stderr(Stdio::null())
        .env_clear();
    // the pods' programs inherit their limits from the node, so the app's raised limit of open files is undone
    let mut launcher = restore_open_files(&mut command)
        .spawn()
        .map_err(|e| Error::Start(format!("{}: {}", exe.display(), limits::reason_of(&e))))?;
    // it holds the launcher's end of the socket, so a launcher that ends at once would not be noticed
    drop(command);

    let user = users::for_root();
    let cgroups = if options.without_cgroups {
        Err(Limitation::SwitchedOff)
    } else {
        LabCgroup::create(&program.path(), launcher.id(), user).map_err(Limitation::Cgroup)
    };
    let (cgroups, coverage) = match cgroups {
        Ok(cgroups) => {
            let coverage = cgroups.coverage();
            (Some(cgroups), coverage)
        }
        Err(why) => (None, Coverage::Missing(why)),
    };
    send_placement(&ours, cgroups.as_ref(), user);

    let mut inbox = Inbox::default();
    let mut pid = None;
    // receive before we send: a launcher that was refused at once may have ended already
    let map = || if options.without_users { MappedIds::default() } else { users::map_for(launcher.id()) };
    let outcome = await_node(&ours, &mut inbox, &mut pid, map).and_then(|node| {
        let hello = Request::Hello { version: VERSION };
        set_timeout(0)?;
        send_blocking(&ours, &hello).map_err(|e| Error::Start(e.to_string())).map(|()| node)
    });
    // the launcher is no longer needed, whether it succeeded or not
    let _ = launcher.kill();
    let _ = launcher.wait();
    match (outcome, pid) {
        (Ok(node), Some(pid)) => {
            let shared = Shared {
                socket: ours,
                sending: Mutex::default(),
                calls: Mutex::new(Some(HashMap::new())),
                host_ports: Mutex::default(),
                silent: Mutex::default(),
                observer: observer.clone(),
                is_closed: AtomicBool::new(false),
            };
            Ok(Started { shared: Arc::new(shared), node, pid, inbox, coverage, cgroups })
        }
        (outcome, pid) => {
            pid.map(kill_and_reap);
            Err(outcome.err().unwrap_or_else(|| Error::Start("it did not report its pid".to_owned())))
        }
    }
}

/// Sends the launcher its cgroup and user. If the launcher has ended already, it has reported why.
fn send_placement(socket: &OwnedFd, cgroups: Option<&LabCgroup>, user: Option<u32>) {
    let (grant, directory) = cgroups.map(LabCgroup::grant).unzip();
    let _ = send_with(socket, &Request::Place { grant, user }, directory.map_or(&[], std::slice::from_ref));
}

/// Receives the launcher's and the node's reports until the node is ready. Sets `pid` as soon as it is known.
fn await_node(
    socket: &OwnedFd,
    inbox: &mut Inbox,
    pid: &mut Option<i32>,
    map: impl Fn() -> MappedIds,
) -> Result<ProcId, Error> {
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
            Ok(None) => return Err(Error::Start(format!("it was not ready within {READY_TIMEOUT_S} s"))),
            Err(e) => return Err(Error::Start(format!("it ended before it was ready ({e})"))),
        }
    }
}

/// Kills the node if it still lives, and waits for it. Returns its raw wait status.
pub(super) fn kill_and_reap(pid: i32) -> Option<i32> {
    // it is our child and not yet reaped, so the pid cannot belong to another process
    let _ = kill(Pid::from_raw(pid), Signal::SIGKILL);
    wait::one(pid).ok()
}
