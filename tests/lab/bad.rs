//! Failures are reported, and do not affect anything else.

use std::path::Path;
use std::time::Duration;

use crossbeam_channel::unbounded;
use podscope::lab::spec::ContainerSpec;
use podscope::lab::{Error, Lab};
use podscope::model::{ContainerState, Delta, Member, NodeEnd, Phase, PodReason, PodUid, WaitStatus};
use podscope::observe::Input;
use podscope::wording::forbidden::lab_error;

use crate::support::{Bench, PATIENCE, container, exists, kill, mount, pause, process, spec, wait_for, with_volume};

fn words(words: &[&str]) -> Vec<String> {
    words.iter().map(|w| (*w).to_owned()).collect()
}

#[test]
fn a_container_that_cannot_start_says_why_and_the_pod_stays() {
    let with = |name: &str, command: &[&str]| ContainerSpec {
        name: name.to_owned(),
        command: words(command),
        ..ContainerSpec::default()
    };
    let unknown = ContainerSpec { name: "image".to_owned(), image: "redis:8".to_owned(), ..ContainerSpec::default() };
    let mut dir = with("dir", &["true"]);
    dir.working_dir = Some("/nowhere".to_owned());
    let mut host = with("host", &["true"]);
    host.mounts = vec![mount("gone", "/gone")];
    let containers = vec![
        container("good", "sleep 1000"),
        with("missing", &["nope"]),
        with("path", &["/no/such/program"]),
        with("file", &["/etc/passwd"]),
        unknown,
        dir,
        host,
    ];
    let spec = with_volume(spec("bad", true, containers), "gone", crate::support::host_path("/no/such/dir"));
    let mut bench = Bench::new();
    let uid = bench.lab.run(spec).expect("accepted");
    let pod = bench.pod_until(&uid, "six wait with a message, one runs", |p| {
        let has_message = |s: &ContainerState| matches!(s, ContainerState::Waiting { message: Some(_), .. });
        p.containers.iter().filter(|c| has_message(&c.state)).count() == 6 && p.containers[0].state.word() == "Running"
    });
    for (name, reason, message) in [
        ("missing", "RunContainerError", "exec: \"nope\": executable file not found in $PATH"),
        ("path", "RunContainerError", "exec: \"/no/such/program\": stat /no/such/program: no such file or directory"),
        ("file", "RunContainerError", "exec: \"/etc/passwd\": /etc/passwd: permission denied"),
        ("image", "ErrImageNeverPull", "no images are pulled and there is no stand-in for \"redis\""),
        ("dir", "CreateContainerError", "working directory \"/nowhere\": No such file or directory"),
        ("host", "CreateContainerError", "hostPath /no/such/dir of volume \"gone\": No such file or directory"),
    ] {
        let state = &pod.container(name).expect(name).state;
        let ContainerState::Waiting { reason: got, message: Some(text), .. } = state else {
            panic!("{name}: {state:?}")
        };
        assert_eq!(got.as_str(), reason, "{name}");
        assert!(text.starts_with(message), "{name}: {text}");
    }
    assert!(exists(pause(&pod)) && exists(process(&pod, "good")) && pod.ip.is_some());
    assert_eq!(pod.phase, Phase::Pending);
    assert!(bench.exec(&pod, "good", "true").status.success());
}

#[test]
fn exec_returns_output_status_and_timeout() {
    let mut bench = Bench::new();
    let pod = bench.run(spec("exec", true, vec![container("a", "sleep 1000")]));
    let output = bench.exec(&pod, "a", "echo out; echo err >&2; exit 3");
    assert_eq!((output.stdout.as_slice(), output.stderr.as_slice()), (&b"out\n"[..], &b"err\n"[..]));
    assert_eq!((output.status.code(), output.timed_out, output.truncated), (3, false, false));
    let member = Member::container(&pod.uid, "a");
    let slow = bench.lab.exec(&member, &words(&["sleep", "1000"]), Duration::from_millis(50)).expect("killed");
    assert_eq!((slow.timed_out, slow.status.code()), (true, 137));
    // more than fits a packet, and more than is kept
    let long = bench.exec(&pod, "a", "head -c 200000 /dev/zero | tr '\\0' x");
    assert_eq!((long.stdout.len(), long.truncated), (200_000, false));
    let longer = bench.exec(&pod, "a", "head -c 2000000 /dev/zero | tr '\\0' x; echo end");
    assert!(longer.truncated && longer.stdout.ends_with(b"end\n"));
    // a process that was left behind holds the streams open: the answer does not wait for it
    let left = bench.exec(&pod, "a", "sleep 1000 & echo started");
    assert_eq!(left.stdout, b"started\n");
    match bench.lab.exec(&member, &words(&["nope"]), PATIENCE) {
        Err(Error::Refused(why)) => assert_eq!(why, "exec: \"nope\": executable file not found in $PATH"),
        other => panic!("{other:?}"),
    }
    let ghost = Member::container(&pod.uid, "ghost");
    assert!(matches!(bench.lab.exec(&ghost, &words(&["true"]), PATIENCE), Err(Error::NotRunning(_))));
    assert!(matches!(bench.lab.exec(&Member::pause(&pod.uid), &words(&["true"]), PATIENCE), Err(Error::Refused(_))));
    let nobody = PodUid("nobody".to_owned());
    assert!(matches!(bench.lab.delete(&nobody), Err(Error::NoSuchPod(_))));
    assert!(matches!(bench.lab.logs(&Member::pause(&nobody)), Err(Error::NoSuchPod(_))));
}

#[test]
fn endless_output_of_a_container_does_not_affect_others() {
    let mut bench = Bench::new();
    let pod = bench.run(spec("flood", true, vec![container("a", "exec yes"), container("b", "sleep 1000")]));
    assert!(bench.exec(&pod, "b", "true").status.success());
    bench.log_until(&pod, "a", "y\ny\n");
    let log = bench.lab.logs(&Member::container(&pod.uid, "a")).expect("a log");
    assert!(!log.is_empty() && log.len() <= 256 * 1024, "{}", log.len());
}

#[test]
fn the_end_of_the_node_is_reported_and_a_new_one_can_start() {
    let mut bench = Bench::new();
    let pod = bench.run(spec("lost", true, vec![container("a", "sleep 1000")]));
    let (node, a) = (bench.lab.node(), process(&pod, "a"));
    kill(node, "KILL");
    let end = bench.until("the end of the node", |received| {
        received.iter().find_map(|i| match i {
            Input::Delta(Delta::NodeEnded { end, .. }) => Some(*end),
            _ => None,
        })
    });
    assert_eq!(end, NodeEnd::Ended(WaitStatus::killed(9)));
    let lost = bench.pod_until(&pod.uid, "NodeLost", |p| p.reason == Some(PodReason::NodeLost));
    assert_eq!((lost.phase, lost.ip), (Phase::Failed, None));
    wait_for("all gone", || !exists(a) && !exists(pause(&pod)) && !exists(node));
    assert!(matches!(bench.lab.run(spec("x", true, vec![])), Err(Error::NodeGone)));
    let mut second = Bench::new();
    second.run(spec("second", true, vec![container("a", "sleep 1000")]));
}

#[test]
fn a_node_that_does_not_answer_is_reported_as_silent_until_it_does() {
    let mut bench = Bench::new();
    let pod = bench.run(spec("owes", true, vec![container("a", "sleep 1000")]));
    let Bench { lab, inputs, .. } = &bench;
    let silent = |wanted: bool| {
        let deadline = std::time::Instant::now() + PATIENCE;
        loop {
            match inputs.recv_deadline(deadline).expect("the node's silence, or its end") {
                Input::Delta(Delta::NodeSilent { silent, .. }) if silent == wanted => return,
                _ => {}
            }
        }
    };
    kill(lab.node(), "STOP");
    std::thread::scope(|scope| {
        let logs = scope.spawn(|| lab.logs(&Member::container(&pod.uid, "a")));
        silent(true);
        kill(lab.node(), "CONT");
        silent(false);
        assert!(logs.join().expect("no panic").is_ok());
    });
}

#[test]
fn dropping_the_lab_ends_everything() {
    let mut bench = Bench::new();
    let pod = bench.run(spec("drop", true, vec![container("a", "sleep 1000")]));
    let all = [bench.lab.node(), pause(&pod), process(&pod, "a")];
    drop(bench);
    // the drop has waited for the node, so all is gone at once
    for id in all {
        assert!(!exists(id), "{id}");
    }
}

#[test]
fn a_program_that_is_no_node_is_an_error() {
    for exe in ["/no/such/program", "/bin/true"] {
        let (sender, _inputs) = unbounded();
        let error = Lab::start(Path::new(exe), sender).expect_err(exe);
        assert!(matches!(error, Error::Start(_)), "{exe}: {error}");
    }
}

/// Set for the copy of this test program that must not create user namespaces.
const ROLE: &str = "PODSCOPE_TEST_FORBIDDEN";

/// Plays the app where user namespaces are forbidden.
#[test]
#[ignore = "part of another test"]
fn the_app_without_user_namespaces() {
    if std::env::var_os(ROLE).is_none() {
        return;
    }
    let (sender, _inputs) = unbounded();
    match Lab::start(Path::new(env!("CARGO_BIN_EXE_podscope")), sender) {
        Err(e @ Error::UserNamespaces(_)) => println!("\nforbidden: {}", lab_error(&e)),
        other => println!("\nnot forbidden: {other:?}"),
    }
}

#[test]
fn without_user_namespaces_the_error_names_the_cause_and_the_remedy() {
    // the limit belongs to each user namespace: we may set it in one of our own
    let script = "echo 0 > /proc/sys/user/max_user_namespaces && exec \"$0\" bad::the_app_without_user_namespaces --exact --ignored --nocapture";
    let output = std::process::Command::new("unshare")
        .args(["-Ur", "sh", "-c", script])
        .arg(std::env::current_exe().expect("this program"))
        .env(ROLE, "1")
        .output()
        .expect("unshare runs");
    let said = String::from_utf8_lossy(&output.stdout);
    let want = "forbidden: could not create a user namespace: this system allows no user namespaces \
                (user.max_user_namespaces is 0); as root: sysctl -w user.max_user_namespaces=15000";
    assert!(said.lines().any(|l| l.starts_with(want)), "{said}{}", String::from_utf8_lossy(&output.stderr));
}
