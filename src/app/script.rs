//! Plays a script in the window, with the same commands that the buttons give.

use std::path::{Path, PathBuf};

use crate::command::{Command, Outcome};
use crate::model::{MonoNs, World};
use crate::script::{Engine, Progress, Requested};

/// A script that plays, and how it ended.
pub struct Player {
    engine: Engine,
    out_dir: Option<PathBuf>,
    pub exit_after: bool,
    ended: Option<Result<(), String>>,
}

impl Player {
    pub fn new(engine: Engine, out_dir: Option<PathBuf>, exit_after: bool) -> Self {
        Self { engine, out_dir, exit_after, ended: None }
    }

    /// The next command, and the moment by which to call this again.
    pub fn advance(&mut self, world: &World, now: MonoNs) -> (Option<Command>, Option<MonoNs>) {
        if self.ended.is_some() {
            return (None, None);
        }
        match self.engine.advance(world, now) {
            Progress::Do(command) => (Some(self.resolve_path(command)), None),
            Progress::Pending { until } => (None, Some(until)),
            Progress::Done => {
                self.ended = Some(Ok(()));
                (None, None)
            }
            Progress::Failed { line, why } => {
                self.ended = Some(Err(format!("{}:{line}: {why}", self.engine.script().name)));
                (None, None)
            }
        }
    }

    pub fn completed(&mut self, outcome: Outcome) {
        self.engine.completed(outcome);
    }

    /// The pods for which `wait ready` waits.
    pub const fn requested(&mut self) -> &mut Requested {
        &mut self.engine.requested
    }

    pub fn ended(&self) -> Option<&Result<(), String>> {
        self.ended.as_ref()
    }

    /// Whether the script may replace this file: the user has given it the directory with `--out`.
    pub fn owns(&self, path: &Path) -> bool {
        self.out_dir.as_ref().is_some_and(|dir| path.starts_with(dir))
    }

    /// Puts a relative path under the directory given with `--out`.
    fn resolve_path(&self, command: Command) -> Command {
        let resolve = |path: PathBuf| match &self.out_dir {
            Some(dir) if path.is_relative() => dir.join(path),
            _ => path,
        };
        match command {
            Command::Screenshot(path) => Command::Screenshot(resolve(path)),
            Command::Export { path, format, redact } => Command::Export { path: resolve(path), format, redact },
            other => other,
        }
    }
}

/// Writes an image of the window as PNG, completely or not at all.
pub fn write_png(path: &Path, image: &eframe::egui::ColorImage, replace: bool) -> Result<(), String> {
    let [width, height] = image.size;
    let mut bytes = Vec::new();
    let mut encoder = png::Encoder::new(&mut bytes, width as u32, height as u32);
    encoder.set_color(png::ColorType::Rgba);
    encoder.set_depth(png::BitDepth::Eight);
    let pixels: Vec<u8> = image.pixels.iter().flat_map(eframe::egui::Color32::to_array).collect();
    let written = encoder.write_header().and_then(|mut writer| writer.write_image_data(&pixels));
    written.map_err(|e| format!("{}: {e}", path.display()))?;
    if let Some(dir) = path.parent() {
        std::fs::create_dir_all(dir).map_err(|e| format!("{}: {e}", dir.display()))?;
    }
    let write = if replace { crate::export::write_file } else { crate::export::write_new };
    write(path, &bytes).map_err(|e| e.to_string())
}
