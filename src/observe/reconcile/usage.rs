//! What processes use, rates of CPU time, and the figures of cgroups.

use super::{Entry, Kernel, Reconciler};
use crate::model::{CgroupUsage, Cpu, Delta, Member, MonoNs, PodUid, ProcessUsage, Source, Stamp};
use crate::observe::clock::NS_PER_TICK;
use crate::observe::proc::{Reading, Status};
use crate::procfs::Stat;

/// Least time between two samples for a rate, since CPU time of /proc comes in hundredths of a second.
const SPAN_NS: u64 = 500_000_000;
/// Smaller changes of CPU time, in nanoseconds, and of its rate, in thousandths of a core, are not reported.
const TIME_STEP_NS: u64 = 100_000_000;
const SHARE_STEP: u32 = 10;
/// Smaller changes of memory, in bytes, are not reported.
const MEMORY_STEP: u64 = 256 << 10;

/// Computes the rate of a CPU time from samples.
#[derive(Debug, Default)]
pub struct Meter {
    /// Time and value of the sample that the last rate ended with.
    base: Option<(MonoNs, u64)>,
    permille: u32,
}

impl Meter {
    pub fn sample(&mut self, now: MonoNs, time_ns: u64) -> Cpu {
        match self.base {
            Some((then, _)) if now.since(then) < SPAN_NS => {}
            Some((then, before)) => {
                let grown = time_ns.saturating_sub(before);
                self.permille = u32::try_from(grown.saturating_mul(1_000) / now.since(then)).unwrap_or(u32::MAX);
                self.base = Some((now, time_ns));
            }
            None => self.base = Some((now, time_ns)),
        }
        Cpu { time_ns, permille: self.permille }
    }

    /// This much of the next increase was already counted elsewhere.
    pub fn exclude(&mut self, time_ns: u64) {
        if let Some((_, before)) = &mut self.base {
            *before = before.saturating_add(time_ns);
        }
    }
}

impl Entry {
    /// What the process uses by a reading that was made now.
    pub fn sample_usage(&mut self, now: MonoNs, reading: &Reading) -> ProcessUsage {
        let stat = &reading.stat;
        let rss_bytes = match (&self.facts, &reading.status) {
            // the figure in `stat` is less exact
            (Some(known), None) if reading.has_not_run => known.rss_bytes,
            (_, status) => rss_bytes(stat, status.as_ref()),
        };
        ProcessUsage {
            threads: stat.threads,
            rss_bytes,
            cpu: self.cpu.sample(now, stat.cpu_ticks.saturating_mul(NS_PER_TICK)),
            waited_cpu: self.waited_cpu.sample(now, stat.waited_ticks.saturating_mul(NS_PER_TICK)),
        }
    }
}

/// Resident memory, from `status` if it has it: the figure in `stat` is less exact.
pub fn rss_bytes(stat: &Stat, status: Option<&Status>) -> u64 {
    status.and_then(|status| status.rss_bytes).unwrap_or(stat.rss_pages.saturating_mul(page_size()))
}

fn page_size() -> u64 {
    static SIZE: std::sync::OnceLock<u64> = std::sync::OnceLock::new();
    *SIZE.get_or_init(|| {
        let size = nix::unistd::sysconf(nix::unistd::SysconfVar::PAGE_SIZE);
        size.ok().flatten().map_or(4096, |n| n as u64)
    })
}

/// Whether a change of CPU time or rate is worth reporting.
pub fn cpu_is_news(known: Cpu, new: Cpu) -> bool {
    let rest = new.permille == 0 && known.permille != 0;
    rest || new.permille.abs_diff(known.permille) >= SHARE_STEP || new.time_ns.abs_diff(known.time_ns) >= TIME_STEP_NS
}

/// Whether a change of memory is worth reporting. The step grows with the memory.
pub fn memory_is_news(known: u64, new: u64) -> bool {
    known.abs_diff(new) >= MEMORY_STEP.max(known / 4)
}

/// The figures of a cgroup from one reading of its files.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CgroupFigures {
    pub cpu_ns: Option<u64>,
    pub memory_bytes: Option<u64>,
    pub tasks: Option<u64>,
}

/// A cgroup whose files are read with every scan.
#[derive(Debug)]
pub struct WatchedCgroup {
    path: String,
    meter: Meter,
    reported: Option<CgroupUsage>,
}

impl Reconciler {
    pub(super) fn watch_cgroup(&mut self, kernel: &mut impl Kernel, member: Member, path: String) {
        let mut watched = WatchedCgroup { path, meter: Meter::default(), reported: None };
        self.out.extend(watched.read(kernel, &member));
        self.cgroups.insert(member, watched);
    }

    pub(super) fn forget_cgroup(&mut self, member: &Member) {
        self.cgroups.remove(member);
    }

    pub(super) fn forget_cgroups(&mut self, of: Option<&PodUid>) {
        self.cgroups.retain(|member, _| of.is_some_and(|uid| member.pod != *uid));
    }

    /// Reads the figures of every cgroup and reports those that changed.
    pub(super) fn report_cgroups(&mut self, kernel: &mut impl Kernel) {
        for (member, watched) in &mut self.cgroups {
            self.out.extend(watched.read(kernel, member));
        }
    }
}

impl WatchedCgroup {
    fn read(&mut self, kernel: &mut impl Kernel, member: &Member) -> Option<Delta> {
        let now = kernel.now();
        // the cgroup may be gone before that is reported
        let counted = kernel.read_cgroup(&self.path)?;
        let usage = CgroupUsage {
            cpu: counted.cpu_ns.map(|ns| self.meter.sample(now, ns)),
            memory_bytes: counted.memory_bytes,
            tasks: counted.tasks,
        };
        if self.reported.is_some_and(|reported| !is_news(&reported, &usage)) {
            return None;
        }
        self.reported = Some(usage);
        Some(Delta::Usage { member: member.clone(), usage, at: Stamp::by_then(now, Source::Scan) })
    }
}

fn is_news(known: &CgroupUsage, new: &CgroupUsage) -> bool {
    let cpu = match (known.cpu, new.cpu) {
        (Some(known), Some(new)) => cpu_is_news(known, new),
        (known, new) => known != new,
    };
    let memory = match (known.memory_bytes, new.memory_bytes) {
        (Some(known), Some(new)) => memory_is_news(known, new),
        (known, new) => known != new,
    };
    cpu || memory || known.tasks != new.tasks
}

#[cfg(test)]
mod tests {
    use super::*;

    const S: u64 = 1_000_000_000;

    #[test]
    fn a_rate_is_of_the_time_between_two_samples() {
        let mut meter = Meter::default();
        assert_eq!(meter.sample(MonoNs(S), 5 * S).permille, 0, "the first sample gives no rate");
        assert_eq!(meter.sample(MonoNs(S + 1000), 5 * S + 500).permille, 0, "too soon to tell");
        assert_eq!(meter.sample(MonoNs(2 * S), 5 * S + S / 4).permille, 250);
        assert_eq!(
            meter.sample(MonoNs(3 * S), 7 * S + S / 4),
            Cpu { time_ns: 7 * S + S / 4, permille: 2_000 },
            "two cores"
        );
        assert_eq!(meter.sample(MonoNs(4 * S), 7 * S + S / 4).permille, 0);
    }

    #[test]
    fn cpu_time_counted_for_a_child_is_not_counted_again_for_its_parent() {
        let mut meter = Meter::default();
        meter.sample(MonoNs(S), 0);
        meter.exclude(S / 2);
        assert_eq!(meter.sample(MonoNs(2 * S), S / 2).permille, 0);
        meter.exclude(S);
        assert_eq!(
            meter.sample(MonoNs(3 * S), S).permille,
            0,
            "less than was already counted: no rate, and no overflow"
        );
    }

    #[test]
    fn only_changes_of_a_step_are_news() {
        let cpu = |time_ns, permille| Cpu { time_ns, permille };
        assert!(!cpu_is_news(cpu(0, 500), cpu(S / 100, 505)));
        assert!(cpu_is_news(cpu(0, 500), cpu(0, 511)));
        assert!(cpu_is_news(cpu(0, 5), cpu(0, 0)), "it stopped using the CPU");
        assert!(cpu_is_news(cpu(0, 0), cpu(S, 0)));
        assert!(!memory_is_news(1 << 20, (1 << 20) + 4096));
        assert!(memory_is_news(1 << 20, 2 << 20));
        assert!(!memory_is_news(100 << 20, 101 << 20), "one in a hundred");
        let tasks = |n| CgroupUsage { tasks: Some(n), ..CgroupUsage::default() };
        assert!(is_news(&tasks(1), &tasks(2)) && !is_news(&tasks(2), &tasks(2)));
        assert!(is_news(&tasks(1), &CgroupUsage::default()), "a controller is gone");
    }
}
