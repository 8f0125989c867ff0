//! Rewrites the heads that pass through a reverse proxy.
//!
//! Bodies are passed on unchanged, including chunks. A connection to another server is used for one request, and so is
//! the client's, unless the answer's length is known.

use std::fmt::Write as _;
use std::net::{IpAddr, SocketAddr};

use super::reply::reason;
use super::request::{Body, MAX_HEAD, MAX_HEADERS, Request, body, lists};

/// Where a request is passed to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Upstream {
    /// The addresses, tried in order.
    pub addresses: Vec<SocketAddr>,
    /// The path and query to request there.
    pub target: String,
}

/// Headers that concern one connection only and are not passed on (RFC 9110, 7.6.1).
const HOP_BY_HOP: [&str; 7] =
    ["connection", "keep-alive", "proxy-connection", "proxy-authenticate", "proxy-authorization", "te", "upgrade"];

/// Headers that pass although `Connection` lists them. Without them the other side would take the body for something
/// else, such as another request.
const END_TO_END: [&str; 3] = ["content-length", "host", "transfer-encoding"];

fn passes(headers: &[(String, Vec<u8>)], name: &str) -> bool {
    let is_one_of = |names: &[&str]| names.iter().any(|known| name.eq_ignore_ascii_case(known));
    !is_one_of(&HOP_BY_HOP) && (is_one_of(&END_TO_END) || !lists(headers, "connection", name))
}

fn push(head: &mut Vec<u8>, name: &str, value: &[u8]) {
    head.extend_from_slice(name.as_bytes());
    head.extend_from_slice(b": ");
    head.extend_from_slice(value);
    head.extend_from_slice(b"\r\n");
}

/// The head of the request as it is sent to the upstream.
pub fn request_head(request: &Request, target: &str, peer: IpAddr) -> Vec<u8> {
    let mut head = format!("{} {target} HTTP/1.{}\r\n", request.method, request.version).into_bytes();
    let mut path = String::new();
    for (name, value) in &request.headers {
        if name.eq_ignore_ascii_case("x-forwarded-for") {
            let _ = write!(path, "{}, ", String::from_utf8_lossy(value));
        } else if passes(&request.headers, name) && !name.eq_ignore_ascii_case("expect") {
            push(&mut head, name, value);
        }
    }
    push(&mut head, "X-Forwarded-For", format!("{path}{peer}").as_bytes());
    head.extend_from_slice(b"Connection: close\r\n\r\n");
    head
}

/// The result of parsing the upstream's bytes read so far.
#[derive(Debug, PartialEq, Eq)]
pub enum ParsedAnswer {
    Part,
    Bad,
    /// An interim response (1xx) of this many bytes, before the answer.
    Interim(usize),
    Answer(Answer),
}

/// The answer's head as it is sent to the client.
#[derive(Debug, PartialEq, Eq)]
pub struct Answer {
    pub status: u16,
    pub head: Vec<u8>,
    /// The length in bytes of the upstream's own head.
    pub end: usize,
    /// The body's length; `None`: until the upstream closes.
    pub length: Option<u64>,
    pub keep_alive: bool,
}

pub fn answer_head(bytes: &[u8], request: &Request, server: &str, keep_alive: bool) -> ParsedAnswer {
    let mut headers = [httparse::EMPTY_HEADER; MAX_HEADERS];
    let mut parsed = httparse::Response::new(&mut headers);
    let end = match parsed.parse(bytes) {
        Ok(httparse::Status::Complete(end)) => end,
        Ok(httparse::Status::Partial) if bytes.len() < MAX_HEAD => return ParsedAnswer::Part,
        Ok(httparse::Status::Partial) | Err(_) => return ParsedAnswer::Bad,
    };
    let status = parsed.code.unwrap_or(0);
    match status {
        // an upgrade to another protocol was not requested
        0..100 | 101 => return ParsedAnswer::Bad,
        102..200 | 100 => return ParsedAnswer::Interim(end),
        _ => {}
    }
    let headers: Vec<_> = parsed.headers.iter().map(|h| (h.name.to_owned(), h.value.to_vec())).collect();
    let Some(body) = body(&headers) else { return ParsedAnswer::Bad };
    let length = match body {
        _ if request.is_head() || status == 204 || status == 304 => Some(0),
        Body::Length(length) => Some(length),
        Body::Chunked | Body::Nothing => None,
    };
    let keep_alive = keep_alive && request.keep_alive && length.is_some();
    let reason = parsed.reason.filter(|r| !r.is_empty()).unwrap_or_else(|| reason(status));
    let mut head = format!("HTTP/1.1 {status} {reason}\r\nServer: {server}\r\n").into_bytes();
    for (name, value) in &headers {
        if passes(&headers, name) && !name.eq_ignore_ascii_case("server") {
            push(&mut head, name, value);
        }
    }
    push(&mut head, "Connection", if keep_alive { b"keep-alive" } else { b"close" });
    head.extend_from_slice(b"\r\n");
    ParsedAnswer::Answer(Answer { status, head, end, length, keep_alive })
}

#[cfg(test)]
mod tests {
    use super::super::request::{ParsedRequest, Request};
    use super::{Answer, ParsedAnswer, answer_head, request_head};

    fn request(text: &str) -> Request {
        match Request::parse(text.as_bytes()) {
            ParsedRequest::Request(request, _) => *request,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn connection_does_not_remove_the_length_of_a_body() {
        let listed = "Connection: Content-Length, Transfer-Encoding, Host, X\r\nX: 1\r\n";
        let asked = request(&format!("POST / HTTP/1.1\r\nHost: me\r\n{listed}Content-Length: 2\r\n\r\n"));
        let head = String::from_utf8(request_head(&asked, "/", [10, 0, 0, 1].into())).expect("a text");
        assert!(head.contains("Host: me\r\nContent-Length: 2\r\n") && !head.contains("X: 1"), "{head}");
        let get = request("GET / HTTP/1.1\r\n\r\n");
        let text = format!("HTTP/1.1 200 OK\r\n{listed}Content-Length: 2\r\n\r\n");
        let ParsedAnswer::Answer(answer) = answer_head(text.as_bytes(), &get, "me", true) else { panic!("{text}") };
        assert!(String::from_utf8_lossy(&answer.head).contains("Content-Length: 2\r\n"), "{answer:?}");
    }

    #[test]
    fn hop_by_hop_headers_are_not_passed_on() {
        let asked = request(
            "POST /a HTTP/1.1\r\nHost: me\r\nConnection: X-Mine, close\r\nX-Mine: 1\r\nUpgrade: h2c\r\nExpect: 100-continue\r\nX-Forwarded-For: 1.2.3.4\r\nContent-Length: 2\r\n\r\n",
        );
        let head = request_head(&asked, "/b", [10, 0, 0, 1].into());
        assert_eq!(
            String::from_utf8_lossy(&head),
            "POST /b HTTP/1.1\r\nHost: me\r\nContent-Length: 2\r\nX-Forwarded-For: 1.2.3.4, 10.0.0.1\r\nConnection: close\r\n\r\n"
        );
    }

    #[test]
    fn the_length_of_an_answer_follows_from_its_head() {
        let get = request("GET / HTTP/1.1\r\n\r\n");
        let head = request("HEAD / HTTP/1.1\r\n\r\n");
        let parsed = |request: &Request, text: &str| match answer_head(text.as_bytes(), request, "me", true) {
            ParsedAnswer::Answer(Answer { status, length, keep_alive, .. }) => Some((status, length, keep_alive)),
            _ => None,
        };
        for (asked, text, want) in [
            (&get, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n", Some((200, Some(5), true))),
            (&head, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n", Some((200, Some(0), true))),
            (&get, "HTTP/1.0 404 Nope\r\n\r\n", Some((404, None, false))),
            (&get, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", Some((200, None, false))),
            (&get, "HTTP/1.1 304 Not Modified\r\n\r\n", Some((304, Some(0), true))),
            (&get, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n", None),
            (&get, "HTTP/1.1 101 Switching Protocols\r\n\r\n", None),
            (&get, "SSH-2.0-OpenSSH\r\n", None),
        ] {
            assert_eq!(parsed(asked, text), want, "{text}");
        }
        let text = "HTTP/1.1 200 OK\r\nServer: it\r\nX: y\r\nConnection: close\r\n\r\nbody";
        let ParsedAnswer::Answer(answer) = answer_head(text.as_bytes(), &get, "me", true) else { panic!() };
        assert_eq!(answer.head, b"HTTP/1.1 200 OK\r\nServer: me\r\nX: y\r\nConnection: close\r\n\r\n");
        assert_eq!(&text[answer.end..], "body");
        assert_eq!(answer_head(b"HTTP/1.1 100 Continue\r\n\r\n", &get, "me", true), ParsedAnswer::Interim(25));
        assert_eq!(answer_head(b"HTTP/1.1 20", &get, "me", true), ParsedAnswer::Part);
    }
}
