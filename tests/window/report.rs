//! The view with the output of kubectl and of the node: its values, and its links.

use crate::desktop::Desktop;
use crate::kernel;
use crate::pod_of;

#[test]
fn a_click_on_a_value_selects_its_process_or_namespace() {
    let mut desktop = Desktop::start();
    let app = desktop.open(&["--preset", "nginx-busybox"]);
    let (pause, _) = pod_of(app);
    desktop.click("kubectl and node");
    desktop.wait_shown("$ kubectl describe pod nginx-busybox");
    desktop.wait_shown("node$ crictl pods --name nginx-busybox");

    desktop.click(&format!("{0}, process pause, pid {0} on the host", pause.pid));
    desktop.wait_shown("If you send KILL");

    let net = kernel::ns(pause.pid, "net").expect("a link");
    desktop.click(&format!("net namespace {net}"));
    desktop.wait_shown("interfaces, addresses, ports");
}
