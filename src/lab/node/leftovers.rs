//! Kills the processes that an ended container or a removed pod has left behind, and waits for them without blocking
//! the node's loop.
//!
//! A cgroup kills all its processes at once. Without cgroups, processes are identified by a limit that has no effect
//! ([`mark`]): a child inherits it, it survives exec, and without a capability over the whole machine it can be
//! lowered, but not raised (`setrlimit(2)`). Mount namespaces, sessions and parents cannot identify them: a process may
//! change its own.

use std::collections::BTreeSet;
use std::fs;
use std::os::fd::{AsFd as _, OwnedFd};
use std::os::unix::fs::MetadataExt as _;

use nix::errno::Errno;
use nix::fcntl::{OFlag, open};
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sched::CloneFlags;
use nix::sys::epoll::EpollFlags;
use nix::sys::prctl;
use nix::sys::resource::{RLIM_INFINITY, Resource, getrlimit, setrlimit};
use nix::sys::signal::Signal;
use nix::sys::stat::Mode;

use super::cgroups::MemberCgroup;
use super::event_loop::{Node, Role, Timer, Watch};
use super::volumes;
use crate::lab::cgroup::populated;
use crate::lab::controller::Fact;
use crate::lab::spec::{PidNamespace, PodSpec};
use crate::model::{Delta, Member, NodeSignalTarget, PodUid};
use crate::sys::{fork, nsfs, pidfd};

/// How long to wait for killed processes. Only one in uninterruptible sleep takes longer.
const KILL_TIMEOUT_MS: u64 = 500;

/// What identifies the leftover processes of a container that has ended.
pub(super) struct Remains {
    pub mark: Option<u64>,
    pub cgroup: Option<MemberCgroup>,
}

/// Whose processes are killed.
enum KillTarget {
    Container(PodUid, String, Remains),
    /// All processes in the cgroup of a pod that is being removed.
    Pod(PodUid),
}

/// Processes that have been killed and are not gone yet: an ending.
pub(super) struct Ending {
    target: KillTarget,
    /// The watches that tell when they are gone: their cgroup's events, or a pidfd for each.
    waits: BTreeSet<u64>,
}

/// The next mark: a value of the limit on file locks that identifies the processes of one start of a container. Linux
/// has ignored that limit since 2.4 (`RLIMIT_LOCKS` in getrlimit(2)). `None` if our own limit is too low.
pub(super) fn next_mark(starts: &mut u64) -> Option<u64> {
    let (_, hard) = getrlimit(Resource::RLIMIT_LOCKS).ok()?;
    *starts += 1;
    let max = if hard == RLIM_INFINITY { 1 << 62 } else { hard };
    max.checked_sub(*starts)
}

/// Marks this process and all its future descendants.
pub(super) fn mark(mark: Option<u64>) -> Result<(), Errno> {
    mark.map_or(Ok(()), |mark| setrlimit(Resource::RLIMIT_LOCKS, mark, mark))
}

impl Node {
    /// Kills what a container has left behind. The controller is told when it is gone, because what it holds, above all
    /// a port, must be free when the container is started again.
    pub(super) fn end_leftovers(&mut self, uid: &PodUid, container: &str) {
        match self.pods.get_mut(uid).and_then(|run| run.remains.remove(container)) {
            Some(remains) => self.begin_ending(KillTarget::Container(uid.clone(), container.to_owned(), remains)),
            None => self.leftovers_ended(uid, container),
        }
    }

    /// Kills what is left in a pod's cgroup, then removes the cgroup and the pod's directories.
    pub(super) fn end_pod(&mut self, uid: PodUid) {
        self.begin_ending(KillTarget::Pod(uid));
    }

    fn begin_ending(&mut self, target: KillTarget) {
        let id = self.new_token();
        let mut ending = Ending { target, waits: BTreeSet::new() };
        self.kill(id, &mut ending);
        if ending.waits.is_empty() {
            return self.finish_ending(ending.target);
        }
        self.add_timer(KILL_TIMEOUT_MS, Timer::Ending(id));
        self.endings.insert(id, ending);
    }

    /// Kills all living processes and adds a watch for them.
    fn kill(&mut self, id: u64, ending: &mut Ending) {
        let (at, mut is_sent) = (Self::now(), false);
        let events = match &ending.target {
            KillTarget::Container(_, _, Remains { cgroup: Some(leaf), .. }) => leaf.kill(),
            KillTarget::Container(..) => None,
            KillTarget::Pod(uid) => self.cgroups.kill(uid),
        };
        match (events, &ending.target) {
            (Some((events, had_processes)), _) => {
                is_sent = had_processes;
                if populated::now(&events) {
                    ending.waits.insert(self.watch_for(EpollFlags::EPOLLPRI, events, Watch::Ending(id)));
                }
            }
            (None, KillTarget::Container(uid, name, Remains { mark: Some(mark), .. })) => {
                for process in self.find_living(uid, name, *mark) {
                    is_sent |= pidfd::send_signal(&process, Signal::SIGKILL as i32).is_ok();
                    ending.waits.insert(self.watch(process, Watch::Ending(id)));
                }
            }
            (None, _) => {}
        }
        if is_sent {
            let to = match &ending.target {
                KillTarget::Container(uid, name, _) => NodeSignalTarget::Leftovers(Member::container(uid, name)),
                KillTarget::Pod(uid) => NodeSignalTarget::Pod(uid.clone()),
            };
            self.report_delta(Delta::NodeSignalled { to, signal: crate::model::Signal::KILL, at });
        }
    }

    pub(super) fn is_ending(&self, token: u64) -> bool {
        matches!(self.watches.get(&token), Some((_, Watch::Ending(_))))
    }

    /// A process is gone, or a cgroup's events have changed.
    pub(super) fn ending_changed(&mut self, token: u64) {
        let Some((fd, Watch::Ending(id))) = self.watches.get(&token) else { return };
        let id = *id;
        let Some(mut ending) = self.endings.remove(&id) else { return };
        let lives = match &ending.target {
            KillTarget::Container(_, _, Remains { cgroup: None, .. }) => false,
            _ => populated::now(fd),
        };
        if !lives {
            ending.waits.remove(&token);
            self.unwatch(token);
        }
        if ending.waits.is_empty() {
            // once more for those that were started meanwhile
            self.kill(id, &mut ending);
        }
        if ending.waits.is_empty() {
            self.set_timer(None, Timer::Ending(id));
            self.finish_ending(ending.target);
        } else {
            self.endings.insert(id, ending);
        }
    }

    /// Gives up on an ending: what is still alive is in uninterruptible sleep, and the node cannot wait for it.
    pub(super) fn ending_timed_out(&mut self, id: u64) {
        let Some(ending) = self.endings.remove(&id) else { return };
        for token in ending.waits {
            self.unwatch(token);
        }
        self.finish_ending(ending.target);
    }

    fn finish_ending(&mut self, target: KillTarget) {
        match target {
            KillTarget::Container(uid, container, remains) => {
                self.remove_member_cgroup(&uid, &remains);
                self.leftovers_ended(&uid, &container);
            }
            KillTarget::Pod(uid) => {
                self.cgroups.remove_pod(&uid);
                if self.start_removal(&uid).is_err() {
                    volumes::remove(&uid);
                }
                self.report_delta(Delta::PodRemoved { uid, at: Self::now() });
            }
        }
    }

    /// Removes a pod's files in a child, since a pod may have made so many that the loop would stand still. Nobody waits
    /// for it: no other pod has this uid.
    fn start_removal(&mut self, uid: &PodUid) -> std::io::Result<()> {
        let child = fork::spawn(&self.alone, CloneFlags::empty(), || {
            let _ = prctl::set_name(c"podscope-remove");
            // it must not keep open what the node closes meanwhile
            if fork::close_all_but(&[]).is_err() {
                return 1;
            }
            volumes::remove(uid);
            0
        })?;
        self.register_child(child, Role::Removal(uid.clone()), None, None).map(drop)
    }

    pub(super) fn removal_ended(uid: &PodUid, done: bool) {
        if !done {
            // it was killed: remove here what is left
            volumes::remove(uid);
        }
    }

    fn leftovers_ended(&mut self, uid: &PodUid, container: &str) {
        self.decide(uid, Fact::LeftoversEnded { container: container.to_owned() }, Self::now());
    }

    /// All living processes with this mark. In the pod's own pid namespace, also those that have lowered their limit
    /// and so have no container's mark.
    fn find_living(&self, uid: &PodUid, container: &str, mark: u64) -> Vec<OwnedFd> {
        let in_pod = |spec: &PodSpec| spec.pid_namespace(container) == PidNamespace::Pod;
        let pod = self.pods.get(uid).filter(|run| in_pod(&run.state.spec));
        let inside = pod.and_then(|run| pid_namespace(run.holder?));
        let others: BTreeSet<u64> =
            self.children.values().filter_map(|child| child.mark).filter(|other| *other != mark).collect();
        let is_left = |pid: i32| match self.children.get(&pid) {
            // a child of the node may not have marked itself yet
            Some(child) => child.mark == Some(mark),
            None => match mark_of(pid) {
                Some(its) if its == mark => true,
                Some(its) if others.contains(&its) => false,
                _ => inside.is_some() && is_within(pid, inside),
            },
        };
        let Ok(entries) = fs::read_dir("/proc") else { return Vec::new() };
        let pids = entries.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse::<i32>().ok());
        let living = pids.filter(|pid| is_left(*pid)).filter_map(|pid| {
            let process = pidfd::open(pid.cast_unsigned()).ok()?;
            // check again: the pid could have been reused before the pidfd was opened
            (is_left(pid) && !has_ended(&process)).then_some(process)
        });
        living.collect()
    }
}

/// The hard limit on file locks, from `/proc/PID/limits`.
fn mark_of(pid: i32) -> Option<u64> {
    let limits = fs::read_to_string(format!("/proc/{pid}/limits")).ok()?;
    let line = limits.lines().find_map(|line| line.strip_prefix("Max file locks"))?;
    line.split_whitespace().nth(1)?.parse().ok()
}

/// Device and inode of a namespace.
type Identity = (u64, u64);

fn pid_namespace(pid: i32) -> Option<Identity> {
    fs::metadata(format!("/proc/{pid}/ns/pid")).ok().map(|m| (m.dev(), m.ino()))
}

/// Whether a process is in this pid namespace or in one below it.
fn is_within(pid: i32, namespace: Option<Identity>) -> bool {
    let path = format!("/proc/{pid}/ns/pid");
    let mut at = open(path.as_str(), OFlag::O_RDONLY | OFlag::O_CLOEXEC, Mode::empty()).ok();
    while let Some(ns) = at {
        if nix::sys::stat::fstat(&ns).ok().map(|s| (s.st_dev, s.st_ino)) == namespace {
            return true;
        }
        at = nsfs::parent(&ns).ok();
    }
    false
}

/// Whether a process is a zombie or gone. A zombie holds only its pid, and its parent reaps it.
fn has_ended(process: &OwnedFd) -> bool {
    poll(&mut [PollFd::new(process.as_fd(), PollFlags::POLLIN)], PollTimeout::ZERO).is_ok_and(|ready| ready > 0)
}
