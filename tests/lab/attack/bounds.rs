//! What a container may use of the machine's memory by files.

use super::says;
use crate::support::{Bench, container, spec};

#[test]
fn files_of_a_container_are_limited_in_size_and_number() {
    let mut bench = Bench::new();
    let pod = bench.run(spec("greedy", true, vec![container("a", "exec sleep 1000")]));
    // together, since /tmp and the others are one file system; /dev/shm is the pod's
    let mib = |dir: &str, at_most: u64| {
        let script = format!(
            "dd if=/dev/zero of={dir}/fill bs=1M count={} 2>&1; stat -c %s {dir}/fill; rm {dir}/fill",
            at_most + 64
        );
        let said = says(&bench, &pod, &script);
        assert!(said.contains("No space left on device"), "{dir}: {said}");
        let size: u64 = said.lines().filter_map(|line| line.parse().ok()).next_back().expect("its size");
        assert!(size <= at_most << 20 && size > (at_most << 20) / 2, "{dir}: {size}");
    };
    for dir in ["/tmp", "/var/tmp", "/run", "/root", "/home"] {
        mib(dir, 256);
    }
    mib("/dev/shm", 64);
    // nor by files that are empty
    let many = "cd /dev/shm; perl -e 'for (1 .. 200000) { open(F, \">\", \"f$_\") or do { print \"$_ $!\"; last } }'; rm -rf /dev/shm/f*";
    let said = says(&bench, &pod, many);
    assert!(said.contains("No space left on device"), "{said}");
}
