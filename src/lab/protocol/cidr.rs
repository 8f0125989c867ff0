//! The range of the pods' addresses.

use std::fmt;
use std::net::Ipv4Addr;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// An IPv4 network: its first usable address is the bridge's, the others are the pods'.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PodCidr {
    network: Ipv4Addr,
    prefix: u8,
}

impl Default for PodCidr {
    /// The part of the first node in the range that most CNI plugins use.
    fn default() -> Self {
        Self { network: Ipv4Addr::new(10, 244, 0, 0), prefix: 24 }
    }
}

impl PodCidr {
    pub const fn prefix(self) -> u8 {
        self.prefix
    }

    pub fn gateway(self) -> Ipv4Addr {
        self.nth(1)
    }

    pub fn broadcast(self) -> Ipv4Addr {
        self.nth(self.size() - 1)
    }

    /// The addresses for pods.
    pub fn addresses(self) -> impl Iterator<Item = Ipv4Addr> {
        (2..self.size() - 1).map(move |n| self.nth(n))
    }

    const fn size(self) -> u32 {
        1 << (32 - self.prefix)
    }

    fn nth(self, n: u32) -> Ipv4Addr {
        Ipv4Addr::from(u32::from(self.network) + n)
    }
}

impl fmt::Display for PodCidr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.network, self.prefix)
    }
}

impl FromStr for PodCidr {
    type Err = String;

    /// Reads a range such as `10.244.0.0/24`.
    fn from_str(text: &str) -> Result<Self, String> {
        let expected = "expected a private IPv4 network with a prefix from /16 to /29, such as 10.244.0.0/24";
        let wrong = || format!("\"{text}\" is no range of addresses; {expected}");
        let (network, prefix) = text.split_once('/').ok_or_else(wrong)?;
        let network: Ipv4Addr = network.parse().map_err(|_| wrong())?;
        let prefix: u8 = prefix.parse().ok().filter(|p| (16..=29).contains(p)).ok_or_else(wrong)?;
        let range = Self { network, prefix };
        if u32::from(network) & (range.size() - 1) != 0 {
            let first = Ipv4Addr::from(u32::from(network) & !(range.size() - 1));
            return Err(format!("{text} has bits set behind the prefix; expected {first}/{prefix}"));
        }
        if network.is_private() { Ok(range) } else { Err(wrong()) }
    }
}

#[cfg(test)]
mod tests {
    use super::PodCidr;

    #[test]
    fn a_range_has_a_gateway_pod_addresses_and_a_broadcast_address() {
        let range: PodCidr = "192.168.8.0/29".parse().expect("a range");
        assert_eq!(range.gateway().to_string(), "192.168.8.1");
        assert_eq!(range.broadcast().to_string(), "192.168.8.7");
        let pods: Vec<String> = range.addresses().map(|a| a.to_string()).collect();
        assert_eq!(pods, ["192.168.8.2", "192.168.8.3", "192.168.8.4", "192.168.8.5", "192.168.8.6"]);
        assert_eq!(PodCidr::default().addresses().count(), 253);
        assert_eq!(range.to_string(), "192.168.8.0/29");
    }

    #[test]
    fn an_invalid_range_is_refused_with_what_is_expected() {
        for (text, part) in [
            ("10.244.0.0", "expected a private"),
            ("10.244.0.0/8", "/16 to /29"),
            ("8.8.8.0/24", "private"),
            ("10.244.0.5/24", "expected 10.244.0.0/24"),
            ("x/24", "expected"),
        ] {
            let why = text.parse::<PodCidr>().expect_err(text);
            assert!(why.contains(part), "{why}");
        }
    }
}
