//! Escapes that other container runtimes have had: leaked descriptors (CVE-2024-21626), exchanged mount points
//! (CVE-2021-30465), and helpers of the node that a pod can inspect.

use std::collections::BTreeMap;
use std::fs;
use std::num::NonZeroU64;
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::net::UnixListener;
use std::time::Instant;

use podscope::lab::spec::{ContainerSpec, HostNamespaces, VolumeSource};
use podscope::model::{ContainerState, Delta, ExecId, Member, OutputSource, Pod};
use podscope::observe::Input;

use super::run_script;
use crate::support::{
    Bench, PATIENCE, container, host_path, mount, process, spec, status_field, wait_for, with_volume,
};

/// The number of a system call, on x86_64 and elsewhere.
pub fn number(on_x86: u32, elsewhere: u32) -> u32 {
    if cfg!(target_arch = "x86_64") { on_x86 } else { elsewhere }
}

fn empty_dir() -> VolumeSource {
    VolumeSource::EmptyDir { memory: false, size_limit: None }
}

/// Starts a pod, and waits until each container runs or has a reason to wait.
fn settled(bench: &mut Bench, spec: podscope::lab::spec::PodSpec) -> Pod {
    let uid = bench.lab.run(spec).expect("accepted");
    bench.pod_until(&uid, "every container started or refused", |p| {
        p.containers.iter().all(|c| c.state.word() != "ContainerCreating")
    })
}

#[test]
fn working_directories_and_programs_do_not_lead_out_of_the_root() {
    let mut containers = Vec::new();
    for fd in 3..40 {
        let mut one = container(&format!("dir{fd}"), "pwd -P; exec sleep 1000");
        one.working_dir = Some(format!("/proc/self/fd/{fd}"));
        containers.push(one);
        let path = format!("/proc/self/fd/{fd}/self/root/bin/sleep");
        let two = ContainerSpec { command: vec![path, "1000".to_owned()], ..container(&format!("program{fd}"), "") };
        containers.push(two);
    }
    let mut bench = Bench::new();
    let pod = settled(&mut bench, spec("leaky", false, containers));
    for c in &pod.containers {
        let refused = matches!(&c.state, ContainerState::Waiting { message: Some(_), .. });
        assert!(refused, "{}: {:?}", c.name, c.state);
    }
}

#[test]
fn a_pod_with_host_pid_cannot_use_the_nodes_root_as_working_directory() {
    let node = ["/proc/1/root", "/proc/1/root/host", "/proc/1/root/host/tmp", "/proc/1/cwd", "/proc/1/fd/5"];
    let containers = node.iter().enumerate().map(|(n, dir)| {
        let mut one = container(&format!("c{n}"), "pwd -P; exec sleep 1000");
        one.working_dir = Some((*dir).to_owned());
        one
    });
    let mut above = spec("above", false, containers.collect());
    above.host = HostNamespaces { pid: true, ..HostNamespaces::default() };
    let mut bench = Bench::new();
    let pod = settled(&mut bench, above);
    for c in &pod.containers {
        let ContainerState::Waiting { message: Some(message), .. } = &c.state else {
            panic!("{}: {:?}", c.name, c.state)
        };
        assert!(message.contains("working directory"), "{message}");
    }
}

#[test]
fn a_pod_cannot_inspect_the_process_that_publishes_ports() {
    let port = std::net::TcpListener::bind("127.0.0.1:0").and_then(|l| l.local_addr()).expect("a port").port();
    let yaml = format!(
        "apiVersion: v1\nkind: Pod\nmetadata: {{name: published}}\nspec:\n  containers:\n  - name: web\n    image: nginx\n    \
         ports: [{{containerPort: 80, hostPort: {port}}}]\n"
    );
    let mut bench = Bench::new();
    bench.run(podscope::lab::spec::parse("pod", &yaml).expect("a pod").remove(0).0);
    let mut above = spec("above", false, vec![container("a", "exec sleep 1000")]);
    above.host = HostNamespaces { pid: true, ..HostNamespaces::default() };
    let pod = bench.run(above);
    let ptrace = number(101, 117);
    let script = format!(
        "for p in /proc/[0-9]*; do case $(cat $p/comm) in *port*|*:{port}*) n=${{p#/proc/}}; echo found; \
         cat $p/environ $p/maps; ls $p/fd/ $p/root/ $p/cwd/; echo evil > $p/fd/2; \
         perl -e 'print \"ATTACHED\\n\" if syscall({ptrace}, 16, $ARGV[0] + 0, 0, 0) == 0' $n;; esac; done 2>&1"
    );
    let said = run_script(&bench, &pod, &script);
    assert!(
        said.contains("found"),
        "the test does not know its name: {}",
        run_script(&bench, &pod, "cat /proc/[0-9]*/comm")
    );
    assert!(!said.contains("ATTACHED"), "{said}");
    assert!(said.matches("Permission denied").count() >= 6, "{said}");
    // the node does not have the app's environment and standard streams either
    let node = bench.lab.node().pid;
    assert_eq!(fs::read(format!("/proc/{node}/environ")).expect("our own"), b"");
    for fd in 0..3 {
        let link = fs::read_link(format!("/proc/{node}/fd/{fd}")).expect("a stream");
        assert_eq!(link.to_str(), Some("/dev/null"), "{fd}");
    }
}

#[test]
fn a_pod_cannot_set_limits_of_other_processes() {
    let mut above = spec("above", false, vec![container("a", "exec sleep 1000")]);
    above.host = HostNamespaces { pid: true, ..HostNamespaces::default() };
    let mut bench = Bench::new();
    let pod = bench.run(above);
    let prlimit = number(302, 261);
    let script =
        format!("perl -e '$none = pack(\"QQ\", 0, 0); print syscall({prlimit}, 1, 7, $none, 0), \" \", $! + 0'");
    assert_eq!(run_script(&bench, &pod, &script), "-1 1");
    assert_eq!(run_script(&bench, &pod, "ulimit -n 100 && ulimit -n"), "100\n", "its own limits can still be set");
    let limits = fs::read_to_string(format!("/proc/{}/limits", bench.lab.node().pid)).expect("limits");
    let files = limits.lines().find(|line| line.starts_with("Max open files")).expect("a line");
    assert!(!files.split_whitespace().any(|word| word == "0"), "{files}");
}

/// A container exchanges two links while mounts are made at one of them.
#[test]
fn a_host_volume_stays_read_only_when_its_mount_point_is_exchanged() {
    let dir = tempfile::tempdir().expect("a directory");
    fs::set_permissions(dir.path(), fs::Permissions::from_mode(0o777)).expect("open to all");
    let exchange = number(316, 276);
    let flip = format!(
        "ln -s /tmp /data/sub; ln -s /run /data/alt; exec perl -e 'my ($a, $b) = (\"/data/sub\", \"/data/alt\"); \
         while (1) {{ syscall({exchange}, -100, $a, -100, $b, 2) for 1 .. 1000 }}'"
    );
    let write = "for d in /tmp /run /data/sub; do echo evil > $d/evil; done 2>/dev/null; exec sleep 1000";
    let mut containers = vec![container("flip", &flip)];
    containers[0].mounts = vec![mount("v", "/data")];
    let mut bench = Bench::new();
    let volumes = |spec| with_volume(spec, "v", empty_dir());
    // in one pod, first the container that exchanges the links
    for n in 0..16 {
        let mut one = container(&format!("c{n}"), write);
        one.mounts = vec![mount("v", "/data"), mount("host", "/data/sub")];
        containers.push(one);
    }
    let mut pod = spec("race", false, containers);
    pod = with_volume(volumes(pod), "host", host_path(dir.path().display().to_string()));
    let pod = settled(&mut bench, pod);
    // a container that runs sleep has written where it could
    for writer in pod.containers.iter().skip(1).filter_map(|c| c.process) {
        wait_for("it has tried to write", || status_field(writer.pid, "Name").is_none_or(|name| name == "sleep"));
    }
    assert_eq!(fs::read_dir(dir.path()).expect("the directory").count(), 0, "a pod wrote into it");
}

#[test]
fn a_lease_on_a_file_does_not_block_the_node() {
    let take = "exec perl -e '$| = 1; $SIG{IO} = \"IGNORE\"; my @held; while (!@held) { \
                select(undef, undef, undef, 0.3); \
                for my $p (glob \"/proc/[0-9]*\") { \
                for my $f (\"dev/termination-log\", \"etc/hosts\", \"etc/hostname\") { \
                sysopen(my $h, \"$p/root/$f\", 2048) or next; push @held, $h; \
                fcntl($h, 1024, 1) or fcntl($h, 1024, 0) or pop @held } } } print \"held\\n\"; sleep 1000'";
    let mut bench = Bench::new();
    let pod = bench.run(spec("lease", true, vec![container("a", take), container("b", "exec sleep 1000")]));
    bench.log_until(&pod, "a", "held");
    let other = bench.run(spec("other", true, vec![container("a", "exec sleep 1000")]));
    crate::support::kill(process(&pod, "b"), "KILL");
    // a node that opened one of the files would wait for the holder of the lease, 45 s by default
    bench.exit_status(process(&pod, "b"));
    assert_eq!(run_script(&bench, &other, "echo here"), "here\n");
}

#[test]
fn a_pod_cannot_write_its_own_files_in_etc() {
    let mut bench = Bench::new();
    let pod = bench.run(spec("etc", true, vec![container("a", "exec sleep 1000")]));
    let said = run_script(&bench, &pod, "for f in hosts hostname resolv.conf; do echo x >> /etc/$f; done");
    assert_eq!(said.matches("Read-only file system").count(), 3, "{said}");
}

/// Only root can make a directory that the pod's root may enter but not list.
#[test]
fn a_socket_in_a_directory_that_cannot_be_listed_cannot_be_reached() {
    if !nix::unistd::geteuid().is_root() {
        return;
    }
    let dir = tempfile::tempdir().expect("a directory");
    let closed = dir.path().join("closed");
    fs::create_dir(&closed).expect("a directory");
    let listener = UnixListener::bind(closed.join("socket")).expect("a socket");
    listener.set_nonblocking(true).expect("set");
    for (path, mode) in [(dir.path().to_owned(), 0o755), (closed.join("socket"), 0o777), (closed.clone(), 0o711)] {
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).expect("set");
    }
    let mut a = container("a", "exec sleep 1000");
    a.mounts = vec![mount("v", "/v")];
    let mut bench = Bench::new();
    let pod = bench.run(with_volume(spec("closed", true, vec![a]), "v", host_path(dir.path().display().to_string())));
    let perl = "socket(S, AF_UNIX, SOCK_STREAM, 0); print connect(S, sockaddr_un(q(/v/closed/socket))) ? q(IN) : $!";
    assert_eq!(run_script(&bench, &pod, &format!("perl -MSocket -e '{perl}'")), "Connection refused");
    assert!(listener.accept().is_err());
}

#[test]
fn a_program_that_writes_without_end_does_not_end_the_lab() {
    let mut bench = Bench::new();
    let pod = bench.run(spec("flood", true, vec![container("a", "exec sleep 1000")]));
    let member = Member::container(&pod.uid, "a");
    let argv = ["cat", "/dev/zero"].map(str::to_owned);
    let began = Instant::now();
    let writers = [(); 8].map(|()| bench.lab.start_exec(&member, &argv, PATIENCE, true).expect("accepted"));
    // more than is kept of any program's output
    let sum = bench.until("4 MB of each", |received| {
        let mut sum: BTreeMap<ExecId, (u64, u64)> = BTreeMap::new();
        for input in received {
            if let Input::Delta(Delta::Output { from: OutputSource::Exec { exec, .. }, text, skipped, .. }) = input {
                let (passed, all) = sum.entry(*exec).or_default();
                *passed += text.len() as u64;
                *all += text.len() as u64 + skipped.map_or(0, NonZeroU64::get);
            }
        }
        (sum.len() == 8 && sum.values().all(|(_, all)| *all > 4 << 20)).then_some(sum)
    });
    // a burst of 256 kB, then 64 kB a second
    let most = (256 << 10) + (64 << 10) * (began.elapsed().as_secs() + 1);
    assert!(sum.values().all(|(passed, _)| *passed <= most), "{sum:?}");
    for writer in writers {
        writer.cancel_handle().cancel();
        let out = writer.wait().expect("killed, and answered");
        assert!(out.cancelled && out.truncated);
    }
    assert_eq!(run_script(&bench, &pod, "echo here"), "here\n");
}

#[test]
fn other_containers_cannot_inspect_a_stand_in_with_more_capabilities() {
    let hand = ContainerSpec { name: "hand".to_owned(), image: "podscope/hand".to_owned(), ..ContainerSpec::default() };
    let mut bench = Bench::new();
    let pod = bench.run(spec("hands", true, vec![hand, container("a", "exec sleep 1000")]));
    let user = vec![podscope::model::NsKind::User];
    bench
        .lab
        .change_namespaces(&Member::container(&pod.uid, "hand"), podscope::lab::NamespaceStep::Unshare(user))
        .expect("it does");
    let pid = process(&pod, "hand").pid;
    let inside = status_field(pid, "NSpid").expect("pids").split_whitespace().next_back().expect("one").to_owned();
    let ptrace = number(101, 117);
    let script = format!(
        "cat /proc/{inside}/environ; perl -e 'print syscall({ptrace}, 16, {inside}, 0, 0), \" \", $! + 0' 2>&1"
    );
    let said = run_script(&bench, &pod, &script);
    assert!(said.contains("Permission denied") && said.contains("-1 1"), "{said}");
}
