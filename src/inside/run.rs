//! Runs the helper and takes its answer.

use std::io::{self, Read as _, Write as _};
use std::os::fd::AsFd as _;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

use super::finding;
use super::helper::MODE;
use super::request::Request;
use crate::model::inside::Content;
use crate::model::{Delta, MonoNs, NsId, Source, Stamp};
use crate::observe::{Unread, map_in_parallel, now};

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

/// Reads what a [`plan`](super::plan) asks for, several processes at the same time. Waits for it.
pub fn read_all(executable: &Path, plan: &[(Request, Vec<NsId>)]) -> Vec<Reading> {
    let read_one = |(): &mut (), (request, namespaces): &(Request, Vec<NsId>)| {
        let at = now();
        let contents = read(executable, request);
        let reading = |(ns, content): (&NsId, Content)| Reading { ns: *ns, content, at };
        namespaces.iter().zip(contents).map(reading).collect::<Vec<_>>()
    };
    map_in_parallel(plan, 1, || (), read_one).into_iter().flatten().collect()
}

/// Reads what is in namespaces by a helper that runs from `executable`, our own. Waits for it. The answer has one content
/// for each target, in their order; where there is none, it says why.
pub fn read(executable: &Path, request: &Request) -> Vec<Content> {
    let answer = ask(executable, request).and_then(|answer| {
        let contents: Vec<Content> = serde_json::from_slice(&answer).map_err(|_| Errno::EBADMSG)?;
        let fits = contents.iter().map(Content::kind).eq(request.targets.iter().map(|target| target.kind));
        if fits { Ok(contents) } else { Err(io::Error::from(Errno::EBADMSG)) }
    });
    answer.unwrap_or_else(|e| {
        let why = finding::<(), Unread>(Err(Unread::Failed(Unread::from(e).errno())));
        request.targets.iter().filter_map(|target| Content::missing(target.kind, &why)).collect()
    })
}

fn ask(executable: &Path, request: &Request) -> io::Result<Vec<u8>> {
    let mut helper = Helper(
        Command::new(executable)
            .arg(MODE)
            .env_clear()
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()?,
    );
    let question = serde_json::to_vec(request)?;
    // it reads everything before it does anything else, and its input ends here
    helper.0.stdin.take().ok_or(io::ErrorKind::BrokenPipe)?.write_all(&question)?;
    let mut output = helper.0.stdout.take().ok_or(io::ErrorKind::BrokenPipe)?;
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

/// The helper is ended and reaped when this is dropped.
struct Helper(Child);

impl Drop for Helper {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
