//! What the observer may use.

use crate::model::ProcId;

/// Whom to observe.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// Every process.
    Host,
    /// Those told by [`Input::Watch`](super::Input::Watch) and all their descendants.
    Lab,
}

/// Sources that can be switched off, to be frugal or to prove what remains without them.
/// A source that is on and not available is reported as `Visibility` and done without.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Options {
    pub connector: bool,
    pub pidfd: bool,
    /// Exit status by `PIDFD_GET_INFO`.
    pub pidfd_info: bool,
    /// The kernel's unique numbers of namespaces (`NS_GET_ID`, Linux 6.18).
    pub namespace_ids: bool,
    /// Watched from the start.
    pub watch: Vec<ProcId>,
    /// Receive buffer asked of the kernel for the connector, in bytes.
    pub buffer: usize,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            connector: true,
            pidfd: true,
            pidfd_info: true,
            namespace_ids: true,
            watch: Vec::new(),
            buffer: 16 << 20,
        }
    }
}

impl Options {
    /// All on, but for what `PODSCOPE_WITHOUT` names: `connector`, `pidfd`, `pidfd-info`, comma-separated.
    pub fn from_env() -> Self {
        Self::without(&switched_off())
    }

    /// All on but for the sources named, comma-separated.
    #[must_use]
    pub fn without(list: &str) -> Self {
        let off = |name| names(list, name);
        Self {
            connector: !off("connector"),
            pidfd: !off("pidfd"),
            pidfd_info: !off("pidfd-info") && !off("pidfd"),
            ..Self::default()
        }
    }
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
