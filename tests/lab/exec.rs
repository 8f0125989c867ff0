//! Programs that are executed in a container are killed at their timeout, when cancelled, and when dropped.

use std::fs;
use std::num::NonZeroU64;
use std::time::Duration;

use podscope::model::{Delta, ExecEnd, ExecId, Member, OutputSource, Pod, World};
use podscope::observe::Input;

use crate::support::{Bench, PATIENCE, container, exists, ns, pause, process, processes, spec, start_time, wait_for};

fn words(text: &str) -> Vec<String> {
    ["sh", "-c", text].map(str::to_owned).to_vec()
}

/// The processes in the pod's pid namespace whose arguments contain this word, by pid and start time.
fn running(pod: &Pod, word: &str) -> Vec<(u32, Option<u64>)> {
    let pid_ns = ns(pause(pod).pid, "pid");
    let holds = |pid: &u32| {
        use std::os::unix::fs::MetadataExt as _;
        let inside = fs::metadata(format!("/proc/{pid}/ns/pid")).is_ok_and(|m| m.ino() == pid_ns);
        let line = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
        inside && String::from_utf8_lossy(&line).contains(word)
    };
    processes().into_iter().filter(holds).map(|pid| (pid, start_time(pid))).collect()
}

/// What was recorded of a program's output, and how many bytes were skipped.
fn output_of(received: &[Input], id: ExecId) -> (String, u64) {
    let mut all = (String::new(), 0);
    for input in received {
        if let Input::Delta(Delta::Output { from: OutputSource::Exec { exec, .. }, text, skipped, .. }) = input
            && *exec == id
        {
            all.0.push_str(text);
            all.1 += skipped.map_or(0, NonZeroU64::get);
        }
    }
    all
}

/// How it ended, if that is recorded.
fn end_of(received: &[Input], id: ExecId) -> Option<ExecEnd> {
    received.iter().find_map(|input| match input {
        Input::Delta(Delta::ExecEnded { exec, end, .. }) if *exec == id => Some(end.clone()),
        _ => None,
    })
}

fn bench() -> (Bench, Pod) {
    let mut bench = Bench::new();
    let pod = bench.run(spec("exec", true, vec![container("a", "exec sleep 1000"), container("b", "exec sleep 1000")]));
    (bench, pod)
}

#[test]
fn a_cancelled_exec_is_killed_with_what_it_has_started() {
    let (mut bench, pod) = bench();
    let member = Member::container(&pod.uid, "a");
    let script = "sleep 4242 & echo begun; sleep 4242; echo never";
    let exec = bench.lab.start_exec(&member, &words(script), Duration::from_mins(10), true).expect("accepted");
    let waits = "until [ -e /tmp/go ]; do sleep 0.02; done; echo done";
    let other = bench.lab.start_exec(&member, &words(waits), PATIENCE, false).expect("accepted");
    let id = exec.id();
    bench.until("its first word", |received| (output_of(received, id).0 == "begun\n").then_some(()));
    wait_for("its shell and two sleeps", || running(&pod, "4242").len() == 3);

    let cancel = exec.cancel_handle();
    cancel.cancel();
    let ended = exec.wait().expect("an end");
    assert_eq!((ended.cancelled, ended.timed_out, ended.status.signal()), (true, false, Some(9)));
    assert_eq!(ended.stdout, b"begun\n");
    let end = bench.until("its end", |received| end_of(received, id));
    assert_eq!(end, ExecEnd::Cancelled);
    wait_for("all of it gone", || running(&pod, "4242").is_empty());
    // cancelling an ended program does nothing
    cancel.cancel();
    assert!(exists(process(&pod, "a")) && exists(process(&pod, "b")) && exists(pause(&pod)));
    bench.exec(&pod, "a", "touch /tmp/go");
    let other = other.wait().expect("an end");
    assert_eq!((other.cancelled, other.stdout.as_slice(), other.status.code()), (false, b"done\n".as_slice(), 0));
}

#[test]
fn an_exec_that_is_cancelled_at_once_does_not_keep_running() {
    let (bench, pod) = bench();
    let member = Member::container(&pod.uid, "a");
    for round in 0..crate::rounds::number_of(20) {
        let exec = bench.lab.start_exec(&member, &words("exec sleep 4243"), PATIENCE, false).expect("accepted");
        // cancelled before it is started, while it joins the container, or when it runs
        std::thread::sleep(Duration::from_micros(u64::from(round * 7919 % 5_000)));
        exec.cancel_handle().cancel();
        let ended = exec.wait().expect("an end");
        assert_eq!((ended.cancelled, ended.status.signal()), (true, Some(9)), "round {round}");
        assert!(running(&pod, "4243").is_empty(), "round {round}");
    }
}

#[test]
fn a_dropped_exec_is_killed() {
    let (bench, pod) = bench();
    let member = Member::container(&pod.uid, "a");
    let exec = bench.lab.start_exec(&member, &words("sleep 4244; true"), PATIENCE, false).expect("accepted");
    wait_for("it to run", || running(&pod, "4244").len() == 2);
    drop(exec);
    wait_for("its end", || running(&pod, "4244").is_empty());
}

#[test]
fn a_timeout_also_kills_what_the_exec_has_started() {
    let (bench, pod) = bench();
    let member = Member::container(&pod.uid, "a");
    let script = "sleep 4245 & sleep 4245; true";
    let ended = bench.lab.exec(&member, &words(script), Duration::from_millis(200)).expect("an end");
    assert_eq!((ended.timed_out, ended.cancelled, ended.status.signal()), (true, false, Some(9)));
    wait_for("all of it gone", || running(&pod, "4245").is_empty());
}

#[test]
fn a_recorded_exec_is_in_the_world_with_all_that_it_wrote() {
    let (mut bench, pod) = bench();
    let member = Member::container(&pod.uid, "a");
    let script = "i=0; while [ $i -lt 3000 ]; do echo line $i; i=$((i+1)); done; echo problem >&2; exit 3";
    let exec = bench.lab.start_exec(&member, &words(script), PATIENCE, true).expect("accepted");
    let id = exec.id();
    let ended = exec.wait().expect("an end");
    let end = bench.until("its end", |received| end_of(received, id));
    assert_eq!(end, ExecEnd::Exited(ended.status));
    let (text, skipped) = output_of(&bench.received, id);
    let wrote = String::from_utf8([ended.stdout, ended.stderr].concat()).expect("UTF-8");
    let sorted = |text: &str| {
        let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
        lines.sort();
        lines
    };
    assert_eq!((sorted(&text), skipped), (sorted(&wrote), 0));

    let mut world = World::default();
    for input in &bench.received {
        if let Input::Delta(delta) = input {
            world.apply(delta);
        }
    }
    let run = world.last_exec(&pod.uid).expect("it is remembered");
    assert_eq!((run.id, &run.argv, &run.member), (id, &words(script), &member));
    assert_eq!(run.output.len(), 3001);

    let missing = bench.lab.start_exec(&member, &["no-such-program".to_owned()], PATIENCE, true).expect("accepted");
    let id = missing.id();
    missing.wait().expect_err("there is no such program");
    let end = bench.until("its end", |received| end_of(received, id));
    assert!(matches!(&end, ExecEnd::NotStarted(why) if why.contains("no-such-program")), "{end:?}");

    let hidden = bench.lab.start_exec(&member, &words("echo hidden"), PATIENCE, false).expect("accepted");
    let id = hidden.id();
    hidden.wait().expect("an end");
    // what is recorded after it has arrived, so it would have arrived too
    let after = bench.lab.start_exec(&member, &words("true"), PATIENCE, true).expect("accepted");
    let after_id = after.id();
    after.wait().expect("an end");
    bench.until("the end of the next", |received| end_of(received, after_id));
    assert_eq!((output_of(&bench.received, id), end_of(&bench.received, id)), ((String::new(), 0), None));
}

#[test]
fn pod_uids_are_unique_random_uuids() {
    let bench = Bench::new();
    let uid = || bench.lab.run(spec("uid", false, vec![container("a", "sleep 1000")])).expect("accepted").0;
    let (one, two) = (uid(), uid());
    assert_ne!(one, two);
    for uid in [one, two] {
        let lengths: Vec<usize> = uid.split('-').map(str::len).collect();
        assert_eq!((&lengths[..], &uid[14..15]), (&[8, 4, 4, 4, 12][..], "4"), "{uid}");
    }
}
