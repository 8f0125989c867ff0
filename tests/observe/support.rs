//! An observer with its stream of deltas, and helper processes that obey commands.

use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, RecvTimeoutError};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use podscope::model::{Delta, ProcId, Process, Source, State, World};
use podscope::observe::{Input, Observer, Options, Scope, identify};

/// Only a failing test waits this long: everything else takes less than a tenth of it.
const TIMEOUT: Duration = Duration::from_mins(1);

pub struct Watched {
    pub observer: Observer,
    pub world: World,
    pub log: Vec<Delta>,
    stream: Receiver<Vec<Delta>>,
}

impl Watched {
    pub fn start(options: Options) -> Self {
        Self::start_scope(Scope::Lab, options)
    }

    pub fn start_scope(scope: Scope, options: Options) -> Self {
        let (out, stream) = crossbeam_channel::unbounded();
        let sink = Box::new(move |batch| drop(out.send(batch)));
        let observer = Observer::start(scope, options, sink).expect("the observer starts");
        let mut this = Self { observer, world: World::default(), log: Vec::new(), stream };
        this.until("the first batch", |w| !w.world.host.kernel.is_empty());
        this
    }

    /// Watches a process from now on; returns once it is known.
    pub fn watch(&mut self, pid: u32) -> ProcId {
        let id = identify(pid).expect("it runs");
        self.observer.input().send(Input::Watch(id));
        self.until("the watched process", |w| w.world.process(id).is_some_and(|p| !p.nspid.is_empty()));
        id
    }

    pub fn send(&self, input: Input) {
        self.observer.input().send(input);
    }

    pub fn until(&mut self, what: &str, mut done: impl FnMut(&Self) -> bool) {
        let deadline = Instant::now() + TIMEOUT;
        while !done(self) {
            match self.stream.recv_deadline(deadline) {
                Ok(batch) => self.take(batch),
                Err(RecvTimeoutError::Timeout) => {
                    let tail = &self.log[self.log.len().saturating_sub(40)..];
                    for delta in tail {
                        eprintln!("{delta:?}");
                    }
                    panic!("no {what} after {} deltas", self.log.len());
                }
                Err(RecvTimeoutError::Disconnected) => panic!("the observer ended, waiting for {what}"),
            }
        }
    }

    /// Collects deltas for this time.
    pub fn gather(&mut self, time: Duration) {
        let deadline = Instant::now() + time;
        while let Ok(batch) = self.stream.recv_deadline(deadline) {
            self.take(batch);
        }
    }

    fn take(&mut self, batch: Vec<Delta>) {
        for delta in batch {
            self.world.apply(&delta);
            self.log.push(delta);
        }
    }

    /// Whether the connector has lost no event so far. Root's socket is large enough for that. An ordinary user's
    /// socket is small and gets the events of the whole machine, so other processes can overrun it. Then facts that
    /// only an event tells may be missing, but the loss is counted, and everything that /proc shows is still right.
    pub fn has_all_events(&self) -> bool {
        let lost = self.world.lost.get(&Source::Connector);
        assert!(lost.is_none() || !is_root(), "root has lost {lost:?} events");
        assert_ne!(lost, Some(&0), "a loss is counted");
        lost.is_none()
    }

    pub fn process(&self, id: ProcId) -> &Process {
        self.world.process(id).unwrap_or_else(|| panic!("{id} is not known"))
    }

    /// All processes that ever had this pid.
    pub fn all_of(&self, pid: u32) -> Vec<&Process> {
        self.world.processes.values().map(AsRef::as_ref).filter(|p| p.id.pid == pid).collect()
    }

    pub fn until_gone(&mut self, id: ProcId) -> &Process {
        self.until("its reap", |w| w.world.process(id).is_some_and(Process::is_gone));
        self.process(id)
    }
}

/// A process that shows when a scan has ended: no event tells that it was stopped or continued.
pub struct Sentinel {
    child: Child,
    pub id: ProcId,
}

impl Sentinel {
    pub fn start(w: &mut Watched) -> Self {
        // a helper process is killed and does not end its own; a stopped one would outlive it for good
        let mut command = Command::new("setpriv");
        command.args(["--pdeathsig", "KILL", "sleep", "1000"]).stdin(Stdio::null());
        let child = command.spawn().expect("util-linux is installed");
        let id = w.watch(child.id());
        w.until("the sentinel asleep", |w| {
            let p = w.process(id);
            p.comm == "sleep" && p.state == State::Sleeping
        });
        Self { child, id }
    }

    /// Waits for the end of a scan. It may have begun before this call, but not before the end of the scan that an
    /// earlier call has waited for.
    pub fn wait_for_scan(&self, w: &mut Watched) {
        let (signal, state) = match w.process(self.id).state {
            State::Stopped => (Signal::SIGCONT, State::Sleeping),
            _ => (Signal::SIGSTOP, State::Stopped),
        };
        kill(Pid::from_raw(self.id.pid as i32), signal).expect("our child");
        w.until("a scan", |w| w.process(self.id).state == state);
    }

    /// Whether this says something of the sentinel.
    pub fn is_subject_of(&self, delta: &Delta) -> bool {
        match delta {
            Delta::State { id, .. } => *id == self.id,
            Delta::Facts { facts, .. } => facts.id == self.id,
            Delta::SignalSent { sent } => sent.target == self.id,
            _ => false,
        }
    }
}

impl Drop for Sentinel {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// This test binary again, in one of the roles of `roles.rs`.
pub struct Helper {
    child: Child,
    commands: ChildStdin,
    answers: BufReader<ChildStdout>,
    /// The process that plays the role.
    pub pid: u32,
}

impl Helper {
    pub fn start(role: &str) -> Self {
        Self::under(&[], role)
    }

    /// Starts it by a command such as `unshare`, which may fork before it runs us.
    pub fn under(wrapper: &[&str], role: &str) -> Self {
        let exe = std::env::current_exe().expect("our own path");
        let exe = exe.to_str().expect("a path in UTF-8");
        let mut words = wrapper.to_vec();
        words.extend([exe, "roles::role", "--exact", "--ignored", "--nocapture", "--test-threads=1"]);
        let mut child = Command::new(words[0])
            .args(&words[1..])
            .env("PODSCOPE_TEST_ROLE", role)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::inherit())
            .spawn()
            .expect("the helper starts");
        let commands = child.stdin.take().expect("piped");
        let answers = BufReader::new(child.stdout.take().expect("piped"));
        let pid = child.id();
        let mut this = Self { child, commands, answers, pid };
        assert_eq!(this.answer(), "ready");
        if !wrapper.is_empty() {
            // the wrapper's only child
            let pid = children(this.pid);
            if let [only] = pid[..] {
                this.pid = only;
            }
        }
        this
    }

    pub fn wrapper_pid(&self) -> u32 {
        self.child.id()
    }

    pub fn tell(&mut self, line: &str) {
        writeln!(self.commands, "{line}").expect("the helper reads");
    }

    /// The next line of the helper. Lines of libtest are skipped: they have no `@`.
    pub fn answer(&mut self) -> String {
        loop {
            let mut line = String::new();
            assert_ne!(self.answers.read_line(&mut line).expect("the helper writes UTF-8"), 0, "the helper ended");
            if let Some((_, word)) = line.split_once('@') {
                return word.trim().to_owned();
            }
        }
    }

    pub fn answer_number(&mut self) -> u32 {
        self.answer().parse().expect("a number")
    }

    /// Waits until it has ended by itself.
    pub fn wait(&mut self) {
        let _ = self.child.wait();
    }

    pub fn kill(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Drop for Helper {
    fn drop(&mut self) {
        self.kill();
    }
}

/// Waits for a condition of which the observer tells nothing.
pub fn wait_for(what: &str, mut holds: impl FnMut() -> bool) {
    let deadline = Instant::now() + TIMEOUT;
    while !holds() {
        assert!(Instant::now() < deadline, "not within {TIMEOUT:?}: {what}");
        std::thread::sleep(Duration::from_millis(2));
    }
}

/// The children of a process, by the parent in every process's `stat`.
pub fn children(of: u32) -> Vec<u32> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir("/proc").expect("/proc").flatten() {
        if let Some(pid) = entry.file_name().to_str().and_then(|n| n.parse().ok())
            && stat(pid).is_some_and(|(_, ppid)| ppid == of)
        {
            found.push(pid);
        }
    }
    found
}

/// State letter and parent in /proc now.
pub fn stat(pid: u32) -> Option<(char, u32)> {
    let text = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let mut rest = text.rsplit_once(") ")?.1.split(' ');
    Some((rest.next()?.chars().next()?, rest.next()?.parse().ok()?))
}

pub fn ns_inode(pid: u32, kind: &str) -> Option<u64> {
    let link = std::fs::read_link(format!("/proc/{pid}/ns/{kind}")).ok()?;
    link.to_str()?.split_once(":[")?.1.strip_suffix(']')?.parse().ok()
}

pub fn is_root() -> bool {
    nix::unistd::geteuid().is_root()
}

pub fn sleeper() -> Child {
    Command::new("sleep").arg("1000").stdin(Stdio::null()).spawn().expect("sleep runs")
}
