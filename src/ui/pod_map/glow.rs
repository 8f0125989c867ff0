//! Marks what the predicted signal would hit: an outline that glows, and a sign for those who cannot tell the colours.

use eframe::egui::{Align2, Color32, CornerRadius, Pos2, Rect, Shape, Stroke, StrokeKind, Ui, pos2, vec2};

use crate::model::prediction::Hit;
use crate::ui::tokens::Tokens;
use crate::ui::{text, tokens};

const SIGN_R: f32 = 8.0;

pub const fn color(tokens: &Tokens, hit: Hit) -> Color32 {
    match hit {
        Hit::Ends => tokens.bad,
        Hit::Stops | Hit::MayStop => tokens.warn,
        Hit::Continues => tokens.good,
        Hit::Receives => tokens.accent,
        Hit::Waits | Hit::Nothing => tokens.muted,
        Hit::Reaped | Hit::Adopted => tokens.zombie,
    }
}

/// Outlines a place and puts the sign at its right upper corner. Of several processes, `count` says how many are hit.
pub fn glow_ui(ui: &Ui, tokens: &Tokens, place: Rect, radius: u8, hit: Hit, count: Option<usize>) {
    let color = color(tokens, hit);
    let around = CornerRadius::same(radius.saturating_add(2));
    let soft = Stroke::new(5.0, color.gamma_multiply(0.35));
    ui.painter().rect_stroke(place.expand(1.0), around, soft, StrokeKind::Outside);
    ui.painter().rect_stroke(place.expand(1.0), around, Stroke::new(2.0, color), StrokeKind::Outside);
    let at = pos2(place.right() - 12.0, place.top() + 1.0);
    sign(ui, tokens, at, hit);
    if let Some(count) = count {
        let words = text::thousands(count as u64);
        let galley = text::line(ui, &words, tokens::mono_bold(10.5), color, 80.0);
        let rect = Align2::RIGHT_CENTER.anchor_size(at - vec2(SIGN_R + 2.0, 0.0), galley.size() + vec2(8.0, 2.0));
        ui.painter().rect(rect, CornerRadius::same(6), tokens.pill, Stroke::new(1.0, color), StrokeKind::Inside);
        ui.painter().galley(rect.center() - galley.size() / 2.0, galley, color);
    }
}

/// A cross ends, bars stop, a triangle continues, a dot receives, a ring waits, a slash does nothing, a tick is reaped,
/// and an arrow gets another parent.
pub fn sign(ui: &Ui, tokens: &Tokens, at: Pos2, hit: Hit) {
    let color = color(tokens, hit);
    let painter = ui.painter();
    painter.circle(at, SIGN_R, tokens.pill, Stroke::new(1.5, color));
    let stroke = Stroke::new(2.0, color);
    let line = |from: (f32, f32), to: (f32, f32)| {
        painter.line_segment([at + vec2(from.0, from.1), at + vec2(to.0, to.1)], stroke);
    };
    match hit {
        Hit::Ends => {
            line((-3.0, -3.0), (3.0, 3.0));
            line((-3.0, 3.0), (3.0, -3.0));
        }
        Hit::Stops => {
            line((-2.0, -3.5), (-2.0, 3.5));
            line((2.0, -3.5), (2.0, 3.5));
        }
        Hit::MayStop => line((0.0, -3.5), (0.0, 3.5)),
        Hit::Continues => {
            let points = vec![at + vec2(-2.5, -3.5), at + vec2(4.0, 0.0), at + vec2(-2.5, 3.5)];
            painter.add(Shape::convex_polygon(points, color, Stroke::NONE));
        }
        Hit::Receives => {
            painter.circle_filled(at, 3.0, color);
        }
        Hit::Waits => {
            painter.circle_stroke(at, 3.0, Stroke::new(1.5, color));
        }
        Hit::Nothing => line((-3.5, 3.5), (3.5, -3.5)),
        Hit::Reaped => {
            line((-3.5, 0.0), (-1.0, 2.8));
            line((-1.0, 2.8), (3.5, -3.0));
        }
        Hit::Adopted => {
            line((-3.5, 0.0), (3.0, 0.0));
            line((0.5, -3.0), (3.5, 0.0));
            line((0.5, 3.0), (3.5, 0.0));
        }
    }
}
