use super::*;

/// A record as the C program writes it, each number different.
pub fn task_record(level: u32) -> Vec<u8> {
    let words = [TASK as u32 + 4 * (level + 1), level, 7, 6, 5, 0, 1, 0, 0x40_0000, 9, 1000, 1001, 3, 1];
    let longs = [120_000_000, 110_000_000, 77, 88, 1 << 14, 3 << 14, 4, 8, 16, 32];
    let mut record: Vec<u8> = words.iter().flat_map(|w: &u32| w.to_le_bytes()).collect();
    record.extend(
        longs.iter().chain(&[500, 501, 502, 503, 504, 505, 506, 507, 508, 0]).flat_map(|l: &u64| l.to_le_bytes()),
    );
    record.extend([100, 101, 102, 103, 104, 105, 106, 107, 108, 0].iter().flat_map(|i: &u32| i.to_le_bytes()));
    record.extend(b"a worker\0rubbish");
    record.extend((0..=level).flat_map(|i| (7 + i).to_le_bytes()));
    record
}

/// The same of a first thread, as the iterator writes it.
pub fn process_record(level: u32, has_rss: u32) -> Vec<u8> {
    let mut record = task_record(level);
    record.extend([1_u64, 2, 3, 4].iter().flat_map(|l| l.to_le_bytes()));
    record.extend([has_rss, 0].iter().flat_map(|w| w.to_le_bytes()));
    let size = record.len() as u32;
    record[..4].copy_from_slice(&size.to_le_bytes());
    record
}

pub fn event_record(kind: u32, rest: &[u8]) -> Vec<u8> {
    let mut record = Vec::from(kind.to_le_bytes());
    record.extend(42_u32.to_le_bytes());
    record.extend(99_u64.to_le_bytes());
    record.extend(rest);
    record
}

#[test]
fn a_task_is_read_field_by_field() {
    let task = &tasks(&task_record(2)).expect("whole")[0];
    let namespace = |i: u64| Some(NsNumbers { inode: 100 + i as u32, unique: Some(500 + i) });
    let expected = Task {
        pid: 7,
        tgid: 6,
        ppid: 5,
        tracer: None,
        state: State::Sleeping,
        flags: 0x40_0000,
        exit_status: None,
        uid: 1000,
        euid: 1001,
        threads: 3,
        start: 12,
        process_start: 11,
        run_time: 77,
        cgroup: 88,
        blocked: 1 << 14,
        blocked_before_wait: 3 << 14,
        pending: 4,
        shared_pending: 8,
        actions: Some(Actions { ignored: 16, caught: 32 }),
        namespaces: std::array::from_fn(|i| namespace(i as u64)),
        pid_for_children: namespace(8),
        time_for_children: None,
        comm: "a worker".to_owned(),
        pids: vec![7, 8, 9],
        used: None,
    };
    assert_eq!(*task, expected);
    assert_eq!(task.process(), ProcId { pid: 6, start: 11 });
    assert!(!task.is_first_thread());

    let mut zombie = task_record(2);
    zombie[28] = 0x20;
    let zombie = &tasks(&zombie).expect("whole")[0];
    assert_eq!((zombie.state, zombie.exit_status), (State::Zombie, Some(WaitStatus(9))));
}

#[test]
fn records_follow_each_other_and_a_cut_one_is_refused() {
    let all = [process_record(0, 1), task_record(32), process_record(9, 0)];
    let ends = [all[0].len(), all[0].len() + all[1].len()];
    let all = all.concat();
    let found = tasks(&all).expect("whole");
    assert_eq!(found.iter().map(|t| t.pids.len()).collect::<Vec<_>>(), [1, 33, 10]);
    let used = Used { ended_run_time: 1, waited: [2, 3], rss_pages: Some(4) };
    let expected = [Some(used), None, Some(Used { rss_pages: None, ..used })];
    assert_eq!(found.iter().map(|t| t.used).collect::<Vec<_>>(), expected);
    for cut in (1..all.len()).filter(|cut| !ends.contains(cut)) {
        assert_eq!(tasks(&all[..cut]), None, "cut at {cut}");
    }
}

#[test]
fn a_length_that_does_not_fit_is_refused() {
    for (at, value) in [(0, 0), (0, 1), (0, u32::MAX), (4, 1), (4, 33), (4, u32::MAX)] {
        let mut record = task_record(0);
        record[at..at + 4].copy_from_slice(&value.to_le_bytes());
        assert_eq!(tasks(&record), None, "{value} at {at}");
    }
}

#[test]
fn states_are_those_of_proc() {
    let table = [
        (0, 0, State::Running),
        (1, 0, State::Sleeping),
        (2, 0, State::Disk),
        (0x102, 0, State::Disk), // killable
        (0x402, 0, State::Idle),
        (0x104, 0, State::Stopped),
        (8, 0, State::Traced),
        (0x8000, 0, State::Disk), // frozen
        (0x80, 0x20, State::Zombie),
        (0x80, 0x10, State::Zombie),
        (0x40, 0, State::Sleeping), // parked: a letter of its own in /proc, which the model does not have
    ];
    for (state, exit_state, expected) in table {
        assert_eq!(state_of(state, exit_state), expected, "{state:#x} {exit_state:#x}");
        let letter = State::from_letter(letter_of(state, exit_state));
        assert_eq!(letter, expected, "{state:#x} {exit_state:#x}");
    }
}

/// `task_state_index` and `task_index_to_char` of `include/linux/sched.h`.
fn letter_of(state: u32, exit_state: u32) -> char {
    let mut reported = (state | exit_state) & 0x7f;
    if state & 0x402 == 0x402 {
        reported = 0x80;
    }
    if state & 0x9000 != 0 {
        reported = 2;
    }
    let index = (32 - reported.leading_zeros()) as usize;
    char::from(b"RSDTtXZPI"[index])
}

#[test]
fn events_are_read_by_their_kind() {
    let task = Box::new(tasks(&task_record(0)).expect("whole").remove(0));
    let with_task = |kind| event_record(kind, &[&66_u64.to_le_bytes()[..], &task_record(0)].concat());
    let table = [
        (2, Happening::Fork(task.clone())),
        (3, Happening::Exec { task: task.clone(), pid_before: 42 }),
        (4, Happening::Exit { task: task.clone(), status: WaitStatus(9), of_process: Some(WaitStatus(66)) }),
        (5, Happening::Setns(task.clone())),
        (6, Happening::Unshare(task.clone())),
        (7, Happening::CgroupMove { task, hierarchy: 42, cgroup: 66 }),
    ];
    for (kind, happening) in table {
        assert_eq!(event(&with_task(kind)), Some(Event { at: MonoNs(99), happening }));
        for cut in 0..with_task(kind).len() {
            assert_eq!(event(&with_task(kind)[..cut]), None, "kind {kind} cut at {cut}");
        }
    }
    assert_eq!(event(&with_task(9)), None);
}

#[test]
fn a_signal_has_a_sender_only_if_a_process_has_sent_it() {
    let signal = |origin: u32, code: i32| {
        let mut rest: Vec<u8> = [code as u32, origin, 1, 0].iter().flat_map(|w| w.to_le_bytes()).collect();
        for (pid, start) in [(11_u32, 30_000_000_u64), (12, 0)] {
            rest.extend(pid.to_le_bytes());
            rest.extend(pid.to_le_bytes());
            rest.extend(start.to_le_bytes());
        }
        rest.extend(b"sender\0rubbish!!");
        rest.extend(b"target of a sign");
        match event(&event_record(1, &rest)).expect("whole").happening {
            Happening::Signal(sent) => sent,
            other => panic!("{other:?}"),
        }
    };
    let by_process = signal(2, 0);
    assert_eq!(by_process.signal, Signal(42));
    assert_eq!(by_process.sender().and_then(|s| s.process()), Some(ProcId { pid: 11, start: 3 }));
    assert_eq!(by_process.target, TaskRef { pid: 12, tgid: 12, process_start: None });
    assert_eq!(by_process.current_comm.to_string(), "sender");
    assert_eq!(by_process.target_comm.to_string(), "target of a sign");
    assert_eq!(signal(0, 0).origin, Origin::Process);
    assert_eq!(signal(2, -6).origin, Origin::Process);
    assert_eq!(signal(1, 0).origin, Origin::Kernel);
    assert_eq!(signal(2, 0x80).origin, Origin::Kernel);
    assert_eq!(signal(2, -2).sender(), None, "a timer has no sender");
    assert_eq!(signal(2, 1).origin, Origin::Other(1));
}

#[test]
fn a_kill_for_lack_of_memory_is_read() {
    let mut rest = Vec::new();
    for (pid, start) in [(11_u32, 30_000_000_u64), (12, 0)] {
        rest.extend([pid, pid].iter().flat_map(|pid| pid.to_le_bytes()));
        rest.extend(start.to_le_bytes());
    }
    rest.extend(b"victim\0\0\0\0\0\0\0\0\0\0");
    rest.extend([0; 16]);
    let record = event_record(8, &rest);
    let task = |pid, process_start| TaskRef { pid, tgid: pid, process_start };
    let Some(Happening::OomKill { victim, caused_by, victim_comm, caused_by_comm }) =
        event(&record).map(|e| e.happening)
    else {
        panic!("it is whole");
    };
    assert_eq!((victim, caused_by), (task(11, Some(3)), task(12, None)));
    assert_eq!((victim_comm.to_string(), caused_by_comm.to_string()), ("victim".to_owned(), String::new()));
    for cut in 0..record.len() {
        assert_eq!(event(&record[..cut]), None, "cut at {cut}");
    }
}

#[test]
fn holders_are_read_and_a_cut_one_is_refused() {
    let holder = |flag: u32| {
        let mut record = Vec::new();
        record.extend([21_u32, 20].iter().flat_map(|w| w.to_le_bytes()));
        record.extend(50_000_000_u64.to_le_bytes());
        record.extend([3, flag].iter().flat_map(|w| w.to_le_bytes()));
        record.extend(600_u64.to_le_bytes());
        record.extend([200_u32, 2].iter().flat_map(|w| w.to_le_bytes()));
        record.extend(9999_u64.to_le_bytes());
        record
    };
    let both = [holder(0x0002_0000), holder(0)].concat();
    let by = TaskRef { pid: 21, tgid: 20, process_start: Some(5) };
    let namespace = NsNumbers { inode: 200, unique: Some(600) };
    let file = Holder { by, fd: 3, file: HeldBy::File, kind: NsKind::Mnt, namespace };
    let socket = Holder { file: HeldBy::Socket { inode: 9999, family: 2 }, kind: NsKind::Net, ..file };
    assert_eq!(holders(&both), Some(vec![file, socket]));
    for cut in (1..both.len()).filter(|cut| cut % HOLDER != 0) {
        assert_eq!(holders(&both[..cut]), None, "cut at {cut}");
    }
    assert_eq!(holders(&holder(1)), None, "no kind of namespace has this flag");
}
