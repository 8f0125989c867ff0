//! The helper: a hidden mode of the program with one thread, which joins namespaces and reads what is in them.

use std::ffi::OsString;
use std::io::{self, Read as _, Write as _};

use nix::sys::prctl;
use nix::unistd::alarm;

use super::entry::Entry;
use super::request::{Request, Target};
use super::{finding, ipc, mounts, net, process, values};
use crate::model::inside::Content;
use crate::model::{Finding, NsKind};
use crate::observe::Unread;
use crate::sys::fork::close_all_but;

/// The first argument of the hidden mode.
pub const MODE: &str = "__inside";
/// The kernel ends the helper after so many seconds, also if the app has ended meanwhile.
const LIFETIME_S: u32 = 5;
/// The longest request.
const MAX_REQUEST: u64 = 4 << 20;

/// Runs the hidden mode if these arguments (without the program's name) select it, and returns its exit code.
pub fn dispatch(args: impl IntoIterator<Item = OsString>) -> Option<i32> {
    let mode = args.into_iter().next()?;
    (mode == MODE).then(|| main().map_or(1, |()| 0))
}

fn main() -> io::Result<()> {
    // in a pod's user namespace, root of the pod could trace it otherwise, if it shares our pid namespace
    prctl::set_dumpable(false)?;
    alarm::set(LIFETIME_S);
    // those that whoever started the app has left open
    close_all_but(&[])?;
    let mut question = Vec::new();
    io::stdin().take(MAX_REQUEST).read_to_end(&mut question)?;
    let request: Request = serde_json::from_slice(&question)?;
    let answer = serde_json::to_vec(&answer(&request))?;
    io::stdout().write_all(&answer)
}

/// One content for each target, in their order.
fn answer(request: &Request) -> Vec<Content> {
    // ids are shown relative to the reader's user namespace, so what has ids is read before another one is joined
    let mut contents: Vec<Option<Content>> = request.targets.iter().map(|target| outside(request, target)).collect();
    let mut entry = Entry::default();
    // what changes the mounts of the helper comes last
    for pass in [NsKind::Mnt, NsKind::Net, NsKind::Uts, NsKind::Ipc] {
        for (target, content) in request.targets.iter().zip(&mut contents) {
            if target.kind == pass && content.is_none() {
                *content = Some(inside(&mut entry, request, target));
            }
        }
    }
    contents.into_iter().flatten().collect()
}

/// What can be read without joining a namespace; `None` for another kind.
fn outside(request: &Request, target: &Target) -> Option<Content> {
    if !matches!(target.kind, NsKind::Cgroup | NsKind::Time | NsKind::User) {
        return None;
    }
    let pid = request.witness.pid;
    let content = match target.kind {
        NsKind::Cgroup => Content::Cgroup(values::cgroups(&target.processes)),
        NsKind::Time => Content::Time(values::clocks(pid)),
        _ => Content::User(values::ids(pid)),
    };
    // the process may have ended meanwhile, and another one may have its pid
    match process::is_in(request.witness, target.kind, target.ino) {
        Ok(true) => Some(content),
        other => Content::missing(target.kind, &not_in_it(other)),
    }
}

fn inside(entry: &mut Entry, request: &Request, target: &Target) -> Content {
    let is_in = process::is_in(request.witness, target.kind, target.ino);
    let content = match (&is_in, target.kind) {
        (Ok(true), NsKind::Mnt) => Some(Content::Mnt(mounts::read(entry, request.witness))),
        (Ok(true), NsKind::Net) => Some(Content::Net(net::read(entry, request.witness, target))),
        (Ok(true), NsKind::Uts) => Some(Content::Uts(values::names(entry, request.witness, target.ino))),
        (Ok(true), NsKind::Ipc) => Some(Content::Ipc(ipc::read(entry, request.witness, target))),
        _ => Content::missing(target.kind, &not_in_it(is_in)),
    };
    content.unwrap_or_else(|| unreachable!("{} has a content", target.kind))
}

fn not_in_it(is_in: Result<bool, Unread>) -> Finding<()> {
    // it has left the namespace
    finding(is_in.and(Err::<(), _>(Unread::Gone)))
}
