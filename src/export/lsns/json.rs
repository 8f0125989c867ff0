//! `lsns -J -l -o NS,TYPE,PATH,NPROCS,PID,PPID,COMMAND,UID,USER,NETNSID,NSFS,PNS,ONS`.

use serde::Serialize;

use super::super::Selection;
use super::{Row, Users, command, rows};
use crate::model::text::escaped_json;
use crate::model::{Holder, NetNsId, NsKind, Parent, World};

#[derive(Serialize)]
struct Output {
    namespaces: Vec<Line>,
}

/// The columns in the order of `lsns`. A namespace has no parent or owner that can be seen if that is 0.
#[derive(Serialize)]
struct Line {
    ns: u64,
    r#type: NsKind,
    path: String,
    nprocs: usize,
    pid: u32,
    ppid: u32,
    command: String,
    uid: Option<u32>,
    user: String,
    netnsid: Option<String>,
    nsfs: Option<String>,
    pns: u64,
    ons: u64,
}

pub fn render(world: &World, selection: &Selection) -> String {
    let mut users = Users::default();
    let namespaces = rows(world, selection).iter().map(|row| line(world, row, selection, &mut users)).collect();
    // plain structs with string keys: serialisation to a string cannot fail
    escaped_json(indented(&Output { namespaces }).unwrap_or_default())
}

fn line(world: &World, row: &Row, selection: &Selection, users: &mut Users) -> Line {
    let (ns, first) = (row.ns, row.first);
    let known = world.namespaces.get(&ns);
    let ino = |ns: Option<crate::model::NsId>| ns.map_or(0, |ns| ns.ino);
    Line {
        ns: ns.ino,
        r#type: ns.kind,
        path: format!("/proc/{}/ns/{}", first.id, ns.kind),
        nprocs: row.count,
        pid: first.id.pid,
        ppid: match first.parent {
            Parent::Process(parent) => parent.pid,
            Parent::Outside | Parent::Unknown => 0,
        },
        command: command(first, selection),
        uid: first.uid,
        user: users.name(first.uid),
        netnsid: known.and_then(|known| known.net).map(|net| match net {
            NetNsId::Unassigned => "unassigned".to_owned(),
            NetNsId::Number(number) => number.to_string(),
        }),
        nsfs: known.and_then(|known| mount_points(world, known.holders.as_deref().unwrap_or_default())),
        pns: ino(known.and_then(|known| known.parent)),
        ons: ino(known.and_then(|known| known.owner)),
    }
}

/// Where our own mount namespace has it mounted, one path a line.
fn mount_points(world: &World, holders: &[Holder]) -> Option<String> {
    let mut points: Vec<&str> = Vec::new();
    for holder in holders {
        if let Holder::Mount { inside, point, .. } = holder
            && world.is_host_ns(*inside)
            && !points.contains(&point.as_str())
        {
            points.push(point);
        }
    }
    (!points.is_empty()).then(|| points.join("\n"))
}

/// As libsmartcols indents (`fput_table_open` in libsmartcols/src/fput.c): by three spaces, and the next object begins
/// in the line in which the last one ends.
fn indented(output: &Output) -> serde_json::Result<String> {
    let mut text = Vec::new();
    let mut writer =
        serde_json::Serializer::with_formatter(&mut text, serde_json::ser::PrettyFormatter::with_indent(b"   "));
    output.serialize(&mut writer)?;
    let mut text = String::from_utf8_lossy(&text).replace("\n      },\n      {\n", "\n      },{\n");
    text.push('\n');
    Ok(text)
}
