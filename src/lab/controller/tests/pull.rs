//! Events about images, the displayed manifest, and the state of the last run.

use super::{
    FAILED, at, container, ended, event_texts, leftovers_ended, of, pod, requested, running, runs, sandbox_started,
    spec,
};
use crate::lab::controller::Fact;
use crate::lab::spec::{ContainerSpec, PodSpec, PullPolicy, RestartPolicy};
use crate::model::{ContainerState, SandboxKind, TerminatedReason};

fn events_of(image: &str, pull: PullPolicy, command: &[&str]) -> Vec<(String, String)> {
    let command = command.iter().map(|word| (*word).to_owned()).collect();
    let one = ContainerSpec { image: image.to_owned(), pull, command, ..container("a") };
    let mut pod = pod(PodSpec { containers: vec![one], ..spec(RestartPolicy::Always, true) });
    pod.decide(requested(), at(0));
    let d = pod.decide(sandbox_started(), at(0));
    event_texts(&d).into_iter().map(|(reason, message)| (reason.to_owned(), message.to_owned())).collect()
}

#[test]
fn events_about_pulls_are_marked_as_simulated() {
    let present = "Container image \"nginx:1.29\" already present on machine (simulated: no image is pulled, ";
    let stand_in = "the stand-in \"web\" takes its place";
    for policy in [PullPolicy::IfNotPresent, PullPolicy::Never] {
        let want = [("Pulled".to_owned(), format!("{present}{stand_in})"))];
        assert_eq!(events_of("nginx:1.29", policy, &[]), want);
    }
    let pulled = "Successfully pulled image \"nginx\" (simulated: no image is pulled, ";
    assert_eq!(
        events_of("nginx", PullPolicy::Always, &["sleep"]),
        [
            ("Pulling".to_owned(), "Pulling image \"nginx\" (simulated)".to_owned()),
            ("Pulled".to_owned(), format!("{pulled}the host's own files take its place)")),
        ]
    );
    let none = "The container has no image: the host's own files take its place";
    assert_eq!(events_of("", PullPolicy::IfNotPresent, &["sleep"]), [("Pulled".to_owned(), none.to_owned())]);
}

#[test]
fn a_missing_pause_has_a_registrys_error_and_repeated_events_are_merged() {
    let mut pod = pod(PodSpec { sandbox: SandboxKind::Missing, ..spec(RestartPolicy::Always, true) });
    pod.decide(requested(), at(0));
    let mut messages = Vec::new();
    for t in [1, 11] {
        let d = pod.decide(Fact::SandboxFailed { message: "execute /missing/pause: ENOENT".to_owned() }, at(t));
        messages.extend(d.events);
    }
    let merged = crate::model::events::aggregate(&messages);
    let [one] = &merged[..] else { panic!("{merged:?}") };
    assert_eq!((one.count, one.first, one.last), (2, at(1).t, at(11).t));
    let image = "registry.k8s.io/pause:3.10";
    assert_eq!(
        one.event.message,
        format!(
            "Failed to create pod sandbox: rpc error: code = Unknown desc = failed to get sandbox image \"{image}\": \
             failed to pull image \"{image}\": failed to pull and unpack image \"{image}\": failed to resolve \
             reference \"{image}\": {image}: not found (simulated by podscope.dev/pause: missing; execute \
             /missing/pause: ENOENT)"
        )
    );
}

#[test]
fn the_last_run_is_kept_until_another_has_ended() {
    let mut pod = running(RestartPolicy::Always, true);
    assert_eq!(of(&pod, "a").last_state, None);
    pod.decide(ended("a", FAILED), at(5));
    pod.decide(leftovers_ended("a"), at(5));
    runs(&mut pod, "a", 6);
    let first = ContainerState::Terminated {
        status: FAILED,
        reason: TerminatedReason::Error,
        message: None,
        started: Some(at(0)),
        at: at(5),
    };
    assert_eq!(of(&pod, "a").last_state.as_ref(), Some(&first));
    pod.decide(ended("a", FAILED), at(9));
    let is_terminated = matches!(of(&pod, "a").state, ContainerState::Terminated { .. });
    assert_eq!(
        of(&pod, "a").last_state.as_ref() == Some(&first),
        is_terminated,
        "the run before the one that is shown"
    );
}

#[test]
fn the_displayed_manifest_follows_the_spec() {
    let mut pod = running(RestartPolicy::Always, true);
    let manifest = pod.pod.manifest.clone().expect("a manifest");
    assert_eq!((manifest.namespace.as_str(), manifest.node.as_str()), ("default", "n"));
    let mut spec = spec(RestartPolicy::Always, true);
    spec.labels.insert("app".to_owned(), "web".to_owned());
    pod.decide(Fact::Replaced { spec: Box::new(spec), containers: Vec::new() }, at(3));
    let manifest = pod.pod.manifest.clone().expect("a manifest");
    assert_eq!(manifest.labels.get("app").map(String::as_str), Some("web"));
    assert_eq!(manifest.node, "n");
    assert_eq!(manifest.containers["a"].command, ["sleep"]);
}
