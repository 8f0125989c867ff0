//! Durations as text: as kubectl writes them, and exact with a unit.

/// `HumanDuration` of `k8s.io/apimachinery/pkg/util/duration`: `119s`, `2m`, `4m5s`, `179m`, `3h1m`, `8h`, `2d5h`,
/// `2y`.
pub fn format_like_kubectl(ns: u64) -> String {
    let s = ns / 1_000_000_000;
    let with = |n: u64, unit: char, rest: u64, small: char| match rest {
        0 => format!("{n}{unit}"),
        rest => format!("{n}{unit}{rest}{small}"),
    };
    let (m, h, d) = (s / 60, s / 3600, s / 86_400);
    match h {
        _ if s < 120 => format!("{s}s"),
        _ if m < 10 => with(m, 'm', s % 60, 's'),
        0..3 => format!("{m}m"),
        3..8 => with(h, 'h', m % 60, 'm'),
        8..48 => format!("{h}h"),
        48..192 => with(d, 'd', h % 24, 'h'),
        192..17_520 => format!("{d}d"),
        17_520..70_080 => with(d / 365, 'y', d % 365, 'd'),
        _ => format!("{}y", d / 365),
    }
}

/// A duration with its unit: `840 ns`, `12.3 µs`, `1.24 ms`, `2.50 s`.
pub fn format_exact(ns: u64) -> String {
    match ns {
        0..1_000 => format!("{ns} ns"),
        1_000..1_000_000 => format!("{:.1} µs", ns as f64 / 1e3),
        1_000_000..1_000_000_000 => format!("{:.2} ms", ns as f64 / 1e6),
        1_000_000_000..120_000_000_000 => format!("{:.2} s", ns as f64 / 1e9),
        _ => {
            let s = ns / 1_000_000_000;
            if s < 7200 {
                format!("{} min {:02} s", s / 60, s % 60)
            } else {
                format!("{} h {:02} min", s / 3600, s / 60 % 60)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::format_like_kubectl;

    #[test]
    fn durations_are_written_as_kubectl_writes_them() {
        const DAY: u64 = 86_400;
        let table = [
            (0, "0s"),
            (119, "119s"),
            (120, "2m"),
            (245, "4m5s"),
            (601, "10m"),
            (10_799, "179m"),
            (10_800, "3h"),
            (10_860, "3h1m"),
            (28_800, "8h"),
            (2 * DAY - 1, "47h"),
            (2 * DAY, "2d"),
            (190_800, "2d5h"),
            (8 * DAY, "8d"),
            (730 * DAY - 1, "729d"),
            (730 * DAY, "2y"),
            (731 * DAY, "2y1d"),
            (8 * 365 * DAY + DAY, "8y"),
        ];
        for (s, words) in table {
            assert_eq!(format_like_kubectl(s * 1_000_000_000 + 999_999_999), words, "{s} s");
        }
    }
}
