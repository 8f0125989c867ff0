//! The web server as a proxy in front of another server.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::thread::spawn;

use crate::support::{Applet, PATIENCE, connect, get, parts, serve_one, talk};

fn before(port: u16) -> Applet {
    Applet::start(&["web", "--port", "0", "--log", "/dev/stdout", "--proxy", &format!("http://127.0.0.1:{port}")])
}

fn head_of(stream: &mut TcpStream) -> String {
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") {
        stream.read_exact(&mut byte).expect("a head");
        head.push(byte[0]);
    }
    String::from_utf8(head).expect("text")
}

#[test]
fn the_proxy_serves_the_blog_and_502_once_the_blog_is_gone() {
    let mut blog = Applet::start(&["blog", "--port", "0", "--title", "My <blog>"]);
    let web = before(blog.port());
    let port = web.port();
    let answer = get(port, "/");
    let (head, page) = parts(&answer);
    assert!(head.starts_with("HTTP/1.1 200 OK\r\n") && head.contains("Server: podscope-web\r\n"), "{head}");
    assert!(page.contains("stand-in for the Ghost blog") && page.contains("My &lt;blog&gt;"), "{page}");
    // the Host header is as the client sent it, and the client's address is passed on
    assert!(page.contains(&format!("<b>localhost:{port}</b>")) && page.contains("on behalf of 127.0.0.1"), "{page}");
    assert!(get(port, "/nothing").starts_with("HTTP/1.1 404 "));

    blog.signal("TERM");
    assert_eq!(blog.exit_code(), 0);
    let answer = get(port, "/");
    let (head, page) = parts(&answer);
    assert!(head.starts_with("HTTP/1.1 502 Bad Gateway\r\n") && page.contains("<h1>502 Bad Gateway</h1>"), "{answer}");
    web.wait_for_output("\"GET / HTTP/1.1\" 502 ");
    web.wait_for_output("web: [error] connect to 127.0.0.1:");
}

#[test]
fn bodies_stream_both_ways_at_once() {
    const SIZE: usize = 8 << 20;
    // an echo server that answers while it reads
    let (port, done) = serve_one(|mut stream| {
        let head = head_of(&mut stream);
        write!(stream, "HTTP/1.1 200 OK\r\nContent-Length: {SIZE}\r\n\r\n").expect("sent");
        let mut left = SIZE;
        let mut chunk = [0; 4096];
        while left > 0 {
            let n = stream.read(&mut chunk).expect("a body");
            stream.write_all(&chunk[..n]).expect("sent");
            left -= n;
        }
        head
    });
    let web = before(port);
    let mut client = connect(web.port());
    let body: Vec<u8> = (0..SIZE).map(|i| (i * 31 % 251) as u8).collect();
    let mut sender = client.try_clone().expect("cloned");
    let sent = body.clone();
    let sending = spawn(move || {
        write!(sender, "PUT /x?y HTTP/1.1\r\nHost: a\r\nContent-Length: {SIZE}\r\n\r\n").expect("sent");
        sender.write_all(&sent).expect("sent");
    });
    let mut answer = Vec::new();
    client.read_to_end(&mut answer).expect("read");
    sending.join().expect("sent");
    let at = answer.windows(4).position(|w| w == b"\r\n\r\n").expect("a head") + 4;
    assert!(answer[at..] == body, "{} of {SIZE} bytes came back, or others", answer.len() - at);
    let head = done.join().expect("served");
    assert!(head.starts_with("PUT /x?y HTTP/1.1\r\nHost: a\r\n"), "{head}");
    assert!(head.contains("X-Forwarded-For: 127.0.0.1\r\n") && head.contains("Connection: close\r\n"), "{head}");
}

#[test]
fn a_chunked_body_and_answer_pass_unchanged() {
    let (port, done) = serve_one(|mut stream| {
        let head = head_of(&mut stream);
        let mut body = [0; 13];
        stream.read_exact(&mut body).expect("a body");
        stream
            .write_all(b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n")
            .expect("sent");
        (head, body)
    });
    let web = before(port);
    let asked = "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\nExpect: 100-continue\r\n\r\n3\r\nabc\r\n0\r\n\r\n";
    let answer = talk(web.port(), asked);
    let (first, rest) = parts(&answer);
    assert_eq!(first, "HTTP/1.1 100 Continue");
    let (head, body) = parts(rest);
    assert!(head.starts_with("HTTP/1.1 200 OK\r\n") && head.contains("Transfer-Encoding: chunked"), "{answer}");
    assert_eq!(body, "2\r\nok\r\n0\r\n\r\n");
    let (head, body) = done.join().expect("served");
    assert!(!head.contains("Expect") && &body == b"3\r\nabc\r\n0\r\n\r\n", "{head}");
}

#[test]
fn a_broken_upstream_gives_502_or_a_cut_connection() {
    type Serve = fn(TcpStream);
    let cases: [(Serve, &str); 3] = [
        (|mut s| drop(head_of(&mut s)), "it closed the connection without an answer"),
        (
            |mut s| {
                head_of(&mut s);
                s.write_all(b"SSH-2.0-x\r\n\r\n").expect("sent");
            },
            "its answer is not HTTP",
        ),
        (|s| drop(s), "127.0.0.1:"),
    ];
    for (serve, why) in cases {
        let (port, done) = serve_one(serve);
        let web = before(port);
        assert!(get(web.port(), "/").starts_with("HTTP/1.1 502 "));
        web.wait_for_output(why);
        done.join().expect("served");
    }
    // after the head is sent there is no other status: the answer is cut off, so that it does not look complete
    let (port, done) = serve_one(|mut stream| {
        head_of(&mut stream);
        stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf").expect("sent");
    });
    let web = before(port);
    let answer = get(web.port(), "/");
    assert!(answer.contains("Content-Length: 100") && answer.ends_with("half"), "{answer}");
    done.join().expect("served");
    web.wait_for_output("\"GET / HTTP/1.1\" 200 4\n");
}

#[test]
fn a_request_ends_when_its_client_leaves() {
    let (tell, asked) = std::sync::mpsc::channel();
    let (port, done) = serve_one(move |mut stream| {
        tell.send(head_of(&mut stream)).expect("sent");
        // it never answers, and sees the end of the connection
        stream.read(&mut [0; 16]).map_or(0, |n| n)
    });
    let web = before(port);
    let mut client = connect(web.port());
    client.write_all(b"GET /slow HTTP/1.1\r\n\r\n").expect("asked");
    asked.recv_timeout(PATIENCE).expect("passed on");
    let linger = nix::libc::linger { l_onoff: 1, l_linger: 0 };
    nix::sys::socket::setsockopt(&client, nix::sys::socket::sockopt::Linger, &linger).expect("set");
    drop(client);
    assert_eq!(done.join().expect("served"), 0);
    web.wait_for_output("\"GET /slow HTTP/1.1\" 499 0");
}
