//! How much of the machine is observed.

use serde::{Deserialize, Serialize};

/// Which processes of the machine are observed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Scope {
    /// Every process.
    Host,
    /// Those of the lab and of the pods of container engines: the processes that were named to the observer, and all
    /// their descendants.
    #[default]
    Lab,
}
