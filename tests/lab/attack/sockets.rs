//! Attempts to reach pathname sockets and FIFOs of the host.

use std::collections::BTreeSet;
use std::fs::{self, File, OpenOptions, Permissions};
use std::io::Read as _;
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};

use nix::fcntl::OFlag;
use nix::sys::stat::Mode;
use nix::unistd::mkfifo;
use podscope::lab::Options;

use super::run_script;
use crate::support::{Bench, container, spec};

/// Directories in which an administrator, a package or a service may have a socket.
const PLACES: [&str; 12] = [
    "/etc",
    "/usr/lib",
    "/usr/share",
    "/usr/bin",
    "/usr/local",
    "/usr/local/share",
    "/opt",
    "/srv",
    "/mnt",
    "/var/lib",
    "/var/tmp",
    "/tmp",
];

struct Trap {
    dir: tempfile::TempDir,
    listener: UnixListener,
    fifo: File,
}

/// A socket and a FIFO that everyone may use, in each of the directories where we may create them.
fn traps() -> Vec<Trap> {
    let trap = |place: &&str| {
        let dir = tempfile::Builder::new().prefix("podscope-trap-").tempdir_in(place).ok()?;
        fs::set_permissions(dir.path(), Permissions::from_mode(0o755)).expect("open to all");
        let (socket, fifo) = (dir.path().join("socket"), dir.path().join("fifo"));
        let listener = UnixListener::bind(&socket).expect("a socket");
        listener.set_nonblocking(true).expect("set");
        mkfifo(&fifo, Mode::from_bits_truncate(0o666)).expect("a FIFO");
        for file in [&socket, &fifo] {
            fs::set_permissions(file, Permissions::from_mode(0o666)).expect("open to all");
        }
        let fifo =
            OpenOptions::new().read(true).custom_flags(OFlag::O_NONBLOCK.bits()).open(&fifo).expect("its reader");
        Some(Trap { dir, listener, fifo })
    };
    PLACES.iter().filter_map(trap).collect()
}

/// Tries to connect to each path, and to write to it.
fn try_all(bench: &Bench, pod: &podscope::model::Pod, paths: &[PathBuf]) -> String {
    let list = paths.iter().map(|path| format!("'{}'", path.display())).collect::<Vec<_>>().join(" ");
    let perl = "for (@ARGV) { for my $kind (SOCK_STREAM, SOCK_DGRAM, SOCK_SEQPACKET) { \
                socket(S, AF_UNIX, $kind, 0); print qq(CONNECTED $_\\n) if connect(S, sockaddr_un($_)) } \
                sysopen(F, $_, O_WRONLY | O_NONBLOCK) and syswrite(F, qq(evil)) and print qq(WROTE $_\\n) } print qq(tried\\n)";
    let said = run_script(bench, pod, &format!("perl -MSocket -MFcntl -e '{perl}' -- {list}"));
    assert!(said.contains("tried"), "{said}");
    said
}

fn check_sockets_and_fifos(options: Options) {
    let mut traps = traps();
    assert!(!traps.is_empty(), "there is always a directory for temporary files");
    let mut bench = Bench::with(options);
    let pod = bench.run(spec("caged", true, vec![container("a", "exec sleep 1000")]));
    let paths: Vec<PathBuf> =
        traps.iter().flat_map(|trap| ["socket", "fifo"].map(|name| trap.dir.path().join(name))).collect();
    let said = try_all(&bench, &pod, &paths);
    for trap in &mut traps {
        assert!(trap.listener.accept().is_err(), "{}: a pod connected: {said}", trap.dir.path().display());
        let mut text = String::new();
        let read = trap.fifo.read_to_string(&mut text);
        assert!(text.is_empty(), "{}: {read:?} {text}", trap.dir.path().display());
    }
    assert!(!said.contains("CONNECTED"), "{said}");
}

#[test]
fn a_pod_cannot_reach_sockets_and_fifos_of_the_host() {
    check_sockets_and_fifos(Options::default());
}

#[test]
fn a_pod_cannot_reach_sockets_and_fifos_of_the_host_without_overlayfs() {
    check_sockets_and_fifos(Options { without_overlay: true, ..Options::default() });
}

/// Uses all sockets that exist on this machine now.
#[test]
fn a_pod_cannot_reach_any_present_socket_of_the_host() {
    let unix = fs::read_to_string("/proc/net/unix").expect("sockets");
    let known: BTreeSet<PathBuf> = unix
        .lines()
        .filter_map(|line| line.split_whitespace().nth(7))
        .filter(|p| p.starts_with('/'))
        .map(PathBuf::from)
        .collect();
    let known: Vec<PathBuf> = known.into_iter().filter(|path| Path::exists(path)).collect();
    let mut bench = Bench::new();
    let pod = bench.run(spec("caged", true, vec![container("a", "exec sleep 1000")]));
    let said = try_all(&bench, &pod, &known);
    assert!(!said.contains("CONNECTED") && !said.contains("WROTE"), "{said}");
}
