//! The filter, and what the table shows.

use eframe::egui::{self, PopupCloseBehavior, Role, Sense, Ui, vec2};

use super::{TreeOptions, TreeState, columns};
use crate::layout::tree::{Column, Rows, SYNTAX, Shape};
use crate::model::Scope;
use crate::ui::icons::Icon;
use crate::ui::text::HoverText as _;
use crate::ui::{Cx, text, tokens};

/// The height of the list of columns, which scrolls.
const COLUMNS_H: f32 = 420.0;

pub(super) fn bar_ui(ui: &mut Ui, cx: &Cx<'_>, state: &mut TreeState, rows: &Rows) {
    ui.horizontal_wrapped(|ui| {
        filter_ui(ui, cx, state);
        if let Some(problem) = &rows.problem {
            ui.label(text::rich(problem).color(cx.tokens.warn));
        }
        ui.add_space(4.0);
        let has_pod = cx.selection.pod.is_some();
        ui.add_enabled_ui(has_pod, |ui| {
            let label = ui.selectable_label(state.only_pod && has_pod, "This pod");
            if label.clicked() {
                state.only_pod = !state.only_pod;
            }
            label.hover_text("Only the processes of the selected pod");
        });
        shape_ui(ui, state, cx);
        let follow = ui.selectable_label(state.follows, "Follow");
        if follow.clicked() {
            state.follows = !state.follows;
        }
        follow.hover_text("Keep the selected process in view (F)");
        columns_ui(ui, cx, &mut state.options);
        ui.add_space(4.0);
        count_ui(ui, cx, state, rows);
    });
}

fn filter_ui(ui: &mut Ui, cx: &Cx<'_>, state: &mut TreeState) {
    let (at, _) = ui.allocate_exact_size(vec2(16.0, 16.0), Sense::hover());
    Icon::Search.paint(ui, at, cx.tokens.muted);
    let hint = text::rich("Filter: words, state:Z, pod:NAME, ns:INODE").color(cx.tokens.faint);
    let edit = egui::TextEdit::singleline(&mut state.filter).hint_text(hint).desired_width(260.0);
    let edit = ui.add(edit);
    edit.widget_info(|| text::labeled(Role::TextInput, true, "Filter processes"));
    if std::mem::take(&mut state.wants_filter) {
        edit.request_focus();
    }
    edit.hover_lines(SYNTAX);
    if !state.filter.is_empty() && ui.button("Clear").clicked() {
        state.filter.clear();
    }
}

fn shape_ui(ui: &mut Ui, state: &mut TreeState, cx: &Cx<'_>) {
    let is_tree = state.options.shape == Shape::Tree;
    let label = ui.selectable_label(is_tree, "Tree");
    if label.clicked() {
        state.options.shape = if is_tree { Shape::List } else { Shape::Tree };
    }
    label.hover_text("Each process below its parent, and siblings sorted. Off: all processes sorted as a list (F5)");
    ui.add_enabled_ui(is_tree, |ui| {
        if state.collapsed.is_empty() {
            let fold = ui.button("Fold all");
            if fold.clicked() {
                state.fold_all(cx.world);
            }
            fold.hover_text("Fold all rows but the topmost (*)");
        } else {
            let unfold = ui.button("Unfold all");
            if unfold.clicked() {
                state.unfold_all();
            }
            unfold.hover_text("Show what is below folded rows (*)");
        }
    });
}

fn columns_ui(ui: &mut Ui, cx: &Cx<'_>, options: &mut TreeOptions) {
    let button = ui.button("Columns");
    let menu = egui::Popup::menu(&button).close_behavior(PopupCloseBehavior::CloseOnClickOutside);
    menu.show(|ui| {
        egui::ScrollArea::vertical().max_height(COLUMNS_H).show(ui, |ui| {
            for column in Column::OPTIONAL {
                let head = columns::head(column);
                let mut is_shown = options.columns.contains(&column);
                if ui.checkbox(&mut is_shown, format!("{} · {}", head.title, head.about)).changed() {
                    if is_shown {
                        options.columns.insert(column);
                    } else {
                        options.columns.remove(&column);
                    }
                }
            }
        });
        let initial = TreeOptions::default().columns;
        ui.add_enabled_ui(options.columns != initial, |ui| {
            if ui.button("Usual columns").clicked() {
                options.columns.clone_from(&initial);
            }
        });
        ui.label(text::rich("The command is always shown.").font(tokens::sans(11.5)).color(cx.tokens.muted));
    });
    button.hover_text("Choose the columns");
}

/// How many processes there are, and of what.
fn count_ui(ui: &mut Ui, cx: &Cx<'_>, state: &TreeState, rows: &Rows) {
    let all = text::count(rows.total, "process", "processes");
    let count =
        if rows.matching == rows.total { all } else { format!("{} of {all}", text::thousands(rows.matching as u64)) };
    let of = match cx.world.scope {
        _ if state.only_pod && cx.selection.pod.is_some() => " of this pod",
        Scope::Host => " of this machine",
        Scope::Lab => "",
    };
    let held = if state.held.is_some() { " · order held" } else { "" };
    let words = format!("{count}{of}{held}");
    let label = ui.label(text::rich(&words).font(tokens::sans(12.0)).color(cx.tokens.muted));
    if state.held.is_some() {
        label.hover_text("The rows keep their order while the pointer is over them");
    }
}
