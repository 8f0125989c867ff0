//! Which programs hold a pod's namespaces and do nothing else.

/// How sure it is that a program is there only to hold a pod together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Infra {
    /// An ordinary program.
    No,
    /// An init that may as well have an app below it. It holds the pod if it has nothing below it.
    Init,
    /// It does nothing but wait and reap.
    Pause,
}

/// By the arguments of a process, or by its name (`comm`) where they are hidden, as pause-init does.
pub fn infra(argv: &[String], comm: &str) -> Infra {
    let first = argv.first().filter(|first| !first.is_empty());
    let program = first.map_or(comm, |first| first.rsplit('/').next().unwrap_or(first));
    match program {
        // Kubernetes (build/pause/linux/pause.c), old podman, and CRI-O
        "pause" => Infra::Pause,
        // podman; without `-P` it runs the program that it is given
        "catatonit" if argv.iter().skip(1).any(|arg| arg == "-P") => Infra::Pause,
        // OpenShift (images/pod)
        "pod" if argv.len() <= 1 => Infra::Pause,
        "catatonit" | "tini" | "tini-static" | "docker-init" | "dumb-init" | "s6-svscan" | "s6-linux-init" => {
            Infra::Init
        }
        _ => Infra::No,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_engines_own_infra_programs_are_known() {
        for (argv, comm, want) in [
            (&["/pause"][..], "pause", Infra::Pause),
            (&["/usr/bin/pause", "-v"], "pause", Infra::Pause),
            (&[], "pause", Infra::Pause),
            (&["", ""], "pause", Infra::Pause),
            (&["/catatonit", "-P"], "catatonit", Infra::Pause),
            (&["/usr/bin/catatonit", "--", "nginx"], "catatonit", Infra::Init),
            (&["/usr/bin/pod"], "pod", Infra::Pause),
            (&["pod", "install"], "pod", Infra::No),
            (&["/sbin/tini", "--", "app"], "tini", Infra::Init),
            (&["/sbin/docker-init", "--", "app"], "docker-init", Infra::Init),
            (&["s6-svscan", "/run/s6"], "s6-svscan", Infra::Init),
            (&["sleep", "pause"], "sleep", Infra::No),
            (&["nginx: master process"], "pause", Infra::No),
            (&[], "", Infra::No),
        ] {
            let args: Vec<String> = argv.iter().map(|arg| (*arg).to_owned()).collect();
            assert_eq!(infra(&args, comm), want, "{argv:?} {comm}");
        }
    }
}
