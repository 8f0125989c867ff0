//! The web server's files, log, workers and shutdown.

use std::fs::{self, File};
use std::io::{Read as _, Write as _};
use std::path::Path;

use crate::support::{Applet, children, comm, connect, get, parts, signal, site, stat, talk, text, title, wait_for};

/// The workers that are not shutting down.
pub fn workers(master: u32) -> Vec<u32> {
    children(master).into_iter().filter(|pid| title(*pid) == "web: worker process").collect()
}

fn serve(root: &Path, more: &[&str]) -> Applet {
    let log = root.join("access.log");
    let mut args = vec!["web", "--port", "0", "--root", text(root), "--log", text(&log)];
    args.extend(more);
    let web = Applet::start(&args);
    wait_for("two workers", || workers(web.pid).len() == 2);
    web
}

#[test]
fn files_are_served_and_logged_in_the_common_log_format() {
    let dir = site();
    let web = serve(dir.path(), &[]);
    assert_eq!(comm(web.pid), "web");
    assert!(title(web.pid).starts_with("web: master process web --port 0"), "{}", title(web.pid));
    let port = web.port();
    assert_eq!(parts(&get(port, "/")).1, "hello pod\n");
    assert!(get(port, "/nope").starts_with("HTTP/1.1 404 Not Found\r\n"));
    assert!(talk(port, "nonsense\r\n\r\n").starts_with("HTTP/1.1 400 Bad Request\r\n"));
    // three requests at once; the last one closes the connection
    let head = "HEAD / HTTP/1.1\r\n\r\n";
    let all = talk(port, &format!("{head}{head}GET /?x HTTP/1.0\r\n\r\n"));
    assert_eq!((all.matches("HTTP/1.1 200 OK").count(), all.matches("hello pod").count()), (3, 1), "{all}");

    let log = dir.path().join("access.log");
    let lines = || fs::read_to_string(&log).unwrap_or_default();
    wait_for("six lines", || lines().lines().count() == 6);
    let lines = lines();
    let (before, after): (Vec<_>, Vec<_>) =
        lines.lines().map(|l| (l.split_once('[').expect("a time").0, l.split_once("] ").expect("a time").1)).unzip();
    assert!(before.iter().all(|b| *b == "127.0.0.1 - - "), "{lines}");
    // any worker may serve a connection, but the connections were made one after the other
    assert_eq!(after[0], "\"GET / HTTP/1.1\" 200 10");
    assert!(after[1].starts_with("\"GET /nope HTTP/1.1\" 404 "));
    assert!(after[2].starts_with("\"nonsense\" 400 "));
    assert_eq!(after[3..], ["\"HEAD / HTTP/1.1\" 200 0", "\"HEAD / HTTP/1.1\" 200 0", "\"GET /?x HTTP/1.0\" 200 10"]);
    let time = lines.split_once('[').and_then(|(_, rest)| rest.split_once(']')).expect("a time").0;
    let shape: String = time.chars().map(|c| if c.is_ascii_digit() { '9' } else { c }).collect();
    assert!(shape.starts_with("99/") && shape.ends_with("/9999:99:99:99 +9999"), "{time}");
}

#[test]
fn without_a_log_directory_the_log_goes_to_standard_output() {
    let dir = site();
    let web = serve(dir.path(), &["--log", "/no/such/dir/access.log"]);
    get(web.port(), "/");
    web.wait_for_output("\"GET / HTTP/1.1\" 200 10\n");
}

#[test]
fn usr1_starts_a_new_log() {
    let dir = site();
    let web = serve(dir.path(), &[]);
    let (log, old) = (dir.path().join("access.log"), dir.path().join("old.log"));
    get(web.port(), "/");
    wait_for("the log", || log.exists());
    fs::rename(&log, &old).expect("moved");
    web.signal("USR1");
    wait_for("a new log", || log.exists());
    assert!(fs::read_to_string(&old).expect("read").contains("\"GET / HTTP/1.1\" 200 10"));
    assert_eq!(workers(web.pid).len(), 2);
}

#[test]
fn hup_replaces_the_workers_and_a_download_in_flight_completes() {
    const SIZE: u64 = 64 << 20;
    let dir = site();
    // more than the kernel's buffers hold
    File::create(dir.path().join("big")).and_then(|f| f.set_len(SIZE)).expect("made");
    let web = serve(dir.path(), &[]);
    let port = web.port();
    let old = workers(web.pid);
    let mut download = connect(port);
    download.write_all(b"GET /big HTTP/1.1\r\n\r\n").expect("asked");
    let mut first = [0; 4096];
    let begun = download.read(&mut first).expect("begins");
    let head = String::from_utf8_lossy(&first[..begun]).into_owned();
    let (head, _) = parts(&head);
    assert!(head.contains(&format!("Content-Length: {SIZE}")), "{head}");
    // a connection that waits for its next request does not hold a worker
    let mut idle = connect(port);
    idle.write_all(b"HEAD / HTTP/1.1\r\n\r\n").expect("asked");
    assert!(idle.read(&mut [0; 4096]).expect("answered") > 0);

    web.signal("HUP");
    wait_for("two others", || {
        let new = workers(web.pid);
        new.len() == 2 && new.iter().all(|pid| !old.contains(pid))
    });
    let finishing = || old.iter().filter(|pid| title(**pid) == "web: worker process is shutting down").count();
    wait_for("the other old worker has ended", || {
        finishing() == 1 && old.iter().filter(|p| stat(**p).is_some()).count() == 1
    });
    assert_eq!(idle.read(&mut [0; 16]).expect("closed"), 0);
    assert_eq!(parts(&get(port, "/")).1, "hello pod\n");
    assert_eq!(finishing(), 1);

    let mut got = (begun - head.len() - 4) as u64;
    let mut chunk = vec![0; 1 << 20];
    while got < SIZE {
        let n = download.read(&mut chunk).expect("goes on");
        assert!(n > 0, "cut off after {got} of {SIZE}");
        got += n as u64;
    }
    // the connection is closed after the request, since its worker is shutting down
    assert_eq!((got, download.read(&mut chunk).expect("closed")), (SIZE, 0));
    drop(download);
    wait_for("the last old worker has ended", || children(web.pid).len() == 2);
}

#[test]
fn a_dead_worker_is_replaced() {
    let dir = site();
    let web = serve(dir.path(), &[]);
    let old = workers(web.pid);
    signal(old[0], "KILL");
    wait_for("another", || {
        let new = workers(web.pid);
        new.len() == 2 && !new.contains(&old[0]) && new.contains(&old[1])
    });
    web.wait_for_output(&format!("worker {} was killed by signal 9", old[0]));
    assert_eq!(parts(&get(web.port(), "/")).1, "hello pod\n");
}

#[test]
fn quit_ends_gracefully_and_term_even_with_a_stopped_worker() {
    let dir = site();
    let mut web = serve(dir.path(), &[]);
    web.signal("QUIT");
    assert_eq!(web.exit_code(), 0);
    let mut web = serve(dir.path(), &[]);
    let workers = workers(web.pid);
    signal(workers[0], "STOP");
    wait_for("it stops", || stat(workers[0]).is_some_and(|(state, _)| state == 'T'));
    web.signal("TERM");
    assert_eq!(web.exit_code(), 0);
    assert!(workers.iter().all(|pid| stat(*pid).is_none()));
}

#[test]
fn without_its_master_a_worker_ends() {
    let dir = site();
    let mut web = serve(dir.path(), &[]);
    let workers = workers(web.pid);
    web.signal("KILL");
    assert_eq!(web.exit_code(), -9);
    // the process that adopted them may not have reaped them yet
    wait_for("they end", || workers.iter().all(|pid| stat(*pid).is_none_or(|(state, _)| state == 'Z')));
}
