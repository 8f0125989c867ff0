//! Time along the width of the view: its scale, its ruler and the playhead.

use eframe::egui::{Align2, Rect, Shape, Stroke, Ui, pos2};

use super::RULER_H;
use crate::layout::timeline::ticks;
use crate::model::MonoNs;
use crate::ui::{Cx, text, tokens};

/// Converts time to x and back.
#[derive(Clone, Copy, Debug)]
pub struct Scale {
    pub from: MonoNs,
    /// In ns.
    pub span: u64,
    pub plot: Rect,
}

impl Scale {
    pub fn x(&self, t: MonoNs) -> f32 {
        let offset = t.0 as f64 - self.from.0 as f64;
        self.plot.left() + (offset / self.span as f64 * f64::from(self.plot.width())) as f32
    }

    pub fn time(&self, x: f32) -> MonoNs {
        let part = f64::from((x - self.plot.left()) / self.plot.width()).clamp(0.0, 1.0);
        self.from.plus((part * self.span as f64) as u64)
    }

    pub fn shows(&self, t: MonoNs) -> bool {
        t >= self.from && t.since(self.from) <= self.span
    }

    pub fn to(&self) -> MonoNs {
        self.from.plus(self.span)
    }
}

pub fn ruler_ui(ui: &Ui, cx: &Cx<'_>, scale: &Scale) {
    let tokens = cx.tokens;
    let (step, at) = ticks(cx.epoch, scale.from, scale.to(), scale.plot.width(), 84.0);
    for (t, offset) in at {
        let x = scale.x(t);
        let line = [pos2(x, scale.plot.top() + RULER_H - 2.0), pos2(x, scale.plot.bottom())];
        ui.painter().line_segment(line, Stroke::new(1.0, tokens.line.gamma_multiply(0.7)));
        let words = tick_label(offset, step);
        let at = pos2(x, scale.plot.top() + 9.0);
        if x > scale.plot.left() + 20.0 && x < scale.plot.right() - 20.0 {
            text::put(ui, at, Align2::CENTER_CENTER, &words, tokens::mono(10.5), tokens.faint, 80.0);
        }
    }
}

/// `offset` and `step` in ns.
fn tick_label(offset: u64, step: u64) -> String {
    let s = offset as f64 / 1e9;
    match step {
        0..1_000_000_000 => {
            let digits = 9 - (step as f64).log10().floor() as usize;
            format!("{s:.digits$} s")
        }
        1_000_000_000..60_000_000_000 if offset < 60_000_000_000 => format!("{s:.0} s"),
        _ => {
            let s = offset / 1_000_000_000;
            format!("{}:{:02}", s / 60, s % 60)
        }
    }
}

pub fn playhead_ui(ui: &Ui, cx: &Cx<'_>, scale: &Scale, newest: MonoNs) {
    let t = if cx.live { newest } else { cx.now };
    if !scale.shows(t) {
        return;
    }
    let x = scale.x(t).min(scale.plot.right());
    let color = if cx.live { cx.tokens.bad } else { cx.tokens.accent };
    let top = scale.plot.top() + RULER_H - 8.0;
    ui.painter().vline(x, top..=scale.plot.bottom(), Stroke::new(1.5, color));
    let head = vec![pos2(x - 5.0, top - 4.0), pos2(x + 5.0, top - 4.0), pos2(x, top + 3.0)];
    ui.painter().add(Shape::convex_polygon(head, color, Stroke::NONE));
}
