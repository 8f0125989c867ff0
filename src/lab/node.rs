//! The lab's node: kubelet and shim in one process, with one thread, root only in its own user
//! namespace and PID 1 of its own pid namespace. When it ends, the kernel ends every pod.

mod birth;
mod engine;
mod ground;
mod hostproc;
mod launch;
mod output;
mod perform;
mod root;
mod sandbox;
mod volumes;
mod worker;

use nix::errno::Errno;

use super::protocol::Step;

/// A step of the set-up that the kernel refused.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Refused {
    pub step: Step,
    pub errno: Errno,
}

/// Names the step an error belongs to.
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

pub(super) fn errno_of(e: &std::io::Error) -> Errno {
    Errno::from_raw(e.raw_os_error().unwrap_or(nix::libc::EIO))
}

/// The hidden mode: standard input is the socket to the app. Returns the exit code.
pub fn main() -> i32 {
    launch::main()
}
