//! Loads programs of the embedded object into the running kernel.

use std::ffi::CStr;
use std::fs;
use std::io;
use std::os::fd::{AsRawFd as _, OwnedFd};
use std::os::unix::fs::MetadataExt as _;

use nix::errno::Errno;

use super::Unavailable;
use super::layout::KernelTypes;
use super::object::Object;
use super::program::link;
use crate::model::NsKind;
use crate::observe::options;
use crate::sys::bpf::{self, AttachType};

/// Built from `podscope.bpf.c` by `scripts/bpf`.
const OBJECT: &[u8] = include_bytes!("podscope.bpf.o");
/// The kernel's description of its types.
const KERNEL_TYPES: &str = "/sys/kernel/btf/vmlinux";
/// Of the initial namespaces: `PROC_PID_INIT_INO` and `PROC_TIME_INIT_INO` of `include/linux/proc_ns.h`.
const INITIAL: [(NsKind, u64); 2] = [(NsKind::Pid, 0xefff_fffc), (NsKind::Time, 0xefff_fffa)];
/// A program with a mistake makes the verifier write much. What does not fit is cut off at its end.
const LOG_MAX: usize = 1 << 20;

/// The object and the types of the running kernel. It is needed only while programs are loaded.
pub struct Loader {
    object: Object<'static>,
    kernel: KernelTypes,
}

/// A program and where it belongs.
#[derive(Clone, Copy, Debug)]
pub struct Program {
    /// The object's section.
    pub section: &'static str,
    /// The iterator's function or the tracepoint's typedef in the kernel's types.
    pub target: &'static str,
    pub attach: AttachType,
}

impl Loader {
    /// Checks the permission, and reads the kernel's types. That takes some milliseconds.
    pub fn new() -> Result<Self, Unavailable> {
        check_permission()?;
        let types = match fs::read(KERNEL_TYPES) {
            Err(e) if e.kind() == io::ErrorKind::NotFound => return Err(Unavailable::NoTypes),
            types => types.map_err(|error| Unavailable::Failed { what: KERNEL_TYPES, error })?,
        };
        let damaged = |what| Unavailable::Failed { what, error: io::ErrorKind::InvalidData.into() };
        let object = Object::parse(OBJECT).ok_or_else(|| damaged("podscope.bpf.o"))?;
        let kernel = KernelTypes::parse(types, &object).ok_or_else(|| damaged(KERNEL_TYPES))?;
        Ok(Self { object, kernel })
    }

    /// Loads one program. `map` gives the descriptors of the maps that it uses.
    pub fn load(&self, program: Program, map: impl Fn(&[u8]) -> Option<i32>) -> Result<OwnedFd, Unavailable> {
        let Program { section, target, attach } = program;
        let target = self.kernel.id(target).ok_or_else(|| Unavailable::Missing(target.to_owned()))?;
        let instructions = link(&self.object, &self.kernel, section, map)
            .map_err(|reason| Unavailable::Unfit { program: section, reason })?;
        let license = self.object.section(b"license").and_then(|text| CStr::from_bytes_until_nul(text).ok());
        let license = license.unwrap_or_default();
        let load = |log: &mut [u8]| bpf::load(&instructions, license, attach, target, log);
        let refused = match load(&mut []) {
            Ok(loaded) => return Ok(loaded),
            Err(e) => e,
        };
        if !matches!(refused.raw_os_error().map(Errno::from_raw), Some(Errno::EACCES | Errno::EINVAL | Errno::E2BIG)) {
            return Err(Unavailable::from_call(section, refused));
        }
        let mut log = vec![0; LOG_MAX];
        match load(&mut log) {
            Ok(loaded) => Ok(loaded),
            Err(e) => {
                let reason = last_line(&log).unwrap_or_else(|| e.to_string());
                Err(Unavailable::Refused { program: section, reason })
            }
        }
    }
}

/// Whether we may use BPF, and whether its pids and times are those of our `/proc`. Whether the kernel has what the
/// programs need is not known yet.
pub fn check_permission() -> Result<(), Unavailable> {
    if options::without("bpf") {
        return Err(Unavailable::SwitchedOff);
    }
    if !is_capable(&read("/proc/self/status")?) {
        return Err(Unavailable::NotPermitted);
    }
    for (kind, initial) in INITIAL {
        // a kernel without this kind of namespace has only the initial one
        let own = fs::metadata(format!("/proc/self/ns/{kind}"));
        if own.is_ok_and(|own| own.ino() != initial) {
            return Err(Unavailable::OtherNamespace(kind));
        }
    }
    Ok(())
}

/// For one map whose program uses no other.
pub fn no_map(_: &[u8]) -> Option<i32> {
    None
}

/// Finds maps by name.
pub fn maps<'a>(known: &'a [(&'a str, &'a OwnedFd)]) -> impl Fn(&[u8]) -> Option<i32> + 'a {
    |name| known.iter().find(|(known, _)| known.as_bytes() == name).map(|(_, fd)| fd.as_raw_fd())
}

fn read(path: &'static str) -> Result<String, Unavailable> {
    fs::read_to_string(path).map_err(|error| Unavailable::Failed { what: path, error })
}

/// Whether these capabilities suffice for `bpf(2)`, `capabilities(7)`. Only those of the initial user namespace count,
/// and the kernel checks that.
fn is_capable(status: &str) -> bool {
    const CAP_SYS_ADMIN: u64 = 1 << 21;
    const CAP_PERFMON: u64 = 1 << 38;
    const CAP_BPF: u64 = 1 << 39;
    let effective = status.lines().find_map(|line| line.strip_prefix("CapEff:"));
    let effective = effective.and_then(|set| u64::from_str_radix(set.trim(), 16).ok()).unwrap_or(0);
    effective & CAP_SYS_ADMIN != 0 || effective & (CAP_PERFMON | CAP_BPF) == CAP_PERFMON | CAP_BPF
}

/// The last line of the verifier's log that says what is wrong; statistics follow it.
fn last_line(log: &[u8]) -> Option<String> {
    let text = String::from_utf8_lossy(log.split(|b| *b == 0).next()?);
    let mut lines = text.lines().rev().map(str::trim);
    lines.find(|line| !line.is_empty() && !line.starts_with("processed ")).map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_object_is_whole_and_small() {
        assert!(OBJECT.len() <= 64 << 10, "{} bytes", OBJECT.len());
        let object = Object::parse(OBJECT).expect("it can be read");
        assert_eq!(object.section(b"license"), Some(&b"Dual MIT/GPL\0"[..]));
        assert!(object.fields.len() > 100, "{} fields", object.fields.len());
    }

    #[test]
    fn a_cut_object_is_refused_and_does_no_harm() {
        for length in 0..OBJECT.len() {
            if let Some(object) = Object::parse(&OBJECT[..length]) {
                panic!("cut at {length}, it has {} fields", object.fields.len());
            }
        }
    }

    #[test]
    fn capabilities_decide() {
        let table = [
            ("CapEff:\t0000000000000000\n", false),
            ("CapEff:\t000001ffffffffff\n", true),
            ("Name:\tx\nCapEff:\t0000000000200000\n", true),
            ("CapEff:\t000000c000000000\n", true),
            ("CapEff:\t0000008000000000\n", false),
            ("", false),
        ];
        for (status, capable) in table {
            assert_eq!(is_capable(status), capable, "{status}");
        }
    }

    #[test]
    fn the_log_ends_with_the_reason() {
        let log =
            b"0: (79) r1 = *(u64 *)(r1 +0)\nR1 invalid mem access 'scalar'\nprocessed 3 insns (limit 1000000)\n\0\0";
        assert_eq!(last_line(log).as_deref(), Some("R1 invalid mem access 'scalar'"));
        assert_eq!(last_line(b"\0\0"), None);
    }
}
