//! The filter of the process tree.

use super::column::pod_name;
use crate::model::{Link, NsKind, Process, State, World};

/// The syntax, for the user to read.
pub const SYNTAX: &str = "Words find processes by name, arguments, pid, pod and container. All of them must match.\n\
    state:Z finds by the letters of the state, such as state:RD\n\
    pod:web finds by the name of the pod; pod:- finds processes of no pod\n\
    container:nginx finds by the name of the container\n\
    user:root or user:1000 finds by the user\n\
    pid:1 finds by the pid, on the host or in the pod\n\
    ns:4026531840 or net:4026531840 finds by the inode number of a namespace\n\
    !word finds what does not match";

/// The letters of `State::letter` that a process in the table can have.
const STATES: [State; 7] =
    [State::Running, State::Sleeping, State::Disk, State::Stopped, State::Traced, State::Idle, State::Zombie];

/// A filter that was read. What is not complete yet, such as `pod:`, matches everything.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Filter {
    terms: Vec<Term>,
    problem: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Term {
    is_negated: bool,
    test: Test,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Test {
    /// In lower case.
    Text(String),
    States(Vec<State>),
    /// In lower case.
    Pod(String),
    NoPod,
    /// In lower case.
    Container(String),
    User(u32),
    Pid(u32),
    /// Of this kind, or of any.
    Namespace(Option<NsKind>, u64),
}

impl Filter {
    /// Never fails: what is not understood is a [problem](Self::problem), and is left out.
    pub fn parse(text: &str, world: &World) -> Self {
        let mut filter = Self::default();
        for word in text.split_whitespace() {
            let (is_negated, word) = word.strip_prefix('!').map_or((false, word), |rest| (true, rest));
            match test(word, world) {
                Ok(Some(test)) => filter.terms.push(Term { is_negated, test }),
                Ok(None) => {}
                Err(why) => filter.problem = filter.problem.or(Some(why)),
            }
        }
        filter
    }

    /// What is not understood, for the user to read.
    pub fn problem(&self) -> Option<&str> {
        self.problem.as_deref()
    }

    pub fn matches(&self, world: &World, p: &Process) -> bool {
        let mut hay = None;
        self.terms.iter().all(|term| {
            let matches = match &term.test {
                Test::Text(word) => hay.get_or_insert_with(|| text_of(world, p)).contains(word.as_str()),
                Test::States(states) => states.contains(&p.state),
                Test::Pod(name) => pod_name(world, p).is_some_and(|pod| pod.to_lowercase().contains(name.as_str())),
                Test::NoPod => p.member.is_none(),
                Test::Container(name) => {
                    p.member.as_ref().is_some_and(|member| member.name().to_lowercase().contains(name.as_str()))
                }
                Test::User(uid) => p.uid == Some(*uid),
                Test::Pid(pid) => p.id.pid == *pid || p.pid_inside() == Some(*pid),
                Test::Namespace(kind, ino) => {
                    let is_in = |kind| matches!(Link::of(p, kind), Link::In(ns) if ns.ino == *ino);
                    kind.map_or_else(|| NsKind::ALL.into_iter().any(is_in), is_in)
                }
            };
            matches != term.is_negated
        })
    }
}

/// `None` for a word that is not complete yet.
fn test(word: &str, world: &World) -> Result<Option<Test>, String> {
    let text = || Ok(Some(Test::Text(word.to_lowercase())).filter(|_| !word.is_empty()));
    let Some((key, value)) = word.split_once(':') else { return text() };
    let number = |value: &str| value.parse::<u32>().map_err(|_| format!("{key}: needs a number"));
    let kind = NsKind::from_name(key).filter(|kind| !matches!(kind, NsKind::Pid | NsKind::User));
    let is_key = matches!(key, "state" | "pod" | "container" | "user" | "pid" | "ns") || kind.is_some();
    match key {
        _ if !is_key => text(),
        _ if value.is_empty() => Ok(None),
        "state" => states(value).map(|states| Some(Test::States(states))),
        "pod" if value == "-" => Ok(Some(Test::NoPod)),
        "pod" => Ok(Some(Test::Pod(value.to_lowercase()))),
        "container" => Ok(Some(Test::Container(value.to_lowercase()))),
        // as a link in /proc is written: pid:[4026531836]
        "pid" | "user" if value.starts_with('[') => namespace(key, NsKind::from_name(key), value),
        "pid" => number(value).map(|pid| Some(Test::Pid(pid))),
        "user" if value == "root" => Ok(Some(Test::User(0))),
        "user" if value == world.host.user => Ok(Some(Test::User(world.host.uid))),
        "user" => {
            let why = || format!("user: needs a number, root or {}", world.host.user);
            value.parse::<u32>().map(|uid| Some(Test::User(uid))).map_err(|_| why())
        }
        _ => namespace(key, kind, value),
    }
}

fn namespace(key: &str, kind: Option<NsKind>, value: &str) -> Result<Option<Test>, String> {
    let digits = value.trim_start_matches('[').trim_end_matches(']');
    match digits.parse::<u64>() {
        _ if digits.is_empty() => Ok(None),
        Ok(ino) => Ok(Some(Test::Namespace(kind, ino))),
        Err(_) => Err(format!("{key}: needs the inode number of a namespace")),
    }
}

fn states(letters: &str) -> Result<Vec<State>, String> {
    let state = |letter: char| {
        let with = |letter: char| STATES.into_iter().find(|state| state.letter() == letter);
        // t is traced and T is stopped; of the others the case does not matter
        with(letter).or_else(|| with(letter.to_ascii_uppercase()))
    };
    let all = STATES.map(|state| state.letter().to_string()).join(" ");
    letters.chars().map(|letter| state(letter).ok_or_else(|| format!("state: knows {all}"))).collect()
}

/// What words are searched in, in lower case.
fn text_of(world: &World, p: &Process) -> String {
    let inside = p.pid_in_pod().map_or(String::new(), |pid| pid.to_string());
    let member = p.member.as_ref().map_or("", |member| member.name());
    let pod = pod_name(world, p).unwrap_or_default();
    format!("{} {} {} {inside} {member} {pod}", p.title(), p.comm, p.id.pid).to_lowercase()
}
