//! A container's `securityContext`, with the pod's values where it sets none.

use serde::{Deserialize, Serialize};

/// The capabilities of a container: the default list of docker and containerd, with their numbers
/// (`linux/capability.h`).
pub const CONTAINER: [(u32, &str); 14] = [
    (0, "CHOWN"),
    (1, "DAC_OVERRIDE"),
    (3, "FOWNER"),
    (4, "FSETID"),
    (5, "KILL"),
    (6, "SETGID"),
    (7, "SETUID"),
    (8, "SETPCAP"),
    (10, "NET_BIND_SERVICE"),
    (13, "NET_RAW"),
    (18, "SYS_CHROOT"),
    (27, "MKNOD"),
    (29, "AUDIT_WRITE"),
    (31, "SETFCAP"),
];

/// [`CONTAINER`] and `SYS_ADMIN`, for a container that creates and joins namespaces in the lab.
pub const HAND: [(u32, &str); 15] = {
    let mut all = [(21, "SYS_ADMIN"); 15];
    let mut i = 0;
    while i < CONTAINER.len() {
        all[i] = CONTAINER[i];
        i += 1;
    }
    all
};

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Security {
    /// `runAsUser`.
    pub user: Option<u32>,
    /// `runAsGroup`.
    pub group: Option<u32>,
    /// `supplementalGroups`, which only a pod's `securityContext` has.
    pub groups: Vec<u32>,
    /// `runAsNonRoot`.
    pub non_root: bool,
    /// `readOnlyRootFilesystem`.
    pub read_only_root: bool,
    /// `capabilities.add`, without those that the lab never gives.
    pub added: Vec<Capability>,
    /// `capabilities.drop`.
    pub dropped: Vec<Capability>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Capability {
    All,
    /// A capability by its number (`linux/capability.h`).
    One(u32),
}

impl Capability {
    /// Reads `NET_RAW`, `CAP_NET_RAW` or `ALL`, in upper or lower case; `None` if no container of the lab can have it.
    pub fn parse(name: &str) -> Option<Self> {
        let upper = name.to_ascii_uppercase();
        let short = upper.strip_prefix("CAP_").unwrap_or(&upper);
        if short == "ALL" {
            return Some(Self::All);
        }
        CONTAINER.iter().find(|(_, known)| *known == short).map(|(number, _)| Self::One(*number))
    }
}

impl Security {
    /// The capabilities of the container's processes while their user is root: the default set without `dropped` and
    /// with `added`, applied in the order of the container runtimes (`WithCapabilities` of containerd's
    /// `internal/cri/opts`).
    pub fn capabilities(&self) -> Vec<(u32, &'static str)> {
        let named = |list: &[Capability], number| list.contains(&Capability::One(number));
        let (drops_all, adds_all) = (self.dropped.contains(&Capability::All), self.added.contains(&Capability::All));
        let kept =
            |number: u32| (!drops_all || adds_all || named(&self.added, number)) && !named(&self.dropped, number);
        CONTAINER.into_iter().filter(|(number, _)| kept(*number)).collect()
    }

    /// Whether the container's first process runs as root.
    pub fn is_root(&self) -> bool {
        self.user.is_none_or(|user| user == 0)
    }
}

#[cfg(test)]
mod tests {
    use super::{Capability, Security};

    fn with(added: &[&str], dropped: &[&str]) -> Vec<&'static str> {
        let read = |names: &[&str]| names.iter().filter_map(|name| Capability::parse(name)).collect();
        let security = Security { added: read(added), dropped: read(dropped), ..Security::default() };
        security.capabilities().into_iter().map(|(_, name)| name).collect()
    }

    #[test]
    fn capabilities_are_dropped_and_added() {
        assert_eq!(with(&[], &[]).len(), 14);
        assert_eq!(with(&[], &["ALL"]), [""; 0]);
        assert_eq!(with(&["NET_BIND_SERVICE"], &["all"]), ["NET_BIND_SERVICE"]);
        assert_eq!(with(&["ALL"], &["CAP_KILL"]).len(), 13);
        assert!(!with(&[], &["KILL"]).contains(&"KILL"));
        assert_eq!(Capability::parse("SYS_ADMIN"), None, "the lab gives it to no container");
    }
}
