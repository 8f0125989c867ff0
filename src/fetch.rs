//! Fetches a page over HTTP from the host's network. Scripts check with it that a host port leads into a pod.

use std::io;

use crate::command::Outcome;
use crate::lab::Url;

/// Fetches a page. The outcome of [`Command::Fetch`](crate::command::Command::Fetch).
pub fn outcome(url: &Url) -> Outcome {
    match fetch(url) {
        Ok(page) => Outcome::Output(page),
        Err(e) => Outcome::Failed(format!("http://{}{}: {e}", url.authority(), url.path)),
    }
}

/// The status line, an empty line, and the page. Any status is a success, also a 404.
///
/// # Errors
/// Nothing listens there, or the server does not answer, or not in HTTP.
pub fn fetch(url: &Url) -> io::Result<String> {
    let answer = url.get("podscope")?;
    let (head, page) = answer.split_once("\r\n\r\n").unwrap_or((&answer, ""));
    match head.lines().next().filter(|status| status.starts_with("HTTP/")) {
        Some(status) => Ok(format!("{status}\n\n{page}")),
        None => Err(io::Error::new(io::ErrorKind::InvalidData, "the answer is not HTTP")),
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Read as _, Write as _};
    use std::net::TcpListener;

    use super::fetch;
    use crate::lab::Url;

    /// Fetches a page from a server that sends this answer.
    fn fetch_from(answer: &'static str) -> Result<String, String> {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let url = format!("http://{}/a", listener.local_addr().expect("an address"));
        let server = std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().expect("a connection");
            let mut request = vec![0; 15];
            stream.read_exact(&mut request).expect("a request");
            assert_eq!(request, b"GET /a HTTP/1.0");
            stream.write_all(answer.as_bytes()).expect("written");
            // unread data would turn the close into a reset
            stream.shutdown(std::net::Shutdown::Write).expect("shut");
            let _ = stream.read_to_end(&mut request);
        });
        let page = fetch(&Url::parse(&url).expect("a URL")).map_err(|e| e.to_string());
        server.join().expect("no panic");
        page
    }

    #[test]
    fn a_page_is_returned_with_its_status_line() {
        assert_eq!(fetch_from("HTTP/1.1 200 OK\r\nX: y\r\n\r\nhello\n"), Ok("HTTP/1.1 200 OK\n\nhello\n".into()));
        assert_eq!(fetch_from("HTTP/1.0 404 Not Found\r\n\r\n"), Ok("HTTP/1.0 404 Not Found\n\n".into()));
        assert_eq!(fetch_from("SSH-2.0\r\n"), Err("the answer is not HTTP".into()));
    }
}
