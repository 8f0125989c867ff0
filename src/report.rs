//! The output of kubectl, crictl, docker, ps and readlink for a [`World`](crate::model::World), with the same columns,
//! widths and words. Pure: the window draws it with links, the command line prints it.
//!
//! Unknown facts are left out, or `?` in a column. Names are escaped in [`Text::placed`].

mod describe;
mod events;
mod links;
mod pods;
mod ps;
mod runtime;
mod text;
mod time;

pub use describe::describe;
pub use events::events;
pub use links::{links, links_of};
pub use pods::{Get, get_pods, status};
pub use ps::{PidNamespace, pid_namespaces, ps_host, ps_inside};
pub use runtime::{container_id, crictl_pods, crictl_ps, docker_ps};
pub use text::{Cell, Line, Placed, Target, Text};
