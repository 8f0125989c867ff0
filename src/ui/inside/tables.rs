//! What is in a namespace as tables. Of net these are only the connections of Unix sockets: the port map has the rest.

use super::words;
use crate::model::inside::{
    Bounded, CgroupContent, Content, IdRange, IpcContent, MntContent, MountPoint, NetContent, TimeContent,
    UnixConnection, UnixEnd, UserContent, UtsContent,
};
use crate::model::{Finding, Manifest, Member, NsId, NsKind, PodUid, ProcId, Process, World, names};
use crate::ui::text;
use crate::wording::inside::why_not;

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Table {
    pub title: String,
    pub heads: Vec<&'static str>,
    pub rows: Vec<Row>,
    /// What is said below its rows, such as that there are none, or why.
    pub note: Option<String>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Row {
    pub cells: Vec<String>,
    /// The process that it is about.
    pub process: Option<ProcId>,
}

impl Row {
    fn new<const N: usize>(cells: [String; N]) -> Self {
        Self { cells: cells.into(), process: None }
    }
}

impl Table {
    fn new(title: &str, heads: &[&'static str], rows: Vec<Row>) -> Self {
        Self { title: title.to_owned(), heads: heads.to_vec(), rows, note: None }
    }

    /// A table without rows: what is missing, and why.
    fn empty(title: &str, note: String) -> Self {
        Self { title: title.to_owned(), note: Some(note), ..Self::default() }
    }

    /// The rows of what was found, or why there are none.
    fn of<T>(
        title: &str,
        heads: &[&'static str],
        found: &Finding<Bounded<T>>,
        nothing: &str,
        row: impl Fn(&T) -> Row,
    ) -> Self {
        match (found.known(), why_not(found)) {
            (Some(all), _) if all.items.is_empty() => Self::empty(title, nothing.to_owned()),
            (Some(all), _) => {
                let mut table = Self::new(title, heads, all.items.iter().map(row).collect());
                table.note = (all.left_out > 0).then(|| format!("and {} more", text::thousands(all.left_out.into())));
                table
            }
            (None, why) => Self::empty(title, why.unwrap_or_default()),
        }
    }
}

/// The tables of a namespace. `content` is `None` if it was not read; pid needs none.
pub fn tables(world: &World, pod: Option<&PodUid>, ns: NsId, content: Option<&Content>) -> Vec<Table> {
    match content {
        Some(Content::Mnt(mnt)) => mounts(world, pod, ns, mnt),
        Some(Content::Ipc(ipc)) => shared(world, ipc),
        Some(Content::Uts(uts)) => names_of(uts),
        Some(Content::User(user)) => ids(user),
        Some(Content::Cgroup(cgroup)) => groups(cgroup),
        Some(Content::Time(time)) => clocks(time),
        None if ns.kind == NsKind::Pid => vec![pids(world, ns)],
        Some(Content::Net(net)) => unix_connections(world, net),
        None => Vec::new(),
    }
}

/// No table where nobody talks to anybody.
fn unix_connections(world: &World, net: &NetContent) -> Vec<Table> {
    if net.unix_connections.known().is_some_and(|all| all.items.is_empty() && all.left_out == 0) {
        return Vec::new();
    }
    let who = |end: &UnixEnd| {
        let names: Vec<String> =
            end.owners.iter().filter_map(|id| world.process(*id)).map(names::member_name).collect();
        match (names.is_empty(), end.inode) {
            (true, 0) => "not accepted yet".to_owned(),
            (true, _) => "a process that is not seen".to_owned(),
            _ => names.join(", "),
        }
    };
    let row = |connection: &UnixConnection| Row {
        cells: vec![
            connection.path.clone().unwrap_or_else(|| "no path".to_owned()),
            who(&connection.client),
            who(&connection.server),
        ],
        process: connection.server.owners.first().or_else(|| connection.client.owners.first()).copied(),
    };
    let heads = &["Path", "Client", "Server"];
    vec![Table::of("Who talks by Unix sockets", heads, &net.unix_connections, "", row)]
}

fn pids(world: &World, ns: NsId) -> Table {
    let mut inside: Vec<&Process> = world.in_pid_ns(ns).filter(|p| p.is_alive()).collect();
    // a process in a nested namespace has a pid in this one too
    let depth = world.ns_members(ns).map(|p| p.nspid.len()).min().unwrap_or_default();
    let pid = |p: &Process| p.nspid.get(depth.wrapping_sub(1)).copied();
    inside.sort_by_key(|p| (pid(p), p.id));
    let row = |p: &&Process| Row {
        cells: vec![
            pid(p).map_or("not known".to_owned(), |pid| pid.to_string()),
            p.id.pid.to_string(),
            names::short_name(p),
            p.member.as_ref().map_or("", Member::name).to_owned(),
            p.state.letter().to_string(),
        ],
        process: Some(p.id),
    };
    let rows: Vec<Row> = inside.iter().map(row).collect();
    let note = rows.is_empty().then(|| "No process is in it.".to_owned());
    Table { note, ..Table::new("Processes", &["Pid inside", "Pid on the host", "Name", "Member", "State"], rows) }
}

fn mounts(world: &World, pod: Option<&PodUid>, ns: NsId, mnt: &MntContent) -> Vec<Table> {
    let Some(all) = mnt.mounts.known() else {
        return vec![Table::empty("Mounts", why_not(&mnt.mounts).unwrap_or_default())];
    };
    let manifest = pod.and_then(|uid| world.pod(uid)).and_then(|pod| pod.manifest.as_deref());
    let viewer = world.ns_members_of_pods(ns).into_iter().find_map(|p| p.member.clone());
    let others = others(world, pod, ns);
    let volume = |mount: &MountPoint| volume(manifest?, viewer.as_ref()?.container.as_deref()?, &mount.point);
    let seen_by = |mount: &MountPoint| {
        let seen = others.iter().filter_map(|(name, mounts)| {
            let same = mounts.mounts.known()?.items.iter().find(|other| mount.shows_same_files(other))?;
            Some(if same.point == mount.point { name.clone() } else { format!("{name} at {}", same.point) })
        });
        seen.collect::<Vec<_>>().join(", ")
    };
    let access = |mount: &MountPoint| if mount.is_read_only { "read-only" } else { "read-write" }.to_owned();
    let place = |mount: &MountPoint| format!("{} {}", mount.device, mount.root);
    let (volumes, rest): (Vec<&MountPoint>, Vec<&MountPoint>) =
        all.items.iter().partition(|mount| volume(mount).is_some());
    let row = |mount: &&MountPoint| {
        let name = volume(mount).unwrap_or_default().to_owned();
        let seen = seen_by(mount);
        let seen = if seen.is_empty() { "nobody else in the pod".to_owned() } else { seen };
        Row::new([name, mount.point.clone(), access(mount), seen, place(mount)])
    };
    let heads = &["Volume", "Mounted at", "Access", "Seen also by", "File system"];
    let mut first = Table::new("Volumes", heads, volumes.iter().map(row).collect());
    if volumes.is_empty() {
        first = Table::empty("Volumes", "None is mounted here.".to_owned());
    }
    let row = |mount: &&MountPoint| {
        Row::new([mount.point.clone(), mount.fs_type.clone(), access(mount), seen_by(mount), place(mount)])
    };
    let heads = &["Mounted at", "Type", "Access", "Seen also by", "File system"];
    let mut second = Table::new("Other mounts", heads, rest.iter().map(row).collect());
    second.note = (all.left_out > 0).then(|| format!("and {} more", text::thousands(all.left_out.into())));
    vec![first, second]
}

/// The mounts of the pod's other mount namespaces, each with the names of its members.
fn others<'a>(world: &'a World, pod: Option<&PodUid>, ns: NsId) -> Vec<(String, &'a MntContent)> {
    let mut all: Vec<(NsId, Member)> = pod
        .into_iter()
        .flat_map(|uid| world.pod_processes(uid))
        .filter(|p| p.is_alive())
        .filter_map(|p| Some((p.namespaces.get(NsKind::Mnt)?, p.member.clone()?)))
        .filter(|(other, _)| *other != ns)
        .collect();
    all.sort_by(|a, b| a.1.cmp(&b.1));
    all.dedup();
    all.into_iter()
        .filter_map(|(other, member)| match &*world.inside.get(&other)?.content {
            Content::Mnt(mnt) => Some((member.name().to_owned(), mnt)),
            _ => None,
        })
        .collect()
}

/// The volume that a container has at this place.
fn volume<'a>(manifest: &'a Manifest, container: &str, point: &str) -> Option<&'a str> {
    let mounts = &manifest.containers.get(container)?.mounts;
    let at = |path: &str| path.trim_end_matches('/') == point.trim_end_matches('/');
    mounts.iter().find(|mount| at(&mount.path)).map(|mount| mount.volume.as_str())
}

fn shared(world: &World, ipc: &IpcContent) -> Vec<Table> {
    let name = |id: ProcId| world.process(id).map_or_else(|| format!("pid {id}"), names::short_name);
    let creator = |pid: u32| match world.remembered_with_pid(pid).last() {
        // it may be another one by now
        Some(p) if p.is_alive() => format!("{} ({pid})", names::short_name(p)),
        _ if pid == 0 => "not visible".to_owned(),
        _ => format!("pid {pid}, which has ended"),
    };
    let key = |key: i32| if key == 0 { "private".to_owned() } else { format!("0x{key:08x}") };
    let mode = |mode: u32| format!("{mode:03o}");
    let memory = Table::of(
        "Shared memory",
        &["Key", "Size", "Mode", "Attached by", "Made by"],
        &ipc.shared_memory,
        "None (shmget).",
        |segment| {
            let attached = match (segment.attached, segment.attached_by.is_empty()) {
                (0, _) => "nobody".to_owned(),
                (n, true) => text::count(n as usize, "process that is not seen", "processes that are not seen"),
                _ => segment.attached_by.iter().map(|id| name(*id)).collect::<Vec<_>>().join(", "),
            };
            let removed = if segment.is_removed { ", removed with the last" } else { "" };
            Row {
                cells: vec![
                    key(segment.key),
                    text::bytes(segment.bytes),
                    mode(segment.mode),
                    attached + removed,
                    creator(segment.creator_pid),
                ],
                process: segment.attached_by.first().copied(),
            }
        },
    );
    let semaphores =
        Table::of("Semaphores", &["Key", "Semaphores", "Mode"], &ipc.semaphores, "None (semget).", |set| {
            Row::new([key(set.key), set.count.to_string(), mode(set.mode)])
        });
    let queues =
        Table::of("Message queues", &["Key", "Messages", "Bytes", "Mode"], &ipc.queues, "None (msgget).", |queue| {
            Row::new([key(queue.key), queue.messages.to_string(), text::bytes(queue.bytes), mode(queue.mode)])
        });
    let posix = Table::of("POSIX queues", &["Name", "Bytes"], &ipc.posix_queues, "None (mq_open).", |queue| {
        Row::new([queue.name.clone(), queue.bytes.map_or("not permitted".to_owned(), text::bytes)])
    });
    vec![memory, semaphores, queues, posix]
}

fn names_of(uts: &UtsContent) -> Vec<Table> {
    let Some(names) = uts.names.known() else {
        return vec![Table::empty("Names", why_not(&uts.names).unwrap_or_default())];
    };
    let row = |what: &str, name: &str| Row::new([what.to_owned(), name.to_owned()]);
    let rows = vec![row("Host name", &names.host_name), row("NIS domain", &names.domain_name)];
    vec![Table::new("Names", &["", ""], rows)]
}

fn ids(user: &UserContent) -> Vec<Table> {
    let of = |title: &str, found: &Finding<Vec<IdRange>>| {
        let Some(ranges) = found.known() else {
            return Table::empty(title, why_not(found).unwrap_or_default());
        };
        let row = |range: &IdRange| {
            let words = words::id_range(range);
            let (inside, outside) = words.split_once(" → ").unwrap_or((&words, ""));
            Row::new([inside.to_owned(), outside.to_owned(), text::thousands(range.count.into())])
        };
        let mut table = Table::new(title, &["Inside", "Outside", "How many"], ranges.iter().map(row).collect());
        table.note =
            ranges.is_empty().then(|| "None: no id is mapped, so nobody inside is anybody outside.".to_owned());
        table
    };
    let setgroups = match &user.setgroups {
        Finding::Known(true) => "Processes inside may change their groups.".to_owned(),
        Finding::Known(false) => "Processes inside may not change their groups (setgroups is denied).".to_owned(),
        other => why_not(other).unwrap_or_default(),
    };
    let mut groups = of("Groups", &user.gids);
    groups.note = Some(groups.note.map_or(setgroups.clone(), |note| format!("{note} {setgroups}")));
    vec![of("Users", &user.uids), groups]
}

fn groups(cgroup: &CgroupContent) -> Vec<Table> {
    let heads = &["Cgroup", "Processes", "Memory", "Limit", "Tasks", "Limit", "CPU limit", "Waited in 10 s"];
    vec![Table::of("Cgroups of its processes", heads, &cgroup.groups, "None is known.", |group| {
        let number = |n: Option<u64>, format: fn(u64) -> String| n.map_or("–".to_owned(), format);
        Row::new([
            group.path.clone(),
            group.processes.to_string(),
            number(group.memory_bytes, text::bytes),
            words::limit(group.memory_max, text::bytes),
            number(group.tasks, text::thousands),
            words::limit(group.tasks_max, text::thousands),
            words::cpu_limit(group.cpu_max),
            words::pressure(group),
        ])
    })]
}

fn clocks(time: &TimeContent) -> Vec<Table> {
    let Some(offsets) = time.offsets.known() else {
        return vec![Table::empty("Clocks", why_not(&time.offsets).unwrap_or_default())];
    };
    let row = |clock: &str, of: &str, offset| Row::new([clock.to_owned(), words::offset(offset), of.to_owned()]);
    let rows = vec![
        row("Monotonic", "CLOCK_MONOTONIC: what programs measure time with", offsets.monotonic),
        row("Boot time", "CLOCK_BOOTTIME: what uptime prints", offsets.boottime),
    ];
    vec![Table::new("Clocks", &["Clock", "Ahead of the host", ""], rows)]
}
