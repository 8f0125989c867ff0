//! The keyboard shortcuts, for the user to read.

use eframe::egui::{self, Ui};

use super::{Cx, text, tokens, widgets};

/// Shortcuts that act in one place.
#[derive(Clone, Copy, Debug)]
pub struct Group {
    pub title: &'static str,
    /// Keys, and what they do.
    pub keys: &'static [(&'static str, &'static str)],
}

/// Two columns of groups.
pub fn shortcuts_ui(ui: &mut Ui, cx: &Cx<'_>, groups: &[Group]) {
    ui.set_width(widgets::dialog_width(ui, 700.0));
    ui.label(text::rich("Keyboard shortcuts").font(tokens::bold(16.0)));
    ui.label(
        text::rich("While a text field has the focus, only those with Ctrl and F1 to F4 work.").color(cx.tokens.muted),
    );
    let (left, right) = groups.split_at(groups.len() / 2);
    egui::ScrollArea::vertical().show(ui, |ui| {
        ui.columns(2, |columns| {
            for (ui, groups) in columns.iter_mut().zip([left, right]) {
                for group in groups {
                    group_ui(ui, cx, group);
                }
            }
        });
    });
}

fn group_ui(ui: &mut Ui, cx: &Cx<'_>, group: &Group) {
    ui.add_space(10.0);
    widgets::section(ui, cx.tokens, group.title);
    egui::Grid::new(group.title).num_columns(2).spacing([12.0, 4.0]).show(ui, |ui| {
        for (key, does) in group.keys {
            ui.label(text::rich(key).font(tokens::mono(12.0)).color(cx.tokens.text));
            ui.label(text::rich(does).color(cx.tokens.muted));
            ui.end_row();
        }
    });
}
