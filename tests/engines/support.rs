//! What the engines tell, and the processes of this machine.

use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, RecvTimeoutError, unbounded};
use podscope::engines::{EnginePod, Engines, Known, Note, Options, Protocol, Report, SeenProcess, Socket, pods};
use podscope::model::{NsId, NsKind, NsSet, ProcId};

pub use crate::tools::{tool, wait_within};

/// Only a failing test waits this long.
pub const PATIENCE: Duration = Duration::from_mins(1);

/// Programs that were unpacked and not installed, with their libraries.
pub fn command(tools: &Path, program: &str) -> Command {
    let path = std::env::var("PATH").unwrap_or_default();
    let mut command = Command::new(tools.join(program));
    command.env("PATH", format!("{}:{path}:/usr/sbin:/sbin", tools.display())).env("LD_LIBRARY_PATH", tools);
    command
}

/// Runs it. `Err` is what it says.
pub fn run(command: &mut Command) -> Result<String, String> {
    let done = command.output().map_err(|e| format!("{command:?}: {e}"))?;
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).trim().to_owned();
    if done.status.success() { Ok(text(&done.stdout)) } else { Err(format!("{command:?}: {}", text(&done.stderr))) }
}

/// The client with what it has told.
pub struct Asked {
    pub engines: Engines,
    pub known: Known,
    pub reports: Vec<Report>,
    stream: Receiver<Report>,
}

impl Asked {
    pub fn start(options: Options) -> Self {
        let (out, stream) = unbounded();
        let sink = Box::new(move |report| drop(out.send(report)));
        let engines = Engines::start(options, sink).expect("a thread");
        Self { engines, known: Known::default(), reports: Vec::new(), stream }
    }

    pub fn until(&mut self, what: &str, mut done: impl FnMut(&Self) -> bool) {
        let deadline = Instant::now() + PATIENCE;
        while !done(self) {
            match self.stream.recv_deadline(deadline) {
                Ok(report) => {
                    self.known.apply(report.clone());
                    self.reports.push(report);
                }
                Err(RecvTimeoutError::Timeout) => panic!("no {what} after {:?}", self.reports),
                Err(RecvTimeoutError::Disconnected) => panic!("the client ended, waiting for {what}"),
            }
        }
    }

    /// The first answer of the only engine.
    pub fn first(&mut self) -> Result<usize, Note> {
        self.until("an answer", |this| !this.reports.is_empty());
        self.reports[0].answer.clone().map(|containers| containers.len())
    }
}

pub fn engine(protocol: Protocol, path: &Path) -> Socket {
    Socket { protocol, path: path.to_owned() }
}

/// What was read of a process.
struct Read {
    id: ProcId,
    parent: u32,
    namespaces: NsSet,
    comm: String,
    argv: Vec<String>,
    cgroup: String,
}

fn read(pid: u32) -> Option<Read> {
    let dir = PathBuf::from(format!("/proc/{pid}"));
    let stat = fs::read(dir.join("stat")).ok()?;
    let stat = String::from_utf8_lossy(&stat).into_owned();
    let (head, tail) = stat.rsplit_once(')')?;
    let fields: Vec<&str> = tail.split_whitespace().collect();
    let start = fields.get(22 - 3)?.parse().ok()?;
    let cmdline = fs::read(dir.join("cmdline")).unwrap_or_default();
    let argv = cmdline.split(|b| *b == 0).map(|arg| String::from_utf8_lossy(arg).into_owned());
    let mut argv: Vec<String> = argv.collect();
    argv.pop();
    Some(Read {
        id: ProcId { pid, start },
        parent: fields.get(1)?.parse().ok()?,
        namespaces: namespaces(&dir),
        comm: head.split_once('(')?.1.to_owned(),
        argv,
        cgroup: fs::read_to_string(dir.join("cgroup")).unwrap_or_default(),
    })
}

fn namespaces(dir: &Path) -> NsSet {
    let mut set = NsSet::default();
    for kind in NsKind::ALL {
        if let Ok(file) = fs::metadata(dir.join("ns").join(kind.name())) {
            set.set(NsId { kind, dev: file.dev(), ino: file.ino(), generation: 0 });
        }
    }
    set
}

/// The pods of this machine now.
pub fn pods_now(known: &Known) -> Vec<EnginePod> {
    let pids = fs::read_dir("/proc").expect("/proc").flatten();
    let pids = pids.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    let all: Vec<Read> = pids.filter_map(read).collect();
    let seen: Vec<SeenProcess> = all
        .iter()
        .map(|p| SeenProcess {
            id: p.id,
            parent: all.iter().find(|other| other.id.pid == p.parent).map(|other| other.id),
            namespaces: &p.namespaces,
            comm: &p.comm,
            argv: &p.argv,
            cgroup: &p.cgroup,
        })
        .collect();
    // the tests are in the machine's own
    pods(&seen, &namespaces(Path::new("/proc/self")), known)
}

/// The pod in which this container is.
pub fn pod_of<'a>(pods: &'a [EnginePod], id: &str) -> &'a EnginePod {
    let has = |pod: &&EnginePod| pod.members().any(|container| container.id == id);
    pods.iter().find(has).unwrap_or_else(|| panic!("{id} is in no pod: {pods:#?}"))
}

/// `name: sandbox NAME + container NAME…` with the names sorted.
pub fn names(pod: &EnginePod) -> String {
    let name = |name: &Option<String>| name.clone().unwrap_or_else(|| "?".to_owned());
    let mut containers: Vec<String> = pod.containers.iter().map(|c| name(&c.name)).collect();
    containers.sort();
    let sandbox = pod.sandbox.as_ref().map_or("none".to_owned(), |c| name(&c.name));
    format!("{}: {sandbox} + {}", name(&pod.name), containers.join(", "))
}

/// The pids of a container.
pub fn pids(pod: &EnginePod, id: &str) -> Vec<u32> {
    let container = pod.members().find(|c| c.id == id).expect("it is in the pod");
    container.processes.iter().map(|p| p.pid).collect()
}
