//! A page over HTTP as anybody on the host gets it: how scripts see that a host port leads into a pod.

use std::io;

use crate::command::Outcome;
use crate::lab::Url;

/// As the answer to [`Command::Fetch`](crate::command::Command::Fetch).
pub fn outcome(url: &Url) -> Outcome {
    match fetch(url) {
        Ok(page) => Outcome::Output(page),
        Err(e) => Outcome::Failed(format!("http://{}{}: {e}", url.authority(), url.path)),
    }
}

/// The status line, an empty line, and the page. Whatever the status: a 404 is an answer.
///
/// # Errors
/// Nobody listens there, or does not answer, or not in HTTP.
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

    /// What comes of this answer.
    fn told(answer: &'static str) -> Result<String, String> {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let url = format!("http://{}/a", listener.local_addr().expect("an address"));
        let server = std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().expect("a connection");
            let mut asked = vec![0; 15];
            stream.read_exact(&mut asked).expect("a request");
            assert_eq!(asked, b"GET /a HTTP/1.0");
            stream.write_all(answer.as_bytes()).expect("written");
            // what was not read would turn the close into a reset
            stream.shutdown(std::net::Shutdown::Write).expect("shut");
            let _ = stream.read_to_end(&mut asked);
        });
        let told = fetch(&Url::parse(&url).expect("a URL")).map_err(|e| e.to_string());
        server.join().expect("no panic");
        told
    }

    #[test]
    fn a_page_comes_with_its_status() {
        assert_eq!(told("HTTP/1.1 200 OK\r\nX: y\r\n\r\nhello\n"), Ok("HTTP/1.1 200 OK\n\nhello\n".into()));
        assert_eq!(told("HTTP/1.0 404 Not Found\r\n\r\n"), Ok("HTTP/1.0 404 Not Found\n\n".into()));
        assert_eq!(told("SSH-2.0\r\n"), Err("the answer is not HTTP".into()));
    }
}
