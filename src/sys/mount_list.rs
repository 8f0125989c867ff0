//! The mounts of any mount namespace, also of one without a process (`listmount(2)`, `statmount(2)`, Linux 6.11).
//!
//! Of a namespace that is not our own both need `CAP_SYS_ADMIN` in the user namespace that owns it, and fail with
//! `ENOENT` without it.

use nix::errno::Errno;

/// The same on every architecture.
const SYS_STATMOUNT: libc::c_long = 457;
const SYS_LISTMOUNT: libc::c_long = 458;

/// `LSMT_ROOT` of `include/uapi/linux/mount.h`: all mounts from the root of the namespace on.
const LSMT_ROOT: u64 = u64::MAX;

/// `struct mnt_id_req` (`MNT_ID_REQ_SIZE_VER1`).
#[repr(C)]
struct Request {
    size: u32,
    spare: u32,
    mount: u64,
    param: u64,
    namespace: u64,
}

impl Request {
    const fn new(namespace: u64, mount: u64, param: u64) -> Self {
        Self { size: size_of::<Self>() as u32, spare: 0, mount, param, namespace }
    }
}

/// The unique ids of the next mounts after `after` (0 for the first) in the mount namespace with this unique number
/// (`NS_GET_MNTNS_ID`); none at the end.
pub fn list(namespace: u64, after: u64, ids: &mut [u64]) -> nix::Result<&[u64]> {
    let request = Request::new(namespace, LSMT_ROOT, after);
    // SAFETY: the request has the size that it carries; the kernel writes at most `len` numbers; both live through the
    // call.
    let got = unsafe { libc::syscall(SYS_LISTMOUNT, &raw const request, ids.as_mut_ptr(), ids.len(), 0_u32) };
    let got = Errno::result(got)?;
    Ok(&ids[..got as usize])
}

/// What `statmount(2)` tells of a mount, as far as it is used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MountStat {
    /// The id in `/proc/PID/mountinfo`.
    pub id: u32,
    pub fs_type: Vec<u8>,
    /// What of the file system is mounted.
    pub root: Vec<u8>,
    /// Where, from the root of the namespace.
    pub point: Vec<u8>,
}

/// `STATMOUNT_MNT_BASIC`, `_MNT_ROOT`, `_MNT_POINT` and `_FS_TYPE`.
const WANTED: u64 = 0x2 | 0x8 | 0x10 | 0x20;
/// Where fields of `struct statmount` are, and its size.
const MASK: usize = 8;
const FS_TYPE: usize = 36;
const ID: usize = 56;
const ROOT: usize = 104;
const POINT: usize = 108;
const HEAD: usize = 512;

/// Asks for one mount by its unique id. `EOVERFLOW` if its names have no room in the buffer.
pub fn stat(namespace: u64, mount: u64, buffer: &mut [u8]) -> nix::Result<MountStat> {
    let request = Request::new(namespace, mount, WANTED);
    // SAFETY: the request has the size that it carries; the kernel writes at most `len` bytes; both live through the
    // call.
    let done = unsafe { libc::syscall(SYS_STATMOUNT, &raw const request, buffer.as_mut_ptr(), buffer.len(), 0_u32) };
    Errno::result(done)?;
    parse(buffer).ok_or(Errno::EIO)
}

/// `None` if the kernel did not tell everything that was wanted.
fn parse(answer: &[u8]) -> Option<MountStat> {
    let number = |at: usize| answer.get(at..)?.first_chunk().map(|bytes| u32::from_ne_bytes(*bytes));
    let mask = u64::from_ne_bytes(*answer.get(MASK..)?.first_chunk()?);
    let text = |at: usize| {
        let rest = answer.get(HEAD..)?.get(number(at)? as usize..)?;
        Some(rest.split(|byte| *byte == 0).next()?.to_vec())
    };
    if mask & WANTED != WANTED {
        return None;
    }
    Some(MountStat { id: number(ID)?, fs_type: text(FS_TYPE)?, root: text(ROOT)?, point: text(POINT)? })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_parsed_and_a_cut_one_is_not() {
        let mut answer = vec![0; HEAD];
        answer[MASK..MASK + 8].copy_from_slice(&WANTED.to_ne_bytes());
        for (at, number) in [(FS_TYPE, 0_u32), (ID, 68), (ROOT, 5), (POINT, 11)] {
            answer[at..at + 4].copy_from_slice(&number.to_ne_bytes());
        }
        answer.extend(b"nsfs\0net:[7]\0/x y\0");
        answer[POINT..POINT + 4].copy_from_slice(&13_u32.to_ne_bytes());
        let expected = MountStat { id: 68, fs_type: b"nsfs".into(), root: b"net:[7]".into(), point: b"/x y".into() };
        assert_eq!(parse(&answer), Some(expected));
        assert_eq!(parse(&answer[..HEAD]), None);
        answer[MASK] = 0;
        assert_eq!(parse(&answer), None, "the kernel has not told it");
    }
}
