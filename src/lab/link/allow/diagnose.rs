//! Finds what forbids a failed step.

use std::fs;

use nix::errno::Errno;

use crate::lab::link::error::Obstacle;
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

/// What forbids the step.
pub fn diagnose(step: Step, errno: Errno, knobs: &UsernsSettings) -> Obstacle {
    let denied = matches!(errno, Errno::EPERM | Errno::EACCES);
    match step {
        _ if knobs.max_user == Some(0) => Obstacle::NoUserNamespaces,
        _ if denied && knobs.userns_clone == Some(0) => Obstacle::UserNamespacesOfRootOnly,
        // the namespace can be created, but every capability in it is denied, so the first use of one fails
        _ if denied && knobs.apparmor == Some(1) => Obstacle::AppArmor { exe: knobs.exe.clone() },
        _ if errno == Errno::EMFILE => Obstacle::OpenFiles,
        _ if errno == Errno::ENOMEM => Obstacle::Memory,
        Step::Clone if errno == Errno::EAGAIN => Obstacle::Processes,
        Step::Unshare | Step::Clone if errno == Errno::ENOSPC => match knobs.none_of.first() {
            Some(kind) => Obstacle::NoNamespaces { kind: kind.clone() },
            None => Obstacle::TooManyNamespaces,
        },
        Step::Unshare if matches!(errno, Errno::EINVAL | Errno::ENOSYS) => Obstacle::NotBuilt,
        Step::Unshare | Step::Clone if denied && knobs.seccomp => Obstacle::Seccomp,
        Step::Unshare if denied => Obstacle::Denied,
        Step::Proc if denied => Obstacle::ProcMasked,
        Step::UidMap | Step::GidMap | Step::Setgroups | Step::PrivateMounts | Step::Tmpfs if denied => {
            Obstacle::SecurityModule
        }
        Step::HostRoot if errno == Errno::ENOSYS => Obstacle::NoMountSetattr,
        Step::Pivot if errno == Errno::EINVAL => Obstacle::InitialRoot,
        Step::Bridge if matches!(errno, Errno::EOPNOTSUPP | Errno::ENODEV | Errno::ENOENT) => Obstacle::NoBridges,
        _ => Obstacle::Other,
    }
}

#[cfg(test)]
mod tests {
    use nix::errno::Errno;

    use super::{UsernsSettings, diagnose};
    use crate::lab::link::error::Obstacle;
    use crate::lab::protocol::Step;

    #[test]
    fn each_prohibition_is_told_from_the_errno_and_the_settings() {
        let plain =
            UsernsSettings { max_user: Some(1000), exe: "/opt/podscope".to_owned(), ..UsernsSettings::default() };
        let with = |change: fn(&mut UsernsSettings)| {
            let mut knobs = plain.clone();
            change(&mut knobs);
            knobs
        };
        let apparmor = || Obstacle::AppArmor { exe: "/opt/podscope".to_owned() };
        let no_net = Obstacle::NoNamespaces { kind: "net".to_owned() };
        let cases = [
            (Step::Unshare, Errno::ENOSPC, with(|k| k.max_user = Some(0)), Obstacle::NoUserNamespaces),
            (Step::Unshare, Errno::EPERM, with(|k| k.userns_clone = Some(0)), Obstacle::UserNamespacesOfRootOnly),
            (Step::UidMap, Errno::EPERM, with(|k| k.apparmor = Some(1)), apparmor()),
            (Step::Tmpfs, Errno::EACCES, with(|k| k.apparmor = Some(1)), apparmor()),
            (Step::Unshare, Errno::EPERM, with(|k| k.seccomp = true), Obstacle::Seccomp),
            (Step::Unshare, Errno::EPERM, plain.clone(), Obstacle::Denied),
            (Step::Unshare, Errno::ENOSPC, plain.clone(), Obstacle::TooManyNamespaces),
            (Step::Clone, Errno::ENOSPC, with(|k| k.none_of = vec!["net".to_owned()]), no_net),
            (Step::Proc, Errno::EPERM, plain.clone(), Obstacle::ProcMasked),
            (Step::GidMap, Errno::EPERM, plain.clone(), Obstacle::SecurityModule),
            (Step::HostRoot, Errno::ENOSYS, plain.clone(), Obstacle::NoMountSetattr),
            (Step::Pivot, Errno::EINVAL, plain.clone(), Obstacle::InitialRoot),
            (Step::Bridge, Errno::EOPNOTSUPP, plain.clone(), Obstacle::NoBridges),
            (Step::Unshare, Errno::EINVAL, plain.clone(), Obstacle::NotBuilt),
            (Step::Loop, Errno::EMFILE, plain.clone(), Obstacle::OpenFiles),
            (Step::Clone, Errno::EAGAIN, plain.clone(), Obstacle::Processes),
            (Step::Tmpfs, Errno::ENOMEM, plain.clone(), Obstacle::Memory),
            (Step::Loop, Errno::EIO, plain, Obstacle::Other),
        ];
        for (step, errno, knobs, obstacle) in cases {
            assert_eq!(diagnose(step, errno, &knobs), obstacle, "{step:?} {errno}");
        }
    }
}
