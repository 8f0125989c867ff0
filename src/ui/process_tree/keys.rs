//! The keys of the process tree, as in htop where they mean nothing else here.

use eframe::egui::{self, Event, FocusDirection, Key};

use super::TreeState;
use crate::layout::tree::{Column, Row, Rows, Shape};
use crate::model::ProcId;
use crate::ui::{Action, Cx};

/// What a key asks of the tree.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TreeKey {
    Up,
    Down,
    PageUp,
    PageDown,
    First,
    Last,
    /// Tag the selected process, and go on to the next.
    Tag,
    UntagAll,
    Follow,
    Fold,
    Unfold,
    FoldAll,
    Filter,
    Shape,
    Sort(Column),
    Invert,
}

/// The keys that were pressed for the tree. They are taken out of the input.
pub fn take_keys(ctx: &egui::Context) -> Vec<TreeKey> {
    let found: Vec<TreeKey> = ctx.input_mut(|input| {
        let mut found = Vec::new();
        input.events.retain(|event| {
            let key = key_of(event);
            found.extend(key);
            key.is_none()
        });
        found
    });
    if !found.is_empty() {
        // egui would also move the focus by the arrows
        ctx.memory_mut(|memory| memory.move_focus(FocusDirection::None));
    }
    found
}

pub(super) fn key_of(event: &Event) -> Option<TreeKey> {
    match event {
        // signs are on other keys on other keyboards
        Event::Text(text) => match text.as_str() {
            "+" => Some(TreeKey::Unfold),
            "-" => Some(TreeKey::Fold),
            "*" => Some(TreeKey::FoldAll),
            "/" => Some(TreeKey::Filter),
            _ => None,
        },
        Event::Key { key, pressed: true, repeat, modifiers, .. } if modifiers.is_none() => plain_key(*key, *repeat),
        Event::Key { key, pressed: true, repeat: false, modifiers, .. } if modifiers.shift_only() => match key {
            Key::N => Some(TreeKey::Sort(Column::Pid)),
            Key::P => Some(TreeKey::Sort(Column::Cpu)),
            Key::M => Some(TreeKey::Sort(Column::Memory)),
            Key::T => Some(TreeKey::Sort(Column::CpuTime)),
            Key::I => Some(TreeKey::Invert),
            Key::F => Some(TreeKey::Follow),
            Key::U => Some(TreeKey::UntagAll),
            _ => None,
        },
        _ => None,
    }
}

/// A key without Shift, Ctrl and Alt.
const fn plain_key(key: Key, repeat: bool) -> Option<TreeKey> {
    Some(match (key, repeat) {
        (Key::ArrowUp, _) => TreeKey::Up,
        (Key::ArrowDown, _) => TreeKey::Down,
        (Key::PageUp, _) => TreeKey::PageUp,
        (Key::PageDown, _) => TreeKey::PageDown,
        (Key::Home, _) => TreeKey::First,
        (Key::End, _) => TreeKey::Last,
        (Key::Space, _) => TreeKey::Tag,
        (Key::U, false) => TreeKey::UntagAll,
        (Key::F, false) => TreeKey::Follow,
        (Key::F3 | Key::F4, false) => TreeKey::Filter,
        (Key::F5, false) => TreeKey::Shape,
        _ => return None,
    })
}

/// Acts on the keys that were pressed since the last frame. `rows` are those of the last frame, which the user has seen.
pub(super) fn act(cx: &mut Cx<'_>, state: &mut TreeState, rows: &Rows) {
    let mut at = cx.selection.process.and_then(|id| rows.place(id));
    let before = at;
    let page = state.view.rows_on_screen().max(2) - 1;
    let last = rows.rows.len().saturating_sub(1);
    for key in std::mem::take(&mut state.pressed) {
        let row = at.and_then(|at| rows.rows.get(at));
        match key {
            TreeKey::Up => at = Some(at.map_or(last, |at| at.saturating_sub(1))),
            TreeKey::Down => at = Some(at.map_or(0, |at| at + 1)),
            TreeKey::PageUp => at = Some(at.map_or(0, |at| at.saturating_sub(page))),
            TreeKey::PageDown => at = Some(at.map_or(0, |at| at + page)),
            TreeKey::First => at = Some(0),
            TreeKey::Last => at = Some(last),
            TreeKey::Tag => {
                if let Some(row) = row {
                    state.toggle_tag(row.id);
                    at = at.map(|at| at + 1);
                }
            }
            TreeKey::UntagAll => state.tagged.clear(),
            TreeKey::Follow => state.follows = !state.follows,
            TreeKey::Fold => {
                let is_open = |row: &&Row| row.has_children && row.hidden == 0;
                match (row.filter(is_open), row.and_then(|row| row.parent)) {
                    (Some(row), _) => state.set_fold(row.id, true),
                    // nothing is left to fold: go up
                    (None, Some(parent)) => at = Some(parent),
                    (None, None) => {}
                }
            }
            TreeKey::Unfold => {
                if let Some(row) = row {
                    state.set_fold(row.id, false);
                }
            }
            TreeKey::FoldAll if state.collapsed.is_empty() => state.fold_all(cx.world),
            TreeKey::FoldAll => state.unfold_all(),
            TreeKey::Filter => state.wants_filter = true,
            TreeKey::Shape => {
                state.options.shape = match state.options.shape {
                    Shape::Tree => Shape::List,
                    Shape::List => Shape::Tree,
                };
            }
            TreeKey::Sort(column) => {
                if state.options.sort != column {
                    state.options.sort_by(column);
                }
            }
            TreeKey::Invert => state.options.descending = !state.options.descending,
        }
        at = at.map(|at| at.min(last));
    }
    if at != before
        && let Some(row) = at.and_then(|at| rows.rows.get(at))
    {
        select(cx, state, row.id);
    }
}

fn select(cx: &mut Cx<'_>, state: &mut TreeState, id: ProcId) {
    state.view.move_to(id);
    cx.act(Action::SelectProcess(id));
}
