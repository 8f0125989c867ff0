//! A step of a script as a sentence.

use std::time::Duration;

use super::{Bound, Condition, Ending, MemberRef, Page, Relation, StepKind};
use crate::model::{NsKind, State};

impl StepKind {
    /// What the step does, or what it checks: `Send KILL to web/nginx`, `web/nginx is gone`.
    pub fn sentence(&self) -> String {
        match self {
            Self::Wait { until: condition, .. } | Self::Expect { that: condition, .. } => condition.sentence(),
            Self::Kill { target, signal } => format!("Send {signal} to {target}"),
            Self::Exec { member, argv, .. } => format!("Run in {member}: {}", argv.join(" ")),
            Self::Logs(member) => format!("Read the log of {member}"),
            Self::Fetch(page) => format!("Get the page {}", self::page(page)),
            Self::Delete { pod } => format!("Delete the pod {pod}"),
            Self::Replace { member, argv } => format!("Replace the command of {member} by: {}", argv.join(" ")),
            Self::Sandbox { name } => format!("Create a sandbox, the pod {name}"),
            Self::Add { pod, container, ephemeral } => {
                let what = if *ephemeral { "ephemeral container" } else { "container" };
                let to = pod.as_ref().map_or_else(String::new, |pod| format!(" to {pod}"));
                let shares = container.join.as_ref().map_or_else(String::new, |join| format!(", which shares {join}"));
                format!("Add the {what} {}{to}{shares}", container.name)
            }
            Self::Leave(member) => format!("Take {member} out of its pod"),
            Self::Unshare { member, kinds } => format!("{member} makes new namespaces for itself: {}", names(kinds)),
            Self::Join { member, kinds, target } => format!("{member} enters namespaces of {target}: {}", names(kinds)),
            Self::Fork(member) => format!("{member} starts a child"),
            Self::Snapshot(path) => format!("Write a snapshot to {}", path.display()),
            Self::Screenshot(path) => format!("Write a picture of the window to {}", path.display()),
            Self::Film(path) => format!("Write a film of what happened last to {}", path.display()),
            Self::Select { member, namespace: None } => format!("Select {member}"),
            Self::Select { member, namespace: Some(kind) } => format!("Select the {kind} namespace of {member}"),
            Self::Show(view) => format!("Show the view {view}"),
            Self::Sleep(time) => format!("Wait {}", seconds(*time)),
        }
    }
}

impl Condition {
    /// What is true when the condition holds.
    fn sentence(&self) -> String {
        match self {
            Self::Ready(None) => "All containers run or have succeeded".to_owned(),
            Self::Ready(Some(pod)) => format!("All containers of {pod} run or have succeeded"),
            Self::Gone(of) => format!("{of} is gone"),
            Self::Alive(of) => format!("{of} lives"),
            Self::Ended { of, how: Ending::Signal(signal) } => format!("{of} was ended by {signal}"),
            Self::Ended { of, how: Ending::Code(code) } => format!("{of} exited with {code}"),
            Self::State { of, state: State::Zombie } => format!("{of} is a zombie"),
            Self::State { of, state: State::Stopped } => format!("{of} is stopped"),
            Self::State { of, state } => format!("{of} is in state {}", state.letter()),
            Self::Count { of, bound } => format!("{of}: {} such processes live", amount(*bound, |n| n.to_string())),
            Self::Parent { of, parent } => format!("The parent of {of} is {parent}"),
            Self::Reaped { of, by } => format!("{of} was reaped by {by}"),
            Self::Orphan { of, by } => format!("An orphan {} was adopted and reaped by {by}", any(of)),
            Self::Zombies { count, pod } => {
                let of = pod.as_ref().map_or_else(String::new, |pod| format!(" in {pod}"));
                match count {
                    0 => format!("There is no zombie{of}"),
                    1 => format!("There is one zombie{of}"),
                    n => format!("There are {n} zombies{of}"),
                }
            }
            Self::Memory { of, bound } => format!("{of} uses {} of memory", amount(*bound, |n| format!("{n} B"))),
            Self::Cpu { of, bound } => {
                format!("{of} uses {} of a processor", amount(*bound, |n| format!("{} %", n / 10)))
            }
            Self::Word { container, word } => format!("{container} is {word}"),
            Self::Status { pod, word } => format!("The status of {pod} is {word}"),
            Self::Phase { pod, phase } => format!("The phase of {pod} is {}", phase.name()),
            Self::Restarted(of) => format!("{of} has been restarted"),
            Self::Restarts { container, bound } => {
                format!("{container} has {} restarts", amount(*bound, |n| n.to_string()))
            }
            Self::Sandbox { attempt, pod } => {
                let of = pod.as_ref().map_or_else(String::new, |pod| format!(" of {pod}"));
                // people count from 1
                format!("Sandbox #{}{of} runs", attempt + 1)
            }
            Self::Event { pod, reason, text } if text.is_empty() => format!("{pod} has the event {reason}"),
            Self::Event { pod, reason, text } => format!("{pod} has the event {reason}: {text}"),
            Self::Events { pod, reason, bound } => {
                format!("{pod} has {} events {reason}", amount(*bound, |n| n.to_string()))
            }
            Self::Removed(pod) => format!("The pod {pod} is removed"),
            Self::Ip { pod, kept: true } => format!("{pod} has the same address as before"),
            Self::Ip { pod, kept: false } => format!("{pod} has another address than before"),
            Self::InPod { member, pid } => format!("{member} is PID {pid} in the pod"),
            Self::Shared { kind, a, b } => format!("{a} and {b} are in one {kind} namespace"),
            Self::Private { kind, a, b } => format!("{a} and {b} are in two {kind} namespaces"),
            Self::Output(text) => format!("The output has: {text}"),
            Self::Exit(code) => format!("The program exited with {code}"),
            Self::Log { member, text } => format!("The log of {member} has: {text}"),
            Self::Fetch { page, text } => format!("The page {} has: {text}", self::page(page)),
            Self::Fails(text) => format!("That failed with: {text}"),
            Self::Took(bound) => {
                format!("It took {}", amount(*bound, |ns| seconds(Duration::from_nanos(ns))))
            }
        }
    }
}

fn page(page: &Page) -> String {
    match page {
        Page::At(url) => format!("http://{}:{}{}", url.host, url.port, url.path),
        Page::Behind { pod, port, path } => format!("{path} at port {port} of {pod}, from the host"),
    }
}

/// A process by its name without an index.
fn any(of: &MemberRef) -> String {
    match of {
        MemberRef::Name { process: Some((name, _)), .. } => format!("named {name}"),
        other => format!("of {other}"),
    }
}

fn names(kinds: &[NsKind]) -> String {
    kinds.iter().map(|kind| kind.name()).collect::<Vec<_>>().join(", ")
}

fn amount(bound: Bound, unit: impl Fn(u64) -> String) -> String {
    let n = unit(bound.than);
    match bound.relation {
        Relation::Exactly => n,
        Relation::AtLeast => format!("at least {n}"),
        Relation::Below => format!("less than {n}"),
    }
}

fn seconds(time: Duration) -> String {
    if time.subsec_millis() == 0 { format!("{} s", time.as_secs()) } else { format!("{} ms", time.as_millis()) }
}

#[cfg(test)]
mod tests {
    use crate::script::parse;

    #[test]
    fn a_step_is_a_sentence() {
        for (step, sentence) in [
            ("kill web/nginx KILL", "Send SIGKILL to web/nginx"),
            ("wait gone web/nginx", "web/nginx is gone"),
            ("expect ended nginx signal 9", "nginx was ended by SIGKILL"),
            ("wait zombies 5 p", "There are 5 zombies in p"),
            ("expect restarts nginx >=2", "nginx has at least 2 restarts"),
            ("expect took <2s", "It took less than 2 s"),
            ("wait sandbox 1 web", "Sandbox #2 of web runs"),
            ("expect shared net pause nginx", "pause and nginx are in one net namespace"),
            ("expect orphan app:sleep reaped by pause", "An orphan named sleep was adopted and reaped by pause"),
            ("sleep 300ms", "Wait 300 ms"),
            ("join web/tools net -- sleep 1d", "Add the container tools to web, which shares net"),
        ] {
            let script = parse("a", step).unwrap_or_else(|e| panic!("{e}"));
            assert_eq!(script.steps[0].kind.sentence(), sentence);
        }
    }

    #[test]
    fn every_step_of_a_preset_is_one_line() {
        for preset in &crate::presets::ALL {
            for step in preset.script().expect("a script").steps {
                let sentence = step.kind.sentence();
                assert!(!sentence.is_empty() && !sentence.contains('\n'), "{}: {sentence}", preset.name);
            }
        }
    }
}
