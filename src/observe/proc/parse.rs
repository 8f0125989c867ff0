//! Parses the texts of `/proc/PID` (`proc_pid_stat(5)`, `proc_pid_status(5)`).

use crate::model::{SignalMasks, State};

pub const NS_LINKS: [&str; 8] = ["ns/cgroup", "ns/ipc", "ns/mnt", "ns/net", "ns/pid", "ns/time", "ns/user", "ns/uts"];

const PF_KTHREAD: u32 = 0x0020_0000;

/// The fields used of `/proc/PID/stat`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stat {
    pub comm: String,
    pub state: State,
    pub ppid: u32,
    /// `PF_*` of `include/linux/sched.h`.
    pub flags: u32,
    /// Threads that are not yet released, never zero; one for a zombie that can be reaped.
    pub threads: u32,
    /// Clock ticks after boot.
    pub start: u64,
    /// CPU time in user and kernel mode, in clock ticks.
    pub cpu_ticks: u64,
    /// CPU time of the children it has waited for, and of theirs, in clock ticks.
    pub waited_ticks: u64,
    pub rss_pages: u64,
    /// Wait status of a zombie; also zero if we may not read it (no ptrace access).
    pub exit_code: i32,
}

impl Default for Stat {
    fn default() -> Self {
        Self {
            comm: String::new(),
            state: State::Sleeping,
            ppid: 0,
            flags: 0,
            threads: 1,
            start: 0,
            cpu_ticks: 0,
            waited_ticks: 0,
            rss_pages: 0,
            exit_code: 0,
        }
    }
}

impl Stat {
    pub fn parse(text: &[u8]) -> Option<Self> {
        // comm may hold any byte, also closing brackets
        let open = text.iter().position(|b| *b == b'(')?;
        let close = text.iter().rposition(|b| *b == b')')?;
        let comm = String::from_utf8_lossy(text.get(open + 1..close)?).into_owned();
        let rest = std::str::from_utf8(text.get(close + 2..)?).ok()?;
        let mut stat = Self { comm, ..Self::default() };
        let add = |ticks: &mut u64, field: &str| *ticks = ticks.saturating_add(field.parse().unwrap_or(0));
        let mut seen = 0;
        for (i, field) in rest.split_ascii_whitespace().enumerate() {
            seen = i + 3;
            match seen {
                3 => stat.state = State::from_letter(field.chars().next()?),
                4 => stat.ppid = field.parse().ok()?,
                9 => stat.flags = field.parse().ok()?,
                14 | 15 => add(&mut stat.cpu_ticks, field),
                16 | 17 => add(&mut stat.waited_ticks, field),
                20 => stat.threads = field.parse().ok()?,
                22 => stat.start = field.parse().ok()?,
                24 => stat.rss_pages = field.parse().unwrap_or(0),
                52 => stat.exit_code = field.parse().unwrap_or(0),
                _ => {}
            }
        }
        // if it was released while it was read, the kernel writes zeros for what it can no longer look up
        (seen >= 24 && stat.threads > 0).then_some(stat)
    }

    pub const fn is_kernel_thread(&self) -> bool {
        self.flags & PF_KTHREAD != 0
    }

    /// A zombie without other threads: the process has exited and waits to be reaped. A leader that ended before its
    /// threads has state `Z` too, but then the process lives.
    pub const fn is_dead(&self) -> bool {
        matches!(self.state, State::Zombie) && self.threads <= 1
    }

    pub(super) const fn has_memory(&self) -> bool {
        !matches!(self.state, State::Zombie)
    }
}

/// What the scheduler counts of a thread, from `/proc/PID/schedstat` (`Documentation/scheduler/sched-stats.rst`).
/// It grows whenever the thread runs, however shortly.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct SchedStat {
    /// Nanoseconds on a processor.
    pub ns: u64,
    /// How often it was given one.
    pub slices: u64,
}

impl SchedStat {
    /// `None` also where the kernel does not count (without `CONFIG_SCHED_INFO` the file holds zeros).
    pub fn parse(text: &[u8]) -> Option<Self> {
        let mut fields = str(text)?.split_ascii_whitespace().map(str::parse);
        let ns = fields.next()?.ok()?;
        let slices = fields.nth(1)?.ok()?;
        (slices > 0).then_some(Self { ns, slices })
    }
}

/// The fields used of `/proc/PID/status`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Status {
    /// The effective user id.
    pub uid: u32,
    /// Its pid in each pid namespace, from ours to its own.
    pub nspid: Vec<u32>,
    pub signals: SignalMasks,
    /// `VmRSS`: exact since Linux 6.16, where the figure in `stat` lags by some pages a processor.
    pub rss_bytes: Option<u64>,
}

impl Status {
    pub fn parse(text: &[u8]) -> Option<Self> {
        let mut status = Self::default();
        let mask = |value: &[u8]| u64::from_str_radix(str(value)?.trim(), 16).ok();
        for line in text.split(|b| *b == b'\n') {
            let Some(colon) = line.iter().position(|b| *b == b':') else { continue };
            let value = &line[colon + 1..];
            match &line[..colon] {
                b"Uid" => status.uid = str(value)?.split_ascii_whitespace().nth(1)?.parse().ok()?,
                b"NSpid" => {
                    status.nspid = str(value)?.split_ascii_whitespace().filter_map(|n| n.parse().ok()).collect();
                }
                b"VmRSS" => {
                    let kb: Option<u64> = str(value)?.trim().strip_suffix(" kB").and_then(|n| n.trim().parse().ok());
                    status.rss_bytes = kb.map(|kb| kb.saturating_mul(1024));
                }
                b"SigBlk" => status.signals.blocked = mask(value)?,
                b"SigIgn" => status.signals.ignored = mask(value)?,
                b"SigCgt" => {
                    status.signals.caught = mask(value)?;
                    return Some(status);
                }
                _ => {}
            }
        }
        None
    }
}

fn str(bytes: &[u8]) -> Option<&str> {
    std::str::from_utf8(bytes).ok()
}

pub fn cmdline(bytes: &[u8]) -> Vec<String> {
    let bytes = bytes.strip_suffix(b"\0").unwrap_or(bytes);
    if bytes.is_empty() {
        return Vec::new();
    }
    bytes.split(|b| *b == 0).map(|arg| String::from_utf8_lossy(arg).into_owned()).collect()
}

/// The number in `net:[4026531840]`.
pub fn inode(link: &str) -> Option<u64> {
    link.split_once(":[")?.1.strip_suffix(']')?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_with_brackets_does_not_confuse_stat() {
        let text = b"42 (a) Z (b)) S 7 42 42 0 -1 4194560 1 2 3 4 5 6 7 8 20 0 3 0 99 4096 11 1 2 3 4 5 6 7 8 9 10 11 0 0 17 1 0 0 0 0 0 1 2 3 4 5 6 7 768\n";
        let stat = Stat::parse(text).expect("a whole line");
        assert_eq!(stat.comm, "a) Z (b)");
        assert_eq!((stat.state, stat.ppid, stat.threads, stat.start), (State::Sleeping, 7, 3, 99));
        assert_eq!((stat.rss_pages, stat.exit_code), (11, 768));
        assert_eq!((stat.cpu_ticks, stat.waited_ticks), (5 + 6, 7 + 8));
        assert!(!stat.is_kernel_thread());
    }

    #[test]
    fn schedstat_is_parsed() {
        assert_eq!(SchedStat::parse(b"64230814 23961697 124\n"), Some(SchedStat { ns: 64_230_814, slices: 124 }));
        assert_eq!(SchedStat::parse(b"0 0 0\n"), None, "not counted");
        assert_eq!(SchedStat::parse(b"64230814 2396"), None);
        assert_eq!(SchedStat::parse(b""), None);
    }

    #[test]
    fn an_incomplete_text_does_not_panic() {
        let text = b"42 (x) S 7 42 42 0 -1 4194560 1 2 3 4 5 6 7 8 20 0 3 0 99 4096 11\n";
        for cut in 0..text.len() {
            let _ = Stat::parse(&text[..cut]);
        }
        assert!(Stat::parse(b"").is_none() && Stat::parse(b")(").is_none());
        assert!(Status::parse(b"Uid:\nSigCgt:").is_none());
    }

    #[test]
    fn numbers_that_are_too_large_are_cut_to_the_largest() {
        let most = u64::MAX;
        let text = format!("1 (x) S 1 1 1 0 -1 0 1 2 3 4 {most} {most} {most} {most} 20 0 1 0 99 4096 11\n");
        let stat = Stat::parse(text.as_bytes()).expect("a whole line");
        assert_eq!((stat.cpu_ticks, stat.waited_ticks), (most, most));
        let status = Status::parse(format!("VmRSS:\t{most} kB\nSigCgt:\t0\n").as_bytes());
        assert_eq!(status.expect("a whole text").rss_bytes, Some(most));
    }

    #[test]
    fn status_has_a_pid_for_each_namespace() {
        let text = b"Name:\tx\nUid:\t1\t1000\t3\t4\nNSpid:\t500\t20\t7\nSigBlk:\t0000000000000001\nSigIgn:\t0000000000001000\nSigCgt:\t0000000000004000\n";
        let status = Status::parse(text).expect("a whole text");
        assert_eq!((status.uid, status.nspid), (1000, vec![500, 20, 7]));
        assert_eq!(
            status.signals,
            SignalMasks { blocked: 1, ignored: 0x1000, caught: 0x4000, ..SignalMasks::default() }
        );
    }

    #[test]
    fn arguments_and_namespace_links_are_parsed() {
        assert_eq!(cmdline(b""), Vec::<String>::new());
        assert_eq!(cmdline(b"sh\0-c\0\0"), ["sh", "-c", ""]);
        assert_eq!(cmdline(b"nginx: master"), ["nginx: master"]);
        assert_eq!(inode("net:[4026531840]"), Some(4_026_531_840));
        assert_eq!(inode("net:4026531840"), None);
    }
}
