//! A helper process with a zombie that is stuck in each way that there is, and with what only looks like one. It knows the
//! answer, and each of the three readers is compared with it: BPF, /proc, and the observer.

use std::collections::BTreeMap;

use nix::sched::{CloneFlags, unshare};
use nix::sys::signal::{Signal, kill, raise};
use nix::sys::wait::{Id, WaitPidFlag, waitid};
use nix::unistd::Pid;
use podscope::model::zombies::{Holdup, holdup, without_leader};
use podscope::model::{Capability, Coverage, Parent, Process, WaitStatus, World};
use podscope::observe::{Options, identify, once, once_by_proc};

use crate::roles::{child, exit, hear, say};
use crate::support::{Helper, Watched, stat, wait_for};
use crate::survey::world;

/// What a zombie of this helper exited with.
const CODE: i32 = 5;

fn pause_for_ever() -> ! {
    loop {
        nix::unistd::pause();
    }
}

/// Waits until it is dead, and leaves it as a zombie.
fn await_death(pid: u32) {
    let flags = WaitPidFlag::WEXITED | WaitPidFlag::WNOWAIT | WaitPidFlag::__WALL;
    waitid(Id::Pid(Pid::from_raw(pid as i32)), flags).expect("our own");
}

/// Starts a child that runs `f`, which writes numbers. Returns the child, and the numbers.
fn child_that_tells<const N: usize>(f: impl FnOnce(&dyn Fn([u32; N]))) -> (u32, [u32; N]) {
    let (read, write) = nix::unistd::pipe().expect("pipe");
    let pid = child(|| {
        f(&|numbers| {
            let bytes: Vec<u8> = numbers.iter().flat_map(|n| n.to_ne_bytes()).collect();
            nix::unistd::write(&write, &bytes).expect("it reads");
        });
        pause_for_ever()
    });
    let mut bytes = [0; 16];
    assert_eq!(nix::unistd::read(&read, &mut bytes[..4 * N]), Ok(4 * N));
    let number = |i: usize| u32::from_ne_bytes(bytes[4 * i..4 * i + 4].try_into().expect("four bytes"));
    (pid, std::array::from_fn(number))
}

/// A child that has a zombie, calls `then` and never waits.
fn with_zombie(then: impl FnOnce()) -> (u32, u32) {
    let (parent, [zombie]) = child_that_tells(|tell| {
        let zombie = child(|| exit(CODE));
        await_death(zombie);
        then();
        tell([zombie]);
    });
    (parent, zombie)
}

/// Stops it as a tracer does, and waits until it is stopped.
fn seize(pid: u32, stop: bool) {
    let (pid, none) = (pid as i32, std::ptr::null_mut::<libc::c_void>());
    // SAFETY: asks the kernel to trace a process of our own; no memory is passed
    assert_eq!(unsafe { libc::ptrace(libc::PTRACE_SEIZE, pid, none, none) }, 0);
    if stop {
        let mut status = 0;
        // SAFETY: the same; `status` lives through the call
        let stopped = unsafe {
            libc::ptrace(libc::PTRACE_INTERRUPT, pid, none, none);
            libc::waitpid(pid, &raw mut status, libc::__WALL)
        };
        assert_eq!(stopped, pid);
    }
}

/// Runs as root of a user namespace of its own. Tells `NAME PARENT PROCESS`.
pub fn stuck() {
    say("ready");
    let mut all = Vec::new();
    let mut tell = |name: &str, parent: u32, process: u32| {
        all.push(parent);
        say(format!("{name} {parent} {process}"));
    };

    let (parent, zombie) = with_zombie(|| {});
    tell("parent-never-waits", parent, zombie);

    let (parent, zombie) = with_zombie(|| {
        // SAFETY: sets the action of a signal in a process that has one thread
        unsafe { libc::signal(libc::SIGCHLD, libc::SIG_IGN) };
    });
    tell("parent-ignores", parent, zombie);

    let (parent, [zombie]) = child_that_tells(|tell| {
        let zombie = child(|| exit(CODE));
        await_death(zombie);
        tell([zombie]);
        raise(Signal::SIGSTOP).expect("our own");
    });
    tell("parent-stopped", parent, zombie);

    let (parent, zombie) = with_zombie(|| {});
    seize(parent, true);
    tell("parent-traced", parent, zombie);

    // the parent waits, but the tracer comes first
    let (parent, [process]) = child_that_tells(|tell| {
        let process = child(|| {
            pause_for_ever();
        });
        tell([process]);
        // SAFETY: waits for our own child; no status is asked for
        unsafe { libc::waitpid(process as i32, std::ptr::null_mut(), 0) };
    });
    seize(process, false);
    kill(Pid::from_raw(process as i32), Signal::SIGKILL).expect("our own");
    await_death(process);
    tell("traced", parent, process);

    // a child in a pid namespace that was joined: its init cannot end before the parent outside has reaped the child
    let (parent, [init, zombie]) = child_that_tells(|tell| {
        unshare(CloneFlags::CLONE_NEWPID).expect("unshare");
        let init = child(|| {
            pause_for_ever();
        });
        let zombie = child(|| exit(CODE));
        await_death(zombie);
        kill(Pid::from_raw(init as i32), Signal::SIGKILL).expect("our own");
        tell([init, zombie]);
    });
    tell("joined", parent, zombie);
    tell("ending-init", parent, init);

    let (parent, [leader]) = child_that_tells(|tell| {
        let leader = child(|| {
            std::thread::spawn(|| {
                pause_for_ever();
            });
            // SAFETY: ends only this thread; the other uses nothing of it
            unsafe { libc::syscall(libc::SYS_exit, CODE) };
        });
        tell([leader]);
    });
    tell("leader", parent, leader);

    say("done");
    hear();
    for pid in all {
        let _ = kill(Pid::from_raw(pid as i32), Signal::SIGKILL);
    }
    let _ = kill(Pid::from_raw(leader as i32), Signal::SIGKILL);
}

/// What the helper has said of each: the parent and the process.
struct Stuck {
    helper: Helper,
    told: BTreeMap<String, (u32, u32)>,
}

impl Stuck {
    fn start() -> Self {
        let mut helper = Helper::under(&["unshare", "--user", "--map-root-user"], "stuck");
        let mut told = BTreeMap::new();
        loop {
            let line = helper.answer();
            let words: Vec<&str> = line.split(' ').collect();
            let [name, parent, process] = words[..] else { break };
            let number = |word: &str| word.parse().expect("a number");
            told.insert(name.to_owned(), (number(parent), number(process)));
        }
        let this = Self { helper, told };
        let (_, leader) = this.told["leader"];
        wait_for("the leader's end", || stat(leader).is_some_and(|(state, _)| state == 'Z'));
        let (stopped, _) = this.told["parent-stopped"];
        wait_for("the stop", || stat(stopped).is_some_and(|(state, _)| state == 'T'));
        this
    }

    /// What is wrong in this World.
    fn wrong(&self, world: &World) -> Vec<String> {
        let mut wrong = Vec::new();
        for (name, (parent, process)) in &self.told {
            let mut check = |what: &str, is_right: bool| {
                if !is_right {
                    wrong.push(format!("{name}: {what}"));
                }
            };
            let [parent, id] = [parent, process].map(|pid| identify(*pid).expect("it is in the process table"));
            let Some(p) = world.process(id) else {
                check("it is not known", false);
                continue;
            };
            check("its parent", p.parent == Parent::Process(parent));
            let (status, why) = match name.as_str() {
                "ending-init" => {
                    check("it has not ended, the kernel waits in it", p.is_alive());
                    continue;
                }
                "leader" => {
                    check("it lives", p.is_alive() && p.threads_without_leader() == Some(1));
                    check("it is listed as one without its leader", without_leader(world).contains(&id));
                    continue;
                }
                "traced" => {
                    // /proc names a thread
                    let Some(tracer) = p.tracer else {
                        check("its tracer", false);
                        continue;
                    };
                    let process = std::fs::read_to_string(format!("/proc/{tracer}/status")).expect("it lives");
                    let process = process.lines().find_map(|line| line.strip_prefix("Tgid:")?.trim().parse().ok());
                    check("its tracer", process == Some(self.helper.pid));
                    (WaitStatus::killed(9), Holdup::TracerFirst { tracer })
                }
                "parent-never-waits" | "joined" => (WaitStatus::exited(CODE), Holdup::NotReaped),
                "parent-ignores" => (WaitStatus::exited(CODE), Holdup::ParentIgnoresSigchld),
                "parent-stopped" => (WaitStatus::exited(CODE), Holdup::ParentStopped),
                "parent-traced" => (WaitStatus::exited(CODE), Holdup::ParentTraced),
                other => panic!("what is {other}?"),
            };
            check("it is a zombie", p.is_zombie());
            check(&format!("its status, {:?}", p.exit), p.exit.and_then(|exit| exit.status) == Some(status));
            check(&format!("why it is not reaped, {:?}", holdup(world, p)), holdup(world, p) == why);
        }
        wrong
    }
}

impl Drop for Stuck {
    fn drop(&mut self) {
        self.helper.tell("end");
        self.helper.wait();
    }
}

#[test]
fn each_reader_tells_every_kind_of_stuck_zombie() {
    let stuck = Stuck::start();
    assert_eq!(stuck.told.len(), 8);

    let mut by_proc = World::default();
    once_by_proc().expect("/proc is there").iter().for_each(|delta| by_proc.apply(delta));
    assert_eq!(stuck.wrong(&by_proc), [] as [String; 0], "by /proc");

    let by_bpf = world();
    if by_bpf.visibility.get(&Capability::Bpf).is_some_and(Coverage::is_full) {
        assert_eq!(stuck.wrong(&by_bpf), [] as [String; 0], "by BPF");
    } else {
        eprintln!("BPF is skipped: {:?}", by_bpf.visibility.get(&Capability::Bpf));
    }

    // the observer finds them by a scan, and sees the stop of a parent with the next one
    for without in ["", "bpf", "connector,bpf", "connector,pidfd,bpf"] {
        let mut w = Watched::start(Options::without(without));
        w.watch(stuck.helper.pid);
        w.until("each as it is", |w| {
            let wrong = stuck.wrong(&w.world);
            if !wrong.is_empty() {
                println!("without {without:?}: {wrong:?}");
            }
            wrong.is_empty()
        });
        assert!(w.world.zombies().all(Process::is_zombie));
    }
    assert!(once(Some(&[stuck.told["traced"].1])).is_ok(), "one alone can be read too");
}
