//! The options of a lab, for all commands that start one.

use crate::lab::{DemoClock, Options, PodCidr};

#[derive(Clone, Copy, Debug, Default, clap::Args)]
pub struct LabArgs {
    /// How much faster than in a kubelet the back-off runs; 1 is a kubelet's own speed.
    #[arg(long, value_name = "TIMES", default_value = "10", value_parser = clock)]
    clock: DemoClock,
    /// The range of the pods' addresses.
    #[arg(long, value_name = "RANGE", default_value = "10.244.0.0/24")]
    pod_cidr: PodCidr,
}

impl LabArgs {
    pub fn options(self) -> Options {
        Options { clock: self.clock, range: self.pod_cidr, ..Options::from_env() }
    }
}

fn clock(text: &str) -> Result<DemoClock, String> {
    let times = text.parse().ok().and_then(DemoClock::new);
    times.ok_or_else(|| format!("expected a whole number from 1 to {}", DemoClock::FASTEST))
}
