//! Runs the helper and takes its answer.

use std::io::{self, Read as _, Write as _};
use std::os::fd::AsFd as _;
use std::os::unix::process::CommandExt as _;
use std::path::PathBuf;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

use super::finding;
use super::helper::MODE;
use super::request::Request;
use crate::model::inside::Content;
use crate::model::{Delta, MonoNs, NsId, Source, Stamp};
use crate::observe::{Unread, map_in_parallel, now};
use crate::sys::executable::Executable;

/// How long a helper may take. It takes some milliseconds; a process in it may be one that cannot be read at once.
const TIMEOUT: Duration = Duration::from_secs(4);
/// The longest answer. The lists in it are bounded, and so are the names.
const MAX_ANSWER: usize = 8 << 20;

/// What was found in a namespace.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reading {
    pub ns: NsId,
    pub content: Content,
    /// When it was read.
    pub at: MonoNs,
}

impl Reading {
    pub fn into_delta(self) -> Delta {
        let at = Stamp::prompt(self.at, Source::Scan);
        Delta::Inside { ns: self.ns, content: Arc::new(self.content), at }
    }
}

/// The program that helpers run from: a sealed copy of ours that no process of a pod runs from. It is made when the
/// first helper starts.
#[derive(Debug)]
pub struct Program {
    path: PathBuf,
    copy: OnceLock<Executable>,
}

impl Program {
    /// Of our own program, whose path is `/proc/self/exe`.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into(), copy: OnceLock::new() }
    }

    fn copy(&self) -> io::Result<&Executable> {
        if self.copy.get().is_none() {
            let copy = Executable::copy_of(&self.path).map_err(|e| io::Error::from(e.errno()))?;
            // another thread may have been faster
            let _ = self.copy.set(copy);
        }
        self.copy.get().ok_or_else(|| io::ErrorKind::NotFound.into())
    }
}

impl Default for Program {
    fn default() -> Self {
        Self::new(Executable::OURS)
    }
}

/// Reads what a [`plan`](super::plan) asks for, several processes at the same time. Waits for it.
pub fn read_all(program: &Program, plan: &[(Request, Vec<NsId>)]) -> Vec<Reading> {
    let read_one = |(): &mut (), (request, namespaces): &(Request, Vec<NsId>)| {
        let at = now();
        let contents = read(program, request);
        let reading = |(ns, content): (&NsId, Content)| Reading { ns: *ns, content, at };
        namespaces.iter().zip(contents).map(reading).collect::<Vec<_>>()
    };
    map_in_parallel(plan, 1, || (), read_one).into_iter().flatten().collect()
}

/// Reads what is in namespaces by a helper. Waits for it. The answer has one content for each target, in their order;
/// where there is none, it says why.
pub fn read(program: &Program, request: &Request) -> Vec<Content> {
    let answer = ask(program, request).and_then(|answer| {
        let contents: Vec<Content> = serde_json::from_slice(&answer).map_err(|_| Errno::EBADMSG)?;
        let fits = contents.iter().map(Content::kind).eq(request.targets.iter().map(|target| target.kind));
        if fits { Ok(contents) } else { Err(io::Error::from(Errno::EBADMSG)) }
    });
    answer.unwrap_or_else(|e| {
        let why = finding::<(), Unread>(Err(Unread::Failed(Unread::from(e).errno())));
        request.targets.iter().filter_map(|target| Content::missing(target.kind, &why)).collect()
    })
}

fn ask(program: &Program, request: &Request) -> io::Result<Vec<u8>> {
    let mut helper = Helper::start(program)?;
    helper.send(request)?;
    helper.receive()
}

/// A running helper. It is ended and reaped when this is dropped.
#[derive(Debug)]
pub struct Helper(Child);

impl Helper {
    /// It has no more than two pipes: nothing of our environment, terminal, directory or files.
    pub fn start(program: &Program) -> io::Result<Self> {
        let child = Command::new(program.copy()?.path())
            .arg0("podscope")
            .arg(MODE)
            .env_clear()
            .current_dir("/")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()?;
        Ok(Self(child))
    }

    pub fn pid(&self) -> u32 {
        self.0.id()
    }

    /// Asks the only question.
    pub fn send(&mut self, request: &Request) -> io::Result<()> {
        let question = serde_json::to_vec(request)?;
        // it reads everything before it does anything else, and its input ends here
        self.0.stdin.take().ok_or(io::ErrorKind::BrokenPipe)?.write_all(&question)
    }

    /// The end of the pipe that the answer comes from.
    pub fn output(&self) -> io::Result<&ChildStdout> {
        self.0.stdout.as_ref().ok_or_else(|| io::ErrorKind::BrokenPipe.into())
    }

    /// The whole answer.
    ///
    /// # Errors
    /// `ETIMEDOUT` if it takes too long, `EMSGSIZE` if it is too long.
    pub fn receive(mut self) -> io::Result<Vec<u8>> {
        let mut output = self.0.stdout.take().ok_or(io::ErrorKind::BrokenPipe)?;
        let deadline = Instant::now() + TIMEOUT;
        let mut answer = Vec::new();
        let mut buffer = vec![0; 1 << 16];
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            let timeout = PollTimeout::try_from(left).unwrap_or(PollTimeout::MAX);
            if poll(&mut [PollFd::new(output.as_fd(), PollFlags::POLLIN)], timeout)? == 0 {
                return Err(Errno::ETIMEDOUT.into());
            }
            match output.read(&mut buffer)? {
                0 => return Ok(answer),
                n => answer.extend_from_slice(&buffer[..n]),
            }
            if answer.len() > MAX_ANSWER {
                return Err(Errno::EMSGSIZE.into());
            }
        }
    }
}

impl Drop for Helper {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
