use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, unbounded};
use tempfile::TempDir;

use super::{AddWatchFlags, Burst, FileWatch, InitFlags, Inotify, InotifyEvent, LATEST, QUIET, Watched};

const DEADLINE: Duration = Duration::from_secs(10);

/// A directory with files in it that are watched.
struct Bench {
    dir: TempDir,
    told: Receiver<PathBuf>,
    _watch: FileWatch,
}

impl Bench {
    /// `pod.yaml` is there already; `sentinel` never is.
    fn new() -> Self {
        let dir = TempDir::new().expect("a directory");
        fs::write(dir.path().join("pod.yaml"), "old").expect("written");
        let (tell, told) = unbounded();
        let paths = ["pod.yaml", "sentinel"].map(|name| dir.path().join(name));
        let watch = FileWatch::start(paths, move |path| tell.send(path.to_owned()).expect("heard")).expect("a watch");
        Self { dir, told, _watch: watch }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn write(&self, name: &str) {
        fs::write(self.path(name), "new").expect("written");
    }

    /// A single event, whereas a new file that is written is two: it is there, and it is complete.
    fn put(&self, name: &str) {
        let beside = self.path("beside");
        fs::write(&beside, "new").expect("written");
        fs::rename(beside, self.path(name)).expect("renamed");
    }

    fn expect(&self, name: &str) {
        assert_eq!(self.told.recv_timeout(DEADLINE), Ok(self.path(name)));
    }

    /// Events come in order, so what was to be told of has been once the sentinel is.
    fn expect_nothing_more(&self) {
        self.put("sentinel");
        self.expect("sentinel");
    }
}

#[test]
fn a_file_written_in_place_is_told_of() {
    let bench = Bench::new();
    bench.write("pod.yaml");
    bench.expect("pod.yaml");
    bench.expect_nothing_more();
}

#[test]
fn a_file_renamed_over_is_told_of_each_time() {
    let bench = Bench::new();
    for _ in 0..2 {
        bench.put("pod.yaml");
        bench.expect("pod.yaml");
    }
    bench.expect_nothing_more();
}

#[test]
fn a_file_that_goes_is_told_of_when_it_comes_back() {
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
fn other_files_of_the_directory_are_nobodys_concern() {
    let bench = Bench::new();
    bench.write("other.yaml");
    bench.write("pod.yaml~");
    fs::rename(bench.path("other.yaml"), bench.path("another.yaml")).expect("renamed");
    fs::read(bench.path("pod.yaml")).expect("read");
    bench.expect_nothing_more();
}

#[test]
fn what_a_link_leads_to_is_told_of_by_the_links_name() {
    let dir = TempDir::new().expect("a directory");
    let at = |name: &str| dir.path().join(name);
    fs::create_dir(at("real")).expect("made");
    for name in ["real/a.yaml", "real/b.yaml"] {
        fs::write(at(name), "old").expect("written");
    }
    std::os::unix::fs::symlink("real/a.yaml", at("pod.yaml")).expect("linked");
    let (tell, told) = unbounded();
    let watch = FileWatch::start([at("pod.yaml")], move |path| tell.send(path.to_owned()).expect("heard"));
    let _watch = watch.expect("a watch");
    let expect = || assert_eq!(told.recv_timeout(DEADLINE), Ok(at("pod.yaml")));
    fs::write(at("real/a.yaml"), "new").expect("written");
    expect();
    std::os::unix::fs::symlink("real/b.yaml", at("new")).expect("linked");
    fs::rename(at("new"), at("pod.yaml")).expect("renamed");
    expect();
    fs::write(at("real/b.yaml"), "new").expect("written");
    expect();
}

/// With an event lost, any of them may have changed.
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
    assert_eq!(watched.given(&event).collect::<Vec<_>>(), paths.iter().collect::<Vec<_>>());
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
fn a_file_written_all_the_time_is_told_of_nevertheless() {
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
fn a_burst_on_disk_is_told_of_in_fewer_calls() {
    let bench = Bench::new();
    for _ in 0..200 {
        bench.write("pod.yaml");
    }
    bench.put("sentinel");
    let mut n = 0;
    while bench.told.recv_timeout(DEADLINE).expect("told") != bench.path("sentinel") {
        n += 1;
    }
    assert!((1..100).contains(&n), "{n} calls");
}

#[test]
fn nothing_is_told_once_the_watch_is_dropped() {
    let Bench { dir, told, _watch: watch } = Bench::new();
    drop(watch);
    fs::write(dir.path().join("pod.yaml"), "new").expect("written");
    // the thread is gone and its end of the channel with it
    assert!(told.recv_timeout(DEADLINE).is_err_and(|e| e.is_disconnected()));
}

#[test]
fn a_watch_may_be_dropped_by_its_own_call() {
    let dir = TempDir::new().expect("a directory");
    let path = dir.path().join("pod.yaml");
    let (give, given) = unbounded::<FileWatch>();
    let (tell, told) = unbounded();
    let watch = FileWatch::start([path.clone()], move |_| {
        drop(given.recv());
        tell.send(()).expect("heard");
    });
    give.send(watch.expect("a watch")).expect("given");
    fs::write(&path, "new").expect("written");
    told.recv_timeout(DEADLINE).expect("told");
    assert!(told.recv_timeout(DEADLINE).is_err_and(|e| e.is_disconnected()));
}

#[test]
fn a_path_that_cannot_be_watched_is_an_error_that_names_it() {
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
