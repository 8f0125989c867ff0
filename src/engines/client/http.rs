//! `GET` over HTTP on a unix socket.
//!
//! It asks in HTTP/1.0, so that a server neither cuts the body into chunks nor keeps the connection: the body ends where
//! the stream ends.

use std::path::Path;

use async_io::Async;
use futures_lite::{AsyncReadExt as _, AsyncWriteExt as _};

use super::stream::connect;
use super::{failed, note_of};
use crate::engines::values::Note;

/// The largest head of an answer, in bytes. Servers in Go send at most a few hundred.
const HEAD: usize = 16 << 10;

/// An answer whose head was read.
pub struct Response {
    stream: Async<std::os::unix::net::UnixStream>,
    /// What has come of the body.
    body: Vec<u8>,
    /// Without this header the body ends with the stream.
    length: Option<usize>,
    /// The version of podman's own API; docker has none.
    pub podman: Option<String>,
}

/// Sends the request and reads the head of the answer.
///
/// # Errors
/// The engine cannot be reached, does not speak HTTP, or refuses. It gives the reason in the body.
pub async fn get(socket: &Path, target: &str, limit: usize) -> Result<Response, Note> {
    let mut stream = connect(socket).await?;
    let request = format!("GET {target} HTTP/1.0\r\nHost: localhost\r\nUser-Agent: podscope\r\n\r\n");
    stream.write_all(request.as_bytes()).await.map_err(|e| note_of("write", &e))?;
    let mut bytes = Vec::new();
    let head = loop {
        if let Some(head) = Head::parse(&bytes)? {
            break head;
        }
        if bytes.len() > HEAD {
            return Err(failed("HTTP", "the head of the answer has no end"));
        }
        if read_some(&mut stream, &mut bytes).await? == 0 {
            return Err(failed("HTTP", "the answer ends in its head"));
        }
    };
    let body = bytes.split_off(head.end);
    let response = Response { stream, body, length: head.length, podman: head.podman };
    match head.status {
        200 => Ok(response),
        401 | 403 => Err(Note::NotPermitted),
        status => {
            let body = response.body(limit.min(HEAD)).await.unwrap_or_default();
            let text = String::from_utf8_lossy(&body);
            Err(failed(&format!("HTTP status {status}"), text.trim()))
        }
    }
}

impl Response {
    /// The whole body.
    ///
    /// # Errors
    /// It is larger than the limit, or it ends early.
    pub async fn body(mut self, limit: usize) -> Result<Vec<u8>, Note> {
        let too_large = || failed("HTTP", format!("the answer is larger than {limit} bytes"));
        if self.length.is_some_and(|length| length > limit) {
            return Err(too_large());
        }
        loop {
            if let Some(length) = self.length.filter(|length| self.body.len() >= *length) {
                self.body.truncate(length);
                return Ok(self.body);
            }
            if self.body.len() > limit {
                return Err(too_large());
            }
            if read_some(&mut self.stream, &mut self.body).await? == 0 {
                return match self.length {
                    Some(_) => Err(failed("HTTP", "the answer ends early")),
                    None => Ok(self.body),
                };
            }
        }
    }

    /// The next line of a body that goes on; `None` at its end.
    ///
    /// # Errors
    /// A line is longer than the limit.
    pub async fn line(&mut self, limit: usize) -> Result<Option<Vec<u8>>, Note> {
        let mut searched = 0;
        loop {
            if let Some(at) = self.body[searched..].iter().position(|b| *b == b'\n') {
                let rest = self.body.split_off(searched + at + 1);
                return Ok(Some(std::mem::replace(&mut self.body, rest)));
            }
            searched = self.body.len();
            if searched > limit {
                return Err(failed("HTTP", format!("a line is longer than {limit} bytes")));
            }
            if read_some(&mut self.stream, &mut self.body).await? == 0 {
                return Ok(None);
            }
        }
    }
}

async fn read_some(stream: &mut Async<std::os::unix::net::UnixStream>, into: &mut Vec<u8>) -> Result<usize, Note> {
    // not in the future itself, which would be large
    let mut buffer = vec![0; 16 << 10];
    let read = stream.read(&mut buffer).await.map_err(|e| note_of("read", &e))?;
    into.extend_from_slice(&buffer[..read]);
    Ok(read)
}

/// The head of an answer.
#[derive(Debug, PartialEq, Eq)]
struct Head {
    status: u16,
    length: Option<usize>,
    podman: Option<String>,
    /// Where the body begins.
    end: usize,
}

impl Head {
    /// `None` if more is to come.
    fn parse(bytes: &[u8]) -> Result<Option<Self>, Note> {
        let mut headers = [httparse::EMPTY_HEADER; 64];
        let mut response = httparse::Response::new(&mut headers);
        match response.parse(bytes) {
            Ok(httparse::Status::Complete(end)) => {
                let header = |name: &str| response.headers.iter().find(|h| h.name.eq_ignore_ascii_case(name));
                if header("Transfer-Encoding").is_some() {
                    return Err(failed("HTTP", "the answer is in chunks, which HTTP/1.0 does not have"));
                }
                let length = match header("Content-Length") {
                    Some(length) => {
                        let text = std::str::from_utf8(length.value).ok().and_then(|text| text.trim().parse().ok());
                        Some(text.ok_or_else(|| failed("HTTP", "the length of the answer is no number"))?)
                    }
                    None => None,
                };
                let podman = header("Libpod-Api-Version").and_then(|h| std::str::from_utf8(h.value).ok());
                let is_version = |text: &&str| text.bytes().all(|b| b.is_ascii_digit() || b == b'.');
                let podman = podman.filter(is_version).map(str::to_owned);
                Ok(Some(Self { status: response.code.unwrap_or_default(), length, podman, end }))
            }
            Ok(httparse::Status::Partial) => Ok(None),
            Err(e) => Err(failed("HTTP", e)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn heads_are_read() {
        let docker = b"HTTP/1.0 200 OK\r\nServer: Docker/20.10.24 (linux)\r\nContent-Length: 2\r\n\r\n[]";
        let want = Head { status: 200, length: Some(2), podman: None, end: docker.len() - 2 };
        assert_eq!(Head::parse(docker), Ok(Some(want)));
        let podman = b"HTTP/1.0 404 Not Found\r\nLibpod-Api-Version: 4.3.1\r\n\r\n";
        let want = Head { status: 404, length: None, podman: Some("4.3.1".to_owned()), end: podman.len() };
        assert_eq!(Head::parse(podman), Ok(Some(want)));
        for part in [&b""[..], b"HTTP/1.0 200", &docker[..40]] {
            assert_eq!(Head::parse(part), Ok(None));
        }
        for wrong in [
            &b"SSH-2.0-OpenSSH\r\n"[..],
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
            b"HTTP/1.0 200 OK\r\nContent-Length: -1\r\n\r\n",
        ] {
            assert!(matches!(Head::parse(wrong), Err(Note::Failed(_))), "{}", String::from_utf8_lossy(wrong));
        }
    }
}
