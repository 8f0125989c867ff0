//! The content of each side: commands and their output.

use std::fmt::Write as _;

use crate::model::{MonoNs, PodUid, World};
use crate::report::{self, Get, Target, Text};

/// The width of a cell in characters, except in the last column.
const MAX_CELL: usize = 36;

/// A command as it would be typed, and its output.
pub struct Part {
    pub command: String,
    pub text: Text,
}

fn part(command: impl Into<String>, text: Text) -> Part {
    Part { command: command.into(), text: text.narrow() }
}

/// The commands that ask the API server.
pub fn server(world: &World, uid: &PodUid, now: MonoNs) -> Vec<Part> {
    let name = world.pod(uid).map_or("", |p| p.name.as_str());
    let get = Get { wide: true, pod: Some(uid.clone()) };
    let mut parts = vec![part(format!("$ kubectl get pod {name} -o wide"), report::get_pods(world, &get, now))];
    if let Some(text) = report::describe(world, uid, now) {
        parts.push(part(format!("$ kubectl describe pod {name}"), text));
    }
    parts
}

/// The commands on the node.
pub fn node(world: &World, uid: &PodUid, now: MonoNs) -> Vec<Part> {
    let name = world.pod(uid).map_or("", |p| p.name.as_str());
    let id: String = uid.0.chars().take(13).collect();
    let mut parts = vec![
        part(format!("node$ crictl pods --name {name}"), report::crictl_pods(world, Some(uid), now)),
        part(format!("node$ crictl ps -a --pod {id}"), report::crictl_ps(world, Some(uid), now)),
        part(format!("node$ docker ps -a --filter name={name}"), report::docker_ps(world, Some(uid), now)),
        part("host$ ps -eo uid,pid,ppid,s,args  # of the node and the pod", report::ps_host(world, Some(uid))),
    ];
    let spaces = report::pid_namespaces(world, uid);
    for space in &spaces {
        let prompt = if spaces.len() == 1 { "pod".to_owned() } else { space.members.join(", ") };
        parts.push(part(format!("{prompt}$ ps -eo pid,ppid,s,args"), report::ps_inside(world, space.ns)));
    }
    parts.push(part("host$ readlink /proc/PID/ns/*", report::links(world, uid)));
    parts
}

/// A cell to draw.
#[derive(Debug)]
pub struct Piece {
    /// The number of characters to the left of it.
    pub column: usize,
    pub text: String,
    /// The whole text, if it was cut.
    pub whole: Option<String>,
    pub target: Option<Target>,
    /// Whether a cell to its left has the same target.
    pub is_repeated: bool,
}

#[derive(Debug)]
pub enum Row {
    Command(String),
    Head(Vec<Piece>),
    Line(Vec<Piece>),
    Gap,
}

/// The rows of one side.
#[derive(Debug, Default)]
pub struct Side {
    pub rows: Vec<Row>,
    /// The length of the longest row in characters.
    pub columns: usize,
    /// The whole side as text, for the clipboard.
    pub text: String,
}

impl Side {
    pub fn new(parts: &[Part]) -> Self {
        let mut side = Self::default();
        for part in parts {
            if !side.rows.is_empty() {
                side.rows.push(Row::Gap);
                side.text.push('\n');
            }
            let command = crate::model::text::escaped(&part.command).into_owned();
            let _ = writeln!(side.text, "{command}");
            let _ = write!(side.text, "{}", part.text);
            side.columns = side.columns.max(command.chars().count());
            side.rows.push(Row::Command(command));
            side.add(&part.text);
        }
        side
    }

    fn add(&mut self, text: &Text) {
        for (line, placed) in text.lines.iter().zip(text.placed(Some(MAX_CELL))) {
            let mut pieces: Vec<Piece> = Vec::with_capacity(placed.len());
            for p in placed {
                let target = p.cell.target.clone();
                pieces.push(Piece {
                    column: p.column,
                    whole: p.text.starts_with('…').then(|| p.cell.text.clone()),
                    is_repeated: target.is_some() && pieces.iter().any(|other| other.target == target),
                    target,
                    text: p.text,
                });
            }
            let end = pieces.last().map_or(0, |p| p.column + p.text.chars().count());
            self.columns = self.columns.max(end);
            self.rows.push(if line.head { Row::Head(pieces) } else { Row::Line(pieces) });
        }
    }
}
