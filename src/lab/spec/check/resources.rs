//! Resource limits and requests of a container, checked as the API server does (`validateContainerResourceRequirements`
//! in `pkg/apis/core/validation`).

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::{ResourceFieldSelector, ResourceRequirements};
use k8s_openapi::apimachinery::pkg::api::resource::Quantity as Written;

use super::Checker;
use super::quantity::Quantity;
use crate::lab::spec::Limits;
use crate::lab::spec::yaml::PlacedError;

/// Maximum number of tasks of one container. Kubernetes limits them by a setting of the kubelet (`podPidsLimit`), so
/// the lab uses an extended resource.
const PIDS: &str = "podscope.dev/pids";

/// Amounts of one list by resource name, each with its original text.
type Amounts = BTreeMap<String, (Quantity, String)>;

/// Requests and limits of a container.
#[derive(Default)]
pub struct Resources {
    limits: Amounts,
    requests: Amounts,
}

impl Resources {
    pub fn limits(&self) -> Limits {
        // for a kubelet 0 means no limit
        let units = |name: &str| self.limits.get(name).map(|(amount, _)| amount.units()).filter(|n| *n > 0);
        let cpu_millicores = self.limits.get("cpu").map(|(amount, _)| amount.thousandths()).filter(|n| *n > 0);
        Limits { memory_bytes: units("memory"), cpu_millicores, pids: units(PIDS) }
    }

    /// The value of a `resourceFieldRef`, rounded up (`ExtractContainerResourceValue` in pkg/api/v1/resource). `None`
    /// if the container has no such limit: a cluster would use the node's allocatable amount.
    pub fn field(&self, selector: &ResourceFieldSelector) -> Option<String> {
        let divisor = selector.divisor.as_ref().and_then(|text| Quantity::parse(&text.0).ok());
        let (list, name) = selector.resource.split_once('.')?;
        let amount = match list {
            "limits" => self.limits.get(name).map(|(amount, _)| *amount)?,
            // the limit is the default of the request
            "requests" => {
                self.requests.get(name).or(self.limits.get(name)).map_or(Quantity::ZERO, |(amount, _)| *amount)
            }
            _ => return None,
        };
        let parts = |amount: Quantity| if name == "cpu" { amount.thousandths() } else { amount.units() };
        let one = if name == "cpu" { 1000 } else { 1 };
        let divisor = divisor.map(parts).filter(|n| *n > 0).unwrap_or(one);
        Some(parts(amount).div_ceil(divisor).to_string())
    }
}

impl Checker<'_> {
    /// Checks limits and requests. `path` is the path of `resources`.
    pub(super) fn resources(
        &mut self,
        path: &str,
        written: Option<ResourceRequirements>,
    ) -> Result<Resources, PlacedError> {
        let Some(resources) = written else { return Ok(Resources::default()) };
        let limits = self.amounts(&format!("{path}.limits"), resources.limits)?;
        let requests = self.amounts(&format!("{path}.requests"), resources.requests)?;
        for (name, (request, written)) in &requests {
            let place = self.document.place_of(&format!("{path}.requests[{name}]"));
            let Some((limit, most)) = limits.get(name) else {
                if may_overcommit(name) {
                    continue;
                }
                let why = "Limit must be set for non overcommitable resources";
                return Err((place, format!("{path}.limits: Required value: {why}; expected {name}: {written}")));
            };
            let relation = if may_overcommit(name) { "less than or equal" } else { "equal" };
            if request > limit || relation == "equal" && request != limit {
                let why = format!("must be {relation} to {name} limit of {most}");
                let (_, message) = self.invalid(&format!("{path}.requests"), written, &why, "one of them changed");
                return Err((place, message));
            }
        }
        Ok(Resources { limits, requests })
    }

    fn amounts(&mut self, path: &str, written: Option<BTreeMap<String, Written>>) -> Result<Amounts, PlacedError> {
        let mut amounts = Amounts::new();
        for (name, Written(text)) in written.unwrap_or_default() {
            let at = format!("{path}[{name}]");
            if !is_resource(&name) {
                let expected = "cpu, memory, ephemeral-storage, or a name with a domain such as example.com/gpu";
                return Err(self.invalid(&at, &name, "must be a standard resource for containers", expected));
            }
            let amount = self.quantity(&at, &text, example(&name))?;
            if name == "memory" && !amount.is_whole() {
                self.warn(at, format!("fractional byte value \"{text}\" is invalid, must be an integer"));
            } else if name.contains('/') && !amount.is_whole() {
                return Err(self.invalid(&at, &text, "must be an integer", "a whole number"));
            }
            amounts.insert(name, (amount, text));
        }
        Ok(amounts)
    }

    /// Reads an amount and refuses a negative one.
    pub(super) fn quantity(&self, path: &str, text: &str, expected: &str) -> Result<Quantity, PlacedError> {
        let amount = Quantity::parse(text).map_err(|e| self.invalid(path, text, &e.to_string(), expected))?;
        if amount.is_negative() {
            return Err(self.invalid(path, text, "must be greater than or equal to 0", expected));
        }
        Ok(amount)
    }
}

fn is_resource(name: &str) -> bool {
    name.contains('/') || ["cpu", "memory", "ephemeral-storage"].contains(&name) || name.starts_with("hugepages-")
}

/// Whether a request may be lower than the limit (`IsOvercommitAllowed`).
fn may_overcommit(name: &str) -> bool {
    !name.contains('/') && !name.starts_with("hugepages-")
}

fn example(name: &str) -> &'static str {
    match name {
        "cpu" => "an amount such as 500m or 0.5",
        name if name.contains('/') => "a whole number",
        _ => "an amount such as 64Mi or 128M",
    }
}
