//! The capability bounding set.

use nix::errno::Errno;

/// What a container may have at most: the default list of docker and containerd, by number
/// (`linux/capability.h`).
pub const CONTAINER: [(u32, &str); 14] = [
    (0, "CHOWN"),
    (1, "DAC_OVERRIDE"),
    (3, "FOWNER"),
    (4, "FSETID"),
    (5, "KILL"),
    (6, "SETGID"),
    (7, "SETUID"),
    (8, "SETPCAP"),
    (10, "NET_BIND_SERVICE"),
    (13, "NET_RAW"),
    (18, "SYS_CHROOT"),
    (27, "MKNOD"),
    (29, "AUDIT_WRITE"),
    (31, "SETFCAP"),
];

/// Takes from the bounding set all but `keep`; a program started afterwards as root has no more.
pub fn bound(keep: &[(u32, &str)]) -> Result<(), Errno> {
    for cap in 0..64u32 {
        if keep.iter().any(|(kept, _)| *kept == cap) {
            continue;
        }
        // SAFETY: takes a number, changes only this process's own bounding set.
        let r = unsafe { libc::prctl(libc::PR_CAPBSET_DROP, cap as libc::c_ulong, 0, 0, 0) };
        match Errno::result(r) {
            Ok(_) => {}
            // beyond the last capability of this kernel
            Err(Errno::EINVAL) => return Ok(()),
            Err(e) => return Err(e),
        }
    }
    Ok(())
}
