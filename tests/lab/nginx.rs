//! A real program of the distribution in a pod: nginx as Debian builds it.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use podscope::lab::spec::VolumeSource;

use crate::support::{Bench, children, container, mount, pause, process, spec, status_field, wait_for, with_volume};

/// Temporary files where the container may write, and nobody else to become: the lab has one user.
const CONFIG: &str = "daemon off; user root; worker_processes 2; pid /tmp/pid; error_log stderr;
events {}
http { access_log /tmp/access.log; client_body_temp_path /tmp/b; proxy_temp_path /tmp/p; fastcgi_temp_path /tmp/f;
  uwsgi_temp_path /tmp/u; scgi_temp_path /tmp/s;
  server { listen 80; location / { return 200 'hello from nginx'; } } }";

#[test]
fn debians_nginx_serves_and_reloads_in_a_pod() {
    let exe = Path::new(env!("CARGO_BIN_EXE_podscope"));
    let nginx = exe.parent().and_then(Path::parent).expect("a target directory").join("tools/nginx");
    assert!(nginx.exists(), "{} is not there; scripts/nginx puts it there", nginx.display());
    // where anybody may read it, whoever owns the checkout
    let dir = tempfile::tempdir().expect("a directory");
    fs::set_permissions(dir.path(), fs::Permissions::from_mode(0o755)).expect("open to all");
    fs::copy(&nginx, dir.path().join("nginx")).expect("copied");
    fs::write(dir.path().join("nginx.conf"), CONFIG).expect("written");

    let mut bench = Bench::new();
    let mut spec = spec(
        "real",
        true,
        vec![container("nginx", "exec /opt/nginx -c /opt/nginx.conf -e stderr"), container("b", "exec sleep 1000")],
    );
    spec.containers[0].mounts = vec![mount("nginx", "/opt")];
    let path = dir.path().display().to_string();
    let pod = bench.run(with_volume(spec, "nginx", VolumeSource::HostPath(path)));
    let master = process(&pod, "nginx").pid;
    let get =
        || String::from_utf8_lossy(&bench.exec(&pod, "b", "wget -qSO- http://localhost/ 2>&1").stdout).into_owned();
    wait_for("nginx answers", || get().contains("hello from nginx"));
    assert!(get().contains("Server: nginx/"), "{}", get());
    // master and two workers, in pause's pid namespace
    let workers = || children(master);
    wait_for("two workers", || workers().len() == 2);
    let before = workers();
    crate::support::kill(process(&pod, "nginx"), "HUP");
    wait_for("two other workers", || workers().len() == 2 && workers().iter().all(|w| !before.contains(w)));
    assert_eq!(status_field(master, "State").map(|s| s.starts_with('S')), Some(true));
    let log = bench.exec(&pod, "nginx", "cat /tmp/access.log");
    assert!(String::from_utf8_lossy(&log.stdout).contains("GET / HTTP/1.1\" 200"), "{log:?}");
    // its workers, orphaned by a kill, go to pause and are reaped there
    crate::support::kill(process(&pod, "nginx"), "KILL");
    wait_for("nobody left", || workers().is_empty() && children(pause(&pod).pid).is_empty());
}
