//! The head and the rows. The head stays while the rows scroll, and only the rows on screen are drawn.

use eframe::egui::{self, Align2, Rect, Role, Sense, Stroke, Ui, Vec2, pos2, vec2};

use super::row::{ROW_H, Request, TAG_W, Table, row_id, row_ui};
use super::{TreeState, columns};
use crate::layout::tree::{Column, Rows, Shape};
use crate::model::{ProcId, Scope};
use crate::ui::text::HoverText as _;
use crate::ui::{Cx, WorldVersion, text, tokens, widgets};

const HEAD_H: f32 = 22.0;
/// The least width of the command. A table that is wider than the view scrolls.
const COMMAND_W: f32 = 150.0;

/// Where the table was in the last frame.
#[derive(Clone, Debug, Default)]
pub struct ViewState {
    offset: Vec2,
    height: f32,
    pub(super) is_pointer_over: bool,
    /// A row of the last frame, its number, and how far it was below the upper edge. It stays there.
    anchor: Option<(ProcId, usize, f32)>,
    /// The row to scroll to.
    reveal: Option<ProcId>,
    /// What the selected row was followed for last.
    followed: Option<(Option<ProcId>, WorldVersion)>,
    /// The row with the keyboard focus.
    focus: Option<ProcId>,
    /// The row that gets it in this frame.
    next_focus: Option<ProcId>,
}

impl ViewState {
    pub(super) fn rows_on_screen(&self) -> usize {
        (self.height / ROW_H) as usize
    }

    /// Scrolls to the row that a key has selected. If a row has the keyboard focus, this one gets it.
    pub(super) fn move_to(&mut self, id: ProcId) {
        self.reveal = Some(id);
        self.next_focus = self.focus.map(|_| id);
    }

    /// How far to scroll, if that is not where the table is.
    fn new_offset(&mut self, rows: &Rows, room: f32) -> Option<f32> {
        // a scroll bar may take some of the room
        let height = if self.height > 0.0 { self.height.min(room) } else { room };
        let mut y = self.offset.y;
        if let Some((id, nth, below)) = self.anchor {
            // mostly it is where it was
            let at = rows.rows.get(nth).filter(|row| row.id == id).map(|_| nth).or_else(|| rows.place(id));
            y = at.map_or(y, |at| at as f32 * ROW_H - below);
        }
        if let Some(at) = self.reveal.take().and_then(|id| rows.place(id)) {
            let top = at as f32 * ROW_H;
            y = y.min(top).max(top + ROW_H - height);
        }
        let is_elsewhere = |y: f32| (y - self.offset.y).abs() > 0.5;
        if !is_elsewhere(y) {
            return None;
        }
        let last = (rows.rows.len() as f32 * ROW_H - height).max(0.0);
        Some(y.clamp(0.0, last)).filter(|y| is_elsewhere(*y))
    }
}

pub(super) fn table_ui(ui: &mut Ui, cx: &mut Cx<'_>, state: &mut TreeState, rows: &Rows) {
    let columns: Vec<Column> = state.options.columns.iter().copied().filter(|c| *c != Column::Command).collect();
    let fixed = TAG_W + columns.iter().map(|column| columns::head(*column).width).sum::<f32>();
    let width = ui.available_width().max(fixed + COMMAND_W);
    head_ui(ui, cx, state, &columns, width);
    if rows.rows.is_empty() {
        state.view.is_pointer_over = false;
        return empty_ui(ui, cx, state);
    }
    let mut area = egui::ScrollArea::both().auto_shrink(false).id_salt("rows");
    if let Some(y) = state.view.new_offset(rows, ui.available_height()) {
        area = area.vertical_scroll_offset(y);
    }
    let mut requests = Vec::new();
    let mut hovered = None;
    let focus = state.view.next_focus.take();
    let table = Table { rows, columns: &columns, tagged: &state.tagged, focus };
    let view = &mut state.view;
    let done = area.show_viewport(ui, |ui, viewport| {
        ui.spacing_mut().item_spacing = Vec2::ZERO;
        ui.set_width(width);
        ui.set_height(rows.rows.len() as f32 * ROW_H);
        let from = ui.max_rect().min;
        let place = |at: usize| Rect::from_min_size(pos2(from.x, from.y + at as f32 * ROW_H), vec2(width, ROW_H));
        let first = (viewport.top() / ROW_H).max(0.0) as usize;
        let end = ((viewport.bottom() / ROW_H).ceil().max(0.0) as usize).min(rows.rows.len());
        let mut focused = None;
        for at in first..end {
            let row = &rows.rows[at];
            let Some(response) = row_ui(ui, cx, &table, row, place(at), &mut requests) else { continue };
            if response.has_focus() {
                focused = Some(row.id);
            }
            if response.hovered() {
                hovered = Some(at);
            }
        }
        // a row that is scrolled out of sight keeps the focus
        if focused.is_none()
            && let Some(id) = view.focus
            && ui.memory(|memory| memory.has_focus(row_id(ui, id)))
            && let Some(at) = rows.place(id)
        {
            ui.interact(place(at), row_id(ui, id), Sense::click());
            focused = Some(id);
        }
        view.focus = focused;
    });
    let (place, offset) = (done.inner_rect, done.state.clamped_offset());
    view.height = place.height();
    view.is_pointer_over = ui.rect_contains_pointer(place);
    // at the upper edge new rows push the others down
    let top = (offset.y / ROW_H).ceil() as usize;
    let anchor = hovered.or((offset.y > 0.0).then_some(top));
    let anchor_row = anchor.and_then(|at| Some((rows.rows.get(at)?.id, at)));
    view.anchor = anchor_row.map(|(id, at)| (id, at, at as f32 * ROW_H - offset.y));
    if (view.offset.x - offset.x).abs() > 0.5 {
        // the head is drawn before the rows
        ui.ctx().request_repaint();
    }
    view.offset = offset;
    for request in requests {
        match request {
            Request::Fold(id) => state.toggle_fold(id),
            Request::Tag(id) => state.toggle_tag(id),
        }
    }
}

/// Keeps the selected row in view, also when it is below a folded row.
pub(super) fn follow(cx: &Cx<'_>, state: &mut TreeState) {
    let now = (cx.selection.process, cx.version);
    if !state.follows || state.view.followed == Some(now) {
        return;
    }
    let is_new = state.view.followed.is_none_or(|(id, _)| id != now.0);
    state.view.followed = Some(now);
    let Some(selected) = now.0 else { return };
    state.view.reveal = Some(selected);
    if is_new {
        let parent = |id: &ProcId| cx.world.process(*id).and_then(|p| p.parent.process());
        // a chain of parents that is longer has a circle, which a reused pid can make for a moment
        for above in std::iter::successors(parent(&selected), parent).take(1_000) {
            state.set_fold(above, false);
        }
    }
}

/// The heads of the columns, which sort.
fn head_ui(ui: &mut Ui, cx: &Cx<'_>, state: &mut TreeState, columns: &[Column], width: f32) {
    let tokens = cx.tokens;
    let (rect, _) = ui.allocate_exact_size(vec2(ui.available_width(), HEAD_H), Sense::hover());
    let scope = ui.scope_id();
    let clip = ui.clip_rect().intersect(rect);
    let mut inner = ui.new_child(egui::UiBuilder::new().max_rect(rect));
    {
        let ui = &mut inner;
        ui.set_clip_rect(clip);
        let from = rect.left() - state.view.offset.x;
        let mut x = from + TAG_W;
        for column in columns.iter().copied().chain(std::iter::once(Column::Command)) {
            let head = columns::head(column);
            let w = if column == Column::Command { from + width - x } else { head.width };
            let cell = Rect::from_min_size(pos2(x, rect.top()), vec2(w, rect.height()));
            let response = ui.interact(cell, scope.with(("head", column)), Sense::click());
            let active = state.options.sort == column;
            let hot = active || response.hovered() || response.has_focus();
            let arrow = match (active, state.options.descending) {
                (false, _) => "",
                (true, false) => " ↑",
                (true, true) => " ↓",
            };
            let at = cell.left_center() + vec2(4.0, 0.0);
            let words = format!("{}{arrow}", head.title);
            let ink = if hot { tokens.accent } else { tokens.muted };
            text::put(ui, at, Align2::LEFT_CENTER, &words, tokens::semibold(11.0), ink, w - 6.0);
            if response.has_focus() {
                widgets::focus_ring(ui, tokens, cell.shrink(2.0), 4);
            }
            response.widget_info(|| text::labeled(Role::ColumnHeader, true, format!("Sort by {}", head.title)));
            if response.clicked() {
                state.options.sort_by(column);
            }
            let sorts = match state.options.shape {
                Shape::Tree => "Click to sort siblings by it",
                Shape::List => "Click to sort by it",
            };
            response.hover_lines(format!("{}\n{sorts}", head.about));
            x += w;
        }
    }
    ui.painter().hline(rect.x_range(), rect.bottom(), Stroke::new(1.0, tokens.line));
}

fn empty_ui(ui: &mut Ui, cx: &Cx<'_>, state: &TreeState) {
    let hint = match cx.world.scope {
        _ if !state.filter.trim().is_empty() => "No process matches.",
        _ if state.only_pod && cx.selection.pod.is_some() => "The selected pod has no process at this moment.",
        Scope::Lab => "Start a pod to see its processes, or choose This machine at the top left.",
        Scope::Host => "The processes of this machine are being read.",
    };
    widgets::empty(ui, cx.tokens, "No processes", hint);
}
