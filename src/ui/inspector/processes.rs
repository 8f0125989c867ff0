//! A list of processes.

use eframe::egui::{Align2, CornerRadius, Role, Sense, Ui, vec2};

use crate::model::{ProcId, Process};
use crate::ui::text::HoverText as _;
use crate::ui::{Action, Cx, pod_map, text, tokens, widgets};

/// How many processes are listed.
const MAX_ROWS: usize = 200;

/// The processes to list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Processes {
    pub count: usize,
    /// The first of them.
    listed: Vec<ProcId>,
}

impl Processes {
    pub fn of<'a>(all: impl IntoIterator<Item = &'a Process>) -> Self {
        let mut listed: Vec<ProcId> = all.into_iter().map(|p| p.id).collect();
        let count = listed.len();
        listed.truncate(MAX_ROWS);
        Self { count, listed }
    }
}

pub fn rows_ui(ui: &mut Ui, cx: &mut Cx<'_>, processes: &Processes) {
    for id in &processes.listed {
        if let Some(p) = cx.world.process(*id) {
            row_ui(ui, cx, p);
        }
    }
}

fn row_ui(ui: &mut Ui, cx: &mut Cx<'_>, p: &Process) {
    let tokens = cx.tokens;
    let (rect, response) = ui.allocate_exact_size(vec2(ui.available_width(), 21.0), Sense::click());
    let member = p.member.as_ref().map_or("", |m| m.name());
    response.widget_info(|| text::labeled(Role::Button, true, format!("{} of {member}", p.title())));
    if response.clicked() {
        cx.act(Action::SelectProcess(p.id));
    }
    if !ui.is_rect_visible(rect) {
        return;
    }
    if response.hovered() {
        ui.painter().rect_filled(rect.expand2(vec2(6.0, 0.0)), CornerRadius::same(4), tokens.inset);
    }
    let color = tokens.state(p.state);
    // the letter also says it without the colour
    let letter = p.state.letter().to_string();
    let at = rect.left_center() + vec2(5.0, 0.0);
    text::put(ui, at, Align2::CENTER_CENTER, &letter, tokens::mono_bold(12.0), color, 14.0);
    let right =
        text::put(ui, rect.right_center(), Align2::RIGHT_CENTER, member, tokens::sans(12.0), tokens.muted, 110.0);
    let at = rect.left_center() + vec2(18.0, 0.0);
    let title = p.title();
    text::put(ui, at, Align2::LEFT_CENTER, &title, tokens::mono(12.0), tokens.text, right.left() - at.x - 8.0);
    if response.has_focus() {
        widgets::focus_ring(ui, tokens, rect, 4);
    }
    response.hover_lines_with(|| {
        let state = pod_map::state_word(p.state);
        text::escaped(&format!("{title} · host pid {} · {} {state}", p.id.pid, p.state.letter())).into_owned()
    });
}
