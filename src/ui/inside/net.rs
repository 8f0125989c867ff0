//! A network namespace: its interfaces and routes on the left, the port map beside them.

use eframe::egui::epaint::CubicBezierShape;
use eframe::egui::{
    self, Align2, Color32, CornerRadius, Pos2, Rect, Role, Sense, Shape, Stroke, StrokeKind, Ui, pos2, vec2,
};

use super::model::{InterfaceModel, NetModel};
use super::parts::{card, inset, note};
use super::ports::{Link, Pill, Place, PortMap};
use crate::model::NsKind;
use crate::ui::text::HoverText as _;
use crate::ui::{Action, Cx, text, tokens, widgets};

const SIDE_W: f32 = 268.0;
const PILL_H: f32 = 42.0;
const PILL_GAP: f32 = 8.0;
const HEAD_H: f32 = 32.0;
const COLUMN_GAP: f32 = 28.0;
const MIN_COLUMN: f32 = 150.0;
const MAX_COLUMN: f32 = 260.0;

pub fn net_ui(ui: &mut Ui, cx: &mut Cx<'_>, net: &NetModel) {
    // below each other where the view is narrow
    if ui.available_width() < 560.0 {
        side_ui(ui, cx, net);
        ports_ui(ui, cx, net);
        return;
    }
    ui.horizontal_top(|ui| {
        ui.allocate_ui_with_layout(vec2(SIDE_W, 0.0), egui::Layout::top_down(egui::Align::Min), |ui| {
            side_ui(ui, cx, net);
        });
        ui.vertical(|ui| ports_ui(ui, cx, net));
    });
}

fn side_ui(ui: &mut Ui, cx: &Cx<'_>, net: &NetModel) {
    card(ui, cx.tokens, |ui| {
        widgets::section(ui, cx.tokens, "Interfaces");
        for interface in &net.interfaces {
            interface_ui(ui, cx, interface);
        }
        if let Some(words) = &net.interfaces_note {
            note(ui, cx.tokens, words);
        }
        ui.add_space(4.0);
        widgets::section(ui, cx.tokens, "Routes");
        for route in &net.routes {
            let label = text::rich(route).font(tokens::mono(11.5)).color(cx.tokens.text);
            ui.add(egui::Label::new(label).truncate());
        }
        if let Some(words) = &net.routes_note {
            note(ui, cx.tokens, words);
        }
    });
}

fn interface_ui(ui: &mut Ui, cx: &Cx<'_>, interface: &InterfaceModel) {
    let lines = 2 + interface.addresses.len() + usize::from(interface.mac.is_some());
    let height = lines as f32 * 17.0 + 16.0;
    let (rect, response) = ui.allocate_exact_size(vec2(ui.available_width(), height), Sense::hover());
    inset(ui, cx.tokens, rect);
    let room = rect.width() - 24.0;
    let mut at = rect.min + vec2(12.0, 8.0);
    let mut line = |words: &str, font: egui::FontId, ink: Color32| {
        let placed = text::put(ui, at, Align2::LEFT_TOP, words, font, ink, room);
        at.y += 17.0;
        placed
    };
    let name = line(&interface.name, tokens::mono_bold(13.0), cx.tokens.ns(NsKind::Net));
    for address in &interface.addresses {
        line(address, tokens::mono(11.5), cx.tokens.text);
    }
    if let Some(mac) = &interface.mac {
        line(mac, tokens::mono(11.5), cx.tokens.muted);
    }
    line(&interface.traffic, tokens::sans(11.0), cx.tokens.muted);
    let detail = pos2(name.right() + 10.0, name.center().y);
    let detail_room = rect.right() - 12.0 - detail.x;
    text::put(ui, detail, Align2::LEFT_CENTER, &interface.detail, tokens::sans(11.5), cx.tokens.muted, detail_room);
    let words = format!("{} {}, {}", interface.name, interface.addresses.join(", "), interface.detail);
    response.widget_info(|| text::labeled(Role::Label, true, &words));
    response.hover_text(&interface.detail);
}

fn ports_ui(ui: &mut Ui, cx: &mut Cx<'_>, net: &NetModel) {
    card(ui, cx.tokens, |ui| {
        widgets::section(ui, cx.tokens, "Ports and who talks to whom");
        if net.ports.columns.is_empty() && net.ports_note.is_none() {
            note(ui, cx.tokens, "No process is in it, and no socket is open.");
        }
        egui::ScrollArea::horizontal().id_salt("ports").auto_shrink([false, true]).show(ui, |ui| {
            map_ui(ui, cx, &net.ports);
        });
        if net.ports.waiting > 0 {
            let closed = text::count(net.ports.waiting, "closed connection", "closed connections");
            note(ui, cx.tokens, &format!("{closed} that the kernel still remembers (TIME-WAIT)"));
        }
        if let Some(words) = &net.ports_note {
            note(ui, cx.tokens, words);
        }
    });
}

fn map_ui(ui: &mut Ui, cx: &mut Cx<'_>, map: &PortMap) {
    let count = map.columns.len();
    if count == 0 {
        return;
    }
    let gaps = COLUMN_GAP * (count - 1) as f32;
    let width = ((ui.available_width() - gaps) / count as f32).clamp(MIN_COLUMN, MAX_COLUMN);
    let rows = map.columns.iter().map(|c| c.pills.len().max(1) + usize::from(c.more > 0)).max().unwrap_or(1);
    let height = HEAD_H + rows as f32 * (PILL_H + PILL_GAP) + 6.0;
    let total = width * count as f32 + gaps;
    let (all, _) = ui.allocate_exact_size(vec2(total, height), Sense::hover());
    let column = |at: usize| {
        let left = all.left() + at as f32 * (width + COLUMN_GAP);
        Rect::from_min_size(pos2(left, all.top()), vec2(width, height))
    };
    let pill = |(at, row): Place| {
        let top = all.top() + HEAD_H + row as f32 * (PILL_H + PILL_GAP);
        Rect::from_min_size(pos2(column(at).left() + 8.0, top), vec2(width - 16.0, PILL_H))
    };
    for (at, of) in map.columns.iter().enumerate() {
        let rect = column(at);
        inset(ui, cx.tokens, rect);
        let title = rect.min + vec2(12.0, HEAD_H / 2.0);
        text::put(ui, title, Align2::LEFT_CENTER, &of.title, tokens::semibold(12.5), cx.tokens.text, width - 24.0);
        let mut below = pill((at, of.pills.len())).left_center() + vec2(4.0, -8.0);
        if of.pills.is_empty() && of.more == 0 {
            text::put(ui, below, Align2::LEFT_CENTER, "no socket", tokens::sans(12.0), cx.tokens.faint, width - 24.0);
            below.y += 18.0;
        }
        if of.more > 0 {
            let words = format!("+ {} more", text::thousands(of.more as u64));
            text::put(ui, below, Align2::LEFT_CENTER, &words, tokens::medium(12.0), cx.tokens.muted, width - 24.0);
        }
        for (row, socket) in of.pills.iter().enumerate() {
            pill_ui(ui, cx, (at, row), pill((at, row)), &of.title, socket);
        }
    }
    for link in &map.links {
        link_ui(ui, cx, link, pill(link.from), pill(link.to));
    }
}

fn pill_ui(ui: &mut Ui, cx: &mut Cx<'_>, place: Place, rect: Rect, member: &str, pill: &Pill) {
    let sense = if pill.owner.is_some() { Sense::click() } else { Sense::hover() };
    let response = ui.interact(rect, ui.scope_id().with(("socket", place)), sense);
    let is_selected = pill.owner.is_some() && cx.selection.process == pill.owner;
    response.widget_info(|| {
        let role = if pill.owner.is_some() { Role::Button } else { Role::Label };
        text::selected(role, true, is_selected, format!("{} of {member}", pill.name()))
    });
    let color = match (pill.is_listening, pill.is_published) {
        (_, true) => cx.tokens.warn,
        (true, false) => cx.tokens.ns(NsKind::Net),
        (false, false) => cx.tokens.line_strong,
    };
    let fill = if response.hovered() { cx.tokens.accent_fill } else { cx.tokens.pill };
    ui.painter().rect_filled(rect, CornerRadius::same(7), fill);
    let stroke = if is_selected { Stroke::new(2.0, cx.tokens.accent) } else { Stroke::new(1.2, color) };
    ui.painter().rect_stroke(rect, CornerRadius::same(7), stroke, StrokeKind::Inside);
    if response.has_focus() {
        widgets::focus_ring(ui, cx.tokens, rect, 7);
    }
    let (left, right) = (rect.left() + 10.0, rect.right() - 10.0);
    let (first, second) = (rect.top() + 13.0, rect.bottom() - 12.0);
    let ink = if pill.is_listening { cx.tokens.ns(NsKind::Net) } else { cx.tokens.text };
    let word_ink = if pill.word == "ESTAB" { cx.tokens.good } else { cx.tokens.muted };
    let word = text::put(ui, pos2(right, first), Align2::RIGHT_CENTER, pill.word, tokens::sans(10.0), word_ink, 80.0);
    let room = word.left() - left - 6.0;
    let font = tokens::mono_bold(12.0);
    // the port tells more than the address
    let is_wide = text::line(ui, &pill.title, font.clone(), ink, f32::INFINITY).size().x > room;
    let port = pill.title.rfind(':').filter(|_| is_wide).map(|at| &pill.title[at..]);
    text::put(ui, pos2(left, first), Align2::LEFT_CENTER, port.unwrap_or(&pill.title), font, ink, room);
    let room = right - left;
    text::put(ui, pos2(left, second), Align2::LEFT_CENTER, &pill.detail, tokens::sans(11.0), cx.tokens.muted, room);
    if let Some(owner) = pill.owner.filter(|_| response.clicked()) {
        cx.act(Action::SelectProcess(owner));
    }
    response.hover_text(pill.name());
}

/// An arrow from a client to the socket that listens.
fn link_ui(ui: &Ui, cx: &Cx<'_>, link: &Link, from: Rect, to: Rect) {
    let color = cx.tokens.good;
    let stroke = Stroke::new(1.5, color);
    let (start, end, bend) = if link.from.0 == link.to.0 {
        // both are in one column: around it on the right
        (from.right_center(), to.right_center(), 26.0)
    } else if from.left() > to.left() {
        (from.left_center(), to.right_center(), -30.0)
    } else {
        (from.right_center(), to.left_center(), 30.0)
    };
    let direction = if link.from.0 == link.to.0 || bend < 0.0 { -1.0 } else { 1.0 };
    // the tip ends at the pill
    let tail = end - vec2(direction * 6.0, 0.0);
    let points = [start, start + vec2(bend, 0.0), tail - vec2(direction * 26.0, 0.0), tail];
    ui.painter().add(CubicBezierShape::from_points_stroke(points, false, Color32::TRANSPARENT, stroke));
    arrow_head(ui, end, direction, color);
    if link.count > 1 {
        let at: Pos2 = start + vec2(bend * 0.4, -9.0);
        let words = format!("×{}", link.count);
        text::put(ui, at, Align2::CENTER_CENTER, &words, tokens::semibold(10.5), color, 40.0);
    }
}

fn arrow_head(ui: &Ui, tip: Pos2, direction: f32, color: Color32) {
    let back = tip.x - direction * 7.0;
    let points = vec![tip, pos2(back, tip.y - 4.0), pos2(back, tip.y + 4.0)];
    ui.painter().add(Shape::convex_polygon(points, color, Stroke::NONE));
}
