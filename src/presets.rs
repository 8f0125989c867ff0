//! The bundled manifests.

/// A pod to start from the menu or by `--preset`.
#[derive(Clone, Copy, Debug)]
pub struct Preset {
    pub name: &'static str,
    /// What it shows, in a line.
    pub about: &'static str,
    pub yaml: &'static str,
}

macro_rules! preset {
    ($name:literal, $about:literal) => {
        Preset { name: $name, about: $about, yaml: include_str!(concat!("../assets/pods/", $name, ".yaml")) }
    };
}

pub const ALL: [Preset; 3] = [
    preset!("nginx-busybox", "Two members share net, ipc, uts and pid"),
    preset!("private-pid", "Each container is PID 1 of its own"),
    preset!("no-reap", "A pause that never reaps: zombies stay"),
];

pub fn find(name: &str) -> Option<&'static Preset> {
    ALL.iter().find(|p| p.name == name)
}
