//! The volumes of the pod (`describeVolumes` of kubectl).

use super::super::text::Text;
use crate::model::{Pod, VolumeKind};

pub(super) fn describe(pod: &Pod, text: &mut Text) {
    let known = pod.manifest.as_ref().map(|m| m.volumes.as_slice());
    if known.map_or(pod.volumes.is_empty(), <[_]>::is_empty) {
        return text.row(["Volumes:".into(), "<none>".into()]);
    }
    text.row(["Volumes:".into()]);
    let Some(known) = known else {
        // only the names are known
        for name in &pod.volumes {
            text.row([format!("  {name}:").into()]);
            text.row(["  <unknown>".into()]);
        }
        return;
    };
    for volume in known {
        text.row([format!("  {}:", volume.name).into()]);
        let mut field = |name: &str, value: String| text.row([format!("    {name}:").into(), value.into()]);
        match &volume.kind {
            VolumeKind::EmptyDir { memory, size_limit } => {
                field("Type", "EmptyDir (a temporary directory that shares a pod's lifetime)".into());
                field("Medium", if *memory { "Memory" } else { "" }.into());
                field("SizeLimit", size_limit.map_or_else(|| "<unset>".into(), quantity));
            }
            VolumeKind::HostPath { path, kind } => {
                field("Type", "HostPath (bare host directory volume)".into());
                field("Path", path.clone());
                field("HostPathType", kind.clone().unwrap_or_default());
            }
            // which of the three kinds it was is not known any more
            VolumeKind::Config => {
                field("Type", "ConfigMap, Secret or Projected (files of ConfigMaps and Secrets)".into());
            }
        }
    }
}

/// Bytes as a quantity in canonical form (`Quantity` of k8s.io/apimachinery/pkg/api/resource): the largest binary
/// unit that leaves a whole number.
fn quantity(bytes: u64) -> String {
    let (mut n, mut unit) = (bytes, "");
    for next in ["Ki", "Mi", "Gi", "Ti", "Pi"] {
        if n == 0 || !n.is_multiple_of(1024) {
            break;
        }
        (n, unit) = (n / 1024, next);
    }
    format!("{n}{unit}")
}

#[cfg(test)]
mod tests {
    use super::quantity;

    #[test]
    fn bytes_are_formatted_as_in_kubernetes() {
        for (bytes, words) in [(1, "1"), (1024, "1Ki"), (1536, "1536"), (64 << 20, "64Mi"), (3 << 30, "3Gi")] {
            assert_eq!(quantity(bytes), words);
        }
    }
}
