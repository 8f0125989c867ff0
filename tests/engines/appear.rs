//! Engines and containers that start later.

use std::fs;
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};

use crossbeam_channel::{Receiver, unbounded};
use podscope::engines::{Appearances, Appeared, Options, Places, Protocol, Socket};

use crate::fake::{docker_list, http, reply, serve};
use crate::support::{Asked, PATIENCE, engine};

const ID: &str = "207048a271173168ce60f46123a2ad517552742c18967a47f0b240caff146708";

struct Watch {
    _appearances: Appearances,
    appeared: Receiver<Appeared>,
}

impl Watch {
    fn start(sockets: Vec<Socket>, hierarchies: Vec<PathBuf>) -> Self {
        let (sink, appeared) = unbounded();
        let places = Places { sockets: Box::new(move || sockets.clone()), hierarchies };
        let sink = Box::new(move |what| drop(sink.send(what)));
        Self { _appearances: Appearances::watch(places, sink).expect("inotify is there"), appeared }
    }

    fn next(&self) -> Appeared {
        self.appeared.recv_timeout(PATIENCE).expect("something has appeared")
    }
}

#[test]
fn a_socket_is_noticed_with_the_directories_that_it_is_in_and_when_it_is_made_again() {
    let dir = tempfile::tempdir().expect("a directory");
    let there = engine(Protocol::Cri, &dir.path().join("there"));
    let _listener = UnixListener::bind(&there.path).expect("a socket");
    let path = dir.path().join("run/containerd/engine.sock");
    let later = engine(Protocol::Docker, &path);
    let watch = Watch::start(vec![there, later.clone()], Vec::new());
    fs::create_dir_all(path.parent().expect("a directory")).expect("made");
    for round in 0..3 {
        let listener = UnixListener::bind(&path).expect("a socket");
        // the one that was there is not reported
        assert_eq!(watch.next(), Appeared::Socket(later.clone()), "round {round}");
        drop(listener);
        fs::remove_file(&path).expect("removed");
    }
    // its directory is made again
    fs::remove_dir_all(dir.path().join("run")).expect("removed");
    fs::create_dir_all(path.parent().expect("a directory")).expect("made");
    let _listener = UnixListener::bind(&path).expect("a socket");
    assert_eq!(watch.next(), Appeared::Socket(later));
}

/// Makes groups for containers in the root of a hierarchy.
fn check_groups(root: &Path) {
    let watch = Watch::start(Vec::new(), vec![root.to_owned()]);
    let other = root.join(format!("podscope-other-{}", std::process::id()));
    let parent = root.join("crio");
    let had_parent = parent.exists();
    fs::create_dir(&other).expect("made");
    if !had_parent {
        fs::create_dir(&parent).expect("made");
    }
    let groups = ["1", "2"].map(|n| parent.join(ID.replacen('2', n, 1)));
    for group in &groups {
        fs::create_dir(group).expect("made");
        assert_eq!(watch.next(), Appeared::Container);
    }
    for group in groups.iter().chain([&other]).chain((!had_parent).then_some(&parent)) {
        fs::remove_dir(group).expect("removed");
    }
}

#[test]
fn a_container_is_noticed_by_its_cgroup() {
    let dir = tempfile::tempdir().expect("a directory");
    check_groups(dir.path());
    // the kernel's own file system tells it too
    let mounts = fs::read_to_string("/proc/self/mounts").expect("/proc is there");
    let roots = mounts.lines().filter_map(|line| {
        let words: Vec<&str> = line.split(' ').collect();
        (words[2] == "cgroup2").then(|| PathBuf::from(words[1]))
    });
    let Some(root) = roots.into_iter().next().filter(|_| nix::unistd::geteuid().is_root()) else {
        return eprintln!("the rest is skipped: no cgroup can be made here");
    };
    let probe = root.join(format!("podscope-probe-{}", std::process::id()));
    if fs::create_dir(&probe).is_err() {
        return eprintln!("the rest is skipped: no cgroup can be made in {}", root.display());
    }
    fs::remove_dir(probe).expect("removed");
    check_groups(&root);
}

#[test]
fn an_engine_that_has_appeared_is_asked() {
    let dir = tempfile::tempdir().expect("a directory");
    let path = dir.path().join("engine.sock");
    let socket = engine(Protocol::Docker, &path);
    let mut asked = Asked::start(Options { sockets: Vec::new(), ..Options::default() });
    let watch = Watch::start(vec![socket.clone()], Vec::new());
    serve(&path, |stream| {
        http(stream, &|target, stream| match target {
            "/_ping" => reply(stream, "200 OK", "OK"),
            _ => reply(stream, "200 OK", &docker_list(1..3)),
        });
    });
    assert_eq!(watch.next(), Appeared::Socket(socket.clone()));
    // it may not listen yet when its socket appears
    asked.engines.ask(socket);
    asked.until("its answer", |asked| asked.known.current().count() == 2);
}
