use super::*;
use crate::model::{Looked, NsKind};

const EIO: OsError = OsError(5);
const EMFILE: OsError = OsError(24);

fn check(capability: Capability, table: Vec<(Limitation, &str)>) {
    for (why, words) in table {
        assert_eq!(limitation(capability, &why), words, "{why:?}");
    }
}

#[test]
fn a_missing_connector_has_its_cause_and_what_does_its_work() {
    let table = [
        (Limitation::SwitchedOff, "switched off"),
        (
            Limitation::Connector(ConnectorProblem::NotPermitted),
            "not permitted (before Linux 6.6 it needs root or CAP_NET_ADMIN)",
        ),
        (Limitation::Connector(ConnectorProblem::NotBuilt), "this kernel has none (CONFIG_PROC_EVENTS)"),
        (
            Limitation::Connector(ConnectorProblem::OtherNetworkNamespace),
            "refused outside the initial network namespace",
        ),
        (
            Limitation::Connector(ConnectorProblem::NoAnswer),
            "the kernel does not answer outside the initial pid and user namespaces",
        ),
        (Limitation::Connector(ConnectorProblem::Failed(EIO)), "EIO: I/O error"),
    ];
    for (why, cause) in table {
        let words = format!("{cause}; births, execs and exits are found by a scan every 100 ms");
        assert_eq!(limitation(Capability::ProcConnector, &why), words);
    }
}

#[test]
fn missing_signals_have_their_cause_and_remedy() {
    let what = "btf_trace_mark_victim".to_owned();
    let refused = BpfProblem::Refused { program: "tp_btf/x".into(), reason: "too long".into() };
    let failed = BpfProblem::Failed { what: "ring buffer".into(), error: EIO };
    let table = [
        (
            BpfProblem::NotPermitted,
            "not permitted: needs root, or CAP_BPF and CAP_PERFMON, in the initial user namespace",
        ),
        (BpfProblem::OtherNamespace(NsKind::Pid), "not outside the initial pid namespace"),
        (BpfProblem::NoTypes, "this kernel does not describe its types (CONFIG_DEBUG_INFO_BTF)"),
        (BpfProblem::Missing { what }, "this kernel has no btf_trace_mark_victim"),
        (refused, "the kernel refuses the program tp_btf/x: too long"),
        (failed, "ring buffer: EIO: I/O error"),
        (BpfProblem::NotLoaded, "the programs could not be loaded, because of a mistake in Podscope"),
    ];
    for (problem, cause) in table {
        let words = format!("{cause}; who sends a signal is known only of those that you send");
        assert_eq!(limitation(Capability::Signals, &Limitation::Bpf(problem)), words);
    }
}

#[test]
fn missing_pidfds_have_their_cause_and_remedy() {
    check(
        Capability::Pidfd,
        vec![
            (Limitation::SwitchedOff, "switched off; reaps are found by scans"),
            (Limitation::NoPidfds(EIO), "pidfd_open: EIO: I/O error; needs Linux 5.3; reaps are found by scans"),
            (
                Limitation::PidfdsUsedUp { held: 128 },
                "only 128 processes are held, half as many as the limit of open files allows (ulimit -n, ulimit -Hn); \
                 reaps of the others are found by a scan once a second",
            ),
            (
                Limitation::PidfdRefused(OsError(28)),
                "the kernel holds no more for this user (fs.epoll.max_user_watches); reaps of the others are found by \
                 a scan once a second",
            ),
            (
                Limitation::PidfdRefused(OsError(23)),
                "the machine has as many files open as it may; raise fs.file-max; reaps of the others are found by a \
                 scan once a second",
            ),
        ],
    );
    check(
        Capability::PidfdExitInfo,
        vec![
            (Limitation::SwitchedOff, "switched off; exit statuses are known from the proc connector only"),
            (
                Limitation::NoPidfdInfo(EIO),
                "PIDFD_GET_INFO: EIO: I/O error; needs Linux 6.15; exit statuses are known from the proc connector \
                 only",
            ),
        ],
    );
}

#[test]
fn processes_and_namespaces_that_are_not_read_are_counted() {
    check(
        Capability::Processes,
        vec![
            (
                Limitation::ProcessesHidden { hidepid: "2".into() },
                "/proc is mounted with hidepid=2: processes of other users are not shown; run as root, or mount -o \
                 remount,hidepid=off /proc",
            ),
            (Limitation::MountsUnknown(EIO), "whether /proc hides processes is not known: mountinfo: EIO: I/O error"),
            (
                Limitation::ProcessesDenied { count: 3 },
                "3 processes may not be read; they are shown as they were last seen",
            ),
            (
                Limitation::ProcessesFailed { count: 4, error: EMFILE },
                "4 processes could not be read (this program has as many files open as it may; raise the limit: ulimit \
                 -n); they are tried again",
            ),
            (
                Limitation::ProcessListFailed(EIO),
                "/proc could not be listed (EIO: I/O error), so new processes may be missing",
            ),
        ],
    );
    check(
        Capability::Namespaces,
        vec![
            (
                Limitation::NamespacesDenied { count: 5, all: 5 },
                "the namespaces of all 5 processes cannot be read; needs CAP_SYS_PTRACE, which root usually has",
            ),
            (
                Limitation::NamespacesDenied { count: 2, all: 5 },
                "the namespaces of 2 of 5 processes cannot be read; needs CAP_SYS_PTRACE, which root usually has",
            ),
        ],
    );
    check(
        Capability::Holders,
        vec![
            (
                Limitation::HoldersNotSearched,
                "open files and bind mounts that keep a namespace alive are not searched for",
            ),
            (
                Limitation::HoldersMissed(Box::new(Search {
                    files: Looked { found: 9, denied: 3, gone: 1, failed: 1 },
                    mounts: Looked { found: 2, denied: 1, ..Looked::default() },
                    ..Search::default()
                })),
                "the open files of 4 of 9 processes, the mounts of 1 of 2 mount namespaces cannot be read; \
                 needs CAP_SYS_PTRACE and CAP_NET_ADMIN, which root usually has",
            ),
        ],
    );
}

#[test]
fn missing_bpf_has_its_cause_and_what_does_its_work() {
    let (program, reason) = (|| "iter/task".to_owned(), || "R1 invalid mem access 'scalar'".to_owned());
    let table = [
        (
            BpfProblem::NotPermitted,
            "not permitted: needs root, or CAP_BPF and CAP_PERFMON, in the initial user namespace",
        ),
        (BpfProblem::OtherNamespace(NsKind::Pid), "not outside the initial pid namespace"),
        (BpfProblem::NoTypes, "this kernel does not describe its types (CONFIG_DEBUG_INFO_BTF)"),
        (BpfProblem::Missing { what: "bpf_iter_task".into() }, "this kernel has no bpf_iter_task"),
        (
            BpfProblem::Refused { program: program(), reason: reason() },
            "the kernel refuses the program iter/task: R1 invalid mem access 'scalar'",
        ),
        (
            BpfProblem::Unfit { program: program(), reason: "sock:0 has 4 bytes here".into() },
            "the program iter/task does not fit this kernel: sock:0 has 4 bytes here",
        ),
        (BpfProblem::Failed { what: "a map".into(), error: EIO }, "a map: EIO: I/O error"),
    ];
    for (problem, cause) in table {
        let words = format!("{cause}; all is read from /proc, which takes longer");
        assert_eq!(limitation(Capability::Bpf, &Limitation::Bpf(problem)), words);
    }
    let off = limitation(Capability::Bpf, &Limitation::SwitchedOff);
    assert_eq!(off, "switched off; all is read from /proc, which takes longer");
}

#[test]
fn a_missing_cgroup_has_its_cause_and_what_does_its_work() {
    let (cgroup, unit) = (|| "/user.slice".to_owned(), || "podscope-1.scope".to_owned());
    let table = [
        (CgroupProblem::NotMounted, "cgroup v2 is not mounted here"),
        (CgroupProblem::NoCgroup, "this process is in no cgroup of version 2"),
        (CgroupProblem::NotInHierarchy, "its cgroup is not part of the hierarchy that is mounted here"),
        (CgroupProblem::NotDelegated { cgroup: cgroup() }, "the cgroup /user.slice is not delegated to this user"),
        (CgroupProblem::ReadOnly, "cgroups are mounted read-only here"),
        (
            CgroupProblem::NotMade { below: cgroup(), error: EIO },
            "no cgroup could be made below /user.slice: I/O error",
        ),
        (CgroupProblem::NotOpened { cgroup: cgroup(), error: EIO }, "/user.slice: I/O error"),
        (CgroupProblem::NotDivided { cgroup: cgroup(), error: EIO }, "/user.slice cannot be divided: I/O error"),
        (CgroupProblem::NoCleanup(EIO), "the process that removes the lab's cgroup cannot be started: I/O error"),
        (CgroupProblem::ScopeRefused { message: "No bus".into() }, "systemd gives no scope: No bus"),
        (
            CgroupProblem::ScopeNotRequested(EIO),
            "systemd gives no scope: the thread that asks for it cannot be started: I/O error",
        ),
        (
            CgroupProblem::ScopeFailed { unit: unit(), result: "failed".into() },
            "systemd gives no scope: podscope-1.scope: failed",
        ),
        (CgroupProblem::BusClosed, "systemd gives no scope: the bus has closed the connection"),
        (
            CgroupProblem::ScopeLate { unit: unit(), timeout_ms: 4_000 },
            "systemd did not start podscope-1.scope within 4s",
        ),
        (
            CgroupProblem::ScopeEmpty { unit: unit(), cgroup: Some(cgroup()) },
            "systemd started podscope-1.scope, but the node is in /user.slice",
        ),
        (
            CgroupProblem::ScopeEmpty { unit: unit(), cgroup: None },
            "systemd started podscope-1.scope, but the cgroup of the node is not known",
        ),
    ];
    for (problem, cause) in table {
        let words = format!("{cause}; the figures of pods are added up from /proc");
        assert_eq!(limitation(Capability::Cgroups, &Limitation::Cgroup(problem)), words);
    }
    let controllers = vec!["cpu".to_owned(), "pids".to_owned()];
    check(
        Capability::Cgroups,
        vec![
            (Limitation::SwitchedOff, "switched off; the figures of pods are added up from /proc"),
            (
                Limitation::ControllersMissing { cgroup: cgroup(), controllers },
                "/user.slice has no cpu and no pids controller: limits have no effect there, and figures are added up \
                 from /proc",
            ),
        ],
    );
}

#[test]
fn a_failure_of_the_observer_names_what_failed() {
    let failed = ObserverFailure::Failed { what: "epoll_wait".into(), error: OsError(9) };
    check(
        Capability::Observer,
        vec![
            (
                Limitation::ObserverFailed(failed),
                "the observer failed (epoll_wait: EBADF: Bad file number) and starts again; what is shown is from \
                 before",
            ),
            (
                Limitation::ObserverRestarted { failures: 2, last: ObserverFailure::Panic("no luck".into()) },
                "the observer failed 2 times, at last: a panic: no luck; it was started again, and what happened in \
                 between is known from scans only",
            ),
        ],
    );
}

#[test]
fn several_reasons_are_one_line_and_full_coverage_has_none() {
    assert_eq!(reason(Capability::Pidfd, &Coverage::Full), None);
    let missing = Coverage::Missing(Limitation::HoldersNotSearched);
    assert!(reason(Capability::Holders, &missing).is_some_and(|why| why.ends_with("not searched for")));
    let partial = Coverage::Partial(vec![Limitation::ProcessesDenied { count: 1 }, Limitation::ProcessListFailed(EIO)]);
    assert_eq!(
        reason(Capability::Processes, &partial).as_deref(),
        Some(
            "1 processes may not be read; they are shown as they were last seen; /proc could not be listed (EIO: I/O \
             error), so new processes may be missing"
        )
    );
}
