//! Attempts to reach the helper that reads what is in a pod's namespaces, while it is in them.

use std::fs;
use std::os::fd::AsFd as _;
use std::os::unix::fs::MetadataExt as _;
use std::process::Command;

use nix::fcntl::{FcntlArg, fcntl};
use nix::poll::{PollFd, PollFlags, poll};
use podscope::inside::{Helper, Program, Request, Target};
use podscope::lab::spec::HostNamespaces;
use podscope::model::inside::Content;
use podscope::model::{NsKind, ProcId};

use crate::support::{Bench, container, ns, process, spec, status_field};

/// A helper that has joined all namespaces of a process and cannot write its answer: the pipe is too small for it.
fn helper_inside(program: &Program, witness: ProcId) -> Helper {
    let kinds = [NsKind::Mnt, NsKind::Net, NsKind::Uts, NsKind::Ipc];
    let target = |kind: NsKind| Target { kind, ino: ns(witness.pid, kind.name()), processes: vec![witness] };
    let mut helper = Helper::start(program).expect("it starts");
    let output = helper.output().expect("a pipe");
    let size = fcntl(output, FcntlArg::F_SETPIPE_SZ(4096)).expect("the pipe is empty");
    assert_eq!(size, 4096);
    helper.send(&Request { witness, targets: kinds.map(target).into() }).expect("it reads its question");
    let mut pipe = [PollFd::new(helper.output().expect("a pipe").as_fd(), PollFlags::POLLIN)];
    assert_eq!(poll(&mut pipe, 20_000_u16), Ok(1), "its answer begins");
    helper
}

/// Runs a script in the host's pid namespace as root of the user namespace of this process, with all capabilities there.
fn as_root_of(pid: u32, script: &str) -> String {
    let mut command = Command::new("nsenter");
    command.args(["--user", "--target", &pid.to_string()]);
    if !nix::unistd::geteuid().is_root() {
        // this user is the pod's root; it may not drop its groups
        command.arg("--preserve-credentials");
    }
    let out = command.args(["sh", "-c", script]).env("LC_ALL", "C").output().expect("nsenter runs");
    String::from_utf8_lossy(&[out.stdout, out.stderr].concat()).into_owned()
}

#[test]
fn no_process_of_a_pod_can_see_or_look_into_the_helper() {
    let mut bench = Bench::new();
    let mut above = spec("above", false, vec![container("a", "exec sleep 1000")]);
    above.host = HostNamespaces { pid: true, ..HostNamespaces::default() };
    let above = bench.run(above);
    let pod = bench.run(spec("inside", true, vec![container("a", "exec sleep 1001")]));
    let program = Program::new(env!("CARGO_BIN_EXE_podscope"));
    let helper = helper_inside(&program, process(&pod, "a"));

    // its pid namespace is that of the app
    for pod in [&above, &pod] {
        let seen = super::run_script(&bench, pod, "cat /proc/[0-9]*/cmdline | tr '\\0' ' '");
        assert!(seen.contains("sleep") && !seen.contains("__inside"), "{seen}");
    }

    // even who sees it cannot look into it; another one, since it ends after some seconds
    drop(helper);
    let member = process(&pod, "a").pid;
    let look = |pid: u32| {
        let ptrace = super::escape::number(101, 117);
        as_root_of(
            member,
            &format!(
                "cd /proc/{pid}; cat environ >/dev/null && echo ENV; cat maps >/dev/null && echo MAPS; \
                 for link in exe cwd root fd/0 fd/1 ns/net; do readlink $link >/dev/null && echo LINK; done; \
                 ls fd/ >/dev/null && echo FD; printf '' >>mem && echo MEM; \
                 perl -e 'print qq(ATTACHED\\n) if syscall({ptrace}, 0x4206, {pid}, 0, 0) == 0'"
            ),
        )
    };
    let of_member = look(member);
    for word in ["ENV", "MAPS", "LINK", "FD", "MEM", "ATTACHED"] {
        assert!(of_member.contains(word), "the test has no right over a member either: {word} in {of_member}");
    }
    let helper = helper_inside(&program, process(&pod, "a"));
    let of_helper = look(helper.pid());
    for word in ["ENV", "MAPS", "LINK", "FD", "MEM", "ATTACHED"] {
        assert!(!of_helper.contains(word), "{word} in {of_helper}");
    }
    assert!(of_helper.matches("ermission denied").count() >= 3, "it was still there: {of_helper}");

    let answer = helper.receive().expect("the rest of its answer");
    let contents: Vec<Content> = serde_json::from_slice(&answer).expect("an answer");
    assert!(answer.len() > 4096 && contents.iter().all(|content| content.gaps().is_empty()), "{contents:?}");
}

#[test]
fn the_helper_runs_from_memory_and_has_nothing_but_its_pipes() {
    let mut bench = Bench::new();
    let pod = bench.run(spec("inside", true, vec![container("a", "exec sleep 1000")]));
    let program = Program::new(env!("CARGO_BIN_EXE_podscope"));
    let witness = process(&pod, "a");
    let helper = helper_inside(&program, witness);
    let pid = helper.pid();
    let link = |name: &str| fs::read_link(format!("/proc/{pid}/{name}"));
    if !nix::unistd::geteuid().is_root() {
        // not even its own user can follow one
        for name in ["exe", "cwd", "root", "fd/0", "ns/net"] {
            let e = link(name).expect_err(name);
            assert_eq!(e.kind(), std::io::ErrorKind::PermissionDenied, "{name}");
        }
        return;
    }
    assert_eq!(ns(pid, "net"), ns(witness.pid, "net"), "it is inside");
    assert_ne!(ns(pid, "pid"), ns(witness.pid, "pid"));
    let exe = link("exe").expect("a link");
    assert!(exe.to_str().is_some_and(|exe| exe.starts_with("/memfd:podscope")), "{exe:?}");
    let device = |path: &str| fs::metadata(path).expect(path).dev();
    let run_by_node = format!("/proc/{}/exe", bench.lab.node().pid);
    let (ours, nodes) = (fs::metadata(format!("/proc/{pid}/exe")), fs::metadata(&run_by_node));
    assert_ne!(ours.expect("a file").ino(), nodes.expect("a file").ino(), "pods reach the copy that the lab runs from");
    assert_ne!(device(&format!("/proc/{pid}/exe")), device(env!("CARGO_BIN_EXE_podscope")), "it is memory");
    assert_eq!(link("cwd").expect("a link").to_str(), Some("/"));
    assert_eq!(fs::read(format!("/proc/{pid}/environ")).expect("root may"), b"");
    let mut open: Vec<String> = fs::read_dir(format!("/proc/{pid}/fd"))
        .expect("root may")
        .map(|fd| {
            let fd = fd.expect("an entry").file_name().into_string().expect("a number");
            let to = link(&format!("fd/{fd}")).expect("a link").display().to_string();
            format!("{fd} {}", to.split(':').next().unwrap_or_default())
        })
        .collect();
    open.sort_unstable();
    assert_eq!(open, ["0 pipe", "1 pipe", "2 /dev/null"]);
    assert_eq!(status_field(pid, "Threads").as_deref(), Some("1"));
}

#[test]
fn nobody_can_change_what_helpers_run_from() {
    let dir = tempfile::tempdir().expect("a directory");
    let copy = dir.path().join("podscope");
    fs::copy(env!("CARGO_BIN_EXE_podscope"), &copy).expect("a copy");
    let program = Program::new(&copy);
    let witness =
        ProcId { pid: std::process::id(), start: crate::support::start_time(std::process::id()).expect("ours") };
    let request = Request {
        witness,
        targets: vec![Target { kind: NsKind::Uts, ino: ns(witness.pid, "uts"), processes: vec![witness] }],
    };
    let gaps = |program: &Program| podscope::inside::read(program, &request).iter().flat_map(Content::gaps).count();
    assert_eq!(gaps(&program), 0);
    // the program's own file is exchanged and changed: helpers still run from the copy
    fs::write(&copy, "#!/bin/sh\nexit 3\n").expect("nothing runs from it");
    assert_eq!(gaps(&program), 0);
    assert_ne!(gaps(&Program::new(&copy)), 0, "the file is another program now");
}
