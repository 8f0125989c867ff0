//! A pid namespace whose PID 1 reaps and reports, as pause does.

use podscope::model::Delta;
use podscope::model::{Member, MonoNs, Parent, PodUid, Precision, Source, Stamp, WaitStatus};
use podscope::observe::{Input, Options, identify};

use crate::support::{Helper, Watched};

fn pod() -> Helper {
    Helper::under(&["unshare", "--user", "--map-root-user", "--pid", "--fork"], "init")
}

/// Lets the helper make and reap `count` orphans. Returns its records (pid in the pod, status, time), and the pid of
/// the parent that died.
fn round(pod: &mut Helper, count: u32) -> (Vec<(u32, i32, u64)>, u32) {
    pod.tell(&count.to_string());
    let mut told = Vec::new();
    loop {
        let line = pod.answer();
        let words: Vec<&str> = line.split(' ').collect();
        match words[..] {
            ["middle", pid] => return (told, pid.parse().expect("a pid")),
            [pid, status, at] => {
                told.push((
                    pid.parse().expect("a pid"),
                    status.parse().expect("a status"),
                    at.parse().expect("a time"),
                ));
            }
            _ => panic!("{line}"),
        }
    }
}

fn records_match(options: Options, count: u32) {
    let mut pod = pod();
    let mut w = Watched::start(options);
    let outside = w.watch(pod.wrapper_pid()).pid;
    let pause = identify(pod.pid).expect("it runs");
    w.until("pause", |w| w.world.process(pause).is_some_and(|p| p.pid_inside() == Some(1)));
    let (told, middle) = round(&mut pod, count);
    for (pid, status, at) in &told {
        w.send(Input::PauseReaped { pause, pid_in_pod: *pid, status: WaitStatus(*status), at: MonoNs(*at) });
    }
    // no process has this pid; when this record is reported as lost, all records before it are decided
    let at = podscope::observe::now();
    w.send(Input::PauseReaped { pause, pid_in_pod: u32::MAX - 1, status: WaitStatus(0), at });
    let n = told.len();
    w.until("every record", |w| w.world.lost.contains_key(&Source::Pause));
    w.until("every reap", |w| {
        // with lost events, processes that no event reported are not known
        let gone = w.world.processes.values().filter(|p| p.is_gone()).count();
        gone >= n || !w.has_all_events() && w.world.present().all(|p| p.id == pause || p.id.pid == outside)
    });
    if !w.has_all_events() {
        // every known process was reaped by pause, or its reaper is unknown
        for p in w.world.processes.values().filter(|p| p.is_gone()) {
            let by = p.reap.expect("gone").by;
            assert!(by == Parent::Process(pause) || by == Parent::Unknown, "{p:?}");
        }
        return;
    }
    assert_eq!(w.world.lost.get(&Source::Pause), Some(&1), "only the made-up record");
    let mut statuses: Vec<i32> = Vec::new();
    let mut by_middle = 0;
    for p in w.world.processes.values().filter(|p| p.is_gone()) {
        let (exit, reap) = (p.exit.expect("ended"), p.reap.expect("gone"));
        assert_eq!(reap.by, Parent::Process(pause), "{p:?}");
        assert_eq!(reap.at.precision, Precision::Prompt, "{p:?}");
        assert!(matches!(reap.at.source, Source::Pause | Source::Pidfd));
        assert_eq!(exit.at.precision, Precision::Exact);
        assert!(exit.at.t <= reap.at.t);
        statuses.push(exit.status.expect("known").0);
        if let Some(inside) = p.pid_inside().filter(|_| p.nspid.len() > 1) {
            let record = told.iter().find(|(pid, ..)| *pid == inside).expect("pause reaped it");
            assert_eq!(record.1, exit.status.expect("known").0, "the right record");
            assert!(reap.at.t.0 <= record.2.max(exit.at.t.0), "the earlier of the two times");
            by_middle += usize::from(inside == middle);
        }
    }
    let mut reaped: Vec<i32> = told.iter().map(|(_, status, _)| *status).collect();
    statuses.sort_unstable();
    reaped.sort_unstable();
    assert_eq!(statuses, reaped);
    assert!(by_middle <= 1);
}

#[test]
fn every_record_of_1000_orphans_is_matched_with_its_process() {
    records_match(Options::default(), 1_000);
}

#[test]
fn without_pidfds_every_record_is_matched_too() {
    records_match(Options::without("pidfd"), 200);
}

#[test]
fn a_record_without_a_process_is_counted_as_lost() {
    let pod = pod();
    let mut w = Watched::start(Options::default());
    w.watch(pod.wrapper_pid());
    let pause = identify(pod.pid).expect("it runs");
    w.until("pause", |w| w.world.process(pause).is_some_and(|p| p.pid_inside() == Some(1)));
    let at = podscope::observe::now();
    w.send(Input::PauseReaped { pause, pid_in_pod: 4_000, status: WaitStatus(0), at });
    w.send(Input::PauseDropped { pause, count: 3, at });
    w.until("the count", |w| w.world.lost.get(&Source::Pause) == Some(&4));
}

#[test]
fn killing_pause_from_outside_ends_it() {
    let mut pod = pod();
    let mut w = Watched::start(Options::default());
    let outside = w.watch(pod.wrapper_pid());
    let pause = identify(pod.pid).expect("it runs");
    w.until("pause", |w| w.world.process(pause).is_some_and(|p| p.pid_inside() == Some(1)));
    let member = Member::pause(&PodUid("a".into()));
    let at = Stamp::prompt(podscope::observe::now(), Source::Node);
    w.send(Input::Delta(Delta::Joined { id: pause, member: member.clone(), at }));
    round(&mut pod, 3);
    podscope::observe::signal::send(pause, podscope::model::Signal::KILL).expect("from outside it works");
    let p = w.until_gone(pause);
    assert_eq!(p.exit.and_then(|e| e.status), Some(WaitStatus::killed(9)));
    assert_eq!(p.member, Some(member));
    // unshare(1) reaps it and exits at once; if both happened before we read them, the reaper is unknown
    let by = p.reap.map(|r| r.by);
    assert!(by == Some(Parent::Process(outside)) || by == Some(Parent::Unknown), "{p:?}");
}
