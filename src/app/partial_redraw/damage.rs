//! Finds where two lists of shapes differ.

use std::sync::Arc;

use eframe::egui::epaint::{ClippedShape, Shape};
use eframe::egui::{Pos2, Rect};

/// The largest number of parts. If there are more, near ones are joined.
const MAX_PARTS: usize = 4;

/// The parts of the screen where `new` looks different from `old`, on whole pixels and apart from each other.
///
/// Shapes are in the order in which they are painted. The shapes of one panel have the same clip rectangle and are
/// adjacent, so the runs of equal clip rectangles are compared one by one. If the runs themselves differ, everything
/// between the first and the last difference counts as different.
pub(super) fn between(old: &[ClippedShape], new: &[ClippedShape], pixels_per_point: f32) -> Vec<Rect> {
    let clips = |shapes| runs(shapes).map(|run| run[0].clip_rect);
    let differing: Vec<Rect> = if clips(old).eq(clips(new)) {
        runs(old).zip(runs(new)).flat_map(|(old, new)| differing(old, new)).collect()
    } else {
        without_common_ends(old, new)
    };
    let mut parts = Vec::new();
    for rect in differing {
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

fn runs(shapes: &[ClippedShape]) -> impl Iterator<Item = &[ClippedShape]> {
    shapes.chunk_by(|a, b| a.clip_rect == b.clip_rect)
}

/// The visible area of a shape, with its soft edge.
pub(super) fn bounds(shape: &ClippedShape) -> Rect {
    let all = shape.transform_after_tessellation * shape.shape.visual_bounding_rect().expand(2.0);
    all.intersect(shape.clip_rect)
}

fn differing(old: &[ClippedShape], new: &[ClippedShape]) -> Vec<Rect> {
    if old.len() != new.len() {
        return without_common_ends(old, new);
    }
    let pairs = old.iter().zip(new).filter(|(old, new)| !is_same(old, new));
    pairs.flat_map(|(old, new)| resized_bar(old, new).unwrap_or_else(|| [bounds(old), bounds(new)])).collect()
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

/// The bounds of all shapes, except those that are the same at the beginning and at the end.
fn without_common_ends(old: &[ClippedShape], new: &[ClippedShape]) -> Vec<Rect> {
    let front = old.iter().zip(new).take_while(|(a, b)| is_same(a, b)).count();
    let (old, new) = (&old[front..], &new[front..]);
    let back = old.iter().rev().zip(new.iter().rev()).take_while(|(a, b)| is_same(a, b)).count();
    let (old, new) = (&old[..old.len() - back], &new[..new.len() - back]);
    old.iter().chain(new).map(bounds).collect()
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
        assert_eq!(parts, [rect(198.0, 48.0, 217.0, 62.0)]);
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
