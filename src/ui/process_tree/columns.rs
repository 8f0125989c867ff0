//! The columns: their heads, widths and texts.

use eframe::egui::Color32;

use crate::layout::tree::Column;
use crate::model::{Link, NsKind, Parent, Process};
use crate::ui::{Cx, pod_map, text};
use crate::wording::duration;

/// The head of a column.
#[derive(Clone, Copy, Debug)]
pub struct Head {
    pub title: &'static str,
    pub width: f32,
    pub about: &'static str,
}

const fn head_of(title: &'static str, width: f32, about: &'static str) -> Head {
    Head { title, width, about }
}

pub const fn head(column: Column) -> Head {
    // a pid has up to seven digits
    match column {
        Column::Pid => head_of("PID", 62.0, "pid on the host"),
        Column::PidInPod => head_of("IN POD", 54.0, "pid in its own pid namespace, of a process of a pod"),
        Column::Parent => head_of("PPID", 62.0, "parent's pid on the host; 0 is outside of what is observed"),
        Column::User => head_of("USER", 56.0, "user id on the host"),
        Column::State => head_of("S", 80.0, "state"),
        Column::Threads => head_of("THR", 42.0, "threads"),
        Column::Cpu => head_of("CPU", 52.0, "share of one core in the last second"),
        Column::CpuTime => head_of("TIME+", 64.0, "CPU time since its start"),
        Column::Memory => head_of("RES", 58.0, "resident memory"),
        Column::Start => {
            head_of("START", 92.0, "start time, by the clock at the top; what is before its zero has a minus")
        }
        Column::Age => head_of("AGE", 50.0, "time since its start"),
        Column::Pod => head_of("POD", 96.0, "pod it belongs to"),
        Column::Container => head_of("CONTAINER", 80.0, "container it belongs to, or pause"),
        Column::Namespace(kind) => head_of(ns_title(kind), 92.0, ns_about(kind)),
        Column::Command => head_of("COMMAND", 0.0, "command line, or the name it gave itself"),
    }
}

const fn ns_title(kind: NsKind) -> &'static str {
    match kind {
        NsKind::Cgroup => "CGROUP NS",
        NsKind::Ipc => "IPC NS",
        NsKind::Mnt => "MNT NS",
        NsKind::Net => "NET NS",
        NsKind::Pid => "PID NS",
        NsKind::Time => "TIME NS",
        NsKind::User => "USER NS",
        NsKind::Uts => "UTS NS",
    }
}

const fn ns_about(kind: NsKind) -> &'static str {
    match kind {
        NsKind::Cgroup => "inode number of its cgroup namespace",
        NsKind::Ipc => "inode number of its ipc namespace",
        NsKind::Mnt => "inode number of its mount namespace",
        NsKind::Net => "inode number of its network namespace",
        NsKind::Pid => "inode number of its pid namespace",
        NsKind::Time => "inode number of its time namespace",
        NsKind::User => "inode number of its user namespace",
        NsKind::Uts => "inode number of its uts namespace",
    }
}

/// The text of a cell, and its colour.
pub fn cell(cx: &Cx<'_>, p: &Process, column: Column) -> (String, Color32) {
    let tokens = cx.tokens;
    let while_alive = |value: String| if p.is_alive() { value } else { "–".to_owned() };
    match column {
        Column::Pid => (p.id.pid.to_string(), tokens.text),
        Column::PidInPod => (in_pod(p), tokens.text),
        Column::Parent => (parent(p), tokens.muted),
        Column::User => (user(cx, p), tokens.muted),
        Column::State => (format!("{} {}", p.state.letter(), pod_map::state_word(p.state)), tokens.state(p.state)),
        Column::Threads => (while_alive(p.threads.to_string()), tokens.muted),
        Column::Cpu => {
            let busy = if p.cpu.permille >= 10 { tokens.text } else { tokens.muted };
            (while_alive(text::percent(p.cpu.permille)), busy)
        }
        Column::CpuTime => (text::seconds(p.cpu.time_ns), tokens.muted),
        Column::Memory => (while_alive(text::bytes(p.rss_bytes)), tokens.muted),
        Column::Start => (cx.clock(p.born.t), tokens.muted),
        Column::Age => (duration::format_like_kubectl(cx.now.since(p.born.t)), tokens.muted),
        Column::Pod => (pod(cx, p), tokens.muted),
        Column::Container => (p.member.as_ref().map_or(String::new(), |m| m.name().to_owned()), tokens.muted),
        Column::Namespace(kind) => {
            let number = match Link::of(p, kind) {
                Link::In(ns) => ns.ino.to_string(),
                Link::Left => "left".to_owned(),
                Link::NotVisible => "?".to_owned(),
            };
            (number, tokens.ns(kind))
        }
        Column::Command => (p.title(), tokens.text),
    }
}

fn in_pod(p: &Process) -> String {
    match (&p.member, p.pid_in_pod()) {
        (None, _) => "–".into(),
        (Some(_), None) => "?".into(),
        (Some(_), Some(pid)) => pid.to_string(),
    }
}

fn parent(p: &Process) -> String {
    match p.parent {
        Parent::Process(id) => id.pid.to_string(),
        Parent::Outside => "0".into(),
        Parent::Unknown => "?".into(),
    }
}

/// The name of a user is known of root and of the user of Podscope.
fn user(cx: &Cx<'_>, p: &Process) -> String {
    let host = &cx.world.host;
    match p.uid {
        None => "?".to_owned(),
        Some(0) => "root".to_owned(),
        Some(uid) if uid == host.uid && !host.user.is_empty() => host.user.clone(),
        Some(uid) => uid.to_string(),
    }
}

fn pod(cx: &Cx<'_>, p: &Process) -> String {
    let Some(member) = &p.member else { return String::new() };
    cx.world.pod(&member.pod).map_or_else(|| "removed".to_owned(), |pod| pod.name.clone())
}
