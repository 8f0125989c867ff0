//! Why a pod or a container is as it is, in the words of Kubernetes.
//!
//! Each type is written as that word, in JSON too. A word that is not known, such as one of another engine, is kept.

use std::borrow::Cow;
use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// An enum of words, with `Other` for every word that is not listed.
macro_rules! words {
    ($(#[$of_enum:meta])* $name:ident { $($(#[$of_variant:meta])* $variant:ident = $word:literal,)+ }) => {
        $(#[$of_enum])*
        #[derive(Clone, Debug, PartialEq, Eq)]
        pub enum $name {
            $($(#[$of_variant])* $variant,)+
            /// A word that is none of the above.
            Other(String),
        }

        impl $name {
            pub fn as_str(&self) -> &str {
                match self {
                    $(Self::$variant => $word,)+
                    Self::Other(word) => word,
                }
            }
        }

        impl From<&str> for $name {
            fn from(word: &str) -> Self {
                match word {
                    $($word => Self::$variant,)+
                    _ => Self::Other(word.to_owned()),
                }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(self.as_str())
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(self.as_str())
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                Cow::<str>::deserialize(deserializer).map(|word| word.as_ref().into())
            }
        }
    };
}

words! {
    /// `state.waiting.reason` of a container (pkg/kubelet/container/sync_result.go, pkg/kubelet/images/types.go).
    WaitingReason {
        ContainerCreating = "ContainerCreating",
        PodInitializing = "PodInitializing",
        CrashLoopBackOff = "CrashLoopBackOff",
        ErrImageNeverPull = "ErrImageNeverPull",
        CreateContainerConfigError = "CreateContainerConfigError",
        CreateContainerError = "CreateContainerError",
        RunContainerError = "RunContainerError",
        /// The lab's node has ended; not a word of a kubelet.
        NodeLost = "NodeLost",
    }
}

words! {
    /// `state.terminated.reason` of a container (internal/cri/server/container_status.go of containerd).
    TerminatedReason {
        Completed = "Completed",
        Error = "Error",
        OomKilled = "OOMKilled",
        /// The runtime gives no reason.
        Unspecified = "",
    }
}

words! {
    /// `reason` of an event (pkg/kubelet/events/event.go). `HostPortMoved`, `HostPortConflict` and `LimitNotEnforced`
    /// are the lab's own.
    EventReason {
        Scheduled = "Scheduled",
        Pulling = "Pulling",
        Pulled = "Pulled",
        Created = "Created",
        Started = "Started",
        Killing = "Killing",
        BackOff = "BackOff",
        Failed = "Failed",
        FailedMount = "FailedMount",
        FailedCreatePodSandBox = "FailedCreatePodSandBox",
        SandboxChanged = "SandboxChanged",
        ErrImageNeverPull = "ErrImageNeverPull",
        HostPortMoved = "HostPortMoved",
        HostPortConflict = "HostPortConflict",
        LimitNotEnforced = "LimitNotEnforced",
    }
}

/// Why a container does not run, as `kubectl get pod` shows it (`printPod` in
/// pkg/printers/internalversion/printers.go).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NotRunning {
    Waiting(WaitingReason),
    Terminated(TerminatedReason),
    /// `Signal:9`: a signal killed it, and the runtime gives no reason.
    Signal(i32),
    /// `ExitCode:1`: it exited, and the runtime gives no reason.
    ExitCode(i32),
}

impl NotRunning {
    fn word(&self) -> Cow<'_, str> {
        match self {
            Self::Waiting(reason) => reason.as_str().into(),
            Self::Terminated(reason) => reason.as_str().into(),
            Self::Signal(n) => format!("Signal:{n}").into(),
            Self::ExitCode(n) => format!("ExitCode:{n}").into(),
        }
    }
}

impl From<&str> for NotRunning {
    fn from(word: &str) -> Self {
        let number = |name: &str| word.strip_prefix(name)?.parse().ok();
        if let Some(n) = number("Signal:") {
            return Self::Signal(n);
        }
        if let Some(n) = number("ExitCode:") {
            return Self::ExitCode(n);
        }
        match TerminatedReason::from(word) {
            // a word of neither kind counts as a reason for waiting
            TerminatedReason::Other(_) => Self::Waiting(word.into()),
            known => Self::Terminated(known),
        }
    }
}

/// What `kubectl get pod` shows instead of the phase.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PodReason {
    Terminating,
    /// The sandbox has ended, and a new one follows. kubectl does not show it.
    SandboxChanged,
    /// kubectl does not show it.
    FailedCreatePodSandBox,
    /// The lab's node has ended. kubectl does not show it.
    NodeLost,
    /// Some containers run, and others are done.
    NotReady,
    /// `Init:1/3`: so many of the init containers are done.
    Initializing {
        done: usize,
        all: usize,
    },
    /// `Init:Error`: the init container whose turn it is does not run.
    Init(NotRunning),
    /// `CrashLoopBackOff`, `Completed`: an app container does not run.
    App(NotRunning),
}

impl PodReason {
    pub fn word(&self) -> Cow<'_, str> {
        match self {
            Self::Terminating => "Terminating".into(),
            Self::SandboxChanged => "SandboxChanged".into(),
            Self::FailedCreatePodSandBox => "FailedCreatePodSandBox".into(),
            Self::NodeLost => "NodeLost".into(),
            Self::NotReady => "NotReady".into(),
            Self::Initializing { done, all } => format!("Init:{done}/{all}").into(),
            Self::Init(why) => format!("Init:{}", why.word()).into(),
            Self::App(why) => why.word(),
        }
    }
}

impl From<&str> for PodReason {
    fn from(word: &str) -> Self {
        match word {
            "Terminating" => Self::Terminating,
            "SandboxChanged" => Self::SandboxChanged,
            "FailedCreatePodSandBox" => Self::FailedCreatePodSandBox,
            "NodeLost" => Self::NodeLost,
            "NotReady" => Self::NotReady,
            _ => match word.strip_prefix("Init:") {
                Some(init) => initializing(init).unwrap_or_else(|| Self::Init(init.into())),
                None => Self::App(word.into()),
            },
        }
    }
}

/// `1/3`
fn initializing(counts: &str) -> Option<PodReason> {
    let (done, all) = counts.split_once('/')?;
    Some(PodReason::Initializing { done: done.parse().ok()?, all: all.parse().ok()? })
}

impl fmt::Display for PodReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.word())
    }
}

impl Serialize for PodReason {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.word())
    }
}

impl<'de> Deserialize<'de> for PodReason {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Cow::<str>::deserialize(deserializer).map(|word| word.as_ref().into())
    }
}

/// How long a container waits before it is started again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BackOff {
    /// The wait by a kubelet's clock.
    pub kubelet_ms: u64,
    /// How many times faster the lab's clock runs; 1 is a kubelet's.
    pub clock: u32,
}

impl BackOff {
    /// The wait in the lab, in nanoseconds.
    pub fn lab_ns(self) -> u64 {
        self.kubelet_ms.saturating_mul(1_000_000) / u64::from(self.clock.max(1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reasons_are_written_and_read_as_kubectls_words() {
        use NotRunning::{ExitCode, Signal, Terminated, Waiting};
        let table = [
            (PodReason::Terminating, "Terminating"),
            (PodReason::SandboxChanged, "SandboxChanged"),
            (PodReason::FailedCreatePodSandBox, "FailedCreatePodSandBox"),
            (PodReason::NodeLost, "NodeLost"),
            (PodReason::NotReady, "NotReady"),
            (PodReason::Initializing { done: 1, all: 3 }, "Init:1/3"),
            (PodReason::Init(Waiting(WaitingReason::CrashLoopBackOff)), "Init:CrashLoopBackOff"),
            (PodReason::Init(Terminated(TerminatedReason::Error)), "Init:Error"),
            (PodReason::Init(ExitCode(1)), "Init:ExitCode:1"),
            (PodReason::App(Signal(9)), "Signal:9"),
            (PodReason::App(Waiting(WaitingReason::ErrImageNeverPull)), "ErrImageNeverPull"),
            (PodReason::App(Terminated(TerminatedReason::OomKilled)), "OOMKilled"),
            (PodReason::App(Waiting(WaitingReason::Other("Evicted/2".into()))), "Evicted/2"),
            (PodReason::Init(Waiting(WaitingReason::Other("a/b".into()))), "Init:a/b"),
        ];
        for (reason, word) in table {
            let json = serde_json::to_string(&reason).expect("JSON");
            assert_eq!(json, format!("{word:?}"));
            assert_eq!(serde_json::from_str::<PodReason>(&json).expect("a reason"), reason);
        }
    }

    #[test]
    fn an_unknown_word_of_a_recording_is_kept() {
        let read: EventReason = serde_json::from_str(r#""Pre\u0065mpted""#).expect("a reason");
        assert_eq!(read, EventReason::Other("Preempted".into()));
        assert_eq!(serde_json::to_string(&read).expect("JSON"), r#""Preempted""#);
        assert_eq!(serde_json::from_str::<TerminatedReason>(r#""""#).expect("none"), TerminatedReason::Unspecified);
    }
}
