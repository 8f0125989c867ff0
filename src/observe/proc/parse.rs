//! Parses the texts of `/proc/PID` that only the observer reads (`proc_pid_status(5)`).

use std::ffi::CStr;

use crate::model::{NsKind, SignalMasks};
use crate::observe::cgroup::path_in;

/// In the order of [`NsKind::ALL`](crate::model::NsKind::ALL).
pub const NS_LINKS: [&CStr; 8] =
    [c"ns/cgroup", c"ns/ipc", c"ns/mnt", c"ns/net", c"ns/pid", c"ns/time", c"ns/user", c"ns/uts"];

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
    /// The thread that traces it, or from BPF its process; 0 if none does.
    pub tracer: u32,
}

impl Status {
    pub fn parse(text: &[u8]) -> Option<Self> {
        let mut status = Self::default();
        let mask = |value: &str| u64::from_str_radix(value.trim(), 16).ok();
        // the first line is the name, which may hold any byte; all others are ASCII
        let name_end = text.iter().position(|b| *b == b'\n')?;
        for line in str(&text[name_end + 1..])?.split('\n') {
            let Some((name, value)) = line.split_once(':') else { continue };
            match name {
                "Uid" => status.uid = value.split_ascii_whitespace().nth(1)?.parse().ok()?,
                "NSpid" => status.nspid = value.split_ascii_whitespace().filter_map(|n| n.parse().ok()).collect(),
                "VmRSS" => {
                    let kb: Option<u64> = value.trim().strip_suffix(" kB").and_then(|n| n.trim().parse().ok());
                    status.rss_bytes = kb.map(|kb| kb.saturating_mul(1024));
                }
                "TracerPid" => status.tracer = value.trim().parse().ok()?,
                "SigBlk" => status.signals.blocked = mask(value)?,
                "SigIgn" => status.signals.ignored = mask(value)?,
                "SigCgt" => {
                    status.signals.caught = mask(value)?;
                    return Some(status);
                }
                _ => {}
            }
        }
        None
    }
}

/// The cgroup of version 2 in `/proc/PID/cgroup` (`cgroups(7)`).
pub fn cgroup(text: &[u8]) -> Option<String> {
    path_in(&String::from_utf8_lossy(text))
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
pub fn inode(link: &[u8]) -> Option<u64> {
    let colon = link.iter().position(|b| *b == b':')?;
    str(link[colon..].strip_prefix(b":[")?.strip_suffix(b"]")?)?.parse().ok()
}

/// The kind and the number in the link of an open file, if the file is a namespace.
pub fn namespace(link: &[u8]) -> Option<(NsKind, u64)> {
    let colon = link.iter().position(|b| *b == b':')?;
    Some((NsKind::from_name(str(&link[..colon])?)?, inode(link)?))
}

/// Writes a number in decimal, ended by a NUL, without allocating.
pub fn decimal(number: u32, buffer: &mut [u8; 11]) -> &CStr {
    let mut rest = number;
    let mut at = buffer.len() - 1;
    buffer[at] = 0;
    loop {
        at -= 1;
        buffer[at] = b'0' + (rest % 10) as u8;
        rest /= 10;
        if rest == 0 {
            break;
        }
    }
    CStr::from_bytes_until_nul(&buffer[at..]).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn schedstat_is_parsed() {
        assert_eq!(SchedStat::parse(b"64230814 23961697 124\n"), Some(SchedStat { ns: 64_230_814, slices: 124 }));
        assert_eq!(SchedStat::parse(b"0 0 0\n"), None, "not counted");
        assert_eq!(SchedStat::parse(b"64230814 2396"), None);
        assert_eq!(SchedStat::parse(b""), None);
    }

    #[test]
    fn an_incomplete_status_is_no_process() {
        assert!(Status::parse(b"Name:\tx\nUid:\nSigCgt:").is_none());
        assert!(Status::parse(b"Name:\tx").is_none() && Status::parse(b"").is_none());
        assert!(Status::parse(b"Name:\tx\nUid:\t1\t1000\t3\t4\n").is_none());
    }

    #[test]
    fn a_size_that_is_too_large_is_cut_to_the_largest() {
        let most = u64::MAX;
        let status = Status::parse(format!("Name:\tx\nVmRSS:\t{most} kB\nSigCgt:\t0\n").as_bytes());
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
        assert_eq!(inode(b"net:[4026531840]"), Some(4_026_531_840));
        assert_eq!(namespace(b"net:[4026531840]"), Some((NsKind::Net, 4_026_531_840)));
        for other in [&b"net:4026531840"[..], b"net:[x]", b"net:[1", b"", b":[", b"/a:[1]"] {
            assert_eq!(inode(other).filter(|_| other != b"/a:[1]"), None, "{other:?}");
            assert_eq!(namespace(other), None, "{other:?}");
        }
        assert_eq!(namespace(b"socket:[17]"), None);
    }

    #[test]
    fn numbers_are_written_as_the_standard_library_does() {
        for number in [0, 7, 10, 4_194_304, u32::MAX] {
            assert_eq!(decimal(number, &mut [1; 11]).to_str(), Ok(number.to_string().as_str()));
        }
    }
}
