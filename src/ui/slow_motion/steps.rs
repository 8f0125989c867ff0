//! The list of steps. The one that is shown is marked; those that are still to come are faint.

use eframe::egui::{self, Align2, CornerRadius, Role, Sense, Stroke, StrokeKind, Ui, pos2, vec2};

use super::{SlowMotion, SlowMotionAction};
use crate::ui::{Action, Cx, text, tokens};
use crate::wording::burst::{Caption, summary};

/// Above and below the words of a step.
const SPACE: f32 = 5.0;
/// Width of the times.
const TIME_W: f32 = 74.0;
/// Where the words begin.
const WORDS_LEFT: f32 = TIME_W + 30.0;

/// `by_itself`: whether bursts are played by themselves.
pub fn steps_ui(ui: &mut Ui, cx: &mut Cx<'_>, slow: &SlowMotion, mut by_itself: bool) {
    egui::Panel::bottom("slow motion settings").frame(egui::Frame::NONE).show(ui, |ui| {
        ui.add_space(8.0);
        if ui.checkbox(&mut by_itself, "Play by itself after a signal of mine").changed() {
            cx.act(Action::SlowMotion(SlowMotionAction::ToggleByItself));
        }
    });
    ui.add_space(14.0);
    ui.label(text::rich("What just happened").font(tokens::bold(17.0)));
    ui.label(text::rich(summary(slow.burst())).color(cx.tokens.muted));
    ui.add_space(8.0);
    egui::ScrollArea::vertical().auto_shrink([false, false]).show(ui, |ui| {
        ui.spacing_mut().item_spacing.y = 0.0;
        for (n, caption) in slow.captions.iter().enumerate() {
            step_ui(ui, cx, slow, n, caption);
        }
    });
}

fn step_ui(ui: &mut Ui, cx: &mut Cx<'_>, slow: &SlowMotion, n: usize, caption: &Caption) {
    let tokens = cx.tokens;
    let (is_shown, is_to_come) = (n == slow.step(), n > slow.step());
    let ink = if is_to_come { tokens.faint } else { tokens.text };
    let muted = if is_to_come { tokens.faint } else { tokens.muted };
    let Caption { title, detail } = caption;
    let room = ui.available_width() - WORDS_LEFT - 8.0;
    let lines = [(title, tokens::semibold(12.5), ink), (detail, tokens::sans(11.5), muted)];
    let lines = lines.into_iter().filter(|(words, ..)| !words.is_empty());
    let words: Vec<_> = lines.map(|(words, font, ink)| text::wrapped(ui, words, font, ink, room, 3)).collect();
    let height = words.iter().map(|galley| galley.size().y).sum::<f32>() + 2.0 * SPACE;
    let (rect, response) = ui.allocate_exact_size(vec2(ui.available_width(), height), Sense::click());
    if is_shown {
        // only when it moves, so that the user can scroll
        let id = ui.scope_id().with("shown step");
        if ui.data_mut(|data| data.get_temp::<usize>(id)) != Some(n) {
            ui.data_mut(|data| data.insert_temp(id, n));
            ui.scroll_to_rect(rect, Some(egui::Align::Center));
        }
    }
    let at = slow.burst().steps.get(n).map_or(0, |step| step.at.since(slow.burst().start()));
    let name = format!("Step {}: {title}", n + 1);
    response.widget_info(|| text::selected(Role::ListItem, true, is_shown, &name));
    if response.clicked() {
        cx.act(Action::SlowMotion(SlowMotionAction::GoTo(n)));
    }
    if ui.is_rect_visible(rect) {
        if is_shown || response.hovered() {
            let stroke = Stroke::new(1.0, if is_shown { tokens.accent } else { tokens.line });
            let fill = if is_shown { tokens.accent_fill } else { tokens.inset };
            ui.painter().rect(rect.shrink(1.0), CornerRadius::same(6), fill, stroke, StrokeKind::Inside);
        }
        let first = rect.top()
            + SPACE
            + words.first().and_then(|title| title.rows.first()).map_or(0.0, |row| row.height() / 2.0);
        let time = format!("{:.3} ms", at as f64 / 1e6);
        let left = rect.left() + 6.0;
        text::put(
            ui,
            pos2(left + TIME_W, first),
            Align2::RIGHT_CENTER,
            &time,
            tokens::mono(11.0),
            if is_shown { tokens.accent } else { muted },
            TIME_W,
        );
        let dot = pos2(left + TIME_W + 12.0, first);
        match (is_shown, is_to_come) {
            (true, _) => drop(ui.painter().circle_filled(dot, 4.0, tokens.accent)),
            (_, true) => drop(ui.painter().circle_stroke(dot, 3.0, Stroke::new(1.0, tokens.faint))),
            _ => drop(ui.painter().circle_filled(dot, 3.0, tokens.good)),
        }
        let mut at = pos2(rect.left() + WORDS_LEFT, rect.top() + SPACE);
        for galley in words {
            let height = galley.size().y;
            ui.painter().galley(at, galley, ink);
            at.y += height;
        }
    }
}
