//! Starts sandboxes and containers.

use std::collections::hash_map::Entry;
use std::net::IpAddr;
use std::os::fd::{AsFd, OwnedFd};

use nix::errno::Errno;

use super::cgroups::{IneffectiveLimit, MemberCgroup};
use super::event_loop::{Node, Role, Watch};
use super::output::Ring;
use super::pause_records::PauseRecords;
use super::perform::is_exiting;
use super::process::{self, Failure, ProcessSpec, Program};
use super::sandbox::Namespaces;
use super::streams::NodeEnds;
use super::{attach, leftovers, sandbox, spawn, volumes};
use crate::lab::controller::Fact;
use crate::lab::protocol::{hand, modes::applet_argv};
use crate::lab::spec::{ContainerSpec, PidNamespace, PodSpec, security};
use crate::model::{
    Delta, EventKind, EventReason, Member, PodEvent, PodUid, Program as Kind, SandboxKind, Signal, Stamp, WaitingReason,
};
use crate::sys::limits::{reason, reason_of};

impl Node {
    /// Asks for the pod's host ports before the sandbox is made, so that a taken port leaves no sandbox to undo.
    pub(super) fn prepare_sandbox(&mut self, uid: &PodUid) {
        if !self.ask_for_ports(uid) {
            self.make_sandbox(uid);
        }
    }

    pub(super) fn make_sandbox(&mut self, uid: &PodUid) {
        let Some(run) = self.pods.get_mut(uid) else { return };
        run.records = PauseRecords::default();
        let spec = run.state.spec.clone();
        let made = volumes::create(uid, &spec)
            .map_err(|e| format!("make its directories: {}", reason_of(&e)))
            .and_then(|()| match &spec.sandbox {
                SandboxKind::Infra(name) => self.start_infra(uid, &spec, name),
                _ => self.start_pause(uid, &spec),
            })
            .and_then(|()| self.start_ports(uid));
        if let Err(message) = made {
            self.undo_sandbox(uid);
            self.decide(uid, Fact::SandboxFailed { message }, Self::now());
        }
    }

    /// Removes a partly made sandbox. The controller is not told of the holder's end.
    pub(super) fn undo_sandbox(&mut self, uid: &PodUid) {
        self.release_sandbox(uid);
        if let Some(pid) = self.pods.get_mut(uid).and_then(|run| run.holder.take()) {
            self.signal_child(pid, Signal::KILL);
        }
    }

    /// Starts pause and sets up the network meanwhile. [`Node::child_started`] continues when pause runs.
    fn start_pause(&mut self, uid: &PodUid, spec: &PodSpec) -> Result<(), String> {
        let hostname = hostname(spec);
        // a container's name cannot contain an underscore
        let cgroup = self.cgroups.make_member(uid, "_pause").map_err(|e| format!("make its cgroup: {}", reason(e)))?;
        let into = cgroup.as_ref().map(AsFd::as_fd);
        let started = sandbox::start(&self.alone, self.filters.container(), &hostname, uid, spec, into);
        let started = self
            .remove_cgroup_on_error(uid, cgroup.as_ref(), started)
            .map_err(|e| format!("start pause: {}", reason(e)))?;
        let sandbox::Started { child, report, output, error } = started;
        let pid = child.pid;
        let process = self
            .register_child(child, Role::Pause(uid.clone()), Some(Member::pause(uid)), None)
            .map_err(|e| format!("identify pause: {}", reason_of(&e)))?;
        self.set_child_cgroup(pid, Member::pause(uid), cgroup);
        self.watch(report, Watch::PauseReport(uid.clone()));
        self.watch(output, Watch::Output(uid.clone(), None));
        self.await_exec(pid, error);
        if let Some(run) = self.pods.get_mut(uid) {
            run.holder = Some(pid);
            run.sandbox = Some(process);
        }
        match self.connect(uid, spec, pid) {
            // pause is dying: the report of its end will give the better reason
            Err(_) if is_exiting(pid) => Ok(()),
            connected => connected,
        }
    }

    /// Starts a container in pause's place. Unlike pause, it waits for its network.
    fn start_infra(&mut self, uid: &PodUid, spec: &PodSpec, name: &str) -> Result<(), String> {
        let container = spec.container(name).ok_or("there is no such container")?;
        let (gate, open) = super::output::gate().map_err(|e| format!("make a pipe: {}", reason(e)))?;
        let holder = spawn::Holder::New { hostname: hostname(spec), namespaces: Namespaces::of(spec), gate };
        let process = self.start_container_process(uid, spec, container, &holder).map_err(|f| f.message)?;
        let pid = self.pods.get(uid).and_then(|run| run.containers.get(name).copied()).ok_or("it is gone")?;
        if let Some(run) = self.pods.get_mut(uid) {
            run.holder = Some(pid);
        }
        self.connect(uid, spec, pid)?;
        // closing the pipe would not wake the child: it has inherited both ends
        nix::unistd::write(&open, b"g").map_err(|e| format!("let it go on: {}", e.desc()))?;
        let at = Self::now();
        self.decide(uid, Fact::Created { container: name.to_owned(), process }, at);
        // no process can join it yet: it is undumpable until its program runs, and `setns(2)` requires ptrace access
        if let Some(run) = self.pods.get_mut(uid) {
            run.sandbox = Some(process);
        }
        Ok(())
    }

    /// Connects the pod to the network. Its interfaces live as long as the holder of its network namespace.
    fn connect(&mut self, uid: &PodUid, spec: &PodSpec, pid: i32) -> Result<(), String> {
        let ip = if spec.host.net {
            self.network.gateway()
        } else {
            let pidfd = self.children.get(&pid).map(|c| &c.pidfd).ok_or("it is gone")?;
            self.network.connect(pidfd, pid).map_err(|e| format!("set up its network: {}", reason_of(&e)))?
        };
        if let Some(run) = self.pods.get_mut(uid) {
            run.ip = Some(ip);
        }
        volumes::write_hosts(uid, &hostname(spec), IpAddr::V4(ip)).map_err(|e| format!("write /etc/hosts: {e}"))
    }

    /// Reports the sandbox as started: its holder runs its program, or will never run it.
    pub(super) fn sandbox_started(&mut self, uid: &PodUid, at: Stamp) {
        let up = self.pods.get_mut(uid).and_then(|run| Some((run.sandbox.take()?, run.ip?)));
        if let Some((process, ip)) = up {
            self.decide(uid, Fact::SandboxStarted { process, ip: IpAddr::V4(ip) }, at);
        }
    }

    pub(super) fn start_container(&mut self, uid: &PodUid, name: &str) -> Result<(), Failure> {
        let lost = || Failure::create("start the container", Errno::ESRCH);
        let run = self.pods.get(uid).ok_or_else(lost)?;
        let spec = run.state.spec.clone();
        let container = spec.container(name).ok_or_else(lost)?;
        let holder = run.holder.and_then(|pid| self.children.get(&pid)).ok_or_else(lost)?;
        let pidfd =
            holder.pidfd.try_clone().map_err(|e| Failure::create("start the container", super::errno_of(&e)))?;
        let process = self.start_container_process(uid, &spec, container, &spawn::Holder::Joined(pidfd))?;
        self.decide(uid, Fact::Created { container: name.to_owned(), process }, Self::now());
        Ok(())
    }

    fn start_container_process(
        &mut self,
        uid: &PodUid,
        spec: &PodSpec,
        container: &ContainerSpec,
        holder: &spawn::Holder,
    ) -> Result<crate::model::ProcId, Failure> {
        let name = &container.name;
        let hostname = hostname(spec);
        if container.security.non_root && container.security.is_root() {
            // `verifyRunAsNonRoot`, pkg/kubelet/kuberuntime/security_context.go
            let why = match container.security.user {
                Some(_) => "container's runAsUser breaks non-root policy",
                None => "container has runAsNonRoot and image will run as root",
            };
            let message = format!("{why} (pod: \"{}_{}({})\", container: {name})", spec.name, spec.namespace, uid.0);
            return Err(Failure { reason: WaitingReason::CreateContainerConfigError, message });
        }
        let is_hand = container.program() == Some(Kind::StandIn(hand::APPLET.to_owned()));
        let (input, stdio) = attach::stdio(container, is_hand)?;
        let cgroup =
            self.cgroups.make_member(uid, name).map_err(|e| Failure::create("create the container's cgroup", e))?;
        self.limit(uid, container, cgroup.as_ref());
        let run = self.pods.get_mut(uid).ok_or_else(|| Failure::create("start the container", Errno::ESRCH))?;
        let at_start = run.at_start(self.network.gateway());
        match run.logs.entry(Some(name.clone())) {
            Entry::Vacant(log) => log.insert(Ring::default()).begin_run(true),
            Entry::Occupied(mut log) => log.get_mut().begin_run(false),
        }
        volumes::new_termination_log(uid, name)
            .map_err(|e| Failure::create("make the file of its termination message", super::errno_of(&e)))?;
        let mut argv = container.argv(&at_start);
        let program = match container.program() {
            Some(Kind::StandIn(applet)) => {
                let called = container.stand_in_name().unwrap_or(&applet);
                argv.splice(0..0, applet_argv(&applet, called));
                Program::StandIn(&self.exe)
            }
            _ => Program::InRoot,
        };
        let mounts = volumes::mounts_of(spec, container, &at_start)?;
        let mark = leftovers::next_mark(&mut self.marks);
        let process_spec = ProcessSpec {
            program,
            argv,
            env: attach::variables(&hostname, container.stdio.tty, container.environment(&at_start)),
            working_dir: container.working_dir.clone(),
            stdio,
            capabilities: if is_hand { security::HAND.to_vec() } else { container.security.capabilities() },
            identity: process::Identity::of(&container.security),
            filter: if is_hand { self.filters.hand() } else { self.filters.container() },
            cgroup: cgroup.as_ref().map(AsFd::as_fd),
            mark,
        };
        let place = spawn::Place {
            holder,
            join: spec.join_of(container),
            pid: self.pid_space(uid, spec, name)?,
            hostname: &hostname,
            own_pid_ns: &self.own_pid_ns,
            parts: &self.rootfs.parts,
            pod_files: &volumes::pod_files(uid),
            mounts: &mounts,
            read_only: container.security.read_only_root,
        };
        let started = spawn::start(&self.alone, &place, &process_spec);
        let started = self
            .remove_cgroup_on_error(uid, cgroup.as_ref(), started)
            .map_err(|e| Failure::create("start a process", e))?;
        let spawn::Started { child, streams, error } = started;
        let pid = child.pid;
        let process = self
            .register_child(child, Role::Container(uid.clone(), name.clone()), Some(Member::container(uid, name)), mark)
            .map_err(|e| Failure::create("identify the container's process", super::errno_of(&e)))?;
        self.set_child_cgroup(pid, Member::container(uid, name), cgroup);
        match streams {
            NodeEnds::Pipes { stdout, stderr } => {
                for stream in [stdout, stderr] {
                    self.watch(stream, Watch::Output(uid.clone(), Some(name.clone())));
                }
            }
            NodeEnds::Console(socket) => drop(self.watch(socket, Watch::Console(pid))),
        }
        self.await_exec(pid, error);
        if let Some(run) = self.pods.get_mut(uid) {
            run.containers.insert(name.clone(), pid);
        }
        self.attach_waiting();
        match input {
            Some(attach::StdinEnd::Hand(socket)) => drop(self.watch(socket, Watch::Hand(pid))),
            Some(attach::StdinEnd::Pipe(pipe)) => self.set_input(uid, container, pipe, false),
            None => {}
        }
        Ok(process)
    }

    /// The pid namespace in which the container's first process starts.
    fn pid_space(&self, uid: &PodUid, spec: &PodSpec, name: &str) -> Result<spawn::PidSpace, Failure> {
        let target = match spec.pid_namespace(name) {
            PidNamespace::Node => return Ok(spawn::PidSpace::Node),
            PidNamespace::Pod => return Ok(spawn::PidSpace::Holder),
            PidNamespace::Own => return Ok(spawn::PidSpace::Own),
            PidNamespace::Of(target) => target,
        };
        let pid = self.pods.get(uid).and_then(|run| run.containers.get(target));
        let child = pid.and_then(|pid| self.children.get(pid)).ok_or_else(|| Failure {
            // `getTargetID` in pkg/kubelet/kuberuntime/kuberuntime_manager.go
            reason: WaitingReason::CreateContainerConfigError,
            message: format!("unable to find target container {target}"),
        })?;
        let pidfd = child.pidfd.try_clone();
        Ok(spawn::PidSpace::Of(
            pidfd.map_err(|e| Failure::create("join the target's pid namespace", super::errno_of(&e)))?,
        ))
    }

    /// Sets the limits of a container, and reports each limit that is not enforced.
    fn limit(&mut self, uid: &PodUid, container: &ContainerSpec, cgroup: Option<&MemberCgroup>) {
        for IneffectiveLimit { limit, why } in self.cgroups.limit(cgroup, &container.limits) {
            let message = format!("limit of {limit} of container \"{}\" has no effect: {why}", container.name);
            let (kind, reason) = (EventKind::Warning, EventReason::LimitNotEnforced);
            self.report_delta(Delta::Event {
                event: PodEvent { pod: uid.clone(), kind, reason, message, at: Self::now() },
            });
        }
    }

    /// Removes the cgroup if the process could not be started.
    fn remove_cgroup_on_error<T>(
        &mut self,
        uid: &PodUid,
        cgroup: Option<&MemberCgroup>,
        started: Result<T, Errno>,
    ) -> Result<T, Errno> {
        if let (Err(_), Some(leaf)) = (&started, cgroup) {
            self.cgroups.remove(uid, leaf);
        }
        started
    }

    /// Watches a child's error pipe, which tells whether its program runs.
    pub(super) fn await_exec(&mut self, pid: i32, error: OwnedFd) {
        let token = self.watch(error, Watch::Error(pid));
        if let Some(child) = self.children.get_mut(&pid) {
            child.starting = Some(token);
        }
    }
}

/// The pod's host name. On the node's network it is the node's name, as with a kubelet.
pub(super) fn hostname(spec: &PodSpec) -> String {
    if spec.host.net { super::NODE_NAME.to_owned() } else { spec.hostname.clone() }
}
