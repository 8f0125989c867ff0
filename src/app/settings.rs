//! The settings that are kept between two starts of the window.

mod file;

use serde::{Deserialize, Serialize};

use crate::layout::side_panels::PanelChoices;
use crate::ui::process_tree::TreeOptions;
pub use file::{Loaded, SettingsFile, load, path};

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
    pub text_scale: TextScale,
    /// What a signal of the user causes is played slowly by itself.
    pub plays_slowly: bool,
    /// The columns of the process tree, and how they sort.
    pub tree: TreeOptions,
    /// Whether what changes its place glides there; `None` as the desktop wishes.
    pub motion: Option<bool>,
    /// The directory of the last snapshot.
    pub last_export_dir: Option<std::path::PathBuf>,
    pub panels: PanelChoices,
    /// The window when it was closed last.
    pub window: Option<WindowSize>,
}

/// The size of the window in points of the desktop, whatever the size of its text is.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct WindowSize {
    pub width: f32,
    pub height: f32,
    /// If so, the size is that of the window before it was maximized.
    pub is_maximized: bool,
}

impl WindowSize {
    /// The smallest window that can be used.
    pub const MIN: (f32, f32) = (480.0, 320.0);

    /// `None` for a size that cannot be one.
    fn valid(self) -> Option<Self> {
        let is_possible = |side: f32, min: f32| side.is_finite() && (min..=16_384.0).contains(&side);
        (is_possible(self.width, Self::MIN.0) && is_possible(self.height, Self::MIN.1)).then_some(self)
    }
}

impl Settings {
    /// The settings with values that are possible. A file may hold others.
    #[must_use]
    fn valid(self) -> Self {
        let (text_scale, panels) = (self.text_scale.valid(), self.panels.valid());
        Self { text_scale, panels, window: self.window.and_then(WindowSize::valid), ..self }
    }
}

/// The size of text, and of all that is drawn with it, in percent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TextScale(u16);

impl Default for TextScale {
    fn default() -> Self {
        Self(100)
    }
}

impl TextScale {
    const STEPS: [u16; 10] = [80, 90, 100, 110, 125, 150, 175, 200, 225, 250];

    pub const fn percent(self) -> u16 {
        self.0
    }

    /// How many times as large as usual.
    pub fn factor(self) -> f32 {
        f32::from(self.0) / 100.0
    }

    /// The next larger step; the largest stays.
    #[must_use]
    pub fn larger(self) -> Self {
        Self::STEPS.into_iter().find(|step| *step > self.0).map_or(self, Self)
    }

    /// The next smaller step; the smallest stays.
    #[must_use]
    pub fn smaller(self) -> Self {
        Self::STEPS.into_iter().rev().find(|step| *step < self.0).map_or(self, Self)
    }

    fn valid(self) -> Self {
        Self(self.0.clamp(Self::STEPS[0], Self::STEPS[Self::STEPS.len() - 1]))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_size_of_the_window_that_cannot_be_one_is_forgotten() {
        let of = |width, height| WindowSize { width, height, is_maximized: false }.valid().is_some();
        assert!(of(720.0, 450.0) && of(480.0, 320.0) && of(3_840.0, 2_160.0));
        assert!(!of(f32::NAN, 450.0) && !of(720.0, f32::INFINITY) && !of(1.0, 1.0) && !of(1e9, 900.0));
    }

    #[test]
    fn text_goes_from_80_to_250_percent_in_steps() {
        let mut all = vec![TextScale(1).valid()];
        while let Some(last) = all.last().filter(|last| last.larger() != **last) {
            all.push(last.larger());
        }
        let percent: Vec<u16> = all.iter().map(|scale| scale.percent()).collect();
        assert_eq!(percent, TextScale::STEPS);
        all.reverse();
        for pair in all.windows(2) {
            assert_eq!(pair[0].smaller(), pair[1]);
        }
        assert_eq!(TextScale(80).smaller(), TextScale(80));
        // a size between two steps, from a file
        assert_eq!((TextScale(130).larger(), TextScale(130).smaller()), (TextScale(150), TextScale(125)));
        assert_eq!((TextScale(999).valid(), TextScale::default().factor()), (TextScale(250), 1.0));
    }
}
