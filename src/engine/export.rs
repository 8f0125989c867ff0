//! Writes snapshots and manifests to files.

use std::path::{Path, PathBuf};

use super::question::Confirmable;
use super::request::Origin;
use super::worker::{JobResult, Worker};
use super::{Event, FrontEnd};
use crate::command::Outcome;
use crate::export::{self, Format, WriteError};
use crate::lab::Lab;
use crate::lab::spec::manifest;
use crate::model::{PodUid, World};

/// A file to write.
#[derive(Clone, Debug)]
pub struct Export {
    pub path: PathBuf,
    pub content: ExportContent,
    /// Whether an existing file may be replaced.
    pub replace: bool,
}

/// The content of an exported file.
#[derive(Clone, Debug)]
pub enum ExportContent {
    /// The World that is shown.
    Snapshot { format: Format, redact: bool },
    /// A pod as a manifest.
    Manifest(PodUid),
}

#[derive(Debug, thiserror::Error)]
pub enum ExportError {
    #[error("{0}")]
    Write(WriteError),
    /// The pod cannot be written as a manifest.
    #[error("{0}")]
    Manifest(String),
    #[error("{0}")]
    Thread(String),
}

impl Worker {
    /// Whether a file may be replaced without a question: a script's directory belongs to the script. In a terminal a
    /// user has named the script and cannot be asked.
    pub(super) fn may_replace(&self, path: &Path, origin: Origin) -> bool {
        match &self.playing {
            _ if self.front_end == FrontEnd::Terminal => true,
            Some(playing) if origin == Origin::Script(playing.run) => playing.owns(path),
            _ => false,
        }
    }

    /// Writes the World that is shown.
    pub(super) fn export(&mut self, export: Export, origin: Origin) -> Option<Outcome> {
        let world = self.shown_world().clone();
        self.write_export(export, world, origin)
    }

    /// Writes on a thread of its own, since rendering and `fsync(2)` take time.
    pub(super) fn write_export(&mut self, export: Export, world: World, origin: Origin) -> Option<Outcome> {
        let (unwritten, lab) = (export.clone(), self.lab());
        let job = move || {
            let text = match &export.content {
                ExportContent::Snapshot { format, redact } => {
                    let selection = export::Selection { redact: *redact, ..Default::default() };
                    Ok(export::render(&world, *format, &selection))
                }
                ExportContent::Manifest(pod) => lab.and_then(|lab| manifest_of(&lab, pod)),
            };
            let write = if export.replace { export::write_file } else { export::write_new };
            let written = text
                .map_err(ExportError::Manifest)
                .and_then(|text| write(&export.path, text.as_bytes()).map_err(ExportError::Write));
            JobResult::Exported { export, world: Box::new(world), written, origin }
        };
        let why = self.spawn("export", job).err()?;
        if origin == Origin::User {
            self.send(Event::Exported { export: unwritten, written: Err(ExportError::Thread(why)), origin });
            return None;
        }
        Some(Outcome::Failed(why))
    }

    pub(super) fn exported(
        &mut self,
        export: Export,
        world: Box<World>,
        written: Result<(), ExportError>,
        origin: Origin,
    ) {
        let outcome = match (written, origin) {
            (written, Origin::User) => return self.send(Event::Exported { export, written, origin }),
            (Ok(()), _) => {
                self.send(Event::Exported { export, written: Ok(()), origin });
                Some(Outcome::Done)
            }
            (Err(ExportError::Write(WriteError::Exists { .. })), _) => {
                self.ask(Confirmable::Export(export, world), origin)
            }
            (Err(why), _) => Some(Outcome::Failed(why.to_string())),
        };
        if let Some(outcome) = outcome {
            self.finish(outcome, origin);
        }
    }
}

/// A pod as a manifest.
fn manifest_of(lab: &Lab, pod: &PodUid) -> Result<String, String> {
    let spec = lab.spec(pod).map_err(|e| e.to_string())?;
    manifest(&spec).map_err(|e| e.to_string())
}
