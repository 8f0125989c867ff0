//! Where the map is on screen: it is zoomed, and scrolled below what stays in its place. The heads of the columns and
//! the rails stay while processes are scrolled, and pause stays while columns are scrolled sideways.

use eframe::egui::{FontId, Rect, Vec2, pos2, vec2};

use crate::layout;
use crate::layout::pod_map::{HEAD_H, Parts, PodMap};

/// The room left of the columns, for the names of the rails.
pub const LABEL_W: f32 = 64.0;
/// The gap between pause and what is scrolled below it.
const GAP: f32 = 16.0;
/// A view must be so many times as wide as pause for pause to stay in its place.
const PINNED_FROM: f32 = 3.0;
/// Text is not drawn smaller than this.
const MIN_FONT: f32 = 9.5;

/// Enlarges lengths and fonts of the map.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Zoom(f32);

impl Zoom {
    pub const STEPS: [Self; 11] = [
        Self(0.6),
        Self(0.7),
        Self(0.8),
        Self(0.9),
        Self(1.0),
        Self(1.1),
        Self(1.25),
        Self(1.5),
        Self(1.75),
        Self(2.0),
        Self(2.5),
    ];
    /// The place of the natural size in [`Self::STEPS`].
    pub const NATURAL: usize = 4;

    pub const fn factor(self) -> f32 {
        self.0
    }

    pub fn of(self, points: f32) -> f32 {
        points * self.0
    }

    pub fn vec(self, x: f32, y: f32) -> Vec2 {
        vec2(x, y) * self.0
    }

    /// The font, enlarged. A small one is not made smaller.
    pub fn font(self, font: FontId) -> FontId {
        let size = (font.size * self.0).max(font.size.min(MIN_FONT));
        FontId { size: (size * 2.0).round() / 2.0, ..font }
    }

    /// Whether a pill and a head have room for their names only.
    pub fn is_small(self) -> bool {
        self.0 < 0.75
    }
}

/// How far the map can be scrolled, and where it is now.
#[derive(Clone, Copy, Debug)]
pub struct Viewport {
    pub zoom: Zoom,
    pub parts: Parts,
    /// The visible part of the columns, from their left edge.
    pub columns: Rect,
    /// The heading and the rails, with the room for their names.
    pub rails: Rect,
    scroll: Vec2,
    /// The right end of what is not scrolled sideways.
    boundary: f32,
}

/// The size of everything, if nothing had to be scrolled: what a scroll area needs to know.
pub fn content_size(map: &PodMap, zoom: Zoom, parts: &Parts) -> Vec2 {
    vec2(LABEL_W + zoom.of(map.width), zoom.of(map.columns_h) + parts.rails_h())
}

impl Viewport {
    /// In this part of the screen, scrolled by `scroll`.
    pub fn new(map: &PodMap, zoom: Zoom, parts: Parts, visible: Rect, scroll: Vec2) -> Self {
        let left = visible.left() + LABEL_W;
        let bottom = visible.top() + parts.columns_h;
        let columns = Rect::from_min_max(pos2(left, visible.top()), pos2(visible.right().max(left), bottom));
        let rails = Rect::from_min_max(pos2(visible.left(), bottom), pos2(columns.right(), bottom + parts.rails_h()));
        let pause = map.columns.first().filter(|c| c.hexagon.is_some()).map(|c| zoom.of(c.rect.w));
        let boundary = match pause {
            Some(pause) if columns.width() >= PINNED_FROM * pause => left + pause + zoom.of(GAP),
            _ => left,
        };
        Self { zoom, parts, columns, rails, scroll, boundary }
    }

    /// Whether a column, or what begins in it, stays in its place.
    pub fn is_pinned(&self, x: f32) -> bool {
        x == 0.0 && self.boundary > self.columns.left()
    }

    pub fn x(&self, x: f32, is_pinned: bool) -> f32 {
        let scrolled = if is_pinned { 0.0 } else { self.scroll.x };
        self.columns.left() + self.zoom.of(x) - scrolled
    }

    /// Where a point of a rail is, such as the middle of a column. `None` if it is scrolled below pause.
    pub fn point(&self, x: f32) -> Option<f32> {
        let in_place = self.columns.left() + self.zoom.of(x);
        if in_place < self.boundary {
            return Some(in_place);
        }
        let scrolled = in_place - self.scroll.x;
        (scrolled >= self.boundary).then_some(scrolled)
    }

    /// The visible height of a column.
    pub fn column(&self, column: layout::Rect) -> Rect {
        let left = self.x(column.x, self.is_pinned(column.x));
        Rect::from_x_y_ranges(left..=left + self.zoom.of(column.w), self.columns.y_range())
    }

    /// A place in a column that is scrolled with its processes.
    pub fn place(&self, rect: layout::Rect, is_pinned: bool) -> Rect {
        let top = self.columns.top() + self.zoom.of(rect.y) - self.scroll.y;
        Rect::from_min_size(pos2(self.x(rect.x, is_pinned), top), self.zoom.vec(rect.w, rect.h))
    }

    /// The visible part of what is pinned, or of what is scrolled below it. As high as the columns.
    pub fn clip(&self, is_pinned: bool) -> Rect {
        let left = if is_pinned { self.columns.left() - 8.0 } else { self.boundary };
        // focus rings and outlines are a little larger than what they surround
        let left = if self.boundary > self.columns.left() { left } else { left - 8.0 };
        Rect::from_x_y_ranges(left..=self.columns.right() + 4.0, self.columns.top() - 4.0..=self.columns.bottom() + 4.0)
    }

    /// The same below the heads of the columns.
    pub fn body(&self, is_pinned: bool) -> Rect {
        let clip = self.clip(is_pinned);
        // the first pill has an outline while it is selected
        let top = self.columns.top() + self.zoom.of(HEAD_H) - 4.0;
        Rect::from_min_max(pos2(clip.left(), top.min(clip.bottom())), clip.max - vec2(0.0, 5.0))
    }

    /// Where a part of a rail is, and what is visible of it. It begins in one column and ends in another.
    pub fn rail(&self, from: f32, to: f32, nth: usize) -> (Rect, Rect) {
        let starts_pinned = self.is_pinned(from);
        let left = self.x(from, starts_pinned);
        // a bar of pause alone stays with it
        let ends_pinned = starts_pinned && self.columns.left() + self.zoom.of(to) < self.boundary;
        let right = self.x(to, ends_pinned);
        let right = if starts_pinned && !ends_pinned { right.max(self.boundary) } else { right };
        let top = self.rails.top() + self.parts.title_h + nth as f32 * self.parts.rail_step;
        let bar = Rect::from_x_y_ranges(left..=right, top..=top + self.parts.rail_h);
        let clip = Rect::from_x_y_ranges(self.clip(starts_pinned).x_range(), self.rails.y_range());
        (bar, clip)
    }

    /// How far to scroll so that a place in a column is in view.
    pub fn scroll_to(&self, rect: layout::Rect, is_pinned: bool) -> Option<Vec2> {
        let (place, body) = (self.place(rect, is_pinned), self.body(is_pinned).shrink(5.0));
        let by = |from: f32, to: f32, first: f32, last: f32| {
            if from < first || to - from > last - first { from - first } else { (to - last).max(0.0) }
        };
        let x = if is_pinned { 0.0 } else { by(place.left(), place.right(), body.left(), body.right()) };
        let y = by(place.top(), place.bottom(), body.top(), body.bottom());
        let is_hidden = x.abs() > 0.5 || y.abs() > 0.5;
        is_hidden.then(|| (self.scroll + vec2(x, y)).max(Vec2::ZERO))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::layout::Rect as Place;
    use crate::layout::pod_map::{Column, ColumnShape};
    use crate::model::{Member, PodUid};

    /// pause and `n` containers, 156 points wide and 700 high.
    fn map(n: usize) -> PodMap {
        let pod = PodUid("uid".into());
        let column = |x: f32, w: f32, member: Member| Column {
            member,
            rect: Place::new(x, 0.0, w, 700.0),
            hexagon: (x == 0.0).then(|| Place::new(24.0, 80.0, 104.0, 104.0)),
            shape: ColumnShape::Open,
            pills: Vec::new(),
            folds: Vec::new(),
            links: Vec::new(),
            more: None,
        };
        let containers = (0..n).map(|i| column(168.0 + 172.0 * i as f32, 156.0, Member::container(&pod, "c")));
        let columns: Vec<Column> = std::iter::once(column(0.0, 152.0, Member::pause(&pod))).chain(containers).collect();
        let width = columns.last().map_or(0.0, |c| c.rect.right());
        PodMap { width, columns_h: 700.0, columns, ..PodMap::default() }
    }

    fn scrolled(map: &PodMap, scroll: Vec2) -> Viewport {
        let visible = Rect::from_min_size(pos2(100.0, 50.0), vec2(900.0, 480.0));
        Viewport::new(map, Zoom::STEPS[Zoom::NATURAL], Parts::of(700.0, 8, 480.0), visible, scroll)
    }

    #[test]
    fn pause_heads_and_rails_stay_while_the_rest_is_scrolled() {
        let map = map(12);
        let (before, after) = (scrolled(&map, Vec2::ZERO), scrolled(&map, vec2(400.0, 200.0)));
        let column = |view: &Viewport, n: usize| view.column(map.columns[n].rect);
        assert_eq!(column(&before, 0), column(&after, 0));
        assert_eq!(column(&after, 3).left(), column(&before, 3).left() - 400.0);
        assert_eq!(column(&after, 3).y_range(), column(&before, 3).y_range());
        let pill = Place::new(180.0, 90.0, 100.0, 36.0);
        assert_eq!(after.place(pill, false).min, before.place(pill, false).min - vec2(400.0, 200.0));
        assert_eq!(before.rails, after.rails);
        assert!(before.rails.bottom() <= 530.0, "in view");
    }

    #[test]
    fn a_bar_from_pause_stays_there_and_ends_where_its_last_column_does() {
        let map = map(12);
        let last = map.columns[12].rect.right();
        for scroll in [0.0, 400.0, 1200.0] {
            let view = scrolled(&map, vec2(scroll, 0.0));
            let (bar, _) = view.rail(0.0, last, 0);
            assert_eq!((bar.left(), bar.right()), (164.0, 164.0 + last - scroll), "{scroll}");
            let (alone, _) = view.rail(0.0, 152.0, 4);
            assert_eq!((alone.left(), alone.right()), (164.0, 316.0));
            let (private, clip) = view.rail(168.0, 324.0, 4);
            assert_eq!(private.left(), 332.0 - scroll);
            assert_eq!(clip.left(), 332.0, "it is not drawn over pause");
            assert_eq!(view.point(76.0), Some(240.0), "the dot of pause");
            assert_eq!(view.point(246.0).is_some(), scroll == 0.0);
        }
    }

    #[test]
    fn a_hidden_pill_is_scrolled_into_view_and_a_visible_one_is_not() {
        let map = map(12);
        let view = scrolled(&map, Vec2::ZERO);
        assert_eq!(view.scroll_to(Place::new(180.0, 90.0, 100.0, 36.0), false), None);
        let hidden = Place::new(1500.0, 600.0, 100.0, 36.0);
        let to = view.scroll_to(hidden, false).expect("it is hidden");
        assert_eq!(scrolled(&map, to).scroll_to(hidden, false), None);
    }

    #[test]
    fn fonts_stay_readable() {
        let sizes = |size: f32| Zoom::STEPS.map(|zoom| zoom.font(FontId::proportional(size)).size);
        assert!(sizes(11.0).iter().all(|size| *size >= 9.5), "{:?}", sizes(11.0));
        assert!(sizes(11.0).is_sorted() && sizes(9.0)[0] == 9.0);
        assert_eq!(sizes(11.0)[Zoom::NATURAL], 11.0);
    }
}
