//! Attempts of a program in a pod to get out of it, or to reach what does not belong to it. SECURITY.md says which
//! promise each of these tests shows. The tests check what the host sees, not what the pod prints.

mod bounds;
mod escape;
mod executable;
mod files;
mod helper;
mod keys;
mod links;
mod privileges;
mod sockets;
mod sub_path;

use podscope::model::Pod;

use crate::support::Bench;

/// Runs a shell script in container `a`. Returns its standard output and standard error.
fn run_script(bench: &Bench, pod: &Pod, script: &str) -> String {
    let out = bench.exec(pod, "a", script);
    format!("{}{}", String::from_utf8_lossy(&out.stdout), String::from_utf8_lossy(&out.stderr))
}
