//! What the helper processes do, and tell of it on lines that begin with `@`.

use std::io::{BufRead as _, Write as _};
use std::os::fd::AsRawFd as _;

use nix::sys::prctl;
use nix::sys::wait::{Id, WaitPidFlag, waitid};
use nix::unistd::{ForkResult, Pid, fork};

fn say(word: impl std::fmt::Display) {
    let mut out = std::io::stdout().lock();
    writeln!(out, "@{word}").and_then(|()| out.flush()).expect("the test listens");
}

fn hear() -> String {
    let mut line = String::new();
    std::io::stdin().lock().read_line(&mut line).expect("the test speaks");
    line.trim().to_owned()
}

/// A child that runs `f` and never comes back.
fn child(f: impl FnOnce()) -> u32 {
    // SAFETY: the child calls nothing but `f`, which keeps away from locks the parent's threads might hold
    match unsafe { fork() }.expect("fork") {
        ForkResult::Parent { child } => child.as_raw() as u32,
        ForkResult::Child => {
            // nobody is left behind, whatever becomes of the test
            nix::unistd::alarm::set(60);
            f();
            exit(0)
        }
    }
}

fn exit(code: i32) -> ! {
    // SAFETY: ends the process at once
    unsafe { libc::_exit(code) }
}

/// The raw status, which nix's `WaitStatus` does not keep.
fn wait_for(pid: i32) -> Option<(u32, i32)> {
    let mut status = 0;
    // SAFETY: `status` lives through the call
    let pid = unsafe { libc::waitpid(pid, &raw mut status, 0) };
    (pid > 0).then_some((pid as u32, status))
}

fn die_of(signal: i32) -> ! {
    // SAFETY: default dispositions; the signal is our own end
    unsafe {
        libc::signal(signal, libc::SIG_DFL);
        libc::raise(signal);
    }
    exit(99)
}

/// Ends in its own way: with a code, or by a signal.
fn end(n: u32) -> ! {
    if n % 5 == 4 {
        die_of(if n.is_multiple_of(2) { libc::SIGKILL } else { libc::SIGTERM })
    } else {
        exit((n % 256) as i32)
    }
}

#[test]
#[ignore = "not a test: the helper processes' own main"]
fn role() {
    let Ok(role) = std::env::var("PODSCOPE_TEST_ROLE") else { return };
    match role.as_str() {
        "storm" => storm(),
        "subreaper" => subreaper(),
        "holder" => holder(),
        "leader" => leader(),
        "init" => init(),
        "thread-fork" => thread_fork(),
        "observer" => observer(),
        "unsharer" => unsharer(),
        other => panic!("no role {other}"),
    }
    std::process::exit(0);
}

/// Told a number: forks so many, one after the other in flocks of eight, waits for each and tells its end.
fn storm() {
    say("ready");
    loop {
        let Ok(count) = hear().parse::<u32>() else { return };
        let mut ends = Vec::new();
        for n in 0..count {
            child(|| end(n));
            if (n + 1).is_multiple_of(8) {
                while ends.len() < n as usize + 1 {
                    ends.extend(wait_for(-1));
                }
            }
        }
        while ends.len() < count as usize {
            ends.extend(wait_for(-1));
        }
        for (pid, status) in ends {
            say(format!("{pid} {status}"));
        }
        say("done");
    }
}

/// Forks a child that forks a grandchild, on command ends the child, then the grandchild, then reaps both.
fn subreaper() {
    prctl::set_child_subreaper(true).expect("subreaper");
    let (read, write) = nix::unistd::pipe().expect("pipe");
    let middle = child(|| {
        let grandchild = child(|| {
            loop {
                nix::unistd::pause();
            }
        });
        let _ = nix::unistd::write(&write, &grandchild.to_ne_bytes());
        loop {
            nix::unistd::pause();
        }
    });
    let mut buf = [0; 4];
    nix::unistd::read(&read, &mut buf).expect("the grandchild's pid");
    say("ready");
    say(middle);
    say(u32::from_ne_bytes(buf));
    loop {
        match hear().as_str() {
            "reap" => {
                let (pid, status) = wait_for(-1).expect("a child");
                say(format!("{pid} {status}"));
            }
            _ => return,
        }
    }
}

/// Has a child that has ended and is not reaped until told to.
fn holder() {
    say("ready");
    hear();
    let held = child(|| exit(5));
    // dead, and left where it is
    waitid(Id::Pid(Pid::from_raw(held as i32)), WaitPidFlag::WEXITED | WaitPidFlag::WNOWAIT).expect("it ends");
    say(held);
    hear();
    wait_for(held as i32);
    say("reaped");
    hear();
}

/// Has a child whose leader ends with 7 while another thread lives on, which later ends all with 3.
fn leader() {
    say("ready");
    hear();
    let (read, write) = nix::unistd::pipe().expect("pipe");
    let raw = write.as_raw_fd();
    let pid = child(|| {
        // SAFETY: the child's own copy; the parent keeps its
        unsafe { libc::close(raw) };
        std::thread::spawn(move || {
            // until the parent closes its end
            let _ = nix::unistd::read(&read, &mut [0; 1]);
            exit(3)
        });
        // SAFETY: ends this thread alone; nothing of it is used by the other
        unsafe { libc::syscall(libc::SYS_exit, 7) };
    });
    say(pid);
    hear();
    drop(write);
    let (_, status) = wait_for(pid as i32).expect("it ends");
    say(status);
    hear();
}

/// Process 1 of a pid namespace, and its reaper: told a number, makes so many orphans, reaps them, and
/// tells of each the pid it knows, its status and when.
fn init() {
    assert_eq!(std::process::id(), 1);
    // threads of the test harness take pids too
    say("ready");
    loop {
        let Ok(count) = hear().parse::<u32>() else { return };
        let middle = child(|| {
            for n in 0..count {
                child(|| end(n));
            }
        });
        let mut told = Vec::new();
        while told.len() < count as usize + 1 {
            if let Some((pid, status)) = wait_for(-1) {
                told.push((pid, status, podscope::observe::now().0));
            }
        }
        for (pid, status, at) in told {
            say(format!("{pid} {status} {at}"));
        }
        say(format!("middle {middle}"));
    }
}

/// A thread that is not the leader forks.
fn thread_fork() {
    say("ready");
    hear();
    let pid = std::thread::spawn(|| child(|| exit(6))).join().expect("the thread ends");
    say(pid);
    wait_for(pid as i32);
    say("reaped");
    hear();
}

/// Observes a child of its own from where it is, and tells what it could see.
fn observer() {
    use podscope::model::{Aspect, Sight};
    say("ready");
    let mut w = crate::support::Watched::start(podscope::observe::Options::default());
    match w.world.visibility.get(&Aspect::ProcConnector) {
        Some(Sight::Missing(why)) => say(format!("missing {why}")),
        other => say(format!("{other:?}")),
    }
    let mut sleeper = crate::support::sleeper();
    let id = w.watch(sleeper.id());
    sleeper.kill().expect("our child");
    sleeper.wait().expect("our child");
    say(format!("gone by {:?}", w.until_gone(id).reap.expect("gone").at.source));
}

/// Has a child that moves to a user namespace of its own and stays.
fn unsharer() {
    say("ready");
    hear();
    let (read, write) = nix::unistd::pipe().expect("pipe");
    let pid = child(|| {
        // the observer has looked already when this happens
        std::thread::sleep(std::time::Duration::from_millis(100));
        nix::sched::unshare(nix::sched::CloneFlags::CLONE_NEWUSER).expect("unshare");
        let _ = nix::unistd::write(&write, b"x");
        loop {
            nix::unistd::pause();
        }
    });
    nix::unistd::read(&read, &mut [0; 1]).expect("it did");
    say(pid);
    hear();
}
