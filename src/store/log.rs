//! The ring of deltas. It consists of segments, and each segment begins with a keyframe.

use std::collections::VecDeque;
use std::ops::{Range, RangeInclusive};

use crate::model::{Delta, MonoNs, World};

use super::size;

/// A delta and its time in the stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// The delta's own time, or that of the entry before it if that is later: facts arrive from several sources, and
    /// the stream needs one order for replays.
    pub t: MonoNs,
    pub delta: Delta,
}

/// Limits of the ring. The oldest segment is dropped when `entries` or `bytes` is exceeded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bounds {
    pub entries: usize,
    /// About how many bytes, keyframes included.
    pub bytes: usize,
    /// The number of deltas between two keyframes, and so the most that a seek applies.
    pub stride: usize,
}

impl Bounds {
    /// Nothing of the past is kept.
    pub const NO_HISTORY: Self = Self { entries: 0, bytes: 0, stride: 0 };
}

impl Default for Bounds {
    /// A million deltas or 128 MiB: hours of a quiet machine, minutes of one that forks 1,000 times a second.
    fn default() -> Self {
        Self { entries: 1_000_000, bytes: 128 << 20, stride: 512 }
    }
}

#[derive(Debug)]
struct Segment {
    /// The World before the first entry.
    keyframe: World,
    /// What it does not share with the next keyframe. 0 for the last segment, which is bounded by `stride`.
    keyframe_bytes: usize,
    entries: Vec<Entry>,
    entries_bytes: usize,
}

/// A position in the log: a segment, numbered from the first ever, and how many of its entries come before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Position {
    pub segment: u64,
    pub applied: usize,
}

#[derive(Debug, Default)]
pub(super) struct Log {
    bounds: Bounds,
    segments: VecDeque<Segment>,
    /// The number of the first segment that is still kept.
    first: u64,
    last: MonoNs,
    pushed: u64,
    entries: usize,
    bytes: usize,
}

impl Log {
    pub fn new(bounds: Bounds) -> Self {
        Self { bounds, ..Self::default() }
    }

    pub fn starting_at(bounds: Bounds, last: MonoNs) -> Self {
        Self { bounds, last, ..Self::default() }
    }

    /// Call it before a delta is applied to `live`: takes a keyframe if one is due, after `stride` deltas. It shares
    /// with the others what does not change between them, so it costs what the deltas between them change. A segment
    /// never takes more than a quarter of the ring, since segments are dropped as a whole.
    pub fn prepare(&mut self, live: &World) {
        let Bounds { entries, bytes, stride } = self.bounds;
        if !self.keeps_history() {
            return;
        }
        if let Some(last) = self.segments.back_mut() {
            if last.entries.len() < stride.min(entries / 4).max(1) && last.entries_bytes < bytes / 4 {
                return;
            }
            last.keyframe_bytes = size::keyframe(&last.keyframe, live);
            self.bytes += last.keyframe_bytes;
        }
        let keyframe = live.clone();
        self.segments.push_back(Segment { keyframe, keyframe_bytes: 0, entries: Vec::new(), entries_bytes: 0 });
    }

    pub fn push(&mut self, delta: Delta) {
        self.last = self.last.max(delta.time());
        self.pushed += 1;
        let Some(segment) = self.segments.back_mut() else { return };
        let bytes = size::entry(&delta);
        segment.entries.push(Entry { t: self.last, delta });
        segment.entries_bytes += bytes;
        self.entries += 1;
        self.bytes += bytes;
        while self.segments.len() > 1 && (self.entries > self.bounds.entries || self.bytes > self.bounds.bytes) {
            let Some(oldest) = self.segments.pop_front() else { return };
            self.first += 1;
            self.entries -= oldest.entries.len();
            self.bytes -= oldest.entries_bytes + oldest.keyframe_bytes;
        }
    }

    pub fn keeps_history(&self) -> bool {
        self.bounds != Bounds::NO_HISTORY
    }

    pub fn pushed(&self) -> u64 {
        self.pushed
    }

    pub fn size(&self) -> (usize, usize) {
        (self.entries, self.bytes)
    }

    pub fn span(&self) -> (MonoNs, MonoNs) {
        let oldest = self.segments.front().and_then(|s| s.entries.first()).map_or(self.last, |e| e.t);
        (oldest, self.last)
    }

    /// The position after all entries up to and including `t`.
    pub fn position_at(&self, t: MonoNs) -> Option<Position> {
        let later = self.segments.partition_point(|s| s.entries.first().is_some_and(|e| e.t <= t));
        let index = later.saturating_sub(1);
        let segment = self.segments.get(index)?;
        let applied = segment.entries.partition_point(|e| e.t <= t);
        Some(Position { segment: self.first + index as u64, applied })
    }

    /// Whether the segment of this position was dropped from the ring.
    pub const fn has_forgotten(&self, position: Position) -> bool {
        position.segment < self.first
    }

    fn segment(&self, number: u64) -> Option<&Segment> {
        self.segments.get(number.checked_sub(self.first)? as usize)
    }

    pub fn keyframe(&self, segment: u64) -> Option<&World> {
        self.segment(segment).map(|s| &s.keyframe)
    }

    pub fn between(&self, segment: u64, range: Range<usize>) -> &[Entry] {
        self.segment(segment).and_then(|s| s.entries.get(range)).unwrap_or_default()
    }

    pub fn entries(&self, range: RangeInclusive<MonoNs>) -> impl Iterator<Item = &Entry> {
        let (from, to) = range.into_inner();
        let skip = self.segments.partition_point(|s| s.entries.last().is_some_and(|e| e.t < from));
        self.segments
            .range(skip..)
            .flat_map(move |s| &s.entries[s.entries.partition_point(|e| e.t < from)..])
            .take_while(move |e| e.t <= to)
    }
}
