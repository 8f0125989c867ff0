//! The machine itself, and how much of it we can observe.

use nix::errno::Errno;

use super::clock;
use super::proc::{Unread, hidepid};
use super::reconcile::UnreadCount;
use crate::model::{Capability, Coverage, Delta, Host, NsSet, Search, Source, Stamp};
use crate::procfs::own_mounts;

pub fn host(namespaces: NsSet) -> Delta {
    let uid = nix::unistd::geteuid();
    let user = nix::unistd::User::from_uid(uid).ok().flatten().map_or_else(|| uid.to_string(), |u| u.name);
    let kernel =
        nix::sys::utsname::uname().map_or_else(|_| String::new(), |u| u.release().to_string_lossy().into_owned());
    let boot_id = std::fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default();
    let host = Host {
        kernel,
        boot_id: boot_id.trim().to_owned(),
        user,
        uid: uid.as_raw(),
        anchor: clock::anchor(),
        namespaces,
    };
    Delta::Host { host: Box::new(host), at: Stamp::prompt(clock::now(), Source::App) }
}

pub fn visibility(capability: Capability, coverage: Coverage) -> Delta {
    Delta::Visibility { capability, coverage, at: Stamp::prompt(clock::now(), Source::App) }
}

/// Whether /proc shows the processes of other users.
pub fn processes() -> Coverage {
    let mounts = match own_mounts() {
        Ok(mounts) => mounts,
        Err(e) => return Coverage::Partial(format!("whether /proc hides processes is not known: mountinfo: {e}")),
    };
    match hidepid(&mounts) {
        // a process with CAP_SYS_PTRACE sees them in spite of hidepid
        Some(value) if is_init_hidden() => Coverage::Partial(format!(
            "/proc is mounted with hidepid={value}: processes of other users are not shown; run as root, or \
             mount -o remount,hidepid=off /proc"
        )),
        _ => Coverage::Full,
    }
}

fn is_init_hidden() -> bool {
    let read = std::fs::read("/proc/1/stat").map_err(Unread::from);
    matches!(read, Err(Unread::Gone | Unread::Denied))
}

/// As [`processes`], minus the processes that could not be read.
pub fn less_unread(unread: UnreadCount) -> Coverage {
    let UnreadCount { denied, failed, why, list } = unread;
    let mut reasons: Vec<String> = processes().reason().map(str::to_owned).into_iter().collect();
    if denied > 0 {
        reasons.push(format!("{denied} processes may not be read; they are shown as they were last seen"));
    }
    if let Some(why) = why.filter(|_| failed > 0) {
        reasons.push(format!("{failed} processes could not be read ({}); they are tried again", failure(why)));
    }
    if let Some(why) = list {
        reasons.push(format!("/proc could not be listed ({}), so new processes may be missing", failure(why)));
    }
    if reasons.is_empty() { Coverage::Full } else { Coverage::Partial(reasons.join("; ")) }
}

/// The kernel's reason, and how to fix it where that is known.
fn failure(why: Errno) -> String {
    match why {
        Errno::EMFILE => "this program has as many files open as it may; raise the limit: ulimit -n".to_owned(),
        Errno::ENFILE => "the machine has as many files open as it may; raise fs.file-max".to_owned(),
        other => other.to_string(),
    }
}

/// Some processes have no pidfd; at most `budget` can have one.
pub fn unheld(why: Errno, budget: usize) -> Coverage {
    let why = match why {
        Errno::EMFILE => format!(
            "only {budget} processes are held, half as many as the limit of open files allows (ulimit -n, ulimit -Hn)"
        ),
        Errno::ENOSPC => "the kernel holds no more for this user (fs.epoll.max_user_watches)".to_owned(),
        other => failure(other),
    };
    Coverage::Partial(format!("{why}; reaps of the others are found by a scan once a second"))
}

/// What was found of the holders of namespaces.
pub fn found(search: &Search) -> Coverage {
    let missed = [
        (search.files, "the open files of", "processes"),
        (search.threads, "the namespaces of", "threads"),
        (search.sockets, "the network namespaces of", "sockets"),
        (search.mounts, "the mounts of", "mount namespaces"),
    ];
    let missed = missed.into_iter().filter(|(looked, ..)| looked.unseen() > 0);
    let reasons: Vec<String> =
        missed.map(|(looked, what, of)| format!("{what} {} of {} {of}", looked.unseen(), looked.found)).collect();
    if reasons.is_empty() {
        Coverage::Full
    } else {
        let needs = "needs CAP_SYS_PTRACE and CAP_NET_ADMIN, which root usually has";
        Coverage::Partial(format!("{} cannot be read; {needs}", reasons.join(", ")))
    }
}

/// Holders of namespaces are searched for only in a survey of the whole machine.
pub fn holders() -> Coverage {
    Coverage::Missing("open files and bind mounts that keep a namespace alive are not searched for".to_owned())
}
