//! How the parts of the map share the height of the view: the columns above, which scroll, and the rails below, which
//! are always there.

use super::{HEAD_H, PILL_STEP};

/// Above the rails: the heading and the space around it.
const TITLE_H: f32 = 36.0;
/// The same where there is little room.
const SMALL_TITLE_H: f32 = 26.0;
/// The least height of the columns: the heads, and processes to scroll through.
const MIN_COLUMNS_H: f32 = HEAD_H + 1.5 * PILL_STEP;

/// Heights in points.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Parts {
    pub columns_h: f32,
    /// From the columns to the first rail.
    pub title_h: f32,
    /// From one rail to the next.
    pub rail_step: f32,
    pub rail_h: f32,
    /// How many rails there are.
    rails: usize,
}

impl Parts {
    /// For columns of this height in a view with this room. All is shown in full if it fits. Otherwise first the rails
    /// come closer together, then the columns scroll. In a view that is lower than [`Self::height`] then, both scroll.
    pub fn of(columns_h: f32, rails: usize, room: f32) -> Self {
        let wide = Self { columns_h, title_h: TITLE_H, rail_step: 24.0, rail_h: 18.0, rails };
        if wide.height() <= room {
            return wide;
        }
        let close = Self { title_h: SMALL_TITLE_H, rail_step: 19.0, rail_h: 15.0, ..wide };
        let left = room - close.rails_h();
        Self { columns_h: left.clamp(MIN_COLUMNS_H.min(columns_h), columns_h), ..close }
    }

    /// The height of the heading and the rails.
    pub fn rails_h(&self) -> f32 {
        self.title_h + self.rails as f32 * self.rail_step
    }

    pub fn height(&self) -> f32 {
        self.columns_h + self.rails_h()
    }
}

#[cfg(test)]
mod tests {
    use super::Parts;

    #[test]
    fn the_rails_are_in_view_however_high_the_columns_are() {
        for room in [330.0, 400.0, 484.0, 900.0] {
            for columns_h in [180.0, 252.0, 700.0, 21_000.0] {
                let parts = Parts::of(columns_h, 8, room);
                assert!(parts.height() <= room, "{parts:?} in {room}");
                assert!(parts.columns_h <= columns_h && parts.rail_h < parts.rail_step);
            }
        }
        assert_eq!(Parts::of(252.0, 8, 900.0).columns_h, 252.0, "all of it where there is room");
    }

    #[test]
    fn rails_come_closer_before_processes_have_to_be_scrolled() {
        let [wide, close, scrolled] = [490.0, 440.0, 400.0].map(|room| Parts::of(252.0, 8, room));
        assert!(close.rail_step < wide.rail_step && close.columns_h == 252.0);
        assert!(scrolled.rail_step == close.rail_step && scrolled.columns_h < 252.0);
    }

    #[test]
    fn in_a_very_low_view_some_processes_are_left() {
        let parts = Parts::of(700.0, 8, 100.0);
        assert!(parts.columns_h > 100.0 && parts.height() > 100.0);
    }
}
