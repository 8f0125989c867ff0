//! Pod manifests.

use super::assert_escaped;
use crate::lab::spec::{self, PodSpec, Unwritable, parse};

/// A manifest is read or refused. An error has a place inside the text. A pod that is written is read as the same pod.
pub fn manifest(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    match parse("pod.yaml", text) {
        Ok(pods) => {
            assert!(!pods.is_empty());
            for (spec, warnings) in pods {
                for warning in warnings {
                    assert!(is_line_of(text, warning.line) && warning.column >= 1, "{warning}");
                    assert_escaped(&warning.to_string());
                }
                check_written(&spec);
            }
        }
        Err(e) => {
            assert!(is_line_of(text, e.line), "{e}");
            let line = text.lines().nth(e.line as usize - 1).unwrap_or_default();
            // the end of a line is a place too
            assert!((1..=line.chars().count() as u64 + 1).contains(&e.column), "{e} in {line:?}");
            assert!(!e.message.is_empty());
            assert_escaped(&e.to_string());
        }
    }
}

fn is_line_of(text: &str, line: u64) -> bool {
    (1..=text.lines().count().max(1) as u64).contains(&line)
}

/// Writes the pod as a manifest and reads that.
pub(super) fn check_written(spec: &PodSpec) {
    let text = match spec::manifest(spec) {
        Ok(text) => text,
        Err(Unwritable::Yaml(why)) => panic!("{why}: {spec:?}"),
        // it needs something that is not in it
        Err(_) => return,
    };
    let pods = parse("written.yaml", &text).unwrap_or_else(|e| panic!("{e}\n{text}"));
    let [(read, _)] = &pods[..] else { panic!("{} pods in\n{text}", pods.len()) };
    // a manifest has no ephemeral containers
    let mut written = spec.with_common_share();
    written.ephemeral_containers.clear();
    assert_eq!(*read, written, "{text}");
}
