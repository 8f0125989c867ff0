//! Where the panels around the views are: beside the views, or folded to a strip at the edge of the window where there
//! is too little room. The views in the middle come first.

use std::ops::RangeInclusive;

use serde::{Deserialize, Serialize};

/// A panel around the views.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SidePanel {
    /// The list of pods, on the left.
    Pods,
    /// What is selected, on the right.
    Inspector,
    /// The timeline, below the views.
    Timeline,
}

impl SidePanel {
    pub const ALL: [Self; 3] = [Self::Pods, Self::Inspector, Self::Timeline];

    pub const fn name(self) -> &'static str {
        match self {
            Self::Pods => "Pods",
            Self::Inspector => "Inspector",
            Self::Timeline => "Timeline",
        }
    }
}

/// The width of the strip of a folded panel, or the height of that of the timeline.
pub const STRIP: f32 = 26.0;

/// The width that the views keep while a panel is beside them: the pod map with three columns.
pub const MIN_VIEWS_WIDTH: f32 = 560.0;

/// The height of the window from which the timeline is below the views.
pub const MIN_HEIGHT_WITH_TIMELINE: f32 = 640.0;

/// What the user has chosen for the panels. Sizes are in points.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct PanelChoices {
    pub folds_pods: bool,
    pub folds_inspector: bool,
    pub folds_timeline: bool,
    pub pods_width: f32,
    pub inspector_width: f32,
}

impl Default for PanelChoices {
    fn default() -> Self {
        Self {
            folds_pods: false,
            folds_inspector: false,
            folds_timeline: false,
            pods_width: 256.0,
            inspector_width: 320.0,
        }
    }
}

impl PanelChoices {
    pub const PODS_WIDTH: RangeInclusive<f32> = 200.0..=380.0;
    pub const INSPECTOR_WIDTH: RangeInclusive<f32> = 280.0..=480.0;

    /// The choices with sizes that are possible, for choices that were read from a file.
    #[must_use]
    pub fn valid(self) -> Self {
        let within = |size: f32, range: &RangeInclusive<f32>, usual: f32| {
            if size.is_finite() { size.clamp(*range.start(), *range.end()) } else { usual }
        };
        let usual = Self::default();
        Self {
            pods_width: within(self.pods_width, &Self::PODS_WIDTH, usual.pods_width),
            inspector_width: within(self.inspector_width, &Self::INSPECTOR_WIDTH, usual.inspector_width),
            ..self
        }
    }

    /// Whether the user has folded the panel.
    pub const fn folds(&self, panel: SidePanel) -> bool {
        match panel {
            SidePanel::Pods => self.folds_pods,
            SidePanel::Inspector => self.folds_inspector,
            SidePanel::Timeline => self.folds_timeline,
        }
    }

    pub const fn set_folds(&mut self, panel: SidePanel, folds: bool) {
        match panel {
            SidePanel::Pods => self.folds_pods = folds,
            SidePanel::Inspector => self.folds_inspector = folds,
            SidePanel::Timeline => self.folds_timeline = folds,
        }
    }
}

/// Which panels are folded in a window.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Folded {
    pub pods: bool,
    pub inspector: bool,
    pub timeline: bool,
}

impl Folded {
    /// Those in a window of this size in points. The inspector stays longer than the list of pods, since it is used
    /// more: where there is no room for the inspector, there is none for the pods either.
    pub fn in_window(width: f32, height: f32, choices: &PanelChoices) -> Self {
        let has_room = |panel: f32, other: f32| width >= panel + other + MIN_VIEWS_WIDTH;
        let (inspector, pods) = if choices.folds_inspector {
            (true, !has_room(choices.pods_width, STRIP))
        } else {
            let inspector = !has_room(choices.inspector_width, STRIP);
            (inspector, inspector || !has_room(choices.pods_width, choices.inspector_width))
        };
        let pods = pods || choices.folds_pods;
        let timeline = choices.folds_timeline || height < MIN_HEIGHT_WITH_TIMELINE;
        Self { pods, inspector, timeline }
    }

    pub const fn has(&self, panel: SidePanel) -> bool {
        match panel {
            SidePanel::Pods => self.pods,
            SidePanel::Inspector => self.inspector,
            SidePanel::Timeline => self.timeline,
        }
    }
}

/// What follows when the user wants a panel shown or hidden.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Toggled {
    /// It is folded from now on, or no longer.
    Folds(bool),
    /// There is no room for it beside the views, so it opens as a drawer over them.
    OpensDrawer,
    ClosesDrawer,
}

/// `open`: the drawer that is open.
pub fn toggled(panel: SidePanel, open: Option<SidePanel>, width: f32, height: f32, choices: &PanelChoices) -> Toggled {
    if open == Some(panel) {
        return Toggled::ClosesDrawer;
    }
    if !Folded::in_window(width, height, choices).has(panel) {
        return Toggled::Folds(true);
    }
    let mut unfolded = *choices;
    unfolded.set_folds(panel, false);
    if choices.folds(panel) && !Folded::in_window(width, height, &unfolded).has(panel) {
        return Toggled::Folds(false);
    }
    Toggled::OpensDrawer
}

/// The place of an open drawer over the views, which have this place.
pub fn drawer(panel: SidePanel, views: super::Rect, choices: &PanelChoices) -> super::Rect {
    // a part of the views stays visible
    let widest = (views.w - 48.0).max(0.0);
    match panel {
        SidePanel::Pods => super::Rect { w: choices.pods_width.min(widest), ..views },
        SidePanel::Inspector => {
            let w = choices.inspector_width.min(widest);
            super::Rect { x: views.right() - w, w, ..views }
        }
        SidePanel::Timeline => {
            let h = (views.h * 0.6).clamp(views.h.min(160.0), 320.0_f32.max(views.h * 0.4));
            super::Rect { y: views.bottom() - h, h, ..views }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::layout::Rect;

    fn folded(width: f32, height: f32) -> [bool; 3] {
        let folded = Folded::in_window(width, height, &PanelChoices::default());
        SidePanel::ALL.map(|panel| folded.has(panel))
    }

    #[test]
    fn panels_fold_where_the_views_would_have_too_little_room() {
        let table = [
            // a usual window, the two that must be usable, and one of 1440 × 900 pixels with text at 250 %
            ((1440.0, 900.0), [false, false, false]),
            ((1136.0, 900.0), [false, false, false]),
            ((1135.0, 900.0), [true, false, false]),
            ((900.0, 600.0), [true, true, true]),
            ((720.0, 450.0), [true, true, true]),
            ((576.0, 360.0), [true, true, true]),
            ((1920.0, 500.0), [false, false, true]),
        ];
        for ((width, height), expected) in table {
            assert_eq!(folded(width, height), expected, "{width} × {height}");
        }
    }

    #[test]
    fn the_views_keep_their_width_beside_panels_of_any_width() {
        for pods in [200.0, 256.0, 380.0] {
            for inspector in [280.0, 320.0, 480.0] {
                let choices = PanelChoices { pods_width: pods, inspector_width: inspector, ..PanelChoices::default() };
                for width in (480..2_000).map(|w| w as f32) {
                    let folded = Folded::in_window(width, 900.0, &choices);
                    let left = if folded.pods { STRIP } else { pods };
                    let right = if folded.inspector { STRIP } else { inspector };
                    let views = width - left - right;
                    assert!(views >= MIN_VIEWS_WIDTH || (folded.pods && folded.inspector), "{width}: {views}");
                }
            }
        }
    }

    #[test]
    fn a_panel_is_folded_by_the_user_or_opens_as_a_drawer() {
        let (mut choices, pods) = (PanelChoices::default(), SidePanel::Pods);
        let wide = |open, choices: &PanelChoices| toggled(pods, open, 1_440.0, 900.0, choices);
        let small = |open, choices: &PanelChoices| toggled(pods, open, 720.0, 450.0, choices);
        assert_eq!(wide(None, &choices), Toggled::Folds(true));
        assert_eq!(small(None, &choices), Toggled::OpensDrawer);
        assert_eq!(small(Some(SidePanel::Inspector), &choices), Toggled::OpensDrawer);
        assert_eq!(small(Some(pods), &choices), Toggled::ClosesDrawer);
        choices.set_folds(pods, true);
        assert_eq!(wide(None, &choices), Toggled::Folds(false));
        assert_eq!(small(None, &choices), Toggled::OpensDrawer);
        // the window became larger meanwhile
        assert_eq!(wide(Some(pods), &choices), Toggled::ClosesDrawer);
    }

    #[test]
    fn a_drawer_leaves_a_part_of_the_views_visible() {
        let choices = PanelChoices { inspector_width: 480.0, ..PanelChoices::default() };
        for (w, h) in [(848.0, 500.0), (668.0, 350.0), (428.0, 250.0), (1_400.0, 800.0)] {
            let views = Rect::new(26.0, 82.0, w, h);
            for panel in SidePanel::ALL {
                let place = drawer(panel, views, &choices);
                let inside = place.x >= views.x && place.right() <= views.right() + 0.01;
                let inside = inside && place.y >= views.y && place.bottom() <= views.bottom() + 0.01;
                assert!(inside && place.w * place.h < 0.9 * w * h, "{panel:?} in {w} × {h}: {place:?}");
            }
        }
    }

    #[test]
    fn sizes_from_a_file_are_made_possible() {
        let choices = PanelChoices { pods_width: f32::NAN, inspector_width: 9e9, ..PanelChoices::default() };
        let valid = choices.valid();
        assert_eq!((valid.pods_width, valid.inspector_width), (256.0, 480.0));
    }
}
