//! The root file system of a container, its privileges and its volumes.

use podscope::lab::spec::{PodSpec, VolumeSource};
use podscope::model::Pod;

use crate::support::{Bench, container, mount, pause, process, spec, status_field, with_volume};

fn run_script(bench: &Bench, pod: &Pod, container: &str, script: &str) -> String {
    let output = bench.exec(pod, container, script);
    let text = [output.stdout, output.stderr].concat();
    String::from_utf8_lossy(&text).trim().to_owned()
}

#[test]
fn a_pod_cannot_change_the_host_or_read_a_home() {
    let mut bench = Bench::new();
    let pod = bench.run(spec("jail", true, vec![container("a", "sleep 1000")]));
    // no top-level directory of the host can be written
    for entry in std::fs::read_dir("/").expect("the host's root").filter_map(Result::ok) {
        let path = entry.path();
        let own = ["/proc", "/dev", "/sys", "/tmp", "/run", "/home", "/root", "/var"]
            .iter()
            .any(|p| path == std::path::Path::new(p));
        if own || !path.is_dir() || path.is_symlink() {
            continue;
        }
        let path = path.display();
        let output = run_script(
            &bench,
            &pod,
            "a",
            &format!("touch {path}/podscope-was-here 2>&1; ls {path}/podscope-was-here 2>&1"),
        );
        let refused = ["Read-only file system", "Permission denied", "No such file or directory"];
        assert!(refused.iter().any(|why| output.contains(why)), "{path}: {output}");
        assert!(!std::path::Path::new(&format!("{path}/podscope-was-here")).exists());
    }
    assert_eq!(run_script(&bench, &pod, "a", "touch /x 2>&1 | grep -c 'Read-only'"), "1");
    // the container's own directories are empty, writable, and not the host's
    for dir in ["/tmp", "/run", "/home", "/root"] {
        let output = run_script(
            &bench,
            &pod,
            "a",
            &format!("echo mine > {dir}/mine && cat {dir}/mine && ls -A {dir} | grep -v -e mine -e systemd -e lock"),
        );
        assert_eq!(output, "mine", "{dir}");
        assert!(!std::path::Path::new(&format!("{dir}/mine")).exists(), "{dir}");
    }
    assert_eq!(run_script(&bench, &pod, "a", "cat /etc/shadow 2>&1 | grep -c denied"), "1");
    // nothing of the node's or the host's root is still mounted
    let mounts = run_script(&bench, &pod, "a", "cat /proc/self/mountinfo");
    for foreign in [" /host", " /parts", " /pods/", " /new"] {
        assert!(
            !mounts.lines().any(|l| l.split(' ').nth(4).is_some_and(|m| format!(" {m}").starts_with(foreign))),
            "{mounts}"
        );
    }
    assert_eq!(
        run_script(&bench, &pod, "a", "echo x 2>&1 > /proc/sys/kernel/hostname || echo refused").lines().last(),
        Some("refused")
    );
    assert_eq!(
        run_script(
            &bench,
            &pod,
            "a",
            "umount /usr 2>/dev/null || mount -o remount,rw /usr 2>/dev/null || echo refused"
        ),
        "refused"
    );
}

#[test]
fn a_container_has_what_programs_expect() {
    let mut bench = Bench::new();
    let mut one = container("a", "sleep 1000");
    one.env = vec![("GREETING".to_owned(), "hi".into()), ("TWICE".to_owned(), "$(GREETING)$(GREETING)".into())];
    one.working_dir = Some("/usr".to_owned());
    let pod = bench.run(spec("normal", true, vec![one]));
    let ip = pod.ip.expect("an address").to_string();
    for (script, want) in [
        ("echo $TWICE $HOME $HOSTNAME", "hihi /root normal"),
        ("hostname 2>/dev/null || cat /proc/sys/kernel/hostname", "normal"),
        ("cat /etc/hostname", "normal"),
        ("pwd", "/usr"),
        ("id -u", "0"),
        ("umask", "0022"),
        ("echo lost > /dev/null; head -c 2 /dev/zero | wc -c; head -c 4 /dev/urandom | wc -c", "2\n4"),
        ("readlink /dev/fd /dev/stdin", "/proc/self/fd\n/proc/self/fd/0"),
        ("echo shared > /dev/shm/x && cat /dev/shm/x", "shared"),
        ("cat", ""),
        ("stat -c %a /tmp /root", "1777\n700"),
        ("tr '\\0' '\\n' < /proc/1/cmdline | head -1", "/pause"),
        ("ls /proc/self/fd | wc -l", "4"),
    ] {
        assert_eq!(run_script(&bench, &pod, "a", script), want, "{script}");
    }
    assert!(run_script(&bench, &pod, "a", "cat /etc/hosts").contains(&format!("{ip}\tnormal")));
    // the network: its own interface, loopback, and a default route to the bridge
    let links = run_script(&bench, &pod, "a", "ls /sys/class/net");
    assert_eq!(links.split_whitespace().collect::<Vec<_>>(), ["eth0", "lo"]);
    assert_eq!(run_script(&bench, &pod, "a", "cat /sys/class/net/eth0/operstate"), "up");
    let routes = run_script(&bench, &pod, "a", "cat /proc/net/route");
    assert!(routes.lines().any(|l| l.starts_with("eth0\t00000000\t0100F40A")), "{routes}");
}

#[test]
fn privileges_are_limited_and_cannot_be_gained() {
    let mut bench = Bench::new();
    // not a shell, since that blocks all signals while it forks
    let pod = bench.run(spec("caps", true, vec![container("a", "exec sleep 1000")]));
    let a = process(&pod, "a").pid;
    let field = |pid, name| status_field(pid, name).expect(name);
    // exactly docker's default capabilities (capability.h)
    for set in ["CapPrm", "CapEff", "CapBnd"] {
        assert_eq!(u64::from_str_radix(&field(a, set), 16).expect("hex"), 0xa804_25fb, "{set}");
    }
    for set in ["CapInh", "CapAmb"] {
        assert_eq!(u64::from_str_radix(&field(a, set), 16).expect("hex"), 0, "{set}");
    }
    assert_eq!(field(a, "NoNewPrivs"), "1");
    for set in ["CapPrm", "CapEff", "CapBnd"] {
        assert_eq!(u64::from_str_radix(&field(pause(&pod).pid, set), 16).expect("hex"), 0, "pause's {set}");
    }
    // the same for a program that is executed in it
    assert_eq!(run_script(&bench, &pod, "a", "grep NoNewPrivs /proc/self/status"), "NoNewPrivs:\t1");
    for script in
        ["mount -t tmpfs x /tmp", "chroot /usr true && unshare -m true", "mknod /tmp/null c 1 3 && echo x > /tmp/null"]
    {
        assert!(!bench.exec(&pod, "a", script).status.success(), "{script}");
    }
    // the signal state is the default
    for set in ["SigBlk", "SigIgn"] {
        assert_eq!(u64::from_str_radix(&field(a, set), 16).expect("hex"), 0, "{set}");
    }
}

fn volumes() -> PodSpec {
    let mut a = container("a", "sleep 1000");
    a.mounts = vec![
        mount("v", "/data"),
        mount("v", "/usr/share/podscope-test/deep/html"),
        mount("w", "/usr/share/podscope-test/other"),
        mount("w", "/var/log/podscope-test"),
        mount("host", "/host-etc"),
        mount("w", "/tmp/inside"),
    ];
    let mut b = container("b", "sleep 1000");
    b.mounts = vec![mount("v", "/mine")];
    b.mounts[0].read_only = true;
    let spec =
        with_volume(spec("volumes", true, vec![a, b]), "v", VolumeSource::EmptyDir { memory: false, size_limit: None });
    let spec = with_volume(spec, "w", VolumeSource::EmptyDir { memory: false, size_limit: None });
    with_volume(spec, "host", crate::support::host_path("/etc"))
}

#[test]
fn volumes_are_shared_and_host_volumes_are_read_only() {
    let mut bench = Bench::new();
    let pod = bench.run(volumes());
    run_script(
        &bench,
        &pod,
        "a",
        "echo one > /usr/share/podscope-test/deep/html/x; echo two > /var/log/podscope-test/y",
    );
    for (name, script, want) in [
        ("b", "cat /mine/x", "one"),
        ("a", "cat /data/x", "one"),
        ("a", "cat /usr/share/podscope-test/other/y /tmp/inside/y", "two\ntwo"),
        ("b", "touch /mine/z 2>&1 | grep -c Read-only", "1"),
        ("a", "touch /host-etc/z 2>&1 | grep -c -e Read-only -e denied", "1"),
        ("a", "cmp /host-etc/passwd /etc/passwd && echo same", "same"),
        // the directory below the mount points is still visible and still read-only
        ("a", "touch /usr/share/z /usr/share/podscope-test/z 2>&1 | grep -c Read-only", "2"),
        ("b", "ls -d /usr/share/podscope-test /data 2>/dev/null | wc -l", "0"),
    ] {
        assert_eq!(run_script(&bench, &pod, name, script), want, "{name}: {script}");
    }
    let names = |dir: &str| std::fs::read_dir(dir).expect("readable").count();
    assert_eq!(run_script(&bench, &pod, "a", "ls -A /usr/share | wc -l"), (names("/usr/share") + 1).to_string());
    // a volume lives as long as its pod
    crate::support::kill(process(&pod, "a"), "KILL");
    bench.exit_status(process(&pod, "a"));
    assert_eq!(run_script(&bench, &pod, "b", "cat /mine/x"), "one");
}

#[test]
fn a_volume_can_be_inside_another_and_where_overlayfs_fails() {
    let mut a = container("a", "sleep 1000");
    a.mounts = vec![mount("inner", "/outer/in/ner"), mount("outer", "/outer")];
    // a comma in the name rules out overlayfs, whose options are separated by commas; only root may create such a
    // directory where a pod sees it
    let odd = std::path::Path::new("/usr/share").join(format!("podscope,test-{}", std::process::id()));
    let odd = std::fs::create_dir_all(odd.join("dir")).is_ok().then_some(odd);
    if let Some(odd) = &odd {
        std::fs::write(odd.join("file"), "kept").expect("written");
        std::fs::write(odd.join("dir/below"), "too").expect("written");
        std::os::unix::fs::symlink("file", odd.join("link")).expect("linked");
        a.mounts.push(mount("inner", &format!("{}/missing/deep", odd.display())));
    }
    let spec =
        with_volume(spec("nested", true, vec![a]), "inner", VolumeSource::EmptyDir { memory: false, size_limit: None });
    let mut bench = Bench::new();
    let pod = bench.run(with_volume(spec, "outer", VolumeSource::EmptyDir { memory: false, size_limit: None }));
    assert_eq!(
        run_script(&bench, &pod, "a", "echo x > /outer/in/ner/f; echo y > /outer/g; cat /outer/*/*/f /outer/g"),
        "x\ny"
    );
    if let Some(odd) = odd {
        let script =
            format!("cd '{}'; cat missing/deep/f file dir/below link; touch z 2>&1 | grep -c Read-only", odd.display());
        assert_eq!(run_script(&bench, &pod, "a", &script), "x\nkepttookept1");
        std::fs::remove_dir_all(odd).expect("removed");
    }
}

/// Only root can install the program.
#[test]
fn a_program_that_is_installed_while_the_lab_runs_is_found() {
    let name = format!("podscope-test-{}", std::process::id());
    let path = std::path::Path::new("/usr/bin").join(&name);
    let mut later = container("a", "");
    later.command = vec![name];
    let mut bench = Bench::new();
    let mut spec = spec("later", true, vec![later]);
    spec.restart = podscope::lab::spec::RestartPolicy::Always;
    let uid = bench.lab.run(spec).expect("accepted");
    let not_found = |p: &Pod| p.containers[0].state.word() == "RunContainerError";
    bench.pod_until(&uid, "not found", not_found);
    if std::os::unix::fs::symlink("sleep", &path).is_err() {
        return;
    }
    // sleep without arguments prints an error and ends
    bench.pod_until(&uid, "its program to run", |p| p.containers[0].last_exit.is_some());
    std::fs::remove_file(path).expect("removed");
}
