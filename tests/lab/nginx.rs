//! A real program in a pod: nginx as built by Debian.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use podscope::lab::Options;

use crate::support::{
    Bench, children, container, mount, pause, process, spec, status_field, tool, users, wait_for, with_volume,
};

/// Temporary files are where the container may write. The rest is Debian's default, above all the workers' user.
const CONFIG: &str = "worker_processes 2; pid /tmp/pid; error_log stderr;
events {}
http { access_log /tmp/access.log; client_body_temp_path /tmp/b; proxy_temp_path /tmp/p; fastcgi_temp_path /tmp/f;
  uwsgi_temp_path /tmp/u; scgi_temp_path /tmp/s;
  server { listen 80; location / { return 200 'hello from nginx'; } } }";

#[test]
fn debians_nginx_serves_and_reloads_in_a_pod() {
    serves_and_reloads(Options::default());
}

/// With only one mapped user, nginx is configured not to change its user.
#[test]
fn debians_nginx_serves_and_reloads_with_a_single_user() {
    serves_and_reloads(Options { without_users: true, ..Options::default() });
}

fn serves_and_reloads(options: Options) {
    let nginx = tool("nginx");
    assert!(nginx.exists(), "{} is not there; scripts/nginx puts it there", nginx.display());
    // copied, since another user may be unable to read the checkout
    let dir = tempfile::tempdir().expect("a directory");
    fs::set_permissions(dir.path(), fs::Permissions::from_mode(0o755)).expect("open to all");
    fs::copy(&nginx, dir.path().join("nginx")).expect("copied");
    let mut bench = Bench::with(options);
    let alone = users(bench.lab.node().pid) == 1;
    assert!(!alone || options.without_users, "this machine is set up for more: scripts/test, /etc/subuid");
    let config = if alone { format!("user root; {CONFIG}") } else { CONFIG.to_owned() };
    fs::write(dir.path().join("nginx.conf"), config).expect("written");
    let mut spec = spec("real", true, vec![container("nginx", ""), container("b", "exec sleep 1000")]);
    spec.containers[0].command =
        ["/opt/nginx", "-e", "stderr", "-c", "/opt/nginx.conf", "-g", "daemon off;"].map(str::to_owned).to_vec();
    spec.containers[0].mounts = vec![mount("nginx", "/opt")];
    let path = dir.path().display().to_string();
    let pod = bench.run(with_volume(spec, "nginx", crate::support::host_path(path)));
    let master = process(&pod, "nginx").pid;
    let get =
        || String::from_utf8_lossy(&bench.exec(&pod, "b", "wget -qSO- http://localhost/ 2>&1").stdout).into_owned();
    wait_for("nginx answers", || get().contains("hello from nginx"));
    assert!(get().contains("Server: nginx/"), "{}", get());
    // master and two workers, in pause's pid namespace
    let workers = || children(master);
    wait_for("two workers", || workers().len() == 2);
    let uid = |pid| status_field(pid, "Uid").expect("Uid");
    assert!(workers().iter().all(|w| (uid(*w) == uid(master)) == alone), "www-data if it is mapped");
    let before = workers();
    crate::support::kill(process(&pod, "nginx"), "HUP");
    wait_for("two other workers", || workers().len() == 2 && workers().iter().all(|w| !before.contains(w)));
    assert_eq!(status_field(master, "State").map(|s| s.starts_with('S')), Some(true));
    let log = bench.exec(&pod, "nginx", "cat /tmp/access.log");
    assert!(String::from_utf8_lossy(&log.stdout).contains("GET / HTTP/1.1\" 200"), "{log:?}");
    // its workers, orphaned by the kill, are reparented to pause and reaped there
    crate::support::kill(process(&pod, "nginx"), "KILL");
    wait_for("no worker is left", || workers().is_empty() && children(pause(&pod).pid).is_empty());
}
