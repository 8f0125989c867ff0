//! The published schema matches the format that the program writes.

use std::path::Path;
use std::sync::Arc;

use podscope::export::{Level, Selection, Snapshot, schema};
use podscope::model::inside::{Content, SystemNames, UtsContent};
use podscope::model::{Delta, Finding, NsKind, OsError, Source, Stamp};
use serde_json::Value;

use crate::published_schema::{FILE, validate};

/// `UPDATE_SCHEMA=1 cargo test the_file_is_current` updates the file.
#[test]
fn the_file_is_current() {
    let now = format!("{:#}\n", schema());
    if std::env::var_os("UPDATE_SCHEMA").is_some() {
        std::fs::create_dir_all(Path::new(FILE).parent().unwrap()).unwrap();
        std::fs::write(FILE, &now).unwrap();
    }
    let kept = std::fs::read_to_string(FILE).unwrap();
    assert!(kept == now, "assets/schema is out of date; run `UPDATE_SCHEMA=1 cargo test the_file_is_current`");
}

#[test]
fn a_pod_validates() {
    for redact in [false, true] {
        let selection = Selection { redact, ..Selection::default() };
        validate(&serde_json::to_value(Snapshot::new(&crate::fixture::world(), &selection)).unwrap());
    }
}

#[test]
fn an_empty_world_validates() {
    let world = podscope::model::World::default();
    validate(&serde_json::to_value(Snapshot::new(&world, &Selection::default())).unwrap());
}

#[test]
fn what_is_in_namespaces_validates_and_what_is_missing_has_its_reason() {
    let mut world = crate::fixture::world();
    let snapshot = Snapshot::new(&world, &Selection::default());
    assert_eq!(snapshot.host.visibility["inside"].level, Level::Missing);
    let at = Stamp::prompt(world.now, Source::Scan);
    let names = Finding::Known(SystemNames { host_name: "web".into(), domain_name: "(none)".into() });
    let uts = Arc::new(Content::Uts(UtsContent { names }));
    world.apply(&Delta::Inside { ns: crate::fixture::ns(NsKind::Uts, 108), content: uts, at });
    let snapshot = Snapshot::new(&world, &Selection::default());
    assert_eq!(snapshot.host.visibility["inside"].level, Level::Full);
    for (kind, why) in [
        (NsKind::Net, Finding::NotPermitted),
        (NsKind::Ipc, Finding::NotThere),
        (NsKind::User, Finding::Failed(OsError(5))),
    ] {
        let content = Content::missing(kind, &why).expect("a content");
        world.apply(&Delta::Inside { ns: crate::fixture::ns(kind, 104), content: Arc::new(content), at });
    }
    let snapshot = serde_json::to_value(Snapshot::new(&world, &Selection::default())).unwrap();
    validate(&snapshot);
    let reason = "parts of it: could not be read, not permitted, not there";
    assert_eq!(snapshot["host"]["visibility"]["inside"]["reason"], reason);
    let inside: Vec<&Value> = snapshot["namespaces"].as_array().unwrap().iter().map(|ns| &ns["inside"]).collect();
    let uts = inside.iter().find(|inside| inside["content"].get("uts").is_some()).expect("uts");
    assert_eq!(uts["content"]["uts"]["names"]["known"]["host_name"], "web");
}

#[test]
fn wrong_snapshots_do_not_validate() {
    let text = std::fs::read_to_string(FILE).unwrap();
    let validator = jsonschema::validator_for(&serde_json::from_str(&text).unwrap()).unwrap();
    let good = serde_json::to_value(Snapshot::new(&crate::fixture::world(), &Selection::default())).unwrap();
    for (pointer, wrong) in [
        ("/schema", Value::from("podscope.snapshot/2")),
        ("/processes/0/pid", Value::from("100")),
        ("/processes/0/ppid", Value::from(-1)),
        ("/pods/0/phase", Value::from("Crashed")),
        ("/namespaces/0/members", Value::Null),
    ] {
        let mut bad = good.clone();
        *bad.pointer_mut(pointer).unwrap() = wrong;
        assert!(!validator.is_valid(&bad), "{pointer}");
    }
}
