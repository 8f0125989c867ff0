//! Where the cards of presets are: in rows of as many as fit. Only those on screen are looked at.

use std::ops::Range;

use eframe::egui::{Key, Rangef, Rect, pos2, vec2};

pub const CARD_H: f32 = 158.0;
const GAP: f32 = 10.0;
/// The narrowest card.
const MIN_W: f32 = 250.0;

#[derive(Clone, Copy, Debug)]
pub struct Grid {
    columns: usize,
    card_w: f32,
    cards: usize,
}

impl Grid {
    /// A narrow place gets one column.
    pub fn new(width: f32, cards: usize) -> Self {
        let columns = (((width + GAP) / (MIN_W + GAP)) as usize).max(1);
        let card_w = ((width - (columns - 1) as f32 * GAP) / columns as f32).floor();
        Self { columns, card_w, cards }
    }

    pub fn height(&self) -> f32 {
        self.cards.div_ceil(self.columns) as f32 * (CARD_H + GAP)
    }

    pub fn card(&self, nth: usize) -> Rect {
        let (row, column) = (nth / self.columns, nth % self.columns);
        let at = pos2(column as f32 * (self.card_w + GAP), row as f32 * (CARD_H + GAP));
        Rect::from_min_size(at, vec2(self.card_w, CARD_H))
    }

    /// The cards in the rows that overlap these heights, and those of a row above and below, so that the Tab key can
    /// move to them.
    pub fn near(&self, heights: Rangef) -> Range<usize> {
        let row = |y: f32| y / (CARD_H + GAP);
        let first = (row(heights.min).floor() as isize - 1).max(0) as usize;
        let last = (row(heights.max).floor() as isize + 2).max(0) as usize;
        (first * self.columns).min(self.cards)..(last * self.columns).min(self.cards)
    }

    /// The card that an arrow key leads to.
    pub fn neighbour(&self, from: usize, key: Key) -> usize {
        let last = self.cards.saturating_sub(1);
        let to = match key {
            Key::ArrowLeft => from.saturating_sub(1),
            Key::ArrowRight => from + 1,
            Key::ArrowUp => from.checked_sub(self.columns).unwrap_or(from),
            Key::ArrowDown if from + self.columns <= last => from + self.columns,
            // from above a row that is not full to its last card
            Key::ArrowDown if from / self.columns < last / self.columns => last,
            _ => from,
        };
        to.min(last)
    }
}

#[cfg(test)]
mod tests {
    use eframe::egui::{Key, Rangef};

    use super::{CARD_H, Grid};

    #[test]
    fn a_narrow_place_has_one_column_and_a_wide_one_several() {
        for (width, columns) in [(100.0, 1), (480.0, 1), (520.0, 2), (1100.0, 4)] {
            let grid = Grid::new(width, 35);
            assert_eq!(grid.columns, columns, "{width}");
            assert!(grid.card(columns - 1).right() <= width + 0.5, "{width}");
        }
    }

    #[test]
    fn only_rows_on_screen_and_beside_it_are_near() {
        let grid = Grid::new(520.0, 35);
        assert_eq!(grid.near(Rangef::new(0.0, CARD_H)), 0..4);
        let second = grid.card(4).top();
        assert_eq!(grid.near(Rangef::new(second, second + CARD_H)), 2..8);
        assert_eq!(grid.near(Rangef::new(grid.height() - 1.0, grid.height())), 32..35);
        assert_eq!(Grid::new(520.0, 0).near(Rangef::new(0.0, 500.0)), 0..0);
    }

    #[test]
    fn arrow_keys_stay_in_the_grid() {
        let grid = Grid::new(520.0, 5);
        let table = [
            (0, Key::ArrowRight, 1),
            (1, Key::ArrowRight, 2),
            (4, Key::ArrowRight, 4),
            (0, Key::ArrowLeft, 0),
            (2, Key::ArrowUp, 0),
            (1, Key::ArrowUp, 1),
            (0, Key::ArrowDown, 2),
            (3, Key::ArrowDown, 4),
            (4, Key::ArrowDown, 4),
        ];
        for (from, key, to) in table {
            assert_eq!(grid.neighbour(from, key), to, "{from} {key:?}");
        }
        assert_eq!(Grid::new(520.0, 0).neighbour(0, Key::ArrowDown), 0);
    }
}
