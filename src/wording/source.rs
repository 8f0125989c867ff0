//! Where a time comes from, in words.

use crate::model::{Precision, Source, Stamp};

const fn source(source: Source) -> &'static str {
    match source {
        Source::Connector => "proc connector",
        Source::Pidfd => "pidfd",
        Source::Pause => "pause's report",
        Source::Node => "the lab's node",
        Source::Scan => "a reading of /proc",
        Source::App => "Podscope itself",
        Source::Bpf => "BPF",
        Source::Inferred => "inferred",
    }
}

/// `proc connector`; `a reading of /proc: it had happened by then`.
pub fn provenance(at: Stamp) -> String {
    match at.precision {
        Precision::Exact | Precision::Prompt => source(at.source).into(),
        Precision::ByThen => format!("{}: it had happened by then", source(at.source)),
    }
}
