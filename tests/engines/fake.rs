//! Servers that answer as an engine should not.

use std::io::{Read as _, Write as _};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use tempfile::TempDir;

/// A server on a socket of its own. Its threads end when the client has closed the connections, and with the test.
pub struct Server {
    pub path: PathBuf,
    _dir: TempDir,
}

impl Server {
    /// Calls `answer` on a thread for each connection.
    pub fn start(answer: impl Fn(UnixStream) + Send + Sync + 'static) -> Self {
        let dir = tempfile::tempdir().expect("a directory");
        let path = dir.path().join("sock");
        serve(&path, answer);
        Self { path, _dir: dir }
    }

    /// One that speaks HTTP: `answer` gets the target, such as `/_ping`, and the stream.
    pub fn http(answer: impl Fn(&str, &mut UnixStream) + Send + Sync + 'static) -> Self {
        Self::start(move |stream| http(stream, &answer))
    }
}

/// Answers one request.
pub fn http(mut stream: UnixStream, answer: &dyn Fn(&str, &mut UnixStream)) {
    if let Some(target) = target(&mut stream) {
        answer(&target, &mut stream);
    }
}

pub fn serve(path: &Path, answer: impl Fn(UnixStream) + Send + Sync + 'static) {
    let listener = UnixListener::bind(path).expect("a socket");
    let answer = Arc::new(answer);
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let answer = Arc::clone(&answer);
            std::thread::spawn(move || answer(stream));
        }
    });
}

/// Reads a request. Returns its target.
fn target(stream: &mut UnixStream) -> Option<String> {
    let mut request = Vec::new();
    let mut buffer = [0; 1024];
    while !request.ends_with(b"\r\n\r\n") {
        match stream.read(&mut buffer) {
            Ok(0) | Err(_) => return None,
            Ok(n) => request.extend_from_slice(&buffer[..n]),
        }
    }
    String::from_utf8(request).ok()?.split(' ').nth(1).map(str::to_owned)
}

/// Writes a whole answer. The client may have gone.
pub fn reply(stream: &mut UnixStream, status: &str, body: &str) {
    let _ = write!(stream, "HTTP/1.0 {status}\r\nContent-Length: {}\r\n\r\n{body}", body.len());
}

/// Waits until the client closes the connection.
pub fn wait_for_end(stream: &mut UnixStream) {
    let mut buffer = [0; 4096];
    while stream.read(&mut buffer).is_ok_and(|n| n > 0) {}
}

/// What docker's list says of containers with these numbers.
pub fn docker_list(numbers: impl Iterator<Item = usize>) -> String {
    let labels: Vec<String> = (0..20).map(|n| format!("\"com.example.label.{n}\":\"{}\"", "x".repeat(40))).collect();
    let one = |n: usize| {
        format!(
            "{{\"Id\":\"{n:064x}\",\"Names\":[\"/c{n}\"],\"Image\":\"busybox\",\"State\":\"running\",\"Labels\":{{{}}}}}",
            labels.join(",")
        )
    };
    format!("[{}]", numbers.map(one).collect::<Vec<_>>().join(","))
}

/// A frame of HTTP/2 (RFC 9113, section 4.1).
fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = (payload.len() as u32).to_be_bytes();
    [&length[1..], &[kind, flags], &stream.to_be_bytes(), payload].concat()
}

/// A header that is written out (RFC 7541, section 6.2.2).
fn header(name: &str, value: &str) -> Vec<u8> {
    [&[0, name.len() as u8][..], name.as_bytes(), &[value.len() as u8], value.as_bytes()].concat()
}

/// What a server of gRPC sends for one call.
pub enum Call {
    /// A message, then the status 0.
    Answer(Vec<u8>),
    /// The begin of a message of this many bytes, and no more.
    Begin(u32),
    /// A status other than 0.
    Status(&'static str),
    /// Nothing.
    Silence,
}

/// Serves gRPC: `answer` gets the number of the call on its connection, from 0.
pub fn grpc(mut stream: UnixStream, answer: impl Fn(usize) -> Call) {
    const HEADERS: u8 = 1;
    const SETTINGS: u8 = 4;
    const PING: u8 = 6;
    const ACK: u8 = 1;
    const END_STREAM: u8 = 1;
    const END_HEADERS: u8 = 4;
    let status_200 = [0x88];
    let mut preface = [0; 24];
    if stream.read_exact(&mut preface).is_err() || stream.write_all(&frame(SETTINGS, 0, 0, &[])).is_err() {
        return;
    }
    let mut calls = 0;
    let mut head = [0; 9];
    while stream.read_exact(&mut head).is_ok() {
        let length = u32::from_be_bytes([0, head[0], head[1], head[2]]) as usize;
        let mut payload = vec![0; length];
        if stream.read_exact(&mut payload).is_err() {
            return;
        }
        let id = u32::from_be_bytes([head[5], head[6], head[7], head[8]]);
        let out = match head[3] {
            SETTINGS if head[4] & ACK == 0 => frame(SETTINGS, ACK, 0, &[]),
            PING if head[4] & ACK == 0 => frame(PING, ACK, 0, &payload),
            HEADERS => {
                calls += 1;
                match answer(calls - 1) {
                    Call::Answer(message) => {
                        let message = [&[0][..], &(message.len() as u32).to_be_bytes(), &message].concat();
                        let mut out = frame(HEADERS, END_HEADERS, id, &status_200);
                        for part in message.chunks(16 << 10) {
                            out.extend(frame(0, 0, id, part));
                        }
                        out.extend(frame(HEADERS, END_HEADERS | END_STREAM, id, &header("grpc-status", "0")));
                        out
                    }
                    Call::Begin(length) => {
                        let begin = [&[0][..], &length.to_be_bytes(), &[0; 100]].concat();
                        [frame(HEADERS, END_HEADERS, id, &status_200), frame(0, 0, id, &begin)].concat()
                    }
                    Call::Status(status) => {
                        let block = [&status_200[..], &header("grpc-status", status)].concat();
                        frame(HEADERS, END_HEADERS | END_STREAM, id, &block)
                    }
                    Call::Silence => Vec::new(),
                }
            }
            _ => Vec::new(),
        };
        if stream.write_all(&out).is_err() {
            return;
        }
    }
}

/// A field of Protocol Buffers that is a string or a message.
pub fn field(number: u8, value: &[u8]) -> Vec<u8> {
    let mut out = varint(usize::from(number) << 3 | 2);
    out.extend(varint(value.len()));
    out.extend_from_slice(value);
    out
}

/// A field that is a number.
pub fn number(field: u8, value: usize) -> Vec<u8> {
    [varint(usize::from(field) << 3), varint(value)].concat()
}

fn varint(mut value: usize) -> Vec<u8> {
    let mut out = Vec::new();
    loop {
        let low = (value & 0x7f) as u8;
        value >>= 7;
        if value == 0 {
            out.push(low);
            return out;
        }
        out.push(low | 0x80);
    }
}
