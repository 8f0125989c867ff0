//! Container ports and the host ports that they are publish on.

use std::collections::{BTreeMap, BTreeSet};

use k8s_openapi::api::core::v1::ContainerPort;

use super::Checker;
use super::names::is_service_name;
use crate::lab::spec::Port;
use crate::lab::spec::yaml::PlacedError;

/// Host ports of the containers above.
#[derive(Default)]
pub struct TakenPorts {
    /// By protocol and number: the path of the field that takes it.
    host: BTreeMap<(String, u16), String>,
}

impl Checker<'_> {
    pub(super) fn ports(
        &mut self,
        path: &str,
        ports: Vec<ContainerPort>,
        host_network: bool,
        taken: &mut TakenPorts,
    ) -> Result<Vec<Port>, PlacedError> {
        let mut names = BTreeSet::new();
        let mut out = Vec::new();
        for (j, port) in ports.into_iter().enumerate() {
            let path = format!("{path}.ports[{j}]");
            if let Some(name) = &port.name {
                let at = format!("{path}.name");
                if !is_service_name(name) {
                    let expected = "expected at most 15 of a-z, 0-9 and -, with a letter among them";
                    return Err(self.wrong(&at, format!("is \"{name}\"; {expected}")));
                }
                if !names.insert(name.clone()) {
                    return Err(self.wrong(&at, format!("\"{name}\" is taken by a port above; expected another name")));
                }
            }
            let protocol = port.protocol.as_deref().unwrap_or("TCP");
            if !["TCP", "UDP", "SCTP"].contains(&protocol) {
                let message = format!("is \"{protocol}\"; expected TCP, UDP or SCTP");
                return Err(self.wrong(&format!("{path}.protocol"), message));
            }
            let container = self.port_number(&format!("{path}.containerPort"), port.container_port)?;
            // in Kubernetes 0 and "" mean absent
            let ip = port.host_ip.filter(|ip| !ip.is_empty());
            let host = match port.host_port.filter(|number| *number != 0) {
                None => {
                    if ip.is_some() {
                        self.warn(format!("{path}.hostIP"), "has no effect without hostPort");
                    }
                    None
                }
                Some(number) => {
                    let at = format!("{path}.hostPort");
                    let number = self.port_number(&at, number)?;
                    if host_network && number != container {
                        let message = format!("is {number}; expected {container} as containerPort, for hostNetwork");
                        return Err(self.wrong(&at, message));
                    }
                    self.publish(&path, number, protocol, ip.as_deref(), taken)?
                }
            };
            out.push(Port { container, host, name: port.name, protocol: protocol.to_owned() });
        }
        Ok(out)
    }

    /// Records a host port, which may be used once in the whole pod, and returns it if it is published.
    fn publish(
        &mut self,
        path: &str,
        number: u16,
        protocol: &str,
        ip: Option<&str>,
        taken: &mut TakenPorts,
    ) -> Result<Option<u16>, PlacedError> {
        let at = format!("{path}.hostPort");
        if let Some(other) = taken.host.insert((protocol.to_owned(), number), at.clone()) {
            let message = format!("{number} is taken by {other}; expected another port of the host");
            return Err(self.wrong(&at, message));
        }
        if protocol != "TCP" {
            self.warn(at, format!("is not published: the lab publishes TCP only, and this is {protocol}"));
            return Ok(None);
        }
        if let Some(ip) = ip.filter(|ip| *ip != "127.0.0.1") {
            self.warn(format!("{path}.hostIP"), format!("is {ip}: the lab publishes on 127.0.0.1 only"));
        }
        Ok(Some(number))
    }

    fn port_number(&self, path: &str, number: i32) -> Result<u16, PlacedError> {
        u16::try_from(number)
            .ok()
            .filter(|n| *n > 0)
            .ok_or_else(|| self.wrong(path, format!("is {number}; expected 1 to 65535")))
    }
}
