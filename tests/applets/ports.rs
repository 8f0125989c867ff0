//! The process that publishes host ports.

use std::io::{ErrorKind, Read as _, Write as _};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::os::fd::OwnedFd;
use std::process::{Command, Stdio};
use std::thread::spawn;

use nix::sys::socket::{setsockopt, sockopt};

use crate::support::{Applet, PATIENCE, comm, connect, serve_one, wait_for};

/// Starts a publisher of one port, whose listener is its standard input. Returns it and the port.
pub fn publish(target: u16) -> (Applet, u16) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("bound");
    let port = listener.local_addr().expect("known").port();
    let mut command = Command::new(env!("CARGO_BIN_EXE_podscope"));
    command.args(["__ports".to_owned(), format!("0=127.0.0.1:{target}")]).stdin(Stdio::from(OwnedFd::from(listener)));
    let publisher = Applet::of(command);
    wait_for("it is ready", || comm(publisher.pid) == format!("port {port}"));
    (publisher, port)
}

fn reset(stream: TcpStream) {
    setsockopt(&stream, sockopt::Linger, &nix::libc::linger { l_onoff: 1, l_linger: 0 }).expect("set");
    drop(stream);
}

#[test]
fn each_direction_closes_independently() {
    const SIZE: usize = 4 << 20;
    // the server reads everything before it answers: the end of input must arrive while the connection stays open
    let (to, done) = serve_one(|mut stream| {
        let mut received = Vec::new();
        stream.read_to_end(&mut received).expect("received");
        stream.write_all(&received).expect("sent");
        received.len()
    });
    let (mut publisher, port) = publish(to);
    let mut client = connect(port);
    let body: Vec<u8> = (0..SIZE).map(|i| (i * 31 % 251) as u8).collect();
    client.write_all(&body).expect("sent");
    client.shutdown(Shutdown::Write).expect("shut");
    let mut answer = Vec::new();
    client.read_to_end(&mut answer).expect("read");
    assert!(answer == body, "{} of {SIZE} bytes, or others", answer.len());
    assert_eq!(done.join().expect("served"), SIZE);

    // the other direction: the client sees the end of the target's output while it can still write
    let (to, done) = serve_one(|mut stream| {
        stream.write_all(b"bye").expect("sent");
        stream.shutdown(Shutdown::Write).expect("shut");
        let mut received = String::new();
        stream.read_to_string(&mut received).map(|_| received)
    });
    publisher.signal("TERM");
    assert_eq!(publisher.exit_code(), 0);
    let (_publisher, port) = publish(to);
    let mut client = connect(port);
    let mut answer = String::new();
    client.read_to_string(&mut answer).expect("read");
    assert_eq!(answer, "bye");
    client.write_all(b"still here").expect("sent");
    drop(client);
    assert_eq!(done.join().expect("served").expect("received"), "still here");
}

#[test]
fn two_hundred_connections_at_a_time() {
    const MANY: usize = 200;
    let listener = TcpListener::bind("127.0.0.1:0").expect("bound");
    let to = listener.local_addr().expect("known").port();
    let server = spawn(move || {
        // accept all connections before the first is answered
        let all: Vec<TcpStream> = (0..MANY).map(|_| listener.accept().expect("accepted").0).collect();
        for mut stream in all {
            let mut line = [0; 8];
            stream.set_read_timeout(Some(PATIENCE)).expect("set");
            stream.read_exact(&mut line).expect("received");
            stream.write_all(&line).expect("sent");
        }
    });
    let (publisher, port) = publish(to);
    let open = || std::fs::read_dir(format!("/proc/{}/fd", publisher.pid)).expect("alive").count();
    let before = open();
    let mut clients: Vec<TcpStream> = (0..MANY).map(|_| connect(port)).collect();
    for (i, client) in clients.iter_mut().enumerate() {
        client.write_all(format!("{i:08}").as_bytes()).expect("sent");
    }
    for (i, client) in clients.iter_mut().enumerate() {
        let mut answer = String::new();
        client.read_to_string(&mut answer).expect("read");
        assert_eq!(answer, format!("{i:08}"));
    }
    server.join().expect("served");
    drop(clients);
    wait_for("nothing is left open", || open() == before);
}

#[test]
fn a_refused_or_reset_connection_is_passed_on_as_a_reset() {
    let free = TcpListener::bind("127.0.0.1:0").expect("bound").local_addr().expect("known").port();
    let (_publisher, port) = publish(free);
    let refused = connect(port).read(&mut [0; 16]).expect_err("no answer");
    assert_eq!(refused.kind(), ErrorKind::ConnectionReset);

    let (to, done) = serve_one(|mut stream| {
        stream.read_exact(&mut [0]).expect("received");
        reset(stream);
    });
    let (_publisher, port) = publish(to);
    let mut client = connect(port);
    client.write_all(b"x").expect("sent");
    assert_eq!(client.read(&mut [0; 16]).expect_err("reset").kind(), ErrorKind::ConnectionReset);
    done.join().expect("served");

    // after the client's end of input the publisher no longer reads from it, but must still notice a reset
    let (to, done) = serve_one(|mut stream| {
        let mut received = Vec::new();
        stream.read_to_end(&mut received).expect("received");
        stream.write_all(b"y").expect("sent");
        let end = loop {
            if let Err(e) = stream.write_all(b"z") {
                break e.kind();
            }
            std::thread::yield_now();
        };
        (received, end)
    });
    let (_publisher, port) = publish(to);
    let mut client = connect(port);
    client.write_all(b"x").expect("sent");
    client.shutdown(Shutdown::Write).expect("shut");
    client.read_exact(&mut [0]).expect("received");
    reset(client);
    let (received, end) = done.join().expect("served");
    assert!(received == b"x" && [ErrorKind::ConnectionReset, ErrorKind::BrokenPipe].contains(&end), "{end:?}");
}

#[test]
fn several_ports_in_one_process() {
    let (first, done) = serve_one(|mut stream| stream.write_all(b"first"));
    let (second, also) = serve_one(|mut stream| stream.write_all(b"second"));
    let listeners = [(), ()].map(|()| TcpListener::bind("127.0.0.1:0").expect("bound"));
    let ports = [0, 1].map(|i| listeners[i].local_addr().expect("known").port());
    let [a, b] = listeners.map(OwnedFd::from);
    let mut publisher = Command::new(env!("CARGO_BIN_EXE_podscope"))
        .args(["__ports", &format!("0=127.0.0.1:{first}"), &format!("1=127.0.0.1:{second}")])
        .stdin(Stdio::from(a))
        .stdout(Stdio::from(b))
        .spawn()
        .expect("starts");
    wait_for("its name", || comm(publisher.id()) == "ports");
    for (port, want) in [(ports[0], "first"), (ports[1], "second")] {
        let mut answer = String::new();
        connect(port).read_to_string(&mut answer).expect("read");
        assert_eq!(answer, want);
    }
    publisher.kill().and_then(|()| publisher.wait()).expect("ended");
    done.join().expect("served").and(also.join().expect("served")).expect("sent");
}

#[test]
fn wrong_arguments_are_refused() {
    for (args, why) in [
        (&[][..], "ports: expected FD=IP:PORT, once for each port\n"),
        (&["0:80"], "ports: \"0:80\" is not understood; expected FD=IP:PORT\n"),
        (&["700=127.0.0.1:80"], "ports: descriptor 700 of \"700=127.0.0.1:80\": Bad file number\n"),
        (&["0=127.0.0.1:80"], "ports: descriptor 0 of \"0=127.0.0.1:80\" is no socket: "),
    ] {
        let mut command = Command::new(env!("CARGO_BIN_EXE_podscope"));
        command.arg("__ports").args(args).stdin(Stdio::null());
        let mut publisher = Applet::of(command);
        assert_eq!(publisher.exit_code(), 64, "{args:?}");
        publisher.wait_for_output(why);
    }
}
