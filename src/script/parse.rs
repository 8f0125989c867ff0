//! Parses text into steps. Every error names the line and the correct form.

mod condition;
mod members;
mod words;

use std::time::Duration;

use self::condition::condition;
use self::members::{is_addition, parse_debug, parse_join};
pub use self::words::duration;
use self::words::{kind_named, kinds, member, one, page, signal_named, split_arguments};
use super::{Script, Step, StepKind};
use crate::model::text::escaped;

const WAIT_LIMIT: Duration = Duration::from_secs(10);
const EXPECT_LIMIT: Duration = Duration::from_secs(1);
const EXEC_LIMIT: Duration = Duration::from_secs(30);
const STEPS: &str = "wait, expect, kill, exec, logs, fetch, delete, sandbox, join, debug, replace, leave, unshare, fork, \
                     snapshot, screenshot, film, select, show or sleep";

/// A line that is not a step.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{name}:{line}: {why}")]
pub struct ScriptError {
    pub name: String,
    pub line: usize,
    pub why: String,
}

type Parsed<T> = Result<T, String>;

/// Parses a script. `name` is the name of the file, for error messages.
pub fn parse(name: &str, text: &str) -> Result<Script, ScriptError> {
    let mut steps = Vec::new();
    // some editors start a file with a byte order mark
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    for (index, line) in text.lines().enumerate() {
        let content = without_comment(line);
        if content.is_empty() {
            continue;
        }
        let line = index + 1;
        // words of the script are in the error
        let wrong = |why: String| ScriptError { name: name.to_owned(), line, why: escaped(&why).into_owned() };
        let kind = step(content).map_err(wrong)?;
        steps.push(Step { line, text: content.to_owned(), kind });
    }
    Ok(Script { name: name.to_owned(), steps })
}

/// `#` starts a comment at the start of a line or after a space, but not in a command to run or a text to look for.
fn without_comment(line: &str) -> &str {
    let line = line.trim();
    let mut words = line.split_whitespace();
    let verbatim = match words.next() {
        Some("exec" | "replace" | "debug") => true,
        // the other step of this name runs no command
        Some("join") => line.contains(" -- "),
        Some("wait" | "expect") => matches!(words.next(), Some("output" | "log" | "fetch" | "fails")),
        _ => false,
    };
    if verbatim {
        return line;
    }
    let comment = if line.starts_with('#') { Some(0) } else { line.find(" #") };
    line[..comment.unwrap_or(line.len())].trim_end()
}

fn step(text: &str) -> Parsed<StepKind> {
    let (verb, rest) = text.split_once(char::is_whitespace).unwrap_or((text, ""));
    let rest = rest.trim();
    let words: Vec<&str> = rest.split_whitespace().collect();
    match verb {
        "wait" => {
            let (until, within) = condition(rest)?;
            Ok(StepKind::Wait { until, within: within.unwrap_or(WAIT_LIMIT) })
        }
        "expect" => {
            let (that, within) = condition(rest)?;
            Ok(StepKind::Expect { that, within: within.unwrap_or(EXPECT_LIMIT) })
        }
        "kill" => match words[..] {
            [target, signal] => Ok(StepKind::Kill { target: member(target)?, signal: signal_named(signal)? }),
            _ => Err("kill POD/MEMBER[:NAME[INDEX]] SIGNAL".into()),
        },
        "exec" => {
            let usage = "exec [--timeout 5s] POD/CONTAINER -- PROGRAM ARGUMENT…";
            let (before, argv) = rest.split_once(" -- ").ok_or(usage)?;
            let (target, limit) = match before.split_whitespace().collect::<Vec<_>>()[..] {
                [target] => (target, EXEC_LIMIT),
                ["--timeout", limit, target] => (target, duration(limit)?),
                _ => return Err(usage.into()),
            };
            Ok(StepKind::Exec { member: member(target)?, argv: split_arguments(argv, usage)?, limit })
        }
        "replace" => {
            let usage = "replace POD/CONTAINER -- COMMAND ARGUMENT…";
            let (target, argv) = rest.split_once(" -- ").ok_or(usage)?;
            Ok(StepKind::Replace { member: member(target.trim())?, argv: split_arguments(argv, usage)? })
        }
        "logs" => Ok(StepKind::Logs(member(one(&words, "logs POD/CONTAINER")?)?)),
        "fetch" => Ok(StepKind::Fetch(page(one(&words, "fetch URL, or POD:PORT/PATH")?)?)),
        "delete" => Ok(StepKind::Delete { pod: one(&words, "delete POD")?.to_owned() }),
        "unshare" => match words[..] {
            [target, list] => Ok(StepKind::Unshare { member: member(target)?, kinds: kinds(list)? }),
            _ => Err("unshare POD/CONTAINER KIND,KIND…".into()),
        },
        "sandbox" => Ok(StepKind::Sandbox { name: one(&words, "sandbox POD")?.to_owned() }),
        "debug" => parse_debug(rest),
        "leave" => Ok(StepKind::Leave(member(one(&words, "leave POD/CONTAINER")?)?)),
        "join" if is_addition(rest) => parse_join(rest),
        "join" => match words[..] {
            [joining, list, target] => {
                Ok(StepKind::Join { member: member(joining)?, kinds: kinds(list)?, target: member(target)? })
            }
            _ => Err("join POD/CONTAINER KIND,KIND… MEMBER".into()),
        },
        "fork" => Ok(StepKind::Fork(member(one(&words, "fork POD/CONTAINER")?)?)),
        "snapshot" => Ok(StepKind::Snapshot(one(&words, "snapshot FILE")?.into())),
        "screenshot" => Ok(StepKind::Screenshot(one(&words, "screenshot FILE")?.into())),
        "film" => Ok(StepKind::Film(one(&words, "film FILE")?.into())),
        "select" => match words[..] {
            [target, kind] => Ok(StepKind::Select { member: member(target)?, namespace: Some(kind_named(kind)?) }),
            _ => Ok(StepKind::Select { member: member(one(&words, "select POD/MEMBER [KIND]")?)?, namespace: None }),
        },
        "show" => Ok(StepKind::Show(rest.to_owned())),
        "sleep" => Ok(StepKind::Sleep(duration(one(&words, "sleep 500ms")?)?)),
        _ => Err(format!("`{verb}` is not a step; a line begins with {STEPS}")),
    }
}
