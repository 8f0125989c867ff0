//! Parses the steps that add a container to a pod.

use super::words::split_arguments;
use super::{Parsed, StepKind};
use crate::lab::{ContainerSpec, Join, JoinPid};

const JOIN: &str = "join POD/CONTAINER [image IMAGE] [net,ipc,uts,pid | pid:CONTAINER | none] [-- COMMAND ARGUMENT…]";
const DEBUG: &str = "debug POD/CONTAINER [image IMAGE] [target CONTAINER] [-- COMMAND ARGUMENT…]";

/// Whether `join …` adds a container. With three words, the second not `image`, and no command, it tells a container to
/// enter namespaces instead.
pub fn is_addition(rest: &str) -> bool {
    let words: Vec<&str> = rest.split_whitespace().collect();
    rest.contains(" -- ") || words.len() != 3 || words[1] == "image"
}

/// `join web/nginx image nginx net,ipc,pid`
pub fn parse_join(rest: &str) -> Parsed<StepKind> {
    let (pod, mut container, words) = parse_container(rest, JOIN)?;
    match words[..] {
        [] => {}
        [namespaces] => {
            let join = Join::parse(namespaces);
            container.join =
                Some(join.ok_or_else(|| format!("`{namespaces}` is not what a container can join; {JOIN}"))?);
        }
        _ => return Err(JOIN.to_owned()),
    }
    Ok(StepKind::Add { pod, container: Box::new(container), ephemeral: false })
}

/// `debug web/debugger image busybox target nginx -- sleep 1h`
pub fn parse_debug(rest: &str) -> Parsed<StepKind> {
    let (pod, mut container, words) = parse_container(rest, DEBUG)?;
    match words[..] {
        [] => {}
        ["target", target] => {
            let pid = JoinPid::Container(target.to_owned());
            container.join = Some(Join { pid, ..crate::lab::spec::Share::default().into() });
        }
        _ => return Err(DEBUG.to_owned()),
    }
    Ok(StepKind::Add { pod, container: Box::new(container), ephemeral: true })
}

/// Pod, container with image and command, and the remaining words between them.
fn parse_container<'a>(rest: &'a str, usage: &str) -> Parsed<(Option<String>, ContainerSpec, Vec<&'a str>)> {
    let (before, command) = match rest.split_once(" -- ") {
        Some((before, argv)) => (before, split_arguments(argv, usage)?),
        None => (rest, Vec::new()),
    };
    let mut words = before.split_whitespace().peekable();
    let target = words.next().ok_or(usage)?;
    let (pod, name) = match target.split_once('/') {
        Some((pod, name)) => (Some(pod.to_owned()), name),
        None => (None, target),
    };
    if name.is_empty() || pod.as_deref() == Some("") {
        return Err(usage.to_owned());
    }
    let mut image = String::new();
    if words.next_if_eq(&"image").is_some() {
        words.next().ok_or(usage)?.clone_into(&mut image);
    }
    if image.is_empty() && command.is_empty() {
        return Err(format!("what does {name} run? {usage}"));
    }
    let container = ContainerSpec { name: name.to_owned(), image, command, ..ContainerSpec::default() };
    Ok((pod, container, words.collect()))
}
