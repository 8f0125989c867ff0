//! What is in a namespace, in a line.

use std::fmt::Write as _;

use crate::model::inside::{
    CgroupLimits, ClockOffset, Content, CpuLimit, IdRange, Interface, Limit, NetContent, PeerInterface, Pressure, Route,
};
use crate::model::{NsId, NsKind, Process, World, names};
use crate::ui::text;
use crate::wording::inside::why_not_short;

/// The most important of it, and the next.
pub fn summary(world: &World, ns: NsId, content: Option<&Content>) -> (String, String) {
    let missing = |why: Option<&'static str>| (why.unwrap_or_default().to_owned(), String::new());
    let Some(content) = content else {
        return match ns.kind {
            NsKind::Pid => pids(world, ns),
            _ => ("not read yet".to_owned(), String::new()),
        };
    };
    match content {
        Content::Net(net) => match net.interfaces.known() {
            Some(interfaces) => (addresses(&interfaces.items), net_detail(net)),
            None => (net_detail(net), format!("interfaces {}", why_not_short(&net.interfaces).unwrap_or_default())),
        },
        Content::Mnt(mnt) => match mnt.mounts.known() {
            Some(all) => {
                let read_only = all.items.iter().filter(|mount| mount.is_read_only).count();
                (text::count(all.items.len(), "mount", "mounts"), format!("{read_only} read-only"))
            }
            None => missing(why_not_short(&mnt.mounts)),
        },
        Content::Ipc(ipc) => match ipc.shared_memory.known() {
            Some(segments) => {
                let bytes: u64 = segments.items.iter().map(|segment| segment.bytes).sum();
                let count = segments.items.len();
                let memory = match count {
                    0 => "no shared memory".to_owned(),
                    _ => format!(
                        "{}, {}",
                        text::count(count, "shared memory segment", "shared memory segments"),
                        text::bytes(bytes)
                    ),
                };
                let of = |n: Option<usize>, one, many| n.filter(|n| *n > 0).map(|n| text::count(n, one, many));
                let others = [
                    of(ipc.semaphores.known().map(|all| all.items.len()), "semaphore set", "semaphore sets"),
                    of(ipc.queues.known().map(|all| all.items.len()), "message queue", "message queues"),
                    of(ipc.posix_queues.known().map(|all| all.items.len()), "POSIX queue", "POSIX queues"),
                ];
                let others: Vec<String> = others.into_iter().flatten().collect();
                (memory, if others.is_empty() { "no semaphores, no queues".to_owned() } else { others.join(", ") })
            }
            None => missing(why_not_short(&ipc.shared_memory)),
        },
        Content::Uts(uts) => match uts.names.known() {
            Some(names) => (names.host_name.clone(), "what hostname prints inside".to_owned()),
            None => missing(why_not_short(&uts.names)),
        },
        Content::User(user) => match user.uids.known() {
            Some(ranges) => (ranges.iter().map(id_range).collect::<Vec<_>>().join(", "), root_outside(ranges)),
            None => missing(why_not_short(&user.uids)),
        },
        Content::Cgroup(cgroup) => match cgroup.groups.known() {
            Some(groups) => {
                let count = text::count(groups.items.len(), "cgroup", "cgroups");
                (count, groups.items.first().map(|group| group.path.clone()).unwrap_or_default())
            }
            None => missing(why_not_short(&cgroup.groups)),
        },
        Content::Time(time) => match time.offsets.known() {
            Some(offsets)
                if offsets.monotonic == ClockOffset::default() && offsets.boottime == ClockOffset::default() =>
            {
                ("no offsets".to_owned(), "its clocks are the host's".to_owned())
            }
            Some(offsets) => {
                (format!("boot time {}", offset(offsets.boottime)), format!("monotonic {}", offset(offsets.monotonic)))
            }
            None => missing(why_not_short(&time.offsets)),
        },
    }
}

/// The first addresses that are not those of loopback.
fn addresses(interfaces: &[Interface]) -> String {
    let with_address = interfaces.iter().filter(|i| !i.is_loopback).filter_map(|i| Some((i, i.addresses.first()?)));
    let words: Vec<String> = with_address.take(2).map(|(i, address)| format!("{} {}", i.name, address.ip)).collect();
    if words.is_empty() { "loopback only".to_owned() } else { words.join(", ") }
}

fn net_detail(net: &NetContent) -> String {
    let Some(sockets) = net.sockets.known() else {
        return format!("sockets {}", why_not_short(&net.sockets).unwrap_or_default());
    };
    let listening = sockets.items.iter().filter(|socket| socket.is_listening()).count();
    let connections = net.connections().len();
    let listening = text::count(listening, "socket listens", "sockets listen");
    match connections {
        0 => listening,
        n => format!("{listening} · {}", text::count(n, "connection inside", "connections inside")),
    }
}

/// `1 pause · 2 web: master · 3 sh`, and their pids on the host.
fn pids(world: &World, ns: NsId) -> (String, String) {
    let mut inside: Vec<&Process> = world.ns_members(ns).collect();
    inside.sort_by_key(|p| p.pid_inside());
    let name = |p: &&Process| {
        let pid = p.pid_inside().map_or("?".to_owned(), |pid| pid.to_string());
        format!("{pid} {}", names::short_name(p))
    };
    let first = inside.iter().take(5).map(name).collect::<Vec<_>>().join(" · ");
    let more = inside.len().saturating_sub(5);
    let hosts = (inside.iter().map(|p| p.id.pid).min(), inside.iter().map(|p| p.id.pid).max());
    let detail = match hosts {
        (Some(low), Some(high)) if low != high => format!("on the host {low} … {high}"),
        (Some(low), _) => format!("on the host {low}"),
        _ => String::new(),
    };
    (if more > 0 { format!("{first} · {more} more") } else { first }, detail)
}

/// `0 → 1000`, `1–65535 → 100000–165534`.
pub fn id_range(range: &IdRange) -> String {
    let span = |first: u32| match range.count {
        0 | 1 => first.to_string(),
        count => format!("{first}–{}", u64::from(first) + u64::from(count) - 1),
    };
    let outside = range.outside.map_or_else(|| "no user here".to_owned(), span);
    format!("{} → {outside}", span(range.inside))
}

fn root_outside(ranges: &[IdRange]) -> String {
    match ranges.iter().find(|range| range.inside == 0 && range.count > 0) {
        Some(IdRange { outside: Some(0), .. }) => "root inside is root outside".to_owned(),
        Some(IdRange { outside: Some(uid), .. }) => format!("root inside is uid {uid} outside"),
        _ => "there is no root inside".to_owned(),
    }
}

/// `+100 s`, `-5.5 s`, `none`.
pub fn offset(offset: ClockOffset) -> String {
    if offset == ClockOffset::default() {
        return "none".to_owned();
    }
    let total = i128::from(offset.seconds) * 1_000_000_000 + i128::from(offset.nanoseconds);
    let sign = if total < 0 { '-' } else { '+' };
    let total = total.unsigned_abs();
    match total % 1_000_000_000 {
        0 => format!("{sign}{} s", total / 1_000_000_000),
        rest => format!("{sign}{}.{:03} s", total / 1_000_000_000, rest / 1_000_000),
    }
}

/// `64.0 MB`, or that there is none.
pub fn limit(limit: Option<Limit>, format: impl Fn(u64) -> String) -> String {
    match limit {
        Some(Limit::At(n)) => format(n),
        Some(Limit::Max) => "no limit".to_owned(),
        None => "–".to_owned(),
    }
}

/// `0.5 CPU`.
pub fn cpu_limit(limit: Option<CpuLimit>) -> String {
    match limit {
        Some(CpuLimit { quota_us: Limit::At(quota), period_us }) if period_us > 0 => {
            let hundredths = quota.saturating_mul(100) / period_us;
            format!("{}.{:02} CPU", hundredths / 100, hundredths % 100)
        }
        Some(_) => "no limit".to_owned(),
        None => "–".to_owned(),
    }
}

/// The last ten seconds in which something waited: `cpu 1.25 % · memory 0.00 %`.
pub fn pressure(limits: &CgroupLimits) -> String {
    let of = |name: &str, pressure: Option<Pressure>| {
        pressure.map(|p| format!("{name} {}.{:02} %", p.some / 100, p.some % 100))
    };
    let all = [of("cpu", limits.cpu_pressure), of("memory", limits.memory_pressure), of("io", limits.io_pressure)];
    let all: Vec<String> = all.into_iter().flatten().collect();
    if all.is_empty() { "–".to_owned() } else { all.join(" · ") }
}

/// `default via 10.244.0.1 dev eth0`, as `ip route` prints it.
pub fn route(route: &Route) -> String {
    let mut words = match &route.to {
        Some(to) => format!("{}/{}", to.ip, to.prefix),
        None if route.is_ipv6 => "default (IPv6)".to_owned(),
        None => "default".to_owned(),
    };
    if let Some(via) = route.via {
        let _ = write!(words, " via {via}");
    }
    if let Some(name) = &route.interface {
        let _ = write!(words, " dev {name}");
    }
    words
}

/// `up · veth, its other end is interface 5 elsewhere`.
pub fn interface(interface: &Interface) -> String {
    let state = match (interface.is_up, interface.is_running) {
        (true, true) => "up",
        (true, false) => "up, without a carrier",
        (false, _) => "down",
    };
    let kind = if interface.is_loopback { Some("loopback") } else { interface.kind.as_deref() };
    let peer = interface.peer.map(|peer| match peer {
        PeerInterface { index, netnsid: Some(_) } => format!("its other end is interface {index} of another namespace"),
        PeerInterface { index, netnsid: None } => format!("linked to interface {index}"),
    });
    [Some(state.to_owned()), kind.map(str::to_owned), peer].into_iter().flatten().collect::<Vec<_>>().join(" · ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_written_as_people_write_them() {
        let range = |inside, outside, count| id_range(&IdRange { inside, outside, count });
        assert_eq!(range(0, Some(1000), 1), "0 → 1000");
        assert_eq!(range(1, Some(100_000), 65_535), "1–65535 → 100000–165534");
        assert_eq!(range(0, Some(0), u32::MAX), "0–4294967294 → 0–4294967294");
        assert_eq!(range(0, None, 1), "0 → no user here");
        let of = |seconds, nanoseconds| offset(ClockOffset { seconds, nanoseconds });
        assert_eq!([of(0, 0), of(100, 0), of(-6, 500_000_000)], ["none", "+100 s", "-5.500 s"]);
        let cpu = |quota_us| cpu_limit(Some(CpuLimit { quota_us, period_us: 100_000 }));
        assert_eq!(
            [cpu(Limit::At(50_000)), cpu(Limit::At(200_000)), cpu(Limit::Max)],
            ["0.50 CPU", "2.00 CPU", "no limit"]
        );
        assert_eq!(limit(None, |n| n.to_string()), "–");
    }

    #[test]
    fn routes_are_written_as_ip_route_prints_them() {
        let default =
            Route { to: None, via: Some([10, 244, 0, 1].into()), interface: Some("eth0".into()), is_ipv6: false };
        assert_eq!(route(&default), "default via 10.244.0.1 dev eth0");
    }
}
