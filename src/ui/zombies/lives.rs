//! All zombies that are remembered: how each ended, how long it was a zombie, and who reaped it.

use eframe::egui::{self, Align2, CornerRadius, Role, Sense, Ui, pos2, vec2};

use super::histogram;
use crate::model::zombies::{Lives, ZombieLife, zombie_time};
use crate::model::{Process, names};
use crate::ui::{Action, Cx, text, tokens, widgets};
use crate::wording::{reaper, zombies};

const ROW_H: f32 = 24.0;
/// Where the columns begin: reaped at, process, how it ended, how long.
const TIME_W: f32 = 92.0;
const NAME_W: f32 = 210.0;
const STATUS_W: f32 = 190.0;
const LENGTH_W: f32 = 150.0;

pub fn lives_ui(ui: &mut Ui, cx: &mut Cx<'_>, lives: &Lives) {
    let count = lives.all.len();
    let title = format!("All zombies · {}", text::thousands(count as u64));
    widgets::section(ui, cx.tokens, &title);
    histogram::histogram_ui(ui, cx, &lives.histogram);
    head_ui(ui, cx);
    let area = egui::ScrollArea::vertical().id_salt("all zombies").auto_shrink(false);
    area.show_rows(ui, ROW_H - ui.spacing().item_spacing.y, count, |ui, range| {
        ui.spacing_mut().item_spacing.y = 0.0;
        for life in &lives.all[range] {
            if let Some(p) = cx.world.process(life.id) {
                row_ui(ui, cx, *life, p);
            }
        }
    });
}

fn head_ui(ui: &mut Ui, cx: &Cx<'_>) {
    let (rect, _) = ui.allocate_exact_size(vec2(ui.available_width(), 18.0), Sense::hover());
    let mut x = rect.left() + 6.0;
    let heads = [("Reaped", TIME_W), ("Process", NAME_W), ("Ended", STATUS_W), ("Zombie for", LENGTH_W), ("", 200.0)];
    for (head, width) in heads {
        let at = pos2(x, rect.center().y);
        text::put(ui, at, Align2::LEFT_CENTER, head, tokens::semibold(11.0), cx.tokens.muted, width - 8.0);
        x += width;
    }
}

fn row_ui(ui: &mut Ui, cx: &mut Cx<'_>, life: ZombieLife, p: &Process) {
    let tokens = cx.tokens;
    let (rect, response) = ui.allocate_exact_size(vec2(ui.available_width(), ROW_H), Sense::click());
    let is_selected = cx.selection.process == Some(p.id);
    if response.hovered() || is_selected {
        let fill = if is_selected { tokens.accent_fill } else { tokens.inset };
        ui.painter().rect_filled(rect, CornerRadius::same(4), fill);
    }
    if response.has_focus() {
        widgets::focus_ring(ui, tokens, rect.shrink(2.0), 4);
    }
    let time = if life.is_over { cx.clock(life.t) } else { "not yet".to_owned() };
    let name = format!("{} {}", names::short_name(p), p.id);
    let status = p.exit.and_then(|exit| exit.status).map_or("not known".to_owned(), |status| status.to_string());
    let length = zombie_time(p, cx.now).map_or(String::new(), zombies::time);
    let by = if life.is_over { reaper::reaped_by(cx.world, p) } else { "not reaped yet".to_owned() };
    let by_ink = if life.is_over { tokens.text } else { tokens.zombie };
    let y = rect.center().y;
    let mut x = rect.left() + 6.0;
    for (value, font, ink, width) in [
        (&time, tokens::mono(11.5), tokens.muted, TIME_W),
        (&name, tokens::mono(11.5), tokens.text, NAME_W),
        (&status, tokens::sans(12.0), tokens.muted, STATUS_W),
        (&length, tokens::mono(11.5), tokens.zombie, LENGTH_W),
    ] {
        text::put(ui, pos2(x, y), Align2::LEFT_CENTER, value, font, ink, width - 8.0);
        x += width;
    }
    text::put(ui, pos2(x, y), Align2::LEFT_CENTER, &by, tokens::sans(12.0), by_ink, rect.right() - x - 8.0);
    response.widget_info(|| {
        text::selected(Role::Row, true, is_selected, format!("{time} {name}: {status}, zombie for {length}, {by}"))
    });
    if response.clicked() {
        cx.act(Action::SelectProcess(p.id));
    }
}
