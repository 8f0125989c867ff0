//! Directories of `/proc` as machines have them that the tests do not run on.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;

use tempfile::TempDir;

use super::*;
use crate::engines::cgroup_path::levels;
use crate::model::Runtime;

const ID: &str = "207048a271173168ce60f46123a2ad517552742c18967a47f0b240caff146708";

/// A directory that looks like `/proc/PID`.
struct Fixture(TempDir);

impl Fixture {
    fn new() -> Self {
        let dir = tempfile::tempdir().expect("a directory");
        fs::create_dir(dir.path().join("ns")).expect("made");
        Self(dir)
    }

    fn file(self, name: &str, text: impl AsRef<[u8]>) -> Self {
        fs::write(self.0.path().join(name), text).expect("written");
        self
    }

    fn links(self, kinds: &[&str]) -> Self {
        for (n, kind) in kinds.iter().enumerate() {
            symlink(format!("{kind}:[{}]", 4_026_531_835 + n), self.0.path().join("ns").join(kind)).expect("made");
        }
        self
    }

    fn read(&self) -> Result<Reading, Unread> {
        self.read_as(Depth::All)
    }

    fn read_as(&self, depth: Depth) -> Result<Reading, Unread> {
        Reader::default().read_below(&open_directory(self.0.path()), depth)
    }
}

fn open_directory(path: &Path) -> OwnedFd {
    open(path, OFlag::O_PATH | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC, Mode::empty()).expect("it is there")
}

/// Linux 3.10, with 44 fields in `stat`.
const STAT_OF_3_10: &str = "812 (nginx) S 811 811 811 0 -1 4202816 260 0 0 0 1 2 0 0 20 0 1 0 9001 47321088 441 \
    18446744073709551615 1 1 0 0 0 0 0 4096 134235649 18446744071579755909 0 0 17 0 0 0 0 0 0\n";
const STATUS_OF_3_10: &str = "Name:\tnginx\nState:\tS (sleeping)\nTgid:\t812\nPid:\t812\nPPid:\t811\nTracerPid:\t0\n\
    Uid:\t0\t33\t0\t0\nGid:\t0\t33\t0\t0\nFDSize:\t64\nGroups:\t\nVmRSS:\t    1764 kB\nThreads:\t1\nSigQ:\t0/7902\n\
    SigPnd:\t0000000000000000\nShdPnd:\t0000000000000000\nSigBlk:\t0000000000000000\nSigIgn:\t0000000040001000\n\
    SigCgt:\t0000000198016a07\nCapInh:\t0000000000000000\n";

#[test]
fn an_old_kernel_leaves_out_what_came_later() {
    // before 3.8 there was no user namespace here, before 4.6 none of cgroups, before 5.6 none of time; NSpid is of 4.1
    let old = Fixture::new()
        .file("stat", STAT_OF_3_10)
        .file("status", STATUS_OF_3_10)
        .file("cmdline", "nginx: master process nginx\0")
        .file("cgroup", format!("4:memory:/docker/{ID}\n3:cpuacct,cpu:/docker/{ID}\n1:name=systemd:/docker/{ID}\n"))
        .links(&["ipc", "mnt", "net", "pid", "uts"]);
    let reading = old.read().expect("it can be read");
    let status = reading.status.expect("it can be read");
    assert_eq!((status.uid, status.nspid, status.rss_bytes), (33, Vec::new(), Some(1764 * 1024)));
    assert_eq!((status.signals.caught, status.tracer), (0x1_9801_6a07, 0));
    assert_eq!((reading.stat.ppid, reading.stat.start, reading.stat.exit_code), (811, 9001, 0));
    assert_eq!(reading.stat.arguments, 0..0, "these fields are of 3.5 and later, and may be missing");
    assert!(!reading.denied, "what is not there is not denied");
    for (kind, link) in NsKind::ALL.into_iter().zip(reading.links) {
        let is_new = matches!(kind, NsKind::User | NsKind::Cgroup | NsKind::Time);
        assert_eq!(link.is_none(), is_new, "{kind}");
    }
    assert_eq!((reading.sched, reading.cgroup), (None, None), "neither schedstat nor version 2 is there");
}

#[test]
fn with_version_1_of_cgroups_the_container_is_known_and_the_cgroup_is_not() {
    let text = format!("11:pids:/kubepods/burstable/pod0c90b7b1-7f2a-4e37-9d7e-0b7f7a1c9a11/{ID}\n1:name=systemd:/\n");
    let process = Fixture::new().file("stat", STAT_OF_3_10).file("status", STATUS_OF_3_10).file("cgroup", &text);
    assert_eq!(process.file("cmdline", "x\0").read().expect("it can be read").cgroup, None);
    let [level] = &levels(&text)[..] else { panic!("{:?}", levels(&text)) };
    assert_eq!((level.runtime, level.container.as_deref()), (Runtime::Unknown, Some(ID)));
    // both versions at once
    let hybrid = Fixture::new()
        .file("stat", STAT_OF_3_10)
        .file("status", STATUS_OF_3_10)
        .file("cmdline", "x\0")
        .file("cgroup", format!("{text}0::/system.slice/crio-{ID}.scope\n"));
    let cgroup = hybrid.read().expect("it can be read").cgroup;
    assert_eq!(cgroup, Some(format!("/system.slice/crio-{ID}.scope")));
}

#[test]
fn a_process_that_has_not_run_is_not_read_again_but_its_cgroup_is_if_wanted() {
    let process = Fixture::new()
        .file("stat", STAT_OF_3_10)
        .file("status", STATUS_OF_3_10)
        .file("cmdline", "x\0")
        .file("schedstat", "7000000 1200 9\n")
        .file("cgroup", "0::/a\n");
    let since = process.read().expect("it can be read").sched.expect("it counts");
    for (cgroup, expected) in [(false, None), (true, Some("/a".to_owned()))] {
        let reading = process.read_as(Depth::IfRanSince { since, cgroup }).expect("it can be read");
        assert!(reading.has_not_run && reading.status.is_none());
        assert_eq!(reading.cgroup, expected);
    }
    let ran = process.file("schedstat", "7100000 1200 10\n");
    let reading = ran.read_as(Depth::IfRanSince { since, cgroup: false }).expect("it can be read");
    assert!(!reading.has_not_run && reading.status.is_some() && reading.cgroup.is_some());
    // a kernel that does not count has zeros there
    assert_eq!(ran.file("schedstat", "0 0 0\n").read().expect("it can be read").sched, None);
}

#[test]
fn what_a_hidden_process_has_is_gone_or_denied_and_never_empty() {
    // hidepid=invisible: the whole directory is not there
    let hidden = Fixture::new();
    let fd = open_directory(hidden.0.path());
    assert_eq!(Reader::default().read_below(&fd, Depth::All), Err(Unread::Gone));
    if nix::unistd::geteuid().is_root() {
        return eprintln!("the rest is skipped: root may read every file");
    }
    // hidepid=noaccess: its files may not be read
    use std::os::unix::fs::PermissionsExt as _;
    let closed = hidden.file("stat", STAT_OF_3_10).file("status", STATUS_OF_3_10);
    fs::set_permissions(closed.0.path().join("stat"), fs::Permissions::from_mode(0o000)).expect("our own");
    assert_eq!(closed.read(), Err(Unread::Denied));
}

#[test]
fn a_text_that_the_kernel_has_cut_is_no_reading() {
    let cut = |text: &str, at: usize| text[..at].to_owned();
    let half = Fixture::new().file("stat", cut(STAT_OF_3_10, 40)).file("status", STATUS_OF_3_10);
    assert_eq!(half.read(), Err(Unread::Gone), "the process was released while it was read");
    let half = Fixture::new().file("stat", STAT_OF_3_10).file("status", cut(STATUS_OF_3_10, 200)).file("cmdline", "");
    assert_eq!(half.read(), Err(Unread::Gone));
}
