//! How many zombies lived how long, with the times in powers of ten.

use eframe::egui::{Align2, CornerRadius, Rect, Role, Sense, Stroke, Ui, pos2, vec2};

use crate::model::zombies::Histogram;
use crate::ui::text::HoverText as _;
use crate::ui::{Cx, text, tokens};

const HEIGHT: f32 = 76.0;
/// Below the bars, for the times.
const AXIS_H: f32 = 16.0;
/// Above the highest bar, for its number.
const TOP_H: f32 = 14.0;

/// The time at which a class of an even number begins.
const TIMES: [&str; 10] = ["1 µs", "10 µs", "100 µs", "1 ms", "10 ms", "100 ms", "1 s", "10 s", "100 s", "1,000 s"];

/// `1–3 ms`: what a class holds.
fn range(class: usize) -> String {
    let time = TIMES.get(class / 2).copied().unwrap_or_default();
    match class {
        0 => "less than 3 µs".to_owned(),
        class if class + 1 == Histogram::CLASSES => format!("{time} and longer"),
        class if class % 2 == 0 => format!("{time} to 3 times as long"),
        class => format!("3 times {time} to {}", TIMES.get(class / 2 + 1).copied().unwrap_or_default()),
    }
}

pub fn histogram_ui(ui: &mut Ui, cx: &Cx<'_>, histogram: &Histogram) {
    let tokens = cx.tokens;
    let highest = histogram.counts.iter().copied().max().unwrap_or(0);
    if highest == 0 {
        let none = "None of them was reaped yet, so there are no times to compare.";
        ui.label(text::rich(none).color(tokens.muted));
        return;
    }
    let (rect, response) = ui.allocate_exact_size(vec2(ui.available_width(), HEIGHT), Sense::hover());
    let plot = Rect::from_min_max(rect.min + vec2(6.0, TOP_H), rect.max - vec2(6.0, AXIS_H));
    let class_w = plot.width() / Histogram::CLASSES as f32;
    ui.painter().line_segment([plot.left_bottom(), plot.right_bottom()], Stroke::new(1.0, tokens.line_strong));
    for (class, count) in histogram.counts.iter().copied().enumerate() {
        let left = plot.left() + class as f32 * class_w;
        if class % 2 == 0 {
            let time = TIMES.get(class / 2).copied().unwrap_or_default();
            let tick = pos2(left, plot.bottom());
            ui.painter().line_segment([tick, tick + vec2(0.0, 3.0)], Stroke::new(1.0, tokens.line_strong));
            let at = pos2(left + 3.0, plot.bottom() + 2.0);
            text::put(ui, at, Align2::LEFT_TOP, time, tokens::mono(10.0), tokens.faint, 2.0 * class_w);
        }
        if count == 0 {
            continue;
        }
        // one among thousands must be seen too
        let height = (plot.height() * count as f32 / highest as f32).max(2.0);
        let bar =
            Rect::from_min_max(pos2(left + 1.5, plot.bottom() - height), pos2(left + class_w - 1.5, plot.bottom()));
        ui.painter().rect_filled(bar, CornerRadius { nw: 2, ne: 2, sw: 0, se: 0 }, tokens.zombie);
        let number = text::thousands(u64::from(count));
        let at = bar.center_top() - vec2(0.0, 1.0);
        text::put(ui, at, Align2::CENTER_BOTTOM, &number, tokens::mono(10.0), tokens.muted, class_w);
    }
    response.widget_info(|| text::labeled(Role::Image, true, in_words(histogram)));
    let hovered = response.hover_pos().map(|at| ((at.x - plot.left()) / class_w).max(0.0) as usize);
    if let Some(class) = hovered.filter(|class| *class < Histogram::CLASSES) {
        let n = histogram.counts[class] as usize;
        response.hover_text(format!("{} for {}", text::count(n, "zombie", "zombies"), range(class)));
    }
    if histogram.unknown > 0 {
        let unknown = text::count(histogram.unknown as usize, "process", "processes");
        let words = format!("{unknown} ended unseen: how long they were zombies is not known.");
        ui.label(text::rich(words).font(tokens::sans(11.5)).color(tokens.muted));
    }
}

/// `How long zombies lived: 3 for 1 ms to 3 times as long, …`
fn in_words(histogram: &Histogram) -> String {
    let counted = histogram.counts.iter().enumerate().filter(|(_, count)| **count > 0);
    let parts: Vec<String> = counted.map(|(class, count)| format!("{count} for {}", range(class))).collect();
    format!("How long zombies lived: {}", parts.join(", "))
}
