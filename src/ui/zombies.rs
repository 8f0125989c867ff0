//! The zombies of this moment by the process that must reap them, and below them all zombies that are remembered.
//!
//! ```text
//! 5 ZOMBIES NOW
//! ╭────────────────────────────────────────────────────────────────────────╮
//! │ zombies · pid 4711 must reap 5 zombies                 [ KILL zombies ] │
//! │ zombies lives, and has not reaped them yet. When zombies ends, …        │
//! │ ( zombies:held 4712 · 3.1 s ) ( zombies:held 4713 · 3.0 s ) …           │
//! ╰────────────────────────────────────────────────────────────────────────╯
//! ALL ZOMBIES                                            ▂▅█▃   ▁
//!                                                     1 ms    1 s
//! 00:12.345  zombies:held 4712   exit 0   3.10 s   reaped by pause
//! ```

mod groups;
mod histogram;
mod lives;

use eframe::egui::{self, Ui};

use super::memo::Memo;
use super::{Cx, WorldVersion, text, widgets};
use crate::model::zombies::Lives;
use groups::Groups;

/// Kept by the window between frames.
#[derive(Clone, Debug, Default)]
pub struct ZombiesState {
    groups: Memo<WorldVersion, Groups>,
    lives: Memo<WorldVersion, Lives>,
}

/// The part of the height for the zombies of this moment.
const GROUPS_PART: f32 = 0.5;

pub fn zombies_ui(ui: &mut Ui, cx: &mut Cx<'_>, state: &mut ZombiesState) {
    let world = cx.world;
    let groups = state.groups.get(cx.version, || Groups::of(world));
    let lives = state.lives.get(cx.version, || Lives::of(world));
    if lives.all.is_empty() && groups.is_empty() {
        let hint = "A process that has ended is a zombie until its parent waits for it. None has ended yet.";
        return widgets::empty(ui, cx.tokens, "No zombies", hint);
    }
    egui::Frame::new().inner_margin(egui::Margin::symmetric(16, 12)).show(ui, |ui| {
        let head = match groups.zombies {
            0 if groups.is_empty() => "No zombies now".to_owned(),
            n => format!("{} now", text::count(n, "zombie", "zombies")),
        };
        widgets::section(ui, cx.tokens, &head);
        if groups.is_empty() {
            let none = "Every process that has ended is reaped: its parent has waited for it.";
            ui.label(text::rich(none).color(cx.tokens.muted));
        } else {
            let height = ui.available_height() * GROUPS_PART;
            egui::ScrollArea::vertical().id_salt("zombies now").max_height(height).auto_shrink([false, true]).show(
                ui,
                |ui| {
                    groups::groups_ui(ui, cx, groups);
                },
            );
        }
        ui.add_space(10.0);
        lives::lives_ui(ui, cx, lives);
    });
}

#[cfg(test)]
mod tests;
