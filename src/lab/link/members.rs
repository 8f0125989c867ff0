//! Builds and changes pods container by container.

use std::time::Duration;

use super::error::Error;
use super::{ANSWER_TIMEOUT, Lab, member_error, unexpected_answer};
use crate::lab::protocol::{Answer, Call, Request};
use crate::lab::spec::{ContainerSpec, PodSpec};
use crate::model::{Member, PodUid};

impl Lab {
    /// Starts a pod without containers: pause, its namespaces and a network. [`Lab::add_container`] adds containers.
    ///
    /// # Errors
    /// The name is not one that a pod can have, or the node is gone.
    pub fn sandbox(&self, name: &str) -> Result<PodUid, Error> {
        self.run(PodSpec::sandbox(name).map_err(Error::Refused)?)
    }

    /// Adds a container to a running pod. It joins the namespaces of its [`ContainerSpec::join`], or by default those
    /// that the pod's containers share. With `sidecar` it becomes a sidecar. Returns as soon as the pod has accepted
    /// it. Everything after that is reported as Deltas. It is started like any other container, and restarted according
    /// to the pod's `restartPolicy`.
    ///
    /// # Errors
    /// With the API server's message: its name is taken, or something that it refers to does not exist. Or the pod is
    /// being stopped, or gone, or the container whose pid namespace it is to join does not run.
    pub fn add_container(&self, pod: &PodUid, container: ContainerSpec) -> Result<(), Error> {
        self.add(pod, container, false)
    }

    /// Adds an ephemeral container, as `kubectl debug` does. It is never restarted and cannot be removed or changed.
    /// [`ContainerSpec::debugger`] makes a spec that can be changed before it is added here; [`Lab::debug`] does both.
    ///
    /// # Errors
    /// Those of [`Lab::add_container`]; or it has ports, resources or a `subPath`, which an ephemeral container must
    /// not have.
    pub fn add_ephemeral(&self, pod: &PodUid, container: ContainerSpec) -> Result<(), Error> {
        self.add(pod, container, true)
    }

    /// `kubectl debug POD --image IMAGE --target TARGET -- ARGV…`: adds an ephemeral container and returns its member.
    /// Without a name it gets one such as `debugger-x7k2p`. With a target it joins that container's pid namespace and
    /// sees its processes. Without one it shares the namespaces that the pod's containers share.
    ///
    /// # Errors
    /// Those of [`Lab::add_ephemeral`].
    pub fn debug(
        &self,
        pod: &PodUid,
        name: Option<&str>,
        image: &str,
        argv: &[String],
        target: Option<&str>,
    ) -> Result<Member, Error> {
        let spec = self.spec(pod)?;
        let container = ContainerSpec::debugger(&spec, name, image, argv, target);
        let member = Member::container(pod, &container.name);
        self.add_ephemeral(pod, container)?;
        Ok(member)
    }

    /// Removes a container from its pod: TERM, the grace period (by default the spec's), KILL. It is not restarted.
    /// When none of its processes lives any more, it is no longer part of the pod. Returns at once.
    ///
    /// # Errors
    /// It is pause or takes pause's place, is an ephemeral container, or another container is in its pid namespace. Or
    /// there is no such pod or container.
    pub fn remove_container(&self, member: &Member, grace: Option<Duration>) -> Result<(), Error> {
        let grace_ms = grace.map(|g| u64::try_from(g.as_millis()).unwrap_or(u64::MAX));
        let request = |call| Request::RemoveContainer { call, member: member.clone(), grace_ms };
        match self.shared.call(request, ANSWER_TIMEOUT)? {
            Answer::Done => Ok(()),
            other => Err(member_error(other, member)),
        }
    }

    /// The pod's current spec, with all containers that were replaced, added and removed since it was started.
    ///
    /// # Errors
    /// There is no such pod, or the node is gone.
    pub fn spec(&self, pod: &PodUid) -> Result<PodSpec, Error> {
        match self.shared.call(|call| Request::Spec { call, pod: pod.clone() }, ANSWER_TIMEOUT)? {
            Answer::Spec(spec) => Ok(*spec),
            other => Err(pod_error(other, pod)),
        }
    }

    /// Gives one container another command, as [`Lab::replace`] does.
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
        match self.shared.call(request, ANSWER_TIMEOUT)? {
            Answer::Done => Ok(()),
            other => Err(pod_error(other, pod)),
        }
    }
}

fn pod_error(answer: Answer, pod: &PodUid) -> Error {
    match answer {
        Answer::NoSuchPod => Error::NoSuchPod(pod.clone()),
        other => unexpected_answer(other),
    }
}
