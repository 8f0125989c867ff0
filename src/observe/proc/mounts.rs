//! Whether /proc hides processes (`hidepid` of `proc(5)`).

/// The value of `hidepid=` of the mounted /proc, if it hides processes. From the text of `/proc/PID/mountinfo`.
pub fn hidepid(mountinfo: &str) -> Option<&str> {
    // the last mount at a mount point covers the others
    let line = mountinfo.lines().rfind(|line| line.split(' ').nth(4) == Some("/proc"))?;
    let (_, source) = line.split_once(" - ")?;
    let mut words = source.split(' ');
    if words.next() != Some("proc") {
        return None;
    }
    let options = words.next_back()?;
    let value = options.split(',').find_map(|o| o.strip_prefix("hidepid="))?;
    (!matches!(value, "0" | "off")).then_some(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_values_that_hide_processes_are_returned() {
        let proc = |options: &str| format!("22 1 0:20 / /proc rw,nosuid shared:5 - proc proc {options}\n");
        assert_eq!(hidepid(&proc("rw")), None);
        assert_eq!(hidepid(&proc("rw,hidepid=off")), None);
        assert_eq!(hidepid(&proc("rw,gid=4,hidepid=invisible")), Some("invisible"));
        assert_eq!(hidepid(&proc("rw,hidepid=2")), Some("2"));
        assert_eq!(hidepid(&(proc("rw,hidepid=2") + &proc("rw"))), None, "covered by a second mount");
        assert_eq!(hidepid("23 1 0:20 / /proc rw - tmpfs none rw\n"), None);
        assert_eq!(hidepid(""), None);
    }
}
