//! The window: its state, its threads, and the actions that the views request.

mod focus;
mod jobs;
mod keys;
mod motion;
mod open;
mod partial_redraw;
mod screenshot;
mod settings;
mod terminal;
mod window;

pub use open::{OpenError, OpenOptions, open};
pub use settings::{Settings, ThemeChoice};
pub use window::Window;
