//! Events about images. No image is ever pulled, so every event that a kubelet would report of a pull is marked as
//! simulated.

use super::{Decision, PodState};
use crate::lab::spec::{ContainerSpec, PullPolicy};
use crate::model::{EventReason, Program, SandboxKind, Stamp};

/// The pause image of a current kubelet (`DefaultSandboxImage` of containerd, `PauseVersion` of kubeadm).
pub const PAUSE_IMAGE: &str = "registry.k8s.io/pause:3.10";

impl PodState {
    /// Reports the image as present, or as pulled with `imagePullPolicy: Always` (`EnsureImageExists` in
    /// pkg/kubelet/images/image_manager.go).
    pub(super) fn report_pull(&self, container: &ContainerSpec, at: Stamp, d: &mut Decision) {
        let image = &container.image;
        let what_runs = match container.program() {
            Some(Program::StandIn(applet)) => format!("the stand-in \"{applet}\" takes its place"),
            _ => "the host's own files take its place".to_owned(),
        };
        // a container that runs a program of the host needs no image
        if image.is_empty() {
            return self.normal(d, EventReason::Pulled, format!("The container has no image: {what_runs}"), at);
        }
        let simulated = format!("(simulated: no image is pulled, {what_runs})");
        if container.pull == PullPolicy::Always {
            self.normal(d, EventReason::Pulling, format!("Pulling image \"{image}\" (simulated)"), at);
            self.normal(d, EventReason::Pulled, format!("Successfully pulled image \"{image}\" {simulated}"), at);
        } else {
            let message = format!("Container image \"{image}\" already present on machine {simulated}");
            self.normal(d, EventReason::Pulled, message, at);
        }
    }

    /// The error of a sandbox that cannot be created. With `podscope.dev/pause: missing` it is a kubelet's error for a
    /// registry without the pause image (`RunPodSandbox` of containerd), followed by what really happened.
    pub(super) fn sandbox_error(&self, why: &str) -> String {
        const FAILED: &str = "Failed to create pod sandbox:";
        if self.spec.sandbox != SandboxKind::Missing {
            return format!("{FAILED} {why}");
        }
        let image = PAUSE_IMAGE;
        format!(
            "{FAILED} rpc error: code = Unknown desc = failed to get sandbox image \"{image}\": failed to pull image \
             \"{image}\": failed to pull and unpack image \"{image}\": failed to resolve reference \"{image}\": \
             {image}: not found (simulated by podscope.dev/pause: missing; {why})"
        )
    }
}
