//! Asks the engines of this machine for their containers.
//!
//! One thread talks to all engines at once, so that one that hangs delays no other. Every question has a deadline and
//! every answer a limit. After an answer the engine's stream of events tells when to ask again. An engine without such a
//! stream is asked again when the caller has seen a container that is new to it, and one that did not answer also after
//! a while.

pub(crate) mod cri;
pub(crate) mod docker;
pub mod grpc;
mod http;
mod sockets;
mod stream;
mod watch;

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use async_channel::{Receiver, Sender};
use async_executor::LocalExecutor;
use async_io::block_on;

pub use self::sockets::sockets;
use super::values::{Note, Report, Socket};
use crate::sys::thread::{SpawnError, spawn};

/// How the engines are asked.
#[derive(Clone, Debug)]
pub struct Options {
    /// Where engines may listen.
    pub sockets: Vec<Socket>,
    /// How long one question may take, from connecting to the last byte.
    pub deadline: Duration,
    /// The largest answer in bytes. A thousand containers of docker with many labels are about 5 MB.
    pub limit: usize,
    /// The least time between two questions to the same engine. A question that took long makes it longer.
    pub gap: Duration,
}

impl Options {
    /// Asks only engines whose socket is there.
    #[must_use]
    pub fn present(mut self) -> Self {
        self.sockets.retain(|socket| socket.path.exists());
        self
    }
}

impl Default for Options {
    fn default() -> Self {
        Self { sockets: sockets(), deadline: Duration::from_secs(10), limit: 32 << 20, gap: Duration::from_millis(200) }
    }
}

/// The thread that asks the engines. It ends when this is dropped.
pub struct Engines {
    /// Closed to end the thread.
    orders: Option<Sender<Order>>,
    thread: Option<JoinHandle<()>>,
}

enum Order {
    AskAll,
    /// An engine that is new or has started again.
    Ask(Socket),
}

impl Engines {
    /// Starts the thread. It calls `sink` with every answer, so the sink must not wait.
    ///
    /// # Errors
    /// There are too many threads.
    pub fn start(options: Options, sink: Box<dyn Fn(Report) + Send>) -> Result<Self, SpawnError> {
        let (orders, received) = async_channel::unbounded();
        let thread = spawn("engines", move || run(&options, &received, &*sink))?;
        Ok(Self { orders: Some(orders), thread: Some(thread) })
    }

    /// Asks the engines again, now. Call it when a container that no engine has listed has appeared
    /// ([`unlisted`](super::unlisted)).
    pub fn ask_again(&self) {
        self.order(Order::AskAll);
    }

    /// Asks the engine at this socket now, also if the socket was not known.
    pub fn ask(&self, socket: Socket) {
        self.order(Order::Ask(socket));
    }

    fn order(&self, order: Order) {
        // fails only if the thread has panicked, which was reported
        let _ = self.orders.as_ref().map(|orders| orders.try_send(order));
    }
}

impl Drop for Engines {
    fn drop(&mut self) {
        self.orders = None;
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// Asks all engines once, and waits for their answers.
pub fn ask_once(deadline: Duration) -> Vec<Report> {
    let options = Options { deadline, ..Options::default() }.present();
    if options.sockets.is_empty() {
        return Vec::new();
    }
    let (sender, answers) = crossbeam_channel::unbounded();
    let mut missing: BTreeSet<Socket> = options.sockets.iter().cloned().collect();
    let sink = Box::new(move |report| drop(sender.send(report)));
    let Ok(_engines) = Engines::start(options, sink) else { return Vec::new() };
    let until = Instant::now() + deadline + Duration::from_secs(1);
    let mut reports = Vec::new();
    while !missing.is_empty() {
        let Ok(report) = answers.recv_deadline(until) else { break };
        missing.remove(&report.socket);
        reports.push(report);
    }
    reports
}

fn run(options: &Options, orders: &Receiver<Order>, sink: &(dyn Fn(Report) + Send)) {
    let executor = LocalExecutor::new();
    let spawner = &executor;
    let follow = move |socket: Socket| {
        let (ask, asked) = async_channel::bounded(1);
        spawner.spawn(watch::watch(socket, options, asked, sink)).detach();
        ask
    };
    let mut asks: BTreeMap<Socket, Sender<()>> =
        options.sockets.iter().map(|socket| (socket.clone(), follow(socket.clone()))).collect();
    // one question that waits is enough
    let ask = |ask: &Sender<()>| {
        let _ = ask.try_send(());
    };
    // the other end is dropped to end this
    block_on(executor.run(async {
        while let Ok(order) = orders.recv().await {
            match order {
                Order::AskAll => asks.values().for_each(ask),
                Order::Ask(socket) => match asks.get(&socket) {
                    Some(followed) => ask(followed),
                    None => drop(asks.insert(socket.clone(), follow(socket))),
                },
            }
        }
    }));
}

/// `Failed` with what was being done.
fn failed(what: &str, why: impl std::fmt::Display) -> Note {
    Note::Failed(format!("{what}: {why}"))
}

/// What an error of the socket means.
fn note_of(what: &str, error: &io::Error) -> Note {
    match error.kind() {
        // a file that is no socket refuses too
        io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused | io::ErrorKind::NotADirectory => Note::NotThere,
        io::ErrorKind::PermissionDenied => Note::NotPermitted,
        io::ErrorKind::TimedOut => Note::TimedOut,
        _ => failed(what, error),
    }
}
