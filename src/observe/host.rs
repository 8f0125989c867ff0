//! The machine itself, and what it lets us see.

use super::clock;
use super::proc::hidepid;
use crate::model::{Aspect, Delta, Host, NsSet, Sight, Source, Stamp};

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

pub fn visibility(aspect: Aspect, sight: Sight) -> Delta {
    Delta::Visibility { aspect, sight, at: Stamp::prompt(clock::now(), Source::App) }
}

/// Whether /proc shows the processes of other users.
pub fn processes() -> Sight {
    let mounts = std::fs::read_to_string("/proc/self/mountinfo").unwrap_or_default();
    match hidepid(&mounts) {
        // whoever may trace sees all the same
        Some(value) if identify_init_hidden() => Sight::Partial(format!(
            "/proc is mounted with hidepid={value}: processes of other users are not shown; run as root, or \
             mount -o remount,hidepid=off /proc"
        )),
        _ => Sight::Full,
    }
}

fn identify_init_hidden() -> bool {
    std::fs::read("/proc/1/stat").is_err()
}

/// What is not looked for at all.
pub fn holders() -> Sight {
    Sight::Missing("open files and bind mounts that keep a namespace alive are not searched for".to_owned())
}
