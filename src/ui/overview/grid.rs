//! Where the cards go: in rows, group by group. Only those on screen are looked at, so the number of cards does not
//! matter.

use std::ops::Range;

use eframe::egui::{Rangef, Rect, pos2, vec2};

pub const HEAD_H: f32 = 32.0;
pub const CARD_H: f32 = 132.0;
const GAP: f32 = 12.0;
/// The narrowest card.
const MIN_W: f32 = 256.0;

/// A group: how many cards it has, and whether it is folded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Size {
    pub cards: usize,
    pub is_folded: bool,
}

/// The places of all groups, in points from the top left.
#[derive(Clone, Debug)]
pub struct Grid {
    columns: usize,
    card_w: f32,
    width: f32,
    /// The top of each group, and how many cards of it are shown.
    groups: Vec<(f32, usize)>,
    pub height: f32,
}

impl Grid {
    pub fn new(width: f32, sizes: impl IntoIterator<Item = Size>) -> Self {
        let columns = (((width + GAP) / (MIN_W + GAP)) as usize).max(1);
        let card_w = ((width - (columns - 1) as f32 * GAP) / columns as f32).floor();
        let mut y = 0.0;
        let mut groups = Vec::new();
        for size in sizes {
            let shown = if size.is_folded { 0 } else { size.cards };
            groups.push((y, shown));
            y += HEAD_H + shown.div_ceil(columns) as f32 * (CARD_H + GAP);
        }
        Self { columns, card_w, width, groups, height: y }
    }

    /// The place of a group's head.
    pub fn head(&self, group: usize) -> Rect {
        Rect::from_min_size(pos2(0.0, self.groups[group].0), vec2(self.width, HEAD_H))
    }

    /// The place of a card of a group.
    pub fn card(&self, group: usize, nth: usize) -> Rect {
        let (row, column) = (nth / self.columns, nth % self.columns);
        let x = column as f32 * (self.card_w + GAP);
        let y = self.groups[group].0 + HEAD_H + row as f32 * (CARD_H + GAP);
        Rect::from_min_size(pos2(x, y), vec2(self.card_w, CARD_H))
    }

    /// The cards of a group in the rows that overlap these heights, and those of a row above and below, so that the
    /// Tab key can move to them.
    pub fn near(&self, group: usize, heights: Rangef) -> Range<usize> {
        let (top, cards) = self.groups[group];
        let row = |y: f32| (y - top - HEAD_H) / (CARD_H + GAP);
        let first = (row(heights.min).floor() as isize - 1).max(0) as usize;
        let last = (row(heights.max).floor() as isize + 2).max(0) as usize;
        (first * self.columns).min(cards)..(last * self.columns).min(cards)
    }
}
