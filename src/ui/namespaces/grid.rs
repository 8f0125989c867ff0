//! The matrix. The cells of one namespace in neighbouring rows are one bar, and each namespace of pods has a letter.

use eframe::egui::{self, Align2, Color32, CornerRadius, Rect, Role, Sense, Stroke, StrokeKind, Ui, pos2, vec2};

use super::compare::{CompareState, Compared};
use crate::layout::matrix::{Cell, KINDS, Matrix, Place, ProcessRow, Role as RowRole, Row, letters};
use crate::layout::pod_map::Sharing;
use crate::model::{NsId, Pod, Process, names};
use crate::ui::text::HoverText as _;
use crate::ui::tokens::Tokens;
use crate::ui::{Action, Cx, text, tokens, widgets};

const ROW_H: f32 = 28.0;
const HEAD_H: f32 = 22.0;
/// From this width on a cell has room for the inode number.
const WIDE_CELL: f32 = 92.0;

/// How a cell is drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Look {
    Filled,
    Dashed,
    Plain,
}

/// Whether a cell goes on above and below.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Ends {
    pub above: bool,
    pub below: bool,
}

/// The height of all rows, with their head.
pub fn height(matrix: &Matrix) -> f32 {
    HEAD_H + matrix.rows.len() as f32 * ROW_H + 2.0
}

/// Where the columns are.
#[derive(Clone, Copy)]
struct Columns {
    label: f32,
    cell: f32,
}

impl Columns {
    fn of(width: f32) -> Self {
        let label = (width * 0.28).clamp(92.0, 250.0);
        Self { label, cell: ((width - label) / KINDS.len() as f32).min(130.0) }
    }

    fn place(self, row: Rect, nth: usize) -> Rect {
        let x = row.left() + self.label + nth as f32 * self.cell;
        Rect::from_min_size(pos2(x, row.top()), vec2(self.cell, row.height()))
    }
}

pub fn grid_ui(ui: &mut Ui, cx: &mut Cx<'_>, matrix: &Matrix, hovered: &mut Option<NsId>, compare: &mut CompareState) {
    // the scroll bar is beside the cells
    let columns = Columns::of(ui.available_width() - 10.0);
    let (head, _) = ui.allocate_exact_size(vec2(ui.available_width(), HEAD_H), Sense::hover());
    for (nth, kind) in KINDS.into_iter().enumerate() {
        let place = columns.place(head, nth);
        let (font, ink) = (tokens::mono_bold(11.5), cx.tokens.ns(kind));
        text::put(ui, place.center(), Align2::CENTER_CENTER, kind.name(), font, ink, columns.cell);
        let response = ui.interact(place, ui.scope_id().with(("kind", nth)), Sense::hover());
        response.widget_info(|| text::labeled(Role::ColumnHeader, true, kind.name()));
    }
    let before = hovered.take();
    ui.spacing_mut().item_spacing.y = 0.0;
    let area = egui::ScrollArea::vertical().auto_shrink(false).id_salt("matrix");
    area.show_rows(ui, ROW_H, matrix.rows.len(), |ui, range| {
        for at in range {
            let (rect, _) = ui.allocate_exact_size(vec2(ui.available_width(), ROW_H), Sense::hover());
            let row = &matrix.rows[at];
            let label = Rect::from_min_size(rect.min, vec2(columns.label - 6.0, ROW_H));
            let name = match row {
                Row::Pod(uid) => {
                    if let Some(pod) = cx.world.pod(uid) {
                        pod_ui(ui, cx, rect, pod);
                    }
                    continue;
                }
                Row::Host(_) => host_ui(ui, cx, label, compare),
                Row::Process(row) => process_ui(ui, cx, label, row, compare),
            };
            let beside = |nth: usize, row: Option<&Row>| row.and_then(Row::cells).and_then(|c| c[nth].namespace());
            for (nth, cell) in row.cells().into_iter().flatten().enumerate() {
                let ns = cell.namespace();
                let is_same = |row| ns.is_some() && beside(nth, row) == ns;
                let above = is_same(at.checked_sub(1).and_then(|up| matrix.rows.get(up)));
                let ends = Ends { above, below: is_same(matrix.rows.get(at + 1)) };
                let place = columns.place(rect, nth);
                let id = ui.scope_id().with(("cell", at, nth));
                cell_ui(ui, cx, place, id, &format!("{} of {name}", KINDS[nth]), *cell, ends, before, hovered);
            }
        }
    });
}

/// The head of a pod's rows.
fn pod_ui(ui: &Ui, cx: &mut Cx<'_>, rect: Rect, pod: &Pod) {
    let tokens = cx.tokens;
    let response = ui.interact(rect, ui.scope_id().with(("pod", &pod.uid)), Sense::click());
    let chosen = cx.selection.pod.as_ref() == Some(&pod.uid);
    let line = rect.bottom() - 3.0;
    ui.painter().hline(rect.x_range(), line, Stroke::new(1.0, tokens.line));
    let ink = if chosen || response.hovered() { tokens.accent } else { tokens.text };
    let at = rect.left_center() + vec2(4.0, 2.0);
    let name = text::put(ui, at, Align2::LEFT_CENTER, &pod.name, tokens::semibold(12.5), ink, rect.width() - 90.0);
    let at = name.right_center() + vec2(10.0, 0.0);
    text::put(ui, at, Align2::LEFT_CENTER, pod.runtime.name(), tokens::sans(11.5), tokens.muted, 80.0);
    if response.has_focus() {
        widgets::focus_ring(ui, tokens, rect.shrink(3.0), 4);
    }
    let words = format!("Members of {}, {}", pod.name, pod.runtime.name());
    response.widget_info(|| text::selected(Role::Button, true, chosen, &words));
    if response.clicked() {
        cx.act(Action::SelectPod(pod.uid.clone()));
    }
}

/// The head of the host's row. Returns its name.
fn host_ui(ui: &Ui, cx: &Cx<'_>, rect: Rect, compare: &mut CompareState) -> String {
    let response = ui.interact(rect, ui.scope_id().with("host"), Sense::click());
    head_back_ui(ui, cx, rect, &response, false, compare.is_second(Compared::Host));
    let at = rect.left_center() + vec2(6.0, 0.0);
    text::put(ui, at, Align2::LEFT_CENTER, "this host", tokens::sans(12.5), cx.tokens.muted, rect.width() - 8.0);
    response.widget_info(|| text::labeled(Role::RowHeader, true, "this host"));
    if response.clicked() {
        compare.set_second(Compared::Host);
    }
    response.hover_lines("The namespaces of Podscope itself\nClick to compare the selected process with them");
    "this host".into()
}

/// The head of a row. Returns its name.
fn process_ui(ui: &Ui, cx: &mut Cx<'_>, rect: Rect, row: &ProcessRow, compare: &mut CompareState) -> String {
    let (tokens, world) = (cx.tokens, cx.world);
    let p = row.process.and_then(|id| world.process(id));
    let (title, detail) = title(row, p);
    let response = ui.interact(rect, ui.scope_id().with(("row", &row_key(row), row.process)), Sense::click());
    let chosen = row.process.is_some() && cx.selection.process == row.process;
    let second = row.process.is_some_and(|id| compare.is_second(Compared::Process(id)));
    head_back_ui(ui, cx, rect, &response, chosen, second);
    let indent = if matches!(row.role, RowRole::First(_) | RowRole::Alike) { 6.0 } else { 22.0 };
    if indent > 6.0 {
        let (x, y) = (rect.left() + 12.0, rect.center().y);
        let line = Stroke::new(1.0, tokens.line_strong);
        ui.painter().vline(x, rect.top() - 4.0..=y, line);
        ui.painter().hline(x..=x + 7.0, y, line);
    }
    let ink = if p.is_some() { tokens.text } else { tokens.faint };
    let at = rect.left_center() + vec2(indent, 0.0);
    let room = rect.right() - at.x - 4.0;
    let name = text::put(ui, at, Align2::LEFT_CENTER, &title, tokens::sans(12.5), ink, room);
    let at = name.right_center() + vec2(8.0, 0.0);
    let room = rect.right() - at.x - 4.0;
    if room > 24.0 {
        text::put(ui, at, Align2::LEFT_CENTER, &detail, tokens::mono(10.5), tokens.muted, room);
    }
    let name = format!("{title} ({detail})");
    let role = Role::RowHeader;
    response.widget_info(|| text::selected(role, p.is_some(), chosen, &name));
    let others = match row.others {
        0 => String::new(),
        n => {
            let of = if row.role == RowRole::Alike { "" } else { " of it" };
            format!("\n{}{of} in the same namespaces", text::count(n, "more process", "more processes"))
        }
    };
    let hint = "Click to select it, Ctrl + click to compare the selected process with it";
    if let Some(id) = row.process {
        if response.clicked() && ui.input(|i| i.modifiers.command) && cx.selection.process.is_some() {
            compare.set_second(Compared::Process(id));
        } else {
            widgets::select_process(ui, cx, &response, id);
        }
        let lines = format!("{}{others}\n{hint}", text::escaped(&name));
        response.hover_lines(lines);
    }
    name
}

/// What marks a row: the selected process is filled, the one that it is compared with has an outline.
fn head_back_ui(ui: &Ui, cx: &Cx<'_>, rect: Rect, response: &egui::Response, chosen: bool, second: bool) {
    let (tokens, radius) = (cx.tokens, CornerRadius::same(4));
    let back = rect.shrink2(vec2(0.0, 2.0));
    if chosen {
        ui.painter().rect_filled(back, radius, tokens.accent_fill);
    } else if response.hovered() {
        ui.painter().rect_filled(back, radius, tokens.inset);
    }
    if second {
        ui.painter().rect_stroke(back, radius, Stroke::new(1.0, tokens.accent), StrokeKind::Inside);
    }
    if response.has_focus() {
        widgets::focus_ring(ui, tokens, back.shrink(1.0), 4);
    }
}

/// Tells the rows apart that have no process.
fn row_key(row: &ProcessRow) -> String {
    match &row.role {
        RowRole::First(member) | RowRole::Differing(member) => format!("{}/{}", member.pod, member.name()),
        RowRole::Visitor => "visitor".into(),
        RowRole::Alike => "alike".into(),
    }
}

/// The name of a row, and what is written small beside it.
fn title(row: &ProcessRow, p: Option<&Process>) -> (String, String) {
    let Some(p) = p else {
        let name = match &row.role {
            RowRole::First(member) | RowRole::Differing(member) => member.name(),
            RowRole::Visitor | RowRole::Alike => "process",
        };
        return (name.to_owned(), "no process".into());
    };
    let (short, pid) = (names::short_name(p), p.id.pid);
    let others = if row.others > 0 { format!(" +{}", row.others) } else { String::new() };
    match &row.role {
        RowRole::First(member) if member.name() == short => (short, format!("{pid}{others}")),
        RowRole::First(member) => (member.name().to_owned(), format!("{short} {pid}{others}")),
        RowRole::Differing(_) => (short, format!("{pid}{others}")),
        RowRole::Visitor => (short, format!("{pid}, of no pod")),
        RowRole::Alike => (names::member_name(p), format!("{pid}{others}")),
    }
}

#[expect(clippy::too_many_arguments, reason = "one cell of `grid_ui`")]
fn cell_ui(
    ui: &Ui,
    cx: &mut Cx<'_>,
    rect: Rect,
    id: egui::Id,
    name: &str,
    cell: Cell,
    ends: Ends,
    before: Option<NsId>,
    hovered: &mut Option<NsId>,
) {
    let tokens = cx.tokens;
    let Cell::In(place) = cell else {
        let (sign, words) = match cell {
            Cell::Empty => ("–", "no process"),
            Cell::Left => ("left", "it has ended and left it"),
            _ => ("?", "not visible"),
        };
        text::put(ui, rect.center(), Align2::CENTER_CENTER, sign, tokens::mono(11.5), tokens.faint, rect.width());
        let response = ui.interact(rect, id, Sense::hover());
        response.widget_info(|| text::labeled(Role::Label, true, format!("{name}: {words}")));
        response.hover_text(words);
        return;
    };
    let (ns, color) = (place.ns, tokens.ns(place.ns.kind));
    let response = ui.interact(rect, id, Sense::click());
    let chosen = cx.selection.namespace == Some(ns);
    let hot = response.hovered() || before == Some(ns) || chosen;
    let top = if ends.above { rect.top() } else { rect.top() + 3.0 };
    let bottom = if ends.below { rect.bottom() } else { rect.bottom() - 3.0 };
    let body = Rect::from_x_y_ranges(rect.left() + 3.0..=rect.right() - 3.0, top..=bottom);
    let look = look(place.sharing);
    let ink = if look == Look::Plain { tokens.muted } else { color };
    if hot && look != Look::Filled {
        let fill = if look == Look::Plain { tokens.line_strong } else { tokens.tint(color) };
        ui.painter().rect_filled(body, corners(ends), fill);
    }
    if !(hot && look == Look::Plain) {
        look_ui(ui, tokens, body, look, if hot { color } else { color.gamma_multiply(0.9) }, ends);
    }
    let sign = match (place.number, place.sharing) {
        (Some(number), _) => letters(number),
        (None, Sharing::Node) => "node".into(),
        (None, _) => "host".into(),
    };
    let font = if place.number.is_some() { tokens::mono_bold(12.5) } else { tokens::mono(11.0) };
    if rect.width() >= WIDE_CELL {
        let left = body.left_center() + vec2(9.0, 0.0);
        let sign = text::put(ui, left, Align2::LEFT_CENTER, &sign, font, ink, 34.0);
        let right = body.right_center() - vec2(7.0, 0.0);
        let room = right.x - sign.right() - 4.0;
        let faded = ink.gamma_multiply(0.85);
        text::put(ui, right, Align2::RIGHT_CENTER, &ns.ino.to_string(), tokens::mono(9.5), faded, room);
    } else {
        text::put(ui, body.center(), Align2::CENTER_CENTER, &sign, font, ink, body.width());
    }
    if chosen {
        let stroke = Stroke::new(2.0, tokens.accent);
        ui.painter().rect_stroke(body, corners(ends), stroke, StrokeKind::Inside);
    }
    if response.has_focus() {
        widgets::focus_ring(ui, tokens, body.shrink(2.0), 5);
    }
    let words = sharing_words(&place);
    response.widget_info(|| text::selected(Role::Button, true, chosen, format!("{name}: {ns}, {words}")));
    if response.hovered() {
        *hovered = Some(ns);
    }
    if response.clicked() {
        cx.act(Action::SelectNamespace(ns));
    }
    response
        .on_hover_cursor(egui::CursorIcon::PointingHand)
        .hover_lines_with(|| format!("{}\n{ns}, {words}\nClick to select it", text::escaped(name)));
}

const fn look(sharing: Sharing) -> Look {
    match sharing {
        Sharing::Shared | Sharing::Held => Look::Filled,
        Sharing::Private => Look::Dashed,
        Sharing::Host | Sharing::Node | Sharing::Unknown => Look::Plain,
    }
}

fn corners(ends: Ends) -> CornerRadius {
    let (top, bottom) = (if ends.above { 0 } else { 6 }, if ends.below { 0 } else { 6 });
    CornerRadius { nw: top, ne: top, sw: bottom, se: bottom }
}

/// The shape of a cell, without its text.
pub fn look_ui(ui: &Ui, tokens: &Tokens, rect: Rect, look: Look, color: Color32, ends: Ends) {
    match look {
        Look::Filled => {
            ui.painter().rect_filled(rect, corners(ends), tokens.tint(color).gamma_multiply(1.5));
            let bar = Rect::from_min_max(rect.min, pos2(rect.left() + 3.0, rect.bottom()));
            ui.painter().rect_filled(bar, 0.0, color);
        }
        Look::Dashed => {
            widgets::dashed_round_rect(ui, rect.shrink(0.5), 6.0, Stroke::new(1.0, color));
        }
        Look::Plain => {
            ui.painter().rect_filled(rect, corners(ends), tokens.line.gamma_multiply(0.6));
        }
    }
}

fn sharing_words(place: &Place) -> String {
    match place.sharing {
        Sharing::Host => "the host's".into(),
        Sharing::Node => "the node's".into(),
        Sharing::Unknown => "not visible".into(),
        Sharing::Private => "private".into(),
        Sharing::Shared if place.pods == 0 => format!("shared by {} rows", place.members),
        Sharing::Held => "held for members that do not run".into(),
        Sharing::Shared if place.pods == 1 => format!("shared by {} members", place.members),
        Sharing::Shared => format!("shared by {} members of {} pods", place.members, place.pods),
    }
}
