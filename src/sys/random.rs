//! Random numbers of the kernel.

use nix::errno::Errno;

/// A random UUID (RFC 9562, version 4), as Kubernetes gives one to each pod: `xxxxxxxx-xxxx-4xxx-yxxx-xxxxxxxxxxxx`.
///
/// # Errors
/// As for `getrandom(2)`: `ENOSYS` where a seccomp filter forbids it.
pub fn uuid() -> Result<String, Errno> {
    let mut bytes = [0_u8; 16];
    fill(&mut bytes)?;
    // section 5.4: the version in the upper half of byte 6, the variant in the two upper bits of byte 8
    bytes[6] = bytes[6] & 0x0f | 0x40;
    bytes[8] = bytes[8] & 0x3f | 0x80;
    let hex = format!("{:032x}", u128::from_be_bytes(bytes));
    Ok([&hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..]].join("-"))
}

fn fill(mut rest: &mut [u8]) -> Result<(), Errno> {
    while !rest.is_empty() {
        // SAFETY: the kernel writes at most `rest.len()` bytes into a slice that we borrow mutably.
        let n = unsafe { libc::getrandom(rest.as_mut_ptr().cast(), rest.len(), 0) };
        match Errno::result(n) {
            Ok(n) => rest = rest.get_mut(n.unsigned_abs()..).unwrap_or_default(),
            Err(Errno::EINTR) => {}
            Err(e) => return Err(e),
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::uuid;

    #[test]
    fn uuids_are_of_version_4_and_differ() {
        let all: BTreeSet<String> = (0..1_000).map(|_| uuid().expect("random bytes")).collect();
        assert_eq!(all.len(), 1_000);
        for uuid in all {
            let lengths: Vec<usize> = uuid.split('-').map(str::len).collect();
            assert_eq!(lengths, [8, 4, 4, 4, 12], "{uuid}");
            assert!(uuid.chars().all(|c| c == '-' || matches!(c, '0'..='9' | 'a'..='f')), "{uuid}");
            assert!(&uuid[14..15] == "4" && matches!(&uuid[19..20], "8" | "9" | "a" | "b"), "{uuid}");
        }
    }
}
