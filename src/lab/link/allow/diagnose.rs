//! Finds what forbids a failed step, and how to change that.

use std::fs;

use nix::errno::Errno;

use crate::lab::protocol::Step;
use crate::model::text::escaped;

/// Kernel settings for user namespaces; `None` where the kernel has no such setting.
#[derive(Clone, Debug, Default)]
pub struct UsernsSettings {
    /// `/proc/sys/user/max_user_namespaces`.
    pub max_user: Option<u64>,
    /// The other `/proc/sys/user/max_*_namespaces` that are 0.
    pub none_of: Vec<String>,
    /// Debian's `kernel.unprivileged_userns_clone`.
    pub userns_clone: Option<u64>,
    /// Ubuntu's `kernel.apparmor_restrict_unprivileged_userns`.
    pub apparmor: Option<u64>,
    /// Whether a seccomp filter is active in this process (`Seccomp` of `/proc/self/status`).
    pub seccomp: bool,
    pub exe: String,
}

impl UsernsSettings {
    pub fn read() -> Self {
        let number = |path: &str| fs::read_to_string(path).ok()?.trim().parse().ok();
        let none_of = ["pid", "net", "mnt", "ipc", "uts"]
            .iter()
            .filter(|kind| number(&format!("/proc/sys/user/max_{kind}_namespaces")) == Some(0))
            .map(|kind| (*kind).to_owned())
            .collect();
        let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
        let filter = status.lines().find_map(|l| l.strip_prefix("Seccomp:")).is_some_and(|v| v.trim() != "0");
        Self {
            max_user: number("/proc/sys/user/max_user_namespaces"),
            none_of,
            userns_clone: number("/proc/sys/kernel/unprivileged_userns_clone"),
            apparmor: number("/proc/sys/kernel/apparmor_restrict_unprivileged_userns"),
            seccomp: filter,
            // it must be one line in the profile
            exe: std::env::current_exe()
                .map_or_else(|_| "podscope".to_owned(), |p| escaped(&p.display().to_string()).into_owned()),
        }
    }
}

/// What forbids the step, and the remedy.
pub fn diagnose(step: Step, errno: Errno, knobs: &UsernsSettings) -> (String, String) {
    let say = |forbids: &str, remedy: String| (forbids.to_owned(), remedy);
    let denied = matches!(errno, Errno::EPERM | Errno::EACCES);
    match step {
        _ if knobs.max_user == Some(0) => say(
            "this system allows no user namespaces (user.max_user_namespaces is 0)",
            sysctl("user.max_user_namespaces", 15_000),
        ),
        _ if denied && knobs.userns_clone == Some(0) => say(
            "this system lets only root create user namespaces (kernel.unprivileged_userns_clone is 0)",
            sysctl("kernel.unprivileged_userns_clone", 1),
        ),
        // the namespace can be created, but every capability in it is denied, so the first use of one fails
        _ if denied && knobs.apparmor == Some(1) => say(
            "AppArmor lets only programs with a profile use user namespaces (kernel.apparmor_restrict_unprivileged_userns is 1)",
            apparmor(&knobs.exe),
        ),
        _ if errno == Errno::EMFILE => say("too many open files", "raise the limit (`ulimit -n`)".to_owned()),
        _ if errno == Errno::ENOMEM => say("not enough memory", "see `ulimit -v` and `free`".to_owned()),
        Step::Clone if errno == Errno::EAGAIN => say(
            "no more processes can be started: the limit of this user or of its cgroup is reached",
            "raise it (`ulimit -u`), or end some programs".to_owned(),
        ),
        Step::Unshare | Step::Clone if errno == Errno::ENOSPC => match knobs.none_of.first() {
            Some(kind) => say(
                &format!("this system allows no {kind} namespaces (user.max_{kind}_namespaces is 0)"),
                sysctl(&format!("user.max_{kind}_namespaces"), 15_000),
            ),
            None => say(
                "the limit of namespaces is reached, or they are nested more than 32 deep",
                sysctl("user.max_user_namespaces", 60_000),
            ),
        },
        Step::Unshare if matches!(errno, Errno::EINVAL | Errno::ENOSYS) => say(
            "this kernel is built without user namespaces (CONFIG_USER_NS)",
            "use a kernel that has them: those of all large distributions do".to_owned(),
        ),
        Step::Unshare | Step::Clone if denied && knobs.seccomp => say(
            "a seccomp filter forbids namespaces, as in a container",
            "run it outside, or start the container with: docker run --security-opt seccomp=unconfined --security-opt systempaths=unconfined --security-opt apparmor=unconfined".to_owned(),
        ),
        Step::Unshare if denied => say(
            "the kernel or a security module forbids user namespaces, as it does in a chroot",
            "run it outside the chroot, or ask the machine's administrator (SELinux: ausearch -m avc -ts recent)"
                .to_owned(),
        ),
        Step::Proc if denied => say(
            "/proc is masked here, as in a container, and then the kernel mounts no other",
            "run it outside, or start the container with: docker run --security-opt systempaths=unconfined".to_owned(),
        ),
        Step::UidMap | Step::GidMap | Step::Setgroups | Step::PrivateMounts | Step::Tmpfs if denied => say(
            "a security module denies what a user namespace should allow",
            "ask the machine's administrator, or look for the denial: journalctl -k | grep -i denied".to_owned(),
        ),
        Step::HostRoot if errno == Errno::ENOSYS => say(
            "this kernel is older than 5.12 and has no mount_setattr",
            "use a newer kernel".to_owned(),
        ),
        Step::Pivot if errno == Errno::EINVAL => say(
            "the root file system is the kernel's initial one, which cannot be changed for another",
            "run it on a system that has been installed, not from an initial RAM disk".to_owned(),
        ),
        Step::Bridge if matches!(errno, Errno::EOPNOTSUPP | Errno::ENODEV | Errno::ENOENT) => say(
            "this kernel has no network bridges, or their module is not loaded",
            "as root: modprobe -a bridge veth".to_owned(),
        ),
        _ => say(errno.desc(), "see `podscope doctor`".to_owned()),
    }
}

fn sysctl(name: &str, value: u64) -> String {
    format!("as root: sysctl -w {name}={value}; to keep it: echo {name}={value} > /etc/sysctl.d/60-podscope.conf")
}

/// A profile like Ubuntu's own for programs that need user namespaces.
fn apparmor(exe: &str) -> String {
    format!(
        "as root, write these lines to /etc/apparmor.d/podscope\n\n\
         abi <abi/4.0>,\n\
         include <tunables/global>\n\
         profile podscope \"{exe}\" flags=(unconfined) {{\n  userns,\n  include if exists <local/podscope>\n}}\n\n\
         and load them: apparmor_parser -r /etc/apparmor.d/podscope"
    )
}

#[cfg(test)]
mod tests {
    use nix::errno::Errno;

    use super::{UsernsSettings, diagnose};
    use crate::lab::protocol::Step;

    #[test]
    fn each_prohibition_is_named_with_its_own_remedy() {
        let plain =
            UsernsSettings { max_user: Some(1000), exe: "/opt/podscope".to_owned(), ..UsernsSettings::default() };
        let with = |change: fn(&mut UsernsSettings)| {
            let mut knobs = plain.clone();
            change(&mut knobs);
            knobs
        };
        let cases = [
            (
                Step::Unshare,
                Errno::ENOSPC,
                with(|k| k.max_user = Some(0)),
                "max_user_namespaces is 0",
                "sysctl -w user.max_user",
            ),
            (
                Step::Unshare,
                Errno::EPERM,
                with(|k| k.userns_clone = Some(0)),
                "unprivileged_userns_clone",
                "userns_clone=1",
            ),
            (
                Step::UidMap,
                Errno::EPERM,
                with(|k| k.apparmor = Some(1)),
                "AppArmor",
                "profile podscope \"/opt/podscope\"",
            ),
            (Step::Tmpfs, Errno::EACCES, with(|k| k.apparmor = Some(1)), "AppArmor", "apparmor_parser -r"),
            (Step::Unshare, Errno::EPERM, with(|k| k.seccomp = true), "seccomp", "seccomp=unconfined"),
            (Step::Unshare, Errno::EPERM, plain.clone(), "chroot", "outside the chroot"),
            (Step::Unshare, Errno::ENOSPC, plain.clone(), "limit", "max_user_namespaces"),
            (
                Step::Clone,
                Errno::ENOSPC,
                with(|k| k.none_of = vec!["net".to_owned()]),
                "no net namespaces",
                "max_net_namespaces",
            ),
            (Step::Proc, Errno::EPERM, plain.clone(), "masked", "systempaths=unconfined"),
            (Step::HostRoot, Errno::ENOSYS, plain.clone(), "5.12", "newer kernel"),
            (Step::Bridge, Errno::EOPNOTSUPP, plain.clone(), "bridges", "modprobe"),
            (Step::Unshare, Errno::EINVAL, plain.clone(), "CONFIG_USER_NS", "kernel"),
            (Step::Loop, Errno::EMFILE, plain.clone(), "too many open files", "`ulimit -n`"),
            (Step::Clone, Errno::EAGAIN, plain.clone(), "no more processes", "`ulimit -u`"),
            (Step::Tmpfs, Errno::ENOMEM, plain.clone(), "not enough memory", "`ulimit -v`"),
            (Step::Loop, Errno::EIO, plain, "I/O error", "doctor"),
        ];
        for (step, errno, knobs, forbids, remedy) in cases {
            let told = diagnose(step, errno, &knobs);
            assert!(told.0.contains(forbids), "{step:?} {errno}: {}", told.0);
            assert!(told.1.contains(remedy), "{step:?} {errno}: {}", told.1);
        }
    }
}
