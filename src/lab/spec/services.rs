//! Services of a manifest, and the environment variables that a kubelet derives from them.
//!
//! The lab has no API server and no kube-proxy. A container gets the same variables as in a cluster, including those of
//! the API server's own service. Nothing forwards a service's address, so a connection to it fails at once.

use core::net::IpAddr;

use k8s_openapi::api::core::v1::{Service as K8sService, ServicePort};

use super::parse::Warning;
use super::typed;
use super::yaml::{Place, PlacedError, YamlNode};

/// A service that has an address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Service {
    name: String,
    namespace: String,
    address: String,
    ports: Vec<Port>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Port {
    name: Option<String>,
    number: u16,
    protocol: String,
}

/// The services of a manifest.
#[derive(Debug, Default)]
pub struct Services {
    pub all: Vec<Service>,
    pub warnings: Vec<Warning>,
}

/// The nth address of kubeadm's default range, 10.96.0.0/12. The first is that of the API server's own service.
fn nth_address(n: usize) -> String {
    format!("10.96.{}.{}", n / 256 % 256, n % 256)
}

impl Services {
    /// # Errors
    /// The first error in one of the services.
    pub fn read(documents: &[YamlNode]) -> Result<Self, PlacedError> {
        let mut services = Self::default();
        for (i, document) in documents.iter().enumerate() {
            services.add(i, document)?;
        }
        Ok(services)
    }

    fn add(&mut self, i: usize, document: &YamlNode) -> Result<(), PlacedError> {
        let service: K8sService = typed::read(document)?;
        let wrong =
            |path: &str, message: &str| -> PlacedError { (document.place_of(path), format!("{path}{message}")) };
        let name = service.metadata.name.filter(|name| !name.is_empty());
        let name = name.ok_or_else(|| wrong("metadata.name", ": Required value; expected the service's name"))?;
        let namespace = service.metadata.namespace.unwrap_or_else(|| "default".to_owned());
        let spec = service.spec.unwrap_or_default();
        let ports: Vec<Port> = spec
            .ports
            .unwrap_or_default()
            .into_iter()
            .enumerate()
            .map(|(j, p)| port(document, j, p))
            .collect::<Result<_, _>>()?;
        let given = spec.cluster_ip.filter(|ip| !ip.is_empty());
        let external = spec.type_.as_deref() == Some("ExternalName");
        if external || given.as_deref() == Some("None") {
            self.warn(
                document,
                format!("is \"Service\" and has no effect: \"{name}\" has no cluster IP, hence no variables"),
            );
            return Ok(());
        }
        if ports.is_empty() {
            return Err(wrong("spec.ports", ": Required value; expected at least one port"));
        }
        if given.as_ref().is_some_and(|ip| ip.parse::<IpAddr>().is_err()) {
            let ip = given.unwrap_or_default();
            let message =
                format!(": Invalid value: \"{ip}\": must be a valid IP address; expected one, None, or nothing");
            return Err(wrong("spec.clusterIP", &message));
        }
        let address = given.unwrap_or_else(|| nth_address(i + 2));
        let message = format!(
            "is \"Service\": pods get the variables of \"{name}\", but nothing forwards its address {address}: the lab has no kube-proxy"
        );
        self.warn(document, message);
        self.all.push(Service { name, namespace, address, ports });
        Ok(())
    }

    fn warn(&mut self, document: &YamlNode, message: String) {
        let Place { line, column } = document.place_of("kind");
        self.warnings.push(Warning { path: "kind".to_owned(), line, column, message });
    }
}

fn port(document: &YamlNode, j: usize, port: ServicePort) -> Result<Port, PlacedError> {
    let path = format!("spec.ports[{j}].port");
    let number = u16::try_from(port.port).ok().filter(|n| *n > 0).ok_or_else(|| {
        let why = "must be between 1 and 65535, inclusive";
        (document.place_of(&path), format!("{path}: Invalid value: {}: {why}; expected a port", port.port))
    })?;
    let protocol = port.protocol.unwrap_or_else(|| "TCP".to_owned());
    Ok(Port { name: port.name.filter(|name| !name.is_empty()), number, protocol })
}

/// The variables of a pod in this namespace (`getServiceEnvVarMap` in pkg/kubelet/kubelet_pods.go): always those of
/// `kubernetes`, and with `links` (`enableServiceLinks`) those of the services in its namespace.
pub fn variables(services: &[Service], namespace: &str, links: bool) -> Vec<(String, String)> {
    let is_master = |s: &Service| s.namespace == "default" && s.name == "kubernetes";
    let master = services.iter().find(|s| is_master(s)).cloned().unwrap_or_else(|| Service {
        name: "kubernetes".to_owned(),
        namespace: "default".to_owned(),
        address: nth_address(1),
        ports: vec![Port { name: Some("https".to_owned()), number: 443, protocol: "TCP".to_owned() }],
    });
    let others = services.iter().filter(|s| links && s.namespace == namespace && !is_master(s));
    std::iter::once(&master).chain(others).flat_map(service_variables).collect()
}

/// `FromServices` and `makeLinkVariables` in pkg/kubelet/envvars/envvars.go.
fn service_variables(service: &Service) -> Vec<(String, String)> {
    let prefix = variable_name(&service.name);
    let address = &service.address;
    let mut out = vec![(format!("{prefix}_SERVICE_HOST"), address.clone())];
    if let Some(first) = service.ports.first() {
        out.push((format!("{prefix}_SERVICE_PORT"), first.number.to_string()));
    }
    for port in &service.ports {
        if let Some(name) = &port.name {
            out.push((format!("{prefix}_SERVICE_PORT_{}", variable_name(name)), port.number.to_string()));
        }
    }
    let host = if address.contains(':') { format!("[{address}]") } else { address.clone() };
    for (i, Port { number, protocol, .. }) in service.ports.iter().enumerate() {
        let small = protocol.to_lowercase();
        let url = format!("{small}://{host}:{number}");
        if i == 0 {
            out.push((format!("{prefix}_PORT"), url.clone()));
        }
        let of_port = format!("{prefix}_PORT_{number}_{}", protocol.to_uppercase());
        out.push((of_port.clone(), url));
        out.push((format!("{of_port}_PROTO"), small));
        out.push((format!("{of_port}_PORT"), number.to_string()));
        out.push((format!("{of_port}_ADDR"), address.clone()));
    }
    out
}

fn variable_name(name: &str) -> String {
    name.replace('-', "_").to_uppercase()
}
