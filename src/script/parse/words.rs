//! Parses single words of a script.

use std::time::Duration;

use super::Parsed;
use crate::lab::Url;
use crate::model::{NsKind, Phase, Signal, State};
use crate::script::{Bound, Ending, MemberRef, Page, Relation};

pub fn one<'a>(words: &[&'a str], usage: &str) -> Parsed<&'a str> {
    match words {
        [word] => Ok(word),
        _ => Err(usage.to_owned()),
    }
}

pub fn number<N: std::str::FromStr>(word: &str) -> Parsed<N> {
    word.parse().map_err(|_| format!("`{word}` is not a number"))
}

pub fn signal_named(word: &str) -> Parsed<Signal> {
    Signal::parse(word).ok_or_else(|| format!("`{word}` is not a signal; TERM, KILL, STOP, CONT, HUP, … or a number"))
}

pub fn phase_named(word: &str) -> Parsed<Phase> {
    [Phase::Pending, Phase::Running, Phase::Succeeded, Phase::Failed]
        .into_iter()
        .find(|p| p.name() == word)
        .ok_or_else(|| format!("`{word}` is not a phase; Pending, Running, Succeeded or Failed"))
}

pub fn kind_named(word: &str) -> Parsed<NsKind> {
    NsKind::from_name(word)
        .ok_or_else(|| format!("`{word}` is not a kind of namespace; {}", NsKind::ALL.map(NsKind::name).join(" ")))
}

/// `net,uts`.
pub fn kinds(word: &str) -> Parsed<Vec<NsKind>> {
    word.split(',').map(kind_named).collect()
}

pub fn state_named(word: &str) -> Parsed<State> {
    [State::Running, State::Sleeping, State::Disk, State::Stopped, State::Traced, State::Idle, State::Zombie]
        .into_iter()
        .find(|s| word.chars().eq([s.letter()]))
        .ok_or_else(|| format!("`{word}` is not a state of a process; R running, S sleeping, T stopped, Z zombie, …"))
}

pub fn ending(words: &[&str], usage: &str) -> Parsed<Ending> {
    match words {
        ["signal", signal] => Ok(Ending::Signal(signal_named(signal)?)),
        ["code", code] => Ok(Ending::Code(number(code)?)),
        _ => Err(usage.to_owned()),
    }
}

/// `http://HOST[:PORT]/PATH`, or `POD:PORT/PATH` for a port of a pod that has a host port.
pub fn page(word: &str) -> Parsed<Page> {
    if let Some(url) = Url::parse(word) {
        return Ok(Page::At(url));
    }
    let behind = || {
        let (pod, rest) = word.split_once(':')?;
        let (port, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
        let port = port.parse().ok().filter(|port| *port != 0)?;
        (!pod.is_empty()).then(|| Page::Behind { pod: pod.to_owned(), port, path: path.to_owned() })
    };
    behind().ok_or_else(|| format!("`{word}` is not a URL; http://HOST[:PORT]/PATH, or POD:PORT/PATH"))
}

/// `3`, `>=3` or `<3`, also with a space after the sign; `value` parses the number.
pub fn bound(words: &[&str], usage: &str, value: impl Fn(&str) -> Parsed<u64>) -> Parsed<Bound> {
    let text = words.concat();
    let (relation, rest) = match (text.strip_prefix(">="), text.strip_prefix('<')) {
        (Some(rest), _) => (Relation::AtLeast, rest),
        (_, Some(rest)) => (Relation::Below, rest),
        _ => (Relation::Exactly, text.as_str()),
    };
    if rest.is_empty() || words.len() > 2 {
        return Err(usage.to_owned());
    }
    Ok(Bound { relation, than: value(rest)? })
}

/// `50%` or `0.5%`, in thousandths.
pub fn share(word: &str) -> Parsed<u64> {
    let wrong = || format!("`{word}` is not a share of a core; such as 50% or 0.5%");
    let (whole, tenth) = word.strip_suffix('%').map(|n| n.split_once('.').unwrap_or((n, "0"))).ok_or_else(wrong)?;
    match (whole.parse::<u32>(), tenth.parse::<u8>()) {
        (Ok(whole), Ok(tenth)) if tenth < 10 => Ok(u64::from(whole) * 10 + u64::from(tenth)),
        _ => Err(wrong()),
    }
}

/// `200kB`, `1MiB`; a bare number is bytes.
pub fn size(word: &str) -> Parsed<u64> {
    let wrong = || format!("`{word}` is not a size; such as 200kB or 1MiB");
    let digits = word.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let scale = match &word[digits.len()..] {
        "" | "B" => 1,
        "kB" => 1_000,
        "MB" => 1_000_000,
        "KiB" => 1 << 10,
        "MiB" => 1 << 20,
        _ => return Err(wrong()),
    };
    digits.parse::<u64>().ok().and_then(|n| n.checked_mul(scale)).ok_or_else(wrong)
}

pub fn nanoseconds(word: &str) -> Parsed<u64> {
    Ok(u64::try_from(duration(word)?.as_nanos()).unwrap_or(u64::MAX))
}

/// `500ms`, `5s`, `1.5s`, `2m`; a bare number is seconds.
pub fn duration(word: &str) -> Parsed<Duration> {
    let digits = word.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let scale = match &word[digits.len()..] {
        "ms" => 0.001,
        "" | "s" => 1.0,
        "m" => 60.0,
        "h" => 3_600.0,
        _ => return Err(format!("`{word}` is not a duration; such as 500ms, 5s or 2m")),
    };
    let seconds = digits.parse::<f64>().ok().filter(|s| s.is_finite() && *s >= 0.0);
    seconds
        .and_then(|s| Duration::try_from_secs_f64(s * scale).ok())
        .ok_or_else(|| format!("`{word}` is not a duration; such as 500ms, 5s or 2m"))
}

/// `POD/MEMBER[:NAME[INDEX]]`, `POD/container/NAME`, `MEMBER`, or a pid.
pub fn member(word: &str) -> Parsed<MemberRef> {
    let wrong = || format!("`{word}` is not a member; POD/MEMBER, POD/MEMBER:NAME[INDEX] or a pid");
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
    let name = member.strip_prefix("container/").unwrap_or(member);
    if name.is_empty() || name.contains('/') || pod == Some("") {
        return Err(wrong());
    }
    Ok(MemberRef::Name { pod: pod.map(str::to_owned), member: member.to_owned(), process })
}

/// The same with a required `:NAME`, which selects processes of the member.
pub fn processes(word: &str) -> Parsed<MemberRef> {
    match member(word)? {
        found @ MemberRef::Name { process: Some(_), .. } => Ok(found),
        _ => Err(format!("`{word}` names no processes; POD/MEMBER:NAME")),
    }
}

/// `worker[1]`; the index is 0 by default.
fn process(text: &str) -> Option<(String, usize)> {
    let (name, index) = match text.split_once('[') {
        Some((name, index)) => (name, index.strip_suffix(']')?.parse().ok()?),
        None => (text, 0),
    };
    (!name.is_empty()).then(|| (name.to_owned(), index))
}

/// Splits words at spaces outside of single and double quotes, as a shell does. Nothing else is special.
pub fn split_arguments(text: &str, usage: &str) -> Parsed<Vec<String>> {
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
    if words.is_empty() { Err(usage.to_owned()) } else { Ok(words) }
}
