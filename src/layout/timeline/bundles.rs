//! Bundles of marks that are too close to each other to be drawn apart.

use std::ops::Range;

use crate::model::MonoNs;

/// The marks of how many ns are one bundle, so that bundles are at least about `gap` points apart. A power of two, so
/// that it changes rarely while the view is zoomed.
pub fn bundle_ns(span_ns: u64, width: f32, gap: f32) -> u64 {
    let ns = span_ns as f64 * f64::from(gap) / f64::from(width.max(1.0));
    (ns as u64).clamp(1, 1 << 62).next_power_of_two()
}

/// The bundles of marks at these times, which are in order. They depend on the times alone and not on what else is on
/// screen, so that they stay the same while the view moves.
pub fn bundles(times: impl IntoIterator<Item = MonoNs>, bundle_ns: u64) -> Vec<Range<usize>> {
    let mut all: Vec<Range<usize>> = Vec::new();
    let mut last = None;
    for (nth, t) in times.into_iter().enumerate() {
        let step = t.0 / bundle_ns.max(1);
        match all.last_mut().filter(|_| last == Some(step)) {
            Some(bundle) => bundle.end = nth + 1,
            None => all.push(nth..nth + 1),
        }
        last = Some(step);
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: u64 = 1_000_000;

    #[test]
    fn a_bundle_is_as_long_as_its_gap_on_screen() {
        let table =
            [(10_000 * MS, 1000.0, 10.0), (1_000 * MS, 700.0, 14.0), (600_000 * MS, 900.0, 14.0), (1, 9e9, 1.0)];
        for (span, width, gap) in table {
            let ns = bundle_ns(span, width, gap);
            let exact = span as f64 * f64::from(gap) / f64::from(width);
            assert!(
                ns.is_power_of_two() && ns as f64 >= exact.floor() && ns as f64 <= (2.0 * exact).max(1.0),
                "{span}"
            );
        }
    }

    #[test]
    fn bundles_stay_the_same_when_the_view_moves() {
        let times = |from: u64, to: u64| (from..to).map(|n| MonoNs(n * n * MS)).collect::<Vec<_>>();
        let step = 64 * MS;
        let all = times(0, 60);
        let of = |times: &[MonoNs]| -> Vec<Vec<MonoNs>> {
            bundles(times.iter().copied(), step).into_iter().map(|range| times[range].to_vec()).collect()
        };
        let whole = of(&all);
        assert_eq!(whole.concat(), all, "each mark is in one bundle");
        assert!(whole.len() < all.len() && whole.iter().all(|bundle| !bundle.is_empty()));
        // without the first marks only the first bundle may be shorter
        for first in 1..50 {
            let part = of(&times(first, 60));
            assert!(whole.ends_with(&part[1..]), "{first}");
        }
        assert!(bundles([], step).is_empty());
    }
}
