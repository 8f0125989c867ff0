//! Docker's API, which podman has too, and podman's own (`api/swagger.yaml` of moby, `pkg/api` of podman).

mod answer;

use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use super::failed;
use super::http::{Response, get};
use super::stream::within;
use super::watch::{Change, Following};
use crate::engines::values::{ListedContainer, Note};

/// `{"type":["container"]}`
const EVENTS: &str = "/events?filters=%7B%22type%22%3A%5B%22container%22%5D%7D";

/// One event has the labels of its container.
const EVENT_LIMIT: usize = 1 << 20;

/// How long the list waits for the events.
const OPENING: Duration = Duration::from_secs(1);

/// Lists the containers now and after each event. `Ok` is the end of the events.
pub async fn follow(following: &Following<'_>) -> Result<(), Note> {
    let options = following.options;
    let socket = &*following.socket.path;
    let ping = within(options.deadline, get(socket, "/_ping", options.limit)).await?;
    let podman = ping.podman.clone();
    drop(ping);
    // before the list, so that nothing is lost between them
    let mut events = Events::Opening(Box::pin(get(socket, EVENTS, options.limit)));
    let opened = async {
        events.open().await;
        Ok(())
    };
    let _ = within(OPENING, opened).await;
    let target = match &podman {
        Some(version) => format!("/v{version}/libpod/containers/json?all=true"),
        None => "/containers/json?all=1".to_owned(),
    };
    let list = async || {
        let answer = async { get(socket, &target, options.limit).await?.body(options.limit).await };
        let body = within(options.deadline, answer).await?;
        parse(&body, podman.is_some())
    };
    following.ask_after_each_change(list, async || events.change().await).await
}

fn parse(body: &[u8], is_podman: bool) -> Result<Vec<ListedContainer>, Note> {
    let parsed = if is_podman { answer::podman(body) } else { answer::docker(body) };
    parsed.map_err(|e| failed("the list of containers", e))
}

/// The stream of events.
enum Events<'a> {
    Opening(Pin<Box<dyn Future<Output = Result<Response, Note>> + 'a>>),
    Open(Response),
    /// A proxy may allow the list alone.
    None,
}

impl Events<'_> {
    async fn open(&mut self) {
        if let Self::Opening(opening) = self {
            *self = opening.await.map_or(Self::None, Self::Open);
        }
    }

    /// Waits for an event after which the list may be different. Health checks are events too and change nothing.
    async fn change(&mut self) -> Result<Change, Note> {
        if matches!(self, Self::Opening(_)) {
            self.open().await;
            // what has happened until now is not among the events
            return Ok(Change::Some);
        }
        let Self::Open(events) = self else { return std::future::pending().await };
        loop {
            match events.line(EVENT_LIMIT).await? {
                Some(line) if answer::is_change(&line) => return Ok(Change::Some),
                Some(_) => {}
                None => return Ok(Change::End),
            }
        }
    }
}

/// Reads bytes as each of the answers, and checks what the reader promises, for fuzzing.
#[cfg(any(test, feature = "fuzzing"))]
pub(crate) fn read_any(body: &[u8]) {
    let _ = answer::is_change(body);
    for is_podman in [false, true] {
        for container in parse(body, is_podman).unwrap_or_default() {
            assert!(!container.id.is_empty());
        }
    }
}
