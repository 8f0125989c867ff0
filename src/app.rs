//! The window: its state, its threads, and the actions that the views request.

mod file_dialog;
mod focus;
mod jobs;
mod keys;
mod motion;
mod names_of_tiles;
mod open;
mod partial_redraw;
mod picture;
mod settings;
mod terminal;
mod window;

pub use open::{OpenError, OpenOptions, open};
pub use settings::{Settings, TextScale, ThemeChoice};
pub use window::Window;
