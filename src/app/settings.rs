//! The settings that are kept between two starts of the window.

use serde::{Deserialize, Serialize};

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ThemeChoice {
    #[default]
    Dark,
    Light,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Settings {
    pub theme: ThemeChoice,
    /// What a signal of the user causes is played slowly by itself.
    pub plays_slowly: bool,
    /// Whether what changes its place glides there; `None` as the desktop wishes.
    pub motion: Option<bool>,
    /// The directory of the last snapshot.
    pub last_export_dir: Option<std::path::PathBuf>,
}
