//! Calls over gRPC on a unix socket (`doc/PROTOCOL-HTTP2.md` of gRPC).

use std::future::Future;
use std::io::Cursor;
use std::path::Path;

use futures_lite::FutureExt as _;
use h2::RecvStream;
use h2::client::{Connection, ResponseFuture, SendRequest};
use http::{HeaderMap, Request};

use super::failed;
use super::stream::{ForH2, connect};
use crate::engines::values::Note;

/// `UNIMPLEMENTED`: no such service or method.
const UNIMPLEMENTED: &str = "12";
/// `PERMISSION_DENIED` and `UNAUTHENTICATED`.
const DENIED: [&str; 2] = ["7", "16"];

/// A connection on which calls are made while [`drive`] runs.
#[derive(Clone)]
pub struct Channel(SendRequest<Frame>);

/// What `h2` sends.
type Frame = Cursor<Vec<u8>>;

/// Connects.
pub async fn open(socket: &Path) -> Result<(Channel, Connection<ForH2, Frame>), Note> {
    let stream = ForH2(connect(socket).await?);
    let (send, connection) = h2::client::Builder::new()
        // a list of a thousand containers is more than the 64 kB that HTTP/2 begins with
        .initial_window_size(1 << 20)
        .initial_connection_window_size(1 << 20)
        .enable_push(false)
        .handshake(stream)
        .await
        .map_err(|e| failed("HTTP/2", e))?;
    Ok((Channel(send), connection))
}

/// Does the work while the connection lives.
pub async fn drive<T>(
    connection: Connection<ForH2, Frame>,
    work: impl Future<Output = Result<T, Note>>,
) -> Result<T, Note> {
    let ended = async {
        match connection.await {
            Ok(()) => Err(failed("HTTP/2", "the engine has closed the connection")),
            Err(e) => Err(failed("HTTP/2", e)),
        }
    };
    work.or(ended).await
}

impl Channel {
    /// A call with one answer. `method` is `/package.Service/Method`; request and answer are messages of Protocol
    /// Buffers.
    ///
    /// # Errors
    /// [`Note::NotThere`] if the engine has no such method.
    pub async fn call(&self, method: &str, request: &[u8], limit: usize) -> Result<Vec<u8>, Note> {
        let mut answers = self.stream(method, request, limit).await?;
        let answer = answers.next().await?.ok_or_else(|| failed(method, "no answer"))?;
        // the status of the call comes after it
        match answers.next().await? {
            None => Ok(answer),
            Some(_) => Err(failed(method, "more than one answer")),
        }
    }

    /// A call with any number of answers.
    pub async fn stream(&self, method: &str, request: &[u8], limit: usize) -> Result<Answers, Note> {
        let error = |e: h2::Error| failed(method, e);
        let head = Request::post(format!("http://localhost{method}"))
            .header("content-type", "application/grpc")
            .header("te", "trailers")
            .body(())
            .map_err(|e| failed(method, e))?;
        let mut send = self.0.clone().ready().await.map_err(error)?;
        let (response, mut body) = send.send_request(head, false).map_err(error)?;
        body.send_data(frame(request), true).map_err(error)?;
        let method = method.to_owned();
        Ok(Answers { method, limit, state: State::Waiting(response), received: Vec::new() })
    }
}

/// A message after a byte that says that it is not compressed, and its length.
fn frame(message: &[u8]) -> Frame {
    let length = (message.len() as u32).to_be_bytes();
    Cursor::new([&[0], &length[..], message].concat())
}

/// The answers to one call.
pub struct Answers {
    method: String,
    limit: usize,
    state: State,
    received: Vec<u8>,
}

enum State {
    /// A server may send the head only with the first answer.
    Waiting(ResponseFuture),
    Body(RecvStream),
    Ended,
}

impl Answers {
    /// The next answer; `None` if the call has ended well.
    pub async fn next(&mut self) -> Result<Option<Vec<u8>>, Note> {
        loop {
            if let Some(message) = self.take_frame()? {
                return Ok(Some(message));
            }
            let data = match &mut self.state {
                State::Waiting(response) => {
                    let response = response.await.map_err(|e| failed(&self.method, e))?;
                    // an error alone has its status in the head
                    if response.headers().contains_key("grpc-status") {
                        self.state = State::Ended;
                        check(&self.method, response.headers())?;
                        continue;
                    }
                    if response.status() != 200 {
                        return Err(failed(&self.method, format!("HTTP status {}", response.status())));
                    }
                    self.state = State::Body(response.into_body());
                    continue;
                }
                State::Body(body) => {
                    if let Some(data) = body.data().await {
                        let data = data.map_err(|e| failed(&self.method, e))?;
                        let released = body.flow_control().release_capacity(data.len());
                        released.map_err(|e| failed(&self.method, e))?;
                        Some(data)
                    } else {
                        let trailers = body.trailers().await.map_err(|e| failed(&self.method, e))?;
                        self.state = State::Ended;
                        check(&self.method, &trailers.unwrap_or_default())?;
                        None
                    }
                }
                State::Ended => None,
            };
            match data {
                Some(data) => self.received.extend_from_slice(&data),
                None if self.received.is_empty() => return Ok(None),
                None => return Err(failed(&self.method, "the answer ends early")),
            }
        }
    }

    fn take_frame(&mut self) -> Result<Option<Vec<u8>>, Note> {
        let Some((head, rest)) = self.received.split_first_chunk::<5>() else { return Ok(None) };
        let [compressed, length @ ..] = *head;
        let length = u32::from_be_bytes(length) as usize;
        if compressed != 0 {
            return Err(failed(&self.method, "the answer is compressed"));
        }
        if length > self.limit {
            return Err(failed(&self.method, format!("the answer is larger than {} bytes", self.limit)));
        }
        if rest.len() < length {
            return Ok(None);
        }
        let message = rest[..length].to_vec();
        self.received.drain(..5 + length);
        Ok(Some(message))
    }
}

/// The status of a call.
fn check(method: &str, headers: &HeaderMap) -> Result<(), Note> {
    let text = |name: &str| headers.get(name).map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned());
    match text("grpc-status").as_deref() {
        Some("0") => Ok(()),
        Some(UNIMPLEMENTED) => Err(Note::NotThere),
        Some(code) if DENIED.contains(&code) => Err(Note::NotPermitted),
        Some(code) => {
            let why = text("grpc-message").unwrap_or_default();
            Err(failed(method, format!("{why} (code {code})")))
        }
        None => Err(failed(method, "the answer has no status")),
    }
}
