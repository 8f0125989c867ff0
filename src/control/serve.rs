//! Serves one connection: reads the request and answers it.

use std::os::fd::{AsRawFd as _, OwnedFd};
use std::sync::Arc;
use std::time::Duration;

use crossbeam_channel::bounded;
use nix::sys::socket::{Shutdown, shutdown};

use super::protocol::{About, Hello, Leave, Reply, Request, Target, VERSION};
use super::server::StateSender;
use crate::lab::spec::{ContainerSpec, Stdio};
use crate::lab::wire::{Inbox, WireError, send_blocking, send_with};
use crate::lab::{Attachment, Error, Lab, OutputStart, Streams};
use crate::model::{ContainerKind, Member, Pod, World};
use crate::sys::thread;

/// How long the app may take to send its state. A window that is drawn in software may be slow.
const APP_TIMEOUT: Duration = Duration::from_secs(20);

pub fn serve(connection: &OwnedFd, about: &About, state_request: &dyn Fn(StateSender)) {
    let mut inbox = Inbox::default();
    let request = match inbox.receive::<Hello>(connection, true) {
        Ok(Some(hello)) if hello.version == VERSION => hello.request,
        Ok(_) | Err(WireError::Garbled(_)) => {
            let why = "this lab was started by another version of podscope; use that version's command";
            return send_reply(connection, &Reply::Failed(why.to_owned()));
        }
        // a probe: the other end only checked whether a lab listens
        Err(_) => return,
    };
    let (answers, answered) = bounded(1);
    state_request(answers);
    let Ok((world, lab)) = answered.recv_timeout(APP_TIMEOUT) else {
        return send_reply(connection, &Reply::Failed("the lab's app does not answer".to_owned()));
    };
    let done = {
        // the app owns the lab and ends it by dropping it: keep our reference only as long as the request takes
        let context = Context { connection, world: &world, lab };
        answer(&context, about, request)
    };
    drop(world);
    match done {
        Ok(Done::Open(attachment, streams)) => hand_over(connection, inbox, attachment, streams),
        Ok(Done::Reply(reply)) | Err(reply) => send_reply(connection, &reply),
    }
}

/// Sends a reply. Ignores a command that has gone.
fn send_reply(connection: &OwnedFd, reply: &Reply) {
    let _ = send_blocking(connection, reply);
}

/// The result of a request.
enum Done {
    Reply(Reply),
    Open(Attachment, Streams),
}

/// Executes a request and returns the reply.
fn answer(context: &Context<'_>, about: &About, request: Request) -> Result<Done, Reply> {
    let reply = match request {
        Request::About => {
            let pods = context.world.pods.values().map(|pod| pod.name.clone()).collect();
            Reply::About(About { pods, ..about.clone() })
        }
        // a command asks for output by itself
        Request::World => Reply::World(Box::new(context.world.without_output())),
        Request::Logs { target, which } => Reply::Bytes(context.lab()?.logs_of(&context.container(&target)?, which)?),
        Request::Follow { target } => return context.attach(&target, false, OutputStart::Start, false),
        Request::Attach { target, stdin, wait } => return context.attach(&target, stdin, OutputStart::Now, wait),
        Request::Debug { pod, target, name, image, argv, stdin, tty } => {
            let (lab, pod) = (context.lab()?, context.pod(&pod)?);
            let spec = lab.spec(&pod.uid)?;
            let mut container = ContainerSpec::debugger(&spec, name.as_deref(), &image, &argv, target.as_deref());
            container.stdio = Stdio { stdin, stdin_once: false, tty };
            let name = container.name.clone();
            lab.add_ephemeral(&pod.uid, container)?;
            Reply::Added(name)
        }
        Request::Exec { target, argv, wanted } => {
            let (attachment, streams) = context.lab()?.open_exec(&context.container(&target)?, &argv, wanted)?;
            return Ok(Done::Open(attachment, streams));
        }
        Request::Delete { pod, grace_seconds } => {
            let grace = grace_seconds.map(|seconds| Duration::from_secs(seconds.into()));
            context.lab()?.delete_within(&context.pod(&pod)?.uid, grace)?;
            Reply::Done
        }
    };
    Ok(Done::Reply(reply))
}

/// What a request needs.
struct Context<'a> {
    connection: &'a OwnedFd,
    world: &'a World,
    lab: Option<Arc<Lab>>,
}

impl From<Error> for Reply {
    fn from(e: Error) -> Self {
        Self::Failed(e.to_string())
    }
}

impl Context<'_> {
    fn lab(&self) -> Result<&Lab, Reply> {
        self.lab.as_deref().ok_or_else(|| Reply::Failed("the lab's node has ended; start the lab again".to_owned()))
    }

    /// Finds a pod by its name, or by its uid if several pods have the name.
    fn pod(&self, name: &str) -> Result<&Pod, Reply> {
        let named: Vec<&Pod> =
            self.world.pods.values().map(AsRef::as_ref).filter(|pod| pod.name == name || pod.uid.0 == name).collect();
        match named[..] {
            [] => Err(Reply::NotHere(format!("pods \"{name}\" not found"))),
            [pod] => Ok(pod),
            _ => {
                let uids: Vec<&str> = named.iter().map(|pod| pod.uid.0.as_str()).collect();
                let message =
                    format!("{} pods are named \"{name}\"; name one by its uid: {}", uids.len(), uids.join(", "));
                Err(Reply::Failed(message))
            }
        }
    }

    fn attach(&self, target: &Target, stdin: bool, since: OutputStart, wait: bool) -> Result<Done, Reply> {
        let lab = self.lab()?;
        let member = match &target.container {
            // the app may not know yet of a container that has just been added
            Some(name) if wait => Member::container(&self.pod(&target.pod)?.uid, name),
            _ => self.container(target)?,
        };
        let (attachment, streams) =
            if wait { lab.attach_once_it_runs(&member, stdin)? } else { lab.attach(&member, stdin, since)? };
        Ok(Done::Open(attachment, streams))
    }

    fn container(&self, target: &Target) -> Result<Member, Reply> {
        let pod = self.pod(&target.pod)?;
        let of_kind = |kind| pod.containers.iter().filter(move |c| (c.kind == ContainerKind::App) == kind);
        let names = || of_kind(true).chain(of_kind(false)).map(|c| c.name.as_str()).collect::<Vec<_>>().join(", ");
        match &target.container {
            Some(name) if pod.container(name).is_some() => Ok(Member::container(&pod.uid, name)),
            Some(name) => {
                let message = format!("container {name} is not valid for pod {}; it has {}", pod.name, names());
                Err(Reply::NotHere(message))
            }
            None => {
                let first = of_kind(true).chain(of_kind(false)).next();
                let name = first
                    .map(|c| c.name.clone())
                    .ok_or_else(|| Reply::Failed(format!("pod {} has no container yet", pod.name)))?;
                if pod.containers.len() > 1 {
                    // as kubectl says it
                    let note = Reply::Note(format!("Defaulted container \"{name}\" out of: {}", names()));
                    let _ = send_blocking(self.connection, &note);
                }
                Ok(Member::container(&pod.uid, &name))
            }
        }
    }
}

/// Sends the streams to the command and waits until their program ends or the command detaches.
fn hand_over(connection: &OwnedFd, mut inbox: Inbox, attachment: Attachment, streams: Streams) {
    let (kinds, fds) = streams.into_parts();
    let handle = attachment.detach_handle();
    let receiver = connection.try_clone();
    let (Ok(receiver), Ok(())) = (receiver, send_with(connection, &Reply::Streams(kinds), &fds)) else {
        return handle.detach(false);
    };
    // now only the command has the descriptors: the streams end when it ends
    drop(fds);
    let watcher = thread::spawn("command watcher", move || {
        let left = inbox.receive::<Leave>(&receiver, true);
        handle.detach(matches!(left, Ok(Some(Leave::Detach))));
    });
    let reply = match attachment.wait() {
        Ok(Some(status)) => Reply::Ended(status),
        Ok(None) => Reply::Done,
        Err(e) => e.into(),
    };
    send_reply(connection, &reply);
    // wakes the other thread, which waits for the command
    let _ = shutdown(connection.as_raw_fd(), Shutdown::Both);
    if let Ok(watcher) = watcher {
        let _ = watcher.join();
    }
}
