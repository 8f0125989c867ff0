//! Serves static files.

use std::fs::OpenOptions;
use std::io::ErrorKind;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Component, Path, PathBuf};

use super::reply::{Page, Reply};
use super::request::Request;

/// Answers a request from the files below `root`.
pub fn answer(root: &Path, request: &Request) -> Reply {
    Reply::Page(match find(root, request) {
        Ok(reply) => return reply,
        Err(page) => page,
    })
}

fn find(root: &Path, request: &Request) -> Result<Reply, Page> {
    if request.method != "GET" && !request.is_head() {
        return Err(Page::plain(405));
    }
    let path = file_of(root, request.path()).ok_or_else(|| Page::plain(400))?;
    // without O_NONBLOCK, opening a FIFO in the directory would block
    let opened = OpenOptions::new().read(true).custom_flags(libc::O_NONBLOCK | libc::O_CLOEXEC).open(&path);
    let index = request.path().ends_with('/');
    let file = opened.map_err(|e| match e.kind() {
        ErrorKind::PermissionDenied => Page::plain(403),
        _ if request.path() == "/" => Page::html(200, WELCOME.to_owned()),
        // as nginx does: the directory exists but is not listed
        _ if index && path.parent().is_some_and(Path::is_dir) => Page::plain(403),
        _ => Page::plain(404),
    })?;
    let meta = file.metadata().map_err(|_| Page::plain(500))?;
    if !meta.is_file() {
        return Err(Page::plain(403));
    }
    Ok(Reply::File { kind: kind_of(&path), file, length: meta.len() })
}

/// The page that is served at `/` if there is no index.html.
const WELCOME: &str = "<!doctype html>\n<title>Podscope</title>\n<h1>It works</h1>\n<p>This is Podscope's stand-in for a web server. Put an index.html into its directory to see it here.\n";

/// The file that a path names below `root`; `None` if the path leads out of it.
pub fn file_of(root: &Path, path: &str) -> Option<PathBuf> {
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
            let mut digit = || char::from(bytes.next()?).to_digit(16);
            out.push((digit()? * 16 + digit()?) as u8);
        } else {
            out.push(b);
        }
    }
    String::from_utf8(out).ok().filter(|p| !p.contains('\0'))
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

#[cfg(test)]
mod tests {
    use std::path::{Path, PathBuf};

    use super::super::reply::Reply;
    use super::super::request::{ParsedRequest, Request};
    use super::{answer, file_of};

    #[test]
    fn no_path_leads_out_of_the_root() {
        let root = Path::new("/r");
        for path in ["/../etc/passwd", "/a/../../x", "/%2e%2e/x", "/..%2fx", "/%zz", "/%+1", "/%00"] {
            assert_eq!(file_of(root, path), None, "{path}");
        }
        for (path, file) in [
            ("/", "/r/index.html"),
            ("/a/", "/r/a/index.html"),
            ("/a%20b.txt", "/r/a b.txt"),
            ("//etc/passwd", "/r/etc/passwd"),
            ("/./a", "/r/a"),
        ] {
            assert_eq!(file_of(root, path), Some(PathBuf::from(file)), "{path}");
        }
    }

    #[test]
    fn requests_get_the_usual_statuses() {
        let dir = tempfile::tempdir().expect("a directory");
        std::fs::write(dir.path().join("index.html"), "hello pod\n").expect("written");
        std::fs::create_dir(dir.path().join("d")).expect("made");
        nix::unistd::mkfifo(&dir.path().join("pipe"), nix::sys::stat::Mode::S_IRWXU).expect("made");
        for (line, want) in [
            ("GET /", Ok(10)),
            ("HEAD /?q=../..", Ok(10)),
            ("GET /nope", Err(404)),
            ("GET /nope/", Err(404)),
            ("GET /d", Err(403)),
            ("GET /d/", Err(403)),
            ("GET /pipe", Err(403)),
            ("GET /../x", Err(400)),
            ("POST /", Err(405)),
        ] {
            let ParsedRequest::Request(request, _) = Request::parse(format!("{line} HTTP/1.1\r\n\r\n").as_bytes())
            else {
                panic!("{line}")
            };
            let got = match answer(dir.path(), &request) {
                Reply::File { length, .. } => Ok(length),
                Reply::Page(page) => Err(page.status),
                Reply::Proxied(_) => panic!("{line}"),
            };
            assert_eq!(got, want, "{line}");
        }
        std::fs::remove_file(dir.path().join("index.html")).expect("removed");
        let ParsedRequest::Request(request, _) = Request::parse(b"GET / HTTP/1.1\r\n\r\n") else { panic!() };
        assert!(matches!(answer(dir.path(), &request), Reply::Page(page) if page.status == 200));
    }
}
