//! What forbids pods on this machine, in words: the step that failed, the cause, and the remedy.

use super::os_error;
use crate::lab::{Error, Forbidden, Obstacle, Step};

/// Why a lab cannot start, or why it has not done what was asked.
pub fn lab_error(e: &Error) -> String {
    match e {
        Error::UserNamespaces(forbidden) => format!("{}; {}", cause(forbidden), remedy(&forbidden.obstacle)),
        e => e.to_string(),
    }
}

/// The step that failed, and why: `could not create a user namespace: …`.
pub fn cause(forbidden: &Forbidden) -> String {
    format!("could not {}: {}", step(forbidden.step), forbids(forbidden))
}

fn forbids(forbidden: &Forbidden) -> String {
    match &forbidden.obstacle {
        Obstacle::NoUserNamespaces => "this system allows no user namespaces (user.max_user_namespaces is 0)".into(),
        Obstacle::UserNamespacesOfRootOnly => {
            "this system lets only root create user namespaces (kernel.unprivileged_userns_clone is 0)".into()
        }
        Obstacle::AppArmor { .. } => "AppArmor lets only programs with a profile use user namespaces \
             (kernel.apparmor_restrict_unprivileged_userns is 1)"
            .into(),
        Obstacle::OpenFiles => "too many open files".into(),
        Obstacle::Memory => "not enough memory".into(),
        Obstacle::Processes => {
            "no more processes can be started: the limit of this user or of its cgroup is reached".into()
        }
        Obstacle::NoNamespaces { kind } => {
            format!("this system allows no {kind} namespaces (user.max_{kind}_namespaces is 0)")
        }
        Obstacle::TooManyNamespaces => {
            "the limit of namespaces is reached, or they are nested more than 32 deep".into()
        }
        Obstacle::NotBuilt => "this kernel is built without user namespaces (CONFIG_USER_NS)".into(),
        Obstacle::Seccomp => "a seccomp filter forbids namespaces, as in a container".into(),
        Obstacle::Denied => "the kernel or a security module forbids user namespaces, as it does in a chroot".into(),
        Obstacle::ProcMasked => "/proc is masked here, as in a container, and then the kernel mounts no other".into(),
        Obstacle::SecurityModule => "a security module denies what a user namespace should allow".into(),
        Obstacle::NoMountSetattr => "this kernel is older than 5.12 and has no mount_setattr".into(),
        Obstacle::InitialRoot => {
            "the root file system is the kernel's initial one, which cannot be changed for another".into()
        }
        Obstacle::NoBridges => "this kernel has no network bridges, or their module is not loaded".into(),
        Obstacle::Other => os_error::description(forbidden.error).into(),
    }
}

/// How to change that. A profile for AppArmor has several lines.
pub fn remedy(obstacle: &Obstacle) -> String {
    match obstacle {
        Obstacle::NoUserNamespaces => sysctl("user.max_user_namespaces", 15_000),
        Obstacle::UserNamespacesOfRootOnly => sysctl("kernel.unprivileged_userns_clone", 1),
        Obstacle::AppArmor { exe } => apparmor(exe),
        Obstacle::OpenFiles => "raise the limit (`ulimit -n`)".into(),
        Obstacle::Memory => "see `ulimit -v` and `free`".into(),
        Obstacle::Processes => "raise it (`ulimit -u`), or end some programs".into(),
        Obstacle::NoNamespaces { kind } => sysctl(&format!("user.max_{kind}_namespaces"), 15_000),
        Obstacle::TooManyNamespaces => sysctl("user.max_user_namespaces", 60_000),
        Obstacle::NotBuilt => "use a kernel that has them: those of all large distributions do".into(),
        Obstacle::Seccomp => {
            "run it outside, or start the container with: docker run --security-opt seccomp=unconfined --security-opt \
             systempaths=unconfined --security-opt apparmor=unconfined"
                .into()
        }
        Obstacle::Denied => {
            "run it outside the chroot, or ask the machine's administrator (SELinux: ausearch -m avc -ts recent)".into()
        }
        Obstacle::ProcMasked => {
            "run it outside, or start the container with: docker run --security-opt systempaths=unconfined".into()
        }
        Obstacle::SecurityModule => {
            "ask the machine's administrator, or look for the denial: journalctl -k | grep -i denied".into()
        }
        Obstacle::NoMountSetattr => "use a newer kernel".into(),
        Obstacle::InitialRoot => "run it on a system that has been installed, not from an initial RAM disk".into(),
        Obstacle::NoBridges => "as root: modprobe -a bridge veth".into(),
        Obstacle::Other => "see `podscope doctor`".into(),
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

/// The rest of a sentence: "could not …".
const fn step(step: Step) -> &'static str {
    match step {
        Step::Open => "open its own executable",
        Step::Keyring => "leave the user's session keyring",
        Step::DropRoot => "give up root",
        Step::Unshare => "create a user namespace",
        Step::Setgroups => "deny setgroups in the user namespace",
        Step::UidMap => "map the user into the user namespace",
        Step::GidMap => "map the group into the user namespace",
        Step::Clone => "create pid, network, mount, IPC and UTS namespaces",
        Step::PrivateMounts => "make its mounts private",
        Step::Tmpfs => "mount a tmpfs",
        Step::Proc => "mount /proc",
        Step::HostRoot => "show the host's packages read-only",
        Step::Template => "prepare a container's root",
        Step::Pivot => "change its root",
        Step::Loopback => "bring up the loopback interface",
        Step::Bridge => "create the pod network's bridge",
        Step::Identify => "read its own pid in the host's /proc",
        Step::Loop => "set up its event loop",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::OsError;

    #[test]
    fn each_obstacle_is_named_with_its_own_remedy() {
        let net = || Obstacle::NoNamespaces { kind: "net".into() };
        let apparmor = || Obstacle::AppArmor { exe: "/opt/podscope".into() };
        let cases = [
            (Obstacle::NoUserNamespaces, "max_user_namespaces is 0", "sysctl -w user.max_user_namespaces=15000"),
            (Obstacle::UserNamespacesOfRootOnly, "unprivileged_userns_clone is 0", "userns_clone=1"),
            (apparmor(), "AppArmor", "profile podscope \"/opt/podscope\" flags=(unconfined)"),
            (apparmor(), "a profile", "apparmor_parser -r"),
            (Obstacle::OpenFiles, "too many open files", "`ulimit -n`"),
            (Obstacle::Memory, "not enough memory", "`ulimit -v`"),
            (Obstacle::Processes, "no more processes", "`ulimit -u`"),
            (net(), "no net namespaces", "sysctl -w user.max_net_namespaces=15000"),
            (Obstacle::TooManyNamespaces, "limit of namespaces", "user.max_user_namespaces=60000"),
            (Obstacle::NotBuilt, "CONFIG_USER_NS", "use a kernel that has them"),
            (Obstacle::Seccomp, "seccomp filter", "seccomp=unconfined"),
            (Obstacle::Denied, "chroot", "outside the chroot"),
            (Obstacle::ProcMasked, "/proc is masked", "systempaths=unconfined"),
            (Obstacle::SecurityModule, "security module", "journalctl"),
            (Obstacle::NoMountSetattr, "5.12", "newer kernel"),
            (Obstacle::InitialRoot, "initial one", "RAM disk"),
            (Obstacle::NoBridges, "bridges", "modprobe"),
            (Obstacle::Other, "I/O error", "doctor"),
        ];
        for (obstacle, cause, remedy) in cases {
            let forbidden = Forbidden { step: Step::Unshare, error: OsError(5), obstacle };
            let told = lab_error(&Error::UserNamespaces(Box::new(forbidden)));
            let rest = told.strip_prefix("could not create a user namespace: ").expect(&told);
            let (told_cause, told_remedy) = rest.split_once("; ").expect(&told);
            assert!(told_cause.contains(cause), "{told}");
            assert!(told_remedy.contains(remedy), "{told}");
        }
    }

    #[test]
    fn another_error_of_the_lab_has_its_own_words() {
        assert_eq!(lab_error(&Error::NodeGone), "the lab's node has ended; start the lab again");
    }
}
