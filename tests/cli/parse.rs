//! What is a script and what is not.

use std::time::Duration;

use podscope::model::{NsKind, Phase, Signal};
use podscope::script::{Condition, MemberRef, StepKind, duration, parse};
use proptest::prelude::*;

fn kind(line: &str) -> StepKind {
    let script = parse("a.script", line).unwrap();
    let [step] = &script.steps[..] else { panic!("{line}: {script:?}") };
    step.kind.clone()
}

fn why(text: &str) -> String {
    parse("a.script", text).unwrap_err().to_string()
}

fn member(pod: &str, member: &str) -> MemberRef {
    MemberRef::Name { pod: Some(pod.into()), member: member.into(), process: None }
}

const fn secs(n: u64) -> Duration {
    Duration::from_secs(n)
}

#[test]
fn every_step_of_the_design() {
    let target = member("nginx-busybox", "pause");
    assert_eq!(kind("kill nginx-busybox/pause KILL"), StepKind::Kill { target, signal: Signal::KILL });
    let target = MemberRef::Name {
        pod: Some("nginx-busybox".into()),
        member: "nginx".into(),
        process: Some(("worker".into(), 0)),
    };
    assert_eq!(kind("kill nginx-busybox/nginx:worker[0] sigstop"), StepKind::Kill { target, signal: Signal::STOP });
    let waits = |until| StepKind::Wait { until, within: secs(10) };
    assert_eq!(kind("wait ready"), waits(Condition::Ready(None)));
    assert_eq!(kind("wait gone 12"), waits(Condition::Gone(MemberRef::Pid(12))));
    assert_eq!(kind("wait zombies 0"), waits(Condition::Zombies { count: 0, pod: None }));
    assert_eq!(kind("wait sandbox 2"), waits(Condition::Sandbox { attempt: 2, pod: None }));
    let nginx = MemberRef::Name { pod: None, member: "nginx".into(), process: None };
    let until = Condition::Restarted(nginx.clone());
    assert_eq!(kind("wait restarted nginx within 30s"), StepKind::Wait { until, within: secs(30) });
    let expects = |that| StepKind::Expect { that, within: secs(1) };
    let on = member("p", "nginx");
    assert_eq!(kind("expect pid p/nginx in-pod 7"), expects(Condition::InPod { member: on, pid: 7 }));
    let pause = MemberRef::Name { pod: None, member: "pause".into(), process: None };
    let shared = Condition::Shared { kind: NsKind::Net, a: pause.clone(), b: nginx.clone() };
    assert_eq!(kind("expect shared net pause nginx"), expects(shared));
    assert_eq!(
        kind("expect private mnt pause nginx"),
        expects(Condition::Private { kind: NsKind::Mnt, a: pause, b: nginx })
    );
    assert_eq!(kind("expect phase p Running"), expects(Condition::Phase { pod: "p".into(), phase: Phase::Running }));
    assert_eq!(kind("expect output hello # pod"), expects(Condition::Output("hello # pod".into())));
    let argv = ["sh", "-c", "echo 'a b' # c", ""].map(String::from).to_vec();
    assert_eq!(
        kind(r#"exec p/busybox -- sh -c "echo 'a b' # c" ''"#),
        StepKind::Exec { member: member("p", "busybox"), argv }
    );
    assert_eq!(kind("snapshot after.json # written"), StepKind::Snapshot("after.json".into()));
    assert_eq!(kind("screenshot after.png"), StepKind::Screenshot("after.png".into()));
    assert_eq!(kind("sleep 500ms"), StepKind::Sleep(Duration::from_millis(500)));
}

#[test]
fn comments_and_empty_lines_are_nothing() {
    let script = parse("a.script", "# one\n\n   # two\n  sleep 1 # three\n").unwrap();
    assert_eq!((script.steps.len(), script.steps[0].line), (1, 4));
}

#[test]
fn mistakes_name_the_line_and_what_is_right() {
    assert_eq!(why("sleep 1\nklil a/b KILL").split("; ").next(), Some("a.script:2: `klil` is no step"));
    assert_eq!(why("kill a/b"), "a.script:1: kill POD/MEMBER[:NAME[INDEX]] SIGNAL");
    assert!(why("kill a/b NOPE").contains("`NOPE` is no signal"));
    assert!(why("kill a/b/c KILL").contains("`a/b/c` is no member"));
    assert!(why("kill a/b:w[x] KILL").contains("is no member"));
    assert!(why("expect shared disk a b").contains("`disk` is no kind of namespace; cgroup ipc mnt"));
    assert!(why("wait").contains("ready, gone"));
    assert!(why("wait patiently").contains("`patiently` is no condition"));
    assert!(why("wait ready within 5 minutes").contains("within 30s"));
    assert!(why("expect phase p Fine").contains("`Fine` is no phase"));
    assert!(why("exec p/c wget").contains("exec POD/CONTAINER -- PROGRAM"));
    assert!(why("exec p/c -- echo 'a").contains("a ' is missing"));
    assert!(why("sleep -1s").contains("`-1s` is no duration"));
}

#[test]
fn durations() {
    assert_eq!(duration("1.5s"), Ok(Duration::from_millis(1_500)));
    assert_eq!(duration("2m"), Ok(secs(120)));
    assert_eq!(duration("3"), Ok(secs(3)));
    for wrong in ["", "s", "-1", "1d", "nan", "infs", "1e400s", "99999999999999999999h"] {
        assert!(duration(wrong).is_err(), "{wrong}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_text_panics(text in "((wait|expect|kill|exec|sleep|output|within|pid|gone|--|[a-z/:\\[\\]#' é\"]{0,4}|[0-9]{1,12}) ){0,8}") {
        let _ = parse("a.script", &text);
    }
}
