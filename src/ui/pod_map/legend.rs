//! What the shapes on the map mean. It is shown on demand, over the map's right upper corner.

use eframe::egui::{
    self, Align2, CornerRadius, Rect, Role, Sense, Shape, Stroke, StrokeKind, Ui, UiBuilder, pos2, vec2,
};

use super::glow::sign;
use super::pill::radius;
use crate::model::NsKind;
use crate::model::prediction::Hit;
use crate::ui::icons::Icon;
use crate::ui::{Cx, text, tokens, widgets};
use crate::wording::prediction::hit as hit_words;

const WIDTH: f32 = 404.0;
const ROW_H: f32 = 22.0;
/// The room for the picture of a row.
const PICTURE_W: f32 = 46.0;

/// What a row shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Picture {
    Pause,
    Process,
    Stopped,
    Zombie,
    Reaped,
    Fold,
    Adopted,
    Shared,
    Held,
    Private,
    Host,
    Hit(Hit),
}

const ROWS: [(Picture, &str); 11] = [
    (Picture::Pause, "pause: it holds the pod's namespaces"),
    (Picture::Process, "a process that runs or sleeps (R, S)"),
    (Picture::Stopped, "stopped, or waiting for the disk (T, D)"),
    (Picture::Zombie, "a zombie and its age; the arrow shows who must reap it"),
    (Picture::Reaped, "reaped; it fades"),
    (Picture::Fold, "alike processes; a click opens them"),
    (Picture::Adopted, "an orphan that pause has adopted"),
    (Picture::Shared, "a namespace that members share; a dot is a member"),
    (Picture::Held, "held for members that do not run now"),
    (Picture::Private, "a namespace of one member alone"),
    (Picture::Host, "the host's or the node's namespace"),
];

/// Those of a signal under the pointer.
const HITS: [Hit; 9] = [
    Hit::Ends,
    Hit::Stops,
    Hit::MayStop,
    Hit::Continues,
    Hit::Receives,
    Hit::Waits,
    Hit::Nothing,
    Hit::Reaped,
    Hit::Adopted,
];

/// Draws it. Returns whether the user closes it.
pub fn legend_ui(ui: &mut Ui, cx: &Cx<'_>, map: Rect) -> bool {
    let tokens = cx.tokens;
    let hits = HITS.len().div_ceil(2);
    let height = 44.0 + (ROWS.len() + hits + 1) as f32 * ROW_H + 8.0;
    let height = height.min(map.height() - 8.0);
    let min = pos2(map.right() - WIDTH - 8.0, map.top() + 4.0);
    let rect = Rect::from_min_size(min, vec2(WIDTH, height));
    // what is below it gets no clicks
    let _ = ui.interact(rect, ui.scope_id().with("legend"), Sense::click_and_drag());
    let stroke = Stroke::new(1.0, tokens.line_strong);
    ui.painter().rect(rect, CornerRadius::same(10), tokens.card, stroke, StrokeKind::Inside);
    let mut is_closed = false;
    let inner = rect.shrink2(vec2(14.0, 10.0));
    ui.scope_builder(UiBuilder::new().max_rect(inner).id_salt("legend rows"), |ui| {
        ui.set_clip_rect(ui.clip_rect().intersect(rect));
        ui.spacing_mut().item_spacing.y = 0.0;
        ui.horizontal(|ui| {
            ui.label(text::rich("What the map shows").font(tokens::semibold(13.0)).color(tokens.text));
            ui.with_layout(egui::Layout::right_to_left(egui::Align::Center), |ui| {
                let style = widgets::ButtonStyle::Plain;
                is_closed = widgets::button(ui, tokens, style, None, "Close", Some(56.0)).clicked();
            });
        });
        egui::ScrollArea::vertical().id_salt("legend").auto_shrink(false).show(ui, |ui| {
            for (picture, words) in ROWS {
                row_ui(ui, cx, picture, words, WIDTH - 28.0);
            }
            let (title, _) = ui.allocate_exact_size(vec2(WIDTH - 28.0, ROW_H), Sense::hover());
            let words = "While the pointer is over a signal, a process";
            let (font, ink) = (tokens::semibold(11.0), tokens.muted);
            text::put(ui, title.left_center(), Align2::LEFT_CENTER, words, font, ink, title.width());
            for pair in HITS.chunks(2) {
                ui.horizontal(|ui| {
                    ui.spacing_mut().item_spacing.x = 0.0;
                    for hit in pair {
                        row_ui(ui, cx, Picture::Hit(*hit), hit_words(*hit), (WIDTH - 28.0) / 2.0);
                    }
                });
            }
        });
    });
    is_closed
}

fn row_ui(ui: &mut Ui, cx: &Cx<'_>, picture: Picture, words: &str, width: f32) {
    let (rect, response) = ui.allocate_exact_size(vec2(width, ROW_H), Sense::hover());
    let is_hit = matches!(picture, Picture::Hit(_));
    let room = if is_hit { 24.0 } else { PICTURE_W };
    let place = Rect::from_min_size(rect.min, vec2(room - 8.0, ROW_H)).shrink2(vec2(0.0, 3.0));
    picture_ui(ui, cx, picture, place);
    let at = rect.left_center() + vec2(room, 0.0);
    let (font, ink) = (tokens::sans(11.5), cx.tokens.text);
    text::put(ui, at, Align2::LEFT_CENTER, words, font, ink, width - room);
    let name = if is_hit { format!("Sign of a process that {words}") } else { format!("In the map: {words}") };
    response.widget_info(|| text::labeled(Role::Label, true, &name));
}

fn picture_ui(ui: &Ui, cx: &Cx<'_>, picture: Picture, place: Rect) {
    let (tokens, c) = (cx.tokens, place.center());
    let (round, corner) = radius(place);
    let pill = |color: egui::Color32, dot: bool| {
        ui.painter().rect(place, corner, tokens.pill, Stroke::new(1.5, color), StrokeKind::Inside);
        if dot {
            ui.painter().circle_filled(place.left_center() + vec2(9.0, 0.0), 3.5, color);
        }
    };
    let net = tokens.ns(NsKind::Net);
    let bar = |dots: &[f32]| {
        let bar = Rect::from_center_size(c, vec2(place.width(), 12.0));
        ui.painter().rect(bar, CornerRadius::same(6), tokens.tint(net), Stroke::new(1.5, net), StrokeKind::Inside);
        for x in dots {
            ui.painter().circle_filled(pos2(bar.left() + bar.width() * x, bar.top()), 3.0, net);
        }
    };
    match picture {
        Picture::Pause => {
            let points = (0..6).map(|i| {
                let angle = std::f32::consts::FRAC_PI_3 * i as f32 - std::f32::consts::FRAC_PI_2;
                c + vec2(angle.cos(), angle.sin()) * 8.0
            });
            let stroke = Stroke::new(1.5, tokens.accent);
            ui.painter().add(Shape::convex_polygon(points.collect(), tokens.accent_fill, stroke));
        }
        Picture::Process => pill(tokens.good, true),
        Picture::Stopped => pill(tokens.warn, true),
        Picture::Zombie => {
            widgets::dashed_round_rect(ui, place.shrink(0.75), f32::from(round), Stroke::new(1.5, tokens.zombie));
            let dot = place.left_center() + vec2(9.0, 0.0);
            ui.painter().circle_stroke(dot, 3.5, Stroke::new(1.5, tokens.zombie));
        }
        Picture::Reaped => {
            pill(tokens.faint, false);
            Icon::Check.paint(ui, Rect::from_center_size(c, vec2(11.0, 11.0)), tokens.zombie);
        }
        Picture::Fold => {
            pill(tokens.good, false);
            text::put(ui, c, Align2::CENTER_CENTER, "×9", tokens::mono_bold(10.5), tokens.text, place.width());
        }
        Picture::Adopted => {
            let stroke = Stroke::new(1.5, tokens.accent);
            let (from, to) = (place.left_bottom() - vec2(0.0, 3.0), place.right_top() + vec2(0.0, 3.0));
            let curve = [from, from + vec2(16.0, 0.0), to - vec2(16.0, 0.0), to];
            let none = egui::Color32::TRANSPARENT;
            let curve = egui::epaint::CubicBezierShape::from_points_stroke(curve, false, none, stroke);
            ui.painter().add(curve);
        }
        Picture::Shared => bar(&[0.2, 0.8]),
        Picture::Held => bar(&[0.2]),
        Picture::Private => {
            let bar = Rect::from_center_size(c, vec2(place.width(), 12.0));
            widgets::dashed_round_rect(ui, bar, 6.0, Stroke::new(1.2, net));
        }
        Picture::Host => {
            let bar = Rect::from_center_size(c, vec2(place.width(), 5.0));
            ui.painter().rect_filled(bar, CornerRadius::same(3), tokens.line_strong);
        }
        Picture::Hit(hit) => sign(ui, tokens, c, hit),
    }
}
