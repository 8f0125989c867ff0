//! One record of the report pipe (`--report-fd`).

/// A child that pause has reaped.
///
/// In the pipe: 32 bytes in native byte order, each record in one atomic write(2) (`PIPE_BUF`, pipe(7)), so a reader
/// sees whole records: `sequence` u64 at 0, `monotonic_ns` u64 at 8, `pid` i32 at 16, `status` i32 at 20, `dropped` u32
/// at 24, four zero bytes at 28.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Record {
    /// The number of the reaped child, from 1. The number of a dropped record is missing.
    pub sequence: u64,
    /// When it was reaped: `CLOCK_MONOTONIC`, nanoseconds.
    pub monotonic_ns: u64,
    /// Its pid in pause's pid namespace, that is, inside the pod.
    pub pid: i32,
    /// Its wait status, as of wait(2).
    pub status: i32,
    /// How many records were dropped just before this one; at most `u32::MAX`.
    pub dropped: u32,
}

impl Record {
    /// Bytes of one record in the pipe.
    pub const SIZE: usize = 32;

    /// Decodes a record as pause wrote it. Every value is valid, so there is no error.
    pub fn decode(wire: &[u8; Self::SIZE]) -> Self {
        Record {
            sequence: u64::from_ne_bytes(field(wire, 0)),
            monotonic_ns: u64::from_ne_bytes(field(wire, 8)),
            pid: i32::from_ne_bytes(field(wire, 16)),
            status: i32::from_ne_bytes(field(wire, 20)),
            dropped: u32::from_ne_bytes(field(wire, 24)),
        }
    }
}

/// `at + N` must not exceed the record; all callers are above.
fn field<const N: usize>(wire: &[u8; Record::SIZE], at: usize) -> [u8; N] {
    std::array::from_fn(|i| wire[at + i])
}

#[cfg(test)]
mod tests {
    use super::Record;

    #[test]
    fn every_field_is_decoded() {
        let mut wire = [0; Record::SIZE];
        wire[0..8].copy_from_slice(&7u64.to_ne_bytes());
        wire[8..16].copy_from_slice(&123_456_789_012u64.to_ne_bytes());
        wire[16..20].copy_from_slice(&42i32.to_ne_bytes());
        wire[20..24].copy_from_slice(&(3i32 << 8).to_ne_bytes());
        wire[24..28].copy_from_slice(&9u32.to_ne_bytes());
        let want = Record { sequence: 7, monotonic_ns: 123_456_789_012, pid: 42, status: 0x300, dropped: 9 };
        assert_eq!(Record::decode(&wire), want);
    }
}
