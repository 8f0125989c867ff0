//! What the kernel writes: files of `/proc` and datagrams of the proc connector. Processes choose names in them.

use std::path::Path;

use crate::lab::applets::web::nginx;
use crate::observe::cgroup::{self, Hierarchy};
use crate::observe::decode::{Event, decode};
use crate::observe::proc::parse::{SchedStat, cmdline, inode, namespace};
use crate::observe::proc::{Status, hidepid, signals};
use crate::procfs::{Mount, Stat, mounts};

/// A process's name may have any byte but NUL (`PR_SET_NAME` of `prctl(2)`), at most this many.
const COMM: usize = 15;

fn name(bytes: &[u8]) -> Vec<u8> {
    bytes.iter().copied().filter(|b| *b != 0).take(COMM).collect()
}

/// `/proc/PID/stat` and `schedstat`. No name changes the other fields.
pub fn proc_stat(bytes: &[u8]) {
    if let Some(stat) = Stat::parse(bytes) {
        assert!(stat.threads > 0);
    }
    let _ = SchedStat::parse(bytes);
    let comm = name(bytes);
    let rest = b") S 7 42 42 0 -1 4194560 1 2 3 4 5 6 7 8 20 0 3 0 99 4096 11 0\n";
    let stat = Stat::parse(&[b"42 (", &comm[..], rest].concat()).expect("a whole line");
    let want = Stat {
        comm: String::from_utf8_lossy(&comm).into_owned(),
        ppid: 7,
        flags: 4_194_560,
        threads: 3,
        start: 99,
        cpu_ticks: 11,
        waited_ticks: 15,
        rss_pages: 11,
        ..Stat::default()
    };
    assert_eq!(stat, want);
}

/// `/proc/PID/status`. No name changes the other fields.
pub fn proc_status(bytes: &[u8]) {
    let _ = Status::parse(bytes);
    // the kernel escapes line feeds and backslashes here (`proc_task_name`, fs/proc/array.c)
    let comm = name(bytes).into_iter().flat_map(|b| match b {
        b'\n' => b"\\n".to_vec(),
        b'\\' => b"\\\\".to_vec(),
        b => vec![b],
    });
    let rest = b"\nUid:\t1\t1000\t3\t4\nNSpid:\t500\t7\nVmRSS:\t   12 kB\nSigBlk:\t1\nSigIgn:\t2\nSigCgt:\t4\n";
    let text: Vec<u8> = b"Name:\t".iter().copied().chain(comm).chain(rest.iter().copied()).collect();
    let status = Status::parse(&text).expect("a whole text");
    assert_eq!((status.uid, status.nspid, status.rss_bytes), (1000, vec![500, 7], Some(12 * 1024)));
    assert_eq!((status.signals.blocked, status.signals.ignored, status.signals.caught), (1, 2, 4));
}

/// `/proc/PID/cmdline`, and the links in `/proc/PID/ns`. The arguments are all that was read.
pub fn proc_cmdline(bytes: &[u8]) {
    let args = cmdline(bytes);
    let text = bytes.strip_suffix(b"\0").unwrap_or(bytes);
    if let Ok(text) = std::str::from_utf8(text) {
        assert_eq!(args.join("\0"), text);
        if let Some(ino) = inode(bytes) {
            assert!(text.contains(":["), "{ino} in {text}");
        }
    }
    assert!(
        namespace(bytes)
            .is_none_or(|(kind, ino)| inode(bytes) == Some(ino) && bytes.starts_with(kind.name().as_bytes()))
    );
}

/// `/proc/PID/fdinfo/FD` of a signalfd, and `/proc/PID/syscall`. Every mask is read.
pub fn proc_fdinfo(bytes: &[u8]) {
    if let Ok(text) = std::str::from_utf8(bytes) {
        let _ = (signals::sigmask(text), signals::address(text));
    }
    let mask = bytes.iter().take(8).fold(0, |mask, b| (mask << 8) | u64::from(*b));
    assert_eq!(signals::sigmask(&format!("pos:\t0\nsigmask:\t{mask:016x}\n")), Some(mask));
}

/// `/proc/PID/mountinfo`. Paths of mount points and cgroups may have any character.
pub fn proc_mountinfo(bytes: &[u8]) {
    let all: Vec<Mount> = mounts(bytes).collect();
    let _ = (nginx::is_mounted(&all), nginx::is_of_pod(&all, Path::new("/etc/nginx/nginx.conf")));
    if let Some(value) = hidepid(&all) {
        assert!(!value.contains(','), "{value:?}");
    }
    let _ = Hierarchy::among(all).map(|hierarchy| hierarchy.directory("/a/b"));
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    // a cgroup's name has no line feed (`cgroup_mkdir`, kernel/cgroup/cgroup.c)
    let (point, root) = (path(text), path(&text.replace('\n', "")));
    let line = format!("30 1 0:26 {} {} rw - cgroup2 none rw\n", octal(&root), octal(&point));
    let hierarchy = Hierarchy::among(mounts(line.as_bytes())).expect("it is mounted");
    let below = format!("{}/x", root.trim_end_matches('/'));
    assert_eq!(hierarchy.directory(&below), Some(Path::new(&point).join("x")), "{line}");
    assert_eq!(hierarchy.directory(&format!("{root}/../x")), None, "{line}");
}

/// An absolute path as the kernel writes it.
fn path(text: &str) -> String {
    let text = text.replace('\0', "");
    let parts = text.split('/').filter(|part| !matches!(*part, "" | "." | ".."));
    format!("/{}", parts.collect::<Vec<_>>().join("/"))
}

/// As in `show_mountinfo` (fs/proc_namespace.c).
fn octal(path: &str) -> String {
    path.replace('\\', "\\134").replace(' ', "\\040").replace('\t', "\\011").replace('\n', "\\012")
}

/// `/proc/PID/cgroup`, and the files of a cgroup.
pub fn proc_cgroup(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    if let Some(path) = cgroup::path_in(text) {
        assert!(text.contains(&format!("0::{path}")) && !path.contains('\n'), "{path:?}");
    }
    if let Some(n) = cgroup::field(text, "usage_usec") {
        assert!(text.contains("usage_usec "), "{n} in {text}");
    }
}

/// A datagram of the proc connector. Only the length that it states is read.
pub fn proc_event(bytes: &[u8]) {
    let Some(event) = decode(bytes) else { return };
    let length = bytes.first_chunk().map_or(0, |length| u32::from_ne_bytes(*length) as usize);
    assert!(length <= bytes.len(), "{length} of {} bytes", bytes.len());
    assert_eq!(decode(&bytes[..length]).as_ref(), Some(&event));
    assert_eq!(decode(&[bytes, &[0xff; 64]].concat()).as_ref(), Some(&event));
    if let Event::Comm { comm, .. } = event {
        assert!(comm.chars().count() <= COMM + 1 && !comm.contains('\0'), "{comm:?}");
    }
}
