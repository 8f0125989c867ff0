//! A process that does to its own namespaces what the lab tells it, one system call at a time.
//!
//! Standard input is a socket to the node. pid and time namespaces are entered by children only
//! (`unshare(2)`, `setns(2)`), so after those a child shows the effect; the links of the process itself stay.

use std::os::fd::{AsFd, OwnedFd};

use nix::errno::Errno;
use nix::sched::{CloneFlags, setns, unshare};
use nix::sys::prctl;
use nix::sys::signal::{SigSet, Signal};

use super::{Call, complain};
use crate::lab::hand::{Answer, Order};
use crate::lab::wire::{Inbox, send_blocking};
use crate::model::NsKind;
use crate::sys::fork::{self, Alone};
use crate::sys::signals;

pub fn main(call: &Call<'_>) -> i32 {
    if let Some(arg) = call.args.first() {
        complain(format_args!("hand: \"{arg}\" is not understood; it takes no arguments"));
        return 64;
    }
    // it has more than its neighbours, above all in a user namespace of its own: they may not look into it
    let _ = prctl::set_dumpable(false);
    let (Ok(node), Ok(alone)) = (fork::inherited(0), Alone::prove()) else { return 1 };
    // nobody waits for the children: they leave no zombies
    let ready = signals::ignore(Signal::SIGCHLD)
        .and_then(|()| signals::exit_on(Signal::SIGTERM))
        .and_then(|()| prctl::set_name(c"hand"));
    if ready.is_err() {
        return 1;
    }
    let mut inbox = Inbox::default();
    loop {
        let order = match inbox.receive::<Order>(&node, true) {
            Ok(Some(order)) => order,
            Ok(None) => continue,
            Err(_) => {
                complain("hand: it does what the lab tells it on standard input, and nothing is there");
                return 1;
            }
        };
        let answer = obey(&alone, &order, &inbox.take_fds());
        if send_blocking(&node, &answer).is_err() {
            return 1;
        }
    }
}

fn obey(alone: &Alone, order: &Order, fds: &[OwnedFd]) -> Answer {
    let kinds = match order {
        Order::Unshare(kinds) => {
            let flags = flags(kinds);
            unshare(flags).map_err(|e| failed("unshare", e))?;
            if flags.contains(CloneFlags::CLONE_NEWUSER) {
                become_root().map_err(|e| failed("map root into the new user namespace", e))?;
            }
            kinds
        }
        Order::Join(kinds) => {
            let target = fds.first().ok_or(Errno::EBADF);
            target.and_then(|fd| setns(fd.as_fd(), flags(kinds))).map_err(|e| failed("setns", e))?;
            kinds
        }
        Order::Fork => return start_child(alone),
    };
    if kinds.iter().any(|k| matches!(k, NsKind::Pid | NsKind::Time)) { start_child(alone) } else { Ok(()) }
}

fn start_child(alone: &Alone) -> Answer {
    fork::spawn(alone, CloneFlags::empty(), show).map(drop).map_err(|e| failed("fork", e))
}

/// In the words of perror(3).
fn failed(call: &str, e: Errno) -> String {
    let words = match e {
        // the C library's words, which people look for; nix has others
        Errno::ENOMEM => "Cannot allocate memory",
        e => e.desc(),
    };
    format!("{call}: {words}")
}

/// Root of the new user namespace, whoever it was outside (`user_namespaces(7)`).
fn become_root() -> Result<(), Errno> {
    let write = |file: &str, text: &str| {
        std::fs::write(format!("/proc/self/{file}"), text)
            .map_err(|e| Errno::from_raw(e.raw_os_error().unwrap_or(nix::libc::EIO)))
    };
    // denied already where the lab's own user namespace has it so
    let _ = write("setgroups", "deny");
    write("uid_map", "0 0 1\n")?;
    write("gid_map", "0 0 1\n")
}

/// A child that only is there.
fn show() -> i32 {
    let _ = prctl::set_name(c"hand: child");
    let _ = prctl::set_pdeathsig(Signal::SIGKILL);
    let _ = SigSet::from_iter([Signal::SIGTERM]).wait();
    0
}

fn flags(kinds: &[NsKind]) -> CloneFlags {
    kinds.iter().fold(CloneFlags::empty(), |flags, kind| {
        flags
            | match kind {
                NsKind::Cgroup => CloneFlags::CLONE_NEWCGROUP,
                NsKind::Ipc => CloneFlags::CLONE_NEWIPC,
                NsKind::Mnt => CloneFlags::CLONE_NEWNS,
                NsKind::Net => CloneFlags::CLONE_NEWNET,
                NsKind::Pid => CloneFlags::CLONE_NEWPID,
                // nix has no name for it (linux/sched.h)
                NsKind::Time => CloneFlags::from_bits_retain(nix::libc::CLONE_NEWTIME),
                NsKind::User => CloneFlags::CLONE_NEWUSER,
                NsKind::Uts => CloneFlags::CLONE_NEWUTS,
            }
    })
}
