//! All terms with their meanings, for those who read rather than point.

use eframe::egui::{self, Ui};

use super::{Cx, text, tokens, widgets};
use crate::model::NsKind;
use crate::wording::terms::{Term, isolates};

/// The usual height of the list, in points.
const HEIGHT: f32 = 480.0;

pub fn terms_ui(ui: &mut Ui, cx: &Cx<'_>) {
    ui.set_width(widgets::dialog_width(ui, 560.0));
    ui.label(text::rich("What the terms mean").font(tokens::bold(16.0)));
    ui.label(text::rich("The inspector also shows this when you point at a term.").color(cx.tokens.muted));
    ui.add_space(6.0);
    egui::ScrollArea::vertical().max_height(HEIGHT).auto_shrink([false, true]).show(ui, |ui| {
        // room for the scroll bar
        ui.set_width(ui.available_width() - 14.0);
        for term in Term::ALL {
            term_ui(ui, cx, term.name(), term.meaning());
        }
        for kind in NsKind::ALL {
            term_ui(ui, cx, kind.name(), &format!("A kind of namespace. It isolates {}.", isolates(kind)));
        }
    });
}

fn term_ui(ui: &mut Ui, cx: &Cx<'_>, name: &str, meaning: &str) {
    ui.label(text::rich(name).font(tokens::semibold(13.0)).color(cx.tokens.text));
    ui.add(egui::Label::new(text::rich(meaning).color(cx.tokens.muted)).wrap());
    ui.add_space(6.0);
}
