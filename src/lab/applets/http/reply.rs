//! Replies, and the trait of a server that makes them.

use std::fs::File;
use std::net::IpAddr;

use nix::sys::signal::Signal;

use super::super::print_error;
use super::request::Request;
use super::upstream::Upstream;

pub enum Reply {
    Page(Page),
    /// The first `length` bytes of a file.
    File {
        kind: &'static str,
        file: File,
        length: u64,
    },
    /// The answer of another server.
    Proxied(Upstream),
}

/// A reply that is held in memory.
pub struct Page {
    pub status: u16,
    pub kind: &'static str,
    pub body: Vec<u8>,
}

impl Page {
    pub fn html(status: u16, text: String) -> Self {
        Self { status, kind: "text/html; charset=utf-8", body: text.into_bytes() }
    }

    /// A short page that names the status.
    pub fn plain(status: u16) -> Self {
        let text = format!("<!doctype html>\n<title>{status}</title>\n<h1>{status} {}</h1>\n", reason(status));
        Self::html(status, text)
    }
}

pub fn reason(status: u16) -> &'static str {
    match status {
        200 => "OK",
        400 => "Bad Request",
        403 => "Forbidden",
        404 => "Not Found",
        405 => "Method Not Allowed",
        500 => "Internal Server Error",
        502 => "Bad Gateway",
        504 => "Gateway Timeout",
        // a reason phrase is optional
        _ => "",
    }
}

/// The head of an answer that this server makes itself.
pub fn head(server: &str, status: u16, kind: &str, length: u64, keep_alive: bool) -> String {
    let date = jiff::Timestamp::now().strftime("%a, %d %b %Y %H:%M:%S GMT");
    let connection = if keep_alive { "keep-alive" } else { "close" };
    format!(
        "HTTP/1.1 {status} {}\r\nServer: {server}\r\nDate: {date}\r\nContent-Type: {kind}\r\nContent-Length: {length}\r\nConnection: {connection}\r\n\r\n",
        reason(status)
    )
}

/// A server that answers requests.
pub trait Site {
    /// The value of the `Server` header.
    const NAME: &'static str;

    fn answer(&mut self, request: &Request, peer: IpAddr) -> Reply;

    /// Called once an answer has been sent or has failed; `sent` is how much of its body was sent.
    fn answered(&mut self, _line: &LogEntry) {}

    /// Logs an error whose details the client does not get.
    fn log_error(&mut self, what: &str) {
        print_error(format_args!("{}: [error] {what}", Self::NAME));
    }

    /// Handles a signal, and says how the server continues.
    fn handle_signal(&mut self, signal: Signal) -> SignalAction;
}

/// How a server continues after a signal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SignalAction {
    Continue,
    /// Finish the requests in progress, and accept no new ones.
    Finish,
    Stop,
}

/// A log entry for a request.
#[derive(Clone)]
pub struct LogEntry {
    pub peer: IpAddr,
    /// The request's first line.
    pub request: String,
    pub referer: String,
    pub agent: String,
    pub status: u16,
    pub sent: u64,
}

impl LogEntry {
    pub fn of(request: &Request, peer: IpAddr) -> Self {
        Self {
            peer,
            request: format!("{} {} HTTP/1.{}", request.method, request.target, request.version),
            referer: request.header("referer"),
            agent: request.header("user-agent"),
            status: 0,
            sent: 0,
        }
    }

    /// The entry for bytes that are not a valid request.
    pub fn of_bytes(bytes: &[u8], peer: IpAddr) -> Self {
        let first = bytes.split(|b| matches!(b, b'\r' | b'\n')).next().unwrap_or_default();
        let request = first.iter().take(200).map(|b| char::from(*b)).collect();
        Self { peer, request, referer: String::new(), agent: String::new(), status: 0, sent: 0 }
    }
}
