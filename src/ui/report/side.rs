//! Draws one side: its title and its rows, with links in them.

use eframe::egui::{self, Align2, Color32, CornerRadius, Rect, Role, Sense, Stroke, Ui, pos2, vec2};

use super::parts::{Piece, Row, Side};
use crate::command::Command;
use crate::model::names;
use crate::report::Target;
use crate::ui::Action;
use crate::ui::text::HoverText as _;
use crate::ui::{Cx, text, tokens, widgets};

const ROW_H: f32 = 17.0;
const SIZE: f32 = 11.5;

/// Sets `hovered` to the target under the pointer; `previous` is that of the last frame.
pub fn side_ui(
    ui: &mut Ui,
    cx: &mut Cx<'_>,
    (title, about): (&str, &str),
    side: &Side,
    previous: Option<&Target>,
    hovered: &mut Option<Target>,
) {
    ui.horizontal(|ui| {
        let label = text::rich(title).font(tokens::semibold(12.5)).color(cx.tokens.text);
        ui.add(egui::Label::new(label).truncate()).hover_text(about);
        ui.with_layout(egui::Layout::right_to_left(egui::Align::Center), |ui| {
            let copy = ui.button("Copy");
            copy.widget_info(|| text::labeled(Role::Button, true, format!("Copy {}", title.to_lowercase())));
            if copy.hover_text("Copy everything as text").clicked() {
                ui.ctx().copy_text(side.text.clone());
            }
        });
    });
    ui.add_space(4.0);
    let cell = ui.fonts_mut(|fonts| fonts.glyph_width(&tokens::mono(SIZE), '0'));
    let width = (side.columns as f32 * cell + 12.0).max(ui.available_width());
    ui.spacing_mut().item_spacing.y = 0.0;
    // always visible, since lines are long
    ui.spacing_mut().scroll = egui::style::ScrollStyle::thin();
    let area = egui::ScrollArea::both().id_salt(title).auto_shrink(false);
    area.show_rows(ui, ROW_H, side.rows.len(), |ui, range| {
        for at in range {
            let (rect, _) = ui.allocate_exact_size(vec2(width, ROW_H), Sense::hover());
            match &side.rows[at] {
                Row::Gap => {}
                Row::Command(command) => command_ui(ui, cx, rect, (title, at), command),
                Row::Head(pieces) => {
                    for piece in pieces {
                        piece_ui(ui, cx, rect, cell, (title, at), piece, cx.tokens.muted, previous, hovered);
                    }
                }
                Row::Line(pieces) => {
                    for piece in pieces {
                        piece_ui(ui, cx, rect, cell, (title, at), piece, cx.tokens.text, previous, hovered);
                    }
                }
            }
        }
    });
}

/// A command, highlighted to distinguish it from its output.
fn command_ui(ui: &Ui, cx: &Cx<'_>, rect: Rect, at: (&str, usize), command: &str) {
    let back = Rect::from_min_max(rect.min, pos2(rect.right(), rect.bottom() - 1.0));
    ui.painter().rect_filled(back, CornerRadius::same(3), cx.tokens.tint(cx.tokens.accent).gamma_multiply(0.5));
    text::put(
        ui,
        rect.left_center(),
        Align2::LEFT_CENTER,
        command,
        tokens::mono_bold(SIZE),
        cx.tokens.accent,
        rect.width(),
    );
    let response = ui.interact(back, ui.scope_id().with(("command", at)), Sense::hover());
    response.widget_info(|| text::labeled(Role::Label, true, command));
}

#[expect(clippy::too_many_arguments, reason = "one cell of `side_ui`")]
fn piece_ui(
    ui: &Ui,
    cx: &mut Cx<'_>,
    row: Rect,
    cell: f32,
    at: (&str, usize),
    piece: &Piece,
    ink: Color32,
    previous: Option<&Target>,
    hovered: &mut Option<Target>,
) {
    let galley = text::line(ui, &piece.text, tokens::mono(SIZE), ink, f32::INFINITY);
    let left = row.left() + piece.column as f32 * cell;
    // leading spaces are not part of a link
    let indent = piece.text.chars().take_while(|c| *c == ' ').count() as f32 * cell;
    let rect = Rect::from_min_max(pos2(left, row.top()), pos2(left + galley.size().x, row.bottom()));
    let place = pos2(left, row.center().y - galley.size().y / 2.0);
    let id = ui.scope_id().with((at, piece.column));
    let Some(target) = &piece.target else {
        ui.painter().galley(place, galley, ink);
        let response = ui.interact(rect, id, Sense::hover());
        response.widget_info(|| text::labeled(Role::Label, true, piece.text.trim()));
        if let Some(whole) = &piece.whole {
            response.hover_text(whole);
        }
        return;
    };
    let rect = Rect::from_min_max(rect.min + vec2(indent, 0.0), rect.max);
    let response = ui.interact(rect, id, Sense::click());
    let color = color_of(cx, target);
    let chosen = is_chosen(cx, target);
    if chosen || previous == Some(target) || response.has_focus() {
        let fill = if chosen { cx.tokens.accent_fill } else { cx.tokens.tint(color) };
        ui.painter().rect_filled(rect.expand2(vec2(2.0, 0.0)), CornerRadius::same(3), fill);
    }
    let hot = response.hovered() || response.has_focus();
    let ink = if piece.is_repeated && !hot { ink } else { color };
    ui.painter().galley_with_override_text_color(place, galley, ink);
    let line = Stroke::new(1.0, if hot { color } else { color.gamma_multiply(0.35) });
    ui.painter().hline(rect.x_range(), rect.bottom() - 2.0, line);
    if response.has_focus() {
        widgets::focus_ring(ui, cx.tokens, rect.shrink(1.0), 3);
    }
    let what = target_words(cx, target);
    response.widget_info(|| text::selected(Role::Link, true, chosen, format!("{}, {what}", piece.text.trim())));
    if response.hovered() {
        *hovered = Some(target.clone());
    }
    if response.clicked() {
        cx.act(match target {
            Target::Process(id) => Action::SelectProcess(*id),
            Target::Namespace(ns) => Action::SelectNamespace(*ns),
            Target::Pod(uid) => Action::SelectPod(uid.clone()),
        });
    }
    if response.double_clicked() {
        cx.act(Action::Do(Command::Show("pod map".into())));
    }
    let whole = piece.whole.as_ref().map_or_else(String::new, |whole| format!("{}\n", text::escaped(whole)));
    let response = response.on_hover_cursor(egui::CursorIcon::PointingHand);
    response.hover_lines(format!(
        "{whole}{}\nClick to select it, double-click to show it in the map",
        text::escaped(&what)
    ));
}

fn color_of(cx: &Cx<'_>, target: &Target) -> Color32 {
    match target {
        Target::Process(_) | Target::Pod(_) => cx.tokens.accent,
        Target::Namespace(ns) => cx.tokens.ns(ns.kind),
    }
}

/// Whether the inspector shows this target: the selected process or namespace, or the pod if there is neither.
fn is_chosen(cx: &Cx<'_>, target: &Target) -> bool {
    let selection = cx.selection;
    match target {
        Target::Process(id) => selection.process == Some(*id),
        Target::Namespace(ns) => selection.namespace == Some(*ns),
        Target::Pod(uid) => {
            selection.process.is_none() && selection.namespace.is_none() && selection.pod.as_ref() == Some(uid)
        }
    }
}

/// A target in words.
fn target_words(cx: &Cx<'_>, target: &Target) -> String {
    match target {
        Target::Process(id) => match cx.world.process(*id) {
            Some(p) => format!("process {}, pid {id} on the host", names::member_name(p)),
            None => format!("process {id}, which is no longer known"),
        },
        Target::Namespace(ns) if cx.world.is_host_ns(*ns) => format!("the host's {} namespace", ns.kind),
        Target::Namespace(ns) => format!("{} namespace {ns}", ns.kind),
        Target::Pod(uid) => format!("pod {}", cx.world.pod(uid).map_or("", |p| p.name.as_str())),
    }
}
