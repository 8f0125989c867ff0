//! Kubernetes' quantities, such as `64Mi` or `500m` (`k8s.io/apimachinery/pkg/api/resource`).

/// An amount in units of 10⁻⁹, the smallest that Kubernetes keeps. Larger amounts are cut to the maximum.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Quantity(i128);

/// Why a text is no quantity; the texts are those of `quantity.go`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum QuantityError {
    #[error("quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'")]
    Format,
    #[error("unable to parse quantity's suffix")]
    Suffix,
}

const NANOS: i32 = 9;

impl Quantity {
    pub const ZERO: Self = Self(0);

    /// # Errors
    /// The text is no quantity.
    pub fn parse(text: &str) -> Result<Self, QuantityError> {
        let (negative, number) = match text.as_bytes().first() {
            Some(b'-') => (true, &text[1..]),
            Some(b'+') => (false, &text[1..]),
            _ => (false, text),
        };
        let end = number.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(number.len());
        let (number, suffix) = number.split_at(end);
        let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
        if whole.is_empty() && fraction.is_empty() || fraction.contains('.') || !is_suffix(suffix) {
            return Err(QuantityError::Format);
        }
        let (twos, tens) = scale(suffix).ok_or(QuantityError::Suffix)?;
        let digits = format!("{whole}{fraction}");
        let (mantissa, cut) = mantissa(digits.trim_start_matches('0'));
        let below_one = i64::try_from(fraction.len()).unwrap_or(i64::MAX);
        let exponent = i64::from(tens).saturating_sub(below_one).saturating_add(cut + i64::from(NANOS));
        let amount = scale_by_ten(mantissa << twos, exponent);
        Ok(Self(if negative { -amount } else { amount }))
    }

    pub const fn is_negative(self) -> bool {
        self.0 < 0
    }

    /// In whole units, such as bytes, rounded up; at most 2⁶³ − 1, the largest amount of Kubernetes.
    pub fn units(self) -> u64 {
        self.in_steps_of(1_000_000_000)
    }

    /// In thousandths, such as millicores, rounded up.
    pub fn thousandths(self) -> u64 {
        self.in_steps_of(1_000_000)
    }

    /// Whether it is a whole number of units.
    pub const fn is_whole(self) -> bool {
        self.0 % 1_000_000_000 == 0
    }

    fn in_steps_of(self, step: u128) -> u64 {
        let steps = u128::try_from(self.0).unwrap_or(0).div_ceil(step);
        u64::try_from(steps.min(i64::MAX as u128)).unwrap_or(0)
    }
}

/// The first 20 digits as a number, and how many digits were cut off. 20 digits and the 60 bits of `Ei` fit into 127
/// bits.
fn mantissa(digits: &str) -> (i128, i64) {
    const MOST: usize = 20;
    let (kept, rest) = digits.split_at(digits.len().min(MOST));
    let number: i128 = kept.parse().unwrap_or(0);
    // rounded up, as everywhere that digits are lost
    (number + i128::from(rest.bytes().any(|b| b != b'0')), i64::try_from(rest.len()).unwrap_or(i64::MAX / 4))
}

/// The number times a power of ten, rounded up.
fn scale_by_ten(number: i128, exponent: i64) -> i128 {
    let power = u32::try_from(exponent.unsigned_abs()).ok().and_then(|e| 10_i128.checked_pow(e));
    match (number, power) {
        (0, _) => 0,
        (number, Some(power)) if exponent >= 0 => number.saturating_mul(power),
        (number, Some(power)) => (number - 1) / power + 1,
        (_, None) if exponent >= 0 => i128::MAX,
        (_, None) => 1,
    }
}

/// Whether the text has the syntax of a suffix; it may still have no meaning.
fn is_suffix(text: &str) -> bool {
    let rest = text.trim_start_matches(['e', 'E', 'i', 'n', 'u', 'm', 'k', 'K', 'M', 'G', 'T', 'P']);
    let rest = rest.strip_prefix(['+', '-']).unwrap_or(rest);
    rest.bytes().all(|b| b.is_ascii_digit())
}

/// Powers of two and of ten that a suffix stands for (`suffix.go`).
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
        _ => (0, suffix.strip_prefix(['e', 'E'])?.parse().ok()?),
    })
}

#[cfg(test)]
mod tests {
    use super::{Quantity, QuantityError};

    fn units(text: &str) -> Result<u64, QuantityError> {
        Quantity::parse(text).map(Quantity::units)
    }

    #[test]
    fn quantities_are_read_as_bytes() {
        for (text, want) in [
            ("0", 0),
            ("1", 1),
            ("+1", 1),
            ("007", 7),
            ("1k", 1_000),
            ("64Ki", 65_536),
            ("64Mi", 67_108_864),
            ("128974848", 128_974_848),
            ("129e6", 129_000_000),
            ("129M", 129_000_000),
            ("123Mi", 128_974_848),
            ("1.5Mi", 1_572_864),
            ("2Gi", 2_147_483_648),
            ("3M", 3_000_000),
            ("4G", 4_000_000_000),
            ("1Ei", 1 << 60),
            ("1e3", 1_000),
            ("1E3", 1_000),
            ("1.25e1", 13),
            ("100m", 1),
            ("1e-30", 1),
            ("1e-99", 1),
            ("1e-2000000000", 1),
            (".5Ki", 512),
            ("5.", 5),
            ("-1", 0),
            ("9999E", i64::MAX as u64),
            ("1e99", i64::MAX as u64),
            ("1e999", i64::MAX as u64),
            ("99999999999999999999Ei", i64::MAX as u64),
            ("1000000000000000000000000000000e-27", 1_000),
            ("0.0000000000000000000000000000001", 1),
            ("128974848000m", 128_974_848),
        ] {
            assert_eq!(units(text), Ok(want), "{text}");
        }
    }

    #[test]
    fn other_texts_are_refused_as_in_kubernetes() {
        for text in
            ["", ".", "-", "1.2.3", "Mi", "1 Mi", "64MiB", "abc", "1mb", "e3", "0x10", "１", "1e3e", "--1", "1e3.5"]
        {
            assert_eq!(units(text), Err(QuantityError::Format), "{text}");
        }
        for text in ["1K", "1Mm", "1ee3", "1e", "1e99999999999", "1i"] {
            assert_eq!(units(text), Err(QuantityError::Suffix), "{text}");
        }
    }

    #[test]
    fn quantities_are_read_as_millicores() {
        for (text, want) in [("0.5", 500), ("500m", 500), ("1", 1_000), ("2.0001", 2_001), ("1u", 1), ("100m", 100)] {
            assert_eq!(Quantity::parse(text).map(Quantity::thousandths), Ok(want), "{text}");
        }
        for (text, want) in [("1", true), ("400m", false), ("1000m", true), ("1.5Ki", true), ("-3", true)] {
            assert_eq!(Quantity::parse(text).map(Quantity::is_whole), Ok(want), "{text}");
        }
        let parsed = |text| Quantity::parse(text).expect(text);
        assert!(parsed("-1m").is_negative() && !parsed("-0").is_negative());
        assert!(parsed("64Mi") > parsed("64M") && parsed("1000m") == parsed("1"));
    }
}
