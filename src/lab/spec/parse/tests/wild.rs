//! Manifests as they occur in clusters: every field that the lab does not support has exactly one warning.

use super::one;
use crate::lab::spec::{StartFacts, VolumeSource};

fn warnings_of(text: &str) -> Vec<String> {
    one(text).1.iter().map(ToString::to_string).collect()
}

/// The manifest is the output of `kubectl get pod -o yaml`.
#[test]
fn a_pod_of_a_running_cluster_has_one_warning_for_each_unsupported_field() {
    let text = include_str!("coredns.yaml");
    assert_eq!(
        warnings_of(text),
        [
            "22:3: spec.affinity is not supported by the lab and has no effect",
            "40:5: spec.containers[0].livenessProbe is not supported by the lab and has no effect",
            "61:5: spec.containers[0].readinessProbe is not supported by the lab and has no effect",
            "73:7: spec.containers[0].resources.requests is not supported by the lab and has no effect",
            "93:3: spec.dnsPolicy is not supported by the lab and has no effect",
            "95:3: spec.nodeName is not supported by the lab and has no effect",
            "96:3: spec.nodeSelector is not supported by the lab and has no effect",
            "99:3: spec.priority is not supported by the lab and has no effect",
            "100:3: spec.priorityClassName is not supported by the lab and has no effect",
            "104:3: spec.serviceAccount is not supported by the lab and has no effect",
            "105:3: spec.serviceAccountName is not supported by the lab and has no effect",
            "107:3: spec.tolerations is not supported by the lab and has no effect",
            "120:13: spec.volumes[0].configMap.name is \"coredns\", and no ConfigMap of that name is in this file: the pod waits for it; add one in namespace kube-system, or say `optional: true`",
            "126:9: spec.volumes[1].projected.sources[0].serviceAccountToken is not supported by the lab: its files are not there",
            "133:17: spec.volumes[1].projected.sources[1].configMap.name is kube-root-ca.crt, which a cluster makes: the lab has no API server, and no certificate of one",
        ]
    );
    let (spec, _) = one(text);
    assert_eq!((spec.name.as_str(), spec.namespace.as_str()), ("coredns-668d6bf9bc-7xk2q", "kube-system"));
    assert_eq!(spec.containers[0].ports.len(), 3);
    assert_eq!(
        spec.mount_errors().collect::<Vec<_>>(),
        ["MountVolume.SetUp failed for volume \"config-volume\" : configmap \"coredns\" not found"]
    );
}

#[test]
fn a_pod_with_an_injected_sidecar_has_one_warning_for_each_unsupported_field() {
    let text = include_str!("istio.yaml");
    assert_eq!(
        warnings_of(text),
        [
            "13:3: metadata.finalizers is not supported by the lab and has no effect",
            "25:3: spec.serviceAccountName is not supported by the lab and has no effect",
            "26:3: spec.imagePullSecrets is not supported by the lab and has no effect",
            "28:3: spec.topologySpreadConstraints is not supported by the lab and has no effect",
            "39:7: spec.initContainers[0].resources.requests is not supported by the lab and has no effect",
            "41:28: spec.initContainers[0].securityContext.capabilities.add[0] has no effect: the lab gives NET_ADMIN to no container",
            "42:7: spec.initContainers[0].securityContext.privileged is not supported by the lab and has no effect",
            "68:21: spec.initContainers[1].env[5].valueFrom.resourceFieldRef.resource is limits.cpu, which this container does not have: the variable is not set",
            "71:5: spec.initContainers[1].lifecycle is not supported by the lab and has no effect",
            "74:5: spec.initContainers[1].readinessProbe is not supported by the lab and has no effect",
            "76:5: spec.initContainers[1].startupProbe is not supported by the lab and has no effect",
        ]
    );
    let (spec, _) = one(text);
    let proxy = &spec.init_containers[1];
    assert!(proxy.sidecar && !spec.init_containers[0].sidecar);
    assert_eq!(proxy.argv(&StartFacts::default()).last().map(String::as_str), Some("default.svc.cluster.local"));
    let env: Vec<&str> = proxy.env.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(env, ["PILOT_CERT_PROVIDER", "POD_NAME", "POD_NAMESPACE", "INSTANCE_IP", "SERVICE_ACCOUNT"]);
    assert_eq!(spec.volumes[3].source, VolumeSource::EmptyDir { memory: false, size_limit: Some(1 << 30) });
}
