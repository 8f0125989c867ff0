//! The contents of a snapshot of a pod.

use std::collections::BTreeSet;

use podscope::export::{EventType, Format, Layout, Selection, Snapshot, render, render_table};
use podscope::model::{Delta, Holder, MonoNs, NetNsId, NsId, NsKind, Parent, Source, Stamp, WaitStatus, World};

use crate::fixture::{BUSYBOX, NGINX, PAUSE, WORKER, at, proc, world};

fn all(world: &World) -> Snapshot {
    Snapshot::new(world, &Selection::default())
}

#[test]
fn shared_private_and_host_namespaces_of_a_pod_are_listed() {
    let snapshot = all(&world());
    let [pod] = &snapshot.pods[..] else { panic!("{:?}", snapshot.pods) };
    assert_eq!(pod.shared, [NsKind::Ipc, NsKind::Net, NsKind::Pid, NsKind::User, NsKind::Uts]);
    assert_eq!(pod.private, [NsKind::Mnt]);
    assert_eq!(pod.host, [NsKind::Cgroup, NsKind::Time]);
    assert_eq!(pod.ip.as_deref(), Some("10.88.0.2"));
    assert_eq!(pod.containers[0].id.as_deref(), Some("lab://uid-1/nginx"));
}

#[test]
fn lists_are_sorted_and_numbers_are_numbers() {
    let snapshot = all(&world());
    let pids: Vec<u32> = snapshot.processes.iter().map(|p| p.pid).collect();
    assert_eq!(pids, [PAUSE, NGINX, WORKER, BUSYBOX]);
    assert!(snapshot.namespaces.is_sorted_by_key(|n| (n.kind, n.id)));
    assert!(snapshot.events.is_sorted_by_key(|e| e.mono_ns));
    let json = serde_json::to_value(&snapshot).unwrap();
    assert_eq!(json["processes"][1]["namespaces"]["net"], 104);
    assert_eq!(json["processes"][1]["pod"], "nginx-busybox");
    assert_eq!(json["processes"][0]["container"], serde_json::Value::Null);
    assert_eq!(json["processes"][1]["start_time"], 1_010);
    assert_eq!(json["taken_at"], "2023-11-14T22:13:20.00000021Z");
}

#[test]
fn namespaces_above_are_listed_with_their_owners() {
    let snapshot = all(&world());
    let find = |id| snapshot.namespaces.iter().find(|n| n.id == id).unwrap();
    assert_eq!((find(104).owner, find(104).members.len()), (Some(107), 4));
    assert_eq!((find(107).parent, find(107).owner_uid), (Some(7), Some(1_000)));
    assert!(find(7).members.is_empty());
    assert_eq!(find(7).holders, None);
}

#[test]
fn every_null_has_a_reason() {
    let snapshot = all(&world());
    let seen = &snapshot.host.visibility;
    assert_eq!(seen["namespace_holders"].reason.as_deref(), Some("not searched for"));
    assert_eq!(seen["proc_connector"].reason, None);
    let mut blind = world();
    blind.apply(&Delta::Renamed { id: proc(300), comm: "secret".into(), at: at(300) });
    let reason = all(&blind).host.visibility["namespaces"].reason.clone().unwrap();
    assert!(reason.starts_with("not all links of 1 of 5 processes"), "{reason}");
}

#[test]
fn a_redacted_snapshot_has_no_arguments() {
    for format in Format::ALL {
        let open = render(&world(), format, &Selection::default());
        let closed = render(&world(), format, &Selection { redact: true, ..Selection::default() });
        assert!(open.contains("hush"));
        assert!(!closed.contains("hush") && !closed.contains("--token"), "{closed}");
    }
    let snapshot = Snapshot::new(&world(), &Selection { redact: true, ..Selection::default() });
    assert!(snapshot.processes.iter().all(|p| p.cmdline.is_none()));
    assert_eq!(snapshot.host.visibility["arguments"].reason.as_deref(), Some("left out on request"));
}

#[test]
fn the_events_have_the_life_of_a_zombie() {
    let mut world = world();
    let (orphan, pause) = (proc(WORKER), Parent::Process(proc(PAUSE)));
    world.apply(&Delta::Exited { id: orphan, status: Some(WaitStatus::killed(15)), at: at(1_000) });
    let from = Parent::Process(proc(NGINX));
    world.apply(&Delta::Reparented { id: orphan, from, to: pause, at: at(1_500) });
    assert_eq!(all(&world).processes[2].state, 'Z');
    let reaped = Stamp::prompt(MonoNs(2_000), Source::Pause);
    world.apply(&Delta::Reaped { id: orphan, by: pause, at: reaped });
    let snapshot = all(&world);
    assert_eq!(snapshot.processes.len(), 3);
    let life: Vec<_> = snapshot
        .events
        .iter()
        .filter(|e| e.pid == Some(WORKER))
        .map(|e| (e.kind, e.mono_ns, e.by, e.exit_code, e.source.as_str(), e.precision.as_str()))
        .collect();
    assert_eq!(
        life,
        [
            (EventType::Born, 102, None, None, "connector", "by_then"),
            (EventType::Exited, 1_000, None, Some(143), "connector", "exact"),
            (EventType::Reparented, 1_500, Some(PAUSE), None, "connector", "exact"),
            (EventType::Reaped, 2_000, Some(PAUSE), None, "pause", "prompt"),
        ]
    );
}

#[test]
fn a_pid_selects_its_pod_and_its_namespaces() {
    let selection = Selection { pids: BTreeSet::from([BUSYBOX]), redact: false };
    let snapshot = Snapshot::new(&world(), &selection);
    assert_eq!(snapshot.processes.len(), 1);
    assert_eq!(snapshot.pods.len(), 1);
    let net = snapshot.namespaces.iter().find(|n| n.kind == NsKind::Net).unwrap();
    assert_eq!(net.members, [BUSYBOX]);
}

#[test]
fn a_snapshot_can_be_parsed_again() {
    let snapshot = all(&world());
    let text = serde_json::to_string(&snapshot).unwrap();
    assert_eq!(serde_json::from_str::<Snapshot>(&text).unwrap(), snapshot);
}

#[test]
fn the_table_has_the_format_of_lsns() {
    let text = render(&world(), Format::Lsns, &Selection::default());
    let lines: Vec<Vec<&str>> = text.lines().map(|l| l.split_whitespace().collect()).collect();
    assert_eq!(lines[0], ["NS", "TYPE", "NPROCS", "PID", "USER", "COMMAND"]);
    assert!(lines.iter().any(|l| l[..4] == ["104", "net", "4", "100"]), "{text}");
    let control = Delta::Exec { id: proc(PAUSE), comm: "x".into(), cmdline: vec!["a\n\x1b[2J".into()], at: at(400) };
    let mut world = world();
    world.apply(&control);
    let text = render(&world, Format::Lsns, &Selection::default());
    assert!(text.contains(r"a\x0a\x1b[2J") && !text.contains('\x1b'), "as lsns escapes it: {text}");
}

/// Each row is below that of its process's parent, as `lsns` prints them.
#[test]
fn the_table_is_a_tree_cut_at_the_width_of_the_terminal() {
    let table = |layout: Layout| render_table(&world(), &Selection::default(), &layout);
    let whole = table(Layout::default());
    let head = whole.lines().next().unwrap();
    let commands = head.find("COMMAND").unwrap();
    assert!(whole.contains("└─") || whole.contains("├─"), "{whole}");
    let ascii = table(Layout { is_ascii: true, width: None });
    assert_eq!(ascii, whole.replace("└─", "`-").replace("├─", "|-").replace("│ ", "| "));
    let width = commands + 10;
    let cut: Vec<String> = whole.lines().map(|line| line.chars().take(width).collect()).collect();
    assert_eq!(table(Layout { width: Some(width), is_ascii: false }).lines().collect::<Vec<_>>(), cut);
    let narrow = table(Layout { width: Some(3), is_ascii: false });
    assert!(narrow.starts_with(head), "the last column keeps its head");
}

#[test]
fn the_json_of_lsns_has_all_its_columns() {
    let mut world = world();
    let mut net = world.namespaces.values().find(|n| n.id.ino == 104).unwrap().clone();
    let host = world.host.namespaces.get(NsKind::Mnt).unwrap();
    let mount = |inside, id, point: &str| Holder::Mount { inside, id, point: point.into() };
    let elsewhere = NsId { ino: 999, ..host };
    let holders = [mount(host, 5, "/run/netns/blue"), mount(host, 7, "/mnt/b"), mount(elsewhere, 9, "/c")];
    (net.holders, net.net) = (Some(holders.into()), Some(NetNsId::Number(3)));
    world.apply(&Delta::Namespace { namespace: net, at: at(300) });
    let text = render(&world, Format::LsnsJson, &Selection::default());
    assert!(text.starts_with("{\n   \"namespaces\": [\n      {\n         \"ns\": "), "{text}");
    assert!(text.contains("\n      },{\n         \"ns\": ") && text.ends_with("\n      }\n   ]\n}\n"), "{text}");
    let json: serde_json::Value = serde_json::from_str(&text).unwrap();
    let rows = json["namespaces"].as_array().unwrap();
    let row = rows.iter().find(|row| row["ns"] == 104).unwrap();
    let names: Vec<&String> = row.as_object().unwrap().keys().collect();
    assert_eq!(names.len(), 13);
    assert_eq!((&row["nsfs"], &row["netnsid"]), (&"/run/netns/blue\n/mnt/b".into(), &"3".into()));
    assert_eq!((&row["ons"], &row["pns"], &row["nprocs"]), (&107.into(), &0.into(), &4.into()));
    assert_eq!(row["path"], format!("/proc/{PAUSE}/ns/net"));
    let other = rows.iter().find(|row| row["type"] == "uts").unwrap();
    assert_eq!((&other["nsfs"], &other["netnsid"]), (&serde_json::Value::Null, &serde_json::Value::Null));
}
