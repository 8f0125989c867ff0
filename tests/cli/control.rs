//! Commands for a lab that runs in another terminal, with real labs and real pods.

use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::os::unix::fs::{FileTypeExt as _, MetadataExt as _, PermissionsExt as _};
use std::path::PathBuf;
use std::process::{Child, Command, Output, Stdio};

use tempfile::TempDir;

const POD: &str = "
apiVersion: v1
kind: Pod
metadata: {name: NAME}
spec:
  containers:
  - name: say
    image: busybox
    command: [sh, -c, 'echo said; exec sleep 1h']
    volumeMounts: [{name: door, mountPath: /door}]
  - name: cat
    image: busybox
    command: [cat]
    stdin: true
  volumes:
  - name: door
    hostPath: {path: DOOR}
";

/// `podscope run` with one pod, and with `XDG_RUNTIME_DIR` of its own.
struct Lab {
    child: Child,
    runtime: PathBuf,
}

impl Lab {
    fn start(place: &TempDir, name: &str) -> Self {
        let runtime = place.path().to_owned();
        let manifest = place.path().join(format!("{name}.yaml"));
        let door = runtime.join("podscope");
        let text = POD.replace("NAME", name).replace("DOOR", &runtime.display().to_string());
        fs::write(&manifest, text).unwrap();
        let mut command = Command::new(env!("CARGO_BIN_EXE_podscope"));
        command.arg("run").arg(&manifest).env("XDG_RUNTIME_DIR", &runtime);
        let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::inherit()).spawn().unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        assert!(lines.any(|line| line.unwrap().contains(&format!("{name}  Running"))), "it did not come up");
        // keep reading, so that the lab never blocks on its output
        std::thread::spawn(move || lines.for_each(drop));
        assert!(door.join(format!("{}.sock", child.id())).exists());
        Self { child, runtime }
    }

    fn pid(&self) -> String {
        self.child.id().to_string()
    }

    fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_podscope"));
        command.args(args).env("XDG_RUNTIME_DIR", &self.runtime).stdin(Stdio::null());
        command
    }

    fn run(&self, args: &[&str]) -> Output {
        self.command(args).output().unwrap()
    }

    fn say(&self, args: &[&str]) -> String {
        let output = self.run(args);
        assert!(output.status.success(), "{args:?}: {output:?}");
        String::from_utf8(output.stdout).unwrap()
    }
}

impl Drop for Lab {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn place() -> TempDir {
    let place = TempDir::new().unwrap();
    fs::set_permissions(place.path(), fs::Permissions::from_mode(0o700)).unwrap();
    place
}

fn err(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[test]
fn exec_logs_attach_and_delete_work_from_another_terminal() {
    let place = place();
    let lab = Lab::start(&place, "web");
    let labs = lab.say(&["labs"]);
    let row: Vec<&str> = labs.lines().nth(1).unwrap().split_whitespace().collect();
    assert_eq!(row, [lab.pid().as_str(), "terminal", "web"]);

    let ran = lab.run(&["exec", "web/say", "--", "sh", "-c", "echo out; echo err >&2; exit 3"]);
    assert_eq!(ran.status.code(), Some(3));
    assert_eq!(ran.stdout, b"out\n");
    assert_eq!(err(&ran), "err\ncommand terminated with exit code 3\n");
    let defaulted = lab.run(&["exec", "web", "--", "hostname"]);
    assert_eq!(defaulted.stdout, b"web\n");
    assert_eq!(err(&defaulted), "Defaulted container \"say\" out of: say, cat\n");

    let mut cat = lab.command(&["exec", "-i", "web/say", "--", "cat"]);
    let mut cat = cat.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    cat.stdin.take().unwrap().write_all(b"through\n").unwrap();
    assert_eq!(cat.wait_with_output().unwrap().stdout, b"through\n");

    assert_eq!(lab.say(&["logs", "web", "-c", "say"]), "said\n");
    let mut follow = lab.command(&["logs", "-f", "web/cat"]).stdout(Stdio::piped()).spawn().unwrap();
    let mut attach = lab.command(&["attach", "-i", "web/cat"]);
    let mut attach = attach.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    attach.stdin.as_mut().unwrap().write_all(b"typed\n").unwrap();
    for child in [&mut attach, &mut follow] {
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        assert_eq!(line, "typed\n");
        child.kill().unwrap();
        child.wait().unwrap();
    }

    let none = lab.run(&["exec", "none", "--", "true"]);
    assert_eq!((none.status.code(), err(&none).as_str()), (Some(1), "podscope: pods \"none\" not found\n"));
    let none = lab.run(&["logs", "web/none"]);
    assert_eq!(err(&none), "podscope: container none is not valid for pod web; it has say, cat\n");
    let asleep = lab.run(&["attach", "-i", "web/say"]);
    assert!(err(&asleep).contains("its manifest needs `stdin: true`"), "{}", err(&asleep));

    assert_eq!(lab.say(&["delete", "pod", "web", "--now"]), "pod \"web\" deleted\n");
}

#[test]
fn a_snapshot_has_the_pods_of_a_running_lab() {
    let place = place();
    let lab = Lab::start(&place, "web");
    let snapshot: serde_json::Value = serde_json::from_str(&lab.say(&["snapshot"])).unwrap();
    let pods: Vec<&str> = snapshot["pods"].as_array().unwrap().iter().filter_map(|p| p["name"].as_str()).collect();
    assert_eq!(pods, ["web"]);
    let of_pod = |p: &&serde_json::Value| p["pod"] == "web";
    let members: Vec<&str> =
        snapshot["processes"].as_array().unwrap().iter().filter(of_pod).filter_map(|p| p["comm"].as_str()).collect();
    assert!(["pause", "sleep", "cat"].iter().all(|comm| members.contains(comm)), "{members:?}");
}

#[test]
fn several_labs_are_distinguished_and_sockets_of_dead_labs_are_removed() {
    let place = place();
    let (one, two) = (Lab::start(&place, "web"), Lab::start(&place, "web"));
    let both = one.run(&["exec", "web/say", "--", "true"]);
    let (a, b) = if one.child.id() < two.child.id() { (one.pid(), two.pid()) } else { (two.pid(), one.pid()) };
    assert_eq!(err(&both), format!("podscope: 2 labs have a pod named \"web\"; choose one by --lab: {a}, {b}\n"));
    one.say(&["exec", "--lab", &two.pid(), "web/say", "--", "true"]);
    let socket = place.path().join(format!("podscope/{}.sock", one.pid()));
    drop(one);
    assert!(socket.exists(), "SIGKILL leaves it");
    two.say(&["exec", "web/say", "--", "true"]);
    assert!(!socket.exists(), "and the next command removes it");
    let runtime = two.runtime.clone();
    drop(two);
    let mut nobody = Command::new(env!("CARGO_BIN_EXE_podscope"));
    let nobody = nobody.arg("labs").env("XDG_RUNTIME_DIR", &runtime).output().unwrap();
    assert_eq!(nobody.stdout, b"no lab runs for this user\n");
}

#[test]
fn only_the_labs_own_user_is_accepted_and_no_pod() {
    let place = place();
    let lab = Lab::start(&place, "web");
    let dir = place.path().join("podscope");
    let socket = dir.join(format!("{}.sock", lab.pid()));
    let metadata = fs::metadata(&dir).unwrap();
    assert_eq!((metadata.mode() & 0o777, metadata.uid()), (0o700, nix::unistd::geteuid().as_raw()));
    assert!(fs::metadata(&socket).unwrap().file_type().is_socket());

    // from a pod that has the directory of the socket as a volume
    let connect = "use Socket; socket(S, PF_UNIX, SOCK_SEQPACKET, 0) or die; \
                   connect(S, pack_sockaddr_un($ARGV[0])) or die \"refused: $!\"; print 'connected'";
    let inside = format!("/door/podscope/{}.sock", lab.pid());
    let tried = lab.run(&["exec", "web/say", "--", "perl", "-e", connect, &inside]);
    assert!(!tried.status.success(), "{tried:?}");
    assert!(!String::from_utf8_lossy(&tried.stdout).contains("connected"), "{tried:?}");
    // the same works outside of the pod, which shows that the test can fail
    let outside = Command::new("perl").args(["-e", connect]).arg(&socket).output().unwrap();
    assert_eq!(outside.stdout, b"connected", "{outside:?}");

    // the same user, but as root of another user namespace, as in a pod
    let script = format!("exec {} labs", env!("CARGO_BIN_EXE_podscope"));
    let mut elsewhere = Command::new("unshare");
    elsewhere.args(["--user", "--map-root-user", "sh", "-c", &script]).env("XDG_RUNTIME_DIR", place.path());
    let elsewhere = elsewhere.output().unwrap();
    assert!(err(&elsewhere).contains("another user namespace"), "{elsewhere:?}");

    // a directory that others can enter is not trusted
    fs::set_permissions(&dir, fs::Permissions::from_mode(0o755)).unwrap();
    let open = lab.run(&["labs"]);
    assert!(err(&open).contains("nobody else can enter (mode 0700)"), "{open:?}");
}
