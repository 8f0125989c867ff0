//! What a step is in docker, with util-linux, and in a kubelet: a line each.

use super::Step;
use crate::lab::spec::{ContainerSpec, Join, JoinPid, PidNamespace, PodSpec, needs_entrypoint_option};
use crate::model::text::shell_words;

/// The same step elsewhere.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Equal {
    /// For docker; podman understands it as well.
    pub docker: String,
    /// For a shell with util-linux. No root is needed: the first line makes a user namespace, as the lab has one.
    pub shell: String,
    /// What a kubelet does, and at which step of its `SyncPod`.
    pub kubelet: String,
    /// What differs there, if anything does.
    pub note: Option<String>,
}

/// The image of the sandbox that kubeadm 1.34 names.
const PAUSE_IMAGE: &str = "registry.k8s.io/pause:3.10.1";

const NO_UPDATE: &str = "spec.containers: Forbidden: pod updates may not add or remove containers";

/// `spec` is the pod's, before the step or after it.
pub fn equal(step: &Step, spec: &PodSpec) -> Equal {
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
            Equal {
                docker: format!("{} && {}", stop.docker, again.docker),
                shell: format!("{}; {}", stop.shell, again.shell),
                kubelet: "SyncPod step 3 stops it, since its definition has changed (Killing), and step 8 creates and \
                          starts it in the same sandbox. The API server lets a running pod change an image, and no command."
                    .to_owned(),
                note: again.note,
            }
        }
        Step::Leave { member } => stop(spec, member.name()),
    }
}

fn sandbox(name: &str) -> Equal {
    Equal {
        docker: format!("docker run -d --name pause --hostname {} --ipc=shareable {PAUSE_IMAGE}", shell_words([name])),
        shell: "unshare --user --map-root-user --net --ipc --uts --pid --mount --cgroup --fork /pause & \
                PAUSE=$(pgrep -P $!)"
            .to_owned(),
        kubelet: "SyncPod step 4, createPodSandbox: CRI RunPodSandbox. The runtime starts pause in new namespaces, and \
                  CNI gives its network an interface and an address."
            .to_owned(),
        note: Some("docker gives pause no user namespace of its own.".to_owned()),
    }
}

fn join(spec: &PodSpec, container: &ContainerSpec, ephemeral: bool) -> Equal {
    let mut container = container.clone();
    if ephemeral {
        container.join = spec.looking_in(&container);
    }
    let (container, join) = (&container, spec.join_of(&container));
    Equal {
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

/// nsenter into what is shared, unshare what is not. mnt and cgroup are a container's own.
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
    format!("{} -- unshare {} {program} & {name}=$(pgrep -P $!)", enter.join(" "), own.join(" "))
}

/// A shell's variable for a container's pid. A name that begins with a digit gets a letter before it.
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
    let others = || spec.containers.iter().filter(|c| c.name != container.name);
    if others().any(|c| spec.join_of(c).pid != join.pid) {
        text = format!("{text} In a manifest pid is the same for all of a pod's containers (shareProcessNamespace).");
    }
    format!("{text} To a pod that runs the API server says: {NO_UPDATE}.")
}

fn stop(spec: &PodSpec, name: &str) -> Equal {
    let grace = spec.grace_seconds;
    let pid = variable(name);
    // where it is PID 1, the kernel ends the others with it
    let shared = matches!(spec.pid_namespace(name), PidNamespace::Pod | PidNamespace::Of(_) | PidNamespace::Node);
    let name = shell_words([name]);
    let note = shared.then(|| {
        "kill reaches its first process alone: what that leaves behind in the shared pid namespace lives on. A runtime, \
         as the lab, ends all of the container."
            .to_owned()
    });
    Equal {
        docker: format!("docker stop -t {grace} {name} && docker rm {name}"),
        shell: format!("kill -TERM ${pid}; timeout {grace} tail --pid=${pid} -f /dev/null || kill -KILL ${pid}"),
        kubelet: format!(
            "As it stops a pod: CRI StopContainer (TERM, KILL after {grace} s), RemoveContainer. For one container of a pod \
             that runs the API server says: {NO_UPDATE}."
        ),
        note,
    }
}
