//! `securityContext` of pods and containers.

use k8s_openapi::api::core::v1::{PodSecurityContext, SecurityContext};

use super::Checker;
use crate::lab::spec::security::{Capability, Security};
use crate::lab::spec::yaml::PlacedError;

impl Checker<'_> {
    /// The pod's `securityContext`, which is the default for its containers.
    pub(super) fn pod_security(&mut self, context: Option<PodSecurityContext>) -> Result<Security, PlacedError> {
        let Some(context) = context else { return Ok(Security::default()) };
        let path = "spec.securityContext";
        let mut groups = Vec::new();
        for (i, group) in context.supplemental_groups.unwrap_or_default().into_iter().enumerate() {
            groups.push(self.id(&format!("{path}.supplementalGroups[{i}]"), group)?);
        }
        Ok(Security {
            user: self.optional_id(&format!("{path}.runAsUser"), context.run_as_user)?,
            group: self.optional_id(&format!("{path}.runAsGroup"), context.run_as_group)?,
            groups,
            non_root: context.run_as_non_root.unwrap_or_default(),
            ..Security::default()
        })
    }

    pub(super) fn security(
        &mut self,
        path: &str,
        context: Option<SecurityContext>,
        of_pod: &Security,
    ) -> Result<Security, PlacedError> {
        let mut security = of_pod.clone();
        let Some(context) = context else { return Ok(security) };
        let path = format!("{path}.securityContext");
        security.user = self.optional_id(&format!("{path}.runAsUser"), context.run_as_user)?.or(security.user);
        security.group = self.optional_id(&format!("{path}.runAsGroup"), context.run_as_group)?.or(security.group);
        security.non_root = context.run_as_non_root.unwrap_or(security.non_root);
        security.read_only_root = context.read_only_root_filesystem.unwrap_or_default();
        if context.allow_privilege_escalation == Some(true) {
            let at = format!("{path}.allowPrivilegeEscalation");
            self.warn(at, "has no effect: no program of the lab gains privileges (no_new_privs)");
        }
        let capabilities = context.capabilities.unwrap_or_default();
        for (i, name) in capabilities.add.unwrap_or_default().iter().enumerate() {
            if let Some(capability) = Capability::parse(name) {
                security.added.push(capability);
            } else {
                let at = format!("{path}.capabilities.add[{i}]");
                self.warn(at, format!("has no effect: the lab gives {name} to no container"));
            }
        }
        // a capability that no container has need not be dropped
        security.dropped =
            capabilities.drop.unwrap_or_default().iter().filter_map(|name| Capability::parse(name)).collect();
        Ok(security)
    }

    fn optional_id(&self, path: &str, id: Option<i64>) -> Result<Option<u32>, PlacedError> {
        id.map(|id| self.id(path, id)).transpose()
    }

    /// `IsValidUserID` and `IsValidGroupID` of apimachinery's `pkg/util/validation`.
    fn id(&self, path: &str, id: i64) -> Result<u32, PlacedError> {
        let valid = u32::try_from(id).ok().filter(|id| *id <= i32::MAX.unsigned_abs());
        valid.ok_or_else(|| {
            let why = "must be between 0 and 2147483647, inclusive";
            (self.document.place_of(path), format!("{path}: Invalid value: {id}: {why}; expected such as 1000"))
        })
    }
}

#[cfg(test)]
mod tests {
    use crate::lab::spec::{PodSpec, SpecError, Warning, parse};

    fn read(of_pod: &str, of_container: &str) -> Result<(PodSpec, Vec<Warning>), SpecError> {
        let text = format!(
            "apiVersion: v1\nkind: Pod\nmetadata: {{name: p}}\nspec:\n  securityContext: {of_pod}\n  containers:\n  \
             - {{name: a, image: nginx, securityContext: {of_container}}}\n"
        );
        parse("pod.yaml", &text).map(|mut pods| pods.remove(0))
    }

    #[test]
    fn a_containers_security_context_overrides_its_pods() {
        let of_pod = "{runAsUser: 1000, runAsGroup: 1000, runAsNonRoot: true, supplementalGroups: [5]}";
        let (spec, warnings) = read(of_pod, "{runAsUser: 0, runAsNonRoot: false}").expect("a pod");
        let security = &spec.containers[0].security;
        assert_eq!((security.user, security.group, security.non_root), (Some(0), Some(1000), false));
        assert_eq!(security.groups, [5]);
        assert!(warnings.is_empty(), "{warnings:?}");
    }

    #[test]
    fn invalid_ids_are_errors_and_settings_without_effect_are_warnings() {
        for (of_pod, of_container, path) in [
            ("{runAsUser: -1}", "{}", "spec.securityContext.runAsUser: Invalid value: -1"),
            (
                "{supplementalGroups: [1, 2147483648]}",
                "{}",
                "spec.securityContext.supplementalGroups[1]: Invalid value",
            ),
            ("{}", "{runAsGroup: -5}", "spec.containers[0].securityContext.runAsGroup: Invalid value: -5"),
        ] {
            let error = read(of_pod, of_container).expect_err("out of range").to_string();
            assert!(error.contains(path) && error.contains("between 0 and 2147483647"), "{error}");
        }
        let all =
            "{privileged: true, allowPrivilegeEscalation: true, capabilities: {add: [SYS_ADMIN, KILL], drop: [BPF]}}";
        let (_, warnings) = read("{fsGroup: 5}", all).expect("a pod");
        let fields: Vec<&str> = warnings.iter().map(|w| w.path.rsplit('.').next().unwrap_or_default()).collect();
        assert_eq!(fields, ["fsGroup", "privileged", "allowPrivilegeEscalation", "add[0]"]);
    }
}
