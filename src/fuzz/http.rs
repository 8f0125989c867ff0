//! Configuration and HTTP of the stand-ins.

use std::net::{IpAddr, Ipv4Addr};
use std::path::{Component, Path};

use crate::lab::applets::http::files::file_of;
use crate::lab::applets::http::request::{Body, MAX_HEAD, ParsedRequest, Request};
use crate::lab::applets::http::upstream::{ParsedAnswer, answer_head, request_head};
use crate::lab::applets::http::url::Url;
use crate::lab::applets::web::config::Config;
use crate::lab::applets::web::directives::apply;
use crate::lab::applets::web::include::SearchPaths;
use crate::lab::applets::web::syntax::{Directive, parse};

const PEER: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

/// A URL of a script or of a configuration. What is sent of it is one word, and makes the same URL.
pub fn url(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let Some(url) = Url::parse(text) else { return };
    let again = format!("http://{}{}", url.authority(), url.path);
    assert!(!again.contains(|c: char| c.is_whitespace() || c.is_control()), "{again:?}");
    assert_eq!(Url::parse(&again), Some(url));
}

/// A configuration in nginx's language. Directives and errors have a line of the text.
pub fn nginx_config(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let last = text.lines().count().max(1);
    match parse(text, &|_| None) {
        Ok(directives) => assert_lines(&directives, last),
        Err(e) => assert!((1..=last).contains(&e.line) && !e.what.is_empty(), "{e:?}"),
    }
    // these would open files, and look up names of hosts
    if ["include", "proxy_pass"].iter().any(|word| text.contains(word)) {
        return;
    }
    let mut config = Config::default();
    match apply(&mut config, text, &SearchPaths { base: Path::new("/nowhere"), mounts: &[] }) {
        Ok(()) => {
            assert!((1..=64).contains(&config.workers) && (1..=65_536).contains(&config.connections), "{config:?}");
            assert!(config.locations.iter().all(|location| location.prefix.starts_with('/')), "{config:?}");
        }
        Err(e) => assert!((1..=last).contains(&e.line) && !e.what.is_empty(), "{e:?}"),
    }
}

fn assert_lines(directives: &[Directive], last: usize) {
    for directive in directives {
        assert!((1..=last).contains(&directive.line), "{directive:?}");
        assert_lines(directive.block.as_deref().unwrap_or_default(), last);
    }
}

/// A request to a stand-in. It names no file outside of the root, and an upstream reads the same request.
pub fn http_request(bytes: &[u8]) {
    let ParsedRequest::Request(request, end) = Request::parse(bytes) else { return };
    assert!(end <= bytes.len().min(MAX_HEAD));
    assert_eq!(Request::parse(&bytes[..end]), ParsedRequest::Request(request.clone(), end));
    assert_eq!(Request::parse(&bytes[..end - 1]), ParsedRequest::Part);

    let root = Path::new("/srv/www");
    if let Some(file) = file_of(root, request.path()) {
        assert!(
            file.starts_with(root) && file.components().all(|part| part != Component::ParentDir),
            "{}",
            file.display()
        );
    }

    let forwarded = request_head(&request, "/x", PEER);
    let ParsedRequest::Request(seen, length) = Request::parse(&forwarded) else {
        // it has become too long, or has too many headers
        assert!(forwarded.len() > MAX_HEAD || request.headers.len() + 2 > 64, "{request:?}");
        return;
    };
    assert_eq!((length, seen.body, &seen.method), (forwarded.len(), request.body, &request.method));
    assert_eq!((seen.header("host"), seen.keep_alive), (request.header("host"), false));
}

/// An upstream's answer. The client reads the same body.
pub fn http_answer(bytes: &[u8]) {
    let asked = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n";
    let ParsedRequest::Request(get, _) = Request::parse(asked) else { panic!("a request") };
    let answer = match answer_head(bytes, &get, "web", true) {
        ParsedAnswer::Answer(answer) => answer,
        ParsedAnswer::Interim(end) => return assert!((1..=bytes.len()).contains(&end)),
        ParsedAnswer::Part | ParsedAnswer::Bad => return,
    };
    assert!((1..=bytes.len()).contains(&answer.end));
    let mut headers = [httparse::EMPTY_HEADER; 128];
    let mut seen = httparse::Response::new(&mut headers);
    let whole = httparse::Status::Complete(answer.head.len());
    assert_eq!(seen.parse(&answer.head), Ok(whole), "{}", String::from_utf8_lossy(&answer.head));
    assert_eq!(seen.code, Some(answer.status));
    let headers: Vec<_> = seen.headers.iter().map(|h| (h.name.to_owned(), h.value.to_vec())).collect();
    let body = crate::lab::applets::http::request::body(&headers);
    match answer.length {
        Some(0) if matches!(answer.status, 204 | 304) => {}
        Some(length) => assert_eq!(body, Some(Body::Length(length))),
        // the end of the connection is the end of the body
        None => assert!(!answer.keep_alive && !matches!(body, None | Some(Body::Length(_)))),
    }
}
