//! The helper processes. They report on lines that begin with `@`.

use std::io::{BufRead as _, Write as _};
use std::os::fd::AsRawFd as _;

use nix::sys::prctl;
use nix::sys::wait::{Id, WaitPidFlag, waitid};
use nix::unistd::{ForkResult, Pid, fork};

pub fn say(word: impl std::fmt::Display) {
    let mut out = std::io::stdout().lock();
    writeln!(out, "@{word}").and_then(|()| out.flush()).expect("the test reads");
}

pub fn hear() -> String {
    let mut line = String::new();
    std::io::stdin().lock().read_line(&mut line).expect("the test writes");
    line.trim().to_owned()
}

/// Forks a child that runs `f` and exits.
pub fn child(f: impl FnOnce()) -> u32 {
    // SAFETY: the child only calls `f`, which takes no locks that the parent's threads might hold
    match unsafe { fork() }.expect("fork") {
        ForkResult::Parent { child } => child.as_raw() as u32,
        ForkResult::Child => {
            // the child ends even if the test fails
            nix::unistd::alarm::set(300);
            f();
            exit(0)
        }
    }
}

pub fn exit(code: i32) -> ! {
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
    // SAFETY: sets the default disposition; the signal ends only this process
    unsafe {
        libc::signal(signal, libc::SIG_DFL);
        libc::raise(signal);
    }
    exit(99)
}

/// Ends with a code or by a signal, depending on `n`.
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
        "crowd" => crowd(),
        "few-files" => few_files(),
        "dropper" => dropper(),
        "lost-epoll" => lost_epoll(),
        "idle" => idle(),
        "keeper" => crate::keeper::keeper(),
        "stuck" => crate::stuck::stuck(),
        "sender" => crate::signals::sender(),
        other => panic!("no role {other}"),
    }
    std::process::exit(0);
}

/// Reads a number, forks that many children in groups of eight, waits for each, and reports its status.
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

/// Forks a child that forks a grandchild, and reports both pids. Reaps one of them for every `reap`.
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

/// Has a child that has ended, and reaps it only when told to.
fn holder() {
    say("ready");
    hear();
    let held = child(|| exit(5));
    // wait until it is dead, and leave it as a zombie
    waitid(Id::Pid(Pid::from_raw(held as i32)), WaitPidFlag::WEXITED | WaitPidFlag::WNOWAIT).expect("it ends");
    say(held);
    hear();
    wait_for(held as i32);
    say("reaped");
    hear();
}

/// Has a child whose leader exits with 7 while another thread runs, which later ends the process with 3.
fn leader() {
    say("ready");
    hear();
    let (read, write) = nix::unistd::pipe().expect("pipe");
    let raw = write.as_raw_fd();
    let pid = child(|| {
        // SAFETY: closes the child's own copy; the parent keeps its own
        unsafe { libc::close(raw) };
        std::thread::spawn(move || {
            // until the parent closes its end
            let _ = nix::unistd::read(&read, &mut [0; 1]);
            exit(3)
        });
        // SAFETY: ends only this thread; the other uses nothing of it
        unsafe { libc::syscall(libc::SYS_exit, 7) };
    });
    say(pid);
    hear();
    drop(write);
    let (_, status) = wait_for(pid as i32).expect("it ends");
    say(status);
    hear();
}

/// PID 1 of a pid namespace: reads a number, makes that many orphans, reaps them, and reports the pid inside, the
/// status and the time of each.
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

/// Observes a child of its own in its own namespaces, and reports what it saw.
fn observer() {
    use podscope::model::{Capability, Coverage};
    use podscope::wording::coverage::reason;
    say("ready");
    let mut w = crate::support::Watched::start(podscope::observe::Options::default());
    match w.world.visibility.get(&Capability::ProcConnector) {
        Some(coverage @ Coverage::Missing(_)) => {
            let why = reason(Capability::ProcConnector, coverage).expect("a reason");
            say(format!("missing {why}"));
        }
        other => say(format!("{other:?}")),
    }
    let mut sleeper = crate::support::sleeper();
    let id = w.watch(sleeper.id());
    sleeper.kill().expect("our child");
    sleeper.wait().expect("our child");
    say(format!("gone by {:?}", w.until_gone(id).reap.expect("gone").at.source));
}

/// Has a child that moves to a new user namespace when it is told to, and stays there.
fn unsharer() {
    say("ready");
    hear();
    let (told, tell) = nix::unistd::pipe().expect("pipe");
    let (read, write) = nix::unistd::pipe().expect("pipe");
    let pid = child(|| {
        let _ = nix::unistd::read(&told, &mut [0; 1]);
        nix::sched::unshare(nix::sched::CloneFlags::CLONE_NEWUSER).expect("unshare");
        let _ = nix::unistd::write(&write, b"x");
        loop {
            nix::unistd::pause();
        }
    });
    say(pid);
    hear();
    nix::unistd::write(&tell, b"x").expect("it reads");
    nix::unistd::read(&read, &mut [0; 1]).expect("it did");
    say("left");
    hear();
}

/// Reads a number and forks that many children, which live. Then reads numbers, and ends and reaps that many of them.
fn crowd() {
    say("ready");
    let count: u32 = hear().parse().expect("a number");
    let mut pids: Vec<u32> = (0..count)
        .map(|_| {
            child(|| {
                loop {
                    nix::unistd::pause();
                }
            })
        })
        .collect();
    say("up");
    while let Ok(count) = hear().parse::<usize>() {
        for pid in pids.drain(..count) {
            nix::sys::signal::kill(Pid::from_raw(pid as i32), nix::sys::signal::SIGKILL).expect("our child");
            wait_for(pid as i32);
        }
        say("ended");
    }
    for pid in pids {
        let _ = nix::sys::signal::kill(Pid::from_raw(pid as i32), nix::sys::signal::SIGKILL);
    }
}

/// Reads a limit of open files and a pid, and watches that process under the limit. Then reads pairs of numbers: waits
/// until it sees that many processes and has scanned them so many times, and reports how many it sees and what is
/// covered.
fn few_files() {
    use podscope::model::Capability;
    use podscope::wording::coverage;
    say("ready");
    let limit: u64 = hear().parse().expect("a number");
    nix::sys::resource::setrlimit(nix::sys::resource::Resource::RLIMIT_NOFILE, limit, limit).expect("it is lower");
    let pid: u32 = hear().parse().expect("a pid");
    // an event of BPF would show the sentinel before the scan does
    let mut w = crate::support::Watched::start(podscope::observe::Options::without("bpf"));
    w.watch(pid);
    let sentinel = crate::support::Sentinel::start(&mut w);
    loop {
        let line = hear();
        let Some((count, scans)) = line.split_once(' ') else { return };
        let (count, scans): (usize, u32) = (count.parse().expect("a number"), scans.parse().expect("a number"));
        w.until("the whole crowd", |w| w.world.present().count() == count + 1);
        for _ in 0..=scans {
            sentinel.wait_for_scan(&mut w);
        }
        let crowd = || w.world.present().filter(|p| p.id != sentinel.id);
        let alive = crowd().filter(|p| p.is_alive()).count();
        let named = crowd().filter(|p| p.nspid.len() == 1 && !p.comm.is_empty()).count();
        let reason = |capability| {
            let coverage = w.world.visibility.get(&capability);
            coverage.and_then(|of_it| coverage::reason(capability, of_it)).unwrap_or_else(|| "full".to_owned())
        };
        say(format!("{alive} {named}"));
        say(reason(Capability::Processes));
        say(reason(Capability::Pidfd));
    }
}

fn observers() -> usize {
    let tasks = std::fs::read_dir("/proc/self/task").expect("/proc").flatten();
    let names = tasks.filter_map(|task| std::fs::read_to_string(task.path().join("comm")).ok());
    names.filter(|name| name.trim() == "observer").count()
}

/// Starts and drops observers, and counts threads of their name, which nothing else in this process has.
fn dropper() {
    say("ready");
    let w = crate::support::Watched::start(podscope::observe::Options::default());
    let one = observers();
    drop(w);
    for _ in 0..20 {
        drop(crate::support::Watched::start(podscope::observe::Options::default()));
    }
    say(format!("{one} observer, then {}", observers()));
}

/// Replaces the epoll descriptor of its own observer, and reports what the observer says and sees afterwards.
fn lost_epoll() {
    use podscope::model::{Capability, Coverage};
    say("ready");
    let mut w = crate::support::Watched::start(podscope::observe::Options::default());
    let mut first = crate::support::sleeper();
    let mut second = crate::support::sleeper();
    let ids = [w.watch(first.id()), w.watch(second.id())];
    let epoll = std::fs::read_dir("/proc/self/fd").expect("/proc").flatten().find(|file| {
        std::fs::read_link(file.path()).is_ok_and(|link| link.to_string_lossy() == "anon_inode:[eventpoll]")
    });
    let fd: i32 = epoll.expect("it has one").file_name().to_string_lossy().parse().expect("a number");
    let null = std::fs::File::open("/dev/null").expect("it is there");
    // SAFETY: the descriptor stays open, as another file; the observer notices at its next call
    assert_eq!(unsafe { libc::dup2(null.as_raw_fd(), fd) }, fd);
    // this one ends while the observer has failed
    first.kill().and_then(|()| first.wait().map(drop)).expect("our child");
    w.send(podscope::observe::Input::Reread(ids[1]));
    let coverage = |w: &crate::support::Watched| w.world.visibility.get(&Capability::Observer).cloned();
    w.until("the failure", |w| coverage(w).is_some());
    let missing = w.log.iter().any(|d| {
        matches!(
            d,
            podscope::model::Delta::Visibility { capability: Capability::Observer, coverage: Coverage::Missing(_), .. }
        )
    });
    say(format!("missing {missing}"));
    w.until("the restart", |w| matches!(coverage(w), Some(Coverage::Partial(_))));
    say(format!("gone {}", w.until_gone(ids[0]).is_gone()));
    second.kill().expect("our child");
    w.until("the second's end", |w| w.process(ids[1]).is_zombie());
    second.wait().expect("our child");
    say(format!("reaped by {:?}", w.until_gone(ids[1]).reap.expect("gone").at.source));
    say(format!("processes {}", w.world.processes.len()));
}

/// Watches a process until it is gone, then nothing. Reports when the observer's timer has been stopped.
fn idle() {
    say("ready");
    let mut w = crate::support::Watched::start(podscope::observe::Options::default());
    let mut sleeper = crate::support::sleeper();
    let id = w.watch(sleeper.id());
    let timer = || {
        let files = std::fs::read_dir("/proc/self/fdinfo").expect("/proc").flatten();
        let texts = files.filter_map(|file| std::fs::read_to_string(file.path()).ok());
        texts.into_iter().find(|text| text.contains("it_value:")).expect("the observer has one")
    };
    crate::support::wait_for("the timer runs", || !timer().contains("it_value: (0, 0)"));
    sleeper.kill().and_then(|()| sleeper.wait().map(drop)).expect("our child");
    w.until_gone(id);
    crate::support::wait_for("the timer stops", || timer().contains("it_value: (0, 0)"));
    say("the timer is stopped");
}
