//! Whether /proc hides processes (`hidepid` of `proc(5)`).

use std::path::Path;

use crate::procfs::Mount;

/// The value of `hidepid=` of the mounted /proc, if it hides processes.
pub fn hidepid(mounts: &[Mount]) -> Option<&str> {
    // the last mount at a mount point covers the others
    let proc =
        mounts.iter().rfind(|mount| mount.point == Path::new("/proc")).filter(|mount| mount.fs_type == "proc")?;
    let value = proc.options.split(',').find_map(|option| option.strip_prefix("hidepid="))?;
    (!matches!(value, "0" | "off")).then_some(value)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::procfs::mounts;

    #[test]
    fn only_values_that_hide_processes_are_returned() {
        let proc = |options: &str| format!("22 1 0:20 / /proc rw,nosuid shared:5 - proc proc {options}\n");
        let of = |text: &str| hidepid(&mounts(text.as_bytes()).collect::<Vec<_>>()).map(str::to_owned);
        assert_eq!(of(&proc("rw")), None);
        assert_eq!(of(&proc("rw,hidepid=off")), None);
        assert_eq!(of(&proc("rw,gid=4,hidepid=invisible")).as_deref(), Some("invisible"));
        assert_eq!(of(&proc("rw,hidepid=2")).as_deref(), Some("2"));
        assert_eq!(of(&(proc("rw,hidepid=2") + &proc("rw"))), None, "covered by a second mount");
        assert_eq!(of("23 1 0:20 / /proc rw - tmpfs none rw\n"), None);
        assert_eq!(of(""), None);
    }
}
