//! Export: one module per format, and the function that writes all files.

pub mod deltas;
mod json;
mod lsns;
mod lxkns;
mod snapshot;
mod write;

use crate::model::World;

pub use lsns::{Layout, render_table};
pub use snapshot::{
    Container, ContainerState, Event, EventType, Host, Inside, Level, Namespace, Namespaces, Pod, Process, SCHEMA,
    Sandbox, SandboxKind, Seen, Selection, Snapshot, schema,
};
pub use write::{MAX_FILE, WriteError, read_limited, write_file, write_mode, write_new};

/// A format of `podscope snapshot --format`. The export dialog and scripts write JSON.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Format {
    /// `podscope.snapshot/1`.
    #[default]
    Json,
    /// The table of `lsns(8)`.
    Lsns,
    /// `lsns -J -l` with all its columns.
    LsnsJson,
    /// A discovery of lxkns.
    Lxkns,
}

impl Format {
    pub const ALL: [Self; 4] = [Self::Json, Self::Lsns, Self::LsnsJson, Self::Lxkns];

    pub const fn name(self) -> &'static str {
        match self {
            Self::Json => "json",
            Self::Lsns => "lsns",
            Self::LsnsJson => "lsns-json",
            Self::Lxkns => "lxkns",
        }
    }

    /// The usual extension of a file name, without the dot.
    pub const fn extension(self) -> &'static str {
        match self {
            Self::Json | Self::LsnsJson | Self::Lxkns => "json",
            Self::Lsns => "txt",
        }
    }
}

/// The World as text in this format, ending in a line feed.
pub fn render(world: &World, format: Format, selection: &Selection) -> String {
    match format {
        Format::Json => json::render(&Snapshot::new(world, selection)),
        Format::Lsns => render_table(world, selection, &Layout::default()),
        Format::LsnsJson => lsns::render_json(world, selection),
        Format::Lxkns => lxkns::render(world, selection),
    }
}
