//! The lives of all zombies that are remembered, and a histogram of their lengths.

use crate::model::{MonoNs, Precision, ProcId, Process, Source, World};

/// How long a process was a zombie, in ns. The times of its exit and of its reap may be known only as "by then".
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ZombieTime {
    Exactly(u64),
    AtMost(u64),
    AtLeast(u64),
    About(u64),
    /// Its exit was not seen, only that it was gone.
    Unknown,
}

/// The time between exit and reap, or until `now`. `None` if it has not ended.
pub fn zombie_time(p: &Process, now: MonoNs) -> Option<ZombieTime> {
    let exit = p.exit?;
    if exit.at.source == Source::Inferred {
        return Some(ZombieTime::Unknown);
    }
    let ns = p.reap.map_or(now, |reap| reap.at.t).since(exit.at.t);
    if ns == 0 && p.reap.is_some() {
        // a parent can reap it before the connector's time is taken (`do_exit` in kernel/exit.c)
        return Some(ZombieTime::Unknown);
    }
    let is_late = |precision| precision == Precision::ByThen;
    Some(match (is_late(exit.at.precision), p.reap.is_some_and(|reap| is_late(reap.at.precision))) {
        (false, false) => ZombieTime::Exactly(ns),
        (false, true) => ZombieTime::AtMost(ns),
        (true, false) => ZombieTime::AtLeast(ns),
        (true, true) => ZombieTime::About(ns),
    })
}

/// A process that is or was a zombie.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ZombieLife {
    pub id: ProcId,
    /// When it was reaped, or else when it ended.
    pub t: MonoNs,
    pub is_over: bool,
}

/// How many zombies lived how long: two classes for each power of ten, from 1 µs on.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Histogram {
    pub counts: [u32; Self::CLASSES],
    /// Zombies whose exit was not seen.
    pub unknown: u32,
}

impl Histogram {
    /// From 1 µs to 1,000 s, and what is longer.
    pub const CLASSES: usize = 19;
    /// The shortest time of each class, in ns. The first class also has what is shorter.
    pub const FROM_NS: [u64; Self::CLASSES] = {
        let mut from = [0; Self::CLASSES];
        let (mut at, mut power) = (0, 1_000);
        while at < Self::CLASSES {
            // the root of 10 divides a power of ten in the middle of its logarithm
            from[at] = if at % 2 == 0 { power } else { power * 3_162 / 1_000 };
            if at % 2 == 1 {
                power *= 10;
            }
            at += 1;
        }
        from
    };

    pub fn class(ns: u64) -> usize {
        Self::FROM_NS.partition_point(|from| *from <= ns).saturating_sub(1)
    }

    fn add(&mut self, time: ZombieTime) {
        match time {
            ZombieTime::Exactly(ns) | ZombieTime::AtMost(ns) | ZombieTime::AtLeast(ns) | ZombieTime::About(ns) => {
                self.counts[Self::class(ns)] += 1;
            }
            ZombieTime::Unknown => self.unknown += 1,
        }
    }

    /// All of which the time is known.
    pub fn known(&self) -> u32 {
        self.counts.iter().sum()
    }
}

/// All zombies that are remembered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lives {
    /// The latest first.
    pub all: Vec<ZombieLife>,
    /// Of those that were reaped.
    pub histogram: Histogram,
}

impl Lives {
    pub fn of(world: &World) -> Self {
        let mut histogram = Histogram::default();
        let mut all = Vec::new();
        for p in world.processes.values() {
            let Some(exit) = p.exit else { continue };
            all.push(ZombieLife { id: p.id, t: p.reap.map_or(exit.at.t, |reap| reap.at.t), is_over: p.reap.is_some() });
            if p.reap.is_some()
                && let Some(time) = zombie_time(p, world.now)
            {
                histogram.add(time);
            }
        }
        // those that are still zombies are above the others
        all.sort_unstable_by_key(|life| (life.is_over, std::cmp::Reverse((life.t, life.id))));
        Self { all, histogram }
    }
}
