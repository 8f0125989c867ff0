//! The pods of docker, podman, containerd, CRI-O and kubelet.
//!
//! [`pods`] finds them among the processes of a machine, from cgroups, namespaces and arguments alone. [`Engines`] asks
//! the engines for names, on a thread of its own, and [`Known`] keeps what they told. [`Appearances`] tells when an engine
//! or a container appears.

mod appear;
pub mod cgroup_path;
pub mod client;
mod find;
mod grouping;
mod infra;
mod known;
mod monitor;
mod values;

pub use self::appear::{Appearances, Appeared, Places};
pub use self::cgroup_path::{PodKey, Qos};
pub use self::client::{Engines, Options, ask_once};
pub use self::find::{FoundPods, find};
pub use self::grouping::{SeenProcess, pods, unlisted};
pub use self::infra::{Infra, infra};
pub use self::known::Known;
pub use self::values::{
    ContainerStatus, EngineContainer, EnginePod, ListedContainer, ListedPod, Note, Protocol, Report, Socket,
};
