//! The kernel's own view of all tasks by BPF, where it is allowed: as root on a kernel that describes its types.
//!
//! [`Reader`] reads all tasks, and all open files that hold namespaces, with few system calls. [`Events`] reports signals
//! with their senders, processes from birth to exit, changes of namespaces and cgroups, and kills by the kernel for lack
//! of memory. What runs in the kernel is `podscope.bpf.c`; its object is embedded, and a small loader of our own fits it
//! to the running kernel. [`Unavailable`] says why it does not work here: everything else works without it.
//!
//! Nothing is pinned: all of it ends with the descriptors. `PODSCOPE_WITHOUT=bpf` switches it off.

mod event;
mod events;
mod layout;
mod loader;
mod object;
mod program;
mod reader;
pub(crate) mod record;
mod types;
mod unavailable;

pub use event::{Comm, Event, Happening, Origin, RawSignal};
pub use events::{Drained, Events, Subject, Tracepoint, Watched};
pub use loader::{Loader, check_permission};
pub use reader::{HolderReader, Reader, TaskReader};
pub use record::{Actions, HeldBy, Holder, NsNumbers, Task, TaskRef, Used};
pub use unavailable::Unavailable;
