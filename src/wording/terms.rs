//! What the terms of the inspector mean, for people who meet them for the first time. This is the only place for these
//! texts: labels on screen take their name from here, so that none is without a meaning.

use crate::model::NsKind;

/// A term, such as the label of a fact.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Term {
    // facts of a process
    HostPid,
    PidInPod,
    Parent,
    State,
    Command,
    Handles,
    OrphansGoTo,
    Memory,
    Cpu,
    Cgroup,
    Started,
    AdoptedBy,
    ZombieFor,
    // what a process is
    PidOne,
    Zombie,
    Gone,
    // facts of a namespace
    Link,
    Isolates,
    OwnedBy,
    ChildOf,
    CreatedByUid,
    // facts of a pod
    Phase,
    Ip,
    Sandbox,
    OwnPause,
    LastSandbox,
    Restarts,
    PidNamespace,
    Network,
    Published,
    Volumes,
    Created,
    Uid,
    Engine,
    FirstSeen,
    EngineId,
    // sections
    SendSignal,
    WhyItEnded,
    Namespaces,
    NamespaceHolders,
    Containers,
    Usage,
}

impl Term {
    pub const ALL: [Self; 42] = [
        Self::HostPid,
        Self::PidInPod,
        Self::Parent,
        Self::State,
        Self::Command,
        Self::Handles,
        Self::OrphansGoTo,
        Self::Memory,
        Self::Cpu,
        Self::Cgroup,
        Self::Started,
        Self::AdoptedBy,
        Self::ZombieFor,
        Self::PidOne,
        Self::Zombie,
        Self::Gone,
        Self::Link,
        Self::Isolates,
        Self::OwnedBy,
        Self::ChildOf,
        Self::CreatedByUid,
        Self::Phase,
        Self::Ip,
        Self::Sandbox,
        Self::OwnPause,
        Self::LastSandbox,
        Self::Restarts,
        Self::PidNamespace,
        Self::Network,
        Self::Published,
        Self::Volumes,
        Self::Created,
        Self::Uid,
        Self::Engine,
        Self::FirstSeen,
        Self::EngineId,
        Self::SendSignal,
        Self::WhyItEnded,
        Self::Namespaces,
        Self::NamespaceHolders,
        Self::Containers,
        Self::Usage,
    ];

    /// The term as it is on screen.
    pub const fn name(self) -> &'static str {
        self.words().0
    }

    /// What it means, in a sentence or a few.
    pub const fn meaning(self) -> &'static str {
        self.words().1
    }

    const fn words(self) -> (&'static str, &'static str) {
        match self {
            Self::HostPid => {
                ("Host PID", "The id of the process on the host. ps and kill outside of the pod use this one.")
            }
            Self::PidInPod => (
                "In the pod",
                "The id of the process that programs in its own pid namespace see. Each pid namespace counts from 1.",
            ),
            Self::Parent => (
                "Parent",
                "The process that must reap this one when it ends. A parent outside the pod belongs to no container: \
                 the lab's node, or a program of a container engine.",
            ),
            Self::State => (
                "State",
                "What the process does, with the letter of ps. R: it runs, or is ready to. S: it sleeps until \
                 something happens. D: it waits for a device, and no signal wakes it. T: it is stopped by a signal. \
                 t: it is stopped by a tracer. I: it is an idle thread of the kernel. Z: it has ended and is not \
                 reaped.",
            ),
            Self::Command => (
                "Command",
                "The program and its arguments. A program can write over them to say what it does, as nginx does.",
            ),
            Self::Handles => (
                "Handles",
                "The signals that the process treats in its own way: it has a handler for them, waits for them, \
                 ignores or blocks them. All others have their default action, which mostly ends the process. PID 1 \
                 of a pid namespace gets none of those, except KILL and STOP from outside.",
            ),
            Self::OrphansGoTo => (
                "Orphans go to",
                "The process that becomes the parent of children whose parent has ended, and that must reap them. It \
                 is PID 1 of their pid namespace.",
            ),
            Self::Memory => (
                "Memory",
                "What the process has in RAM (RSS, resident set size). Memory that it shares with other processes \
                 counts for each of them.",
            ),
            Self::Cpu => ("CPU", "How much of one core it has used in the last second, and its CPU time in all."),
            Self::Cgroup => (
                "Cgroup",
                "The control group of the process, in which the kernel counts and limits CPU, memory and processes. \
                 This is the end of its path.",
            ),
            Self::Started => (
                "Started",
                "When the process was born, in minutes and seconds since this window was opened. exact: the kernel \
                 noted the time. within µs: it was noted right after. or earlier: it was there when Podscope looked.",
            ),
            Self::AdoptedBy => {
                ("Adopted by", "Its parent has ended. This process is its parent since then, and must reap it.")
            }
            Self::ZombieFor => (
                "Zombie for",
                "How long ago it has ended. The kernel keeps its exit status until its parent asks for it with \
                 wait(2).",
            ),
            Self::PidOne => (
                "PID 1 of the pod",
                "The first process of the pod's pid namespace. Orphans become its children. When it ends, the kernel \
                 kills all other processes in the namespace.",
            ),
            Self::Zombie => (
                "zombie",
                "It has ended and uses no memory any more. Only its exit status is left, until its parent reaps it.",
            ),
            Self::Gone => {
                ("gone", "It has ended and was reaped, so the kernel no longer has it. Podscope remembers it.")
            }
            Self::Link => (
                "Link",
                "The kind of the namespace and its number, as the links in /proc/PID/ns show them. Processes with the \
                 same number are in the same namespace.",
            ),
            Self::Isolates => ("Isolates", "What its processes have apart from the rest of the machine."),
            Self::OwnedBy => {
                ("Owned by", "The user namespace that it belongs to. Who is root there may change this namespace.")
            }
            Self::ChildOf => {
                ("Child of", "The namespace around it. From there its processes or users are seen too, with other ids.")
            }
            Self::CreatedByUid => {
                ("Created by uid", "The user who made this user namespace. In it that user may do everything.")
            }
            Self::Phase => (
                "Phase",
                "Kubernetes' summary of the pod: Pending, Running, Succeeded or Failed. The word beside the name says \
                 more.",
            ),
            Self::Ip => ("IP", "The address of the pod. Its containers share one network, so all of them have it."),
            Self::Sandbox => (
                "Sandbox",
                "What holds the namespaces of the pod: pause, or a container in its place. When it ends, the pod gets \
                 a new one with the next number.",
            ),
            Self::OwnPause => ("pause", "The program of your own that holds the namespaces of the pod."),
            Self::LastSandbox => (
                "Last sandbox",
                "When and how the sandbox before this one ended. The time is in minutes and seconds since this window \
                 was opened.",
            ),
            Self::Restarts => ("Restarts", "How often containers of the pod were started again."),
            Self::PidNamespace => (
                "pid namespace",
                "Whether the containers see each other's processes. shared: all are in one pid namespace with one \
                 PID 1 (shareProcessNamespace: true). one per container: the first process of each container is its \
                 own PID 1.",
            ),
            Self::Network => (
                "Network",
                "Whose network the containers use. In a network that is not their own, their ports are ports of its \
                 owner.",
            ),
            Self::Published => ("Published", "The address on this machine that leads to a port of the pod."),
            Self::Volumes => ("Volumes", "Directories of the pod. Containers that mount the same one share its files."),
            Self::Created => ("Created", "When the pod was made, in minutes and seconds since this window was opened."),
            Self::Uid => ("Uid", "The identity of the pod. A later pod of the same name has another one."),
            Self::Engine => {
                ("Engine", "The program that runs the pod. Podscope watches its pods, and does not start or stop them.")
            }
            Self::FirstSeen => (
                "First seen",
                "When Podscope saw the pod for the first time, in minutes and seconds since this window was opened.",
            ),
            Self::EngineId => ("Id", "What the engine calls the pod, or the container that holds its namespaces."),
            Self::SendSignal => (
                "Send a signal",
                "A signal tells a process that something has happened. Without a handler of its own, most signals end \
                 it. No process can handle or ignore KILL and STOP.",
            ),
            Self::WhyItEnded => (
                "Why it ended",
                "What is known of its end, from the cause to what followed, each with its time and its source.",
            ),
            Self::Namespaces => (
                "Namespaces",
                "A namespace is a view of a part of the machine. The number is that of /proc/PID/ns. Beside it are \
                 the others of the pod that are in the same one. private: none. host: the machine's own. released: no \
                 process is in it any more.",
            ),
            Self::NamespaceHolders => (
                "Namespace holders",
                "The processes that are in each namespace and keep it alive. The kernel removes a namespace that \
                 nothing holds.",
            ),
            Self::Containers => ("Containers", "The containers of the pod with their states, in the words of kubectl."),
            Self::Usage => (
                "Usage",
                "What each member of the pod uses now: how much of one core, how much memory, and how many threads.",
            ),
        }
    }
}

/// What a namespace of this kind isolates.
pub const fn isolates(kind: NsKind) -> &'static str {
    match kind {
        NsKind::Cgroup => "the view of the cgroup tree",
        NsKind::Ipc => "System V IPC, POSIX queues",
        NsKind::Mnt => "mounts: the file tree",
        NsKind::Net => "interfaces, addresses, ports",
        NsKind::Pid => "process ids, including PID 1",
        NsKind::Time => "boot and monotonic clocks",
        NsKind::User => "uids and capabilities",
        NsKind::Uts => "the host name",
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_term_has_a_name_and_a_meaning_of_its_own() {
        let all: BTreeSet<Term> = Term::ALL.into_iter().collect();
        assert_eq!(all.len(), Term::ALL.len(), "each is listed once");
        let meanings: BTreeSet<&str> = Term::ALL.iter().map(|term| term.meaning()).collect();
        assert_eq!(meanings.len(), Term::ALL.len());
        let names: BTreeSet<&str> = Term::ALL.iter().map(|term| term.name()).collect();
        assert_eq!(names.len(), Term::ALL.len());
        for term in Term::ALL {
            let (name, meaning) = (term.name(), term.meaning());
            assert!(!name.is_empty() && !name.ends_with(':'), "{name}");
            // more than the name in other words
            assert!(meaning.ends_with('.') && meaning.split_whitespace().count() >= 8, "{name}: {meaning}");
            assert!(!meaning.contains("  ") && !meaning.contains('\n'), "{name}: {meaning}");
        }
    }
}
