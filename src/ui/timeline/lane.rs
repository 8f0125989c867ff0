//! The lane of one process.

use eframe::egui::{Align2, CornerRadius, Rect, Role, Sense, Stroke, Ui, pos2, vec2};

use super::{LABEL_W, Scale};
use crate::layout::timeline::Lane;
use crate::model::{MonoNs, World, names};
use crate::ui::icons::Icon;
use crate::ui::text::HoverText as _;
use crate::ui::{Cx, text, tokens, widgets};
use crate::wording::reaper;

const BAR_H: f32 = 13.0;

pub fn lane_ui(ui: &mut Ui, cx: &mut Cx<'_>, live: &World, lane: &Lane, row: Rect, scale: &Scale, newest: MonoNs) {
    let Some(p) = live.process(lane.id) else { return };
    let tokens = cx.tokens;
    let chosen = cx.selection.process == Some(lane.id);
    let name_rect = Rect::from_min_max(row.min, pos2(scale.plot.left() - 8.0, row.bottom()));
    let response = ui.interact(name_rect, ui.scope_id().with(("lane", lane.id)), Sense::click());
    // the width is enough for the role and the pid
    let mut title = if names::is_pause(p) || p.own_title().is_some() { names::short_name(p) } else { p.title() };
    if let Some(pid) = p.pid_inside().filter(|_| !names::is_pause(p)) {
        title = format!("{title} {pid}");
    }
    let ink = if chosen || response.hovered() { tokens.accent } else { tokens.muted };
    let at = pos2(scale.plot.left() - 12.0, row.center().y);
    text::put(ui, at, Align2::RIGHT_CENTER, &title, tokens::mono(11.0), ink, LABEL_W - 20.0);
    response.widget_info(|| text::selected(Role::Button, true, chosen, format!("Lane of {title}")));
    widgets::select_process(ui, cx, &response, lane.id);
    response.hover_text(p.cmdline.join(" "));

    let painter = ui.painter().with_clip_rect(scale.plot.intersect(ui.clip_rect()));
    let bar = |(from, to): (MonoNs, MonoNs)| {
        let (x0, x1) = (scale.x(from), scale.x(to).max(scale.x(from) + 1.5));
        Rect::from_min_max(pos2(x0, row.center().y - BAR_H / 2.0), pos2(x1, row.center().y + BAR_H / 2.0))
    };
    let life = bar(lane.life(newest));
    let green = tokens.good.gamma_multiply(if tokens.dark { 0.42 } else { 0.55 });
    painter.rect_filled(life, CornerRadius::same(3), green);
    let Some(zombie) = lane.zombie(newest) else { return };
    hatch(&painter, bar(zombie), tokens.zombie);
    let Some(reap) = p.reap else { return };
    let tick = Rect::from_center_size(pos2(scale.x(reap.at.t) + 9.0, row.center().y), vec2(11.0, 11.0));
    if !scale.plot.contains(tick.center()) {
        return;
    }
    ui.scope(|ui| {
        ui.set_clip_rect(scale.plot.intersect(ui.clip_rect()));
        Icon::Check.paint(ui, tick, tokens.zombie);
        let words = reaper::reaped_by(live, p);
        let at = tick.right_center() + vec2(4.0, 0.0);
        let room = scale.plot.right() - at.x - 4.0;
        if room > 60.0 {
            text::put(ui, at, Align2::LEFT_CENTER, &words, tokens::sans(10.5), tokens.zombie, room);
        }
    });
}

/// Diagonal stripes, to distinguish the zombie part from life.
fn hatch(painter: &eframe::egui::Painter, rect: Rect, color: eframe::egui::Color32) {
    let clip = rect.intersect(painter.clip_rect());
    if clip.width() <= 0.0 {
        return;
    }
    let painter = painter.with_clip_rect(clip);
    painter.rect_filled(rect, CornerRadius::same(2), color.gamma_multiply(0.25));
    let step = 6.0;
    let first = ((clip.left() - rect.left() - rect.height()) / step).floor() * step + rect.left();
    let mut x = first;
    while x < clip.right() {
        let line = [pos2(x, rect.bottom()), pos2(x + rect.height(), rect.top())];
        painter.line_segment(line, Stroke::new(2.0, color));
        x += step;
    }
    painter.rect_stroke(rect, CornerRadius::same(2), Stroke::new(1.0, color), eframe::egui::StrokeKind::Inside);
}
