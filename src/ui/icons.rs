//! The icons, bundled as SVG and tinted like the text beside them.

use eframe::egui::{Color32, Image, ImageSource, Rect, Ui, include_image};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Icon {
    Logo,
    Back,
    Forward,
    Pause,
    Play,
    Plus,
    Minus,
    Theme,
    Export,
    Trash,
    Check,
    ChevronLeft,
    ChevronRight,
    ChevronDown,
    Search,
    Settings,
    Warning,
}

impl Icon {
    fn source(self) -> ImageSource<'static> {
        match self {
            Self::Logo => include_image!("../../assets/icons/logo.svg"),
            Self::Back => include_image!("../../assets/icons/back.svg"),
            Self::Forward => include_image!("../../assets/icons/forward.svg"),
            Self::Pause => include_image!("../../assets/icons/pause.svg"),
            Self::Play => include_image!("../../assets/icons/play.svg"),
            Self::Plus => include_image!("../../assets/icons/plus.svg"),
            Self::Minus => include_image!("../../assets/icons/minus.svg"),
            Self::Theme => include_image!("../../assets/icons/theme.svg"),
            Self::Export => include_image!("../../assets/icons/export.svg"),
            Self::Trash => include_image!("../../assets/icons/trash.svg"),
            Self::Check => include_image!("../../assets/icons/check.svg"),
            Self::ChevronLeft => include_image!("../../assets/icons/chevron-left.svg"),
            Self::ChevronRight => include_image!("../../assets/icons/chevron-right.svg"),
            Self::ChevronDown => include_image!("../../assets/icons/chevron-down.svg"),
            Self::Search => include_image!("../../assets/icons/search.svg"),
            Self::Settings => include_image!("../../assets/icons/settings.svg"),
            Self::Warning => include_image!("../../assets/icons/warning.svg"),
        }
    }

    pub fn paint(self, ui: &Ui, rect: Rect, tint: Color32) {
        Image::new(self.source()).tint(tint).paint_at(ui, rect);
    }
}
