//! Compares the shown output of ps, readlink and kubectl with /proc of the host, and with that of a shell in the pod.

use std::collections::BTreeSet;
use std::fs;

use podscope::lab::Options;
use podscope::lab::spec::parse;
use podscope::model::{Member, NsKind, Pod, ProcId, World};
use podscope::observe::now;
use podscope::report::{Get, Target, Text, describe, get_pods, links, pid_namespaces, ps_host, ps_inside};

use crate::observed_lab::ObservedLab;
use crate::support::{PATIENCE, children, pause, process, status_field};

const POD: &str = include_str!("../../assets/pods/nginx-busybox.yaml");

/// Starts a pod. Returns it once all its containers run.
fn run(seen: &mut ObservedLab) -> Pod {
    let (spec, _) = parse("pod.yaml", POD).expect("the preset").remove(0);
    let uid = seen.lab.run(spec).expect("the pod is accepted");
    seen.until_all_run(&uid);
    seen.world.pod(&uid).expect("the pod").clone()
}

/// The rows without the header, with words joined by one space.
fn rows(text: &Text) -> BTreeSet<String> {
    let words = |line: &str| line.split_whitespace().collect::<Vec<_>>().join(" ");
    text.to_string().lines().skip(1).map(words).collect()
}

/// All descendants of a process.
fn below(pid: u32) -> Vec<u32> {
    children(pid).into_iter().flat_map(|child| std::iter::once(child).chain(below(child))).collect()
}

fn command(pid: u32) -> String {
    let bytes = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
    let line = String::from_utf8_lossy(&bytes).replace('\0', " ");
    line.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// The rows `UID PID PPID S COMMAND` of the pod's processes, read from /proc.
fn in_proc(node: u32, pause: ProcId) -> BTreeSet<String> {
    let depth = |pid: u32| status_field(pid, "NSpid").map(|pids| pids.split_whitespace().count());
    let field = |pid: u32, name: &str| {
        let value = status_field(pid, name).unwrap_or_default();
        value.split_whitespace().next().unwrap_or_default().to_owned()
    };
    let inside = below(node).into_iter().filter(|pid| depth(*pid) == depth(pause.pid));
    let row = |pid: u32| {
        format!("{} {pid} {} {} {}", field(pid, "Uid"), field(pid, "PPid"), field(pid, "State"), command(pid))
    };
    inside.map(row).collect()
}

#[test]
fn ps_and_links_match_proc() {
    let mut seen = ObservedLab::new(Options::default());
    let pod = run(&mut seen);
    let node = seen.lab.node().pid;
    let there = |world: &World| {
        // without the node's own row: its state changes all the time
        let of_pod = |row: &String| row.split(' ').nth(1) != Some(node.to_string().as_str());
        let shown: BTreeSet<String> = rows(&ps_host(world, Some(&pod.uid))).into_iter().filter(of_pod).collect();
        (shown, in_proc(node, pause(&pod)))
    };
    seen.until_equal("ps on the host", there);
    let shown = ps_host(&seen.world, Some(&pod.uid));
    assert!(shown.rows().any(|row| row.cells[1].target == Some(Target::Process(seen.lab.node()))), "{shown}");

    // compare with what a shell in the pod sees; the shell is in its own list but not in ours
    let script = "for p in /proc/[0-9]*; do echo ${p#/proc/} $(grep -s ^PPid: $p/status) ; done; echo I am $$";
    let argv = ["sh", "-c", script].map(str::to_owned);
    let output = seen.lab.exec(&Member::container(&pod.uid, "busybox"), &argv, PATIENCE).expect("exec works");
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    let me = said.lines().find_map(|l| l.strip_prefix("I am ")).expect("its pid").to_owned();
    let inside: BTreeSet<String> = said
        .lines()
        .filter_map(|line| {
            let (pid, parent) = line.split_once(" PPid: ")?;
            (pid != me && parent != me).then(|| format!("{pid} {parent}"))
        })
        .collect();
    assert!(inside.len() >= 6 && inside.contains("1 0"), "{said}");
    seen.until_equal("ps in the pod", |world| {
        let spaces = pid_namespaces(world, &pod.uid);
        let [space] = &spaces[..] else { return (BTreeSet::new(), inside.clone()) };
        let shown = rows(&ps_inside(world, space.ns));
        let ids = |row: &String| row.split(' ').take(2).collect::<Vec<_>>().join(" ");
        (shown.iter().map(ids).collect(), inside.clone())
    });

    let members = [pause(&pod), process(&pod, "nginx"), process(&pod, "busybox")];
    let side_by_side = links(&seen.world, &pod.uid);
    for (row, kind) in side_by_side.rows().zip(NsKind::ALL) {
        let read = |id: &ProcId| fs::read_link(format!("/proc/{}/ns/{kind}", id.pid)).expect("a link");
        let own = fs::read_link(format!("/proc/self/ns/{kind}")).expect("a link");
        let read: Vec<String> =
            members.iter().map(read).chain([own]).map(|l| l.to_string_lossy().into_owned()).collect();
        let shown: Vec<&str> = row.cells[1..].iter().map(|c| c.text.as_str()).collect();
        assert_eq!(shown, read, "{kind}");
    }
}

#[test]
fn a_killed_container_is_shown_as_kubectl_shows_it() {
    let mut seen = ObservedLab::new(Options::default());
    let pod = run(&mut seen);
    let name = pod.name.as_str();
    let row = |world: &World| -> Vec<String> {
        let text = get_pods(world, &Get::default(), now()).to_string();
        text.lines().nth(1).map(|l| l.split_whitespace().map(str::to_owned).collect()).unwrap_or_default()
    };
    assert_eq!(row(&seen.world)[..4], [name, "2/2", "Running", "0"]);
    crate::support::kill(process(&pod, "nginx"), "KILL");
    seen.until_equal("one restart", |world| {
        let row = row(world);
        (row.get(1..4).map(<[String]>::to_vec), Some(["2/2", "Running", "1"].map(str::to_owned).to_vec()))
    });
    assert!(row(&seen.world)[4].starts_with('('), "{:?}", row(&seen.world));
    let text = describe(&seen.world, &pod.uid, now()).expect("the pod").to_string();
    let nginx = text.split("\n  busybox:").next().expect("nginx comes first");
    let said = |name: &str| {
        let line = nginx.lines().find_map(|l| l.trim_start().strip_prefix(name)?.strip_prefix(':'));
        line.map(|l| l.trim().to_owned()).unwrap_or_default()
    };
    assert_eq!(said("Last State"), "Terminated", "{text}");
    assert_eq!((said("Reason"), said("Exit Code")), ("Error".to_owned(), "137".to_owned()), "{text}");
    assert_eq!(said("Program"), "stand-in of Podscope for image nginx (web)");
    assert!(text.contains("(simulated"), "{text}");
}
