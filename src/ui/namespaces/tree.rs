//! The trees of the user and pid namespaces.

use eframe::egui::{Align2, CornerRadius, Rect, Role, Sense, Stroke, Ui, vec2};

use crate::layout::hierarchy::Nested;
use crate::model::{NsId, NsKind, Scope, names};
use crate::ui::text::HoverText as _;
use crate::ui::{Action, Cx, text, tokens, widgets};

const ROW_H: f32 = 22.0;
const INDENT: f32 = 16.0;

pub fn tree_ui(ui: &mut Ui, cx: &mut Cx<'_>, rows: &[Nested], hovered: Option<&NsId>) {
    let title = widgets::section(ui, cx.tokens, "Hierarchy of user and pid namespaces");
    title.hover_text("Only these two kinds have parents. Namespaces with a process, and those above them.");
    ui.spacing_mut().item_spacing.y = 0.0;
    for row in rows {
        let (rect, _) = ui.allocate_exact_size(vec2(ui.available_width(), ROW_H), Sense::hover());
        if ui.is_rect_visible(rect) {
            row_ui(ui, cx, rect, row, hovered == Some(&row.ns));
        }
    }
}

fn row_ui(ui: &Ui, cx: &mut Cx<'_>, rect: Rect, row: &Nested, hot: bool) {
    let (tokens, ns) = (cx.tokens, row.ns);
    let response = ui.interact(rect, ui.scope_id().with(("nested", ns)), Sense::click());
    let chosen = cx.selection.namespace == Some(ns);
    if chosen || hot || response.hovered() {
        let fill = if chosen { tokens.accent_fill } else { tokens.inset };
        ui.painter().rect_filled(rect, CornerRadius::same(4), fill);
    }
    if response.has_focus() {
        widgets::focus_ring(ui, tokens, rect.shrink(2.0), 4);
    }
    let line = Stroke::new(1.0, tokens.line_strong);
    let middle = rect.center().y;
    let mut x = rect.left() + 4.0;
    for level in 0..row.continues.len() {
        let at = x + 4.0;
        if level + 1 == row.continues.len() {
            let bottom = if row.is_last { middle } else { rect.bottom() };
            ui.painter().vline(at, rect.top()..=bottom, line);
            ui.painter().hline(at..=x + INDENT - 2.0, middle, line);
        } else if row.continues[level + 1] {
            ui.painter().vline(at, rect.y_range(), line);
        }
        x += INDENT;
    }
    let color = tokens.ns(ns.kind);
    let at = rect.left_center() + vec2(x - rect.left() + 4.0, 0.0);
    ui.painter().circle_filled(at, 4.0, color);
    let at = at + vec2(10.0, 0.0);
    let link = ns.to_string();
    let place = text::put(ui, at, Align2::LEFT_CENTER, &link, tokens::mono(11.5), color, rect.right() - at.x);
    let words = words(cx, row);
    let at = place.right_center() + vec2(10.0, 0.0);
    text::put(ui, at, Align2::LEFT_CENTER, &words, tokens::sans(11.5), tokens.muted, rect.right() - at.x - 4.0);
    response.widget_info(|| text::selected(Role::TreeItem, true, chosen, format!("{link}, {words}")));
    if response.clicked() {
        cx.act(Action::SelectNamespace(ns));
    }
    response.hover_lines(format!("{link}\n{}\nClick to select it", text::escaped(&words)));
}

/// `the host's · owns 12 · 40 processes seen`, `web · init: pause · 6 processes`.
fn words(cx: &Cx<'_>, row: &Nested) -> String {
    let (world, ns) = (cx.world, row.ns);
    let mut parts = Vec::new();
    let node = world.node.as_ref().and_then(|node| world.process(node.process));
    let is_host = world.is_host_ns(ns);
    if is_host {
        parts.push("the host's".to_owned());
    } else if node.is_some_and(|p| p.namespaces.get(ns.kind) == Some(ns)) {
        parts.push("the lab's node".to_owned());
    }
    let name = |uid| world.pod(uid).map_or("a removed pod", |pod| pod.name.as_str());
    match row.pod_count {
        0 => {}
        n if n > row.pods.len() => parts.push(format!("{n} pods")),
        _ => parts.push(row.pods.iter().map(name).collect::<Vec<_>>().join(", ")),
    }
    if ns.kind == NsKind::Pid
        && !is_host
        && let Some(init) = world.pid_ns_init(ns).filter(|p| p.is_alive())
    {
        parts.push(format!("init: {}", names::member_name(init)));
    }
    if row.owned > 0 {
        parts.push(format!("owns {}", text::count(row.owned, "namespace", "namespaces")));
    }
    let processes = text::count(row.processes, "process", "processes");
    // in the scope of the lab not every process of the rest of the machine is observed
    parts.push(if is_host && world.scope == Scope::Lab { format!("{processes} seen") } else { processes });
    if row.has_unknown_parent {
        parts.push("parent not visible".into());
    }
    parts.join(" · ")
}
