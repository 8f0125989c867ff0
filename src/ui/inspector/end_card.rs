//! The card "Why it ended": the chain from the signal to the restart, each link with its time and its source.
//!
//! ```text
//! WHY IT ENDED
//! ●  You sent SIGKILL to nginx: worker
//! │  00:12.345 · Podscope itself
//! ●  nginx: worker was killed by SIGKILL (exit code 137)
//! │  00:12.346 · proc connector
//! ○  Who sent SIGTERM is not known
//! ```

use eframe::egui::{Color32, CornerRadius, Margin, Role, Sense, Stroke, Ui, pos2, vec2};

use super::facts::section_ui as section_heading;
use crate::model::end_chain::{EndChain, EndFact, SignalEffect};
use crate::model::{MonoNs, Stamp, World};
use crate::ui::{Cx, text, tokens};
use crate::wording::end_chain::{LinkWords, link};
use crate::wording::terms::Term;
use crate::wording::{duration, source};

/// Width of the line with the dots.
const RAIL_W: f32 = 20.0;
const GAP: f32 = 9.0;

/// A chain in words.
#[derive(Clone, Debug)]
pub struct EndModel {
    links: Vec<Link>,
}

#[derive(Clone, Debug)]
struct Link {
    words: LinkWords,
    at: Option<Stamp>,
    kind: LinkKind,
    /// When the container is started again.
    due: Option<MonoNs>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum LinkKind {
    /// What brought the end about.
    Cause,
    /// A signal that did not end it.
    Aside,
    End,
    Waits,
    Recovered,
    Unknown,
}

impl EndModel {
    pub fn of(world: &World, chain: &EndChain) -> Self {
        let links = chain.links.iter().map(|known| Link {
            words: link(world, &known.fact),
            at: known.at,
            kind: kind(&known.fact),
            due: match known.fact {
                EndFact::BackOff { until, .. } => Some(until),
                _ => None,
            },
        });
        Self { links: links.collect() }
    }
}

const fn kind(fact: &EndFact) -> LinkKind {
    match fact {
        EndFact::Signal { effect: SignalEffect::LivedOn, .. } => LinkKind::Aside,
        EndFact::Signal { .. }
        | EndFact::InitEnded { .. }
        | EndFact::NodeEnded(_)
        | EndFact::HolderEnded { .. }
        | EndFact::FirstProcessEnded { .. }
        | EndFact::OutOfMemory { .. } => LinkKind::Cause,
        EndFact::Exited { .. }
        | EndFact::Adopted { .. }
        | EndFact::Reaped { .. }
        | EndFact::ContainerEnded { .. }
        | EndFact::SandboxEnded
        | EndFact::StaysEnded { .. } => LinkKind::End,
        EndFact::IsZombie { .. } | EndFact::SandboxChanged | EndFact::BackOff { .. } | EndFact::Waiting { .. } => {
            LinkKind::Waits
        }
        EndFact::NewSandbox { .. } | EndFact::Restarted { .. } => LinkKind::Recovered,
        EndFact::Gap(_) => LinkKind::Unknown,
    }
}

/// The section of a process.
pub fn section_ui(ui: &mut Ui, cx: &Cx<'_>, model: &EndModel) {
    section_heading(ui, cx, Term::WhyItEnded);
    chain_ui(ui, cx, model);
}

pub fn chain_ui(ui: &mut Ui, cx: &Cx<'_>, model: &EndModel) {
    let frame = eframe::egui::Frame::new()
        .fill(cx.tokens.inset)
        .stroke(Stroke::new(1.0, cx.tokens.line))
        .corner_radius(CornerRadius::same(8))
        .inner_margin(Margin { left: 8, right: 12, top: 10, bottom: 4 });
    frame.show(ui, |ui| {
        ui.set_width(ui.available_width());
        ui.spacing_mut().item_spacing.y = 0.0;
        let last = model.links.len().saturating_sub(1);
        for (nth, link) in model.links.iter().enumerate() {
            link_ui(ui, cx, nth, link, nth == last);
        }
    });
}

fn link_ui(ui: &mut Ui, cx: &Cx<'_>, nth: usize, link: &Link, is_last: bool) {
    let tokens = cx.tokens;
    let color = color(cx, link.kind);
    let room = ui.available_width() - RAIL_W;
    let when = when(cx, link);
    let is_aside = matches!(link.kind, LinkKind::Aside | LinkKind::Unknown);
    let ink = if is_aside { tokens.muted } else { tokens.text };
    let lines = [
        (&link.words.title, tokens::semibold(12.5), ink),
        (&link.words.detail, tokens::sans(11.5), tokens.muted),
        (&when, tokens::mono(10.5), tokens.faint),
    ];
    let words: Vec<_> = lines
        .into_iter()
        .filter(|(words, ..)| !words.is_empty())
        .map(|(words, font, ink)| (text::wrapped(ui, words, font, ink, room, 12), ink))
        .collect();
    let height = words.iter().map(|(galley, _)| galley.size().y + 1.0).sum::<f32>() + GAP;
    let (rect, response) = ui.allocate_exact_size(vec2(ui.available_width(), height), Sense::hover());
    response.widget_info(|| {
        let parts = [link.words.title.as_str(), &link.words.detail, &when];
        let parts: Vec<&str> = parts.into_iter().filter(|part| !part.is_empty()).collect();
        text::labeled(Role::ListItem, true, format!("Why it ended {}: {}", nth + 1, parts.join("; ")))
    });
    if !ui.is_rect_visible(rect) {
        return;
    }
    let first = words.first().and_then(|(title, _)| title.rows.first()).map_or(0.0, |row| row.height() / 2.0);
    let dot = pos2(rect.left() + 7.0, rect.top() + first);
    if !is_last {
        let below = pos2(dot.x, rect.bottom() + first - 6.0);
        ui.painter().line_segment([dot + vec2(0.0, 6.0), below], Stroke::new(1.0, tokens.line_strong));
    }
    if is_aside {
        ui.painter().circle_stroke(dot, 3.5, Stroke::new(1.5, color));
    } else {
        ui.painter().circle_filled(dot, 4.0, color);
    }
    let mut at = rect.left_top() + vec2(RAIL_W, 0.0);
    for (galley, ink) in words {
        let height = galley.size().y + 1.0;
        ui.painter().galley(at, galley, ink);
        at.y += height;
    }
}

/// `00:12.345 · proc connector`; for a back-off, how long it still takes.
fn when(cx: &Cx<'_>, link: &Link) -> String {
    if let Some(due) = link.due {
        let left = due.since(cx.now);
        return if left == 0 { "now".into() } else { format!("in {}", duration::format_exact(left)) };
    }
    link.at.map_or(String::new(), |at| format!("{} · {}", cx.clock(at.t), source::provenance(at)))
}

const fn color(cx: &Cx<'_>, kind: LinkKind) -> Color32 {
    match kind {
        LinkKind::Cause => cx.tokens.bad,
        LinkKind::Aside | LinkKind::Unknown => cx.tokens.faint,
        LinkKind::End => cx.tokens.muted,
        LinkKind::Waits => cx.tokens.warn,
        LinkKind::Recovered => cx.tokens.good,
    }
}
