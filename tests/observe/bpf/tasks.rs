use std::collections::BTreeMap;
use std::fs::{self, File};
use std::net::UdpSocket;
use std::os::fd::AsRawFd as _;
use std::os::unix::fs::MetadataExt as _;
use std::os::unix::thread::JoinHandleExt as _;
use std::process::{Command, Stdio};
use std::sync::mpsc;

use nix::sched::{CloneFlags, unshare};
use nix::sys::signal::{SigSet, Signal, kill};
use nix::unistd::{Pid, gettid};
use podscope::model::{NsKind, State, WaitStatus};
use podscope::observe::bpf::{HeldBy, NsNumbers, Reader, Task};

use super::{Started, reader};
use crate::support::{children, sleeper, stat, wait_for};

/// All that /proc says of a thread, by its name there.
struct InProc {
    stat: Vec<String>,
    status: BTreeMap<String, String>,
    directory: String,
}

impl InProc {
    fn read(tgid: u32, tid: u32) -> Self {
        let directory = format!("/proc/{tgid}/task/{tid}");
        let read = |name| fs::read_to_string(format!("{directory}/{name}")).expect("it is there");
        let stat = read("stat");
        let stat = stat.rsplit_once(") ").expect("a name").1.split_whitespace().map(str::to_owned).collect();
        let status = read("status");
        let status = status.lines().filter_map(|line| line.split_once(':'));
        let status = status.map(|(name, value)| (name.to_owned(), value.trim().to_owned())).collect();
        Self { stat, status, directory }
    }

    /// A field of `stat` by its number in `proc_pid_stat(5)`.
    fn stat(&self, number: usize) -> u64 {
        self.stat[number - 3].parse().expect("a number")
    }

    fn numbers(&self, name: &str) -> Vec<u32> {
        self.status[name].split_whitespace().map(|n| n.parse().expect("a number")).collect()
    }

    fn set(&self, name: &str) -> u64 {
        u64::from_str_radix(&self.status[name], 16).expect("a set")
    }

    /// `None` if there is none: of a zombie.
    fn namespace(&self, kind: &str) -> Option<u32> {
        let link = fs::read_link(format!("{}/ns/{kind}", self.directory)).ok()?;
        link.to_str()?.split_once(":[")?.1.strip_suffix(']')?.parse().ok()
    }
}

/// Everything in a task must be as /proc shows it. The process must be at rest.
fn assert_is_as_in_proc(task: &Task) {
    let proc = InProc::read(task.tgid, task.pid);
    let what = format!("{} ({})", task.pid, task.comm);
    assert_eq!(task.comm, proc.status["Name"], "{what}");
    assert_eq!(task.state, State::from_letter(proc.stat[0].chars().next().expect("a letter")), "{what}");
    assert_eq!(u64::from(task.ppid), proc.stat(4), "{what}: parent");
    assert_eq!(u64::from(task.flags), proc.stat(9), "{what}: flags");
    assert_eq!(task.start, proc.stat(22), "{what}: start");
    assert_eq!(task.exit_status.is_some(), task.state == State::Zombie, "{what}");
    assert_eq!(task.exit_status.map_or(0, |status| status.0 as u64), proc.stat(52), "{what}: exit code");
    assert_eq!(task.process_start, InProc::read(task.tgid, task.tgid).stat(22), "{what}: start of the process");
    assert_eq!(vec![task.tracer.unwrap_or(0)], proc.numbers("TracerPid"), "{what}");
    assert_eq!([task.uid, task.euid], proc.numbers("Uid")[..2], "{what}");
    // other tests start threads of our own process meanwhile
    if task.tgid != std::process::id() {
        assert_eq!(vec![task.threads], proc.numbers("Threads"), "{what}");
    }
    assert_eq!(task.pids, proc.numbers("NSpid"), "{what}");
    assert_eq!(task.blocked, proc.set("SigBlk"), "{what}");
    assert_eq!(task.pending, proc.set("SigPnd"), "{what}");
    assert_eq!(task.shared_pending, proc.set("ShdPnd"), "{what}");
    match task.actions {
        Some(actions) => {
            assert!(task.is_first_thread(), "{what}");
            assert_eq!([actions.ignored, actions.caught], [proc.set("SigIgn"), proc.set("SigCgt")], "{what}");
        }
        None => assert!(!task.is_first_thread(), "{what}"),
    }
    let inode = |numbers: Option<NsNumbers>| numbers.map(|n| n.inode);
    for kind in NsKind::ALL {
        let seen = inode(task.namespaces[kind as usize]);
        // /proc shows the pid namespace of a zombie in none of its links
        if task.state != State::Zombie || !matches!(kind, NsKind::Pid | NsKind::User) {
            assert_eq!(seen, proc.namespace(kind.name()), "{what}: {kind}");
        }
        assert!(seen.is_some() || task.state == State::Zombie, "{what}: {kind}");
    }
    // no link leads to the namespace of children before it has a first process
    if let Some(shown) = proc.namespace("pid_for_children") {
        assert_eq!(inode(task.pid_for_children), Some(shown), "{what}");
    }
    assert_eq!(inode(task.time_for_children), proc.namespace("time_for_children"), "{what}");
}

fn find(reader: &mut Reader, pid: u32) -> Task {
    let tasks = reader.read_tasks().expect("it can be read");
    tasks.into_iter().find(|task| task.pid == pid).unwrap_or_else(|| panic!("{pid} is not there"))
}

fn wait_for_state(pid: u32, letter: char) {
    wait_for("the state", || stat(pid).is_some_and(|(state, _)| state == letter));
}

/// Waits until the only child of a process is a sleeping `sleep`, and returns its pid.
fn sleeping_child(of: u32) -> u32 {
    let mut found = 0;
    wait_for("the child asleep", || {
        let [child] = children(of)[..] else { return false };
        found = child;
        fs::read_to_string(format!("/proc/{child}/stat")).is_ok_and(|text| text.contains("(sleep) S"))
    });
    found
}

#[test]
fn a_process_in_namespaces_of_its_own_is_as_proc_shows_it() {
    let Some(mut reader) = reader() else { return };
    let mut command = Command::new("unshare");
    command.args(["--cgroup", "--ipc", "--mount", "--net", "--uts", "--time", "--user", "--map-root-user", "--pid"]);
    command.args(["--fork", "--kill-child=KILL", "sleep", "1000"]).stdin(Stdio::null());
    let outer = Started::new(&mut command);
    let inner = sleeping_child(outer.id());
    wait_for_state(outer.id(), 'S');
    let (inner, outer_task, own) =
        (find(&mut reader, inner), find(&mut reader, outer.id()), find(&mut reader, std::process::id()));
    for (kind, (inside, outside)) in NsKind::ALL.iter().zip(inner.namespaces.iter().zip(&own.namespaces)) {
        assert_ne!(inside, outside, "{kind}");
    }
    assert_eq!(outer_task.pid_for_children, inner.namespaces[NsKind::Pid as usize]);
    assert_eq!((inner.pids.len(), inner.pids[1]), (own.pids.len() + 1, 1));
    assert_is_as_in_proc(&inner);
    assert_is_as_in_proc(&outer_task);
}

#[test]
fn a_zombie_a_stopped_process_and_ignored_signals_are_as_proc_shows_them() {
    let Some(mut reader) = reader() else { return };
    let zombie = Started::shell("exit 7");
    wait_for_state(zombie.id(), 'Z');
    let stopped = Started(sleeper());
    wait_for("sleep", || fs::read_to_string(format!("/proc/{}/comm", stopped.id())).is_ok_and(|c| c == "sleep\n"));
    kill(Pid::from_raw(stopped.id() as i32), Signal::SIGSTOP).expect("our child");
    wait_for_state(stopped.id(), 'T');
    kill(Pid::from_raw(stopped.id() as i32), Signal::SIGUSR1).expect("our child");
    let ignoring = Started::shell("trap '' HUP; trap : TERM; sleep 1000");
    let child = sleeping_child(ignoring.id());
    wait_for_state(ignoring.id(), 'S');

    let dead = find(&mut reader, zombie.id());
    assert_eq!((dead.state, dead.exit_status), (State::Zombie, Some(WaitStatus::exited(7))));
    let own = InProc::read(std::process::id(), std::process::id());
    let numbers = |kind: NsKind| dead.namespaces[kind as usize].map(|n| n.inode);
    assert_eq!(numbers(NsKind::Pid), own.namespace("pid"), "a zombie still has its pid namespace");
    assert_eq!(numbers(NsKind::User), own.namespace("user"));
    assert_is_as_in_proc(&dead);

    let halted = find(&mut reader, stopped.id());
    assert_eq!(halted.state, State::Stopped);
    assert_eq!(halted.shared_pending, 1 << (Signal::SIGUSR1 as i32 - 1));
    assert_is_as_in_proc(&halted);

    let shell = find(&mut reader, ignoring.id());
    let actions = shell.actions.expect("a first thread");
    assert_ne!(actions.ignored & 1, 0, "HUP");
    assert_ne!(actions.caught & 1 << 14, 0, "TERM");
    assert_is_as_in_proc(&shell);

    drop(ignoring);
    kill(Pid::from_raw(child as i32), Signal::SIGKILL).expect("an orphan by now");
}

/// Runs this in a thread, and returns what `look` finds of the thread while it waits.
fn in_thread<T>(prepare: impl FnOnce() + Send + 'static, look: impl FnOnce(u32) -> T) -> T {
    let (say, hear) = mpsc::channel();
    let (end, wait) = mpsc::channel::<()>();
    let thread = std::thread::spawn(move || {
        prepare();
        say.send(gettid().as_raw() as u32).expect("the test listens");
        let _ = wait.recv();
    });
    let tid = hear.recv().expect("the thread is ready");
    wait_for_state_of_thread(tid);
    let found = look(tid);
    drop(end);
    thread.join().expect("it ends");
    found
}

fn wait_for_state_of_thread(tid: u32) {
    let path = format!("/proc/self/task/{tid}/stat");
    wait_for("the thread asleep", || fs::read_to_string(&path).is_ok_and(|text| text.contains(") S ")));
}

#[test]
fn a_thread_may_be_in_another_namespace_than_its_process() {
    let Some(mut reader) = reader() else { return };
    let thread = in_thread(
        || unshare(CloneFlags::CLONE_NEWUTS | CloneFlags::CLONE_NEWNET).expect("root may"),
        |tid| {
            let task = find(&mut reader, tid);
            assert_is_as_in_proc(&task);
            task
        },
    );
    let process = find(&mut reader, std::process::id());
    assert_eq!(thread.process(), process.process());
    for kind in NsKind::ALL {
        let differs = thread.namespaces[kind as usize] != process.namespaces[kind as usize];
        assert_eq!(differs, matches!(kind, NsKind::Uts | NsKind::Net), "{kind}");
    }
}

#[test]
fn a_thread_that_waits_for_a_signal_tells_for_which() {
    let Some(mut reader) = reader() else { return };
    let (say, hear) = mpsc::channel();
    let thread = std::thread::spawn(move || {
        let mut set = SigSet::empty();
        set.add(Signal::SIGWINCH);
        set.thread_block().expect("it can be blocked");
        say.send(gettid()).expect("the test listens");
        set.wait()
    });
    let tid = hear.recv().expect("the thread is ready");
    wait_for_state_of_thread(tid.as_raw() as u32);
    let task = find(&mut reader, tid.as_raw() as u32);
    let winch = 1 << (Signal::SIGWINCH as i32 - 1);
    assert_eq!((task.blocked & winch, task.blocked_before_wait & winch), (0, winch));
    // SAFETY: the thread has not been joined, so its handle is valid
    let sent = unsafe { libc::pthread_kill(thread.as_pthread_t(), libc::SIGWINCH) };
    assert_eq!(sent, 0);
    assert_eq!(thread.join().expect("it ends"), Ok(Signal::SIGWINCH));
}

#[test]
fn numbers_of_namespaces_are_those_of_the_kernel() {
    let Some(mut reader) = reader() else { return };
    let own = find(&mut reader, std::process::id());
    for kind in NsKind::ALL {
        let file = File::open(format!("/proc/self/ns/{kind}")).expect("our own");
        let mut id = 0_u64;
        // SAFETY: NS_GET_ID of linux/nsfs.h writes a number of 8 bytes, which lives through the call
        let done = unsafe { libc::ioctl(file.as_raw_fd(), 0x8008_b70d, &raw mut id) };
        let unique = (done == 0).then_some(id);
        assert_eq!(own.namespaces[kind as usize].expect("it has one").unique, unique, "{kind}");
    }
}

#[test]
fn open_files_that_hold_namespaces_are_found() {
    let Some(mut reader) = reader() else { return };
    // a network namespace that only a socket and a file hold, once the thread has ended
    let (say, hear) = mpsc::channel();
    std::thread::spawn(move || {
        unshare(CloneFlags::CLONE_NEWNET).expect("root may");
        let namespace = File::open("/proc/thread-self/ns/net").expect("our own");
        // binding needs no interface; lo is down
        let socket = UdpSocket::bind("0.0.0.0:0").expect("any address");
        say.send((namespace, socket)).expect("the test listens");
    });
    let (namespace, socket) = hear.recv().expect("the thread has both");
    let inode_of = |fd: i32| fs::metadata(format!("/proc/self/fd/{fd}")).expect("our own").ino();
    let expected = inode_of(namespace.as_raw_fd()) as u32;
    let own = find(&mut reader, std::process::id()).process();

    let holders = reader.read_holders().expect("it can be read");
    let mut found: Vec<_> = holders.iter().filter(|h| h.namespace.inode == expected && h.kind == NsKind::Net).collect();
    found.sort_by_key(|holder| holder.file != HeldBy::File);
    // other tests start processes, which have these files until they execute
    found.retain(|holder| holder.by.tgid == std::process::id());
    let [file, socket_holder] = found[..] else { panic!("{found:?}") };
    assert_eq!((file.file, file.fd), (HeldBy::File, namespace.as_raw_fd() as u32));
    let inode = inode_of(socket.as_raw_fd());
    assert_eq!(socket_holder.file, HeldBy::Socket { inode, family: libc::AF_INET as u16 });
    assert_eq!(socket_holder.fd, socket.as_raw_fd() as u32);
    assert_eq!([file, socket_holder].map(|holder| holder.by.process()), [Some(own); 2]);

    let open_kinds: Vec<File> =
        NsKind::ALL.iter().map(|kind| File::open(format!("/proc/self/ns/{kind}")).expect("our own")).collect();
    let holders = reader.read_holders().expect("it can be read");
    for (kind, file) in NsKind::ALL.iter().zip(&open_kinds) {
        let is_it =
            |h: &&podscope::observe::bpf::Holder| h.by.tgid == std::process::id() && h.fd == file.as_raw_fd() as u32;
        let holder = holders.iter().find(is_it).unwrap_or_else(|| panic!("{kind} is not there"));
        let inode = inode_of(file.as_raw_fd()) as u32;
        assert_eq!((holder.kind, holder.namespace.inode, holder.file), (*kind, inode, HeldBy::File));
    }
}
