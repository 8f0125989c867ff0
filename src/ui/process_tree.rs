//! The process tree of the lab, with the columns of htop.

use std::collections::BTreeSet;

use eframe::egui::{self, Align2, Color32, CornerRadius, Rect, Role, Sense, Stroke, Ui, pos2, vec2};

use super::icons::Icon;
use super::memo::Memo;
use super::text::HoverText as _;
use super::{Cx, WorldVersion, pod_map, text, tokens, widgets};
use crate::layout::tree::{Column, Query, Row, rows};
use crate::model::{Parent, ProcId, Process};

const ROW_H: f32 = 24.0;

/// The user's settings of the view.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Settings {
    filter: String,
    sort: Column,
    descending: bool,
    collapsed: BTreeSet<ProcId>,
}

impl Settings {
    fn query(&self) -> Query<'_> {
        Query { filter: &self.filter, sort: self.sort, descending: self.descending, collapsed: Some(&self.collapsed) }
    }
}

/// Kept by the window between frames.
#[derive(Clone, Debug, Default)]
pub struct TreeState {
    settings: Settings,
    rows: Memo<(WorldVersion, Settings), Vec<Row>>,
}

const COLUMNS: [(Column, &str, f32, &str); 9] = [
    (Column::Pid, "PID", 52.0, "pid on the host"),
    (Column::PidInPod, "IN POD", 54.0, "pid in its own pid namespace"),
    (Column::Parent, "PPID", 52.0, "parent's pid on the host; 0 is outside"),
    (Column::State, "S", 84.0, "state"),
    (Column::Threads, "THR", 38.0, "threads"),
    (Column::Cpu, "CPU", 54.0, "share of one core in the last second"),
    (Column::Memory, "RES", 62.0, "resident memory"),
    (Column::Age, "START", 78.0, "start time"),
    (Column::Pod, "POD / MEMBER", 160.0, "pod and member it belongs to"),
];

pub fn process_tree_ui(ui: &mut Ui, cx: &mut Cx<'_>, state: &mut TreeState) {
    let TreeState { settings, rows: memo } = state;
    egui::Frame::new().inner_margin(egui::Margin::symmetric(16, 12)).show(ui, |ui| {
        ui.horizontal(|ui| {
            let (at, _) = ui.allocate_exact_size(vec2(16.0, 16.0), Sense::hover());
            Icon::Search.paint(ui, at, cx.tokens.muted);
            let hint = text::rich("Filter: name, pid, pod or member").color(cx.tokens.faint);
            let edit = egui::TextEdit::singleline(&mut settings.filter).hint_text(hint).desired_width(280.0);
            let edit = ui.add(edit);
            edit.widget_info(|| text::labeled(Role::TextInput, true, "Filter processes"));
            if !settings.filter.is_empty() && ui.button("Clear").clicked() {
                settings.filter.clear();
            }
        });
        ui.add_space(6.0);
        let found = memo.get((cx.version, settings.clone()), || rows(cx.world, &settings.query()));
        let fixed: f32 = COLUMNS.iter().map(|c| c.2).sum();
        let width = ui.available_width().max(fixed + 180.0);
        egui::ScrollArea::horizontal().auto_shrink(false).show(ui, |ui| {
            ui.set_min_width(width);
            header(ui, cx, settings, width);
            if found.is_empty() {
                let hint = if settings.filter.is_empty() {
                    "Start a pod to see its processes."
                } else {
                    "No process matches."
                };
                return widgets::empty(ui, cx.tokens, "No processes", hint);
            }
            let area = egui::ScrollArea::vertical().auto_shrink(false).id_salt("rows");
            let mut toggle = None;
            area.show_rows(ui, ROW_H - ui.spacing().item_spacing.y, found.len(), |ui, range| {
                ui.spacing_mut().item_spacing.y = 0.0;
                for row in &found[range] {
                    row_ui(ui, cx, row, width, &settings.collapsed, &mut toggle);
                }
            });
            if let Some(id) = toggle
                && !settings.collapsed.remove(&id)
            {
                settings.collapsed.insert(id);
            }
        });
    });
}

fn header(ui: &mut Ui, cx: &Cx<'_>, settings: &mut Settings, width: f32) {
    let tokens = cx.tokens;
    let (rect, _) = ui.allocate_exact_size(vec2(width, 22.0), Sense::hover());
    let mut x = rect.left();
    let last = (Column::Command, "COMMAND", width, "command line, or the name it gave itself");
    for (column, name, w, about) in COLUMNS.into_iter().chain(std::iter::once(last)) {
        let w = w.min(rect.right() - x);
        let cell = Rect::from_min_size(pos2(x, rect.top()), vec2(w, rect.height()));
        let response = ui.interact(cell, ui.scope_id().with(("head", name)), Sense::click());
        let active = settings.sort == column;
        let ink = if active || response.hovered() { tokens.accent } else { tokens.muted };
        let arrow = match (active, settings.descending) {
            (false, _) => "",
            (true, false) => " ↑",
            (true, true) => " ↓",
        };
        text::put(
            ui,
            cell.left_center() + vec2(4.0, 0.0),
            Align2::LEFT_CENTER,
            &format!("{name}{arrow}"),
            tokens::semibold(11.0),
            ink,
            w - 6.0,
        );
        response.widget_info(|| text::labeled(Role::ColumnHeader, true, format!("Sort by {name}")));
        if response.clicked() {
            settings.descending = active && !settings.descending;
            settings.sort = column;
        }
        response.hover_text(about);
        x += w;
    }
    ui.painter().hline(rect.x_range(), rect.bottom(), Stroke::new(1.0, tokens.line));
}

fn row_ui(
    ui: &mut Ui,
    cx: &mut Cx<'_>,
    row: &Row,
    width: f32,
    collapsed: &BTreeSet<ProcId>,
    toggle: &mut Option<ProcId>,
) {
    let tokens = cx.tokens;
    let Some(p) = cx.world.process(row.id) else { return };
    let (rect, response) = ui.allocate_exact_size(vec2(width, ROW_H), Sense::click());
    let chosen = cx.selection.process == Some(row.id);
    if chosen {
        ui.painter().rect_filled(rect, CornerRadius::same(4), tokens.accent_fill);
    } else if response.hovered() {
        ui.painter().rect_filled(rect, CornerRadius::same(4), tokens.inset);
    }
    if response.has_focus() {
        widgets::focus_ring(ui, tokens, rect.shrink(2.0), 4);
    }
    let dim = if row.is_only_ancestor { 0.5 } else { 1.0 };
    let mut x = rect.left();
    for (i, (value, ink)) in cells(cx, p).into_iter().enumerate() {
        let w = COLUMNS[i].2;
        let at = pos2(x + 4.0, rect.center().y);
        text::put(ui, at, Align2::LEFT_CENTER, &value, tokens::mono(11.5), ink.gamma_multiply(dim), w - 10.0);
        x += w;
    }
    command(ui, cx, p, row, Rect::from_min_max(pos2(x, rect.top()), rect.max), collapsed, toggle, dim);
    let title = p.title();
    let state = pod_map::state_word(p.state);
    response.widget_info(|| text::selected(Role::Row, true, chosen, format!("{title}, pid {}, {state}", p.id.pid)));
    widgets::select_process(ui, cx, &response, row.id);
    if response.double_clicked() && row.has_children {
        *toggle = Some(row.id);
    }
}

fn cells(cx: &Cx<'_>, p: &Process) -> [(String, Color32); 9] {
    let tokens = cx.tokens;
    let parent = match p.parent {
        Parent::Process(id) => id.pid.to_string(),
        Parent::Outside => "0".into(),
        Parent::Unknown => "?".into(),
    };
    let pod = p.member.as_ref().map_or(String::new(), |m| {
        let pod = cx.world.pod(&m.pod).map_or("", |p| p.name.as_str());
        format!("{pod}/{}", m.name())
    });
    let state = format!("{} {}", p.state.letter(), pod_map::state_word(p.state));
    let cpu = if p.is_alive() { text::percent(p.cpu.permille) } else { "–".into() };
    let busy = if p.cpu.permille >= 10 { tokens.text } else { tokens.muted };
    let memory = if p.is_alive() { text::bytes(p.rss_bytes) } else { "–".into() };
    [
        (p.id.pid.to_string(), tokens.text),
        (in_pod(p), tokens.text),
        (parent, tokens.muted),
        (state, tokens.state(p.state)),
        (p.threads.to_string(), tokens.muted),
        (cpu, busy),
        (memory, tokens.muted),
        (cx.clock(p.born.t), tokens.muted),
        (pod, tokens.muted),
    ]
}

fn in_pod(p: &Process) -> String {
    match (&p.member, p.pid_in_pod()) {
        (None, _) => "–".into(),
        (Some(_), None) => "?".into(),
        (Some(_), Some(pid)) => pid.to_string(),
    }
}

#[expect(clippy::too_many_arguments, reason = "one cell of `row_ui`")]
fn command(
    ui: &Ui,
    cx: &Cx<'_>,
    p: &Process,
    row: &Row,
    rect: Rect,
    collapsed: &BTreeSet<ProcId>,
    toggle: &mut Option<ProcId>,
    dim: f32,
) {
    let tokens = cx.tokens;
    let step = 18.0;
    let line = Stroke::new(1.0, tokens.line_strong);
    let mut x = rect.left() + 4.0;
    for level in 0..row.depth {
        let is_own_level = level + 1 == row.depth;
        let mid = x + step / 2.0;
        if is_own_level {
            let bottom = if row.is_last { rect.center().y } else { rect.bottom() };
            ui.painter().vline(mid, rect.top()..=bottom, line);
            ui.painter().hline(mid..=x + step - 2.0, rect.center().y, line);
        } else if row.continues.get(level + 1) == Some(&true) {
            ui.painter().vline(mid, rect.y_range(), line);
        }
        x += step;
    }
    if row.has_children {
        let closed = collapsed.contains(&row.id);
        let at = Rect::from_center_size(pos2(x + 7.0, rect.center().y), vec2(14.0, 14.0));
        let response = ui.interact(at.expand(3.0), ui.scope_id().with(("fold", row.id)), Sense::click());
        let icon = if closed { Icon::ChevronRight } else { Icon::ChevronDown };
        icon.paint(ui, at, if response.hovered() { tokens.text } else { tokens.muted });
        let name = if closed { "Unfold" } else { "Fold" };
        response.widget_info(|| text::labeled(Role::Button, true, format!("{name} {}", p.title())));
        if response.clicked() {
            *toggle = Some(row.id);
        }
    }
    let at = pos2(x + 18.0, rect.center().y);
    let ink = if p.is_alive() { tokens.text } else { tokens.zombie }.gamma_multiply(dim);
    text::put(ui, at, Align2::LEFT_CENTER, &p.title(), tokens::mono(11.5), ink, rect.right() - at.x - 8.0);
}
