//! Adds containers to a running pod and removes them from it.

use super::event_loop::Node;
use super::volumes;
use crate::lab::controller::Fact;
use crate::lab::protocol::Answer;
use crate::lab::spec::ContainerSpec;
use crate::model::{ContainerKind, Member, PodUid};

impl Node {
    /// Answers as soon as the pod has accepted the container. Everything after that is reported as for any container.
    pub(super) fn add_container(&mut self, uid: &PodUid, container: ContainerSpec, ephemeral: bool) -> Answer {
        let Some(run) = self.pods.get(uid) else { return Answer::NoSuchPod };
        let kind = match (ephemeral, container.sidecar) {
            (true, _) => ContainerKind::Ephemeral,
            (false, true) => ContainerKind::Sidecar,
            (false, false) => ContainerKind::App,
        };
        let container = match run.state.admit(container, kind) {
            Ok(container) => container,
            Err(why) => return Answer::Failed(why),
        };
        self.decide(uid, Fact::Added { container: Box::new(container), kind }, Self::now());
        Answer::Done
    }

    pub(super) fn remove_container(&mut self, member: &Member, grace_ms: Option<u64>) -> Answer {
        let Some(run) = self.pods.get(&member.pod) else { return Answer::NoSuchPod };
        let Some(container) = member.container.clone() else {
            return Answer::Failed("pause holds the namespaces of the others; delete the pod instead".to_owned());
        };
        if run.state.spec.container(&container).is_none() {
            return Answer::Failed(format!("pod {} has no container {container}", run.state.spec.name));
        }
        if let Some(why) = run.state.spec.why_not_removable(&container) {
            return Answer::Failed(why);
        }
        self.decide(&member.pod, Fact::RemovalRequested { container, grace_ms }, Self::now());
        Answer::Done
    }

    /// Deletes the state of a removed container, so that a new one of its name starts without it.
    pub(super) fn forget_container(&mut self, uid: &PodUid, container: &str) {
        let Some(run) = self.pods.get_mut(uid) else { return };
        let name = Some(container.to_owned());
        run.logs.remove(&name);
        run.passed.remove(&name);
        run.inputs.remove(container);
        volumes::forget_termination_log(uid, container);
    }
}
