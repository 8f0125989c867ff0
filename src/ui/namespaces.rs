//! Who shares which namespace: a matrix of members and kinds, the trees of the nested kinds, what holds the selected
//! namespace, and two processes compared link by link.
//!
//! ```text
//! Who shares what   This pod  All pods            ■ shared  ▢ private  ▬ host
//!            net   ipc   uts   pid   mnt   cgroup  user  time
//! this host  host  host  host  host  host  host    host  host
//! web
//! pause       A     A     A     A     A    host     A    host
//! nginx       A     A     A     A     B    host     A    host
//! HIERARCHY                       │ HELD BY net:[4026532328]
//! ● user:[…]  the host's          │ processes  pause, nginx ×3
//! └● user:[…]  the lab's node     │ COMPARE
//! ```

mod compare;
mod grid;
mod holders;
mod tree;

use eframe::egui::{self, Rect, Role, Sense, Stroke, Ui, pos2, vec2};

use super::memo::Memo;
use super::text::HoverText as _;
use super::{Cx, WorldVersion, text, tokens, widgets};
use crate::layout::hierarchy::{Nested, hierarchy};
use crate::layout::matrix::Matrix;
use crate::model::{NsId, PodUid, Scope};
use compare::{CompareState, compare_ui};
use holders::{Held, holders_ui};

/// From this width on the lower parts are side by side.
const WIDE: f32 = 620.0;
/// The smallest height of the lower parts, where the matrix is long.
const MIN_LOWER: f32 = 120.0;

/// What the rows are of.
#[derive(Clone, Debug, PartialEq, Eq)]
enum RowsOf {
    Pod(PodUid),
    AllPods,
    /// All processes, if the whole machine is observed.
    Machine,
}

/// What the user has chosen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Choice {
    #[default]
    Pod,
    AllPods,
    Machine,
}

/// Kept by the window between frames.
#[derive(Clone, Debug, Default)]
pub struct NamespacesState {
    choice: Choice,
    /// The namespace under the pointer in the last frame.
    hovered: Option<NsId>,
    compare: CompareState,
    matrix: Memo<(WorldVersion, RowsOf), Matrix>,
    tree: Memo<WorldVersion, Vec<Nested>>,
    held: Memo<(WorldVersion, NsId), Held>,
}

pub fn namespaces_ui(ui: &mut Ui, cx: &mut Cx<'_>, state: &mut NamespacesState) {
    let world = cx.world;
    let selected = cx.selection.pod.clone().filter(|uid| world.pod(uid).is_some());
    let has_machine = world.scope == Scope::Host;
    if world.pods.is_empty() && !has_machine {
        return widgets::empty(ui, cx.tokens, "No pods", "Start one with New pod to see who shares which namespace.");
    }
    let rows_of = match (state.choice, selected) {
        (Choice::Machine, _) if has_machine => RowsOf::Machine,
        _ if world.pods.is_empty() => RowsOf::Machine,
        (Choice::Pod | Choice::Machine, Some(pod)) => RowsOf::Pod(pod),
        _ => RowsOf::AllPods,
    };
    let all = ui.available_rect_before_wrap().shrink2(vec2(16.0, 10.0));
    ui.scope_builder(egui::UiBuilder::new().max_rect(all), |ui| {
        head_ui(ui, cx, &rows_of, &mut state.choice);
        ui.add_space(4.0);
        let matrix = state.matrix.get((cx.version, rows_of.clone()), || match &rows_of {
            RowsOf::Pod(uid) => Matrix::of(world, Some(uid)),
            RowsOf::AllPods => Matrix::of(world, None),
            RowsOf::Machine => Matrix::of_machine(world),
        });
        let room = ui.available_height();
        let height = grid::height(matrix).min((room - MIN_LOWER).max(room * 0.5));
        let upper = Rect::from_min_size(ui.cursor().min, vec2(ui.available_width(), height));
        ui.scope_builder(egui::UiBuilder::new().max_rect(upper), |ui| {
            grid::grid_ui(ui, cx, matrix, &mut state.hovered, &mut state.compare);
        });
        let lower = Rect::from_min_max(pos2(all.left(), upper.bottom() + 12.0), all.max);
        ui.painter().hline(all.x_range(), lower.top() - 6.0, Stroke::new(1.0, cx.tokens.line));
        ui.scope_builder(egui::UiBuilder::new().max_rect(lower), |ui| lower_ui(ui, cx, state));
    });
}

/// The hierarchy, the holders and the comparison.
fn lower_ui(ui: &mut Ui, cx: &mut Cx<'_>, state: &mut NamespacesState) {
    let world = cx.world;
    let NamespacesState { compare, tree, held, hovered, .. } = state;
    let rows = tree.get(cx.version, || hierarchy(world));
    let held = cx.selection.namespace.map(|ns| held.get((cx.version, ns), || Held::of(world, ns)));
    let mut details = |ui: &mut Ui, cx: &mut Cx<'_>| {
        holders_ui(ui, cx, held);
        ui.add_space(12.0);
        compare_ui(ui, cx, compare);
    };
    let area = |name| egui::ScrollArea::vertical().auto_shrink(false).id_salt(name);
    if ui.available_width() < WIDE {
        area("lower").show(ui, |ui| {
            details(ui, cx);
            ui.add_space(12.0);
            tree::tree_ui(ui, cx, rows, hovered.as_ref());
        });
        return;
    }
    ui.columns(2, |columns| {
        area("hierarchy").show(&mut columns[0], |ui| tree::tree_ui(ui, cx, rows, hovered.as_ref()));
        area("details").show(&mut columns[1], |ui| details(ui, cx));
    });
}

/// What the rows are of, and what the cells mean.
fn head_ui(ui: &mut Ui, cx: &Cx<'_>, rows_of: &RowsOf, choice: &mut Choice) {
    ui.horizontal(|ui| {
        ui.label(text::rich("Who shares what").font(tokens::bold(15.0)));
        ui.add_space(8.0);
        let has_pod = cx.selection.pod.as_ref().is_some_and(|uid| cx.world.pod(uid).is_some());
        ui.add_enabled_ui(has_pod, |ui| {
            if ui.selectable_label(matches!(rows_of, RowsOf::Pod(_)), "This pod").clicked() {
                *choice = Choice::Pod;
            }
        });
        ui.add_enabled_ui(!cx.world.pods.is_empty(), |ui| {
            if ui.selectable_label(*rows_of == RowsOf::AllPods, "All pods").clicked() {
                *choice = Choice::AllPods;
            }
        });
        if cx.world.scope == Scope::Host {
            let label = ui.selectable_label(*rows_of == RowsOf::Machine, "All processes");
            if label.clicked() {
                *choice = Choice::Machine;
            }
            label.hover_text("A row for all processes of this machine that are in the same namespaces");
        }
        if ui.available_width() > 300.0 {
            ui.with_layout(egui::Layout::right_to_left(egui::Align::Center), |ui| legend_ui(ui, cx));
        }
    });
}

fn legend_ui(ui: &mut Ui, cx: &Cx<'_>) {
    let tokens = cx.tokens;
    for (look, words) in [
        (grid::Look::Plain, "the host's or the node's"),
        (grid::Look::Dashed, "private"),
        (grid::Look::Filled, "shared"),
    ] {
        ui.label(text::rich(words).font(tokens::sans(11.5)).color(tokens.muted));
        let (at, response) = ui.allocate_exact_size(vec2(22.0, 14.0), Sense::hover());
        grid::look_ui(ui, tokens, at, look, tokens.accent, grid::Ends::default());
        response.widget_info(|| text::labeled(Role::Label, true, format!("This look means {words}")));
    }
}

#[cfg(test)]
mod tests;
