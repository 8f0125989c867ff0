//! The Container Runtime Interface of Kubernetes, version 1 (`pkg/apis/runtime/v1/api.proto` in k8s.io/cri-api).

mod answer;
mod messages;
mod protobuf;

use super::grpc::{Answers, Channel, drive, open};
use super::stream::within;
use super::watch::{Change, Following};
use super::{Options, failed};
use crate::engines::values::{ListedContainer, Note};
use crate::model::Runtime;

const VERSION: &str = "/runtime.v1.RuntimeService/Version";
const SANDBOXES: &str = "/runtime.v1.RuntimeService/ListPodSandbox";
const CONTAINERS: &str = "/runtime.v1.RuntimeService/ListContainers";
/// containerd 1.7 and later have it, CRI-O if it is switched on (`enable_pod_events`).
const EVENTS: &str = "/runtime.v1.RuntimeService/GetContainerEvents";

/// A request without a filter, so that all are listed.
const ALL: &[u8] = b"";

/// Lists the containers now and after each event. `Ok` is the end of the events.
pub async fn follow(following: &Following<'_>) -> Result<(), Note> {
    let options = following.options;
    let (channel, connection) = within(options.deadline, open(&following.socket.path)).await?;
    drive(connection, async {
        let version = within(options.deadline, channel.call(VERSION, ALL, options.limit)).await?;
        let runtime = match &*messages::runtime_name(&version).map_err(|e| failed(VERSION, e))? {
            "containerd" => Runtime::Containerd,
            "cri-o" => Runtime::CriO,
            "docker" => Runtime::Docker,
            _ => Runtime::Unknown,
        };
        // before the list, so that nothing is lost between them
        let mut events = Some(within(options.deadline, channel.stream(EVENTS, ALL, options.limit)).await?);
        let list = async || within(options.deadline, list(&channel, options, runtime)).await;
        let changed = async || {
            if let Some(events) = &mut events
                && let Ok(change) = change(events).await
            {
                return Ok(change);
            }
            // it has no events: only a caller who has seen something new leads to another question
            events = None;
            std::future::pending().await
        };
        following.ask_after_each_change(list, changed).await
    })
    .await
}

async fn list(channel: &Channel, options: &Options, runtime: Runtime) -> Result<Vec<ListedContainer>, Note> {
    let sandboxes = channel.call(SANDBOXES, ALL, options.limit).await?;
    let sandboxes = messages::sandboxes(&sandboxes).map_err(|e| failed(SANDBOXES, e))?;
    let containers = channel.call(CONTAINERS, ALL, options.limit).await?;
    let containers = messages::containers(&containers).map_err(|e| failed(CONTAINERS, e))?;
    Ok(answer::listed(runtime, sandboxes, containers))
}

async fn change(events: &mut Answers) -> Result<Change, Note> {
    Ok(if events.next().await?.is_some() { Change::Some } else { Change::End })
}

/// Reads bytes as each of the messages, and checks what the reader promises, for fuzzing.
#[cfg(any(test, feature = "fuzzing"))]
pub(crate) fn read_any(message: &[u8]) {
    let _ = messages::runtime_name(message);
    let sandboxes = messages::sandboxes(message).unwrap_or_default();
    let containers = messages::containers(message).unwrap_or_default();
    let most = sandboxes.len() + containers.len();
    let listed = answer::listed(Runtime::Unknown, sandboxes, containers);
    assert!(listed.len() <= most && listed.iter().all(|container| !container.id.is_empty()));
}
