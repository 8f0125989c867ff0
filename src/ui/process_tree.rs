//! The processes as a table with the columns of htop: a tree, or a list.
//!
//! ```text
//! ⌕ state:Z pod:web     [This pod] [Tree] [Follow] Fold all  Columns ▾     5 of 123 processes of the lab
//! 2 tagged   TERM  KILL  STOP  CONT  HUP  …  Untag all
//!    PID  IN POD  PPID  S           CPU    RES   POD      COMMAND
//! ✓ 4711       7  4700  S sleeping  0.4 %  3 MB  web      ⌄ nginx: master process
//!   4712       8  4711  Z zombie    –      –     web        └ nginx: worker process
//! ```
//!
//! Only the rows on screen are drawn, so the number of processes does not matter. What is on screen stays in its place
//! when rows above it come and go.

mod bar;
mod columns;
mod keys;
mod row;
mod table;
mod tags;

use std::collections::BTreeSet;
use std::rc::Rc;

use eframe::egui::{self, Ui};
use serde::{Deserialize, Serialize};

use super::memo::Memo;
use super::{Cx, WorldVersion};
use crate::layout::tree::{Column, Places, Query, Rows, Shape, rows};
use crate::model::{PodUid, ProcId, World};

pub use keys::{TreeKey, take_keys};

/// What the user has chosen. It is kept between two starts of the window.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct TreeOptions {
    pub columns: BTreeSet<Column>,
    pub shape: Shape,
    pub sort: Column,
    pub descending: bool,
}

impl Default for TreeOptions {
    fn default() -> Self {
        let columns = Column::INITIAL.into_iter().collect();
        Self { columns, shape: Shape::Tree, sort: Column::Pid, descending: false }
    }
}

impl TreeOptions {
    const fn order(&self) -> Order {
        (self.shape, self.sort, self.descending)
    }

    /// Sorts by this column, or the other way round if it does already.
    fn sort_by(&mut self, column: Column) {
        self.descending = if self.sort == column { !self.descending } else { column.begins_descending() };
        self.sort = column;
    }
}

type Order = (Shape, Column, bool);

/// Everything that the rows depend on.
#[derive(Clone, Debug, PartialEq)]
struct RowsKey {
    version: WorldVersion,
    filter: String,
    pod: Option<PodUid>,
    order: Order,
    folds: u64,
    held: Option<u64>,
}

/// The places that rows keep while the pointer is over them.
#[derive(Clone, Debug)]
struct Held {
    nth: u64,
    order: Order,
    places: Places,
}

/// Kept by the window between frames.
#[derive(Clone, Debug, Default)]
pub struct TreeState {
    pub options: TreeOptions,
    filter: String,
    only_pod: bool,
    /// The selected process stays in view.
    follows: bool,
    collapsed: BTreeSet<ProcId>,
    /// Counts the changes of `collapsed`.
    folds: u64,
    tagged: BTreeSet<ProcId>,
    /// The keys that the view has not acted on yet.
    pressed: Vec<TreeKey>,
    wants_filter: bool,
    rows: Memo<RowsKey, Rc<Rows>>,
    /// The order of the rows of the last frame.
    ordered: Option<Order>,
    held: Option<Held>,
    holds: u64,
    view: table::ViewState,
}

impl TreeState {
    /// The view acts on these keys when it is drawn next.
    pub fn press(&mut self, keys: Vec<TreeKey>) {
        self.pressed.extend(keys);
    }

    /// The processes that the user has tagged and that are not reaped.
    pub fn tagged<'a>(&'a self, world: &'a World) -> impl Iterator<Item = ProcId> + use<'a> {
        self.tagged.iter().copied().filter(|id| world.process(*id).is_some_and(|p| !p.is_gone()))
    }

    /// The rows of this frame.
    fn rows(&mut self, cx: &Cx<'_>) -> Rc<Rows> {
        let order = self.options.order();
        self.hold(order);
        let pod = cx.selection.pod.clone().filter(|_| self.only_pod);
        let held = self.held.as_ref().map(|held| held.nth);
        let key = RowsKey { version: cx.version, filter: self.filter.clone(), pod, order, folds: self.folds, held };
        let query = Query {
            filter: &self.filter,
            pod: cx.selection.pod.as_ref().filter(|_| self.only_pod),
            shape: order.0,
            sort: order.1,
            descending: order.2,
            collapsed: Some(&self.collapsed),
            keep: self.held.as_ref().map(|held| &held.places),
        };
        self.ordered = Some(order);
        Rc::clone(self.rows.get(key, || Rc::new(rows(cx.world, &query))))
    }

    /// While the pointer is over rows whose order changes all the time, they keep their order.
    fn hold(&mut self, order: Order) {
        let is_held = self.view.is_pointer_over && self.options.sort.is_restless();
        self.held = self.held.take().filter(|held| is_held && held.order == order);
        if is_held
            && self.held.is_none()
            && self.ordered == Some(order)
            && let Some(rows) = self.rows.last()
        {
            self.holds += 1;
            self.held = Some(Held { nth: self.holds, order, places: rows.places() });
        }
    }

    fn set_fold(&mut self, id: ProcId, folded: bool) {
        let changed = if folded { self.collapsed.insert(id) } else { self.collapsed.remove(&id) };
        self.folds += u64::from(changed);
    }

    fn toggle_fold(&mut self, id: ProcId) {
        self.set_fold(id, !self.collapsed.contains(&id));
    }

    /// Folds all rows but the topmost.
    fn fold_all(&mut self, world: &World) {
        let is_below = |id: &ProcId| {
            let above = world.process(*id).and_then(|p| p.parent.process());
            above.and_then(|id| world.process(id)).is_some_and(|p| !p.is_gone())
        };
        self.collapsed = world.present().filter_map(|p| p.parent.process()).filter(is_below).collect();
        self.folds += 1;
    }

    fn unfold_all(&mut self) {
        self.collapsed.clear();
        self.folds += 1;
    }

    fn toggle_tag(&mut self, id: ProcId) {
        if !self.tagged.remove(&id) {
            self.tagged.insert(id);
        }
    }
}

pub fn process_tree_ui(ui: &mut Ui, cx: &mut Cx<'_>, state: &mut TreeState) {
    // the present alone tells what is gone for good
    if cx.live {
        let is_there = |id: &ProcId| cx.world.process(*id).is_some_and(|p| !p.is_gone());
        state.tagged.retain(is_there);
        state.collapsed.retain(is_there);
    }
    egui::Frame::new().inner_margin(egui::Margin::symmetric(16, 12)).show(ui, |ui| {
        let rows = state.rows(cx);
        keys::act(cx, state, &rows);
        table::follow(cx, state);
        bar::bar_ui(ui, cx, state, &rows);
        if !state.tagged.is_empty() {
            ui.add_space(4.0);
            tags::tags_ui(ui, cx, state);
        }
        ui.add_space(6.0);
        let rows = state.rows(cx);
        table::table_ui(ui, cx, state, &rows);
    });
}

#[cfg(test)]
mod tests;
