//! Points in time, all on one clock.

use serde::{Deserialize, Serialize};

/// Nanoseconds on `CLOCK_MONOTONIC` (`clock_gettime(2)`), the clock of the proc connector
/// (`ktime_get_ns`, `drivers/connector/cn_proc.c`), of pause's report and of every reading here.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct MonoNs(pub u64);

impl MonoNs {
    /// Nanoseconds from `earlier` to `self`; zero if `earlier` is later.
    pub fn since(self, earlier: Self) -> u64 {
        self.0.saturating_sub(earlier.0)
    }

    pub fn secs_f64(self) -> f64 {
        self.0 as f64 / 1e9
    }

    #[must_use]
    pub fn plus(self, ns: u64) -> Self {
        Self(self.0.saturating_add(ns))
    }

    #[must_use]
    pub fn minus(self, ns: u64) -> Self {
        Self(self.0.saturating_sub(ns))
    }
}

/// Relates monotonic to wall-clock time: both read at the same moment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct WallAnchor {
    pub mono: MonoNs,
    /// Nanoseconds since the Unix epoch at `mono`.
    pub unix_ns: i64,
}

impl WallAnchor {
    /// Nanoseconds since the Unix epoch at `t`.
    pub fn unix_ns_at(&self, t: MonoNs) -> i64 {
        let since = i128::from(t.0) - i128::from(self.mono.0);
        (i128::from(self.unix_ns) + since).clamp(i64::MIN.into(), i64::MAX.into()) as i64
    }
}

/// Where a fact comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Source {
    /// The kernel's proc connector: time taken by the kernel at the event.
    Connector,
    /// A BPF program in the kernel: time taken by the kernel at the event, or, for a reading of the kernel's own tables:
    /// it had happened by then.
    Bpf,
    /// A pidfd became readable (exit) or hung up (reap): time taken when the observer woke.
    Pidfd,
    /// pause's report pipe: time taken by pause right after `waitid(2)` returned.
    Pause,
    /// The node: time taken right after its own `clone3`, `execveat` or `waitid`.
    Node,
    /// A reading of /proc: it had happened by then.
    Scan,
    /// The app itself (a signal or a command that it sent).
    App,
    /// Inferred from other facts, for example a reap from the disappearance of a pid.
    Inferred,
}

/// How much earlier than the given time the event may have happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Precision {
    /// The kernel's own clock reading at the event.
    Exact,
    /// Read by a process as soon as the kernel woke it: microseconds late.
    Prompt,
    /// It had happened by then, at some time since the last reading.
    ByThen,
}

/// A time, its source and its precision.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Stamp {
    pub t: MonoNs,
    pub source: Source,
    pub precision: Precision,
}

impl Stamp {
    pub const fn new(t: MonoNs, source: Source, precision: Precision) -> Self {
        Self { t, source, precision }
    }

    pub const fn connector(t: MonoNs) -> Self {
        Self::new(t, Source::Connector, Precision::Exact)
    }

    pub const fn prompt(t: MonoNs, source: Source) -> Self {
        Self::new(t, source, Precision::Prompt)
    }

    pub const fn by_then(t: MonoNs, source: Source) -> Self {
        Self::new(t, source, Precision::ByThen)
    }

    /// Whether this stamp is better than `other` for the same event: one that was seen is better than one that was
    /// inferred, then the more exact one, then the earlier one. It is a total order, so the order of arrival does not
    /// matter.
    pub fn is_better_than(&self, other: Self) -> bool {
        let key = |s: Self| (s.source == Source::Inferred, s.precision, s.t, s.source);
        key(*self) < key(other)
    }
}
