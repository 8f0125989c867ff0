//! The dialog for a new pod: presets, manifests, steps; and several pods deleted at once.

use crate::desktop::Desktop;
use crate::kernel::{self, Id, wait_for};

fn pauses(app: u32) -> Vec<Id> {
    kernel::descendants(app).into_iter().filter(|p| kernel::comm(p.pid).as_deref() == Some("pause")).collect()
}

#[test]
fn a_preset_is_found_by_what_it_shows_and_a_second_one_gets_another_name() {
    let mut desktop = Desktop::start();
    let app = desktop.open(&["--preset", "deaf"]);
    desktop.wait_shown("Pod deaf, Running");

    desktop.click("New pod");
    desktop.wait_shown("Preset nginx-busybox");
    wait_for("the search has the focus", || desktop.has_focus("Search presets").then_some(()));
    desktop.type_text("zombie");
    desktop.wait_shown("Preset stopped-pause");
    desktop.wait_shown("Start held-zombies");
    assert!(!desktop.shows("Preset nginx-busybox"));
    desktop.key("Return");
    desktop.wait_shown("Pod held-zombies, Running");
    // it is selected: the map shows its parent of zombies
    desktop.wait_shown("zombies");

    desktop.key("ctrl+n");
    wait_for("the search has the focus", || desktop.has_focus("Search presets").then_some(()));
    desktop.type_text("held");
    desktop.wait_shown("held-zombies is taken, so the new pod is held-zombies-2");
    desktop.key("Return");
    desktop.wait_shown("Pod held-zombies-2, Running");
    wait_for("four pods", || (pauses(app).len() == 4).then_some(()));
}

#[test]
fn the_steps_of_a_preset_are_played_one_by_one() {
    let mut desktop = Desktop::start();
    desktop.open(&[]);
    desktop.click("New pod");
    desktop.wait_shown("Preset nginx-busybox");
    wait_for("the search has the focus", || desktop.has_focus("Search presets").then_some(()));
    desktop.type_text("held");
    desktop.wait_shown("Start held-zombies");
    desktop.key("Return");
    desktop.wait_shown("Pod held-zombies, Running");
    desktop.click("Next step");
    desktop.wait_shown("step 2 of 3 comes next");
    desktop.click("Show steps");
    desktop.wait_shown("Step 1, done");
    desktop.click("Play all");
    desktop.wait_shown("All steps were played, and all that they claim was true");
    desktop.wait_shown("Step 3, done");
}

#[test]
fn a_manifest_is_opened_corrected_and_started() {
    let mut desktop = Desktop::start();
    let app = desktop.open(&[]);
    let path = desktop.home().join("pod.yaml");
    let text = include_str!("../../assets/pods/nginx-busybox.yaml");
    std::fs::write(&path, text.replace("shareProcessNamespace: true", "shareProcessNamespace: maybe"))
        .expect("written");

    desktop.click("New pod");
    desktop.click("YAML");
    desktop.retype("Path of the manifest", "/nowhere/pod.yaml");
    desktop.key("Return");
    desktop.wait_shown("/nowhere/pod.yaml: ");
    desktop.retype("Path of the manifest", &path.display().to_string());
    desktop.key("Return");
    let error = "spec.shareProcessNamespace is \"maybe\"; expected true or false";
    desktop.wait_shown(&format!("Error in line 8, column 26: {error}"));
    desktop.wait_shown(&format!("is not possible: Line 8, column 26: {error}"));
    std::fs::write(&path, text).expect("written");
    desktop.click("Open");
    desktop.wait_shown("The pod follows changes of the file");
    desktop.click("Start pod");
    desktop.wait_shown("Pod nginx-busybox, Running");
    wait_for("its pause", || (pauses(app).len() == 1).then_some(()));
}

#[test]
fn several_pods_are_deleted_after_one_question_that_names_them() {
    let mut desktop = Desktop::start();
    let app = desktop.open(&["--preset", "finished-pod"]);
    for name in ["never", "on-failure", "always"] {
        desktop.wait_shown(&format!("Pod {name}, Running"));
    }
    let before = pauses(app);
    assert_eq!(before.len(), 3);
    desktop.key("ctrl+k");
    desktop.wait_shown("Search commands");
    desktop.type_text("delete all pods");
    desktop.wait_shown("Delete all pods…");
    desktop.key("Return");
    desktop.wait_shown("Delete 3 pods?");
    for name in ["never · Running", "on-failure · Running", "always · Running"] {
        desktop.wait_shown(name);
    }
    assert!(before.iter().all(Id::exists), "not before the answer");
    desktop.click("Delete 3 pods");
    wait_for("all pods gone", || before.iter().all(|p| !p.exists()).then_some(()));
    desktop.wait_shown("No pods yet.");
}
