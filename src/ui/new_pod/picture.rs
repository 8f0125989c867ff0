//! Paints the picture of pods: pause as a hexagon, containers as boxes, a bar for each kind of namespace.
//!
//! ```text
//!  ⬡   [nginx] [busybox]
//!  ═══════════════════ net
//!  ═══════════════════ ipc
//!  ╌╌╌ ╌╌╌╌╌╌╌ ╌╌╌╌╌╌╌ pid
//! ```

use eframe::egui::{Align2, CornerRadius, Painter, Pos2, Rect, Shape, Stroke, StrokeKind, Ui, pos2, vec2};

use crate::layout::pod_picture::{Column, ColumnKind, Pause, Place, PodPicture, Rail, Role, Zombies};
use crate::ui::tokens::{self, Tokens};
use crate::ui::{text, widgets};

/// The space between columns, and between pods.
const GAP: f32 = 4.0;
const POD_GAP: f32 = 10.0;
/// Room on the right for the names of the kinds.
const KIND_W: f32 = 24.0;
const RAIL_STEP: f32 = 8.0;
const RAIL_H: f32 = 4.0;
/// More pods than this are only counted.
const MAX_PODS: usize = 3;
/// More columns than this are only counted.
const MAX_COLUMNS: usize = 7;

/// Where the columns of a pod are, from left to right, in a part of the picture.
fn column_places(area: Rect, columns: usize) -> Vec<Rect> {
    let width = ((area.width() + GAP) / columns.max(1) as f32 - GAP).min(74.0);
    let place = |nth: usize| {
        let left = area.left() + nth as f32 * (width + GAP);
        Rect::from_min_size(pos2(left, area.top()), vec2(width.max(2.0), area.height()))
    };
    (0..columns).map(place).collect()
}

/// Paints all pods side by side. The caller gives the place its name for screen readers.
pub fn paint(ui: &Ui, tokens: &Tokens, area: Rect, pods: &[PodPicture]) {
    let shown = &pods[..pods.len().min(MAX_PODS)];
    if shown.is_empty() {
        return;
    }
    let rest = pods.len() - shown.len();
    let area = area.with_max_x(area.right() - if rest > 0 { 26.0 } else { 0.0 });
    // the kinds are named once, at the right
    let rows = area.with_max_x(area.right() - KIND_W);
    let width = (rows.width() + POD_GAP) / shown.len() as f32 - POD_GAP;
    let rails_h = RAIL_STEP * shown[0].rails.len() as f32;
    for (nth, pod) in shown.iter().enumerate() {
        let left = rows.left() + nth as f32 * (width + POD_GAP);
        let place = Rect::from_min_size(pos2(left, rows.top()), vec2(width, rows.height()));
        paint_pod(ui, tokens, place, rails_h, pod);
    }
    for (nth, rail) in shown[0].rails.iter().enumerate() {
        let at = pos2(area.right(), area.bottom() - rails_h + (nth as f32 + 0.5) * RAIL_STEP);
        text::put(ui, at, Align2::RIGHT_CENTER, rail.kind.name(), tokens::mono(8.5), tokens.ns(rail.kind), KIND_W);
    }
    if rest > 0 {
        let at = pos2(area.right() + 26.0, area.center().y);
        text::put(ui, at, Align2::RIGHT_CENTER, &format!("+{rest}"), tokens::semibold(11.0), tokens.muted, 26.0);
    }
}

fn paint_pod(ui: &Ui, tokens: &Tokens, area: Rect, rails_h: f32, pod: &PodPicture) {
    let all = pod.columns.len();
    let shown = all.min(MAX_COLUMNS);
    let places = column_places(area, shown);
    let members = area.with_max_y(area.bottom() - rails_h - 4.0);
    for (nth, (column, place)) in pod.columns.iter().zip(&places).enumerate() {
        let place = Rect::from_x_y_ranges(place.x_range(), members.y_range());
        // the last place stands for all that have no room
        if nth + 1 == shown && all > shown {
            let more = format!("+{}", all - shown + 1);
            text::put(
                ui,
                place.center(),
                Align2::CENTER_CENTER,
                &more,
                tokens::semibold(11.0),
                tokens.muted,
                place.width(),
            );
        } else {
            paint_column(ui, tokens, place, column);
        }
    }
    for (nth, rail) in pod.rails.iter().enumerate() {
        let y = area.bottom() - rails_h + (nth as f32 + 0.5) * RAIL_STEP;
        paint_rail(ui, tokens, y, &places, rail);
    }
}

fn paint_column(ui: &Ui, tokens: &Tokens, place: Rect, column: &Column) {
    match &column.kind {
        ColumnKind::Pause(pause) => paint_pause(ui, tokens, place, *pause),
        ColumnKind::Container { role, holds_sandbox } => {
            paint_container(ui, tokens, place, column, *role, *holds_sandbox);
        }
    }
    if let Some(zombies) = column.zombies {
        paint_zombies(ui.painter(), tokens, place, zombies);
    }
}

fn hexagon(center: Pos2, radius: f32) -> Vec<Pos2> {
    let corner = |i: usize| {
        let angle = std::f32::consts::FRAC_PI_3 * i as f32 - std::f32::consts::FRAC_PI_2;
        center + vec2(angle.cos(), angle.sin()) * radius
    };
    (0..6).map(corner).collect()
}

fn paint_pause(ui: &Ui, tokens: &Tokens, place: Rect, pause: Pause) {
    let radius = (place.width() / 2.0).min(place.height() / 2.0 - 2.0).clamp(4.0, 14.0);
    let center = pos2(place.center().x, place.top() + radius + 3.0);
    let points = hexagon(center, radius);
    let color = match pause {
        Pause::Reaps | Pause::ReapsLate | Pause::Own => tokens.accent,
        Pause::NeverReaps => tokens.warn,
        Pause::Missing => tokens.bad,
    };
    let stroke = Stroke::new(1.5, color);
    if pause == Pause::Missing {
        let mut outline = points;
        outline.push(outline[0]);
        ui.painter().extend(Shape::dashed_line(&outline, stroke, 3.0, 2.0));
    } else {
        ui.painter().add(Shape::convex_polygon(points, tokens.accent_fill, stroke));
    }
    let sign = if pause == Pause::Missing { "×" } else { "1" };
    text::put(ui, center, Align2::CENTER_CENTER, sign, tokens::mono_bold(11.0), tokens.text, radius * 2.0);
    // its behaviour is told in words too
    let word = match pause {
        Pause::Reaps => "pause",
        Pause::ReapsLate => "reaps late",
        Pause::NeverReaps => "no reaping",
        Pause::Missing => "missing",
        Pause::Own => "own pause",
    };
    let below = pos2(place.center().x, center.y + radius + 7.0);
    if below.y + 5.0 < place.bottom() {
        text::put(ui, below, Align2::CENTER_CENTER, word, tokens::sans(9.0), tokens.muted, place.width());
    }
}

fn paint_container(ui: &Ui, tokens: &Tokens, place: Rect, column: &Column, role: Role, holds_sandbox: bool) {
    let (line, fill) = match (holds_sandbox, role) {
        (true, _) => (tokens.accent, tokens.accent_fill),
        (false, Role::Init) => (tokens.line_strong, tokens.card),
        (false, Role::Sidecar | Role::App) => (tokens.line_strong, tokens.pill),
    };
    let corners = CornerRadius::same(4);
    if role == Role::Init {
        ui.painter().rect_filled(place, corners, fill);
        widgets::dashed_round_rect(ui, place, 4.0, Stroke::new(1.0, line));
    } else {
        let width = if holds_sandbox { 1.5 } else { 1.0 };
        ui.painter().rect(place, corners, fill, Stroke::new(width, line), StrokeKind::Inside);
    }
    let room = place.width() - 6.0;
    let at = place.left_top() + vec2(4.0, 4.0);
    text::put(ui, at, Align2::LEFT_TOP, &column.name, tokens::semibold(9.5), tokens.text, room);
    let word = match (holds_sandbox, role) {
        (true, _) => "infra",
        (false, Role::Init) => "init",
        (false, Role::Sidecar) => "sidecar",
        (false, Role::App) => return,
    };
    if place.height() > 30.0 {
        text::put(ui, at + vec2(0.0, 12.0), Align2::LEFT_TOP, word, tokens::sans(8.5), tokens.muted, room);
    }
}

/// Hollow dashed dots, as a zombie's pill on the map; one for those that pass, three for those that stay.
fn paint_zombies(painter: &Painter, tokens: &Tokens, place: Rect, zombies: Zombies) {
    let dots = match zombies {
        Zombies::Passing => 1,
        Zombies::Staying => 3,
    };
    let (radius, step) = (3.0, 9.0);
    let left = place.center().x - step * (dots - 1) as f32 / 2.0;
    for nth in 0..dots {
        let center = pos2(left + nth as f32 * step, place.bottom() - 6.0);
        let points: Vec<Pos2> = (0..=12)
            .map(|i| {
                let angle = std::f32::consts::TAU * i as f32 / 12.0;
                center + vec2(angle.cos(), angle.sin()) * radius
            })
            .collect();
        painter.extend(Shape::dashed_line(&points, Stroke::new(1.2, tokens.zombie), 2.0, 1.2));
    }
}

/// A solid bar over neighbours that are in the sandbox's namespace, a dashed one for any other, a thin grey one for the
/// node's.
fn paint_rail(ui: &Ui, tokens: &Tokens, y: f32, columns: &[Rect], rail: &Rail) {
    let color = tokens.ns(rail.kind);
    for (from, to) in runs(&rail.places[..columns.len().min(rail.places.len())]) {
        let (left, right) = (columns[from].left(), columns[to - 1].right());
        let bar = Rect::from_min_max(pos2(left, y - RAIL_H / 2.0), pos2(right, y + RAIL_H / 2.0));
        match rail.places[from] {
            Place::Pod => {
                ui.painter().rect_filled(bar, CornerRadius::same(2), color);
            }
            Place::Of(_) => {
                let line = [bar.left_center(), bar.right_center()];
                ui.painter().extend(Shape::dashed_line(&line, Stroke::new(1.5, color), 3.0, 2.5));
            }
            Place::Node => {
                ui.painter().rect_filled(bar.shrink2(vec2(0.0, 1.2)), CornerRadius::ZERO, tokens.line_strong);
            }
        }
    }
}

/// Neighbours that are in one namespace, as ranges of columns.
fn runs(places: &[Place]) -> Vec<(usize, usize)> {
    let mut found: Vec<(usize, usize)> = Vec::new();
    for (nth, place) in places.iter().enumerate() {
        match found.last_mut() {
            Some((from, to)) if places[*from] == *place => *to = nth + 1,
            _ => found.push((nth, nth + 1)),
        }
    }
    found
}

/// All pods in words.
pub fn description(pods: &[PodPicture]) -> String {
    pods.iter().map(PodPicture::description).collect::<Vec<_>>().join(". ")
}

#[cfg(test)]
mod tests {
    use eframe::egui::{Rect, pos2};

    use super::{Place, column_places, runs};

    #[test]
    fn neighbours_in_one_namespace_are_one_bar() {
        assert_eq!(runs(&[Place::Pod, Place::Pod, Place::Of(2)]), [(0, 2), (2, 3)]);
        assert_eq!(runs(&[Place::Pod, Place::Of(1), Place::Of(1)]), [(0, 1), (1, 3)]);
        assert_eq!(runs(&[Place::Pod, Place::Of(1), Place::Pod]), [(0, 1), (1, 2), (2, 3)]);
        assert!(runs(&[]).is_empty());
    }

    #[test]
    fn columns_stay_in_their_part_and_do_not_overlap() {
        let area = Rect::from_min_max(pos2(10.0, 0.0), pos2(110.0, 50.0));
        for columns in 1..=7 {
            let places = column_places(area, columns);
            assert_eq!(places.len(), columns);
            assert!(places.iter().all(|place| area.expand(0.01).contains_rect(*place)), "{columns}");
            assert!(places.windows(2).all(|two| two[0].right() < two[1].left()), "{columns}");
        }
    }
}
