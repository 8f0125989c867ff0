//! A stand-in for the Ghost blog: one process that listens on 127.0.0.1:2368. A proxy in front of it serves the
//! outside.
//!
//! `--port N` (2368; 0 takes a free one), `--title TEXT`, `--deaf`: as PID 1 it ignores TERM, like any program without
//! a handler for it, and so runs until it is killed.

mod page;

use std::net::{IpAddr, Ipv4Addr, TcpListener};

use nix::sys::signal::{SigSet, Signal};

use self::page::{Blog, RequestOrigin};
use super::http::reply::{Page, Reply, SignalAction, Site};
use super::http::request::Request;
use super::http::server;
use super::options::Options;
use super::{Call, print_error, print_line, title, usage_error};

/// Ghost's default port.
const PORT: u16 = 2368;
const CONNECTIONS: usize = 256;

pub fn main(call: &Call<'_>) -> i32 {
    let read = Options::read(call.args, &["port", "title"], &["deaf"]).and_then(|options| {
        let title = options.get("title").unwrap_or("Ghost").to_owned();
        Ok((options.number("port", PORT)?, title, options.has("deaf")))
    });
    let (port, title, deaf) = match read {
        Ok(read) => read,
        Err(why) => return usage_error("blog", &why),
    };
    if call.program == "node" {
        title::set(call.program, "node current/index.js");
    }
    // block the signals before the port is open, so that none is lost
    let mut ends = SigSet::from_iter([Signal::SIGTERM, Signal::SIGINT]);
    if deaf {
        ends.remove(Signal::SIGTERM);
    }
    if ends.thread_block().is_err() {
        return 1;
    }
    let served = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).and_then(|listener| {
        print_line(format_args!("blog: listening on {}", listener.local_addr()?));
        server::serve(&listener, &ends, CONNECTIONS, &mut Blog { title })
    });
    match served {
        Ok(()) => {
            print_line("blog: stops, as requested");
            0
        }
        Err(e) => {
            print_error(format_args!("blog: port {port}: {e}"));
            1
        }
    }
}

impl Site for Blog {
    const NAME: &'static str = "podscope-blog";

    fn answer(&mut self, request: &Request, peer: IpAddr) -> Reply {
        let origin = RequestOrigin { host: request.header("host"), peer, forwarded: request.header("x-forwarded-for") };
        Reply::Page(match self.page(request.path(), &origin) {
            _ if request.method != "GET" && !request.is_head() => Page::plain(405),
            Some(text) => Page::html(200, text),
            None => Page::plain(404),
        })
    }

    fn handle_signal(&mut self, _: Signal) -> SignalAction {
        SignalAction::Stop
    }
}
