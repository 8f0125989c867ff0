//! A process that changes its own namespaces as the lab orders, one system call at a time.
//!
//! Standard input is a socket to the node. Only children enter a new pid or time namespace (`unshare(2)`, `setns(2)`),
//! so after such a call a child is started that shows the effect. The links of the process itself do not change.

use std::os::fd::{AsFd, OwnedFd};

use nix::errno::Errno;
use nix::sched::{CloneFlags, setns, unshare};
use nix::sys::prctl;
use nix::sys::signal::{SigSet, Signal};

use super::{Call, print_error};
use crate::lab::protocol::hand::{NamespaceAnswer, NamespaceCommand};
use crate::lab::wire::{Inbox, send_blocking};
use crate::model::NsKind;
use crate::sys::fork::{self, SingleThreaded};
use crate::sys::signals;

pub fn main(call: &Call<'_>) -> i32 {
    if let Some(arg) = call.args.first() {
        print_error(format_args!("hand: \"{arg}\" is not understood; it takes no arguments"));
        return 64;
    }
    // it has more capabilities than other containers, above all in a new user namespace: they must not inspect it
    let _ = prctl::set_dumpable(false);
    let (Ok(node), Ok(alone)) = (fork::take_inherited_fd(0), SingleThreaded::check()) else { return 1 };
    // it does not wait for its children; with SIGCHLD ignored they leave no zombies
    let ready = signals::ignore(Signal::SIGCHLD)
        .and_then(|()| signals::exit_on(Signal::SIGTERM))
        .and_then(|()| prctl::set_name(c"hand"));
    if ready.is_err() {
        return 1;
    }
    let mut inbox = Inbox::default();
    loop {
        let order = match inbox.receive::<NamespaceCommand>(&node, true) {
            Ok(Some(order)) => order,
            Ok(None) => continue,
            Err(_) => {
                print_error("hand: it takes orders of the lab on standard input, and there are none");
                return 1;
            }
        };
        let answer = execute_order(&alone, &order, &inbox.take_fds());
        if send_blocking(&node, &answer).is_err() {
            return 1;
        }
    }
}

fn execute_order(alone: &SingleThreaded, order: &NamespaceCommand, fds: &[OwnedFd]) -> NamespaceAnswer {
    let kinds = match order {
        NamespaceCommand::Unshare(kinds) => {
            let flags = flags(kinds);
            unshare(flags).map_err(|e| failed("unshare", e))?;
            if flags.contains(CloneFlags::CLONE_NEWUSER) {
                become_root().map_err(|e| failed("map root into the new user namespace", e))?;
            }
            kinds
        }
        NamespaceCommand::Join(kinds) => {
            let target = fds.first().ok_or(Errno::EBADF);
            target.and_then(|fd| setns(fd.as_fd(), flags(kinds))).map_err(|e| failed("setns", e))?;
            kinds
        }
        NamespaceCommand::Fork => return start_child(alone),
    };
    if kinds.iter().any(|k| matches!(k, NsKind::Pid | NsKind::Time)) { start_child(alone) } else { Ok(()) }
}

fn start_child(alone: &SingleThreaded) -> NamespaceAnswer {
    fork::spawn(alone, CloneFlags::empty(), child_main).map(drop).map_err(|e| failed("fork", e))
}

/// An error message as perror(3) prints it.
fn failed(call: &str, e: Errno) -> String {
    let words = match e {
        // the C library's text, which people search for; nix has another
        Errno::ENOMEM => "Cannot allocate memory",
        e => e.desc(),
    };
    format!("{call}: {words}")
}

/// Maps this process's user to root of the new user namespace (`user_namespaces(7)`).
fn become_root() -> Result<(), Errno> {
    let write = |file: &str, text: &str| {
        std::fs::write(format!("/proc/self/{file}"), text)
            .map_err(|e| Errno::from_raw(e.raw_os_error().unwrap_or(nix::libc::EIO)))
    };
    // fails if the lab's own user namespace has it denied already
    let _ = write("setgroups", "deny");
    write("uid_map", "0 0 1\n")?;
    write("gid_map", "0 0 1\n")
}

/// The main function of a child that only waits for TERM.
fn child_main() -> i32 {
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
