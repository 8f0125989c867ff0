//! Parses requests.

/// The greatest length of a head, of a request or an answer.
pub const MAX_HEAD: usize = 16 * 1024;
pub const MAX_HEADERS: usize = 64;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    pub method: String,
    /// Path and query as sent.
    pub target: String,
    /// The minor version of HTTP/1.
    pub version: u8,
    pub headers: Vec<(String, Vec<u8>)>,
    pub body: Body,
    /// Whether the client may send another request on the same connection.
    pub keep_alive: bool,
}

/// The body that follows a head.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Body {
    Nothing,
    Length(u64),
    Chunked,
}

/// The result of parsing the bytes read so far.
#[derive(Debug, PartialEq, Eq)]
pub enum ParsedRequest {
    /// A request, and how many bytes its head takes.
    Request(Box<Request>, usize),
    /// An incomplete request.
    Part,
    /// Not HTTP, or contradictory.
    Bad,
}

impl Request {
    pub fn parse(bytes: &[u8]) -> ParsedRequest {
        let mut headers = [httparse::EMPTY_HEADER; MAX_HEADERS];
        let mut parsed = httparse::Request::new(&mut headers);
        match parsed.parse(bytes) {
            Ok(httparse::Status::Complete(end)) if end <= MAX_HEAD => Self::understand(&parsed)
                .map_or(ParsedRequest::Bad, |request| ParsedRequest::Request(Box::new(request), end)),
            Ok(httparse::Status::Partial) if bytes.len() < MAX_HEAD => ParsedRequest::Part,
            Ok(_) | Err(_) => ParsedRequest::Bad,
        }
    }

    fn understand(parsed: &httparse::Request<'_, '_>) -> Option<Self> {
        let headers: Vec<_> = parsed.headers.iter().map(|h| (h.name.to_owned(), h.value.to_vec())).collect();
        let version = parsed.version?;
        let body = body(&headers)?;
        let target = parsed.path?;
        // a request to a proxy contains the whole URL (RFC 9112, 3.2.2)
        let target = match target.strip_prefix("http://") {
            Some(rest) => rest.find('/').map_or("/", |at| &rest[at..]),
            None => target,
        };
        let keep_alive = if version == 0 {
            lists(&headers, "connection", "keep-alive")
        } else {
            !lists(&headers, "connection", "close")
        };
        Some(Self {
            method: parsed.method?.to_owned(),
            target: target.to_owned(),
            version,
            // after a request with a body the connection is closed, so that the body need not be skipped
            keep_alive: keep_alive && body == Body::Nothing,
            headers,
            body,
        })
    }

    /// The value of the first header with this name, or an empty text. Case does not matter.
    pub fn header(&self, name: &str) -> String {
        let found = self.headers.iter().find(|(n, _)| n.eq_ignore_ascii_case(name));
        found.map_or(String::new(), |(_, value)| String::from_utf8_lossy(value).into_owned())
    }

    /// Whether the client asks only for the head.
    pub fn is_head(&self) -> bool {
        self.method == "HEAD"
    }

    pub fn path(&self) -> &str {
        self.target.split(['?', '#']).next().unwrap_or_default()
    }

    /// Whether the client waits for `100 Continue` before it sends the body.
    pub fn expects_continue(&self) -> bool {
        self.version > 0 && self.body != Body::Nothing && lists(&self.headers, "expect", "100-continue")
    }
}

/// Whether a header that is a list contains this word.
pub fn lists(headers: &[(String, Vec<u8>)], name: &str, word: &str) -> bool {
    headers
        .iter()
        .filter(|(n, _)| n.eq_ignore_ascii_case(name))
        .any(|(_, value)| String::from_utf8_lossy(value).split(',').any(|part| part.trim().eq_ignore_ascii_case(word)))
}

/// The body that the headers announce. `None` if lengths contradict each other: two servers could read them
/// differently.
pub fn body(headers: &[(String, Vec<u8>)]) -> Option<Body> {
    let values = |name: &'static str| {
        headers.iter().filter(move |(n, _)| n.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_slice())
    };
    let mut body = Body::Nothing;
    for value in values("content-length") {
        let digits = value.iter().all(u8::is_ascii_digit);
        let length = Body::Length(std::str::from_utf8(value).ok().filter(|_| digits)?.parse().ok()?);
        if body != Body::Nothing && body != length {
            return None;
        }
        body = length;
    }
    for value in values("transfer-encoding") {
        if body != Body::Nothing || !value.eq_ignore_ascii_case(b"chunked") {
            return None;
        }
        body = Body::Chunked;
    }
    Some(body)
}

#[cfg(test)]
mod tests {
    use super::{Body, MAX_HEAD, ParsedRequest, Request};

    fn request(text: &str) -> Request {
        match Request::parse(text.as_bytes()) {
            ParsedRequest::Request(request, _) => *request,
            other => panic!("{text}: {other:?}"),
        }
    }

    #[test]
    fn requests_are_parsed_one_after_the_other() {
        let first = b"GET /a HTTP/1.1\r\nHost: x\r\n\r\n";
        let wire = [&first[..], b"HEAD / HTTP/1.0\r\n"].concat();
        let ParsedRequest::Request(a, end) = Request::parse(&wire) else { panic!("no request") };
        assert_eq!((a.method.as_str(), a.target.as_str(), a.keep_alive, end), ("GET", "/a", true, first.len()));
        assert_eq!(Request::parse(&wire[end..]), ParsedRequest::Part);
        assert_eq!(Request::parse(b""), ParsedRequest::Part);
        assert_eq!(Request::parse(b"\x16\x03 not http\r\n"), ParsedRequest::Bad);
        assert_eq!(Request::parse(&vec![b'a'; MAX_HEAD * 2]), ParsedRequest::Bad);
        assert_eq!(request("GET http://a.b/c?d HTTP/1.1\r\n\r\n").target, "/c?d");
        assert_eq!(request("GET /c?d/e HTTP/1.1\r\n\r\n").path(), "/c");
    }

    #[test]
    fn keep_alive_depends_on_version_and_header() {
        for (line, header, kept) in [
            ("GET / HTTP/1.1", "X: y", true),
            ("GET / HTTP/1.1", "Connection: x, Close", false),
            ("GET / HTTP/1.0", "X: y", false),
            ("GET / HTTP/1.0", "connection: Keep-Alive", true),
            ("POST / HTTP/1.1", "Content-Length: 2", false),
        ] {
            assert_eq!(request(&format!("{line}\r\n{header}\r\n\r\n")).keep_alive, kept, "{line} {header}");
        }
    }

    #[test]
    fn contradictory_lengths_are_refused() {
        for (headers, want) in [
            ("X: y", Some(Body::Nothing)),
            ("Content-Length: 5", Some(Body::Length(5))),
            ("Content-Length: 5\r\nContent-Length: 5", Some(Body::Length(5))),
            ("Content-Length: 5\r\nContent-Length: 6", None),
            ("Content-Length: +5", None),
            ("Content-Length: -5", None),
            ("Content-Length: 99999999999999999999", None),
            ("Transfer-Encoding: Chunked", Some(Body::Chunked)),
            ("Transfer-Encoding: gzip, chunked", None),
            ("Transfer-Encoding: chunked\r\nContent-Length: 5", None),
        ] {
            let text = format!("POST / HTTP/1.1\r\n{headers}\r\n\r\n");
            let got = match Request::parse(text.as_bytes()) {
                ParsedRequest::Request(request, _) => Some(request.body),
                _ => None,
            };
            assert_eq!(got, want, "{headers}");
        }
    }
}
