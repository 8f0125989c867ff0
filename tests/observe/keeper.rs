//! A helper process that keeps a namespace alive in each way that there is, and says how.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::os::fd::AsRawFd as _;
use std::path::Path;

use nix::mount::{MsFlags, mount};
use nix::sched::{CloneFlags, unshare};
use nix::sys::socket::{AddressFamily, SockFlag, SockType, socket};
use podscope::model::NsKind;

use crate::roles::{child, hear, say};
use crate::support::Helper;

/// The number of one of this thread's namespaces.
fn own(kind: &str) -> u64 {
    number(&format!("/proc/thread-self/ns/{kind}"))
}

fn number(link: &str) -> u64 {
    let link = fs::read_link(link).expect("our own");
    let text = link.to_str().expect("ASCII");
    text.split_once(":[").and_then(|(_, rest)| rest.strip_suffix(']')).expect("a namespace").parse().expect("a number")
}

/// Runs `f` in a thread with a namespace of its own, which ends with it.
fn apart<T: Send>(flag: CloneFlags, f: impl FnOnce() -> T + Send) -> T {
    std::thread::scope(|scope| {
        let thread = scope.spawn(|| {
            unshare(flag).expect("unshare");
            f()
        });
        thread.join().expect("the thread ends")
    })
}

/// Tells a namespace as `NAME NUMBER DETAILS…`.
fn tell(name: &str, ino: u64, details: &[u32]) {
    let mut words = vec![name.to_owned(), ino.to_string()];
    words.extend(details.iter().map(ToString::to_string));
    say(words.join(" "));
}

/// Runs as root of a user namespace of its own, in a mount namespace of its own. Reads the path of an empty file.
pub fn keeper() {
    say("ready");
    let place = hear();

    // the children first: they would have what is opened below
    // a user namespace that only the user namespace below it keeps
    let (read, write) = nix::unistd::pipe().expect("pipe");
    let nested = child(|| {
        unshare(CloneFlags::CLONE_NEWUSER).expect("unshare");
        for (file, text) in [("setgroups", "deny"), ("uid_map", "0 0 1"), ("gid_map", "0 0 1")] {
            fs::write(format!("/proc/self/{file}"), text).expect("our own");
        }
        let above = own("user");
        unshare(CloneFlags::CLONE_NEWUSER).expect("unshare again");
        let _ = nix::unistd::write(&write, &[above.to_ne_bytes(), own("user").to_ne_bytes()].concat());
        loop {
            nix::unistd::pause();
        }
    });
    let mut numbers = [0; 16];
    assert_eq!(nix::unistd::read(&read, &mut numbers), Ok(16));
    let [above, below] = [0, 8].map(|at| u64::from_ne_bytes(numbers[at..at + 8].try_into().expect("eight bytes")));
    tell("above", above, &[]);
    tell("below", below, &[nested]);

    // a pid namespace for the children of a process outside
    let (read, write) = nix::unistd::pipe().expect("pipe");
    let outside = child(|| {
        unshare(CloneFlags::CLONE_NEWPID).expect("unshare");
        let first = child(|| {
            loop {
                nix::unistd::pause();
            }
        });
        let _ = nix::unistd::write(&write, &first.to_ne_bytes());
        loop {
            nix::unistd::pause();
        }
    });
    let mut first = [0; 4];
    assert_eq!(nix::unistd::read(&read, &mut first), Ok(4));
    // as the parent sees it: `fork` returns the pid in its own pid namespace
    let first = u32::from_ne_bytes(first);
    tell("for-children", number(&format!("/proc/{first}/ns/pid")), &[outside]);

    let (tell_tid, tid) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        unshare(CloneFlags::CLONE_NEWNET).expect("unshare");
        let _ = tell_tid.send((own("net"), nix::unistd::gettid().as_raw() as u32));
        loop {
            std::thread::park();
        }
    });
    let (net, tid) = tid.recv().expect("the thread lives");
    tell("thread", net, &[tid]);

    let (ipc, file) =
        apart(CloneFlags::CLONE_NEWIPC, || (own("ipc"), File::open("/proc/thread-self/ns/ipc").expect("our own")));
    tell("file", ipc, &[file.as_raw_fd() as u32]);

    let (net, talker) = apart(CloneFlags::CLONE_NEWNET, || {
        let talker = socket(AddressFamily::Unix, SockType::Datagram, SockFlag::SOCK_CLOEXEC, None);
        (own("net"), talker.expect("a socket"))
    });
    tell("socket", net, &[talker.as_raw_fd() as u32]);

    // a mount namespace without a process, and a namespace that is mounted only there; before the mount below, which
    // this one would copy
    let (mnt, empty, ipc) = apart(CloneFlags::CLONE_NEWNS, || {
        mount(None::<&str>, "/", None::<&str>, MsFlags::MS_REC | MsFlags::MS_PRIVATE, None::<&str>).expect("private");
        let empty = File::open("/proc/thread-self/ns/mnt").expect("our own");
        let mnt = own("mnt");
        unshare(CloneFlags::CLONE_NEWIPC).expect("unshare");
        let link = Path::new("/proc/thread-self/ns/ipc");
        mount(Some(link), place.as_str(), None::<&str>, MsFlags::MS_BIND, None::<&str>).expect("a bind mount");
        (mnt, empty, own("ipc"))
    });
    tell("empty", mnt, &[empty.as_raw_fd() as u32]);
    tell("mount-in-empty", ipc, &[]);

    let uts = apart(CloneFlags::CLONE_NEWUTS, || {
        let link = Path::new("/proc/thread-self/ns/uts");
        mount(Some(link), place.as_str(), None::<&str>, MsFlags::MS_BIND, None::<&str>).expect("a bind mount");
        own("uts")
    });
    tell("mount", uts, &[]);

    say("done");
    hear();
    for pid in [nested, outside, first] {
        let _ = nix::sys::signal::kill(nix::unistd::Pid::from_raw(pid as i32), nix::sys::signal::SIGKILL);
    }
}

/// A namespace that the keeper keeps, with what it said of it.
#[derive(Debug)]
pub struct Kept {
    pub kind: NsKind,
    pub ino: u64,
    pub details: Vec<u32>,
}

/// The keeper's namespaces by the name of how it keeps them.
pub struct Keeper {
    pub helper: Helper,
    pub kept: BTreeMap<String, Kept>,
    /// Where it has mounted one.
    pub place: String,
}

impl Keeper {
    pub fn start() -> Self {
        let name = format!("podscope-keeper-{}-{:?}", std::process::id(), std::thread::current().id());
        let name: String = name.chars().map(|c| if c.is_alphanumeric() { c } else { '-' }).collect();
        let place = std::env::temp_dir().join(name).to_str().expect("UTF-8").to_owned();
        fs::write(&place, "").expect("a file of our own");
        let mut helper = Helper::under(&["unshare", "--user", "--map-root-user", "--mount"], "keeper");
        helper.tell(&place);
        let mut kept = BTreeMap::new();
        loop {
            let line = helper.answer();
            let mut words = line.split(' ');
            let name = words.next().expect("a name").to_owned();
            if name == "done" {
                return Self { helper, kept, place };
            }
            let kind = match name.as_str() {
                "thread" | "socket" => NsKind::Net,
                "file" | "mount-in-empty" => NsKind::Ipc,
                "mount" => NsKind::Uts,
                "empty" => NsKind::Mnt,
                "above" | "below" => NsKind::User,
                "for-children" => NsKind::Pid,
                other => panic!("what is {other}?"),
            };
            let mut numbers = words.map(|word| word.parse().expect("a number"));
            let ino = numbers.next().expect("a number of a namespace");
            kept.insert(name, Kept { kind, ino, details: numbers.map(|n| n as u32).collect() });
        }
    }
}

impl Drop for Keeper {
    fn drop(&mut self) {
        self.helper.tell("end");
        self.helper.wait();
        let _ = fs::remove_file(&self.place);
    }
}
