//! Capabilities (`capabilities(7)`).

use nix::errno::Errno;

/// Drops everything but `keep` from the bounding set. A program that is started later as root has no more than that.
pub fn bound(keep: &[(u32, &str)]) -> Result<(), Errno> {
    for cap in 0..64u32 {
        if keep.iter().any(|(kept, _)| *kept == cap) {
            continue;
        }
        // SAFETY: takes numbers only, and changes only this process's bounding set.
        let r = unsafe { libc::prctl(libc::PR_CAPBSET_DROP, cap as libc::c_ulong, 0, 0, 0) };
        match Errno::result(r) {
            Ok(_) => {}
            // this kernel has no more capabilities
            Err(Errno::EINVAL) => return Ok(()),
            Err(e) => return Err(e),
        }
    }
    Ok(())
}

/// Gives up every capability but `keep`. None stays inheritable.
pub fn limit_to(keep: &[(u32, &str)]) -> Result<(), Errno> {
    /// `_LINUX_CAPABILITY_VERSION_3`: two sets of 32 each.
    const VERSION_3: u32 = 0x2008_0522;
    let header = [VERSION_3, 0];
    let all = keep.iter().fold(0_u64, |all, (cap, _)| all | 1 << cap);
    let (low, high) = (all as u32, (all >> 32) as u32);
    // effective, permitted, inheritable: first the low, then the high half
    let sets = [low, low, 0, high, high, 0];
    // SAFETY: both live through the call and have the layout of `linux/capability.h`; pid 0 is ourselves.
    Errno::result(unsafe { libc::syscall(libc::SYS_capset, header.as_ptr(), sets.as_ptr()) }).map(drop)
}
