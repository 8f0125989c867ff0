//! The messages, with the fields that are needed. Each function reads one message.

use super::protobuf::{Malformed, each_field};

/// `ListPodSandboxResponse`
pub fn sandboxes(message: &[u8]) -> Result<Vec<PodSandbox>, Malformed> {
    let mut items = Vec::new();
    each_field(message, |field, value| {
        if field == 1 {
            items.push(PodSandbox::read(value.bytes())?);
        }
        Ok(())
    })?;
    Ok(items)
}

/// `ListContainersResponse`
pub fn containers(message: &[u8]) -> Result<Vec<Container>, Malformed> {
    let mut containers = Vec::new();
    each_field(message, |field, value| {
        if field == 1 {
            containers.push(Container::read(value.bytes())?);
        }
        Ok(())
    })?;
    Ok(containers)
}

/// `runtime_name` of `VersionResponse`.
pub fn runtime_name(message: &[u8]) -> Result<String, Malformed> {
    let mut name = String::new();
    each_field(message, |field, value| {
        if field == 2 {
            name = value.text();
        }
        Ok(())
    })?;
    Ok(name)
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PodSandbox {
    pub id: String,
    pub name: String,
    pub uid: String,
    pub namespace: String,
    /// `SANDBOX_READY` is 0, so that it is the state of a message that has none.
    pub is_ready: bool,
    pub created_at: u64,
}

impl PodSandbox {
    fn read(message: &[u8]) -> Result<Self, Malformed> {
        let mut this = Self { is_ready: true, ..Self::default() };
        each_field(message, |field, value| {
            match field {
                1 => this.id = value.text(),
                // `PodSandboxMetadata`
                2 => each_field(value.bytes(), |field, value| {
                    match field {
                        1 => this.name = value.text(),
                        2 => this.uid = value.text(),
                        3 => this.namespace = value.text(),
                        _ => {}
                    }
                    Ok(())
                })?,
                3 => this.is_ready = value.number() == 0,
                4 => this.created_at = value.number(),
                _ => {}
            }
            Ok(())
        })?;
        Ok(this)
    }
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Container {
    pub id: String,
    pub sandbox: String,
    pub name: String,
    /// A name or a digest.
    pub image: String,
    /// As the manifest has it; empty before Kubernetes 1.28.
    pub image_in_manifest: String,
    pub state: ContainerState,
    pub created_at: u64,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum ContainerState {
    #[default]
    Created,
    Running,
    Exited,
    Unknown,
}

impl Container {
    fn read(message: &[u8]) -> Result<Self, Malformed> {
        let mut this = Self::default();
        each_field(message, |field, value| {
            match field {
                1 => this.id = value.text(),
                2 => this.sandbox = value.text(),
                // `ContainerMetadata`
                3 => each_field(value.bytes(), |field, value| {
                    if field == 1 {
                        this.name = value.text();
                    }
                    Ok(())
                })?,
                // `ImageSpec`
                4 => each_field(value.bytes(), |field, value| {
                    match field {
                        1 => this.image = value.text(),
                        18 => this.image_in_manifest = value.text(),
                        _ => {}
                    }
                    Ok(())
                })?,
                6 => {
                    this.state = match value.number() {
                        0 => ContainerState::Created,
                        1 => ContainerState::Running,
                        2 => ContainerState::Exited,
                        _ => ContainerState::Unknown,
                    }
                }
                7 => this.created_at = value.number(),
                _ => {}
            }
            Ok(())
        })?;
        Ok(this)
    }
}
