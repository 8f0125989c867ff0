//! What a program in a pod tries to get out of it, or to reach what is not its own. SECURITY.md says which promise each
//! of these shows. They are judged by what the host sees, not by what the pod says.

mod bounds;
mod escape;
mod executable;
mod files;
mod keys;
mod links;
mod privileges;
mod sockets;
mod sub_path;

use podscope::model::Pod;

use crate::support::Bench;

/// What a shell script in container `a` writes, to both streams.
fn says(bench: &Bench, pod: &Pod, script: &str) -> String {
    let out = bench.exec(pod, "a", script);
    format!("{}{}", String::from_utf8_lossy(&out.stdout), String::from_utf8_lossy(&out.stderr))
}
