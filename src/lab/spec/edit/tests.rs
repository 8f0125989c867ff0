use super::{EditError, Setting, set, specs};
use crate::lab::spec::RestartPolicy;
use crate::model::SandboxKind;

const BLOCK: &str = "# a pod\napiVersion: v1\nkind: Pod\nmetadata:\n  name: web # its name\nspec:\n  # what runs\n  \
                     containers:\n  - name: a\n    image: nginx\n  - name: b\n    image: busybox\n    command: [sleep, \
                     1h]\n";
const FLOW: &str =
    "{apiVersion: v1, kind: Pod, metadata: {name: web}, spec: {containers: [{name: a, image: nginx}]}}\n";
const JSON: &str = "{\"apiVersion\": \"v1\", \"kind\": \"Pod\", \"metadata\": {\"name\": \"web\"}, \"spec\": \
                    {\"containers\": [{\"name\": \"a\", \"image\": \"nginx\"}]}}";

fn settings() -> Vec<Setting> {
    vec![
        Setting::SharePid(true),
        Setting::SharePid(false),
        Setting::Pause(SandboxKind::PauseNoReap),
        Setting::Pause(SandboxKind::PauseDelay(300)),
        Setting::Pause(SandboxKind::Pause),
        Setting::Pause(SandboxKind::Missing),
        Setting::Infra(Some("a".to_owned())),
        Setting::Infra(None),
        Setting::Restart(RestartPolicy::Never),
        Setting::Restart(RestartPolicy::OnFailure),
        Setting::Restart(RestartPolicy::Always),
        Setting::Name("web-2".to_owned()),
    ]
}

#[test]
fn a_setting_is_one_line_and_the_rest_stays() {
    for (setting, line) in [
        (Setting::SharePid(true), "  shareProcessNamespace: true\n"),
        (Setting::Restart(RestartPolicy::Never), "  restartPolicy: Never\n"),
        (Setting::Pause(SandboxKind::PauseNoReap), "  annotations:\n    podscope.dev/pause: no-reap\n"),
        (Setting::Infra(Some("a".to_owned())), "  annotations:\n    podscope.dev/infra: a\n"),
    ] {
        let text = set(BLOCK, 0, &setting).unwrap_or_else(|e| panic!("{setting:?}: {e}"));
        assert!(text.contains(line), "{text}");
        assert_eq!(text.replacen(line, "", 1), BLOCK, "{setting:?}");
    }
}

#[test]
fn what_is_there_is_replaced_with_its_comment_kept() {
    let text = set(BLOCK, 0, &Setting::Name("web-2".to_owned())).expect("renamed");
    assert_eq!(text, BLOCK.replace("name: web #", "name: web-2 #"));
    let shared = set(BLOCK, 0, &Setting::SharePid(true)).expect("shared");
    let private = set(&shared, 0, &Setting::SharePid(false)).expect("private");
    assert_eq!(private, shared.replace("shareProcessNamespace: true", "shareProcessNamespace: false"));
    assert_eq!(set(&private, 0, &Setting::SharePid(true)).expect("shared again"), shared);
}

#[test]
fn an_infra_container_and_pause_replace_each_other() {
    let lazy = set(BLOCK, 0, &Setting::Pause(SandboxKind::PauseNoReap)).expect("a lazy pause");
    let infra = set(&lazy, 0, &Setting::Infra(Some("b".to_owned()))).expect("an infra container");
    assert!(infra.contains("podscope.dev/infra: b") && !infra.contains("podscope.dev/pause"), "{infra}");
    assert_eq!(set(&infra, 0, &Setting::Infra(None)).expect("pause again"), BLOCK, "annotations is gone too");
}

#[test]
fn every_setting_can_be_made_in_every_style_and_in_any_order() {
    for text in [BLOCK, FLOW, JSON] {
        for first in settings() {
            let once = set(text, 0, &first).unwrap_or_else(|e| panic!("{first:?}: {e}\n{text}"));
            for second in settings() {
                // pause cannot be set while a container holds the namespaces
                let is_conflict = matches!((&first, &second), (Setting::Infra(Some(_)), Setting::Pause(_)));
                match set(&once, 0, &second) {
                    Ok(twice) => {
                        let again = set(&twice, 0, &second).unwrap_or_else(|e| panic!("{second:?}: {e}\n{twice}"));
                        assert_eq!(again, twice, "{second:?} twice");
                    }
                    Err(e) => assert!(is_conflict, "{first:?}, {second:?}: {e}\n{once}"),
                }
            }
        }
    }
}

#[test]
fn pid_follows_the_annotation_that_says_what_is_shared() {
    let text = BLOCK.replace("metadata:\n", "metadata:\n  annotations:\n    podscope.dev/share: net\n");
    let shared = set(&text, 0, &Setting::SharePid(true)).expect("shared");
    assert!(shared.contains("podscope.dev/share: \"net,pid\"") && !shared.contains("shareProcess"), "{shared}");
    let spec = specs(&shared).expect("a pod").remove(0);
    assert!(spec.share.pid && spec.share.net && !spec.share.ipc);
    let private = set(&shared, 0, &Setting::SharePid(false)).expect("private");
    assert_eq!(private, text);
}

#[test]
fn only_the_pod_that_is_named_changes() {
    let two = format!("{BLOCK}---\n{}", BLOCK.replace("name: web", "name: other"));
    for setting in settings() {
        let text = set(&two, 1, &setting).unwrap_or_else(|e| panic!("{setting:?}: {e}"));
        assert!(text.starts_with(&format!("{BLOCK}---\n")), "{text}");
    }
    assert!(matches!(set(&two, 2, &Setting::SharePid(true)), Err(EditError::Layout(_))), "there is no third pod");
}

#[test]
fn a_setting_that_cannot_be_changed_safely_is_refused() {
    let host_pid = BLOCK.replace("spec:\n", "spec:\n  hostPID: true\n");
    assert!(matches!(set(&host_pid, 0, &Setting::SharePid(false)), Err(EditError::Layout(_))));
    let block_scalar = BLOCK.replace("  name: web # its name\n", "  name: |-\n    web\n");
    let refused = set(&block_scalar, 0, &Setting::Name("other".to_owned())).expect_err("a block scalar");
    assert_eq!(
        refused.to_string(),
        "metadata.name is written in a way that is not changed here; change it in the YAML"
    );
    let Err(EditError::Invalid(e)) = set("spec: [", 0, &Setting::SharePid(true)) else { panic!("it is no manifest") };
    assert_eq!((e.line, e.file.as_str()), (1, "manifest"));
    let absent = set(BLOCK, 0, &Setting::Infra(Some("nobody".to_owned())));
    assert!(absent.is_err(), "there is no such container");
}

#[test]
fn every_preset_can_be_renamed_and_its_switches_work() {
    for preset in &crate::presets::ALL {
        let Some(yaml) = preset.yaml else { continue };
        for nth in 0..specs(yaml).expect("pods").len() {
            for setting in [Setting::Name("renamed".to_owned()), Setting::SharePid(true), Setting::SharePid(false)] {
                if let Err(e) = set(yaml, nth, &setting) {
                    panic!("{}: {setting:?}: {e}", preset.name);
                }
            }
        }
    }
}

#[test]
fn lines_may_end_as_on_windows() {
    let text = BLOCK.replace('\n', "\r\n");
    let changed = set(&text, 0, &Setting::Pause(SandboxKind::PauseNoReap)).expect("changed");
    assert_eq!(
        changed.replace("\r\n", "\n"),
        set(BLOCK, 0, &Setting::Pause(SandboxKind::PauseNoReap)).expect("changed")
    );
    assert!(!changed.replace("\r\n", "").contains('\n'), "{changed:?}");
}
