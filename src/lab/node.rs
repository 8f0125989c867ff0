//! The lab's node: kubelet and shim in one process, with one thread, root only in its own user
//! namespace and PID 1 of its own pid namespace. When it ends, the kernel ends every pod.

mod atomic_writer;
mod attach;
mod cgroups;
mod event_loop;
mod hand;
mod host_path;
mod hostproc;
mod launch;
mod leftovers;
mod members;
mod mount_points;
mod namespace;
mod network;
mod output;
mod packages;
mod passed;
pub(crate) mod pause_records;
mod perform;
mod ports;
mod process;
mod record;
mod root;
mod rootfs_template;
mod sandbox;
mod seccomp;
mod session;
mod spawn;
mod start;
mod streams;
mod sub_path;
mod termination;
mod volumes;

use nix::errno::Errno;
pub use process::MAX_PROCESSES;

use super::protocol::Step;

/// The node's host name, and what pods call the node.
const NODE_NAME: &str = "podscope-node";

/// A step of the set-up that the kernel refused.
#[derive(Clone, Copy, Debug)]
struct Refused {
    pub step: Step,
    pub errno: Errno,
}

/// Attaches the set-up step to an error.
trait At<T> {
    fn at(self, step: Step) -> Result<T, Refused>;
}

impl<T> At<T> for Result<T, Errno> {
    fn at(self, step: Step) -> Result<T, Refused> {
        self.map_err(|errno| Refused { step, errno })
    }
}

impl<T> At<T> for std::io::Result<T> {
    fn at(self, step: Step) -> Result<T, Refused> {
        self.map_err(|e| Refused { step, errno: errno_of(&e) })
    }
}

fn errno_of(e: &std::io::Error) -> Errno {
    Errno::from_raw(e.raw_os_error().unwrap_or(nix::libc::EIO))
}

/// The hidden mode. Standard input is the socket to the app; the argument is its [`super::Options`] as JSON.
/// Returns the exit code.
pub fn main(options: &str) -> i32 {
    launch::main(options)
}
