//! What a pod gets from the host by `hostPath`, what it is refused, and the size limit of an `emptyDir`.

use std::fs;
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};

use nix::sys::stat::Mode;
use nix::sys::statvfs::statvfs;
use podscope::lab::spec::{HostPathType, VolumeSource};
use podscope::model::{ContainerState, Pod, WaitingReason};

use crate::support::{Bench, container, mount, process, spec, with_volume};

/// A directory that the lab's user may read, removed at the end.
struct Host(PathBuf);

impl Host {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("podscope-{name}-{}", std::process::id()));
        fs::create_dir_all(&path).expect("a directory");
        Self(path)
    }

    fn path(&self, name: &str) -> String {
        self.0.join(name).display().to_string()
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn run_script(bench: &Bench, pod: &Pod, script: &str) -> String {
    let output = bench.exec(pod, "a", script);
    String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).trim().to_owned()
}

#[test]
fn a_file_is_mounted_at_a_missing_path() {
    let host = Host::new("host-file");
    fs::write(host.path("app.conf"), "colour = red\n").expect("written");
    let mut a = container("a", "sleep 1000");
    // in the root, in a directory of the host, in one of the container, and over an existing file
    let places = ["/podscope/app.conf", "/usr/share/podscope-test/app.conf", "/tmp/deep/app.conf", "/etc/passwd"];
    a.mounts = places.map(|path| mount("conf", path)).to_vec();
    let source = VolumeSource::HostPath { path: host.path("app.conf"), kind: HostPathType::File };
    let mut bench = Bench::new();
    let pod = bench.run(with_volume(spec("file", true, vec![a]), "conf", source));
    for path in places {
        assert_eq!(run_script(&bench, &pod, &format!("cat {path}")), "colour = red", "{path}");
        let refused = run_script(&bench, &pod, &format!("echo x 2>&1 >> {path} || echo refused"));
        assert_eq!(refused.lines().last(), Some("refused"), "{path}");
    }
    assert_eq!(fs::read_to_string(host.path("app.conf")).expect("still there"), "colour = red\n");
    assert!(!Path::new("/usr/share/podscope-test").exists());
    assert_eq!(
        run_script(&bench, &pod, "test -s /usr/share/podscope-test/app.conf && ls /usr/share/podscope-test"),
        "app.conf"
    );
}

#[test]
fn types_are_checked_and_only_files_and_directories_are_mounted() {
    use HostPathType::{BlockDevice, CharDevice, Directory, DirectoryOrCreate, File, FileOrCreate, Socket, Unset};
    let host = Host::new("host-types");
    fs::write(host.path("file"), "x").expect("written");
    fs::create_dir(host.path("dir")).expect("made");
    let socket = host.path("socket");
    let _listener = UnixListener::bind(&socket).expect("a socket");
    nix::unistd::mkfifo(host.path("fifo").as_str(), Mode::from_bits_truncate(0o666)).expect("a FIFO");
    let (file, dir, none, fifo) = (host.path("file"), host.path("dir"), host.path("none"), host.path("fifo"));
    let not = |path: &str, what: &str| {
        format!("MountVolume.SetUp failed for volume \"v\" : hostPath type check failed: {path} is not {what}")
    };
    let never = |path: &str, what: &str| {
        let lab = "pods of the lab get no sockets, FIFOs or devices of the host; expected a file or a directory";
        format!("hostPath {path} of volume \"v\" is {what}: {lab}")
    };
    let creates_nothing = format!(
        "MountVolume.SetUp failed for volume \"v\" : {none} is not there, and the lab creates nothing on the host; create it yourself"
    );
    let null = "/dev/null".to_owned();
    let cases: Vec<(HostPathType, &String, Option<String>)> = vec![
        (Unset, &file, None),
        (Unset, &dir, None),
        (File, &file, None),
        (FileOrCreate, &file, None),
        (Directory, &dir, None),
        (DirectoryOrCreate, &dir, None),
        (Directory, &file, Some(not(&file, "a directory"))),
        (DirectoryOrCreate, &file, Some(not(&file, "a directory"))),
        (Directory, &none, Some(not(&none, "a directory"))),
        (File, &dir, Some(not(&dir, "a file"))),
        (FileOrCreate, &dir, Some(not(&dir, "a file"))),
        (File, &none, Some(not(&none, "a file"))),
        (Socket, &file, Some(not(&file, "a socket file"))),
        (CharDevice, &file, Some(not(&file, "a character device"))),
        (BlockDevice, &file, Some(not(&file, "a block device"))),
        (DirectoryOrCreate, &none, Some(creates_nothing.clone())),
        (FileOrCreate, &none, Some(creates_nothing)),
        (Socket, &socket, Some(never(&socket, "a socket"))),
        (Unset, &socket, Some(never(&socket, "a socket"))),
        (Unset, &fifo, Some(never(&fifo, "a FIFO"))),
        (Unset, &null, Some(never("/dev/null", "a character device"))),
        (CharDevice, &null, Some(never("/dev/null", "a character device"))),
    ];
    let mut bench = Bench::new();
    let uids: Vec<_> = cases
        .iter()
        .enumerate()
        .map(|(i, (kind, path, _))| {
            let mut a = container("a", "sleep 1000");
            a.mounts = vec![mount("v", "/v")];
            let source = VolumeSource::HostPath { path: (*path).clone(), kind: *kind };
            bench.lab.run(with_volume(spec(&format!("type-{i}"), true, vec![a]), "v", source)).expect("accepted")
        })
        .collect();
    for (uid, (kind, path, want)) in uids.iter().zip(&cases) {
        let settled = |p: &Pod| match &p.containers[0].state {
            ContainerState::Running { .. } => true,
            ContainerState::Waiting { message, .. } => message.is_some(),
            ContainerState::Terminated { .. } => false,
        };
        let pod = bench.pod_until(uid, "an end of its start", settled);
        let message = match &pod.containers[0].state {
            ContainerState::Waiting { reason, message, .. } => {
                assert_eq!(*reason, WaitingReason::CreateContainerError);
                message.clone()
            }
            _ => None,
        };
        assert_eq!(&message, want, "{kind:?} {path}");
    }
    assert!(!Path::new(&none).exists());
}

/// The directory is read-only and shows changes at once. Its sockets and FIFOs do not reach the host.
#[test]
fn sockets_and_fifos_below_a_host_path_cannot_be_reached() {
    use std::io::ErrorKind;
    use std::os::unix::net::UnixStream;
    let host = Host::new("way-out");
    let dir = host.0.clone();
    fs::create_dir(dir.join("deep")).expect("a directory");
    let listener = UnixListener::bind(host.path("deep/socket")).expect("a socket");
    for path in ["", "deep", "deep/socket"] {
        let open = std::os::unix::fs::PermissionsExt::from_mode(0o777);
        fs::set_permissions(dir.join(path), open).expect("open to all");
    }
    nix::unistd::mkfifo(host.path("fifo").as_str(), Mode::from_bits_truncate(0o666)).expect("a FIFO");
    fs::write(host.path("page"), "one\n").expect("written");
    let mut a = container("a", "sleep 1000");
    a.mounts = vec![mount("v", "/v")];
    let source = VolumeSource::HostPath { path: dir.display().to_string(), kind: HostPathType::Directory };
    let mut bench = Bench::new();
    let pod = bench.run(with_volume(spec("way-out", true, vec![a]), "v", source));
    // outside, the socket can be reached
    UnixStream::connect(host.path("deep/socket")).expect("connected");
    assert!(listener.accept().is_ok());
    listener.set_nonblocking(true).expect("set");
    let perl = "socket(S, PF_UNIX, SOCK_STREAM, 0); connect(S, sockaddr_un(q(/v/deep/socket))) or die $!";
    let output = run_script(&bench, &pod, &format!("perl -MSocket -e '{perl}'"));
    assert!(output.contains("Connection refused"), "{output}");
    assert_eq!(listener.accept().expect_err("no connection").kind(), ErrorKind::WouldBlock);
    // a reader outside does not receive what is written inside
    let reader = nix::fcntl::open(
        host.path("fifo").as_str(),
        nix::fcntl::OFlag::O_RDONLY | nix::fcntl::OFlag::O_NONBLOCK,
        Mode::empty(),
    )
    .expect("opened");
    run_script(&bench, &pod, "timeout 1 sh -c 'echo out > /v/fifo'");
    assert_eq!(nix::unistd::read(&reader, &mut [0; 8]), Ok(0), "nothing was written into it");
    assert_eq!(run_script(&bench, &pod, "cat /v/page; touch /v/x 2>&1 | grep -c Read-only"), "one\n1");
    fs::write(host.path("page"), "two\n").expect("written");
    fs::write(host.path("new"), "new\n").expect("written");
    assert_eq!(run_script(&bench, &pod, "cat /v/page /v/new; ls /v | wc -l"), "two\nnew\n4");
    // as editors do it: a file is replaced by another one, after a lookup in the container
    assert_eq!(run_script(&bench, &pod, "cat /v/later 2>/dev/null || echo none"), "none");
    for name in ["page", "later"] {
        fs::write(host.path("draft"), "three\n").expect("written");
        fs::rename(host.path("draft"), host.path(name)).expect("renamed");
    }
    fs::remove_file(host.path("new")).expect("removed");
    assert_eq!(
        run_script(&bench, &pod, "cat /v/page /v/later; cat /v/new 2>/dev/null || echo gone"),
        "three\nthree\ngone"
    );
}

#[test]
fn the_hosts_proc_is_refused_as_a_volume() {
    let mut a = container("a", "sleep 1000");
    a.mounts = vec![mount("v", "/host-proc")];
    let mut bench = Bench::new();
    let spec = with_volume(spec("proc", true, vec![a]), "v", crate::support::host_path("/proc/self"));
    let uid = bench.lab.run(spec).expect("accepted");
    let pod = bench.pod_until(&uid, "a refusal", |p| p.containers[0].state.word() == "CreateContainerError");
    let ContainerState::Waiting { message: Some(message), .. } = &pod.containers[0].state else { panic!("{pod:?}") };
    assert!(message.starts_with("hostPath /proc/self of volume \"v\" is the host's /proc"), "{message}");
}

#[test]
fn a_mount_into_proc_through_a_link_is_refused() {
    let mut a = container("a", "sleep 1000");
    a.mounts = vec![mount("v", "/dev/fd")];
    let mut bench = Bench::new();
    let source = VolumeSource::EmptyDir { memory: false, size_limit: None };
    let uid = bench.lab.run(with_volume(spec("link", true, vec![a]), "v", source)).expect("accepted");
    let pod = bench.pod_until(&uid, "a refusal", |p| p.containers[0].state.word() == "CreateContainerError");
    let ContainerState::Waiting { message: Some(message), .. } = &pod.containers[0].state else { panic!("{pod:?}") };
    assert_eq!(message, "\"/dev/fd\" cannot be mounted because it is inside /proc");
}

#[test]
fn an_empty_dir_holds_no_more_than_its_limit() {
    let mut a = container("a", "sleep 1000");
    a.mounts = vec![mount("disk", "/disk"), mount("memory", "/memory")];
    let spec = spec("limits", true, vec![a]);
    let spec = with_volume(spec, "disk", VolumeSource::EmptyDir { memory: false, size_limit: Some(1 << 20) });
    let spec = with_volume(spec, "memory", VolumeSource::EmptyDir { memory: true, size_limit: Some(2 << 20) });
    let mut bench = Bench::new();
    let pod = bench.run(spec);
    let a = process(&pod, "a").pid;
    for (path, size) in [("disk", 1 << 20), ("memory", 2 << 20)] {
        let fs = statvfs(format!("/proc/{a}/root/{path}").as_str()).expect("its size");
        assert_eq!(fs.blocks() as u64 * fs.fragment_size() as u64, size, "{path}");
        let output =
            run_script(&bench, &pod, &format!("head -c {} /dev/zero > /{path}/x; wc -c < /{path}/x", 2 * size));
        assert!(
            output.contains("No space left on device") && output.lines().any(|line| line == size.to_string()),
            "{output}"
        );
    }
}
