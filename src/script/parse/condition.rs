//! Parses the condition after `wait` and `expect`.

use std::time::Duration;

use super::Parsed;
use super::words::{
    bound, duration, ending, kind_named, member, nanoseconds, number, one, page, phase_named, processes, share, size,
    state_named,
};
use crate::script::Condition;

const CONDITIONS: &str = "ready, gone, alive, ended, process, count, parent, reaped, orphan, zombies, memory, cpu, state, \
                          status, phase, restarted, restarts, sandbox, event, events, removed, ip, pid, shared, private, output, \
                          exit, fails, log, fetch or took";

/// The condition, and its limit after `within` if it has one.
pub fn condition(rest: &str) -> Parsed<(Condition, Option<Duration>)> {
    let (what, after) = rest.split_once(char::is_whitespace).unwrap_or((rest, ""));
    let after = after.trim();
    match what {
        "" => Err(format!("what for? {CONDITIONS}")),
        // the text to look for is taken literally
        "output" if after.is_empty() => Err("output TEXT".into()),
        "output" => Ok((Condition::Output(after.to_owned()), None)),
        "fails" if after.is_empty() => Err("fails TEXT, which is what the last step says".into()),
        "fails" => Ok((Condition::Fails(after.to_owned()), None)),
        "log" => {
            let (member_name, text, limit) = parse_polled(after, "log POD/CONTAINER TEXT [within 30s]")?;
            Ok((Condition::Log { member: member(member_name)?, text }, limit))
        }
        "fetch" => {
            let (place, text, limit) = parse_polled(after, "fetch URL TEXT [within 30s]")?;
            Ok((Condition::Fetch { page: page(place)?, text }, limit))
        }
        _ => {
            let mut words: Vec<&str> = after.split_whitespace().collect();
            let limit = within(&mut words)?;
            Ok((parse_words(what, &words)?, limit))
        }
    }
}

fn parse_words(what: &str, args: &[&str]) -> Parsed<Condition> {
    let name = |word: &&str| (*word).to_owned();
    let optional = |usage: &str| match args {
        [] => Ok(None),
        [pod] => Ok(Some(name(pod))),
        _ => Err(usage.to_owned()),
    };
    let counted = |usage: &str| match args {
        [n] => Ok((number::<u32>(n)?, None)),
        [n, pod] => Ok((number::<u32>(n)?, Some(name(pod)))),
        _ => Err(usage.to_owned()),
    };
    match what {
        "ready" => Ok(Condition::Ready(optional("ready [POD]")?)),
        "gone" => Ok(Condition::Gone(member(one(args, "gone PID or POD/MEMBER")?)?)),
        "alive" => Ok(Condition::Alive(member(one(args, "alive PID or POD/MEMBER")?)?)),
        "ended" => {
            let usage = "ended POD/MEMBER signal KILL, or code 0";
            let (target, how) = args.split_first().ok_or(usage)?;
            Ok(Condition::Ended { of: member(target)?, how: ending(how, usage)? })
        }
        "process" => match args {
            [target, state] => Ok(Condition::State { of: member(target)?, state: state_named(state)? }),
            _ => Err("process POD/MEMBER[:NAME[INDEX]] R|S|T|Z".into()),
        },
        "count" => {
            let usage = "count POD/MEMBER:NAME [>=]NUMBER";
            let (target, n) = args.split_first().ok_or(usage)?;
            Ok(Condition::Count { of: processes(target)?, bound: bound(n, usage, number)? })
        }
        "parent" => match args {
            [target, parent] => Ok(Condition::Parent { of: member(target)?, parent: member(parent)? }),
            _ => Err("parent POD/MEMBER:NAME MEMBER, such as pause".into()),
        },
        "reaped" => match args {
            [target, "by", by] => Ok(Condition::Reaped { of: member(target)?, by: member(by)? }),
            _ => Err("reaped POD/MEMBER by MEMBER, such as pause or node".into()),
        },
        "orphan" => match args {
            [target, "reaped", "by", by] => Ok(Condition::Orphan { of: processes(target)?, by: member(by)? }),
            _ => Err("orphan POD/MEMBER:NAME reaped by pause".into()),
        },
        "zombies" => {
            let (count, pod) = counted("zombies NUMBER [POD]")?;
            Ok(Condition::Zombies { count: count as usize, pod })
        }
        "memory" => {
            let usage = "memory POD/MEMBER <200kB";
            let (target, n) = args.split_first().ok_or(usage)?;
            Ok(Condition::Memory { of: member(target)?, bound: bound(n, usage, size)? })
        }
        "cpu" => {
            let usage = "cpu POD/MEMBER >=50%";
            let (target, n) = args.split_first().ok_or(usage)?;
            Ok(Condition::Cpu { of: member(target)?, bound: bound(n, usage, share)? })
        }
        "state" => match args {
            [container, word] => Ok(Condition::Word { container: member(container)?, word: name(word) }),
            _ => Err("state POD/CONTAINER Running|CrashLoopBackOff|Completed|…".into()),
        },
        "status" => match args {
            [pod, word] => Ok(Condition::Status { pod: name(pod), word: name(word) }),
            _ => Err("status POD Running|CrashLoopBackOff|Terminating|…".into()),
        },
        "phase" => match args {
            [pod, phase] => Ok(Condition::Phase { pod: name(pod), phase: phase_named(phase)? }),
            _ => Err("phase POD Pending|Running|Succeeded|Failed".into()),
        },
        "restarted" => Ok(Condition::Restarted(member(one(args, "restarted CONTAINER")?)?)),
        "restarts" => {
            let usage = "restarts POD/CONTAINER [>=]NUMBER";
            let (container, n) = args.split_first().ok_or(usage)?;
            Ok(Condition::Restarts { container: member(container)?, bound: bound(n, usage, number)? })
        }
        "sandbox" => {
            let (attempt, pod) = counted("sandbox ATTEMPT [POD]")?;
            Ok(Condition::Sandbox { attempt, pod })
        }
        "event" => match args {
            [pod, reason, text @ ..] => {
                Ok(Condition::Event { pod: name(pod), reason: name(reason), text: text.join(" ") })
            }
            _ => Err("event POD REASON [TEXT]".into()),
        },
        "events" => match args {
            [pod, reason, n @ ..] => {
                let bound = bound(n, "events POD REASON [>=]NUMBER", number)?;
                Ok(Condition::Events { pod: name(pod), reason: name(reason), bound })
            }
            _ => Err("events POD REASON [>=]NUMBER".into()),
        },
        "removed" => Ok(Condition::Removed(one(args, "removed POD")?.to_owned())),
        "ip" => match args {
            [pod, "kept"] => Ok(Condition::Ip { pod: name(pod), kept: true }),
            [pod, "new"] => Ok(Condition::Ip { pod: name(pod), kept: false }),
            _ => Err("ip POD kept|new".into()),
        },
        "pid" => match args {
            [target, "in-pod", pid] => Ok(Condition::InPod { member: member(target)?, pid: number(pid)? }),
            _ => Err("pid POD/MEMBER in-pod NUMBER".into()),
        },
        "shared" | "private" => {
            let [kind, a, b] = args else { return Err(format!("{what} KIND MEMBER MEMBER")) };
            let (kind, a, b) = (kind_named(kind)?, member(a)?, member(b)?);
            Ok(if what == "shared" { Condition::Shared { kind, a, b } } else { Condition::Private { kind, a, b } })
        }
        "exit" => {
            let code = one(args, "exit CODE")?;
            code.parse().map(Condition::Exit).map_err(|_| format!("`{code}` is not an exit code"))
        }
        "took" => Ok(Condition::Took(bound(args, "took >=2s, or <500ms", nanoseconds)?)),
        _ => Err(format!("`{what}` is not a condition; {CONDITIONS}")),
    }
}

/// Removes a trailing `within 30s` and returns the limit.
fn within(words: &mut Vec<&str>) -> Parsed<Option<Duration>> {
    // a text before it may have the same word
    let Some(at) = words.iter().rposition(|w| *w == "within") else { return Ok(None) };
    let limit = one(&words[at + 1..], "within 30s").and_then(duration);
    if limit.is_err() && words.first() == Some(&"event") {
        return Ok(None);
    }
    words.truncate(at);
    limit.map(Some)
}

/// Where to look, the literal text to look for, and the limit.
fn parse_polled<'a>(text: &'a str, usage: &str) -> Parsed<(&'a str, String, Option<Duration>)> {
    let (place, looked_for) = text.split_once(char::is_whitespace).ok_or(usage)?;
    let (looked_for, limit) = match looked_for.rsplit_once(" within ") {
        Some((before, limit)) if duration(limit.trim()).is_ok() => (before, duration(limit.trim()).ok()),
        _ => (looked_for, None),
    };
    match looked_for.trim() {
        "" => Err(usage.to_owned()),
        text => Ok((place, text.to_owned(), limit)),
    }
}
