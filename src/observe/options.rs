//! By which sources to observe.

use crate::model::ProcId;

/// Sources that can be switched off, to save work or to test what remains without them. A source that is on but not
/// available is reported as `Visibility`, and the observer works without it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Options {
    pub connector: bool,
    pub pidfd: bool,
    /// Exit status by `PIDFD_GET_INFO`.
    pub pidfd_info: bool,
    /// Signals with their senders, by BPF.
    pub bpf: bool,
    /// The kernel's unique numbers of namespaces (`NS_GET_ID`, Linux 6.18).
    pub namespace_ids: bool,
    /// Processes to watch from the start.
    pub watch: Vec<ProcId>,
    /// Receive buffer to request for the connector, in bytes.
    pub buffer: usize,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            connector: true,
            pidfd: true,
            pidfd_info: true,
            bpf: true,
            namespace_ids: true,
            watch: Vec::new(),
            buffer: 16 << 20,
        }
    }
}

impl Options {
    /// All sources but those that `PODSCOPE_WITHOUT` names, comma-separated; see [`SWITCHES`].
    pub fn from_env() -> Self {
        Self::without(&switched_off())
    }

    /// All sources but those in this comma-separated list.
    #[must_use]
    pub fn without(list: &str) -> Self {
        let off = |name| names(list, name);
        Self {
            connector: !off("connector"),
            pidfd: !off("pidfd"),
            pidfd_info: !off("pidfd-info") && !off("pidfd"),
            bpf: !off("bpf"),
            ..Self::default()
        }
    }
}

/// What `PODSCOPE_WITHOUT` can switch off: sources of the observer, and features of the lab.
pub const SWITCHES: [&str; 7] = ["connector", "pidfd", "pidfd-info", "bpf", "cgroups", "users", "overlay"];

/// The first word of `PODSCOPE_WITHOUT` that is not in [`SWITCHES`].
pub fn unknown_switch() -> Option<String> {
    let list = std::env::var_os("PODSCOPE_WITHOUT").unwrap_or_default();
    let list = list.to_string_lossy();
    let mut words = list.split(',').map(str::trim).filter(|word| !word.is_empty());
    words.find(|word| !SWITCHES.contains(word)).map(str::to_owned)
}

/// Whether `PODSCOPE_WITHOUT` names this.
pub fn without(name: &str) -> bool {
    names(&switched_off(), name)
}

fn switched_off() -> String {
    std::env::var("PODSCOPE_WITHOUT").unwrap_or_default()
}

fn names(list: &str, name: &str) -> bool {
    list.split(',').any(|word| word.trim() == name)
}
