//! Finds where two lists of shapes differ.

use std::sync::Arc;

use eframe::egui::epaint::{ClippedShape, Shape};
use eframe::egui::{Pos2, Rect};

/// The largest number of parts. If there are more, near ones are joined.
const MAX_PARTS: usize = 16;

/// How far to look ahead for the next shape that is in both lists.
const REACH: usize = 32;

/// The parts of the screen where `new` looks different from `old`, on whole pixels and apart from each other.
///
/// Shapes are in the order in which they are painted. Those that are in both lists in the same order look the same,
/// except where one that is only in one list covers them or shows through them. So the damage is where the others are.
pub(super) fn between(old: &[ClippedShape], new: &[ClippedShape], pixels_per_point: f32) -> Vec<Rect> {
    let mut parts = Vec::new();
    for rect in differing(old, new) {
        let rect = whole_pixels(rect, pixels_per_point);
        if rect.is_positive() {
            add(&mut parts, rect);
        }
    }
    while parts.len() > MAX_PARTS {
        join_nearest(&mut parts);
    }
    parts
}

/// The bounds of the shapes that are only in one list.
fn differing(mut old: &[ClippedShape], mut new: &[ClippedShape]) -> Vec<Rect> {
    let mut found = Vec::new();
    loop {
        let same = old.iter().zip(new).take_while(|(a, b)| is_same(a, b)).count();
        (old, new) = (&old[same..], &new[same..]);
        if old.is_empty() || new.is_empty() {
            found.extend(old.iter().chain(new).map(bounds));
            return found;
        }
        let (removed, added) = until_next_common(old, new);
        if removed == added {
            let pairs = old[..removed].iter().zip(&new[..added]);
            found.extend(pairs.flat_map(|(a, b)| resized_bar(a, b).unwrap_or_else(|| [bounds(a), bounds(b)])));
        } else {
            found.extend(old[..removed].iter().chain(&new[..added]).map(bounds));
        }
        (old, new) = (&old[removed..], &new[added..]);
    }
}

/// How many shapes of each list come before the next one that is in both: as many were changed, or some were removed or
/// added.
fn until_next_common(old: &[ClippedShape], new: &[ClippedShape]) -> (usize, usize) {
    let common = |i: usize, j: usize| matches!((old.get(i), new.get(j)), (Some(a), Some(b)) if is_same(a, b));
    let at = |k: usize| [(k, k), (0, k), (k, 0)].into_iter().find(|(i, j)| common(*i, *j));
    (1..=REACH).find_map(at).unwrap_or((1, 1))
}

/// The visible area of a shape, with its soft edge.
pub(super) fn bounds(shape: &ClippedShape) -> Rect {
    let all = shape.transform_after_tessellation * shape.shape.visual_bounding_rect().expand(2.0);
    all.intersect(shape.clip_rect)
}

/// If the shape is a bar that became longer or shorter: its old and its new end.
fn resized_bar(old: &ClippedShape, new: &ClippedShape) -> Option<[Rect; 2]> {
    let (Shape::Rect(a), Shape::Rect(b)) = (&old.shape, &new.shape) else { return None };
    let mut longer = a.clone();
    longer.rect.max.x = b.rect.max.x;
    if longer != *b || old.clip_rect != new.clip_rect || a.angle != 0.0 || a.brush.is_some() {
        return None;
    }
    let corner = f32::from(a.corner_radius.ne.max(a.corner_radius.se)).max(a.stroke.width) + a.blur_width;
    // a bar that is shorter than the width of its corners changes everywhere
    let from = a.rect.right().min(b.rect.right()) - corner - 2.0;
    if from - corner < a.rect.left() {
        return None;
    }
    let end = |shape| Rect::everything_right_of(from).intersect(bounds(shape));
    Some([end(old), end(new)])
}

/// Whether they look the same. Two texts with the same layout are not compared glyph by glyph.
fn is_same(a: &ClippedShape, b: &ClippedShape) -> bool {
    if a.clip_rect != b.clip_rect || a.transform_after_tessellation != b.transform_after_tessellation {
        return false;
    }
    match (&a.shape, &b.shape) {
        (Shape::Text(a), Shape::Text(b)) if Arc::ptr_eq(&a.galley, &b.galley) => {
            a.pos == b.pos
                && a.underline == b.underline
                && a.fallback_color == b.fallback_color
                && a.override_text_color == b.override_text_color
                && a.opacity_factor == b.opacity_factor
                && a.angle == b.angle
        }
        // a callback may paint anything
        (Shape::Callback(_), _) => false,
        (a, b) => a == b,
    }
}

/// Adds a part and joins the parts that overlap.
fn add(parts: &mut Vec<Rect>, mut rect: Rect) {
    while let Some(at) = parts.iter().position(|part| part.intersects(rect)) {
        rect = rect.union(parts.swap_remove(at));
    }
    parts.push(rect);
}

/// Joins the two parts whose union adds the least area.
fn join_nearest(parts: &mut Vec<Rect>) {
    let more = |a: Rect, b: Rect| a.union(b).area() - a.area() - b.area();
    let pairs = (0..parts.len()).flat_map(|b| (0..b).map(move |a| (a, b)));
    let nearest = pairs.min_by(|x, y| more(parts[x.0], parts[x.1]).total_cmp(&more(parts[y.0], parts[y.1])));
    let Some((a, b)) = nearest else { return };
    let joined = parts.swap_remove(b).union(parts.swap_remove(a));
    add(parts, joined);
}

fn whole_pixels(rect: Rect, pixels_per_point: f32) -> Rect {
    let scaled = |p: Pos2, round: fn(f32) -> f32| {
        Pos2::new(round(p.x * pixels_per_point), round(p.y * pixels_per_point)) / pixels_per_point
    };
    Rect::from_min_max(scaled(rect.min, f32::floor), scaled(rect.max, f32::ceil))
}

#[cfg(test)]
mod tests {
    use eframe::egui::{Color32, Shape, pos2, vec2};
    use proptest::prelude::*;

    use super::*;

    const PANEL: Rect = Rect::from_min_max(pos2(0.0, 0.0), pos2(100.0, 500.0));
    const CENTRE: Rect = Rect::from_min_max(pos2(100.0, 0.0), pos2(900.0, 500.0));

    fn square(clip: Rect, x: f32, y: f32, color: Color32) -> ClippedShape {
        let rect = Rect::from_min_size(pos2(x, y), vec2(10.0, 10.0));
        ClippedShape::new(clip, Shape::rect_filled(rect, 0.0, color))
    }

    /// Two squares in a panel, three in the centre.
    fn picture() -> Vec<ClippedShape> {
        let at = [(PANEL, 20.0, 20.0), (PANEL, 20.0, 400.0), (CENTRE, 200.0, 50.0), (CENTRE, 400.0, 50.0)];
        let mut shapes: Vec<_> = at.into_iter().map(|(clip, x, y)| square(clip, x, y, Color32::RED)).collect();
        shapes.push(square(CENTRE, 600.0, 300.0, Color32::RED));
        shapes
    }

    fn rect(left: f32, top: f32, right: f32, bottom: f32) -> Rect {
        Rect::from_min_max(pos2(left, top), pos2(right, bottom))
    }

    #[test]
    fn an_unchanged_picture_has_no_damage() {
        assert_eq!(between(&picture(), &picture(), 1.0), Vec::new());
    }

    #[test]
    fn a_change_counts_with_its_soft_edge_and_inside_its_panel() {
        let mut new = picture();
        new[2] = square(CENTRE, 200.0, 50.0, Color32::BLUE);
        assert_eq!(between(&picture(), &new, 1.0), [rect(198.0, 48.0, 212.0, 62.0)]);
        new[2] = square(CENTRE, 95.0, 50.0, Color32::RED);
        let parts = between(&picture(), &new, 1.0);
        assert_eq!(
            parts,
            [rect(198.0, 48.0, 212.0, 62.0), rect(100.0, 48.0, 107.0, 62.0)],
            "where it was, where it is"
        );
    }

    #[test]
    fn only_the_end_of_a_bar_that_grows_is_drawn() {
        let bar =
            |right| ClippedShape::new(CENTRE, Shape::rect_filled(rect(150.0, 50.0, right, 60.0), 3.0, Color32::RED));
        assert_eq!(between(&[bar(400.0)], &[bar(420.0)], 1.0), [rect(395.0, 48.0, 422.0, 62.0)]);
        assert_eq!(between(&[bar(420.0)], &[bar(400.0)], 1.0), [rect(395.0, 48.0, 422.0, 62.0)]);
        assert_eq!(between(&[bar(153.0)], &[bar(160.0)], 1.0), [rect(148.0, 48.0, 162.0, 62.0)], "its corners change");
    }

    #[test]
    fn parts_lie_on_whole_pixels() {
        let mut new = picture();
        new[0] = square(PANEL, 20.25, 20.25, Color32::RED);
        for part in between(&picture(), &new, 1.5) {
            for edge in [part.left(), part.top(), part.right(), part.bottom()] {
                assert!((edge * 1.5 - (edge * 1.5).round()).abs() < 1e-3, "{part}");
            }
        }
    }

    #[test]
    fn an_added_shape_and_an_added_panel_are_drawn() {
        let mut new = picture();
        new.insert(1, square(PANEL, 60.0, 60.0, Color32::RED));
        assert_eq!(between(&picture(), &new, 1.0), [rect(58.0, 58.0, 72.0, 72.0)]);
        let popup = rect(300.0, 200.0, 350.0, 250.0);
        new.push(square(popup, 320.0, 220.0, Color32::RED));
        assert!(between(&picture(), &new, 1.0).iter().any(|part| part.contains(pos2(325.0, 225.0))));
        assert_eq!(between(&new, &new, 1.0), Vec::new());
    }

    #[test]
    fn two_shapes_that_swap_their_order_are_drawn_again() {
        let (below, above) = (square(CENTRE, 200.0, 50.0, Color32::RED), square(CENTRE, 205.0, 50.0, Color32::BLUE));
        let parts = between(&[below.clone(), above.clone()], &[above, below], 1.0);
        assert_eq!(parts, [rect(203.0, 48.0, 217.0, 62.0)], "the one that is above now, also where they overlap");
    }

    #[test]
    fn changes_that_are_far_apart_are_drawn_without_what_is_between() {
        let mut new = picture();
        new[0] = square(PANEL, 20.0, 20.0, Color32::BLUE);
        // the clip rectangle of a shape has changed
        new[3].clip_rect.max.y = 400.0;
        let parts = between(&picture(), &new, 1.0);
        assert_eq!(parts, [rect(18.0, 18.0, 32.0, 32.0), rect(398.0, 48.0, 412.0, 62.0)]);
    }

    /// The colour of each cell of a small screen.
    fn paint(screen: &mut [[Color32; 16]; 16], shapes: &[ClippedShape], only: Option<&[Rect]>) {
        for (y, row) in screen.iter_mut().enumerate() {
            for (x, cell) in row.iter_mut().enumerate() {
                let centre = pos2(x as f32 + 0.5, y as f32 + 0.5);
                if only.is_some_and(|parts| !parts.iter().any(|part| part.contains(centre))) {
                    continue;
                }
                for shape in shapes {
                    let Shape::Rect(rect) = &shape.shape else { continue };
                    if rect.rect.intersect(shape.clip_rect).contains(centre) {
                        *cell = rect.fill;
                    }
                }
            }
        }
    }

    fn shapes() -> impl Strategy<Value = Vec<ClippedShape>> {
        let shape = (0..6_u8, 0..6_u8, 0..3_usize, 0..2_usize).prop_map(|(x, y, color, clip)| {
            let rect = Rect::from_min_size(pos2(f32::from(x) * 2.0, f32::from(y) * 2.0), vec2(4.0, 4.0));
            let color = [Color32::RED, Color32::BLUE, Color32::GREEN][color];
            let clip = [rect.expand(1.0), Rect::from_min_max(pos2(0.0, 0.0), pos2(9.0, 16.0))][clip];
            ClippedShape::new(clip, Shape::rect_filled(rect, 0.0, color))
        });
        proptest::collection::vec(shape, 0..24)
    }

    proptest! {
        #[test]
        fn drawing_the_damage_over_the_last_frame_gives_the_new_frame(
            common in shapes(), old in shapes(), new in shapes(), at in 0..24_usize,
        ) {
            let insert = |other: &[ClippedShape]| {
                let at = at.min(common.len());
                [&common[..at], other, &common[at..]].concat()
            };
            let (old, new) = (insert(&old), insert(&new));
            let mut whole = [[Color32::BLACK; 16]; 16];
            paint(&mut whole, &new, None);
            let mut kept = [[Color32::BLACK; 16]; 16];
            paint(&mut kept, &old, None);
            let damage = between(&old, &new, 1.0);
            // a damaged part is cleared first
            let clear = ClippedShape::new(Rect::EVERYTHING, Shape::rect_filled(Rect::EVERYTHING, 0.0, Color32::BLACK));
            paint(&mut kept, &[clear], Some(&damage));
            paint(&mut kept, &new, Some(&damage));
            prop_assert_eq!(kept, whole);
        }
    }

    #[test]
    fn many_parts_are_joined_into_few_that_contain_them_all() {
        let grid = |color| -> Vec<_> {
            (0..100).map(|n| square(CENTRE, 110.0 + 70.0 * (n % 10) as f32, 40.0 * (n / 10) as f32, color)).collect()
        };
        let parts = between(&grid(Color32::RED), &grid(Color32::BLUE), 1.0);
        assert!(parts.len() <= MAX_PARTS, "{parts:?}");
        for shape in grid(Color32::BLUE) {
            assert!(parts.iter().any(|part| part.contains_rect(bounds(&shape))));
        }
        for (n, part) in parts.iter().enumerate() {
            assert!(parts[..n].iter().all(|other| !other.intersects(*part)), "none is drawn twice: {parts:?}");
        }
    }
}
