//! Calls each function with random bytes, and with samples that were changed a little.
//!
//! `PROPTEST_CASES=100000 cargo test --lib fuzz` tries longer.

mod edits;
mod samples;

use std::fs;
use std::path::PathBuf;

use proptest::prelude::*;

use self::edits::{any_input, changed};

type Function = fn(&[u8]);

/// The tests of each function, whose samples come from the function of the same name in [`samples`].
macro_rules! test_functions {
    ($($(#[$condition:meta])? $function:ident),*) => {
        $(
            $(#[$condition])?
            mod $function {
                use super::*;

                proptest! {
                    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

                    #[test]
                    fn any_input_is_safe(bytes in any_input()) {
                        crate::fuzz::$function(&bytes);
                    }

                    #[test]
                    fn a_changed_sample_is_safe(bytes in changed(samples::$function())) {
                        crate::fuzz::$function(&bytes);
                    }
                }
            }
        )*

        /// Each function with its name and samples.
        fn functions() -> Vec<(&'static str, Function, Vec<Vec<u8>>)> {
            Vec::from([$(
                $(#[$condition])?
                (stringify!($function), crate::fuzz::$function as Function, samples::$function())
            ),*])
        }
    };
}

test_functions!(
    bpf_records,
    control_request,
    engine_answer,
    engine_processes,
    executable,
    http_answer,
    http_request,
    inside_answer,
    ipc_tables,
    manifest,
    namespace_values,
    net_answers,
    net_tables,
    nginx_config,
    packets,
    pause_report,
    proc_cgroup,
    proc_cmdline,
    proc_event,
    proc_fdinfo,
    proc_mountinfo,
    proc_stat,
    proc_status,
    report,
    script,
    #[cfg(feature = "window")]
    terminal,
    url
);

/// With `FUZZ_CORPUS=fuzz/corpus` it also writes the samples there, where `cargo fuzz` looks for them.
#[test]
fn every_sample_is_safe() {
    let corpus = std::env::var_os("FUZZ_CORPUS").map(PathBuf::from);
    for (name, function, samples) in functions() {
        assert!(!samples.is_empty(), "{name} has no sample");
        let dir = corpus.as_ref().map(|corpus| corpus.join(name));
        if let Some(dir) = &dir {
            fs::create_dir_all(dir).expect("made");
        }
        for (n, sample) in samples.iter().enumerate() {
            function(sample);
            if let Some(dir) = &dir {
                fs::write(dir.join(format!("sample-{n}")), sample).expect("written");
            }
        }
    }
}
