//! Real inputs of each function.

use std::fs;
use std::num::NonZeroU64;
use std::path::Path;

use crate::control::protocol::{Hello, Request, Target, VERSION};
use crate::inside::{interfaces, unix_diag};
use crate::lab::controller::{DemoClock, PodState};
use crate::lab::protocol::Report;
use crate::lab::{LogPart, Stream, StreamRequest, parse};
use crate::model::inside::{Bounded, Content, NetSocket, Protocol, SocketState};
use crate::model::{
    Delta, EventKind, EventReason, ExecEnd, ExecId, Facts, Finding, Member, MonoNs, NsId, NsKind, NsSet, OutputSource,
    Parent, PodEvent, PodUid, ProcId, SignalMasks, Source, Stamp, State, WaitStatus,
};
use crate::observe::bpf::record::tests as record;

/// The files with this extension in a directory of the source.
fn files(dir: &str, extension: &str) -> Vec<Vec<u8>> {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join(dir);
    let paths = fs::read_dir(dir).expect("a directory").map(|entry| entry.expect("an entry").path());
    let mut paths: Vec<_> = paths.filter(|path| path.extension().is_some_and(|e| e == extension)).collect();
    // the same case must be the same input in each run
    paths.sort();
    paths.iter().map(|path| fs::read(path).expect("a file")).collect()
}

fn texts<const N: usize>(all: [&str; N]) -> Vec<Vec<u8>> {
    all.map(|text| text.as_bytes().to_vec()).to_vec()
}

/// A file of this process in `/proc`.
fn own(name: &str) -> Vec<u8> {
    fs::read(format!("/proc/self/{name}")).expect("a file of /proc")
}

pub fn manifest() -> Vec<Vec<u8>> {
    ["assets/pods", "tests/lab/examples", "src/lab/spec/parse/tests"].map(|dir| files(dir, "yaml")).concat()
}

pub fn script() -> Vec<Vec<u8>> {
    ["assets/pods", "assets/scripts"].map(|dir| files(dir, "script")).concat()
}

pub fn engine_answer() -> Vec<Vec<u8>> {
    let docker = r#"[{"Id":"aa","Names":["/k8s_POD_web_default_u-1_0"],"Image":"busybox","State":"exited",
                    "Status":"Exited (137) 1 second ago","Labels":{"io.kubernetes.sandbox.id":"bb"},
                    "HostConfig":{"NetworkMode":"container:bb"}}]"#;
    let podman = r#"[{"Id":"aa","Names":["web-infra"],"IsInfra":true,"Pod":"p1","PodName":"web","State":"running"}]"#;
    let event = r#"{"Type":"container","Action":"start","Actor":{"ID":"aa"}}"#;
    // one sandbox of CRI: id, name and uid, ready, and when it was made
    let sandbox = b"\x0a\x14\x0a\x02s1\x12\x0a\x0a\x03web\x12\x03u-1\x18\x00\x20\x07".to_vec();
    [texts([docker, podman, event]), vec![sandbox]].concat()
}

pub fn engine_processes() -> Vec<Vec<u8>> {
    let id = "207048a271173168ce60f46123a2ad517552742c18967a47f0b240caff146708";
    let kubelet = "/kubepods.slice/kubepods-pod0c90b7b1_7f2a_4e37_9d7e_0b7f7a1c9a11.slice/crio-";
    [
        format!("/pause\t/docker/{id}\nnginx\t/docker/{id}/docker/{id}\n"),
        format!(
            "conmon -c {id} -n k8s_nginx_web_default_u-1_0\t{kubelet}conmon-{id}.scope\nnginx\t{kubelet}{id}.scope\n"
        ),
        format!("/usr/bin/conmon -c {id} -n web --exit-command /usr/bin/podman\t/\n/catatonit -P\t/\n"),
        "containerd-shim-runc-v2 -namespace default -id red\t/\nredis\t/default/red\n".to_owned(),
    ]
    .map(String::into_bytes)
    .into()
}

pub fn url() -> Vec<Vec<u8>> {
    texts(["http://localhost", "http://127.0.0.1:2368/a?b=c:d", "http://[::1]:8080/x/", "http://blog.example/%20"])
}

pub fn proc_stat() -> Vec<Vec<u8>> {
    let hostile =
        b"42 (a) Z (b)\n) S 7 42 42 0 -1 4194560 1 2 3 4 5 6 7 8 20 0 3 0 99 4096 11 1 2 3 4 5 6 7 8 9 10 11 \
                    0 0 17 1 0 0 0 0 0 1 2 3 4 5 6 7 768\n";
    vec![own("stat"), own("schedstat"), hostile.to_vec()]
}

pub fn proc_status() -> Vec<Vec<u8>> {
    vec![own("status"), b"Name:\tUid:\t0\\nSigCgt:\nUid:\t1\t1000\t3\t4\nNSpid:\t500\t7\nSigCgt:\t0\n".to_vec()]
}

pub fn proc_cmdline() -> Vec<Vec<u8>> {
    vec![own("cmdline"), b"sh\0-c\0\0".to_vec(), b"nginx: master process nginx".to_vec(), b"net:[4026531840]".to_vec()]
}

pub fn proc_fdinfo() -> Vec<Vec<u8>> {
    let signalfd = "pos:\t0\nflags:\t02004002\nmnt_id:\t16\nino:\t1060\nsigmask:\t0000000000014a03\n";
    let call = format!("{} 0x7ffd5cb0 0x0 0x7ffd5ca0 0x8 0x0 0x0 0x7ffd5c58 0x401234\n", libc::SYS_rt_sigtimedwait);
    texts([signalfd, &call, "running\n", "-1 0x7ffd5c58 0x401234\n"])
}

pub fn proc_mountinfo() -> Vec<Vec<u8>> {
    let lines = "22 1 0:20 / /proc rw,nosuid shared:5 - proc proc rw,gid=4,hidepid=invisible\n30 1 0:26 /a\\134x2db \
                 /sys/fs/my\\040group rw - cgroup2 none rw\n36 35 98:0 /x /etc/nginx ro,relatime - tmpfs podscope rw\n";
    vec![own("mountinfo"), lines.as_bytes().to_vec(), b"system.slice/a b/c\\x2dd".to_vec()]
}

pub fn proc_cgroup() -> Vec<Vec<u8>> {
    let files = texts(["3:cpuset:/\n0::/user.slice/x\n", "usage_usec 12\nuser_usec 5\n", "inactive_file 4096\n"]);
    [vec![own("cgroup")], files].concat()
}

pub fn proc_event() -> Vec<Vec<u8>> {
    // `struct nlmsghdr`, `struct cn_msg` and `struct proc_event` (linux/cn_proc.h)
    let message = |what: u32, words: &[u32]| {
        let words: Vec<u32> = [&[what, 1, 77, 0][..], words].concat();
        let length = 4 * words.len() as u32;
        let head = [36 + length, 3, 0, 0, 1, 1, 0, 0, length];
        head.iter().chain(&words).flat_map(|word| word.to_ne_bytes()).collect()
    };
    let comm = [*b"web:", *b" wor", *b"ker\0", *b"\xff\xff\xff\xff"].map(u32::from_ne_bytes);
    vec![
        message(0, &[22]),
        message(1, &[1, 2, 3, 4]),
        message(2, &[5, 6]),
        message(4, &[5, 6, 0, 0]),
        message(0x200, &[&[5, 6][..], &comm].concat()),
        message(0x8000_0000, &[5, 6, 9, 17, 7, 8]),
        message(0x8000_0000, &[5, 6, 9, 17]),
    ]
}

/// The reports of a pod's life, one a line.
pub fn report() -> Vec<Vec<u8>> {
    let at = |ms: u64| Stamp::prompt(MonoNs(ms * 1_000_000), Source::Node);
    let id = |pid: u32| ProcId { pid, start: u64::from(pid) };
    let ns = |kind: NsKind| NsId { kind, dev: 4, ino: 4_026_531_840 + kind as u64, generation: 0 };
    let facts = |pid: u32, inside: u32| Facts {
        id: id(pid),
        parent: Parent::Process(id(1)),
        comm: "nginx".to_owned(),
        cmdline: vec!["nginx".to_owned(), "-g".to_owned()],
        state: State::Sleeping,
        uid: 0,
        nspid: vec![pid, inside],
        threads: 1,
        rss_bytes: 4096,
        cpu: crate::model::Cpu::default(),
        waited_cpu: crate::model::Cpu::default(),
        signals: SignalMasks::default(),
        namespaces: NsSet(NsKind::ALL.map(|kind| Some(ns(kind)))),
    };
    manifest()
        .iter()
        .filter_map(|bytes| parse("pod.yaml", std::str::from_utf8(bytes).ok()?).ok())
        .map(|mut pods| {
            let uid = PodUid("4c0c1ea4-5fd2-4f1b-9a6a-0e5e4b6a6a10".to_owned());
            let pod = PodState::new(uid.clone(), pods.remove(0).0, DemoClock::default(), at(1)).pod;
            let first = pod.containers.first().map_or("web", |c| c.name.as_str());
            let (pause, member) = (Member::pause(&uid), Member::container(&uid, first));
            let event = PodEvent {
                pod: uid.clone(),
                kind: EventKind::Warning,
                reason: EventReason::BackOff,
                message: "Back-off restarting failed container".to_owned(),
                at: at(9),
            };
            let exec = ExecId(5);
            let from = OutputSource::Exec { exec, stderr: true };
            let deltas = [
                Delta::NodeStarted { id: id(1), at: at(0) },
                Delta::Pod { pod: Box::new(pod), at: at(1) },
                Delta::Born { id: id(2), parent: Parent::Process(id(1)), at: at(2) },
                Delta::Joined { id: id(2), member: pause.clone(), at: at(2) },
                Delta::Facts { facts: Box::new(facts(2, 1)), at: at(3) },
                Delta::Facts { facts: Box::new(facts(3, 7)), at: at(4) },
                Delta::Joined { id: id(3), member, at: at(5) },
                Delta::Exited { id: id(3), status: Some(WaitStatus(256)), at: at(8) },
                Delta::Reaped { id: id(3), by: Parent::Process(id(2)), at: at(8) },
                Delta::Event { event },
                Delta::ExecStarted { exec, member: pause.clone(), argv: vec!["ls".to_owned()], at: at(9) },
                Delta::Output { from, text: "a\n\u{fffd}".to_owned(), skipped: NonZeroU64::new(7), at: at(9) },
                Delta::ExecEnded { exec, end: ExecEnd::Cancelled, at: at(9) },
            ];
            let hello = Report::Hello { version: 1, node: id(1) };
            let streams = Report::Streams { call: 4, streams: vec![Stream::Stdin, Stream::Terminal] };
            let deltas = deltas.into_iter().map(|delta| Report::Delta(Box::new(delta)));
            let lines = deltas.chain([hello, streams]).map(|report| json(&report));
            lines.collect::<Vec<_>>().join(&b'\n')
        })
        .collect()
}

fn json(message: &impl serde::Serialize) -> Vec<u8> {
    serde_json::to_vec(message).expect("JSON")
}

pub fn packets() -> Vec<Vec<u8>> {
    let messages = [json(&Report::Unshared), json(&Report::Launched { pid: 7 })];
    let whole = messages.iter().flat_map(|message| packet(b'.', message)).collect();
    let cut = messages[1].split_at(9);
    vec![whole, [packet(b'+', cut.0), packet(b'.', cut.1)].concat(), [packet(b'+', b""), packet(b'+', b"x")].concat()]
}

fn packet(mark: u8, payload: &[u8]) -> Vec<u8> {
    [&[payload.len() as u8 + 1, mark][..], payload].concat()
}

pub fn pause_report() -> Vec<Vec<u8>> {
    let record = |n: u64, pid: i32, status: i32, dropped: u32| {
        let (numbers, rest) = ([n, 77 + n].map(u64::to_ne_bytes), [pid.to_ne_bytes(), status.to_ne_bytes()]);
        [numbers.concat(), rest.concat(), dropped.to_ne_bytes().to_vec(), vec![0; 4]].concat()
    };
    let two = [record(1, 7, 256, 0), record(4, 9, 15, 2)].concat();
    vec![two.clone(), two[..40].to_vec(), two[5..].to_vec()]
}

pub fn control_request() -> Vec<Vec<u8>> {
    let target = || Target { pod: "web".to_owned(), container: Some("nginx".to_owned()) };
    let words = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>();
    let debug = |argv: &[&str], of: Option<&str>| Request::Debug {
        pod: "web".to_owned(),
        target: of.map(str::to_owned),
        name: Some("debugger-x7k2p".to_owned()),
        image: "busybox".to_owned(),
        argv: words(argv),
        stdin: true,
        tty: true,
    };
    let requests = [
        Request::About,
        Request::World,
        Request::Logs { target: target(), which: LogPart::Previous },
        Request::Exec { target: target(), argv: words(&["sh", "-c", "ls"]), wanted: StreamRequest::default() },
        Request::Attach { target: target(), stdin: true, wait: false },
        debug(&["sh", "-c", "echo 'a'\nsleep 1"], Some("web")),
        debug(&[], None),
        Request::Delete { pod: "web".to_owned(), grace_seconds: Some(0) },
    ];
    requests.map(|request| json(&Hello { version: VERSION, request })).to_vec()
}

pub fn bpf_records() -> Vec<Vec<u8>> {
    let task = record::task_record(2);
    let holder = |clone_flag: u32| {
        let words = [7, 7, 99, 0, 4, clone_flag, 5, 0, 11, 2, 33, 0];
        words.iter().flat_map(|word: &u32| word.to_le_bytes()).collect::<Vec<u8>>()
    };
    let with_value = |task: &[u8]| [&6_u64.to_le_bytes()[..], task].concat();
    vec![
        [&task[..], &record::process_record(0, 1)].concat(),
        [holder(0), holder(0x0200_0000)].concat(),
        record::event_record(1, &[0; 80]),
        record::event_record(4, &with_value(&task)),
        record::event_record(7, &with_value(&task)),
        record::event_record(8, &[1; 64]),
    ]
}

pub fn net_tables() -> Vec<Vec<u8>> {
    let tcp = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n   \
               0: 00000000:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000   999        0 18067101 1\n   \
               1: 0000000000000000FFFF00000100007F:0050 0000000000000000FFFF00000100007F:BBFA 01 0:0 00:0 0 0 0 7 2 0\n";
    [vec![own("net/tcp"), own("net/udp"), own("net/unix")], texts([tcp])].concat()
}

pub fn net_answers() -> Vec<Vec<u8>> {
    [interfaces::datagrams(), vec![unix_diag::datagram()]].concat()
}

pub fn ipc_tables() -> Vec<Vec<u8>> {
    let shm = "       key      shmid perms                  size  cpid  lpid nattch   uid\n 748618629          4  1644  \
               4096  9565  9566      2     0\n        -5          2   666         129          7     1\n";
    let maps = "7f0c5d400000-7f0c5d401000 rw-s 00000000 00:01 32769                      /SYSV2c9f1e45 (deleted)\n";
    texts([shm, maps, "QSIZE:129        NOTIFY:2     SIGNO:0 "])
}

pub fn namespace_values() -> Vec<Vec<u8>> {
    let pressure = "some avg10=1.25 avg60=0.10 avg300=0.02 total=1\nfull avg10=0.07 avg60=0.00 avg300=0.00 total=1\n";
    let offsets = "monotonic           -5 500000000\nboottime          100         0\n";
    [vec![own("uid_map")], texts(["0 1000 1\n1 100000 65536\n", offsets, "max\n", "50000 100000\n", pressure])].concat()
}

pub fn inside_answer() -> Vec<Vec<u8>> {
    let missing = |why: &Finding<()>| Content::KINDS.map(|kind| Content::missing(kind, why).expect("a content"));
    let nothing = missing(&Finding::NotPermitted);
    let socket = |state, local: &str, remote: Option<&str>, inode| NetSocket {
        protocol: Protocol::Tcp,
        state,
        local: local.parse().expect("an address"),
        remote: remote.map(|remote| remote.parse().expect("an address")),
        inode,
        owners: vec![ProcId { pid: 7, start: 8 }],
    };
    let sockets = [
        socket(SocketState::Listen, "0.0.0.0:80", None, 1),
        socket(SocketState::Established, "127.0.0.1:48122", Some("127.0.0.1:80"), 2),
        socket(SocketState::Established, "127.0.0.1:80", Some("127.0.0.1:48122"), 3),
    ];
    let Some(Content::Net(mut net)) = Content::missing(NsKind::Net, &Finding::NotThere) else { unreachable!() };
    net.sockets = Finding::Known(Bounded::of(sockets, 9));
    vec![json(&nothing), json(&[Content::Net(net)])]
}

pub fn executable() -> Vec<Vec<u8>> {
    let dynamic = fs::read("/bin/sh").expect("a shell");
    vec![pause_init::ELF.to_vec(), dynamic[..dynamic.len().min(4096)].to_vec(), b"#!/bin/sh\n".to_vec()]
}

pub fn nginx_config() -> Vec<Vec<u8>> {
    let default = "user  nginx;\nworker_processes  3;\npid /run/nginx.pid;\nerror_log /var/log/nginx/error.log notice;
events { worker_connections 1024; }
http { default_type application/octet-stream; types { text/html html; }
  log_format main '$remote_addr - $remote_user' '\\\"$request\\\"';
  access_log /dev/stdout main; # comment
  server { listen 81; location / { root /srv; index index.html; } } }\n";
    let short =
        "listen *:8080;\nserver_name a b;\nlocation /x { return 301 https://$host$request_uri; }\nroot \"/a b\";\n";
    let proxy = "error_log /dev/stderr;\nhttp { server { location / { proxy_pass http://127.0.0.1:2368; } } }\n";
    texts([default, short, proxy])
}

pub fn http_request() -> Vec<Vec<u8>> {
    texts([
        "GET /a%20b/../c?d=e HTTP/1.1\r\nHost: Blog.example:8880\r\nUser-Agent: curl/8\r\n\r\n",
        "POST /a HTTP/1.1\r\nHost: me\r\nConnection: X-Mine, close\r\nX-Mine: 1\r\nX-Forwarded-For: 1.2.3.4\r\n\
         Content-Length: 2\r\n\r\nhi",
        "POST http://a.b/c HTTP/1.0\r\nTransfer-Encoding: chunked\r\nExpect: 100-continue\r\n\r\n2\r\nhi\r\n0\r\n\r\n",
        "HEAD / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\nGET / HTTP/1.1\r\n\r\n",
    ])
}

pub fn http_answer() -> Vec<Vec<u8>> {
    texts([
        "HTTP/1.1 200 OK\r\nServer: it\r\nX: y\r\nConnection: X, close\r\nContent-Length: 4\r\n\r\nbody",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nbody\r\n0\r\n\r\n",
        "HTTP/1.0 304\r\nContent-Length: 5\r\n\r\n",
        "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 404 Not Found\r\n\r\n",
    ])
}

#[cfg(feature = "window")]
pub fn terminal() -> Vec<Vec<u8>> {
    texts([
        "\x1b[0m\x1b[01;34mbin\x1b[0m  \x1b[01;32mrun\x1b[0m\r\nroot@pod:/# \x1b[6n\x1b[c\x1b[5n",
        "\x1b[?1049h\x1b[1;24r\x1b[H\x1b[2J\x1b[24;80H~\x1b[5;10r\x1b[5L\x1b[3M\x1b[2P\x1b[4@\x1bM\x1b[?25l\x1b[?1049l",
        "a\u{202e}b\u{200d}\u{301} 世界世界世界\x1b[79G世\x1b[1X\x1b[38;2;1;2;3;48;5;200mx\t\x08\x08\x1b]0;title\x07",
        "\x1b[?7l\x1b[?6h\x1b[10;5r\x1b[999B\x1b[999C\n\n\x1b7\x1b[2S\x1b[3T\x1b8\x1bc\x1b[?2004h\x1b[?1h",
    ])
}
