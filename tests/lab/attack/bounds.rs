//! How much memory of the machine a container may use for files.

use super::run_script;
use crate::support::{Bench, container, spec};

#[test]
fn files_of_a_container_are_limited_in_size_and_number() {
    let mut bench = Bench::new();
    let pod = bench.run(spec("greedy", true, vec![container("a", "exec sleep 1000")]));
    // the limit holds for all directories together, which are one file system; /dev/shm belongs to the pod
    let mib = |dir: &str, at_most: u64| {
        let script = format!(
            "dd if=/dev/zero of={dir}/fill bs=1M count={} 2>&1; stat -c %s {dir}/fill; rm {dir}/fill",
            at_most + 64
        );
        let said = run_script(&bench, &pod, &script);
        assert!(said.contains("No space left on device"), "{dir}: {said}");
        let size: u64 = said.lines().filter_map(|line| line.parse().ok()).next_back().expect("its size");
        assert!(size <= at_most << 20 && size > (at_most << 20) / 2, "{dir}: {size}");
    };
    for dir in ["/tmp", "/var/tmp", "/run", "/root", "/home"] {
        mib(dir, 256);
    }
    mib("/dev/shm", 64);
    // empty files are limited as well
    let many = "cd /dev/shm; perl -e 'for (1 .. 200000) { open(F, \">\", \"f$_\") or do { print \"$_ $!\"; last } }'; rm -rf /dev/shm/f*";
    let said = run_script(&bench, &pod, many);
    assert!(said.contains("No space left on device"), "{said}");
}
