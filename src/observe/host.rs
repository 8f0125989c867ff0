//! The machine itself, and how much of it we can observe.

use nix::errno::Errno;

use super::clock;
use super::proc::{Unread, hidepid};
use super::reconcile::UnreadCount;
use crate::model::{Capability, Coverage, Delta, Host, Limitation, NsSet, OsError, Search, Source, Stamp};
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
        Err(e) => return Coverage::Partial(vec![Limitation::MountsUnknown(OsError::from(&e))]),
    };
    match hidepid(&mounts) {
        // a process with CAP_SYS_PTRACE sees them in spite of hidepid
        Some(value) if is_init_hidden() => {
            Coverage::Partial(vec![Limitation::ProcessesHidden { hidepid: value.to_owned() }])
        }
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
    let mut all = processes().limitations().to_vec();
    if denied > 0 {
        all.push(Limitation::ProcessesDenied { count: denied });
    }
    if let Some(why) = why.filter(|_| failed > 0) {
        all.push(Limitation::ProcessesFailed { count: failed, error: OsError(why as i32) });
    }
    if let Some(why) = list {
        all.push(Limitation::ProcessListFailed(OsError(why as i32)));
    }
    if all.is_empty() { Coverage::Full } else { Coverage::Partial(all) }
}

/// Some processes have no pidfd; at most `budget` can have one.
pub fn unheld(why: Errno, budget: usize) -> Coverage {
    Coverage::Partial(vec![match why {
        Errno::EMFILE => Limitation::PidfdsUsedUp { held: budget },
        other => Limitation::PidfdRefused(OsError(other as i32)),
    }])
}

/// What was found of the holders of namespaces.
pub fn found(search: &Search) -> Coverage {
    let missed = [search.files, search.threads, search.sockets, search.mounts];
    if missed.iter().all(|looked| looked.unseen() == 0) {
        return Coverage::Full;
    }
    Coverage::Partial(vec![Limitation::HoldersMissed(Box::new(*search))])
}

/// Holders of namespaces are searched for only in a survey of the whole machine.
pub fn holders() -> Coverage {
    Coverage::Missing(Limitation::HoldersNotSearched)
}
