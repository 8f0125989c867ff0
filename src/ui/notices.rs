//! Notices: short messages below the views. They have a place of their own and cover nothing. Equal ones are merged,
//! and each leaves by itself unless it matters until the user has read it.

use std::sync::Arc;
use std::time::Duration;

use eframe::egui::{self, CornerRadius, Galley, Margin, Role, Sense, Stroke, Ui, accesskit, vec2};

use super::icons::Icon;
use super::text::HoverText as _;
use super::tokens::Tokens;
use super::{text, tokens, widgets};
use crate::model::MonoNs;

/// Notices that are shown. Older ones are only counted.
const MAX_SHOWN: usize = 3;
/// Notices that are kept.
const MAX_KEPT: usize = 8;
/// How much longer a notice stays after the pointer has left it.
const AFTER_POINTER_NS: u64 = 3_000_000_000;

/// How much a notice matters, and so how long it stays.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NoticeKind {
    /// Something that the user wanted is done.
    Done,
    /// Something that the user wanted was not done. It can be tried again.
    Failed,
    /// Something does not work, or was lost: it stays until the user dismisses it.
    Lasting,
}

impl NoticeKind {
    /// How long it stays, in ns.
    const fn stays(self) -> Option<u64> {
        match self {
            Self::Done => Some(6_000_000_000),
            Self::Failed => Some(20_000_000_000),
            Self::Lasting => None,
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Notice {
    kind: NoticeKind,
    text: String,
    /// How often it came.
    times: u32,
    /// When it leaves; `None` if only the user removes it.
    until: Option<MonoNs>,
}

impl Notice {
    fn words(&self) -> String {
        if self.times > 1 { format!("{} ×{}", self.text, self.times) } else { self.text.clone() }
    }
}

/// The notices, the newest last.
#[derive(Clone, Debug, Default)]
pub struct Notices {
    all: Vec<Notice>,
}

impl Notices {
    /// Adds a notice. If there is an equal one, that is counted again and becomes the newest.
    pub fn add(&mut self, kind: NoticeKind, text: String, now: MonoNs) {
        let until = kind.stays().map(|ns| now.plus(ns));
        let times = match self.all.iter().position(|known| known.kind == kind && known.text == text) {
            Some(at) => self.all.remove(at).times.saturating_add(1),
            None => 1,
        };
        self.all.push(Notice { kind, text, times, until });
        if self.all.len() > MAX_KEPT {
            // what leaves by itself goes before what matters
            let oldest = self.all.iter().position(|notice| notice.until.is_some()).unwrap_or_default();
            self.all.remove(oldest);
        }
    }

    /// Removes those whose time is over.
    pub fn expire(&mut self, now: MonoNs) {
        self.all.retain(|notice| notice.until.is_none_or(|until| now < until));
    }

    /// The time until the next one leaves.
    pub fn until_next(&self, now: MonoNs) -> Option<Duration> {
        let next = self.all.iter().filter_map(|notice| notice.until).min()?;
        Some(Duration::from_nanos(next.since(now)))
    }

    fn stay_longer(&mut self, now: MonoNs) {
        for notice in &mut self.all {
            notice.until = notice.until.map(|until| until.max(now.plus(AFTER_POINTER_NS)));
        }
    }
}

/// The height of a notice with one line, and its margins with the outline.
const ROW_H: f32 = 28.0;
const CARD: Margin = Margin::symmetric(10, 3);
const GAP: f32 = 4.0;
/// The line that counts the earlier ones.
const EARLIER_H: f32 = 18.0;
const PANEL: Margin = Margin::symmetric(12, 6);
const SIGN: f32 = 16.0;
/// How many lines a notice may have.
const MAX_LINES: usize = 6;

/// Takes no space while there are no notices. While the pointer is over them, none leaves.
pub fn notices_ui(ui: &mut Ui, tokens: &Tokens, notices: &mut Notices, now: MonoNs) {
    notices.expire(now);
    if notices.all.is_empty() {
        return;
    }
    // the height is known before, as a panel takes that of its content only in the next frame
    let spacing = ui.spacing().item_spacing.x;
    let button = widgets::button_width(ui, tokens, None, "Dismiss");
    let beside = PANEL.sum().x + CARD.sum().x + 2.0 + SIGN + button + 2.0 * spacing;
    let room = (ui.available_width() - beside).max(80.0);
    let hidden = notices.all.len().saturating_sub(MAX_SHOWN);
    let shown: Vec<(usize, Arc<Galley>)> = (notices.all.iter().enumerate().skip(hidden))
        .map(|(nth, notice)| {
            (nth, text::wrapped(ui, &notice.words(), tokens::sans(13.0), tokens.text, room, MAX_LINES))
        })
        .collect();
    let cards: f32 = shown.iter().map(|(_, words)| words.size().y.max(ROW_H) + CARD.sum().y + 2.0 + GAP).sum();
    let earlier = if hidden > 0 { EARLIER_H + GAP } else { 0.0 };
    // with the line above
    let height = PANEL.sum().y + earlier + cards - GAP + 1.0;
    let frame = egui::Frame::new().fill(tokens.panel).inner_margin(PANEL);
    let mut dismissed = None;
    let panel = egui::Panel::bottom("notices").frame(frame).exact_size(height).resizable(false).show(ui, |ui| {
        ui.spacing_mut().item_spacing = vec2(spacing, GAP);
        if hidden > 0 {
            let words = text::count(hidden, "earlier notice", "earlier notices");
            ui.allocate_ui(vec2(ui.available_width(), EARLIER_H), |ui| {
                ui.set_height(EARLIER_H);
                ui.label(text::rich(words).font(tokens::sans(11.5)).color(tokens.muted));
            });
        }
        for (nth, words) in shown {
            if notice_ui(ui, tokens, &notices.all[nth], words, room) {
                dismissed = Some(nth);
            }
        }
    });
    if ui.rect_contains_pointer(panel.response.rect) {
        notices.stay_longer(now);
    }
    if let Some(nth) = dismissed {
        notices.all.remove(nth);
        ui.ctx().request_repaint();
    }
}

/// Returns whether it is dismissed.
fn notice_ui(ui: &mut Ui, tokens: &Tokens, notice: &Notice, words: Arc<Galley>, room: f32) -> bool {
    let (color, icon) = match notice.kind {
        NoticeKind::Done => (tokens.good, Icon::Check),
        NoticeKind::Failed => (tokens.warn, Icon::Warning),
        NoticeKind::Lasting => (tokens.bad, Icon::Warning),
    };
    let mut is_dismissed = false;
    let card = egui::Frame::new()
        .fill(tokens.card)
        .stroke(Stroke::new(1.0, color))
        .corner_radius(CornerRadius::same(8))
        .inner_margin(CARD);
    card.show(ui, |ui| {
        let row = vec2(ui.available_width(), words.size().y.max(ROW_H));
        ui.allocate_ui_with_layout(row, egui::Layout::left_to_right(egui::Align::Center), |ui| {
            ui.set_height(row.y);
            let (at, _) = ui.allocate_exact_size(vec2(SIGN, SIGN), Sense::hover());
            icon.paint(ui, at, color);
            let (place, label) = ui.allocate_exact_size(vec2(room, words.size().y), Sense::hover());
            let is_cut = words.elided;
            ui.painter().galley(place.min, words, tokens.text);
            label.widget_info(|| text::labeled(Role::Label, true, notice.words()));
            // a screen reader reads it out: what matters at once, the rest when it has time
            let live = match notice.kind {
                NoticeKind::Done => accesskit::Live::Polite,
                NoticeKind::Failed | NoticeKind::Lasting => accesskit::Live::Assertive,
            };
            ui.ctx().accesskit_node_builder(label.id, |node| node.set_live(live));
            if is_cut {
                label.hover_text(&notice.text);
            }
            is_dismissed = widgets::button(ui, tokens, widgets::ButtonStyle::Plain, None, "Dismiss", None).clicked();
        });
    });
    is_dismissed
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: u64 = 1_000_000_000;

    fn at(seconds: u64) -> MonoNs {
        MonoNs(seconds * SECOND)
    }

    fn words(notices: &Notices) -> Vec<String> {
        notices.all.iter().map(Notice::words).collect()
    }

    #[test]
    fn equal_notices_are_merged_and_the_last_is_the_newest() {
        let mut notices = Notices::default();
        for (kind, text) in [
            (NoticeKind::Failed, "not sent"),
            (NoticeKind::Done, "written"),
            (NoticeKind::Failed, "not sent"),
            (NoticeKind::Failed, "not sent"),
            // the same words that matter more
            (NoticeKind::Lasting, "not sent"),
        ] {
            notices.add(kind, text.to_owned(), at(1));
        }
        assert_eq!(words(&notices), ["written", "not sent ×3", "not sent"]);
    }

    #[test]
    fn notices_leave_by_themselves_except_those_that_matter() {
        let mut notices = Notices::default();
        assert_eq!(notices.until_next(at(0)), None, "no frame is drawn for nothing");
        notices.add(NoticeKind::Lasting, "lost".into(), at(0));
        assert_eq!(notices.until_next(at(0)), None);
        notices.add(NoticeKind::Failed, "not sent".into(), at(0));
        notices.add(NoticeKind::Done, "written".into(), at(0));
        assert_eq!(notices.until_next(at(2)), Some(Duration::from_secs(4)));
        // it came again, so it begins anew
        notices.add(NoticeKind::Done, "written".into(), at(5));
        notices.expire(at(10));
        assert_eq!(words(&notices), ["lost", "not sent", "written ×2"]);
        notices.stay_longer(at(10));
        notices.expire(at(12));
        assert_eq!(words(&notices), ["lost", "not sent", "written ×2"], "the pointer is over them");
        notices.expire(at(13));
        assert_eq!(words(&notices), ["lost", "not sent"]);
        notices.expire(at(3_600));
        assert_eq!(words(&notices), ["lost"]);
    }

    #[test]
    fn many_notices_do_not_push_out_what_matters() {
        let mut notices = Notices::default();
        notices.add(NoticeKind::Lasting, "lost".into(), at(0));
        for n in 0..100 {
            notices.add(NoticeKind::Done, format!("written {n}"), at(0));
        }
        assert_eq!(notices.all.len(), MAX_KEPT);
        assert_eq!((words(&notices)[0].as_str(), words(&notices)[1].as_str()), ("lost", "written 93"));
        for n in 0..100 {
            notices.add(NoticeKind::Lasting, format!("lost {n}"), at(0));
        }
        assert_eq!(words(&notices).first().map(String::as_str), Some("lost 92"));
    }
}
