//! How complete a search of the machine for namespaces was.

use serde::{Deserialize, Serialize};

/// What a search of the whole machine for namespaces and their holders has looked at, and what it could not see.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Search {
    /// Processes in `/proc`.
    pub processes: Looked,
    /// Processes whose namespaces were read. Other users' need ptrace access (`ptrace(2)`).
    pub links: Looked,
    /// Threads other than the first of their process.
    pub threads: Looked,
    /// Processes whose open files were read.
    pub files: Looked,
    /// Sockets whose network namespace was asked for (`SIOCGSKNS`).
    pub sockets: Looked,
    /// Mount namespaces whose mounts were read.
    pub mounts: Looked,
    /// Namespaces that the kernel lists (`listns(2)`, Linux 6.19) and that nothing we see leads to. `None` if the kernel
    /// does not list them.
    pub namespaces: Option<u32>,
    /// Threads on the machine that `/proc` does not show, because it hides them (`hidepid`) or because they are in
    /// another pid namespace. Some may have come or gone meanwhile. `None` if the kernel does not say.
    pub hidden_threads: Option<u32>,
}

/// How many things of a kind a search has found, and how many of them it could not look at, by reason.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Looked {
    pub found: u32,
    /// We may not.
    pub denied: u32,
    /// It ended meanwhile.
    pub gone: u32,
    /// Another failure.
    pub failed: u32,
}

impl Looked {
    /// How many were not looked at although they exist.
    pub const fn unseen(self) -> u32 {
        self.denied + self.failed
    }

    #[must_use]
    pub const fn and(self, other: Self) -> Self {
        Self {
            found: self.found + other.found,
            denied: self.denied + other.denied,
            gone: self.gone + other.gone,
            failed: self.failed + other.failed,
        }
    }
}
