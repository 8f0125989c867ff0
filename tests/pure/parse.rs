//! Parses valid and invalid scripts.

use std::time::Duration;

use podscope::lab::{ContainerSpec, Join, Url};
use podscope::model::{NsKind, Phase, Signal, State};
use podscope::script::{Bound, Condition, Ending, MemberRef, Page, Relation, StepKind, duration, parse};
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
fn steps_are_parsed() {
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
        StepKind::Exec { member: member("p", "busybox"), argv: argv.clone(), limit: secs(30) }
    );
    assert_eq!(
        kind(r#"exec --timeout 500ms p/busybox -- sh -c "echo 'a b' # c" ''"#),
        StepKind::Exec { member: member("p", "busybox"), argv, limit: Duration::from_millis(500) }
    );
    assert_eq!(kind("logs p/container/pause"), StepKind::Logs(member("p", "container/pause")));
    assert_eq!(kind("snapshot after.json # written"), StepKind::Snapshot("after.json".into()));
    assert_eq!(kind("screenshot after.png"), StepKind::Screenshot("after.png".into()));
    assert_eq!(kind("film pause.png"), StepKind::Film("pause.png".into()));
    assert_eq!(kind("sleep 500ms"), StepKind::Sleep(Duration::from_millis(500)));
}

#[test]
fn conditions_of_the_experiments_are_parsed() {
    let holds = |line: &str| match kind(&format!("expect {line}")) {
        StepKind::Expect { that, .. } => that,
        other => panic!("{other:?}"),
    };
    let (of, by) = (member("p", "c"), MemberRef::Name { pod: None, member: "pause".into(), process: None });
    let named = MemberRef::Name { pod: None, member: "c".into(), process: Some(("sleep".into(), 0)) };
    let at_least = |than| Bound { relation: Relation::AtLeast, than };
    let how = Ending::Signal(Signal::KILL);
    assert_eq!(holds("ended p/c signal 9"), Condition::Ended { of: of.clone(), how });
    assert_eq!(holds("ended p/c code 3"), Condition::Ended { of: of.clone(), how: Ending::Code(3) });
    assert_eq!(holds("process p/c T"), Condition::State { of: of.clone(), state: State::Stopped });
    assert_eq!(holds("count c:sleep >= 2"), Condition::Count { of: named.clone(), bound: at_least(2) });
    assert_eq!(holds("parent c:sleep pause"), Condition::Parent { of: named.clone(), parent: by.clone() });
    assert_eq!(holds("reaped p/c by pause"), Condition::Reaped { of: of.clone(), by: by.clone() });
    assert_eq!(holds("orphan c:sleep reaped by pause"), Condition::Orphan { of: named, by: by.clone() });
    let bound = Bound { relation: Relation::Below, than: 200_000 };
    let tenth = Bound { relation: Relation::AtLeast, than: 505 };
    assert_eq!(holds("cpu pause >=50.5%"), Condition::Cpu { of: by.clone(), bound: tenth });
    assert_eq!(holds("memory pause <200kB"), Condition::Memory { of: by.clone(), bound });
    let word = "CrashLoopBackOff".to_owned();
    assert_eq!(holds("state p/c CrashLoopBackOff"), Condition::Word { container: of.clone(), word: word.clone() });
    assert_eq!(holds("status p CrashLoopBackOff"), Condition::Status { pod: "p".into(), word });
    let one = Bound { relation: Relation::Exactly, than: 1 };
    assert_eq!(holds("restarts p/c 1"), Condition::Restarts { container: of.clone(), bound: one });
    let event = |text: &str| Condition::Event { pod: "p".into(), reason: "BackOff".into(), text: text.into() };
    assert_eq!(holds("event p BackOff"), event(""));
    assert_eq!(holds("event p BackOff Back-off restarting within 3s"), event("Back-off restarting"));
    let events = Condition::Events { pod: "p".into(), reason: "BackOff".into(), bound: at_least(3) };
    assert_eq!(holds("events p BackOff >=3"), events);
    assert_eq!(holds("removed p"), Condition::Removed("p".into()));
    assert_eq!(holds("took >=1.5s"), Condition::Took(at_least(1_500_000_000)));
    let url = Url::parse("http://localhost:8880/a").unwrap();
    let page = Page::At(url);
    let until = Condition::Fetch { page: page.clone(), text: "My # blog".into() };
    assert_eq!(
        kind("wait fetch http://localhost:8880/a My # blog within 3s"),
        StepKind::Wait { until, within: secs(3) }
    );
    let until = Condition::Log { member: of.clone(), text: "live within limits".into() };
    assert_eq!(kind("wait log p/c live within limits"), StepKind::Wait { until, within: secs(10) });
    assert_eq!(kind("logs p/c"), StepKind::Logs(of.clone()));
    assert_eq!(kind("fetch http://localhost:8880/a"), StepKind::Fetch(page));
    let page = Page::Behind { pod: "p".into(), port: 80, path: "/a".into() };
    assert_eq!(kind("fetch p:80/a"), StepKind::Fetch(page.clone()));
    let until = Condition::Fetch { page, text: "x".into() };
    assert_eq!(kind("wait fetch p:80/a x"), StepKind::Wait { until, within: secs(10) });
    assert_eq!(kind("fork p/c"), StepKind::Fork(of.clone()));
    assert_eq!(holds("fails fork: no # memory"), Condition::Fails("fork: no # memory".into()));
    let argv = ["sh", "-c", "echo # new"].map(String::from).to_vec();
    assert_eq!(kind("replace p/c -- sh -c 'echo # new'"), StepKind::Replace { member: of.clone(), argv });
    let kinds = vec![NsKind::Net, NsKind::Uts];
    assert_eq!(kind("unshare p/c net,uts"), StepKind::Unshare { member: of.clone(), kinds: kinds.clone() });
    assert_eq!(kind("join p/c net,uts pause"), StepKind::Join { member: of, kinds, target: by });
}

#[test]
fn steps_that_build_a_pod_are_parsed() {
    let words = |line: &str| line.split(' ').map(str::to_owned).collect::<Vec<_>>();
    let container = |image: &str, command: &str, join: Option<&str>| ContainerSpec {
        name: "c".into(),
        image: image.into(),
        command: if command.is_empty() { Vec::new() } else { words(command) },
        join: join.map(|join| Join::parse(join).unwrap()),
        ..ContainerSpec::default()
    };
    let added = |container: ContainerSpec, ephemeral: bool| StepKind::Add {
        pod: Some("p".into()),
        container: Box::new(container),
        ephemeral,
    };
    assert_eq!(kind("sandbox p # alone"), StepKind::Sandbox { name: "p".into() });
    assert_eq!(kind("leave p/c"), StepKind::Leave(member("p", "c")));
    for (line, want) in [
        ("join p/c image nginx", container("nginx", "", None)),
        ("join p/c image nginx net,ipc,pid", container("nginx", "", Some("net,ipc,pid"))),
        ("join p/c net -- sleep 1d", container("", "sleep 1d", Some("net"))),
        ("join p/c -- echo # 1", container("", "echo # 1", None)),
        ("join p/c image busybox none -- sleep 1d", container("busybox", "sleep 1d", Some("none"))),
        ("join p/c pid:web -- sh", container("", "sh", Some("pid:web"))),
    ] {
        assert_eq!(kind(line), added(want, false), "{line}");
    }
    assert_eq!(kind("debug p/c -- sh"), added(container("", "sh", None), true));
    let target = container("busybox", "sh", Some("net,ipc,uts,pid:web"));
    assert_eq!(kind("debug p/c image busybox target web -- sh"), added(target, true));
    // no pod named: the only pod
    assert!(matches!(kind("join c image nginx"), StepKind::Add { pod: None, .. }));
    for (line, why) in [
        ("sandbox", "sandbox POD"),
        ("join p/c", "what does c run?"),
        ("join p/c mnt -- sh", "`mnt` is not what a container can join"),
        ("join p/c net uts -- sh", "join POD/CONTAINER"),
        ("join p/ -- sh", "join POD/CONTAINER"),
        ("join p/c image", "join POD/CONTAINER"),
        ("debug p/c web -- sh", "debug POD/CONTAINER"),
        ("debug p/c target web", "what does c run?"),
        ("leave", "leave POD/CONTAINER"),
    ] {
        let error = parse("a.script", line).unwrap_err().to_string();
        assert!(error.starts_with(&format!("a.script:1: {why}")), "{line}: {error}");
    }
}

#[test]
fn comments_and_empty_lines_are_skipped() {
    let script = parse("a.script", "# one\n\n   # two\n  sleep 1 # three\n").unwrap();
    assert_eq!((script.steps.len(), script.steps[0].line), (1, 4));
}

#[test]
fn errors_name_the_line_and_the_correct_form() {
    assert_eq!(why("sleep 1\nklil a/b KILL").split("; ").next(), Some("a.script:2: `klil` is not a step"));
    assert_eq!(why("kill a/b"), "a.script:1: kill POD/MEMBER[:NAME[INDEX]] SIGNAL");
    assert!(why("kill a/b NOPE").contains("`NOPE` is not a signal"));
    assert!(why("kill a/b/c KILL").contains("`a/b/c` is not a member"));
    assert!(why("kill a/b:w[x] KILL").contains("is not a member"));
    assert!(why("expect shared disk a b").contains("`disk` is not a kind of namespace; cgroup ipc mnt"));
    assert!(why("wait").contains("ready, gone"));
    assert!(why("wait patiently").contains("`patiently` is not a condition"));
    assert!(why("wait ready within 5 minutes").contains("within 30s"));
    assert!(why("expect phase p Fine").contains("`Fine` is not a phase"));
    assert!(why("exec p/c wget").contains("exec [--timeout 5s] POD/CONTAINER -- PROGRAM"));
    assert!(why("exec p/c -- echo 'a").contains("a ' is missing"));
    assert!(why("expect process p/c Q").contains("`Q` is not a state of a process"));
    assert!(why("expect count p/c 2").contains("`p/c` names no processes; POD/MEMBER:NAME"));
    assert!(why("expect ended p/c 9").contains("ended POD/MEMBER signal KILL"));
    for bad in ["<2", "<x%", "<0.55%", "<-1%"] {
        assert!(why(&format!("expect cpu pause {bad}")).contains("is not a share of a core"), "{bad}");
    }
    assert!(why("expect memory pause <2cm").contains("`2cm` is not a size"));
    assert!(why("expect orphan c:x by pause").contains("orphan POD/MEMBER:NAME reaped by pause"));
    assert!(why("wait log p/c").contains("log POD/CONTAINER TEXT"));
    assert!(why("wait log p/c  within 3s").contains("log POD/CONTAINER TEXT"));
    for bad in ["localhost", "https://localhost/", "p:0/", ":80/", "p:x"] {
        assert!(why(&format!("fetch {bad}")).contains(&format!("`{bad}` is not a URL; http://HOST")), "{bad}");
    }
    assert!(why("expect fails").contains("fails TEXT"));
    assert!(why("fork").contains("fork POD/CONTAINER"));
    assert!(why("join p/c net,disk pause").contains("`disk` is not a kind of namespace"));
    assert!(why("replace p/c sh").contains("replace POD/CONTAINER -- COMMAND"));
    assert!(why("sleep -1s").contains("`-1s` is not a duration"));
}

#[test]
fn durations_are_parsed() {
    assert_eq!(duration("1.5s"), Ok(Duration::from_millis(1_500)));
    assert_eq!(duration("2m"), Ok(secs(120)));
    assert_eq!(duration("3"), Ok(secs(3)));
    for wrong in ["", "s", "-1", "1d", "nan", "infs", "1e400s", "99999999999999999999h"] {
        assert!(duration(wrong).is_err(), "{wrong}");
    }
}

proptest! {
    #![proptest_config(crate::store::stream::config())]

    #[test]
    fn parsing_never_panics(text in "((wait|expect|kill|exec|sleep|output|within|pid|gone|--|[a-z/:\\[\\]#' é\"]{0,4}|[0-9]{1,12}) ){0,8}") {
        let _ = parse("a.script", &text);
    }
}

#[test]
fn a_byte_order_mark_is_not_part_of_the_first_step() {
    let script = parse("a.script", "\u{feff}sleep 1\nsleep 2").unwrap();
    assert_eq!(script.steps.iter().map(|step| step.line).collect::<Vec<_>>(), [1, 2]);
    let inside = why("\u{feff}# fine\n\u{feff}sleep 2");
    assert!(inside.starts_with(r"a.script:2: `\u{feff}sleep` is not a step"), "{inside}");
}

#[test]
fn errors_in_exec_and_member_names_are_reported() {
    for line in
        ["exec --timeout p/c -- true", "exec --timeout 5s -- true", "exec p/c d -- true", "exec --limit 5s p/c -- true"]
    {
        assert!(why(line).starts_with("a.script:1: "), "{line}");
    }
    assert!(why("exec --timeout soon p/c -- true").contains("`soon` is not a duration"));
    for name in ["p/container/", "p/x/y", "p/container/x/y", "/container/x"] {
        assert!(why(&format!("logs {name}")).contains("is not a member"), "{name}");
    }
}
