//! Kubernetes' quantities, such as `64Mi`.

/// Whole bytes of a quantity, rounded up as Kubernetes does; `None` if it is none or below zero.
/// What is too large is the largest that Kubernetes knows, 2⁶³ − 1.
///
/// The grammar is that of `k8s.io/apimachinery/pkg/api/resource`.
pub fn bytes(text: &str) -> Option<u64> {
    const MOST: u128 = i64::MAX as u128;
    let number = text.strip_prefix('+').unwrap_or(text);
    let end = number.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(number.len());
    let (number, suffix) = number.split_at(end);
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    let digits = format!("{whole}{fraction}");
    if digits.is_empty() || fraction.contains('.') {
        return None;
    }
    let digits = digits.trim_start_matches('0');
    let (twos, tens) = scale(suffix)?;
    let tens = tens - i32::try_from(fraction.len()).ok()?;
    // 20 digits and 60 bits are less than 128 bits
    let mantissa: u128 = match digits.len() {
        0 => return Some(0),
        1..=20 => digits.parse().ok()?,
        _ => return None,
    };
    let scaled = mantissa << twos;
    let power = 10_u128.checked_pow(tens.unsigned_abs());
    let value = match power {
        Some(power) if tens < 0 => scaled.div_ceil(power),
        Some(power) => scaled.saturating_mul(power),
        None if tens < 0 => 1,
        None => MOST,
    };
    u64::try_from(value.min(MOST)).ok()
}

/// Powers of two and of ten that a suffix stands for.
fn scale(suffix: &str) -> Option<(u32, i32)> {
    Some(match suffix {
        "" => (0, 0),
        "n" => (0, -9),
        "u" => (0, -6),
        "m" => (0, -3),
        "k" => (0, 3),
        "M" => (0, 6),
        "G" => (0, 9),
        "T" => (0, 12),
        "P" => (0, 15),
        "E" => (0, 18),
        "Ki" => (10, 0),
        "Mi" => (20, 0),
        "Gi" => (30, 0),
        "Ti" => (40, 0),
        "Pi" => (50, 0),
        "Ei" => (60, 0),
        _ => (0, suffix.strip_prefix(['e', 'E'])?.parse().ok().filter(|e| (-99..=99).contains(e))?),
    })
}

#[cfg(test)]
mod tests {
    use super::bytes;

    #[test]
    fn quantities_are_bytes() {
        for (text, want) in [
            ("0", Some(0)),
            ("1", Some(1)),
            ("+1", Some(1)),
            ("007", Some(7)),
            ("1k", Some(1_000)),
            ("64Ki", Some(65_536)),
            ("1.5Mi", Some(1_572_864)),
            ("2Gi", Some(2_147_483_648)),
            ("3M", Some(3_000_000)),
            ("4G", Some(4_000_000_000)),
            ("1Ei", Some(1 << 60)),
            ("1e3", Some(1_000)),
            ("1E3", Some(1_000)),
            ("1.25e1", Some(13)),
            ("100m", Some(1)),
            ("1e-30", Some(1)),
            ("1e-99", Some(1)),
            (".5Ki", Some(512)),
            ("5.", Some(5)),
            ("9999E", Some(i64::MAX as u64)),
            ("1e99", Some(i64::MAX as u64)),
            ("99999999999999999999Ei", Some(i64::MAX as u64)),
            ("", None),
            (".", None),
            ("-1", None),
            ("1.2.3", None),
            ("Mi", None),
            ("1 Mi", None),
            ("1KiB", None),
            ("1K", None),
            ("1mb", None),
            ("e3", None),
            ("1e999", None),
            ("0x10", None),
            ("１", None),
        ] {
            assert_eq!(bytes(text), want, "{text}");
        }
    }
}
