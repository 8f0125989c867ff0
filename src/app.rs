//! The window: its state, its threads, and the actions that the views request.

mod focus;
mod keys;
mod manifests;
mod open;
mod partial_redraw;
mod script;
mod session;
mod settings;
mod terminal;
mod window;

pub use open::{OpenError, OpenOptions, open};
pub use settings::{Settings, ThemeChoice};
pub use window::Window;
