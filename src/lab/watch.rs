//! Reports when a manifest on disk has changed.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::{OsStr, OsString};
use std::io;
use std::os::fd::AsFd as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::eventfd::{EfdFlags, EventFd};
use nix::sys::inotify::{AddWatchFlags, InitFlags, Inotify, InotifyEvent, WatchDescriptor};

/// An editor's save causes several events at short intervals: events at smaller intervals than this are one change.
const QUIET: Duration = Duration::from_millis(50);
/// A file that is written continuously is reported after this time at the latest.
const LATEST: Duration = Duration::from_millis(500);

/// Watches files with inotify until it is dropped. There is no polling: the thread sleeps until the kernel reports an
/// event.
///
/// The directories of the files are watched, not the files: most editors write a new file beside the old one and rename
/// it over the old one, and a watch of the old file then reports nothing. So a file need not exist yet, and may be
/// deleted and created again; its directory must stay.
pub struct FileWatch {
    stop: Arc<EventFd>,
    thread: Option<JoinHandle<()>>,
}

impl FileWatch {
    /// Calls `on_change` with each path, as given here, whose file was written, created or replaced. A deletion is not
    /// reported. The contents may be the same as before.
    ///
    /// `on_change` is called from a separate thread, and must not wait for the thread that drops the watch.
    ///
    /// # Errors
    /// A directory does not exist or may not be read, or the user has reached the limit of watches
    /// (`fs.inotify.max_user_watches`) or of inotify instances (`max_user_instances`).
    pub fn start(
        paths: impl IntoIterator<Item = PathBuf>,
        on_change: impl Fn(&Path) + Send + 'static,
    ) -> io::Result<Self> {
        let mut watched =
            Watched { inotify: Inotify::init(InitFlags::IN_CLOEXEC | InitFlags::IN_NONBLOCK)?, names: BTreeMap::new() };
        for path in paths {
            watched.add(&path)?;
        }
        let stop = Arc::new(EventFd::from_flags(EfdFlags::EFD_CLOEXEC | EfdFlags::EFD_NONBLOCK)?);
        let stopped = Arc::clone(&stop);
        let run = move || {
            // only poll or read on our own descriptors can fail here
            if let Err(e) = watched.run(&stopped, &on_change) {
                tracing::warn!("files are no longer watched: {e}");
            }
        };
        let thread = crate::sys::thread::spawn("file-watch", run).map_err(io::Error::other)?;
        Ok(Self { stop, thread: Some(thread) })
    }
}

impl Drop for FileWatch {
    /// After this `on_change` is not called any more.
    fn drop(&mut self) {
        // fails only if the event is already set
        let _ = self.stop.write(1);
        if let Some(thread) = self.thread.take()
            && thread.thread().id() != thread::current().id()
        {
            // a panic of the thread has already been reported
            let _ = thread.join();
        }
    }
}

struct Watched {
    inotify: Inotify,
    /// By watch descriptor of the directory and file name: the paths as they were given.
    names: BTreeMap<(i32, OsString), BTreeSet<PathBuf>>,
}

impl Watched {
    /// Watches the path, and the target if it is a symbolic link.
    fn add(&mut self, path: &Path) -> io::Result<()> {
        self.add_name(path, path)?;
        if let Ok(target) = path.canonicalize() {
            self.add_name(&target, path)?;
        }
        Ok(())
    }

    fn add_name(&mut self, at: &Path, given: &Path) -> io::Result<()> {
        let name = at.file_name().ok_or_else(|| {
            io::Error::new(io::ErrorKind::InvalidInput, format!("{}: expected the path of a file", at.display()))
        })?;
        let dir = at.parent().filter(|dir| !dir.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let flags = AddWatchFlags::IN_CLOSE_WRITE
            | AddWatchFlags::IN_MOVED_TO
            | AddWatchFlags::IN_CREATE
            | AddWatchFlags::IN_ONLYDIR;
        // a directory that is already watched has the same descriptor
        let directory = self.inotify.add_watch(dir, flags).map_err(|e| {
            let e = io::Error::from(e);
            io::Error::new(e.kind(), format!("cannot watch {}: {e}", dir.display()))
        })?;
        self.names.entry((directory.as_raw(), name.to_owned())).or_default().insert(given.to_owned());
        Ok(())
    }

    fn run(mut self, stop: &EventFd, on_change: &impl Fn(&Path)) -> nix::Result<()> {
        let mut burst = Burst::default();
        loop {
            let timeout = burst.timeout(Instant::now());
            let mut fds =
                [PollFd::new(stop.as_fd(), PollFlags::POLLIN), PollFd::new(self.inotify.as_fd(), PollFlags::POLLIN)];
            match poll(&mut fds, timeout) {
                Ok(_) => {}
                Err(Errno::EINTR) => continue,
                Err(e) => return Err(e),
            }
            let [stopped, has_events] = fds.map(|fd| fd.any().unwrap_or(false));
            if stopped {
                return Ok(());
            }
            if has_events {
                burst.add(self.changed()?, Instant::now());
            }
            for path in burst.take(Instant::now()) {
                // the link may have another target now; if its directory is gone, so is the file
                let _ = self.add(&path);
                on_change(&path);
            }
        }
    }

    fn changed(&self) -> nix::Result<BTreeSet<PathBuf>> {
        let mut changed = BTreeSet::new();
        loop {
            match self.inotify.read_events() {
                Ok(events) => changed.extend(events.iter().flat_map(|event| self.paths_of(event)).cloned()),
                Err(Errno::EAGAIN) => return Ok(changed),
                Err(Errno::EINTR) => {}
                Err(e) => return Err(e),
            }
        }
    }

    fn paths_of(&self, event: &InotifyEvent) -> Box<dyn Iterator<Item = &PathBuf> + '_> {
        // events were lost, so any of the files may have changed
        if event.mask.contains(AddWatchFlags::IN_Q_OVERFLOW) {
            return Box::new(self.names.values().flatten());
        }
        let name = event.name.as_deref().unwrap_or(OsStr::new(""));
        Box::new(self.names.get(&key(event.wd, name)).into_iter().flatten())
    }
}

fn key(directory: WatchDescriptor, name: &OsStr) -> (i32, OsString) {
    (directory.as_raw(), name.to_owned())
}

/// Changes that are not reported yet, since more may follow shortly.
#[derive(Default)]
struct Burst {
    paths: BTreeSet<PathBuf>,
    /// The times of the first and the last change.
    since: Option<(Instant, Instant)>,
}

impl Burst {
    fn add(&mut self, paths: BTreeSet<PathBuf>, now: Instant) {
        if !paths.is_empty() {
            self.paths.extend(paths);
            self.since = Some((self.since.map_or(now, |(first, _)| first), now));
        }
    }

    fn due(&self) -> Option<Instant> {
        self.since.map(|(first, last)| (last + QUIET).min(first + LATEST))
    }

    fn timeout(&self, now: Instant) -> PollTimeout {
        match self.due() {
            None => PollTimeout::NONE,
            Some(due) => {
                let left = due.saturating_duration_since(now).as_micros().div_ceil(1_000);
                PollTimeout::try_from(left).unwrap_or(PollTimeout::MAX)
            }
        }
    }

    fn take(&mut self, now: Instant) -> BTreeSet<PathBuf> {
        if self.due().is_none_or(|due| due > now) {
            return BTreeSet::new();
        }
        self.since = None;
        std::mem::take(&mut self.paths)
    }
}

#[cfg(test)]
mod tests;
