//! A client that fetches a page every so often and says in a line what it got.
//!
//! `--url URL` (`http://localhost/`), `--every TIME` (5s).

use std::io::{self, Read as _, Write as _};
use std::net::TcpStream;
use std::thread::sleep;
use std::time::Duration;

use nix::sys::prctl;

use super::http::url::Url;
use super::options::Options;
use super::{end_on_term_as_init, say, usage};

/// How long to wait for a connection or for the next bytes.
const PATIENCE: Duration = Duration::from_secs(2);
/// Of a page, no more is read than this.
const MOST: u64 = 64 * 1024;

pub fn main(args: &[String]) -> i32 {
    let read = || -> Result<(String, Url, Duration), String> {
        let options = Options::read(args, &["url", "every"], &[])?;
        let text = options.get("url").unwrap_or("http://localhost/");
        let url = Url::parse(text).ok_or_else(|| format!("--url is \"{text}\"; expected http://HOST[:PORT]/PATH"))?;
        let every = options.duration("every", Duration::from_secs(5))?;
        Ok((text.to_owned(), url, every.max(Duration::from_millis(100))))
    };
    let (text, url, every) = match read() {
        Ok(read) => read,
        Err(why) => return usage("client", &why),
    };
    let _ = prctl::set_name(c"client");
    end_on_term_as_init();
    loop {
        match get(&url) {
            Ok(answer) => say(format_args!("GET {text}: {answer}")),
            Err(e) => say(format_args!("GET {text}: {e}")),
        }
        sleep(every);
    }
}

/// The status and the first line of the page.
fn get(url: &Url) -> io::Result<String> {
    let mut stream = connect(url)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    let path = if url.path.is_empty() { "/" } else { &url.path };
    // 1.0, so that no server sends the page in chunks
    let request = format!("GET {path} HTTP/1.0\r\nHost: {}\r\nUser-Agent: podscope-client\r\n\r\n", url.authority());
    stream.write_all(request.as_bytes())?;
    let mut answer = Vec::new();
    stream.take(MOST).read_to_end(&mut answer)?;
    Ok(in_short(&String::from_utf8_lossy(&answer)))
}

fn in_short(answer: &str) -> String {
    let (head, body) = answer.split_once("\r\n\r\n").unwrap_or((answer, ""));
    let status = head.lines().next().and_then(|line| line.strip_prefix("HTTP/1."));
    let status = status.and_then(|rest| rest.split_once(' ')).map_or("no HTTP", |(_, status)| status);
    format!("{status}: {}", body.lines().next().unwrap_or("an empty page"))
}

/// To the first address that takes the connection.
fn connect(url: &Url) -> io::Result<TcpStream> {
    let mut last = io::ErrorKind::NotFound.into();
    for address in url.addresses()? {
        match TcpStream::connect_timeout(&address, PATIENCE) {
            Ok(stream) => return Ok(stream),
            Err(e) => last = e,
        }
    }
    Err(last)
}

#[cfg(test)]
mod tests {
    use super::in_short;

    #[test]
    fn an_answer_in_a_line() {
        for (answer, want) in [
            ("HTTP/1.1 200 OK\r\nX: y\r\n\r\nhello pod\nmore\n", "200 OK: hello pod"),
            ("HTTP/1.0 404 Not Found\r\n\r\n", "404 Not Found: an empty page"),
            ("SSH-2.0\r\n", "no HTTP: an empty page"),
            ("", "no HTTP: an empty page"),
        ] {
            assert_eq!(in_short(answer), want);
        }
    }
}
