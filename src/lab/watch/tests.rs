use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, unbounded};
use tempfile::TempDir;

use super::{AddWatchFlags, Burst, FileWatch, InitFlags, Inotify, InotifyEvent, LATEST, QUIET, Watched};

const DEADLINE: Duration = Duration::from_secs(10);

/// A directory with watched files.
struct Bench {
    dir: TempDir,
    reported: Receiver<PathBuf>,
    _watch: FileWatch,
}

impl Bench {
    /// `pod.yaml` already exists; `sentinel` does not.
    fn new() -> Self {
        let dir = TempDir::new().expect("a directory");
        fs::write(dir.path().join("pod.yaml"), "old").expect("written");
        let (report, reported) = unbounded();
        let paths = ["pod.yaml", "sentinel"].map(|name| dir.path().join(name));
        let watch = FileWatch::start(paths, move |path| report.send(path.to_owned()).expect("heard")).expect("a watch");
        Self { dir, reported, _watch: watch }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn write(&self, name: &str) {
        fs::write(self.path(name), "new").expect("written");
    }

    /// Replaces a file by renaming, which is a single event. Writing a new file causes two: created and closed.
    fn replace(&self, name: &str) {
        let beside = self.path("beside");
        fs::write(&beside, "new").expect("written");
        fs::rename(beside, self.path(name)).expect("renamed");
    }

    fn expect(&self, name: &str) {
        assert_eq!(self.reported.recv_timeout(DEADLINE), Ok(self.path(name)));
    }

    /// Events come in order, so all earlier changes have been reported before the sentinel.
    fn expect_nothing_more(&self) {
        self.replace("sentinel");
        self.expect("sentinel");
    }
}

#[test]
fn a_file_that_is_written_in_place_is_reported() {
    let bench = Bench::new();
    bench.write("pod.yaml");
    bench.expect("pod.yaml");
    bench.expect_nothing_more();
}

#[test]
fn a_file_that_is_replaced_by_renaming_is_reported_each_time() {
    let bench = Bench::new();
    for _ in 0..2 {
        bench.replace("pod.yaml");
        bench.expect("pod.yaml");
    }
    bench.expect_nothing_more();
}

#[test]
fn a_deleted_file_is_reported_when_it_is_created_again() {
    let bench = Bench::new();
    fs::remove_file(bench.path("pod.yaml")).expect("removed");
    bench.expect_nothing_more();
    bench.write("elsewhere");
    fs::hard_link(bench.path("elsewhere"), bench.path("pod.yaml")).expect("linked");
    bench.expect("pod.yaml");
    fs::remove_file(bench.path("pod.yaml")).expect("removed");
    bench.expect_nothing_more();
    bench.write("pod.yaml");
    bench.expect("pod.yaml");
}

#[test]
fn other_files_of_the_directory_are_not_reported() {
    let bench = Bench::new();
    bench.write("other.yaml");
    bench.write("pod.yaml~");
    fs::rename(bench.path("other.yaml"), bench.path("another.yaml")).expect("renamed");
    fs::read(bench.path("pod.yaml")).expect("read");
    bench.expect_nothing_more();
}

#[test]
fn a_change_of_a_links_target_is_reported_with_the_links_path() {
    let dir = TempDir::new().expect("a directory");
    let at = |name: &str| dir.path().join(name);
    fs::create_dir(at("real")).expect("made");
    for name in ["real/a.yaml", "real/b.yaml"] {
        fs::write(at(name), "old").expect("written");
    }
    std::os::unix::fs::symlink("real/a.yaml", at("pod.yaml")).expect("linked");
    let (report, reported) = unbounded();
    let watch = FileWatch::start([at("pod.yaml")], move |path| report.send(path.to_owned()).expect("heard"));
    let _watch = watch.expect("a watch");
    let expect = || assert_eq!(reported.recv_timeout(DEADLINE), Ok(at("pod.yaml")));
    fs::write(at("real/a.yaml"), "new").expect("written");
    expect();
    std::os::unix::fs::symlink("real/b.yaml", at("new")).expect("linked");
    fs::rename(at("new"), at("pod.yaml")).expect("renamed");
    expect();
    fs::write(at("real/b.yaml"), "new").expect("written");
    expect();
}

/// If events were lost, any file may have changed.
#[test]
fn an_overflow_is_a_change_of_every_file() {
    let dir = TempDir::new().expect("a directory");
    let paths = ["a", "b"].map(|name| dir.path().join(name));
    let inotify = Inotify::init(InitFlags::IN_CLOEXEC).expect("inotify");
    let wd = inotify.add_watch(dir.path(), AddWatchFlags::IN_CREATE).expect("a watch");
    let mut watched = Watched { inotify, names: BTreeMap::new() };
    for path in &paths {
        watched.add(path).expect("added");
    }
    let event = InotifyEvent { wd, mask: AddWatchFlags::IN_Q_OVERFLOW, cookie: 0, name: None };
    assert_eq!(watched.paths_of(&event).collect::<Vec<_>>(), paths.iter().collect::<Vec<_>>());
}

#[test]
fn several_writes_at_once_are_one_change() {
    let start = Instant::now();
    let path = || BTreeSet::from([PathBuf::from("pod.yaml")]);
    let mut burst = Burst::default();
    assert!(burst.take(start).is_empty());
    for i in 0..5 {
        let now = start + QUIET / 2 * i;
        burst.add(path(), now);
        assert!(burst.take(now).is_empty());
    }
    assert_eq!(burst.take(start + QUIET * 3), path());
    assert!(burst.take(start + QUIET * 10).is_empty());
}

#[test]
fn a_continuously_written_file_is_reported() {
    let start = Instant::now();
    let mut burst = Burst::default();
    let mut now = start;
    loop {
        burst.add(BTreeSet::from([PathBuf::from("pod.yaml")]), now);
        if !burst.take(now).is_empty() {
            break;
        }
        now += QUIET / 2;
        assert!(now <= start + LATEST);
    }
    assert_eq!(now, start + LATEST);
}

#[test]
fn many_writes_are_reported_in_fewer_calls() {
    let bench = Bench::new();
    for _ in 0..200 {
        bench.write("pod.yaml");
    }
    bench.replace("sentinel");
    let mut n = 0;
    while bench.reported.recv_timeout(DEADLINE).expect("reported") != bench.path("sentinel") {
        n += 1;
    }
    assert!((1..100).contains(&n), "{n} calls");
}

#[test]
fn nothing_is_reported_after_the_watch_is_dropped() {
    let Bench { dir, reported, _watch: watch } = Bench::new();
    drop(watch);
    fs::write(dir.path().join("pod.yaml"), "new").expect("written");
    // the thread has ended, and its end of the channel is closed
    assert!(reported.recv_timeout(DEADLINE).is_err_and(|e| e.is_disconnected()));
}

#[test]
fn a_watch_may_be_dropped_inside_on_change() {
    let dir = TempDir::new().expect("a directory");
    let path = dir.path().join("pod.yaml");
    let (give, given) = unbounded::<FileWatch>();
    let (report, reported) = unbounded();
    let watch = FileWatch::start([path.clone()], move |_| {
        drop(given.recv());
        report.send(()).expect("heard");
    });
    give.send(watch.expect("a watch")).expect("given");
    fs::write(&path, "new").expect("written");
    reported.recv_timeout(DEADLINE).expect("reported");
    assert!(reported.recv_timeout(DEADLINE).is_err_and(|e| e.is_disconnected()));
}

#[test]
fn the_error_names_a_path_that_cannot_be_watched() {
    let dir = TempDir::new().expect("a directory");
    for (path, kind, said) in [
        (dir.path().join("none/pod.yaml"), io::ErrorKind::NotFound, "/none: "),
        (PathBuf::from("/"), io::ErrorKind::InvalidInput, "/: expected the path of a file"),
    ] {
        let e = FileWatch::start([path], |_: &Path| {}).err().expect("an error");
        assert_eq!(e.kind(), kind, "{e}");
        assert!(e.to_string().contains(said), "{e}");
    }
}
