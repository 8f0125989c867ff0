//! One row of the process tree.

use std::collections::BTreeSet;

use eframe::egui::{self, Align2, CornerRadius, Id, Rect, Response, Role, Sense, Stroke, Ui, pos2, vec2};

use super::columns;
use super::tags::{question_mark, send};
use crate::layout::tree::{Column, Row, Rows};
use crate::model::{ProcId, Process};
use crate::ui::icons::Icon;
use crate::ui::signals::FIRST;
use crate::ui::{Action, Cx, pod_map, text, tokens, widgets};

pub const ROW_H: f32 = 24.0;
/// The width of the column with the tags.
pub const TAG_W: f32 = 20.0;
/// How far a child is to the right of its parent.
const STEP: f32 = 18.0;
/// Deeper rows are not moved further to the right.
const MAX_STEPS: usize = 20;

/// What is drawn in each row.
pub struct Table<'a> {
    pub rows: &'a Rows,
    pub columns: &'a [Column],
    pub tagged: &'a BTreeSet<ProcId>,
    /// The row that gets the keyboard focus in this frame.
    pub focus: Option<ProcId>,
}

/// What the user asks of the table by a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Request {
    Fold(ProcId),
    Tag(ProcId),
}

/// The id of a row's widget.
pub fn row_id(ui: &Ui, id: ProcId) -> Id {
    ui.scope_id().with(("row", id))
}

/// Draws a row in `rect`, which may be partly out of sight.
pub fn row_ui(
    ui: &Ui,
    cx: &mut Cx<'_>,
    table: &Table<'_>,
    row: &Row,
    rect: Rect,
    requests: &mut Vec<Request>,
) -> Option<Response> {
    let tokens = cx.tokens;
    let p = cx.world.process(row.id)?;
    let response = ui.interact(rect, row_id(ui, row.id), Sense::click());
    if table.focus == Some(row.id) {
        response.request_focus();
    }
    let (chosen, tagged) = (cx.selection.process == Some(row.id), table.tagged.contains(&row.id));
    if chosen {
        ui.painter().rect_filled(rect, CornerRadius::same(4), tokens.accent_fill);
    } else if response.hovered() {
        ui.painter().rect_filled(rect, CornerRadius::same(4), tokens.inset);
    }
    if response.has_focus() {
        widgets::focus_ring(ui, tokens, rect.shrink(2.0), 4);
    }
    let title = p.title();
    tag_ui(ui, cx, rect, row.id, tagged, response.hovered(), requests);
    let mut x = rect.left() + TAG_W;
    for column in table.columns {
        let (value, ink) = columns::cell(cx, p, *column);
        let width = columns::head(*column).width;
        let ink = if row.is_only_ancestor { tokens.muted } else { ink };
        let at = pos2(x + 4.0, rect.center().y);
        text::put(ui, at, Align2::LEFT_CENTER, &value, tokens::mono(11.5), ink, width - 8.0);
        x += width;
    }
    let place = Rect::from_min_max(pos2(x, rect.top()), rect.max);
    command_ui(ui, cx, p, table.rows, row, place, requests);
    let state = pod_map::state_word(p.state);
    let mut note = String::new();
    for (is, words) in
        [(tagged, ", tagged"), (row.hidden > 0, ", folded"), (row.is_only_ancestor, ", shown for what is below it")]
    {
        note.push_str(if is { words } else { "" });
    }
    response
        .widget_info(|| text::selected(Role::Row, true, chosen, format!("{title}, pid {}, {state}{note}", p.id.pid)));
    let is_tagging = response.clicked() && ui.input(|input| input.modifiers.command);
    if is_tagging {
        requests.push(Request::Tag(row.id));
    } else {
        widgets::select_process(ui, cx, &response, row.id);
    }
    if response.secondary_clicked() && !chosen {
        cx.act(Action::SelectProcess(row.id));
    }
    if response.double_clicked() && row.has_children {
        requests.push(Request::Fold(row.id));
    }
    response.context_menu(|ui| menu_ui(ui, cx, table, row, requests));
    Some(response)
}

/// A box that tags the process. The keyboard does that by space, so it has no focus of its own.
fn tag_ui(
    ui: &Ui,
    cx: &Cx<'_>,
    rect: Rect,
    id: ProcId,
    tagged: bool,
    is_row_hovered: bool,
    requests: &mut Vec<Request>,
) {
    let tokens = cx.tokens;
    let cell = Rect::from_min_size(rect.min, vec2(TAG_W, rect.height()));
    let response = ui.interact(cell, ui.scope_id().with(("tag", id)), Sense::CLICK);
    let at = Rect::from_center_size(cell.center(), vec2(13.0, 13.0));
    if tagged {
        Icon::Check.paint(ui, at, tokens.accent);
    } else if response.hovered() || is_row_hovered {
        let stroke = Stroke::new(1.0, tokens.line_strong);
        ui.painter().rect_stroke(at.shrink(1.5), CornerRadius::same(2), stroke, egui::StrokeKind::Inside);
    }
    response.widget_info(|| text::selected(Role::CheckBox, true, tagged, format!("Tag pid {}", id.pid)));
    if response.clicked() {
        requests.push(Request::Tag(id));
    }
}

/// The lines of the tree, the arrow that folds, and the command.
fn command_ui(ui: &Ui, cx: &Cx<'_>, p: &Process, rows: &Rows, row: &Row, rect: Rect, requests: &mut Vec<Request>) {
    let tokens = cx.tokens;
    let line = Stroke::new(1.0, tokens.line_strong);
    let mut x = rect.left() + 4.0;
    let steps = row.depth.min(MAX_STEPS);
    if row.depth <= MAX_STEPS {
        for goes_on in rows.lines(row) {
            if goes_on {
                ui.painter().vline(x + STEP / 2.0, rect.y_range(), line);
            }
            x += STEP;
        }
    } else {
        x += (steps - 1) as f32 * STEP;
    }
    if steps > 0 {
        let mid = x + STEP / 2.0;
        let bottom = if row.is_last { rect.center().y } else { rect.bottom() };
        ui.painter().vline(mid, rect.top()..=bottom, line);
        ui.painter().hline(mid..=x + STEP - 2.0, rect.center().y, line);
        x += STEP;
    }
    if row.has_children {
        let closed = row.hidden > 0;
        let at = Rect::from_center_size(pos2(x + 7.0, rect.center().y), vec2(14.0, 14.0));
        let response = ui.interact(at.expand(3.0), ui.scope_id().with(("fold", row.id)), Sense::click());
        let icon = if closed { Icon::ChevronRight } else { Icon::ChevronDown };
        icon.paint(ui, at, if response.hovered() || response.has_focus() { tokens.text } else { tokens.muted });
        if response.has_focus() {
            widgets::focus_ring(ui, tokens, at, 4);
        }
        let name = if closed { "Unfold" } else { "Fold" };
        response.widget_info(|| text::labeled(Role::Button, true, format!("{name} {}", p.title())));
        if response.clicked() {
            requests.push(Request::Fold(row.id));
        }
    }
    // the scroll bar is over the rows
    let mut room = rect.right() - 12.0;
    if row.hidden > 0 {
        let hidden = format!("+{}", text::thousands(row.hidden as u64));
        let at = pos2(room, rect.center().y);
        let place = text::put(ui, at, Align2::RIGHT_CENTER, &hidden, tokens::mono(11.0), tokens.muted, 60.0);
        room = place.left() - 8.0;
    }
    let at = pos2(x + STEP, rect.center().y);
    let ink = if row.is_only_ancestor {
        tokens.muted
    } else if p.is_alive() {
        tokens.text
    } else {
        tokens.zombie
    };
    text::put(ui, at, Align2::LEFT_CENTER, &p.title(), tokens::mono(11.5), ink, room - at.x);
}

/// What can be done with the process, or with all that are tagged if it is one of them.
fn menu_ui(ui: &mut Ui, cx: &mut Cx<'_>, table: &Table<'_>, row: &Row, requests: &mut Vec<Request>) {
    let is_tagged = table.tagged.contains(&row.id);
    let targets: Vec<ProcId> = if is_tagged { table.tagged.iter().copied().collect() } else { vec![row.id] };
    let whom = match cx.world.process(row.id) {
        _ if targets.len() > 1 => format!("{} tagged processes", targets.len()),
        Some(p) => format!("{}, pid {}", p.title(), row.id.pid),
        None => format!("pid {}", row.id.pid),
    };
    ui.set_max_width(280.0);
    ui.add(egui::Label::new(text::rich(whom).font(tokens::mono(11.5)).color(cx.tokens.muted)).truncate());
    let mark = question_mark(cx.world, &targets);
    ui.add_enabled_ui(cx.live, |ui| {
        for (name, signal) in FIRST {
            if ui.button(format!("Send SIG{name}{mark}")).clicked() {
                send(cx, &targets, signal);
                ui.close();
            }
        }
    });
    ui.separator();
    if ui.button(if is_tagged { "Untag" } else { "Tag" }).clicked() {
        requests.push(Request::Tag(row.id));
        ui.close();
    }
    if row.has_children && ui.button(if row.hidden > 0 { "Unfold" } else { "Fold" }).clicked() {
        requests.push(Request::Fold(row.id));
        ui.close();
    }
    if ui.button("Copy pid").clicked() {
        ui.ctx().copy_text(row.id.pid.to_string());
        ui.close();
    }
}
