//! The same step in docker, with util-linux, and in a kubelet, one line each.

use super::Step;
use crate::lab::controller::PAUSE_IMAGE;
use crate::lab::spec::{ContainerSpec, Join, JoinPid, PidNamespace, PodSpec, needs_entrypoint_option};
use crate::model::text::shell_words;

/// The same step in other tools.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Equivalents {
    /// The command of docker; podman accepts it too.
    pub docker: String,
    /// Commands of util-linux in a shell. They need no root: the first one creates a user namespace, as the lab does.
    pub shell: String,
    /// What a kubelet does, and in which step of its `SyncPod`.
    pub kubelet: String,
    /// How these tools differ from the lab, if they do.
    pub note: Option<String>,
}

const NO_UPDATE: &str = "spec.containers: Forbidden: pod updates may not add or remove containers";

/// `spec` is the spec of the pod, before or after the step.
pub fn equivalents(step: &Step, spec: &PodSpec) -> Equivalents {
    match step {
        Step::Sandbox { name } => sandbox(name),
        Step::Join { container, ephemeral, .. } => join(spec, container, *ephemeral),
        Step::Replace { member, argv } => {
            let name = member.name();
            let mut container = spec.container(name).cloned().unwrap_or_default();
            name.clone_into(&mut container.name);
            (container.command, container.args) = (argv.clone(), Vec::new());
            let again = join(spec, &container, false);
            let stop = stop(spec, name);
            Equivalents {
                docker: format!("{} && {}", stop.docker, again.docker),
                shell: format!("{}; {}", stop.shell, again.shell),
                kubelet: "SyncPod step 3 stops it, since its definition has changed (Killing), and step 8 creates and \
                          starts it in the same sandbox. The API server allows a running pod to change an image, but not a command."
                    .to_owned(),
                note: again.note,
            }
        }
        Step::Leave { member } => stop(spec, member.name()),
    }
}

fn sandbox(name: &str) -> Equivalents {
    Equivalents {
        docker: format!("docker run -d --name pause --hostname {} --ipc=shareable {PAUSE_IMAGE}", shell_words([name])),
        shell: format!(
            "unshare --user --map-root-user --net --ipc --uts --pid --mount --cgroup --fork /pause & {}",
            pid_into("PAUSE")
        ),
        kubelet:
            "SyncPod step 4, createPodSandbox: CRI RunPodSandbox. The runtime starts pause in new namespaces, and \
                  CNI gives its network an interface and an address."
                .to_owned(),
        note: Some("docker gives pause no user namespace of its own.".to_owned()),
    }
}

fn join(spec: &PodSpec, container: &ContainerSpec, ephemeral: bool) -> Equivalents {
    let mut container = container.clone();
    if ephemeral {
        container.join = spec.ephemeral_join(&container);
    }
    let (container, join) = (&container, spec.join_of(&container));
    Equivalents {
        docker: docker(&join, container),
        shell: shell(&join, container),
        kubelet: kubelet(spec, &join, container, ephemeral),
        note: join.uts.then(|| {
            "docker cannot share the uts namespace of a container (podman: --uts=container:pause); the name is the same \
             nevertheless."
                .to_owned()
        }),
    }
}

fn docker(join: &Join, container: &ContainerSpec) -> String {
    let mut words = vec!["docker".to_owned(), "run".to_owned(), "-d".to_owned(), "--name".to_owned()];
    words.push(container.name.clone());
    words.push(if join.net { "--network=container:pause" } else { "--network=none" }.to_owned());
    words.push(if join.ipc { "--ipc=container:pause" } else { "--ipc=private" }.to_owned());
    match &join.pid {
        JoinPid::Own => {}
        JoinPid::Pod => words.push("--pid=container:pause".to_owned()),
        JoinPid::Container(target) => words.push(format!("--pid=container:{target}")),
    }
    let image = if container.image.is_empty() { "IMAGE" } else { &container.image };
    let mut argv = container.command.iter().chain(&container.args).cloned();
    if !container.command.is_empty() && needs_entrypoint_option(image) {
        words.extend(["--entrypoint".to_owned(), argv.next().unwrap_or_default()]);
    }
    words.push(image.to_owned());
    words.extend(argv);
    shell_words(words.iter().map(String::as_str))
}

/// nsenter into the shared namespaces, unshare the others. mnt and cgroup are always the container's own.
fn shell(join: &Join, container: &ContainerSpec) -> String {
    let mut enter = vec!["nsenter --target $PAUSE --user --preserve-credentials".to_owned()];
    let mut own = Vec::new();
    for (kind, shared) in [("net", join.net), ("ipc", join.ipc), ("uts", join.uts)] {
        if shared { &mut enter } else { &mut own }.push(format!("--{kind}"));
    }
    match &join.pid {
        JoinPid::Own => own.push("--pid --fork".to_owned()),
        JoinPid::Pod => enter.push("--pid".to_owned()),
        JoinPid::Container(target) => enter.push(format!("--pid=/proc/${}/ns/pid", variable(target))),
    }
    own.push("--mount --cgroup".to_owned());
    let argv: Vec<&str> = container.command.iter().chain(&container.args).map(String::as_str).collect();
    let program = if argv.is_empty() { "PROGRAM".to_owned() } else { shell_words(argv) };
    let name = variable(&container.name);
    format!("{} -- unshare {} {program} & {}", enter.join(" "), own.join(" "), pid_into(&name))
}

/// The program is the child of the background job, once the job has forked.
fn pid_into(variable: &str) -> String {
    format!("until {variable}=$(pgrep -P $!); do sleep 0.1; done")
}

/// The shell variable for a container's pid. `C` is put before a name that starts with a digit.
fn variable(container: &str) -> String {
    let upper = container.to_ascii_uppercase().replace('-', "_");
    if upper.starts_with(|c: char| c.is_ascii_digit()) { format!("C{upper}") } else { upper }
}

fn kubelet(spec: &PodSpec, join: &Join, container: &ContainerSpec, ephemeral: bool) -> String {
    let pid = match &join.pid {
        JoinPid::Own => "CONTAINER".to_owned(),
        JoinPid::Pod => "POD".to_owned(),
        JoinPid::Container(target) => format!("TARGET ({target})"),
    };
    let scope = |shared: bool| if shared { "POD" } else { "CONTAINER" };
    let options = format!("network {}, ipc {}, pid {pid}", scope(join.net), scope(join.ipc));
    let call = format!("CRI CreateContainer with {options}, then StartContainer");
    if ephemeral {
        return format!("kubectl debug adds it to spec.ephemeralContainers; SyncPod step 5: {call}.");
    }
    let step = if container.sidecar { "6" } else { "8" };
    let mut text = format!("As SyncPod step {step} when a pod starts: {call}.");
    let private: Vec<&str> =
        [("network", join.net), ("ipc", join.ipc)].iter().filter(|(_, on)| !on).map(|(kind, _)| *kind).collect();
    if !private.is_empty() {
        text = format!("{text} No field of a pod says {} CONTAINER.", private.join(" or "));
    }
    if join.target().is_some() {
        text = format!("{text} Only ephemeral containers have a target there.");
    }
    let others = || spec.containers.iter().filter(|c| c.name != container.name);
    if join.target().is_none() && others().any(|c| spec.join_of(c).pid != join.pid) {
        text = format!("{text} In a manifest pid is the same for all of a pod's containers (shareProcessNamespace).");
    }
    format!("{text} To a pod that runs the API server says: {NO_UPDATE}.")
}

fn stop(spec: &PodSpec, name: &str) -> Equivalents {
    let grace = spec.grace_seconds;
    let pid = variable(name);
    // where its first process is PID 1, the kernel kills the others with it
    let shared = matches!(spec.pid_namespace(name), PidNamespace::Pod | PidNamespace::Of(_) | PidNamespace::Node);
    let name = shell_words([name]);
    let note = if shared {
        "kill reaches only its first process: other processes of the container live on in the shared pid namespace. A \
         runtime, as the lab, ends all processes of the container."
    } else {
        "It is PID 1 of a pid namespace: TERM ends it only if it has a handler; else KILL ends it after the grace period."
    };
    let note = Some(note.to_owned());
    Equivalents {
        docker: format!("docker stop -t {grace} {name} && docker rm {name}"),
        shell: format!("kill -TERM ${pid}; timeout {grace} tail --pid=${pid} -f /dev/null || kill -KILL ${pid}"),
        kubelet: format!(
            "As it stops a pod: CRI StopContainer (TERM, KILL after {grace} s), RemoveContainer. For one container of a pod \
             that runs the API server says: {NO_UPDATE}."
        ),
        note,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{ContainerKind, Member, PodUid};

    fn uid() -> PodUid {
        PodUid("u".to_owned())
    }

    fn container(name: &str, image: &str, command: &[&str], join: &str) -> ContainerSpec {
        ContainerSpec {
            name: name.to_owned(),
            image: image.to_owned(),
            command: command.iter().map(|w| (*w).to_owned()).collect(),
            join: Join::parse(join),
            ..ContainerSpec::default()
        }
    }

    fn equal_of_join(spec: &PodSpec, container: ContainerSpec, ephemeral: bool) -> Equivalents {
        equivalents(&Step::Join { pod: uid(), container: Box::new(container), ephemeral }, spec)
    }

    fn sandbox_only() -> PodSpec {
        PodSpec::sandbox("web").expect("a name")
    }

    #[test]
    fn a_sandbox_is_a_pause_with_shareable_ipc() {
        let it = equivalents(&Step::Sandbox { name: "web".to_owned() }, &sandbox_only());
        assert_eq!(it.docker, "docker run -d --name pause --hostname web --ipc=shareable registry.k8s.io/pause:3.10");
        assert_eq!(
            it.shell,
            "unshare --user --map-root-user --net --ipc --uts --pid --mount --cgroup --fork /pause & until PAUSE=$(pgrep -P \
             $!); do sleep 0.1; done"
        );
        assert!(it.kubelet.starts_with("SyncPod step 4"), "{}", it.kubelet);
    }

    #[test]
    fn shared_namespaces_are_entered_and_the_others_are_created() {
        for (join, docker, enter, own) in [
            (
                "net,ipc,uts,pid",
                "--network=container:pause --ipc=container:pause --pid=container:pause",
                "--net --ipc --uts --pid",
                "--mount --cgroup",
            ),
            ("net", "--network=container:pause --ipc=private", "--net", "--ipc --uts --pid --fork --mount --cgroup"),
            (
                "ipc,pid:my-app",
                "--network=none --ipc=container:pause --pid=container:my-app",
                "--ipc --pid=/proc/$MY_APP/ns/pid",
                "--net --uts --mount --cgroup",
            ),
            ("none", "--network=none --ipc=private", "", "--net --ipc --uts --pid --fork --mount --cgroup"),
        ] {
            let it = equal_of_join(&sandbox_only(), container("b", "busybox", &["sleep", "1d"], join), false);
            assert_eq!(it.docker, format!("docker run -d --name b {docker} busybox sleep 1d"), "{join}");
            let enter = if enter.is_empty() { String::new() } else { format!(" {enter}") };
            let shell = format!(
                "nsenter --target $PAUSE --user --preserve-credentials{enter} -- unshare {own} sleep 1d & until \
                 B=$(pgrep -P $!); do sleep 0.1; done"
            );
            assert_eq!(it.shell, shell, "{join}");
            assert_eq!(it.note.is_some(), join.contains("uts"), "docker has no uts of a container");
        }
    }

    #[test]
    fn a_command_replaces_the_entrypoint_of_an_image() {
        let docker = |it: ContainerSpec| equal_of_join(&sandbox_only(), it, false).docker;
        let line = docker(container("a", "nginx:1.29", &["nginx", "-g", "daemon off;"], "net"));
        assert!(line.ends_with("--entrypoint nginx nginx:1.29 -g 'daemon off;'"), "{line}");
        let line = docker(container("a", "nginx", &[], "net"));
        assert!(line.ends_with("--ipc=private nginx"), "{line}");
        // a program of this machine: docker needs some image
        let line = docker(container("a", "", &["date"], "net"));
        assert!(line.ends_with("--entrypoint date IMAGE"), "{line}");
    }

    #[test]
    fn the_kubelet_line_names_the_sync_step_and_what_kubernetes_cannot_express() {
        let app = equal_of_join(&sandbox_only(), container("a", "nginx", &[], "net,ipc,uts"), false).kubelet;
        let call = "CRI CreateContainer with network POD, ipc POD, pid CONTAINER, then StartContainer";
        assert!(app.starts_with(&format!("As SyncPod step 8 when a pod starts: {call}.")), "{app}");
        assert!(app.ends_with("spec.containers: Forbidden: pod updates may not add or remove containers."), "{app}");
        let private = equal_of_join(&sandbox_only(), container("a", "nginx", &[], "uts"), false).kubelet;
        assert!(private.contains("No field of a pod says network or ipc CONTAINER."), "{private}");
        let spec = sandbox_only().with_container(container("a", "nginx", &[], "net,ipc,uts"), ContainerKind::App);
        let mixed = equal_of_join(&spec, container("b", "nginx", &[], "net,ipc,uts,pid"), false).kubelet;
        assert!(mixed.contains("the same for all of a pod's containers"), "{mixed}");
        let sidecar = ContainerSpec { sidecar: true, ..container("s", "nginx", &[], "net,ipc,uts") };
        assert!(equal_of_join(&sandbox_only(), sidecar, false).kubelet.starts_with("As SyncPod step 6"));
    }

    #[test]
    fn an_ephemeral_container_shares_what_the_pod_shares() {
        let mut spec = sandbox_only().with_container(container("web", "nginx", &[], "net,ipc,uts"), ContainerKind::App);
        spec.share.uts = false;
        // of its join only the target counts
        let it = equal_of_join(&spec, container("d", "busybox", &["sh"], "pid:web"), true);
        assert_eq!(
            it.docker,
            "docker run -d --name d --network=container:pause --ipc=container:pause --pid=container:web busybox sh"
        );
        assert!(it.shell.contains(" --net --ipc --pid=/proc/$WEB/ns/pid -- unshare --uts "), "{}", it.shell);
        assert!(it.kubelet.contains("SyncPod step 5"), "{}", it.kubelet);
        assert!(it.kubelet.contains("pid TARGET (web)"), "{}", it.kubelet);
    }

    #[test]
    fn leave_waits_for_the_grace_period_and_replace_joins_the_same_namespaces() {
        let mut spec =
            sandbox_only().with_container(container("a", "busybox", &["sleep", "1"], "net,pid"), ContainerKind::App);
        spec.grace_seconds = 5;
        let member = Member::container(&uid(), "a");
        let leave = equivalents(&Step::Leave { member: member.clone() }, &spec);
        assert_eq!(leave.docker, "docker stop -t 5 a && docker rm a");
        assert_eq!(leave.shell, "kill -TERM $A; timeout 5 tail --pid=$A -f /dev/null || kill -KILL $A");
        assert!(leave.note.is_some_and(|note| note.contains("live on")));
        let replace = equivalents(&Step::Replace { member, argv: vec!["sleep".into(), "2".into()] }, &spec);
        assert_eq!(
            replace.docker,
            "docker stop -t 5 a && docker rm a && docker run -d --name a --network=container:pause --ipc=private \
             --pid=container:pause busybox sleep 2"
        );
        assert!(replace.shell.contains("kill -KILL $A; nsenter --target $PAUSE"), "{}", replace.shell);
    }
}
