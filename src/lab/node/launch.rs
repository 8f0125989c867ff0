//! From an ordinary process to PID 1 of a node.

use std::os::fd::{AsFd, AsRawFd, OwnedFd};

use nix::errno::Errno;
use nix::fcntl::{OFlag, open};
use nix::sched::{CloneFlags, unshare};
use nix::sys::prctl;
use nix::sys::resource::{Resource, getrlimit, setrlimit};
use nix::sys::signal::Signal;
use nix::sys::stat::Mode;
use nix::unistd::{
    Gid, Uid, dup2_stdin, getegid, geteuid, pipe2, read, setgroups, sethostname, setresgid, setresuid, setsid,
};

use super::birth::MAX_PROCESSES;
use super::cgroups::Cgroups;
use super::engine::{Node, Parts};
use super::ground::Ground;
use super::hostproc::HostProc;
use super::seccomp::Filters;
use super::{At, Refused};
use crate::lab::network::Network;
use crate::lab::protocol::{Options, Report, Request, Step, VERSION};
use crate::lab::wire::{Inbox, send_blocking};
use crate::sys::fork::{self, Alone};
use crate::sys::keyring;

/// What the node needs from before it leaves the host's namespaces.
struct Belongings {
    socket: OwnedFd,
    /// What we run from, for the stand-ins: a sealed copy in memory that no one can change.
    exe: OwnedFd,
    /// The host's /proc: it tells pids as the app knows them.
    proc: OwnedFd,
    cgroups: Cgroups,
}

pub fn main(options: &str) -> i32 {
    let (Ok(socket), Ok(options)) = (fork::inherited(0), serde_json::from_str(options)) else {
        eprintln!("podscope: this mode is for its own use, with a socket as standard input");
        return 64;
    };
    match launch(&socket, options) {
        Ok(()) => 0,
        Err(refused) => {
            let report = Report::Refused { step: refused.step, errno: refused.errno as i32 };
            let _ = send_blocking(&socket, &report);
            1
        }
    }
}

fn launch(socket: &OwnedFd, options: Options) -> Result<(), Refused> {
    let alone = Alone::prove().at(Step::Open)?;
    // both while we may: afterwards another user, or no longer the same /proc
    let exe = open("/proc/self/exe", OFlag::O_PATH | OFlag::O_CLOEXEC, Mode::empty()).at(Step::Open)?;
    let proc = open("/proc", OFlag::O_PATH | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC, Mode::empty()).at(Step::Open)?;
    // in its cgroup before it has children
    let (cgroups, user) = place(socket).at(Step::Open)?;
    // the user's session keyring is not for pods: possession alone opens its keys (session-keyring(7))
    keyring::join_new_session().at(Step::Keyring)?;
    let belongings = Belongings { socket: socket.try_clone().at(Step::Open)?, exe, proc, cgroups };
    // nothing keeps the caller's standard input but the copy
    let null = open("/dev/null", OFlag::O_RDWR | OFlag::O_CLOEXEC, Mode::empty()).at(Step::Open)?;
    dup2_stdin(&null).at(Step::Open)?;
    user_namespace(socket, user)?;

    // the node waits until its pid has been told: otherwise its own words could come first
    let (go, tell) = pipe2(OFlag::O_CLOEXEC).at(Step::Clone)?;
    let flags = CloneFlags::CLONE_PARENT
        | CloneFlags::CLONE_NEWPID
        | CloneFlags::CLONE_NEWNET
        | CloneFlags::CLONE_NEWNS
        | CloneFlags::CLONE_NEWIPC
        | CloneFlags::CLONE_NEWUTS;
    let tell_raw = tell.as_raw_fd();
    let child = fork::spawn(&alone, flags, || {
        let _ = nix::unistd::close(tell_raw);
        live(belongings, options, &go)
    })
    .at(Step::Clone)?;
    let _ = send_blocking(socket, &Report::Launched { pid: child.pid });
    drop(tell);
    Ok(())
}

/// Waits for the app to say where we are to run, and as whom if we are root.
fn place(socket: &OwnedFd) -> Result<(Cgroups, Option<u32>), Errno> {
    let mut inbox = Inbox::default();
    match inbox.receive(socket, true) {
        Ok(Some(Request::Place { grant, user })) => Ok((Cgroups::new(grant, inbox.take_fds().pop()), user)),
        _ => Err(Errno::EPROTO),
    }
}

/// Gives up root if we have it, then becomes root of a new user namespace. The app maps what it may there; whom it
/// could not map, ourselves alone.
fn user_namespace(socket: &OwnedFd, user: Option<u32>) -> Result<(), Refused> {
    if let Some(user) = user {
        drop_root(user).at(Step::DropRoot)?;
    }
    let (uid, gid) = (geteuid(), getegid());
    bound_namespace().at(Step::Unshare)?;
    unshare(CloneFlags::CLONE_NEWUSER).at(Step::Unshare)?;
    send_blocking(socket, &Report::Unshared).map_err(|_| Errno::EPIPE).at(Step::UidMap)?;
    let Ok(Some(Request::Mapped(mapped))) = Inbox::default().receive(socket, true) else {
        return Err(Errno::EPROTO).at(Step::UidMap);
    };
    if !mapped.users {
        std::fs::write("/proc/self/uid_map", format!("0 {uid} 1\n")).at(Step::UidMap)?;
    }
    if mapped.groups {
        // what the user may by its other groups, no pod may
        return setgroups(&[]).at(Step::Setgroups);
    }
    // without this an ordinary user may not write gid_map (user_namespaces(7)); old kernels lack it
    match std::fs::write("/proc/self/setgroups", "deny") {
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => {}
        other => other.at(Step::Setgroups)?,
    }
    std::fs::write("/proc/self/gid_map", format!("0 {gid} 1\n")).at(Step::GidMap)
}

/// The kernel bounds a user namespace's processes, of all its users together, by what its maker's limit is when it is
/// made (`set_userns_rlimit_max` in kernel/user_namespace.c). The maker's own elsewhere count too, so that there is
/// room for those that are there now, and as many again as the pods may have.
fn bound_namespace() -> Result<(), Errno> {
    let (_, hard) = getrlimit(Resource::RLIMIT_NPROC)?;
    let loadavg = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    // tasks that run, of how many (proc_loadavg(5))
    let tasks = loadavg.split([' ', '/']).nth(4).and_then(|n| n.parse::<u64>().ok());
    let bound = tasks.map_or(hard, |n| (n + 2 * MAX_PROCESSES).min(hard));
    setrlimit(Resource::RLIMIT_NPROC, bound, hard)
}

/// Root takes the same way as an ordinary user, and no pod ever runs as the host's root.
fn drop_root(user: u32) -> Result<(), Errno> {
    let (uid, gid) = (Uid::from_raw(user), Gid::from_raw(user));
    let dropped = setgroups(&[]).and_then(|()| setresgid(gid, gid, gid)).and_then(|()| setresuid(uid, uid, uid));
    match dropped {
        Ok(()) => {}
        // root of a user namespace that has no such user is an ordinary user of the host already
        Err(Errno::EINVAL | Errno::EPERM) if !maps_everybody() => {}
        Err(e) => return Err(e),
    }
    // a change of uid makes /proc/self root's; this gives it back (prctl(2))
    prctl::set_dumpable(true)
}

fn maps_everybody() -> bool {
    std::fs::read_to_string("/proc/self/uid_map")
        .is_ok_and(|map| map.split_whitespace().collect::<Vec<_>>() == ["0", "0", "4294967295"])
}

/// The node's whole life; its exit code.
fn live(belongings: Belongings, options: Options, go: &OwnedFd) -> i32 {
    let _ = prctl::set_name(c"podscope-node");
    // the app may die by any signal: then so do we, and the kernel ends all below us
    let _ = prctl::set_pdeathsig(Signal::SIGKILL);
    let _ = setsid();
    let _ = sethostname(super::NODE_NAME);
    while read(go, &mut [0]) == Err(Errno::EINTR) {}
    let socket = belongings.socket.try_clone();
    match prepare(belongings, options) {
        Ok(mut node) => {
            node.serve();
            0
        }
        Err(refused) => {
            if let Ok(socket) = socket {
                let report = Report::Refused { step: refused.step, errno: refused.errno as i32 };
                let _ = send_blocking(socket.as_fd(), &report);
            }
            1
        }
    }
}

fn prepare(belongings: Belongings, options: Options) -> Result<Node, Refused> {
    let Belongings { socket, exe, proc, cgroups } = belongings;
    let host = HostProc::new(proc);
    let me = host.myself().at(Step::Identify)?;
    let ground = Ground::prepare(options.without_overlay)?;
    let network = Network::start(options.range)?;
    let alone = Alone::prove().at(Step::Loop)?;
    let filters = Filters::compile();
    let clock = options.clock;
    let mut node = Node::new(Parts { socket, exe, host, me, ground, network, cgroups, filters, alone, clock })?;
    node.report(&Report::Hello { version: VERSION, node: me });
    Ok(node)
}
