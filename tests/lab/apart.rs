//! Several pods side by side, and their isolation from the host's network.

use podscope::lab::spec::parse;

use crate::support::{Bench, container, ns, pause, spec, wait_for};

#[test]
fn two_pods_listen_on_the_same_port_and_reach_each_other() {
    let text = include_str!("../../assets/pods/nginx-busybox.yaml");
    let preset = |name: &str| {
        let mut spec = parse("preset", text).expect("a pod").remove(0).0;
        spec.name = name.to_owned();
        spec.containers[1].command[2] = format!("echo {name} > /html/index.html; exec sleep 1000");
        spec
    };
    let mut bench = Bench::new();
    let (one, two) = (bench.run(preset("one")), bench.run(preset("two")));
    assert_ne!(one.ip, two.ip);
    assert_ne!(ns(pause(&one).pid, "net"), ns(pause(&two).pid, "net"));
    for (from, to, want) in [(&one, &two, "two\n"), (&two, &one, "one\n")] {
        let ip = to.ip.expect("an address");
        let fetch = format!("wget -qO- http://{ip}/ 2>/dev/null || curl -s http://{ip}/");
        wait_for("the other pod's page", || bench.exec(from, "busybox", &fetch).stdout == want.as_bytes());
    }
}

#[test]
fn a_pod_has_no_way_out_of_the_node() {
    let mut bench = Bench::new();
    let pod = bench.run(spec("out", true, vec![container("a", "sleep 1000")]));
    // neither the host's services on loopback nor any network except the node's is reachable
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = listener.local_addr().expect("an address").port();
    let reach = |address: &str| {
        let script = format!("exec 3<>/dev/tcp/{}", address.replace(':', "/"));
        let argv = ["timeout", "2", "bash", "-c", &script].map(str::to_owned);
        let member = podscope::model::Member::container(&pod.uid, "a");
        bench.lab.exec(&member, &argv, crate::support::PATIENCE).is_ok_and(|o| o.status.success())
    };
    assert!(!reach(&format!("127.0.0.1:{port}")));
    assert!(!reach(&format!("10.244.0.1:{port}")));
    assert!(!reach("1.1.1.1:80"));
}
