//! A client's connection, with one request after the other.

use std::fs::File;
use std::io::{self, Read, Write as _};
use std::net::{IpAddr, Shutdown, TcpStream};
use std::time::{Duration, Instant};

use super::exchange::{Exchange, Failure, Step};
use super::reply::{LogEntry, Page, Reply, Site, head};
use super::request::{ParsedRequest, Request};
use crate::lab::stream::{Flow, Pump, try_io};

/// How long a client may take to send a request: normally, and while the server is finishing.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(30);
const REQUEST_TIMEOUT_FINISHING: Duration = Duration::from_secs(5);
/// How long an answer may make no progress.
const ANSWER_TIMEOUT: Duration = Duration::from_mins(1);
/// How long what the client sends after the last answer is read and dropped.
const DRAIN_TIMEOUT: Duration = Duration::from_secs(5);

pub struct Connection {
    pub client: TcpStream,
    peer: IpAddr,
    /// Bytes that have been read but not parsed.
    input: Vec<u8>,
    /// Whether a request has been answered on it.
    has_served: bool,
    state: State,
    since: Instant,
}

enum State {
    Reading,
    Answering(Box<Answering>),
    Proxying(Box<Exchange>),
    /// The connection is closing, and what the client still sends is dropped. If it were closed at once with unread
    /// bytes, the kernel would reset it and the answer could be lost.
    Draining,
}

struct Answering {
    pump: Pump,
    source: Source,
    head: u64,
    line: LogEntry,
    keep_alive: bool,
}

enum Source {
    Nothing,
    File(File),
}

impl Read for Source {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Nothing => Ok(0),
            Self::File(file) => file.read(buffer),
        }
    }
}

/// What a connection needs next.
pub enum Next {
    Waits,
    More,
    /// The upstream's socket must be watched.
    Watch,
    Close,
}

impl Connection {
    pub fn new(client: TcpStream, peer: IpAddr) -> Self {
        Self { client, peer, input: Vec::new(), has_served: false, state: State::Reading, since: Instant::now() }
    }

    pub fn upstream(&self) -> Option<&TcpStream> {
        match &self.state {
            State::Proxying(exchange) => exchange.upstream(),
            _ => None,
        }
    }

    /// Whether no new request has begun since the last answer.
    pub fn is_idle(&self) -> bool {
        self.has_served && self.input.is_empty() && matches!(self.state, State::Reading)
    }

    /// Handles that the client has closed the connection. Returns `true` if it was waiting for the upstream's answer.
    /// If an answer is being sent, the next write fails instead.
    pub fn hung_up<S: Site>(&mut self, site: &mut S) -> bool {
        let State::Proxying(exchange) = &self.state else { return false };
        // nginx's status for this
        site.answered(&LogEntry { status: 499, ..LogEntry::of(&exchange.request, self.peer) });
        true
    }

    /// When the current state times out.
    pub fn deadline(&self, finishing: bool) -> Instant {
        self.since
            + match self.state {
                State::Reading if finishing => REQUEST_TIMEOUT_FINISHING,
                State::Reading => REQUEST_TIMEOUT,
                State::Answering(_) | State::Proxying(_) => ANSWER_TIMEOUT,
                State::Draining => DRAIN_TIMEOUT,
            }
    }

    pub fn time_out<S: Site>(&mut self, site: &mut S) -> Next {
        match std::mem::replace(&mut self.state, State::Draining) {
            State::Proxying(exchange) => {
                self.handle_failure(&exchange, exchange.time_out(), site).unwrap_or(Next::More)
            }
            State::Answering(answering) => {
                site.answered(&answering.line());
                Next::Close
            }
            State::Reading | State::Draining => Next::Close,
        }
    }

    /// Continues until it has to wait.
    pub fn advance<S: Site>(&mut self, site: &mut S, finishing: bool, scratch: &mut [u8]) -> Next {
        if !matches!(self.state, State::Reading | State::Draining) {
            self.since = Instant::now();
        }
        loop {
            let next = match std::mem::replace(&mut self.state, State::Draining) {
                State::Reading => self.read_request(site, scratch),
                State::Answering(answering) => self.send_answer(answering, site, finishing, scratch),
                State::Proxying(exchange) => self.proxy(exchange, site, finishing, scratch),
                State::Draining => Some(self.drain(scratch)),
            };
            if let Some(next) = next {
                return next;
            }
            self.since = Instant::now();
        }
    }

    fn read_request<S: Site>(&mut self, site: &mut S, scratch: &mut [u8]) -> Option<Next> {
        loop {
            match Request::parse(&self.input) {
                ParsedRequest::Request(request, end) => {
                    self.input.drain(..end);
                    self.start_reply(*request, site);
                    return None;
                }
                ParsedRequest::Bad => {
                    let line = LogEntry::of_bytes(&self.input, self.peer);
                    self.state = State::Answering(Box::new(page::<S>(Page::plain(400), line, false, false)));
                    return None;
                }
                ParsedRequest::Part => match try_io(|| (&self.client).read(scratch)) {
                    Ok(None) => {
                        self.state = State::Reading;
                        return Some(Next::Waits);
                    }
                    Ok(Some(0)) | Err(_) => return Some(Next::Close),
                    Ok(Some(n)) => self.input.extend_from_slice(&scratch[..n]),
                },
            }
        }
    }

    fn start_reply<S: Site>(&mut self, request: Request, site: &mut S) {
        let line = LogEntry::of(&request, self.peer);
        let (keep_alive, only_head) = (request.keep_alive, request.is_head());
        self.state = match site.answer(&request, self.peer) {
            Reply::Page(it) => State::Answering(Box::new(page::<S>(it, line, keep_alive, only_head))),
            Reply::File { kind, file, length } => {
                let head = head(S::NAME, 200, kind, length, keep_alive);
                let mut pump = Pump::new(Some(if only_head { 0 } else { length }));
                pump.preload(head.as_bytes());
                let line = LogEntry { status: 200, ..line };
                let source = Source::File(file);
                State::Answering(Box::new(Answering { pump, source, head: head.len() as u64, line, keep_alive }))
            }
            Reply::Proxied(to) => {
                if request.expects_continue() {
                    let _ = (&self.client).write(b"HTTP/1.1 100 Continue\r\n\r\n");
                }
                State::Proxying(Box::new(Exchange::new(request, to, self.peer, &mut self.input, S::NAME)))
            }
        };
    }

    fn send_answer<S: Site>(
        &mut self,
        mut answering: Box<Answering>,
        site: &mut S,
        finishing: bool,
        scratch: &mut [u8],
    ) -> Option<Next> {
        let Answering { pump, source, .. } = &mut *answering;
        let next = match pump.run(source, &mut &self.client, scratch) {
            Ok(Flow::Done) if !pump.cut() => {
                site.answered(&answering.line());
                self.finish_answer(answering.keep_alive && !finishing);
                return None;
            }
            // shorter than announced: close the connection, so that it does not look complete
            Ok(Flow::Done) | Err(_) => {
                site.answered(&answering.line());
                return Some(Next::Close);
            }
            Ok(Flow::Blocked) => Next::Waits,
            Ok(Flow::More) => Next::More,
        };
        self.state = State::Answering(answering);
        Some(next)
    }

    fn proxy<S: Site>(
        &mut self,
        mut exchange: Box<Exchange>,
        site: &mut S,
        finishing: bool,
        scratch: &mut [u8],
    ) -> Option<Next> {
        let next = match exchange.advance(&self.client, !finishing, scratch) {
            Ok(Step::Over { status, sent, keep_alive }) => {
                site.answered(&LogEntry { status, sent, ..LogEntry::of(&exchange.request, self.peer) });
                self.finish_answer(keep_alive && !finishing);
                return None;
            }
            Err(failure) => return self.handle_failure(&exchange, failure, site),
            Ok(Step::Connecting) => Next::Watch,
            Ok(Step::Waits) => Next::Waits,
            Ok(Step::More) => Next::More,
        };
        self.state = State::Proxying(exchange);
        Some(next)
    }

    fn handle_failure<S: Site>(&mut self, exchange: &Exchange, failure: Failure, site: &mut S) -> Option<Next> {
        let request = &exchange.request;
        let line = LogEntry::of(request, self.peer);
        match failure {
            Failure::Gateway(status, why) => {
                site.log_error(&format!("{why}, asked for \"{}\"", line.request));
                let page = page::<S>(Page::plain(status), line, request.keep_alive, request.is_head());
                self.state = State::Answering(Box::new(page));
                None
            }
            Failure::Broken { status, sent } => {
                site.answered(&LogEntry { status, sent, ..line });
                Some(Next::Close)
            }
        }
    }

    fn finish_answer(&mut self, keep_alive: bool) {
        self.has_served = true;
        self.state = if keep_alive {
            State::Reading
        } else {
            let _ = self.client.shutdown(Shutdown::Write);
            State::Draining
        };
    }

    fn drain(&mut self, scratch: &mut [u8]) -> Next {
        match try_io(|| (&self.client).read(scratch)) {
            Ok(None) => Next::Waits,
            Ok(Some(0)) | Err(_) => Next::Close,
            Ok(Some(_)) => Next::More,
        }
    }
}

impl Answering {
    fn line(&self) -> LogEntry {
        let sent = self.pump.moved.saturating_sub(self.head);
        LogEntry { sent, ..self.line.clone() }
    }
}

fn page<S: Site>(page: Page, line: LogEntry, keep_alive: bool, only_head: bool) -> Answering {
    let Page { status, kind, body } = page;
    let head = head(S::NAME, status, kind, body.len() as u64, keep_alive);
    let mut pump = Pump::new(Some(0));
    pump.preload(head.as_bytes());
    if !only_head {
        pump.preload(&body);
    }
    Answering { pump, source: Source::Nothing, head: head.len() as u64, line: LogEntry { status, ..line }, keep_alive }
}
