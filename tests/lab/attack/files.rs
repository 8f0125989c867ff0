//! Attempts to reach files of the host and of its users.

use std::fs::{self, Permissions};
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};

use podscope::lab::Options;
use podscope::model::Pod;

use super::run_script;
use crate::support::{Bench, container, spec};

fn caged(options: Options) -> (Bench, Pod) {
    let mut bench = Bench::with(options);
    let pod = bench.run(spec("caged", true, vec![container("a", "exec sleep 1000")]));
    (bench, pod)
}

/// In each directory where we may write: a file that everyone can read, and one in a private directory.
#[test]
fn a_pod_cannot_read_files_outside_of_packages() {
    let home = nix::unistd::User::from_uid(nix::unistd::geteuid()).expect("users").expect("ours").dir;
    let places = [
        home.to_str().expect("UTF-8"),
        "/var/lib",
        "/var/tmp",
        "/srv",
        "/opt",
        "/mnt",
        "/media",
        "/usr/local",
        "/usr/local/share",
        "/tmp",
        "/root",
        "/home",
    ];
    let (bench, pod) = caged(Options::default());
    let owner = fs::metadata(format!("/proc/{}", bench.lab.node().pid)).expect("the node").uid();
    let mut tried = 0;
    for place in places {
        let Ok(dir) = tempfile::Builder::new().prefix("podscope-secret-").tempdir_in(place) else { continue };
        fs::set_permissions(dir.path(), Permissions::from_mode(0o755)).expect("open to all");
        let private = dir.path().join("private");
        fs::create_dir(&private).expect("a directory");
        for file in [dir.path().join("file"), private.join("file")] {
            fs::write(file, "secret").expect("written");
        }
        // owned by the user that is the pod's root outside
        let _ = std::os::unix::fs::chown(&private, Some(owner), Some(owner));
        fs::set_permissions(&private, Permissions::from_mode(0o700)).expect("private");
        let said = run_script(&bench, &pod, &format!("cat {0}/file {0}/private/file; ls -A {0}", dir.path().display()));
        assert_eq!(said.matches("No such file").count(), 3, "{place}: {said}");
        tried += 1;
    }
    assert!(tried > 1, "the home and a directory for temporary files can always be written");
}

/// Among the files of packages in `/etc` there may be private files of the user.
#[test]
fn a_pod_cannot_read_a_private_file_in_etc() {
    let Ok(dir) = tempfile::Builder::new().prefix("podscope-secret-").tempdir_in("/etc") else { return };
    fs::set_permissions(dir.path(), Permissions::from_mode(0o755)).expect("open to all");
    let user = {
        let (bench, _) = caged(Options::default());
        fs::metadata(format!("/proc/{}", bench.lab.node().pid)).expect("the node").uid()
    };
    for (name, mode) in [("public", 0o644), ("private", 0o600)] {
        let path = dir.path().join(name);
        fs::write(&path, "content").expect("written");
        std::os::unix::fs::chown(&path, Some(user), Some(user)).expect("given away");
        fs::set_permissions(&path, Permissions::from_mode(mode)).expect("set");
    }
    for options in [Options::default(), Options { without_overlay: true, ..Options::default() }] {
        let (bench, pod) = caged(options);
        let read = |name: &str| run_script(&bench, &pod, &format!("cat {}/{name} 2>/dev/null", dir.path().display()));
        assert_eq!((read("public").as_str(), read("private").as_str()), ("content", ""), "{options:?}");
    }
}

#[test]
fn a_pod_has_the_programs_of_packages_and_directories_of_its_own() {
    for options in [Options::default(), Options { without_overlay: true, ..Options::default() }] {
        let (bench, pod) = caged(options);
        // the program is the host's
        let host = fs::read("/bin/cat").expect("read").len().to_string();
        assert_eq!(run_script(&bench, &pod, "wc -c < /bin/cat").trim(), host);
        assert_eq!(run_script(&bench, &pod, "ls -A /opt /srv /mnt /media | grep -v ':$' | tr -d '\\n'"), "");
        assert_eq!(run_script(&bench, &pod, "ls -A /usr/local/bin /usr/local/share | grep -v ':$' | tr -d '\\n'"), "");
        for dir in ["/var/log", "/var/lib", "/var/cache", "/var/tmp", "/run", "/tmp", "/root"] {
            assert_eq!(
                run_script(&bench, &pod, &format!("echo mine > {dir}/mine && cat {dir}/mine")),
                "mine\n",
                "{dir}"
            );
            assert!(!std::path::Path::new(dir).join("mine").exists(), "{dir}");
        }
        for dir in ["/", "/usr", "/etc", "/usr/local", "/opt"] {
            let said = run_script(&bench, &pod, &format!("echo x > {dir}/podscope-was-here"));
            assert!(said.contains("Read-only file system"), "{dir}: {said}");
        }
    }
}

/// The files of `/proc` that docker and containerd hide or protect.
#[test]
fn files_in_proc_about_the_machine_are_hidden_or_read_only() {
    let (bench, pod) = caged(Options::default());
    assert_eq!(
        run_script(&bench, &pod, "cat /proc/keys /proc/key-users /proc/timer_list /proc/interrupts 2>/dev/null"),
        ""
    );
    for file in ["/proc/sysrq-trigger", "/proc/sys/kernel/hostname", "/proc/irq/default_smp_affinity"] {
        let said = run_script(&bench, &pod, &format!("echo x > {file}"));
        let refused = said.contains("Read-only file system");
        // not every kernel has all of them
        assert!(refused || !std::path::Path::new(file).exists(), "{file}: {said}");
    }
}
