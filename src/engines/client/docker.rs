//! Docker's API, which podman has too, and podman's own (`api/swagger.yaml` of moby, `pkg/api` of podman).

mod answer;

use super::failed;
use super::http::{Response, get};
use super::stream::within;
use super::watch::{Change, Following, next};
use crate::engines::values::{ListedContainer, Note};

/// `{"type":["container"]}`
const EVENTS: &str = "/events?filters=%7B%22type%22%3A%5B%22container%22%5D%7D";

/// One event has the labels of its container.
const EVENT_LIMIT: usize = 1 << 20;

/// Lists the containers now and after each event. `Ok` is the end of the events.
pub async fn follow(following: &Following<'_>) -> Result<(), Note> {
    let options = following.options;
    let socket = &*following.socket.path;
    let ping = within(options.deadline, get(socket, "/_ping", options.limit)).await?;
    let podman = ping.podman.clone();
    drop(ping);
    // before the list, so that nothing is lost between them; a proxy may allow the list alone
    let mut events = within(options.deadline, get(socket, EVENTS, options.limit)).await.ok();
    let target = match &podman {
        Some(version) => format!("/v{version}/libpod/containers/json?all=true"),
        None => "/containers/json?all=1".to_owned(),
    };
    let list = async || {
        let answer = async { get(socket, &target, options.limit).await?.body(options.limit).await };
        let body = within(options.deadline, answer).await?;
        parse(&body, podman.is_some())
    };
    following.ask_after_each_change(list, async || next(events.as_mut().map(change)).await).await
}

fn parse(body: &[u8], is_podman: bool) -> Result<Vec<ListedContainer>, Note> {
    let parsed = if is_podman { answer::podman(body) } else { answer::docker(body) };
    parsed.map_err(|e| failed("the list of containers", e))
}

/// Waits for an event after which the list may be different. Health checks are events too and change nothing.
async fn change(events: &mut Response) -> Result<Change, Note> {
    loop {
        match events.line(EVENT_LIMIT).await? {
            Some(line) if answer::is_change(&line) => return Ok(Change::Some),
            Some(_) => {}
            None => return Ok(Change::End),
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
