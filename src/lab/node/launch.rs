//! Turns an ordinary process into PID 1 of a node.

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

use super::cgroups::Cgroups;
use super::event_loop::{Node, Parts};
use super::hostproc::HostProc;
use super::network::Network;
use super::process::MAX_PROCESSES;
use super::rootfs_template::RootfsTemplate;
use super::seccomp::Filters;
use super::{At, Refused};
use crate::lab::protocol::{Options, Report, Request, Step, VERSION};
use crate::lab::wire::{Inbox, send_blocking};
use crate::sys::fork::{self, SingleThreaded};
use crate::sys::keyring;

/// What the node opens before it leaves the host's namespaces.
struct HostHandles {
    socket: OwnedFd,
    /// The executable that we run from, for the stand-ins: a sealed copy in memory that no process can change.
    exe: OwnedFd,
    /// The host's /proc. It shows the pids that the app sees.
    proc: OwnedFd,
    cgroups: Cgroups,
}

pub fn main(options: &str) -> i32 {
    let (Ok(socket), Ok(options)) = (fork::take_inherited_fd(0), serde_json::from_str(options)) else {
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
    let alone = SingleThreaded::check().at(Step::Open)?;
    // open both now: later we are another user, or /proc is another one
    let exe = open("/proc/self/exe", OFlag::O_PATH | OFlag::O_CLOEXEC, Mode::empty()).at(Step::Open)?;
    let proc = open("/proc", OFlag::O_PATH | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC, Mode::empty()).at(Step::Open)?;
    // enter the cgroup before there are children
    let (cgroups, user) = receive_placement(socket).at(Step::Open)?;
    // pods must not have the user's session keyring: possession alone gives access to its keys (session-keyring(7))
    keyring::join_new_session().at(Step::Keyring)?;
    let handles = HostHandles { socket: socket.try_clone().at(Step::Open)?, exe, proc, cgroups };
    // only the copy keeps the socket on standard input open
    let null = open("/dev/null", OFlag::O_RDWR | OFlag::O_CLOEXEC, Mode::empty()).at(Step::Open)?;
    dup2_stdin(&null).at(Step::Open)?;
    user_namespace(socket, user)?;

    // the node waits until its pid has been reported: otherwise its own reports could come first
    let (ready, notify) = pipe2(OFlag::O_CLOEXEC).at(Step::Clone)?;
    let flags = CloneFlags::CLONE_PARENT
        | CloneFlags::CLONE_NEWPID
        | CloneFlags::CLONE_NEWNET
        | CloneFlags::CLONE_NEWNS
        | CloneFlags::CLONE_NEWIPC
        | CloneFlags::CLONE_NEWUTS;
    let notify_raw = notify.as_raw_fd();
    let child = fork::spawn(&alone, flags, || {
        let _ = nix::unistd::close(notify_raw);
        run_node(handles, options, &ready)
    })
    .at(Step::Clone)?;
    let _ = send_blocking(socket, &Report::Launched { pid: child.pid });
    drop(notify);
    Ok(())
}

/// Receives from the app the cgroup that we run in, and the user to change to if we are root.
fn receive_placement(socket: &OwnedFd) -> Result<(Cgroups, Option<u32>), Errno> {
    let mut inbox = Inbox::default();
    match inbox.receive(socket, true) {
        Ok(Some(Request::Place { grant, user })) => Ok((Cgroups::new(grant, inbox.take_fds().pop()), user)),
        _ => Err(Errno::EPROTO),
    }
}

/// Gives up root if we have it, then becomes root of a new user namespace. The app maps the ids that it is allowed to
/// map. If it could not, we map only our own.
fn user_namespace(socket: &OwnedFd, user: Option<u32>) -> Result<(), Refused> {
    if let Some(user) = user {
        drop_root(user).at(Step::DropRoot)?;
    }
    let (uid, gid) = (geteuid(), getegid());
    limit_namespace_processes().at(Step::Unshare)?;
    unshare(CloneFlags::CLONE_NEWUSER).at(Step::Unshare)?;
    send_blocking(socket, &Report::Unshared).map_err(|_| Errno::EPIPE).at(Step::UidMap)?;
    let Ok(Some(Request::Mapped(mapped))) = Inbox::default().receive(socket, true) else {
        return Err(Errno::EPROTO).at(Step::UidMap);
    };
    if !mapped.users {
        std::fs::write("/proc/self/uid_map", format!("0 {uid} 1\n")).at(Step::UidMap)?;
    }
    if mapped.groups {
        // pods must not have the rights of the user's supplementary groups
        return setgroups(&[]).at(Step::Setgroups);
    }
    // an ordinary user may write gid_map only after this (user_namespaces(7)); old kernels do not have the file
    match std::fs::write("/proc/self/setgroups", "deny") {
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => {}
        other => other.at(Step::Setgroups)?,
    }
    std::fs::write("/proc/self/gid_map", format!("0 {gid} 1\n")).at(Step::GidMap)
}

/// Sets the process limit of the user namespace. The kernel bounds the processes of all its users together by the
/// creator's limit at its creation (`set_userns_rlimit_max` in kernel/user_namespace.c). The creator's processes
/// outside count too, so the limit is the present number of tasks plus twice what the pods may have.
fn limit_namespace_processes() -> Result<(), Errno> {
    let (_, hard) = getrlimit(Resource::RLIMIT_NPROC)?;
    let loadavg = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    // the fourth field is runnable/existing tasks (proc_loadavg(5))
    let tasks = loadavg.split([' ', '/']).nth(4).and_then(|n| n.parse::<u64>().ok());
    let bound = tasks.map_or(hard, |n| (n + 2 * MAX_PROCESSES).min(hard));
    setrlimit(Resource::RLIMIT_NPROC, bound, hard)
}

/// Changes from root to an ordinary user, so that the set-up is the same for both, and no pod ever runs as the host's
/// root.
fn drop_root(user: u32) -> Result<(), Errno> {
    let (uid, gid) = (Uid::from_raw(user), Gid::from_raw(user));
    let dropped = setgroups(&[]).and_then(|()| setresgid(gid, gid, gid)).and_then(|()| setresuid(uid, uid, uid));
    match dropped {
        Ok(()) => {}
        // root of a user namespace without that user is already an ordinary user of the host
        Err(Errno::EINVAL | Errno::EPERM) if !maps_all_users() => {}
        Err(e) => return Err(e),
    }
    // after a change of uid root owns the files of /proc/self; this reverts that (prctl(2))
    prctl::set_dumpable(true)
}

fn maps_all_users() -> bool {
    std::fs::read_to_string("/proc/self/uid_map")
        .is_ok_and(|map| map.split_whitespace().collect::<Vec<_>>() == ["0", "0", "4294967295"])
}

/// Runs the node. Returns its exit code.
fn run_node(handles: HostHandles, options: Options, ready: &OwnedFd) -> i32 {
    let _ = prctl::set_name(c"podscope-node");
    // if the app dies, so do we, and the kernel then kills all processes of our pid namespace
    let _ = prctl::set_pdeathsig(Signal::SIGKILL);
    let _ = setsid();
    let _ = sethostname(super::NODE_NAME);
    while read(ready, &mut [0]) == Err(Errno::EINTR) {}
    let socket = handles.socket.try_clone();
    match prepare(handles, options) {
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

fn prepare(handles: HostHandles, options: Options) -> Result<Node, Refused> {
    let HostHandles { socket, exe, proc, cgroups } = handles;
    let host = HostProc::new(proc);
    let own_id = host.myself().at(Step::Identify)?;
    let rootfs = RootfsTemplate::prepare(options.without_overlay)?;
    let network = Network::start(options.range)?;
    let alone = SingleThreaded::check().at(Step::Loop)?;
    let filters = Filters::compile();
    let clock = options.clock;
    let mut node = Node::new(Parts { socket, exe, host, own_id, rootfs, network, cgroups, filters, alone, clock })?;
    node.report(&Report::Hello { version: VERSION, node: own_id });
    Ok(node)
}
