//! Messages of the node, of pause, and of commands in other terminals. A pod may have taken over the node.

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::assert_escaped;
use super::manifest::check_written;
use crate::control::protocol::{Hello, Request};
use crate::export::{self, Format, Selection, Snapshot};
use crate::lab::node::pause_records::PauseRecords;
use crate::lab::protocol::Report;
use crate::lab::spec::{ContainerSpec, PodSpec, Stdio};
use crate::lab::wire::{self, Joiner};
use crate::layout::timeline::LaneQuery;
use crate::layout::{pod_map, timeline, tree};
use crate::model::{ContainerKind, MonoNs, World};
use crate::report::{self as tables, Get};
use crate::store::History;

/// Packets of a socket, each after a byte with its length: a message arrives whole, whatever comes before it.
pub fn packets(bytes: &[u8]) {
    let mut joiner = Joiner::default();
    let mut rest = bytes;
    while let Some((length, after)) = rest.split_first() {
        let (packet, after) = after.split_at(usize::from(*length).min(after.len()));
        rest = after;
        let _ = joiner.add::<Report>(packet, Vec::new());
    }
    // ends a message that is not whole
    let _ = joiner.add::<Report>(b".", Vec::new());
    let text = String::from_utf8_lossy(bytes).into_owned();
    let mut packets = wire::packets(&text).expect("any text is a message");
    let last = packets.pop().expect("a message has a packet");
    for packet in packets {
        assert_eq!(joiner.add::<String>(&packet, Vec::new()).expect("a part"), None);
    }
    assert_eq!(joiner.add::<String>(&last, Vec::new()).expect("the whole").as_deref(), Some(text.as_str()));
}

/// Reports of the node, one a line. They change the picture, and whatever they say, it can be shown.
pub fn report(bytes: &[u8]) {
    let mut world = World::default();
    for line in bytes.split(|b| *b == b'\n') {
        if let Some(Report::Delta(delta)) = message(line) {
            world.apply(&delta);
        }
    }
    show(&world);
}

/// The message of this JSON. It is the same after it was written and read again.
pub(super) fn message<T: Serialize + DeserializeOwned + PartialEq + std::fmt::Debug>(json: &[u8]) -> Option<T> {
    let message: T = serde_json::from_slice(json).ok()?;
    let again = serde_json::to_vec(&message).expect("a message is JSON");
    assert_eq!(serde_json::from_slice::<T>(&again).expect("it is read again"), message);
    Some(message)
}

/// Lays out and prints the picture in every form.
pub(super) fn show(world: &World) {
    let now = world.now;
    let wide = Get { wide: true, pod: None };
    let mut texts = vec![
        tables::get_pods(world, &wide, now),
        tables::crictl_pods(world, None, now),
        tables::crictl_ps(world, None, now),
        tables::docker_ps(world, None, now),
        tables::ps_host(world, None),
        tables::events(world, None, now),
    ];
    for pod in world.pods.values() {
        texts.extend(tables::describe(world, &pod.uid, now));
        texts.push(tables::links(world, &pod.uid));
        texts.extend(tables::pid_namespaces(world, &pod.uid).iter().map(|ns| tables::ps_inside(world, ns.ns)));
        let _ = pod_map::lay_out(world, pod, &pod_map::Arrangement::of_width(900.0), now);
    }
    for text in texts {
        text.to_string().lines().for_each(assert_escaped);
    }
    let _ = tree::rows(world, &tree::Query::default());
    let history = History::of(world);
    let folds = timeline::Folds::default();
    let query = LaneQuery { pod: None, from: MonoNs(0), to: now, folds: &folds, selected: None, kept: &[] };
    let _ = timeline::Lanes::of(&history, &query);
    for subject in timeline::Subject::ALL {
        let _ = timeline::tracks(&history, None, subject, MonoNs(0), now);
    }
    let json = export::render(world, Format::Json, &Selection::default());
    json.lines().for_each(assert_escaped);
    serde_json::from_str::<Snapshot>(&json).expect("a snapshot");
}

/// The bytes of pause's report pipe. It does not matter how they are cut into reads.
pub fn pause_report(bytes: &[u8]) {
    let all = PauseRecords::default().add(bytes);
    assert_eq!(all.len(), bytes.len() / pause_init::Record::SIZE);
    let cut = bytes.first().map_or(1, |n| usize::from(*n) % 70 + 1);
    let mut records = PauseRecords::default();
    let parts: Vec<_> = bytes.chunks(cut).flat_map(|part| records.add(part)).collect();
    assert_eq!(parts, all);
}

/// A request on the control socket. A container that a request adds is admitted or refused, and the pod can be saved.
pub fn control_request(bytes: &[u8]) {
    let Some(Hello { request, .. }) = message(bytes) else { return };
    let Request::Debug { target, name, image, argv, stdin, tty, .. } = request else { return };
    let web = ContainerSpec { name: "web".to_owned(), image: "nginx".to_owned(), ..ContainerSpec::default() };
    let pod = PodSpec::sandbox("p").expect("a name");
    let web = pod.admit(web, ContainerKind::App).expect("it is admitted");
    let pod = pod.with_container(web, ContainerKind::App);
    let name = name.unwrap_or_else(|| "debugger".to_owned());
    let mut container = ContainerSpec::debugger(&pod, Some(&name), &image, &argv, target.as_deref());
    container.stdio = Stdio { stdin, stdin_once: false, tty };
    if let Ok(container) = pod.admit(container, ContainerKind::Ephemeral) {
        check_written(&pod.with_container(container, ContainerKind::Ephemeral));
    }
}
