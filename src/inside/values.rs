//! Reads names, id maps, limits of cgroups and clocks.

use std::collections::BTreeMap;
use std::fs;

use nix::errno::Errno;
use nix::sys::stat::stat;
use nix::sys::utsname::uname;

use super::entry::Entry;
use super::{UNEXPECTED, finding};
use crate::model::inside::{
    Bounded, CgroupContent, CgroupLimits, ClockOffset, ClockOffsets, CpuLimit, IdRange, Limit, Pressure, SystemNames,
    TimeContent, UserContent, UtsContent,
};
use crate::model::{NsKind, ProcId};
use crate::observe::Unread;
use crate::observe::cgroup::{Hierarchy, of_process};

const MAX_GROUPS: usize = 256;

/// The names in a UTS namespace, which the helper joins.
pub fn names(entry: &mut Entry, process: ProcId, ino: u64) -> UtsContent {
    let names = entry.join(process, NsKind::Uts, ino).and_then(|()| {
        let names = uname()?;
        let text = |name: &std::ffi::OsStr| name.to_string_lossy().into_owned();
        Ok(SystemNames { host_name: text(names.nodename()), domain_name: text(names.domainname()) })
    });
    UtsContent { names: finding(names) }
}

/// The id maps of a process's user namespace.
pub fn ids(pid: u32) -> UserContent {
    let read = |name: &str| fs::read_to_string(format!("/proc/{pid}/{name}")).map_err(Unread::from);
    let ranges = |name: &str| finding(read(name).and_then(|text| Ok(id_ranges(&text).ok_or(UNEXPECTED)?)));
    let setgroups = read("setgroups").and_then(|text| match text.trim() {
        "allow" => Ok(true),
        "deny" => Ok(false),
        _ => Err(UNEXPECTED.into()),
    });
    UserContent { uids: ranges("uid_map"), gids: ranges("gid_map"), setgroups: finding(setgroups) }
}

/// Lines with three numbers: the first id inside, the one outside, and how many (`user_namespaces(7)`). An id that has
/// none outside is shown as the largest number.
pub fn id_ranges(text: &str) -> Option<Vec<IdRange>> {
    let range = |line: &str| {
        let mut numbers = line.split_ascii_whitespace().map(str::parse::<u32>);
        let mut next = || numbers.next()?.ok();
        let (inside, outside, count) = (next()?, next()?, next()?);
        Some(IdRange { inside, outside: (outside != u32::MAX).then_some(outside), count })
    };
    text.lines().map(range).collect()
}

/// How much the clocks of a process's time namespace are ahead.
pub fn clocks(pid: u32) -> TimeContent {
    // the file shows the namespace of its next children
    let link = |name: &str| stat(format!("/proc/{pid}/ns/{name}").as_str()).map(|stat| stat.st_ino);
    let offsets = || {
        if link("time")? != link("time_for_children")? {
            return Err(Unread::Failed(Errno::EXDEV));
        }
        Ok(clock_offsets(&fs::read_to_string(format!("/proc/{pid}/timens_offsets"))?).ok_or(UNEXPECTED)?)
    };
    TimeContent { offsets: finding(offsets()) }
}

/// `/proc/PID/timens_offsets` (`time_namespaces(7)`): a clock, seconds and nanoseconds a line.
pub fn clock_offsets(text: &str) -> Option<ClockOffsets> {
    let of = |clock: &str| {
        let line = text.lines().find_map(|line| line.strip_prefix(clock)?.strip_prefix(' '))?;
        let mut numbers = line.split_ascii_whitespace();
        Some(ClockOffset { seconds: numbers.next()?.parse().ok()?, nanoseconds: numbers.next()?.parse().ok()? })
    };
    Some(ClockOffsets { monotonic: of("monotonic")?, boottime: of("boottime")? })
}

/// The cgroups of these processes.
pub fn cgroups(processes: &[ProcId]) -> CgroupContent {
    let mut counts: BTreeMap<String, u32> = BTreeMap::new();
    for path in processes.iter().filter_map(|process| of_process(process.pid)) {
        *counts.entry(path).or_default() += 1;
    }
    let groups = Hierarchy::find().ok_or(Unread::Gone).map(|hierarchy| {
        let all = counts.into_iter().map(|(path, processes)| match hierarchy.directory(&path) {
            Some(dir) => limits(path, processes, &|name| fs::read_to_string(dir.join(name)).ok()),
            None => limits(path, processes, &|_| None),
        });
        Bounded::of(all, MAX_GROUPS)
    });
    CgroupContent { groups: finding(groups) }
}

fn limits(path: String, processes: u32, file: &dyn Fn(&str) -> Option<String>) -> CgroupLimits {
    let number = |name: &str| file(name)?.trim().parse().ok();
    let limit = |name: &str| limit(&file(name)?);
    let pressure = |name: &str| pressure(&file(name)?);
    CgroupLimits {
        path,
        processes,
        memory_bytes: number("memory.current"),
        memory_max: limit("memory.max"),
        tasks: number("pids.current"),
        tasks_max: limit("pids.max"),
        cpu_max: file("cpu.max").and_then(|text| cpu_limit(&text)),
        cpu_pressure: pressure("cpu.pressure"),
        memory_pressure: pressure("memory.pressure"),
        io_pressure: pressure("io.pressure"),
    }
}

pub fn limit(text: &str) -> Option<Limit> {
    match text.trim() {
        "max" => Some(Limit::Max),
        number => number.parse().ok().map(Limit::At),
    }
}

/// `max 100000` or `50000 100000`.
pub fn cpu_limit(text: &str) -> Option<CpuLimit> {
    let (quota, period) = text.trim().split_once(' ')?;
    Some(CpuLimit { quota_us: limit(quota)?, period_us: period.parse().ok()? })
}

/// `some avg10=0.12 avg60=…` and the same line for `full`, which older kernels do not have for the CPU.
pub fn pressure(text: &str) -> Option<Pressure> {
    let of = |word: &str| {
        let line = text.lines().find_map(|line| line.strip_prefix(word))?;
        let (percent, hundredths) = line.trim_start().strip_prefix("avg10=")?.split(' ').next()?.split_once('.')?;
        percent.parse::<u32>().ok()?.checked_mul(100)?.checked_add(hundredths.parse().ok()?)
    };
    Some(Pressure { some: of("some")?, full: of("full").unwrap_or_default() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn id_maps_are_parsed() {
        let ranges = id_ranges("         0       1000          1\n         1     100000      65536\n");
        let range = |inside, outside, count| IdRange { inside, outside, count };
        assert_eq!(ranges, Some(vec![range(0, Some(1000), 1), range(1, Some(100_000), 65_536)]));
        assert_eq!(id_ranges("0 4294967295 1\n"), Some(vec![range(0, None, 1)]), "not mapped in ours");
        assert_eq!(id_ranges(""), Some(Vec::new()), "not written yet");
        assert_eq!(id_ranges("0 x 1\n"), None);
    }

    #[test]
    fn clock_offsets_are_parsed() {
        let offset = |seconds, nanoseconds| ClockOffset { seconds, nanoseconds };
        let found = clock_offsets("monotonic           -5 500000000\nboottime          100         0\n");
        let expected = ClockOffsets { monotonic: offset(-5, 500_000_000), boottime: offset(100, 0) };
        assert_eq!(found, Some(expected));
        assert_eq!(clock_offsets("monotonic 1 2\n"), None);
    }

    #[test]
    fn limits_and_pressure_are_parsed() {
        assert_eq!(limit("max\n"), Some(Limit::Max));
        assert_eq!(limit("67108864\n"), Some(Limit::At(67_108_864)));
        assert_eq!(cpu_limit("50000 100000\n"), Some(CpuLimit { quota_us: Limit::At(50_000), period_us: 100_000 }));
        assert_eq!(cpu_limit("max 100000\n"), Some(CpuLimit { quota_us: Limit::Max, period_us: 100_000 }));
        let text = "some avg10=1.25 avg60=0.10 avg300=0.02 total=1\nfull avg10=0.07 avg60=0.00 avg300=0.00 total=1\n";
        assert_eq!(pressure(text), Some(Pressure { some: 125, full: 7 }));
        assert_eq!(pressure("some avg10=0.00 avg60=0.00 avg300=0.00 total=1\n"), Some(Pressure { some: 0, full: 0 }));
        assert_eq!(pressure(""), None);
    }

    #[test]
    fn a_cgroup_without_controllers_has_no_figures() {
        let none = limits("/x".to_owned(), 2, &|_| None);
        assert_eq!((none.processes, none.memory_max, none.cpu_max, none.io_pressure), (2, None, None, None));
        let some = limits("/x".to_owned(), 2, &|name| (name == "pids.max").then(|| "1024\n".to_owned()));
        assert_eq!((some.tasks_max, some.tasks), (Some(Limit::At(1024)), None));
    }
}
