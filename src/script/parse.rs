//! From text to steps; every mistake names its line and what would be right.

use std::time::Duration;

use crate::model::{NsKind, Phase, Signal};

use super::{Condition, MemberRef, Script, Step, StepKind};

const WAIT: Duration = Duration::from_secs(10);
const EXPECT: Duration = Duration::from_secs(1);
const STEPS: &str = "wait, expect, kill, exec, delete, snapshot, screenshot, select, show or sleep";
const CONDITIONS: &str =
    "ready, gone, alive, zombies, restarted, sandbox, pid, shared, private, phase, output, exit or ip";

/// A line that is not a step.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{name}:{line}: {why}")]
pub struct ScriptError {
    pub name: String,
    pub line: usize,
    pub why: String,
}

/// Reads a script. `name` is the file's, for messages.
pub fn parse(name: &str, text: &str) -> Result<Script, ScriptError> {
    let mut steps = Vec::new();
    for (index, line) in text.lines().enumerate() {
        let content = without_comment(line);
        if content.is_empty() {
            continue;
        }
        let line = index + 1;
        let kind = step(content).map_err(|why| ScriptError { name: name.to_owned(), line, why })?;
        steps.push(Step { line, text: content.to_owned(), kind });
    }
    Ok(Script { name: name.to_owned(), steps })
}

/// `#` begins a comment at the start of a line or after a space, but not in what is run or looked for.
fn without_comment(line: &str) -> &str {
    let line = line.trim();
    let verbatim = line.starts_with("exec ") || line.starts_with("expect output") || line.starts_with("wait output");
    if verbatim {
        return line;
    }
    let comment = if line.starts_with('#') { Some(0) } else { line.find(" #") };
    line[..comment.unwrap_or(line.len())].trim_end()
}

type Parsed<T> = Result<T, String>;

fn step(text: &str) -> Parsed<StepKind> {
    let (verb, rest) = text.split_once(char::is_whitespace).unwrap_or((text, ""));
    let rest = rest.trim();
    let mut words: Vec<&str> = rest.split_whitespace().collect();
    match verb {
        "wait" | "expect" => {
            let within = within(&mut words)?;
            let condition = condition(rest, &words)?;
            Ok(match verb {
                "wait" => StepKind::Wait { until: condition, within: within.unwrap_or(WAIT) },
                _ => StepKind::Expect { that: condition, within: within.unwrap_or(EXPECT) },
            })
        }
        "kill" => match words[..] {
            [target, signal] => Ok(StepKind::Kill { target: member(target)?, signal: signal_named(signal)? }),
            _ => Err("kill POD/MEMBER[:NAME[INDEX]] SIGNAL".into()),
        },
        "exec" => {
            let (target, argv) = rest.split_once(" -- ").ok_or("exec POD/CONTAINER -- PROGRAM ARGUMENT…")?;
            Ok(StepKind::Exec { member: member(target.trim())?, argv: split_arguments(argv)? })
        }
        "delete" => Ok(StepKind::Delete { pod: one(&words, "delete POD")?.to_owned() }),
        "snapshot" => Ok(StepKind::Snapshot(one(&words, "snapshot FILE")?.into())),
        "screenshot" => Ok(StepKind::Screenshot(one(&words, "screenshot FILE")?.into())),
        "select" => Ok(StepKind::Select(member(one(&words, "select POD/MEMBER")?)?)),
        "show" => Ok(StepKind::Show(rest.to_owned())),
        "sleep" => Ok(StepKind::Sleep(duration(one(&words, "sleep 500ms")?)?)),
        _ => Err(format!("`{verb}` is no step; a line begins with {STEPS}")),
    }
}

fn condition(rest: &str, words: &[&str]) -> Parsed<Condition> {
    let (&what, args) = words.split_first().ok_or_else(|| format!("what for? {CONDITIONS}"))?;
    let optional = |usage: &str| match args {
        [] => Ok(None),
        [pod] => Ok(Some((*pod).to_owned())),
        _ => Err(usage.to_owned()),
    };
    let counted = |usage: &str| match args {
        [n] => Ok((number(n)?, None)),
        [n, pod] => Ok((number(n)?, Some((*pod).to_owned()))),
        _ => Err(usage.to_owned()),
    };
    match what {
        "ready" => Ok(Condition::Ready(optional("ready [POD]")?)),
        "gone" => Ok(Condition::Gone(member(one(args, "gone PID or POD/MEMBER")?)?)),
        "alive" => Ok(Condition::Alive(member(one(args, "alive PID or POD/MEMBER")?)?)),
        "zombies" => {
            let (count, pod) = counted("zombies NUMBER [POD]")?;
            Ok(Condition::Zombies { count: count as usize, pod })
        }
        "restarted" => Ok(Condition::Restarted(member(one(args, "restarted CONTAINER")?)?)),
        "sandbox" => {
            let (attempt, pod) = counted("sandbox ATTEMPT [POD]")?;
            Ok(Condition::Sandbox { attempt, pod })
        }
        "pid" => match args {
            [target, "in-pod", pid] => Ok(Condition::InPod { member: member(target)?, pid: number(pid)? }),
            _ => Err("pid POD/MEMBER in-pod NUMBER".into()),
        },
        "shared" | "private" => {
            let [kind, a, b] = args else { return Err(format!("{what} KIND MEMBER MEMBER")) };
            let kind = NsKind::from_name(kind).ok_or_else(|| {
                format!("`{kind}` is no kind of namespace; {}", NsKind::ALL.map(NsKind::name).join(" "))
            })?;
            let (a, b) = (member(a)?, member(b)?);
            Ok(if what == "shared" { Condition::Shared { kind, a, b } } else { Condition::Private { kind, a, b } })
        }
        "phase" => match args {
            [pod, phase] => Ok(Condition::Phase { pod: (*pod).to_owned(), phase: phase_named(phase)? }),
            _ => Err("phase POD Pending|Running|Succeeded|Failed".into()),
        },
        "output" => match rest["output".len()..].trim() {
            "" => Err("output TEXT".into()),
            text => Ok(Condition::Output(text.to_owned())),
        },
        "exit" => {
            let code = one(args, "exit CODE")?;
            code.parse().map(Condition::Exit).map_err(|_| format!("`{code}` is no exit code"))
        }
        "ip" => match args {
            [pod, "kept"] => Ok(Condition::Ip { pod: (*pod).to_owned(), kept: true }),
            [pod, "new"] => Ok(Condition::Ip { pod: (*pod).to_owned(), kept: false }),
            _ => Err("ip POD kept|new".into()),
        },
        _ => Err(format!("`{what}` is no condition; {CONDITIONS}")),
    }
}

/// Takes a trailing `within 30s` off.
fn within(words: &mut Vec<&str>) -> Parsed<Option<Duration>> {
    if words.first() == Some(&"output") {
        return Ok(None);
    }
    let Some(at) = words.iter().position(|w| *w == "within") else { return Ok(None) };
    let limit = duration(one(&words[at + 1..], "within 30s")?)?;
    words.truncate(at);
    Ok(Some(limit))
}

fn one<'a>(words: &[&'a str], usage: &str) -> Parsed<&'a str> {
    match words {
        [word] => Ok(word),
        _ => Err(usage.to_owned()),
    }
}

fn number(word: &str) -> Parsed<u32> {
    word.parse().map_err(|_| format!("`{word}` is no number"))
}

fn signal_named(word: &str) -> Parsed<Signal> {
    Signal::parse(word).ok_or_else(|| format!("`{word}` is no signal; TERM, KILL, STOP, CONT, HUP, … or a number"))
}

fn phase_named(word: &str) -> Parsed<Phase> {
    [Phase::Pending, Phase::Running, Phase::Succeeded, Phase::Failed]
        .into_iter()
        .find(|p| p.name() == word)
        .ok_or_else(|| format!("`{word}` is no phase; Pending, Running, Succeeded or Failed"))
}

/// `500ms`, `5s`, `1.5s`, `2m`; a bare number is seconds.
pub fn duration(word: &str) -> Parsed<Duration> {
    let digits = word.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let scale = match &word[digits.len()..] {
        "ms" => 0.001,
        "" | "s" => 1.0,
        "m" => 60.0,
        "h" => 3_600.0,
        _ => return Err(format!("`{word}` is no duration; such as 500ms, 5s or 2m")),
    };
    let seconds = digits.parse::<f64>().ok().filter(|s| s.is_finite() && *s >= 0.0);
    seconds
        .and_then(|s| Duration::try_from_secs_f64(s * scale).ok())
        .ok_or_else(|| format!("`{word}` is no duration; such as 500ms, 5s or 2m"))
}

/// `POD/MEMBER[:NAME[INDEX]]`, `MEMBER`, or a pid.
fn member(word: &str) -> Parsed<MemberRef> {
    let wrong = || format!("`{word}` is no member; POD/MEMBER, POD/MEMBER:NAME[INDEX] or a pid");
    if let Ok(pid) = word.parse() {
        return Ok(MemberRef::Pid(pid));
    }
    let (path, process) = match word.split_once(':') {
        Some((path, name)) => (path, Some(process(name).ok_or_else(wrong)?)),
        None => (word, None),
    };
    let (pod, member) = match path.split_once('/') {
        Some((pod, member)) => (Some(pod), member),
        None => (None, path),
    };
    if member.is_empty() || member.contains('/') || pod == Some("") {
        return Err(wrong());
    }
    Ok(MemberRef::Name { pod: pod.map(str::to_owned), member: member.to_owned(), process })
}

/// `worker[1]`; without an index the first.
fn process(text: &str) -> Option<(String, usize)> {
    let (name, index) = match text.split_once('[') {
        Some((name, index)) => (name, index.strip_suffix(']')?.parse().ok()?),
        None => (text, 0),
    };
    (!name.is_empty()).then(|| (name.to_owned(), index))
}

/// Words as a shell splits them: spaces outside of single and double quotes; no other magic.
fn split_arguments(text: &str) -> Parsed<Vec<String>> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut quote = None;
    for c in text.chars() {
        match (quote, c) {
            (Some(q), _) if c == q => quote = None,
            (None, '\'' | '"') => {
                quote = Some(c);
                word.get_or_insert_default();
            }
            (None, _) if c.is_whitespace() => words.extend(word.take()),
            _ => word.get_or_insert_default().push(c),
        }
    }
    if let Some(q) = quote {
        return Err(format!("a {q} is missing"));
    }
    words.extend(word);
    if words.is_empty() { Err("exec POD/CONTAINER -- PROGRAM ARGUMENT…".into()) } else { Ok(words) }
}
