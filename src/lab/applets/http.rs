//! As much of HTTP/1.1 as a static file server needs.

use std::fs::File;
use std::io::{self, Read, Write};
use std::path::{Component, Path, PathBuf};

/// A request's head may be this long.
const MAX_HEAD: usize = 16 * 1024;

#[derive(Debug, PartialEq, Eq)]
pub struct Request {
    pub method: String,
    /// Path and query as sent.
    pub target: String,
    /// The minor version of HTTP/1.
    pub version: u8,
    pub keep_alive: bool,
    pub referer: String,
    pub agent: String,
}

/// What reading a request came to.
#[derive(Debug, PartialEq, Eq)]
pub enum Heard {
    Request(Request),
    /// The client has gone, or was silent for too long.
    Nothing,
    /// Not HTTP.
    Bad,
}

/// Reads the next request; `buffer` keeps what was read beyond it.
pub fn hear(stream: &mut impl Read, buffer: &mut Vec<u8>) -> io::Result<Heard> {
    let mut chunk = [0; 4096];
    loop {
        let mut headers = [httparse::EMPTY_HEADER; 64];
        let mut parsed = httparse::Request::new(&mut headers);
        match parsed.parse(buffer) {
            Ok(httparse::Status::Complete(end)) => {
                let request = understood(&parsed);
                buffer.drain(..end);
                return Ok(Heard::Request(request));
            }
            Ok(httparse::Status::Partial) if buffer.len() < MAX_HEAD => {}
            Ok(httparse::Status::Partial) | Err(_) => return Ok(Heard::Bad),
        }
        match stream.read(&mut chunk) {
            Ok(0) => return Ok(Heard::Nothing),
            Ok(n) => buffer.extend_from_slice(&chunk[..n]),
            Err(e) if matches!(e.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut) => {
                return Ok(Heard::Nothing);
            }
            Err(e) => return Err(e),
        }
    }
}

fn understood(parsed: &httparse::Request<'_, '_>) -> Request {
    let header = |name: &str| {
        let found = parsed.headers.iter().find(|h| h.name.eq_ignore_ascii_case(name));
        found.map_or(String::new(), |h| String::from_utf8_lossy(h.value).into_owned())
    };
    let version = parsed.version.unwrap_or(0);
    let connection = header("connection").to_ascii_lowercase();
    // a body would have to be skipped; whoever sends one gets the connection closed
    let body = !header("content-length").is_empty() || !header("transfer-encoding").is_empty();
    Request {
        method: parsed.method.unwrap_or_default().to_owned(),
        target: parsed.path.unwrap_or_default().to_owned(),
        version,
        keep_alive: !body && if version == 0 { connection == "keep-alive" } else { connection != "close" },
        referer: header("referer"),
        agent: header("user-agent"),
    }
}

/// The file a target names below `root`, if it does not climb.
pub fn file_of(root: &Path, target: &str) -> Option<PathBuf> {
    let path = target.split(['?', '#']).next().unwrap_or_default();
    let path = decode(path)?;
    let mut file = root.to_owned();
    for part in Path::new(path.trim_start_matches('/')).components() {
        match part {
            Component::Normal(name) => file.push(name),
            Component::CurDir => {}
            _ => return None,
        }
    }
    if path.ends_with('/') || path.is_empty() {
        file.push("index.html");
    }
    Some(file)
}

fn decode(path: &str) -> Option<String> {
    let mut out = Vec::with_capacity(path.len());
    let mut bytes = path.bytes();
    while let Some(b) = bytes.next() {
        if b == b'%' {
            let digits = [bytes.next()?, bytes.next()?];
            out.push(u8::from_str_radix(std::str::from_utf8(&digits).ok()?, 16).ok()?);
        } else {
            out.push(b);
        }
    }
    String::from_utf8(out).ok().filter(|p| !p.contains('\0'))
}

fn reason(status: u16) -> &'static str {
    match status {
        200 => "OK",
        301 => "Moved Permanently",
        400 => "Bad Request",
        403 => "Forbidden",
        404 => "Not Found",
        405 => "Method Not Allowed",
        _ => "Internal Server Error",
    }
}

fn kind_of(path: &Path) -> &'static str {
    match path.extension().and_then(|e| e.to_str()) {
        Some("html" | "htm") => "text/html",
        Some("css") => "text/css",
        Some("js") => "text/javascript",
        Some("json") => "application/json",
        Some("png") => "image/png",
        Some("svg") => "image/svg+xml",
        Some("txt" | "log") => "text/plain",
        _ => "application/octet-stream",
    }
}

/// Answers a request from `root`; the status and the body's length, for the log.
pub fn answer(stream: &mut impl Write, root: &Path, request: &Request) -> io::Result<(u16, u64)> {
    if request.method != "GET" && request.method != "HEAD" {
        return plain(stream, request, 405);
    }
    let Some(path) = file_of(root, &request.target) else { return plain(stream, request, 400) };
    let file = match File::open(&path) {
        Ok(file) => file,
        Err(e) if e.kind() == io::ErrorKind::PermissionDenied => return plain(stream, request, 403),
        Err(_) if path.ends_with("index.html") && request.target.split('?').next() == Some("/") => {
            return page(stream, request, 200, "text/html", WELCOME.as_bytes());
        }
        Err(_) => return plain(stream, request, 404),
    };
    let meta = file.metadata()?;
    if meta.is_dir() {
        return plain(stream, request, 403);
    }
    let length = meta.len();
    head(stream, request, 200, kind_of(&path), length)?;
    if request.method == "HEAD" {
        return Ok((200, 0));
    }
    let sent = io::copy(&mut file.take(length), stream)?;
    stream.flush()?;
    Ok((200, sent))
}

/// What is served at `/` as long as nobody has put anything there.
const WELCOME: &str = "<!doctype html>\n<title>Podscope</title>\n<h1>It works</h1>\n<p>This is Podscope's stand-in for a web server. Put an index.html into its directory to see it here.\n";

/// A short page that names the status.
pub fn plain(stream: &mut impl Write, request: &Request, status: u16) -> io::Result<(u16, u64)> {
    let text = format!("<!doctype html>\n<title>{status}</title>\n<h1>{status} {}</h1>\n", reason(status));
    page(stream, request, status, "text/html", text.as_bytes())
}

fn page(stream: &mut impl Write, request: &Request, status: u16, kind: &str, body: &[u8]) -> io::Result<(u16, u64)> {
    head(stream, request, status, kind, body.len() as u64)?;
    if request.method == "HEAD" {
        return Ok((status, 0));
    }
    stream.write_all(body)?;
    Ok((status, body.len() as u64))
}

fn head(stream: &mut impl Write, request: &Request, status: u16, kind: &str, length: u64) -> io::Result<()> {
    let connection = if request.keep_alive { "keep-alive" } else { "close" };
    let head = format!(
        "HTTP/1.1 {status} {}\r\nServer: podscope-web\r\nContent-Type: {kind}\r\nContent-Length: {length}\r\nConnection: {connection}\r\n\r\n",
        reason(status)
    );
    stream.write_all(head.as_bytes())
}

#[cfg(test)]
mod tests {
    use std::path::{Path, PathBuf};

    use super::{Heard, answer, file_of, hear};

    #[test]
    fn no_target_leads_out_of_the_root() {
        let root = Path::new("/r");
        for target in ["/../etc/passwd", "/a/../../x", "/%2e%2e/x", "/..%2fx", "/%zz", "/%00"] {
            assert_eq!(file_of(root, target), None, "{target}");
        }
        for (target, file) in [
            ("/", "/r/index.html"),
            ("/a/", "/r/a/index.html"),
            ("/a%20b.txt?q=../..", "/r/a b.txt"),
            ("//etc/passwd", "/r/etc/passwd"),
            ("/./a", "/r/a"),
        ] {
            assert_eq!(file_of(root, target), Some(PathBuf::from(file)), "{target}");
        }
    }

    #[test]
    fn requests_are_read_one_after_the_other() {
        let mut wire: &[u8] = b"GET /a HTTP/1.1\r\nHost: x\r\n\r\nHEAD / HTTP/1.0\r\nUser-Agent: t\r\n\r\n";
        let mut buffer = Vec::new();
        let Heard::Request(a) = hear(&mut wire, &mut buffer).expect("read") else { panic!("no request") };
        assert_eq!((a.method.as_str(), a.target.as_str(), a.keep_alive), ("GET", "/a", true));
        let Heard::Request(b) = hear(&mut wire, &mut buffer).expect("read") else { panic!("no request") };
        assert_eq!((b.method.as_str(), b.agent.as_str(), b.keep_alive), ("HEAD", "t", false));
        assert_eq!(hear(&mut wire, &mut buffer).expect("read"), Heard::Nothing);
        assert_eq!(hear(&mut &b"\x16\x03 not http\r\n"[..], &mut Vec::new()).expect("read"), Heard::Bad);
        let long = vec![b'a'; super::MAX_HEAD * 2];
        assert_eq!(hear(&mut &long[..], &mut Vec::new()).expect("read"), Heard::Bad);
    }

    #[test]
    fn statuses_are_as_people_know_them() {
        let dir = tempfile::tempdir().expect("a directory");
        std::fs::write(dir.path().join("index.html"), "hello pod\n").expect("written");
        std::fs::create_dir(dir.path().join("d")).expect("made");
        for (line, want, body) in [
            ("GET / HTTP/1.1", 200, "hello pod\n"),
            ("GET /nope HTTP/1.1", 404, ""),
            ("GET /d HTTP/1.1", 403, ""),
            ("GET /../x HTTP/1.1", 400, ""),
            ("POST / HTTP/1.1", 405, ""),
        ] {
            let wire = format!("{line}\r\nConnection: close\r\n\r\n");
            let Heard::Request(request) = hear(&mut wire.as_bytes(), &mut Vec::new()).expect("read") else {
                panic!("{line}")
            };
            let mut out = Vec::new();
            let (status, _) = answer(&mut out, dir.path(), &request).expect("answered");
            let text = String::from_utf8(out).expect("text");
            assert_eq!(status, want, "{line}");
            assert!(text.starts_with(&format!("HTTP/1.1 {want} ")) && text.ends_with(body), "{text}");
        }
    }
}
