//! What is read in the namespaces of a pod, compared with what the kernel tells its processes.

use std::fs;
use std::os::unix::process::CommandExt as _;
use std::process::{Child, Command};

use podscope::inside::{InsideOf, Program, Request, Target, plan, read, read_all};
use podscope::lab::Options;
use podscope::lab::spec::{ContainerSpec, VolumeSource};
use podscope::model::inside::{Content, IpcContent, MntContent, NetContent, SocketState};
use podscope::model::{Finding, Member, NsId, NsKind, PodUid, ProcId, World};

use crate::observed_lab::ObservedLab;
use crate::support::{PATIENCE, children, container, mount, ns, spec, start_time, wait_for, with_volume};

pub fn program() -> Program {
    Program::new(env!("CARGO_BIN_EXE_podscope"))
}

/// `shmat(2)`.
const SHMAT: u32 = if cfg!(target_arch = "aarch64") { 196 } else { 30 };

/// Has a child that is connected to its Unix socket, attaches shared memory with the key 0x5eed and connects to port 80 of
/// localhost.
fn client() -> ContainerSpec {
    let code = format!(
        "use IO::Socket::INET; use IO::Socket::UNIX; $| = 1; \
         my $listen = IO::Socket::UNIX->new(Local => '/tmp/talk.sock', Listen => 1) or die; \
         if (fork == 0) {{ my $c = IO::Socket::UNIX->new(Peer => '/tmp/talk.sock') or die; sleep 600 }} \
         my $accepted = $listen->accept or die; my $id = shmget(0x5eed, 8192, 0640 | 512); \
         syscall({SHMAT}, $id, 0, 0) != -1 or die; my $s; \
         until ($s = IO::Socket::INET->new('127.0.0.1:80')) {{ select(undef, undef, undef, 0.05) }} \
         print \"connected\\n\"; sleep 600"
    );
    ContainerSpec { command: vec!["perl".into(), "-e".into(), code], ..container("client", "") }
}

/// A pod with nginx and this client, once they are connected.
struct Scene {
    lab: ObservedLab,
    pod: PodUid,
}

impl Scene {
    fn new() -> Self {
        let nginx = ContainerSpec { image: "nginx".into(), command: Vec::new(), ..container("nginx", "") };
        let with_mount = |mut container: ContainerSpec, path| {
            container.mounts.push(mount("html", path));
            container
        };
        let containers = vec![with_mount(nginx, "/usr/share/nginx/html"), with_mount(client(), "/pages")];
        let empty = VolumeSource::EmptyDir { memory: false, size_limit: None };
        let mut lab = ObservedLab::new(Options::default());
        let pod = lab.lab.run(with_volume(spec("inside", true, containers), "html", empty)).expect("accepted");
        lab.until_all_run(&pod);
        let client = Member::container(&pod, "client");
        wait_for("a connection", || {
            String::from_utf8_lossy(&lab.lab.logs(&client).expect("a log")).contains("connected")
        });
        // a process that was seen before it entered its namespaces is read again within a second
        lab.until("its namespaces are those of /proc", |world| {
            let agrees = |p: &podscope::model::Process| {
                let agrees =
                    |kind: &NsKind| p.namespaces.get(*kind).is_some_and(|known| known.ino == ns(p.id.pid, kind.name()));
                NsKind::ALL.iter().all(agrees)
            };
            world.pod_processes(&pod).filter(|p| p.is_alive()).all(agrees)
        });
        Self { lab, pod }
    }

    /// Reads all namespaces of the pod.
    fn read(&mut self) {
        let of = InsideOf { pod: Some(self.pod.clone()), namespace: None };
        let plan = plan(&self.lab.world, &of.namespaces(&self.lab.world));
        for reading in read_all(&program(), &plan) {
            self.lab.world.apply(&reading.into_delta());
        }
    }

    fn world(&self) -> &World {
        &self.lab.world
    }

    fn pause(&self) -> ProcId {
        let pod = self.world().pod(&self.pod).expect("the pod");
        pod.sandbox.as_ref().and_then(|sandbox| sandbox.process).expect("a pause")
    }

    fn process(&self, container: &str) -> ProcId {
        let pod = self.world().pod(&self.pod).expect("the pod");
        pod.container(container).and_then(|c| c.process).expect("a process")
    }

    fn namespace(&self, of: ProcId, kind: NsKind) -> NsId {
        self.world().process(of).expect("known").namespaces.get(kind).expect("a namespace")
    }

    fn content(&self, of: ProcId, kind: NsKind) -> &Content {
        &self.world().inside.get(&self.namespace(of, kind)).expect("it was read").content
    }

    fn net(&self) -> &NetContent {
        match self.content(self.pause(), NsKind::Net) {
            Content::Net(net) => net,
            other => panic!("{other:?}"),
        }
    }

    fn ipc(&self) -> &IpcContent {
        match self.content(self.pause(), NsKind::Ipc) {
            Content::Ipc(ipc) => ipc,
            other => panic!("{other:?}"),
        }
    }

    fn mounts(&self, of: ProcId) -> &MntContent {
        match self.content(of, NsKind::Mnt) {
            Content::Mnt(mnt) => mnt,
            other => panic!("{other:?}"),
        }
    }

    /// What a program in the client's container prints.
    fn run(&self, script: &str) -> String {
        let argv = ["sh", "-c", script].map(str::to_owned);
        let output = self.lab.lab.exec(&Member::container(&self.pod, "client"), &argv, PATIENCE).expect("it runs");
        String::from_utf8_lossy(&output.stdout).trim().to_owned()
    }
}

fn known<T: std::fmt::Debug>(found: &Finding<T>) -> &T {
    found.known().unwrap_or_else(|| panic!("{found:?}"))
}

#[test]
fn what_is_in_a_pods_namespaces_is_what_the_kernel_shows_its_processes() {
    let mut scene = Scene::new();
    scene.read();
    network(&scene);
    connection(&scene);
    unix_connection(&scene);
    shared_memory(&scene);
    names_ids_and_clocks(&scene);
    mounts(&scene);
    cgroups(&scene);
    let of_helper =
        |pid: &u32| fs::read(format!("/proc/{pid}/cmdline")).is_ok_and(|text| text.ends_with(b"__inside\0"));
    // those of other tests end too
    wait_for("no helper is left", || !children(std::process::id()).iter().any(of_helper));
}

fn network(scene: &Scene) {
    let net = scene.net();
    let interfaces = &known(&net.interfaces).items;
    let mut names: Vec<&str> = interfaces.iter().map(|interface| interface.name.as_str()).collect();
    names.sort_unstable();
    let dev = scene.run("cat /proc/net/dev");
    let mut there: Vec<&str> = dev.lines().skip(2).filter_map(|line| Some(line.split_once(':')?.0.trim())).collect();
    there.sort_unstable();
    assert_eq!(names, there);
    let eth0 = interfaces.iter().find(|interface| interface.name == "eth0").expect("eth0");
    let ip = scene.world().pod(&scene.pod).and_then(|pod| pod.ip).expect("an address");
    assert!(eth0.addresses.iter().any(|address| address.ip == ip), "{ip} in {eth0:?}");
    assert!(eth0.is_up && eth0.is_running && eth0.kind.as_deref() == Some("veth"), "{eth0:?}");
    assert!(eth0.peer.is_some_and(|peer| peer.netnsid.is_some()), "its other end is in the node's: {eth0:?}");
    let lo = interfaces.iter().find(|interface| interface.is_loopback).expect("lo");
    assert!(lo.addresses.iter().any(|address| address.ip.is_loopback() && address.prefix == 8), "{lo:?}");
    // the table of the kernel has a line for the default route and one for the pods' network
    let routes = &known(&net.routes).items;
    let table = scene.run("cat /proc/net/route");
    assert_eq!(routes.iter().filter(|route| !route.is_ipv6).count(), table.lines().count() - 1, "{routes:?}\n{table}");
    assert!(routes.iter().any(|route| route.to.is_none() && route.via.is_some()), "{routes:?}");
}

fn connection(scene: &Scene) {
    let net = scene.net();
    let (nginx, client) = (scene.process("nginx"), scene.process("client"));
    let sockets = &known(&net.sockets).items;
    let listener = sockets.iter().find(|s| s.state == SocketState::Listen && s.local.port() == 80).expect("port 80");
    assert!(listener.owners.contains(&nginx), "{nginx:?} has it: {listener:?}");
    let files = fs::read_dir(format!("/proc/{nginx}/fd"));
    if let Ok(files) = files {
        let link = format!("socket:[{}]", listener.inode);
        let links: Vec<_> = files.filter_map(|file| fs::read_link(file.ok()?.path()).ok()).collect();
        assert!(links.iter().any(|known| known.to_str() == Some(&link)), "{link} in {links:?}");
    }
    let connections = net.connections();
    let of_client = connections.iter().find(|c| sockets[c.client].owners == [client]);
    let of_client = of_client.unwrap_or_else(|| panic!("no connection of {client:?} in {sockets:?}"));
    assert_eq!(sockets[of_client.client].state, SocketState::Established);
    assert_eq!(sockets[of_client.server].remote, Some(sockets[of_client.client].local));
    assert_eq!(of_client.listener.map(|at| &sockets[at]), Some(listener));
    assert_eq!(net.closed_processes, [], "the files of all processes may be read");
}

fn unix_connection(scene: &Scene) {
    let client = scene.process("client");
    let child = scene.world().children(client).map(|p| p.id).collect::<Vec<_>>();
    let all = &known(&scene.net().unix_connections).items;
    let found: Vec<_> = all.iter().filter(|c| c.path.as_deref() == Some("/tmp/talk.sock")).collect();
    let [connection] = found[..] else { panic!("{all:?}") };
    assert_eq!((&connection.client.owners, &connection.server.owners), (&child, &vec![client]));
    for (end, process) in [(&connection.client, child[0]), (&connection.server, client)] {
        let link = format!("socket:[{}]", end.inode);
        let Ok(files) = fs::read_dir(format!("/proc/{process}/fd")) else { continue };
        let links: Vec<_> = files.filter_map(|file| fs::read_link(file.ok()?.path()).ok()).collect();
        assert!(links.iter().any(|known| known.to_str() == Some(&link)), "{link} in {links:?}");
    }
}

fn shared_memory(scene: &Scene) {
    let segments = &known(&scene.ipc().shared_memory).items;
    let table = scene.run("cat /proc/sysvipc/shm");
    let row: Vec<&str> = table.lines().nth(1).expect("a segment").split_whitespace().collect();
    let [segment] = &segments[..] else { panic!("{segments:?}\n{table}") };
    let (key, id, mode, bytes) = (segment.key.to_string(), segment.id.to_string(), segment.mode, segment.bytes);
    assert_eq!([row[0], row[1], row[3]], [key.as_str(), id.as_str(), bytes.to_string().as_str()]);
    assert_eq!((segment.key, mode, bytes, segment.attached), (0x5eed, 0o640, 8192, 1));
    assert_eq!(segment.attached_by, [scene.process("client")]);
    assert_eq!(segment.creator_pid, scene.process("client").pid);
    assert_eq!(known(&scene.ipc().semaphores).items, []);
    assert_eq!(known(&scene.ipc().posix_queues).items, []);
}

fn names_ids_and_clocks(scene: &Scene) {
    let pause = scene.pause();
    let Content::Uts(uts) = scene.content(pause, NsKind::Uts) else { panic!("uts") };
    assert_eq!(known(&uts.names).host_name, scene.run("cat /proc/sys/kernel/hostname"));
    assert_eq!(known(&uts.names).host_name, "inside");
    let read = |name: &str| fs::read_to_string(format!("/proc/{pause}/{name}")).expect(name);
    let Content::User(user) = scene.content(pause, NsKind::User) else { panic!("user") };
    for (found, file) in [(&user.uids, "uid_map"), (&user.gids, "gid_map")] {
        let found: Vec<String> = known(found)
            .iter()
            .map(|range| format!("{} {} {}", range.inside, range.outside.expect("one outside"), range.count))
            .collect();
        let there: Vec<String> =
            read(file).lines().map(|line| line.split_whitespace().collect::<Vec<_>>().join(" ")).collect();
        assert_eq!(found, there);
    }
    let Content::Time(time) = scene.content(pause, NsKind::Time) else { panic!("time") };
    let offsets = known(&time.offsets);
    let there: Vec<i64> =
        read("timens_offsets").lines().filter_map(|line| line.split_whitespace().nth(1)?.parse().ok()).collect();
    assert_eq!([offsets.monotonic.seconds, offsets.boottime.seconds][..], there);
}

fn mounts(scene: &Scene) {
    let (nginx, client) = (scene.mounts(scene.process("nginx")), scene.mounts(scene.process("client")));
    let (one, other) = (nginx.at("/usr/share/nginx/html").expect("a mount"), client.at("/pages").expect("a mount"));
    assert!(one.shows_same_files(other) && !one.is_read_only, "{one:?} {other:?}");
    assert!(scene.mounts(scene.pause()).at("/pages").is_none());
    let there = scene.run("cat /proc/self/mountinfo");
    let points: Vec<&str> = there.lines().filter_map(|line| line.split(' ').nth(4)).collect();
    let found: Vec<&str> = known(&client.mounts).items.iter().map(|mount| mount.point.as_str()).collect();
    assert_eq!(found, points);
}

fn cgroups(scene: &Scene) {
    let pause = scene.pause();
    let Content::Cgroup(cgroup) = scene.content(pause, NsKind::Cgroup) else { panic!("cgroup") };
    let text = fs::read_to_string(format!("/proc/{pause}/cgroup")).expect("a text");
    let path = text.lines().find_map(|line| line.strip_prefix("0::"));
    match (&cgroup.groups, path) {
        (Finding::Known(groups), Some(path)) => {
            assert!(groups.items.iter().any(|group| group.path == path && group.processes > 0), "{path} in {groups:?}");
        }
        (Finding::Known(groups), None) => assert_eq!(groups.items, []),
        (other, _) => assert_eq!(*other, Finding::NotThere, "version 2 is not mounted"),
    }
}

#[test]
fn another_users_namespaces_are_read_by_root_alone() {
    let is_root = nix::unistd::geteuid().is_root();
    // an ordinary user can start no process of another one, but process 1 is root's
    let mut other =
        is_root.then(|| Command::new("sleep").arg("1000").uid(65_534).spawn().expect("root may change the user"));
    let pid = other.as_ref().map_or(1, Child::id);
    let witness = ProcId { pid, start: start_time(pid).expect("it runs") };
    let ino = |kind: &str| if is_root { ns(pid, kind) } else { 1 };
    let target = |kind, ino| Target { kind, ino, processes: vec![witness] };
    let targets =
        vec![target(NsKind::Net, ino("net")), target(NsKind::Uts, ino("uts")), target(NsKind::User, ino("user"))];
    let contents = read(&program(), &Request { witness, targets });
    let kinds: Vec<NsKind> = contents.iter().map(Content::kind).collect();
    assert_eq!(kinds, [NsKind::Net, NsKind::Uts, NsKind::User]);
    let gaps: Vec<_> = contents.iter().map(Content::gaps).collect();
    let expected = if is_root { vec![] } else { vec![Finding::NotPermitted] };
    if let Some(other) = &mut other {
        other.kill().expect("our own child");
        other.wait().expect("our own child");
    }
    assert_eq!(gaps, vec![expected; 3]);
}

#[test]
fn the_namespaces_of_a_process_that_is_gone_are_not_there() {
    let own = ProcId { pid: std::process::id(), start: 1 };
    let targets = vec![Target { kind: NsKind::Ipc, ino: ns(own.pid, "ipc"), processes: vec![own] }];
    let contents = read(&program(), &Request { witness: own, targets });
    assert_eq!(contents.iter().flat_map(Content::gaps).collect::<Vec<_>>(), [Finding::NotThere]);
}

#[test]
fn without_a_helper_nothing_is_known() {
    let own = ProcId { pid: std::process::id(), start: start_time(std::process::id()).expect("ours") };
    let targets = vec![Target { kind: NsKind::Uts, ino: ns(own.pid, "uts"), processes: vec![own] }];
    for program in ["/nowhere/podscope", "/bin/true", "/bin/cat"] {
        let contents = read(&Program::new(program), &Request { witness: own, targets: targets.clone() });
        assert!(matches!(&contents[..], [Content::Uts(uts)] if uts.names.known().is_none()), "{program}: {contents:?}");
    }
}
