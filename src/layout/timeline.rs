//! The timeline: the span of time on screen, its ruler, its lanes, and bundles of marks.

mod bundles;
mod lanes;
mod runs;
mod tracks;

pub use bundles::{bundle_ns, bundles};
pub use lanes::{EarlierKey, EarlierRow, Folds, GroupKey, GroupRow, LaneQuery, Lanes, Row};
pub use tracks::{Item, Subject, Track, tracks};

use crate::model::MonoNs;

/// The span of time on screen. It follows the newest moment while the view is live, and does not move while a past
/// moment is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Viewport {
    span_ns: u64,
    /// The right edge.
    to: MonoNs,
    /// The distance of the right edge ahead of the newest moment, at least; `None` while it does not follow.
    lead_ns: Option<u64>,
    live: bool,
}

impl Default for Viewport {
    fn default() -> Self {
        let span_ns = 10_000_000_000;
        Self { span_ns, to: MonoNs(0), lead_ns: Some(Self::lead(span_ns)), live: true }
    }
}

impl Viewport {
    const MIN_NS: u64 = 1_000_000;
    const MAX_NS: u64 = 3_600_000_000_000;

    /// The newest moment is a little left of the right edge, so that labels of recent ends fit.
    const fn lead(span_ns: u64) -> u64 {
        span_ns / 8
    }

    pub const fn span_ns(&self) -> u64 {
        self.span_ns
    }

    pub fn from(&self) -> MonoNs {
        self.to.minus(self.span_ns)
    }

    pub const fn to(&self) -> MonoNs {
        self.to
    }

    pub fn shows(&self, t: MonoNs) -> bool {
        (self.from()..=self.to).contains(&t)
    }

    /// Call this once per frame. `epoch` is where the lanes begin; at first they grow from the left edge. While `quiet`
    /// (nothing happens) it moves rarely and further, so that most frames change little.
    pub fn advance(&mut self, live: bool, newest: MonoNs, epoch: MonoNs, quiet: bool) {
        match (self.live, live) {
            (true, false) => self.lead_ns = None,
            (false, true) => self.follow(newest, epoch),
            _ => {}
        }
        self.live = live;
        if let Some(lead) = self.lead_ns {
            let ahead = if quiet && newest.plus(lead) > self.to { 3 * self.span_ns / 8 } else { 0 };
            self.to = self.to.max(newest.plus(lead + ahead)).max(epoch.plus(self.span_ns));
        }
    }

    fn follow(&mut self, newest: MonoNs, epoch: MonoNs) {
        let lead = Self::lead(self.span_ns);
        self.lead_ns = Some(lead);
        self.to = newest.plus(lead).max(epoch.plus(self.span_ns));
    }

    /// Sets the span: up to the newest moment while live, otherwise around the playhead.
    pub fn show_span(&mut self, span_ns: u64, playhead: MonoNs, newest: MonoNs, epoch: MonoNs) {
        if self.live {
            self.span_ns = span_ns;
            return self.follow(newest, epoch);
        }
        self.reveal(playhead);
        self.zoom(self.span_ns as f64 / span_ns as f64, playhead, newest);
    }

    /// Zooms in by `factor`, or out if it is below 1. The moment `around` keeps its place on screen.
    pub fn zoom(&mut self, factor: f64, around: MonoNs, newest: MonoNs) {
        let span = (self.span_ns as f64 / factor).clamp(Self::MIN_NS as f64, Self::MAX_NS as f64) as u64;
        let right = (i128::from(self.to.0) - i128::from(around.0)) * i128::from(span) / i128::from(self.span_ns);
        self.to = MonoNs((i128::from(around.0) + right).clamp(0, i128::from(u64::MAX)) as u64);
        self.span_ns = span;
        self.follow_if_shown(newest);
    }

    /// A span a little larger than the one on screen, which stays the same while that moves a little.
    pub fn around(&self) -> (MonoNs, MonoNs) {
        let step = (self.span_ns / 16).max(1);
        let from = self.from().0 / step * step;
        (MonoNs(from), MonoNs((self.to.0 / step).saturating_add(1).saturating_mul(step)))
    }

    /// Moves by `ns`, back if negative.
    pub fn pan(&mut self, ns: f64, newest: MonoNs) {
        let to = if ns < 0.0 { self.to.minus(-ns as u64) } else { self.to.plus(ns as u64) };
        // there is nothing to see beyond the newest moment
        self.to = to.min(newest.plus(Self::lead(self.span_ns)).max(self.to));
        self.follow_if_shown(newest);
    }

    /// Continues to follow if the newest moment is on screen, at its present distance from the right edge.
    fn follow_if_shown(&mut self, newest: MonoNs) {
        let lead = self.to.since(newest).min(Self::lead(self.span_ns));
        self.lead_ns = (self.live && self.to >= newest).then_some(lead);
    }

    /// Shows these moments, with some space on both sides, and does not follow.
    pub fn show_range(&mut self, from: MonoNs, to: MonoNs) {
        let space = to.since(from) / 10;
        self.span_ns = to.since(from).saturating_add(2 * space).clamp(Self::MIN_NS, Self::MAX_NS);
        self.to = from.minus(space).plus(self.span_ns);
        self.lead_ns = None;
        self.live = false;
    }

    /// Moves as little as needed to bring the playhead on screen, with some space beside it.
    pub fn reveal(&mut self, playhead: MonoNs) {
        if self.shows(playhead) {
            return;
        }
        let room = self.span_ns / 10;
        self.to = if playhead < self.from() { playhead.minus(room).plus(self.span_ns) } else { playhead.plus(room) };
    }
}

/// Times for the ruler, at round distances from `zero`. The step leaves at least `min_gap` points between two labels.
/// Returns the step in ns, and each time with its distance from `zero`. Times before `zero` have no label.
pub fn ticks(zero: MonoNs, from: MonoNs, to: MonoNs, width: f32, min_gap: f32) -> (u64, Vec<(MonoNs, u64)>) {
    const STEPS: [u64; 16] = [
        1_000_000,
        2_000_000,
        5_000_000,
        10_000_000,
        20_000_000,
        50_000_000,
        100_000_000,
        200_000_000,
        500_000_000,
        1_000_000_000,
        2_000_000_000,
        5_000_000_000,
        10_000_000_000,
        30_000_000_000,
        60_000_000_000,
        300_000_000_000,
    ];
    let span = to.since(from).max(1);
    let most = (width / min_gap).max(1.0) as u64;
    let step = STEPS.into_iter().find(|s| span / s < most).unwrap_or(1_800_000_000_000);
    let first = from.since(zero).div_ceil(step);
    let last = to.since(zero) / step;
    (step, (first..=last).map(|n| n * step).map(|offset| (zero.plus(offset), offset)).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    const S: u64 = 1_000_000_000;

    fn at(seconds: u64) -> MonoNs {
        MonoNs(seconds * S)
    }

    /// Live for 100 s, in a window that opened at 40 s.
    fn live() -> Viewport {
        let mut view = Viewport::default();
        view.advance(true, at(41), at(40), false);
        assert_eq!((view.from(), view.to()), (at(40), at(50)), "at first the lanes grow from the left");
        view.advance(true, at(140), at(40), false);
        view
    }

    /// The place of a moment: 0 at the left edge, 1 at the right.
    fn place(view: &Viewport, t: MonoNs) -> f64 {
        (t.0 as f64 - view.from().0 as f64) / view.span_ns() as f64
    }

    #[test]
    fn it_follows_the_newest_moment_and_does_not_move_while_the_past_is_shown() {
        let mut view = live();
        let shown = view;
        assert!(view.shows(at(140)) && view.to() > at(140));
        for later in [141, 150, 4_000] {
            view.advance(false, at(later), at(40), false);
            assert_eq!((view.from(), view.to()), (shown.from(), shown.to()));
        }
        view.advance(true, at(4_001), at(40), false);
        assert!(view.shows(at(4_001)), "live again, it shows the newest");
        view.advance(true, at(4_100), at(40), false);
        assert!(view.shows(at(4_100)));
    }

    #[test]
    fn it_moves_rarely_while_nothing_happens() {
        let mut view = live();
        let mut moves = 0;
        for second in 141..201 {
            let before = view;
            view.advance(true, at(second), at(40), true);
            assert!(view.shows(at(second)) && view.shows(at(second - 5)), "{second}");
            moves += u32::from(view != before);
        }
        assert!((15..=30).contains(&moves), "{moves} of 60: every 2 to 4 seconds");
        let before = view;
        view.advance(true, at(201), at(40), false);
        assert!(view.to().since(before.to()) <= S, "then it moves smoothly again");
    }

    #[test]
    fn zoom_keeps_the_moment_under_the_pointer() {
        for past in [false, true] {
            for factor in [1.1, 3.0, 1000.0, 0.9, 0.2] {
                for part in [0.0, 0.3, 0.875, 1.0] {
                    let mut view = live();
                    view.advance(!past, at(140), at(40), false);
                    let around = view.from().plus((part * view.span_ns() as f64) as u64);
                    view.zoom(factor, around, at(140));
                    assert!((place(&view, around) - part).abs() < 1e-6, "{past} {factor} {part}");
                    view.advance(!past, at(140), at(40), false);
                    assert!((place(&view, around) - part).abs() < 1e-6, "the next frame: {past} {factor} {part}");
                }
            }
        }
    }

    #[test]
    fn after_a_zoom_it_follows_only_if_the_newest_moment_is_on_screen() {
        let mut view = live();
        view.zoom(2.0, at(139), at(140));
        assert!(view.shows(at(140)));
        view.advance(true, at(200), at(40), false);
        assert!(view.shows(at(200)));
        let mut view = live();
        view.zoom(10.0, at(134), at(140));
        let shown = view;
        view.advance(true, at(200), at(40), false);
        assert_eq!(view, shown, "a zoom into the past does not move");
    }

    #[test]
    fn steps_keep_the_playhead_in_view() {
        let mut view = live();
        view.advance(false, at(140), at(40), false);
        for playhead in (40..140).rev().chain(41..140) {
            let before = view;
            view.reveal(at(playhead));
            assert!(view.shows(at(playhead)));
            assert!(view == before || !before.shows(at(playhead)), "it moves only when it must");
        }
    }

    #[test]
    fn a_span_ends_now_when_live_and_surrounds_the_playhead_in_the_past() {
        let mut view = live();
        view.show_span(60 * S, at(140), at(140), at(40));
        assert!(view.shows(at(140)) && view.shows(at(90)) && view.span_ns() == 60 * S);
        view.advance(false, at(141), at(40), false);
        for span in [S, 600 * S, 10 * S] {
            view.show_span(span, at(100), at(141), at(40));
            assert!(view.shows(at(100)) && view.span_ns() == span, "{span}");
        }
    }

    #[test]
    fn ticks_are_round_and_keep_their_gap() {
        for (span_ms, width) in [(5, 300.0), (7_000, 700.0), (600_000, 900.0)] {
            let from = MonoNs(123_456_789);
            let (step, at) = ticks(MonoNs(55), from, from.plus(span_ms * 1_000_000), width, 70.0);
            assert!(at.iter().all(|(t, offset)| offset % step == 0 && t.0 == offset + 55));
            assert!(at.len() as f32 * 70.0 <= width + 140.0, "{} labels in {width}", at.len());
            assert!(!at.is_empty());
        }
    }
}
