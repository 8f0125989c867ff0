//! Engines that are down, hung, slow, huge, closed or wrong leave a note and nothing else.

use std::io::Write as _;
use std::os::fd::{AsRawFd as _, OwnedFd};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use crossbeam_channel::unbounded;
use nix::errno::Errno;
use nix::sys::socket::{self, AddressFamily, Backlog, SockFlag, SockType, UnixAddr};
use podscope::engines::{Note, Options, Protocol, Socket};

use crate::fake::{Call, Server, docker_list, field, grpc, number, reply, serve, wait_for_end};
use crate::support::{Asked, PATIENCE, engine};

/// Ordinary options for these sockets.
fn options(sockets: Vec<Socket>) -> Options {
    Options { sockets, deadline: PATIENCE, limit: 4 << 20, gap: Duration::from_millis(1) }
}

/// For engines that never answer. One that does takes less.
fn impatient(sockets: Vec<Socket>) -> Options {
    Options { deadline: Duration::from_secs(5), ..options(sockets) }
}

const BOTH: [Protocol; 2] = [Protocol::Docker, Protocol::Cri];

fn is_failed(answer: &Result<usize, Note>, why: &str) -> bool {
    matches!(answer, Err(Note::Failed(text)) if text.contains(why))
}

#[test]
fn an_engine_that_is_not_there_is_told_from_one_that_denies_access() {
    let dir = tempfile::tempdir().expect("a directory");
    let stale = dir.path().join("stale");
    drop(UnixListener::bind(&stale).expect("a socket"));
    let file = dir.path().join("file");
    std::fs::write(&file, "").expect("written");
    for protocol in BOTH {
        for path in [dir.path().join("none"), stale.clone(), file.clone(), file.join("below")] {
            let answer = Asked::start(options(vec![engine(protocol, &path)])).first();
            assert_eq!(answer, Err(Note::NotThere), "{}", path.display());
        }
    }
    let refusing = Server::http(|_, stream| reply(stream, "403 Forbidden", "{}"));
    let answer = Asked::start(options(vec![engine(Protocol::Docker, &refusing.path)])).first();
    assert_eq!(answer, Err(Note::NotPermitted));
    let refusing = Server::start(|stream| grpc(stream, |_| Call::Status("7")));
    let answer = Asked::start(options(vec![engine(Protocol::Cri, &refusing.path)])).first();
    assert_eq!(answer, Err(Note::NotPermitted));
    // docker's own containerd has no Container Runtime Interface
    let without = Server::start(|stream| grpc(stream, |_| Call::Status("12")));
    let answer = Asked::start(options(vec![engine(Protocol::Cri, &without.path)])).first();
    assert_eq!(answer, Err(Note::NotThere));
    if nix::unistd::geteuid().is_root() {
        return eprintln!("the rest is skipped: root may use every socket");
    }
    use std::os::unix::fs::PermissionsExt as _;
    for protocol in BOTH {
        std::fs::set_permissions(&stale, std::fs::Permissions::from_mode(0o000)).expect("its owner may");
        let answer = Asked::start(options(vec![engine(protocol, &stale)])).first();
        assert_eq!(answer, Err(Note::NotPermitted));
    }
}

#[test]
fn an_engine_that_hangs_times_out_and_delays_no_other() {
    let hung = Server::start(|mut stream| wait_for_end(&mut stream));
    // it never ends, and never says anything
    let slow = Server::http(|_, stream| {
        let head = b"HTTP/1.0 200 OK\r\n\r\n";
        while stream.write_all(&head[..1]).is_ok() && stream.write_all(&head[1..]).is_ok() {
            std::thread::sleep(Duration::from_millis(5));
        }
    });
    let silent = Server::start(|stream| grpc(stream, |_| Call::Silence));
    // nobody accepts, and the queue of connections is full
    let dir = tempfile::tempdir().expect("a directory");
    let full = dir.path().join("full");
    let _waiting = fill(&full);
    // its events hang
    let good = Server::http(|target, stream| match target {
        "/_ping" => reply(stream, "200 OK", "OK"),
        target if target.starts_with("/events") => wait_for_end(stream),
        _ => reply(stream, "200 OK", &docker_list(0..3)),
    });
    let mut sockets: Vec<Socket> = Vec::new();
    for protocol in BOTH {
        sockets.extend([engine(protocol, &hung.path), engine(protocol, &full)]);
    }
    sockets.extend([engine(Protocol::Docker, &slow.path), engine(Protocol::Cri, &silent.path)]);
    let late = sockets.len();
    sockets.push(engine(Protocol::Docker, &good.path));
    let mut asked = Asked::start(impatient(sockets));
    asked.until("all answers", |this| this.reports.len() > late);
    let notes: Vec<_> = asked.known.notes().collect();
    assert!(notes.len() == late && notes.iter().all(|(_, note)| **note == Note::TimedOut), "{notes:?}");
    assert_eq!(asked.reports[0].answer.as_ref().map(Vec::len), Ok(3), "the good one comes first");
    assert_eq!(asked.known.current().count(), 3);
}

/// Listens with a short queue, and connects until it is full.
fn fill(path: &Path) -> Vec<OwnedFd> {
    let new = || {
        let flags = SockFlag::SOCK_NONBLOCK | SockFlag::SOCK_CLOEXEC;
        socket::socket(AddressFamily::Unix, SockType::Stream, flags, None).expect("a socket")
    };
    let address = UnixAddr::new(path).expect("a short path");
    let listener = new();
    socket::bind(listener.as_raw_fd(), &address).expect("bound");
    socket::listen(&listener, Backlog::new(1).expect("a number")).expect("it listens");
    let mut open = vec![listener];
    loop {
        let client = new();
        match socket::connect(client.as_raw_fd(), &address) {
            Ok(()) => open.push(client),
            Err(Errno::EAGAIN) => return open,
            Err(e) => panic!("after {} connections: {e}", open.len()),
        }
    }
}

#[test]
fn an_answer_without_an_end_is_cut_at_the_limit() {
    let endless = |start: &'static str, more: &'static str| {
        Server::http(move |_, stream| {
            let mut ok = stream.write_all(start.as_bytes()).is_ok();
            let more = more.repeat(1000);
            while ok {
                ok = stream.write_all(more.as_bytes()).is_ok();
            }
        })
    };
    let first = |server: &Server| Asked::start(options(vec![engine(Protocol::Docker, &server.path)])).first();
    let head = first(&endless("HTTP/1.0 200 OK\r\n", "X-Long: y\r\n"));
    assert!(is_failed(&head, "HTTP"), "{head:?}");
    let line = first(&endless("HTTP/1.0 200 OK\r\nX: ", "y"));
    assert!(is_failed(&line, "no end"), "{line:?}");
    // an endless list, after a ping as it should be
    let list = Server::http(|target, stream| {
        if target == "/_ping" {
            return reply(stream, "200 OK", "OK");
        }
        let mut ok = stream.write_all(b"HTTP/1.0 200 OK\r\n\r\n[").is_ok();
        while ok {
            ok = stream.write_all(&[b' '; 4096]).is_ok();
        }
    });
    let list = first(&list);
    assert!(is_failed(&list, "larger than"), "{list:?}");
    let stated = Server::http(|target, stream| match target {
        "/_ping" => reply(stream, "200 OK", "OK"),
        _ => drop(stream.write_all(b"HTTP/1.0 200 OK\r\nContent-Length: 99999999999\r\n\r\n[")),
    });
    let stated = first(&stated);
    assert!(is_failed(&stated, "larger than"), "{stated:?}");
    let cri = Server::start(|stream| grpc(stream, |_| Call::Begin(5 << 20)));
    let cri = Asked::start(options(vec![engine(Protocol::Cri, &cri.path)])).first();
    assert!(is_failed(&cri, "larger than"), "{cri:?}");
}

#[test]
fn an_answer_that_makes_no_sense_is_an_error() {
    let list = |body: &'static str| {
        Server::http(move |target, stream| match target {
            "/_ping" => reply(stream, "200 OK", "OK"),
            _ => reply(stream, "200 OK", body),
        })
    };
    for (server, why) in [
        (list("<html>"), "the list of containers"),
        (list("[{\"Id\":7}]"), "the list of containers"),
        (list("[{\"Id\":\"aa\"}"), "the list of containers"),
        (Server::http(|_, stream| reply(stream, "500 Oh", "{\"message\":\"no\"}")), "500"),
        (Server::http(|_, stream| drop(stream.write_all(b"SSH-2.0-OpenSSH_9\r\n"))), "HTTP"),
        (Server::http(|_, stream| drop(stream.write_all(b"HTTP/1.0 200"))), "ends in its head"),
        (Server::http(|_, stream| drop(stream.write_all(b"HTTP/1.0 500 Oh\r\nContent-Length: 9\r\n\r\n"))), "500"),
        (Server::start(drop), ""),
    ] {
        let answer = Asked::start(options(vec![engine(Protocol::Docker, &server.path)])).first();
        assert!(is_failed(&answer, why), "{answer:?} is not {why}");
    }
    for server in [
        Server::start(drop),
        Server::start(|mut stream| drop(stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n"))),
        Server::start(|stream| grpc(stream, |_| Call::Answer(vec![0xff; 9]))),
        Server::start(|stream| grpc(stream, |_| Call::Status("13"))),
        Server::start(|stream| grpc(stream, |_| Call::Status("many words"))),
    ] {
        let answer = Asked::start(options(vec![engine(Protocol::Cri, &server.path)])).first();
        assert!(is_failed(&answer, ""), "{answer:?}");
    }
}

#[test]
fn a_thousand_containers_are_named() {
    let docker = Server::http(|target, stream| match target {
        "/_ping" => reply(stream, "200 OK", "OK"),
        target if target.starts_with("/events") => quiet_events(stream),
        _ => reply(stream, "200 OK", &docker_list(0..1000)),
    });
    let cri = Server::start(|stream| {
        grpc(stream, |call| match call {
            // the version
            0 => Call::Answer(field(2, b"containerd")),
            // the events
            1 => Call::Status("12"),
            2 => Call::Answer((0..1000).flat_map(|n| field(1, &sandbox(n))).collect()),
            _ => Call::Answer((0..1000).flat_map(|n| field(1, &container(n))).collect()),
        });
    });
    let began = Instant::now();
    let sockets = vec![engine(Protocol::Docker, &docker.path), engine(Protocol::Cri, &cri.path)];
    let mut asked = Asked::start(options(sockets));
    asked.until("both answers", |this| this.reports.len() >= 2);
    eprintln!("1,000 containers of docker and 1,000 pods of CRI named after {:?}", began.elapsed());
    assert_eq!(asked.known.current().count(), 3000);
    for n in 0..1000 {
        let docker = asked.known.container(&format!("{n:064x}")).expect("it is listed");
        assert_eq!(docker.name, Some(format!("c{n}")));
        let cri = asked.known.container(&format!("c{n}")).expect("it is listed");
        assert_eq!(cri.name, Some(format!("app{n}")));
        let pod = cri.pod.as_ref().expect("its pod");
        assert_eq!((pod.name.clone(), pod.uid.clone()), (Some(format!("pod{n}")), Some(format!("u{n}"))));
    }
}

/// Events of which none comes.
fn quiet_events(stream: &mut UnixStream) {
    let _ = stream.write_all(b"HTTP/1.0 200 OK\r\n\r\n");
    wait_for_end(stream);
}

/// `PodSandbox`
fn sandbox(n: usize) -> Vec<u8> {
    let metadata = [field(1, format!("pod{n}").as_bytes()), field(2, format!("u{n}").as_bytes())].concat();
    [field(1, format!("s{n}").as_bytes()), field(2, &metadata)].concat()
}

/// `Container`
fn container(n: usize) -> Vec<u8> {
    let name = field(1, format!("app{n}").as_bytes());
    [field(1, format!("c{n}").as_bytes()), field(2, format!("s{n}").as_bytes()), field(3, &name), number(6, 1)].concat()
}

#[test]
fn an_event_leads_to_a_new_answer_and_a_health_check_does_not() {
    let (events, coming) = unbounded::<&str>();
    let lists = Arc::new(Mutex::new(0));
    let count = Arc::clone(&lists);
    let server = Server::http(move |target, stream| {
        if target == "/_ping" {
            return reply(stream, "200 OK", "OK");
        }
        if !target.starts_with("/events") {
            let mut count = count.lock().expect("no panic");
            *count += 1;
            return reply(stream, "200 OK", &docker_list(0..*count));
        }
        let mut ok = stream.write_all(b"HTTP/1.0 200 OK\r\n\r\n").is_ok();
        while ok && let Ok(event) = coming.recv() {
            ok = stream.write_all(event.as_bytes()).is_ok();
        }
    });
    let mut asked = Asked::start(options(vec![engine(Protocol::Docker, &server.path)]));
    let sizes = |this: &Asked| -> Vec<usize> {
        this.reports.iter().map(|report| report.answer.as_ref().map_or(0, Vec::len)).collect()
    };
    asked.until("the first answer", |this| !this.reports.is_empty());
    events.send("{\"Action\":\"exec_create: true\"}\n{\"Action\":\"start\"").expect("sent");
    events.send("}\n").expect("sent");
    asked.until("the second answer", |this| this.reports.len() >= 2);
    assert_eq!(sizes(&asked), [1, 2]);
    asked.engines.ask_again();
    asked.until("the third answer", |this| this.reports.len() >= 3);
    assert_eq!(sizes(&asked), [1, 2, 3]);
    // the health check alone has led to nothing: it came before all of these
    assert_eq!(*lists.lock().expect("no panic"), 3);
    // the end of the events is no error while the engine answers
    drop(events);
    asked.until("an answer after the end of the events", |this| this.reports.len() >= 4);
    assert_eq!(asked.known.notes().count(), 0);
}

#[test]
fn an_engine_that_comes_up_answers_when_it_is_asked_again() {
    let dir = tempfile::tempdir().expect("a directory");
    let path = dir.path().join("sock");
    let mut asked = Asked::start(options(vec![engine(Protocol::Docker, &path)]));
    assert_eq!(asked.first(), Err(Note::NotThere));
    let answer = |mut stream: UnixStream| {
        // a server that says the same to everything
        reply(&mut stream, "200 OK", "[]");
        wait_for_end(&mut stream);
    };
    serve(&path, answer);
    asked.engines.ask_again();
    asked.until("an answer", |this| this.reports.len() >= 2);
    assert_eq!(asked.reports[1].answer, Ok(Vec::new()));
    assert_eq!(asked.known.notes().count(), 0);
}
