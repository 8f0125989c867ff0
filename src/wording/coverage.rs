//! Why something is not observed, in words: the cause, what follows from it, and what to do about it.

use super::os_error;
use crate::model::{
    BpfProblem, Capability, CgroupProblem, ConnectorProblem, Coverage, Limitation, ObserverFailure, OsError, Search,
};

/// The reasons in one line, separated by semicolons; `None` if nothing is missing.
pub fn reason(capability: Capability, coverage: &Coverage) -> Option<String> {
    let all: Vec<String> = coverage.limitations().iter().map(|why| limitation(capability, why)).collect();
    (!all.is_empty()).then(|| all.join("; "))
}

/// For something that no source of a snapshot looks at.
pub const NOT_SEARCHED: &str = "not searched for";

/// For what the user left out of a snapshot.
pub const LEFT_OUT: &str = "left out on request";

/// For a snapshot in which so many of `all` processes lack links to namespaces.
pub fn links_unread(count: usize, all: usize) -> String {
    format!("not all links of {count} of {all} processes could be read: they were exiting or zombies")
}

/// For a proc connector that has lost so many events.
pub fn events_lost(count: u64) -> String {
    format!("{count} events were lost since the start; what they reported was found by scanning /proc")
}

/// What does the work of a capability that is missing.
const fn without(capability: Capability) -> Option<&'static str> {
    match capability {
        Capability::ProcConnector => Some("births, execs and exits are found by a scan every 100 ms"),
        Capability::Pidfd => Some("reaps are found by scans"),
        Capability::PidfdExitInfo => Some("exit statuses are known from the proc connector only"),
        Capability::Bpf => Some("all is read from /proc, which takes longer"),
        Capability::Cgroups => Some("the figures of pods are added up from /proc"),
        Capability::Signals => Some("who sends a signal is known only of those that you send"),
        Capability::Processes | Capability::Namespaces | Capability::Holders | Capability::Observer => None,
    }
}

fn limitation(capability: Capability, why: &Limitation) -> String {
    let missing = |cause: String| match without(capability) {
        Some(then) => format!("{cause}; {then}"),
        None => cause,
    };
    match why {
        Limitation::SwitchedOff => missing("switched off".into()),
        Limitation::Connector(problem) => missing(connector(*problem)),
        Limitation::NoPidfds(e) => {
            missing(format!("pidfd_open: {}; needs Linux 5.3", os_error::name_and_description(*e)))
        }
        Limitation::NoPidfdInfo(e) => {
            missing(format!("PIDFD_GET_INFO: {}; needs Linux 6.15", os_error::name_and_description(*e)))
        }
        Limitation::PidfdsUsedUp { held } => reaps_by_scan(&format!(
            "only {held} processes are held, half as many as the limit of open files allows (ulimit -n, ulimit -Hn)"
        )),
        Limitation::PidfdRefused(e) => reaps_by_scan(&pidfd_refusal(*e)),
        Limitation::ProcessesHidden { hidepid } => format!(
            "/proc is mounted with hidepid={hidepid}: processes of other users are not shown; run as root, or mount \
             -o remount,hidepid=off /proc"
        ),
        Limitation::MountsUnknown(e) => {
            format!("whether /proc hides processes is not known: mountinfo: {}", os_error::cause(*e))
        }
        Limitation::ProcessesDenied { count } => {
            format!("{count} processes may not be read; they are shown as they were last seen")
        }
        Limitation::ProcessesFailed { count, error } => {
            format!("{count} processes could not be read ({}); they are tried again", os_error::cause(*error))
        }
        Limitation::ProcessListFailed(e) => {
            format!("/proc could not be listed ({}), so new processes may be missing", os_error::cause(*e))
        }
        Limitation::NamespacesDenied { count, all } => {
            let which = if count == all { format!("all {all}") } else { format!("{count} of {all}") };
            format!("the namespaces of {which} processes cannot be read; needs CAP_SYS_PTRACE, which root usually has")
        }
        Limitation::HoldersNotSearched => {
            "open files and bind mounts that keep a namespace alive are not searched for".into()
        }
        Limitation::HoldersMissed(search) => holders_missed(search),
        Limitation::Bpf(problem) => missing(bpf(problem)),
        Limitation::Cgroup(problem) => missing(cgroup(problem)),
        Limitation::ControllersMissing { cgroup, controllers } => format!(
            "{cgroup} has no {} controller: limits have no effect there, and figures are added up from /proc",
            controllers.join(" and no ")
        ),
        Limitation::ObserverFailed(failure) => format!(
            "the observer failed ({}) and starts again; what is shown is from before",
            observer_failure(failure)
        ),
        Limitation::ObserverRestarted { failures, last } => format!(
            "the observer failed {failures} times, at last: {}; it was started again, and what happened in between is \
             known from scans only",
            observer_failure(last)
        ),
    }
}

fn connector(problem: ConnectorProblem) -> String {
    match problem {
        ConnectorProblem::NotPermitted => "not permitted (before Linux 6.6 it needs root or CAP_NET_ADMIN)".into(),
        ConnectorProblem::NotBuilt => "this kernel has none (CONFIG_PROC_EVENTS)".into(),
        ConnectorProblem::OtherNetworkNamespace => "refused outside the initial network namespace".into(),
        ConnectorProblem::NoAnswer => "the kernel does not answer outside the initial pid and user namespaces".into(),
        ConnectorProblem::Failed(e) => os_error::name_and_description(e),
    }
}

fn bpf(problem: &BpfProblem) -> String {
    match problem {
        BpfProblem::NotPermitted => {
            "not permitted: needs root, or CAP_BPF and CAP_PERFMON, in the initial user namespace".into()
        }
        BpfProblem::OtherNamespace(kind) => format!("not outside the initial {kind} namespace"),
        BpfProblem::NoTypes => "this kernel does not describe its types (CONFIG_DEBUG_INFO_BTF)".into(),
        BpfProblem::Missing { what } => format!("this kernel has no {what}"),
        BpfProblem::Refused { program, reason } => format!("the kernel refuses the program {program}: {reason}"),
        BpfProblem::Unfit { program, reason } => {
            format!("the program {program} does not fit this kernel: {reason}")
        }
        BpfProblem::Failed { what, error } => format!("{what}: {}", os_error::cause(*error)),
        BpfProblem::NotLoaded => "the programs could not be loaded, because of a mistake in Podscope".into(),
    }
}

fn reaps_by_scan(cause: &str) -> String {
    format!("{cause}; reaps of the others are found by a scan once a second")
}

fn pidfd_refusal(e: OsError) -> String {
    match nix::errno::Errno::from_raw(e.0) {
        nix::errno::Errno::ENOSPC => "the kernel holds no more for this user (fs.epoll.max_user_watches)".into(),
        _ => os_error::cause(e),
    }
}

fn cgroup(problem: &CgroupProblem) -> String {
    match problem {
        CgroupProblem::NotMounted => "cgroup v2 is not mounted here".into(),
        CgroupProblem::NoCgroup => "this process is in no cgroup of version 2".into(),
        CgroupProblem::NotInHierarchy => "its cgroup is not part of the hierarchy that is mounted here".into(),
        CgroupProblem::NotDelegated { cgroup } => format!("the cgroup {cgroup} is not delegated to this user"),
        CgroupProblem::ReadOnly => "cgroups are mounted read-only here".into(),
        CgroupProblem::NotMade { below, error } => {
            format!("no cgroup could be made below {below}: {}", os_error::description(*error))
        }
        CgroupProblem::NotOpened { cgroup, error } => format!("{cgroup}: {}", os_error::description(*error)),
        CgroupProblem::NotDivided { cgroup, error } => {
            format!("{cgroup} cannot be divided: {}", os_error::description(*error))
        }
        CgroupProblem::NoCleanup(e) => {
            format!("the process that removes the lab's cgroup cannot be started: {}", os_error::description(*e))
        }
        CgroupProblem::ScopeRefused { message } => format!("systemd gives no scope: {message}"),
        CgroupProblem::ScopeNotRequested(e) => {
            format!(
                "systemd gives no scope: the thread that asks for it cannot be started: {}",
                os_error::description(*e)
            )
        }
        CgroupProblem::ScopeFailed { unit, result } => format!("systemd gives no scope: {unit}: {result}"),
        CgroupProblem::BusClosed => "systemd gives no scope: the bus has closed the connection".into(),
        CgroupProblem::ScopeLate { unit, timeout_ms } => {
            format!("systemd did not start {unit} within {:?}", std::time::Duration::from_millis(*timeout_ms))
        }
        CgroupProblem::ScopeEmpty { unit, cgroup: Some(cgroup) } => {
            format!("systemd started {unit}, but the node is in {cgroup}")
        }
        CgroupProblem::ScopeEmpty { unit, cgroup: None } => {
            format!("systemd started {unit}, but the cgroup of the node is not known")
        }
    }
}

fn observer_failure(failure: &ObserverFailure) -> String {
    match failure {
        ObserverFailure::Failed { what, error } => format!("{what}: {}", os_error::cause(*error)),
        ObserverFailure::Panic(message) => format!("a panic: {message}"),
    }
}

fn holders_missed(search: &Search) -> String {
    let missed = [
        (search.files, "the open files of", "processes"),
        (search.threads, "the namespaces of", "threads"),
        (search.sockets, "the network namespaces of", "sockets"),
        (search.mounts, "the mounts of", "mount namespaces"),
    ];
    let missed = missed.into_iter().filter(|(looked, ..)| looked.unseen() > 0);
    let parts: Vec<String> =
        missed.map(|(looked, what, of)| format!("{what} {} of {} {of}", looked.unseen(), looked.found)).collect();
    let needs = "needs CAP_SYS_PTRACE and CAP_NET_ADMIN, which root usually has";
    format!("{} cannot be read; {needs}", parts.join(", "))
}

#[cfg(test)]
mod tests;
