//! Pods that are built container by container.

use std::time::Duration;

use super::{Lab, PATIENCE, of_member, unexpected};
use crate::lab::Error;
use crate::lab::protocol::{Answer, Call, Request};
use crate::lab::spec::{ContainerSpec, PodSpec};
use crate::model::{Member, PodUid};

impl Lab {
    /// Makes a sandbox alone: pause, its namespaces and a network, and no container. [`Lab::add_container`] adds some.
    ///
    /// # Errors
    /// The name is not one that a pod can have, or the node is gone.
    pub fn sandbox(&self, name: &str) -> Result<PodUid, Error> {
        self.run(PodSpec::sandbox(name).map_err(Error::Refused)?)
    }

    /// Adds a container to a pod that runs; it joins the namespaces that its [`ContainerSpec::join`] says, or else those
    /// that the pod's containers share. With `sidecar` it becomes one. Returns as soon as the pod has taken it; what
    /// follows comes as Deltas: it is started as any other, and restarted as the pod's `restartPolicy` says.
    ///
    /// # Errors
    /// In the API server's words: its name is taken, what it refers to is not there. Or the pod is being stopped, or
    /// gone, or the container whose pid namespace it is to join does not run.
    pub fn add_container(&self, pod: &PodUid, container: ContainerSpec) -> Result<(), Error> {
        self.add(pod, container, false)
    }

    /// Adds an ephemeral container, as `kubectl debug` does: it is never restarted, and cannot be taken out or changed.
    /// [`ContainerSpec::debugger`] makes the spec of one, to be changed before it is added here; [`Lab::debug`] does both.
    ///
    /// # Errors
    /// As [`Lab::add_container`]; and it has ports, resources or a `subPath`, which no ephemeral container may have.
    pub fn add_ephemeral(&self, pod: &PodUid, container: ContainerSpec) -> Result<(), Error> {
        self.add(pod, container, true)
    }

    /// `kubectl debug POD --image IMAGE --target TARGET -- ARGV…`: adds an ephemeral container and says which member it
    /// is. Without a name it gets one such as `debugger-x7k2p`. With a target it is in that container's pid namespace and
    /// sees its processes; without one it shares what the pod's containers share.
    ///
    /// # Errors
    /// As [`Lab::add_ephemeral`].
    pub fn debug(
        &self,
        pod: &PodUid,
        name: Option<&str>,
        image: &str,
        argv: &[String],
        target: Option<&str>,
    ) -> Result<Member, Error> {
        let spec = self.spec(pod)?;
        let container = ContainerSpec::debugger(&spec, name, image, argv, target).map_err(Error::Refused)?;
        let member = Member::container(pod, &container.name);
        self.add_ephemeral(pod, container)?;
        Ok(member)
    }

    /// Takes a container out of its pod: TERM, the grace period (the spec's own without one here), KILL. It is not
    /// restarted, and when nothing of it lives any more, the pod has it no longer. Returns at once.
    ///
    /// # Errors
    /// It is pause or holds the namespaces in its place, is an ephemeral container, or another container is in its pid
    /// namespace. Or there is no such pod or container.
    pub fn remove_container(&self, member: &Member, grace: Option<Duration>) -> Result<(), Error> {
        let grace_ms = grace.map(|g| u64::try_from(g.as_millis()).unwrap_or(u64::MAX));
        let request = |call| Request::RemoveContainer { call, member: member.clone(), grace_ms };
        match self.shared.call(request, PATIENCE)? {
            Answer::Done => Ok(()),
            other => Err(of_member(other, member)),
        }
    }

    /// What a pod is to be like now: containers have been replaced, added and taken out since it was started.
    ///
    /// # Errors
    /// There is no such pod, or the node is gone.
    pub fn spec(&self, pod: &PodUid) -> Result<PodSpec, Error> {
        match self.shared.call(|call| Request::Spec { call, pod: pod.clone() }, PATIENCE)? {
            Answer::Spec(spec) => Ok(*spec),
            other => Err(of_pod(other, pod)),
        }
    }

    /// Gives one container another command, as [`Lab::replace`].
    ///
    /// # Errors
    /// It is pause or an ephemeral container, or there is no such pod or container.
    pub fn replace_command(&self, member: &Member, argv: &[String]) -> Result<(), Error> {
        let refused = |why: &str| Error::Refused(why.to_owned());
        let name = member.container.as_deref().ok_or_else(|| refused("pause has no command; kill it instead"))?;
        let spec = self.spec(&member.pod)?.with_command(name, argv).map_err(Error::Refused)?;
        self.replace(&member.pod, spec, vec![name.to_owned()])
    }

    fn add(&self, pod: &PodUid, container: ContainerSpec, ephemeral: bool) -> Result<(), Error> {
        let container = Box::new(container);
        let request = |call: Call| Request::AddContainer { call, pod: pod.clone(), container, ephemeral };
        match self.shared.call(request, PATIENCE)? {
            Answer::Done => Ok(()),
            other => Err(of_pod(other, pod)),
        }
    }
}

fn of_pod(answer: Answer, pod: &PodUid) -> Error {
    match answer {
        Answer::NoSuchPod => Error::NoSuchPod(pod.clone()),
        other => unexpected(other),
    }
}
