//! One request that is passed to another server. Its body and the answer are passed on as they arrive, and at most one
//! read's worth of each is kept in memory.

use std::io::Read as _;
use std::net::{IpAddr, Shutdown, SocketAddr, TcpStream};
use std::vec::IntoIter;

use super::request::{Body, Request};
use super::upstream::{Answer, ParsedAnswer, Upstream, answer_head, request_head};
use crate::lab::stream::{Flow, Pump, begin, connected, try_io};

pub struct Exchange {
    pub request: Request,
    addresses: IntoIter<SocketAddr>,
    upstream: Option<(SocketAddr, TcpStream)>,
    is_connected: bool,
    up: Pump,
    is_request_sent: bool,
    down: Down,
    server: &'static str,
}

enum Down {
    /// The part of the head that has been read.
    Head(Vec<u8>),
    Body {
        pump: Pump,
        status: u16,
        head: u64,
        keep_alive: bool,
    },
}

/// The result of advancing an exchange.
pub enum Step {
    /// A connection has been begun, and must be watched.
    Connecting,
    Waits,
    More,
    Over {
        status: u16,
        sent: u64,
        keep_alive: bool,
    },
}

/// Why an exchange failed.
pub enum Failure {
    /// Nothing has been sent to the client yet, so it can be sent this status.
    Gateway(u16, String),
    /// Part of the answer has been sent already.
    Broken { status: u16, sent: u64 },
}

impl Exchange {
    /// Begins an exchange. The part of the body that is already in `input` is taken from there.
    pub fn new(request: Request, to: Upstream, peer: IpAddr, input: &mut Vec<u8>, server: &'static str) -> Self {
        let mut up = Pump::new(match request.body {
            Body::Nothing => Some(0),
            Body::Length(length) => Some(length),
            // the upstream detects the end; the client's connection is not used again
            Body::Chunked => None,
        });
        up.preload(&request_head(&request, &to.target, peer));
        let own = up.begin_with(input);
        input.drain(..own);
        Self {
            request,
            addresses: to.addresses.into_iter(),
            upstream: None,
            is_connected: false,
            up,
            is_request_sent: false,
            down: Down::Head(Vec::new()),
            server,
        }
    }

    /// The connection to the upstream, after [`Step::Connecting`].
    pub fn upstream(&self) -> Option<&TcpStream> {
        self.upstream.as_ref().map(|(_, stream)| stream)
    }

    /// The failure to report when the exchange times out.
    pub fn time_out(&self) -> Failure {
        match &self.down {
            Down::Head(_) => Failure::Gateway(504, format!("no answer from {}", self.name())),
            Down::Body { .. } => self.broken(),
        }
    }

    fn name(&self) -> String {
        self.upstream.as_ref().map_or("the upstream".to_owned(), |(address, _)| address.to_string())
    }

    fn broken(&self) -> Failure {
        match &self.down {
            Down::Head(_) => Failure::Broken { status: 502, sent: 0 },
            Down::Body { pump, status, head, .. } => {
                Failure::Broken { status: *status, sent: pump.moved.saturating_sub(*head) }
            }
        }
    }

    pub fn advance(&mut self, mut client: &TcpStream, keep_alive: bool, scratch: &mut [u8]) -> Result<Step, Failure> {
        if !self.is_connected
            && let Some(step) = self.connect()?
        {
            return Ok(step);
        }
        let Some((_, upstream)) = &self.upstream else { return Err(self.broken()) };
        let mut upstream: &TcpStream = upstream;
        let mut sending = Step::Waits;
        if !self.is_request_sent {
            match self.up.run(&mut client, &mut upstream, scratch) {
                Ok(Flow::Blocked) => {}
                Ok(Flow::More) => sending = Step::More,
                Ok(Flow::Done) => {
                    self.is_request_sent = true;
                    if self.up.ended() {
                        let _ = upstream.shutdown(Shutdown::Write);
                    }
                }
                // the upstream may have answered without reading the whole request
                Err(_) => self.is_request_sent = true,
            }
        }
        if let Down::Head(read) = &mut self.down {
            let answer = loop {
                match answer_head(read, &self.request, self.server, keep_alive) {
                    ParsedAnswer::Answer(answer) => break answer,
                    ParsedAnswer::Interim(end) => drop(read.drain(..end)),
                    ParsedAnswer::Bad => return Err(self.bad_gateway("its answer is not HTTP")),
                    ParsedAnswer::Part => match try_io(|| upstream.read(scratch)) {
                        Ok(None) => return Ok(sending),
                        Ok(Some(0)) => return Err(self.bad_gateway("it closed the connection without an answer")),
                        Ok(Some(n)) => read.extend_from_slice(&scratch[..n]),
                        Err(e) => return Err(self.bad_gateway(&e.to_string())),
                    },
                }
            };
            let Answer { status, head, end, length, keep_alive } = answer;
            let mut pump = Pump::new(length);
            pump.preload(&head);
            pump.begin_with(&read[end..]);
            self.down = Down::Body { pump, status, head: head.len() as u64, keep_alive };
        }
        let Down::Body { pump, status, head, keep_alive } = &mut self.down else { return Err(self.broken()) };
        match pump.run(&mut upstream, &mut client, scratch) {
            Ok(Flow::Blocked) => Ok(sending),
            Ok(Flow::More) => Ok(Step::More),
            Ok(Flow::Done) if !pump.cut() => {
                let sent = pump.moved.saturating_sub(*head);
                Ok(Step::Over { status: *status, sent, keep_alive: *keep_alive })
            }
            Ok(Flow::Done) | Err(_) => Err(self.broken()),
        }
    }

    fn bad_gateway(&self, why: &str) -> Failure {
        Failure::Gateway(502, format!("{}: {why}", self.name()))
    }

    /// Connects to the upstream. `None` once the connection is established.
    fn connect(&mut self) -> Result<Option<Step>, Failure> {
        let mut why = "no address".to_owned();
        if let Some((_, stream)) = &self.upstream {
            match connected(stream) {
                Ok(true) => {
                    let _ = stream.set_nodelay(true);
                    self.is_connected = true;
                    return Ok(None);
                }
                Ok(false) => return Ok(Some(Step::Waits)),
                Err(e) => why = format!("connect to {}: {e}", self.name()),
            }
        }
        for address in self.addresses.by_ref() {
            match begin(address) {
                Ok(stream) => {
                    self.upstream = Some((address, stream));
                    return Ok(Some(Step::Connecting));
                }
                Err(e) => why = format!("connect to {address}: {e}"),
            }
        }
        Err(Failure::Gateway(502, why))
    }
}
