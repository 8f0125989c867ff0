//! The list of events, newest first: pod events, signals, and exits of processes.

mod list;

use eframe::egui::{self, Align2, Color32, CornerRadius, Rect, Role, Sense, Ui, pos2, vec2};

use super::memo::Memo;
use super::text::HoverText as _;
use super::{Cx, WorldVersion, text, tokens, widgets};
use crate::model::zombies::zombie_time;
use crate::model::{EventKind, OomKill, Process, Sent, SignalSent, events::Aggregated, names};
use crate::ui::Action;
use crate::wording::{event, outcome, reaper, signal, zombies};
use list::{Entry, EntryKind, List};

const ROW_H: f32 = 24.0;

/// The kinds of events to list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EventFilter {
    pub pods: bool,
    pub signals: bool,
    pub processes: bool,
}

impl Default for EventFilter {
    fn default() -> Self {
        Self { pods: true, signals: true, processes: true }
    }
}

/// Kept by the window between frames.
#[derive(Clone, Debug, Default)]
pub struct EventsState {
    pub filter: EventFilter,
    list: Memo<(WorldVersion, EventFilter), List>,
}

struct Line {
    title: String,
    color: Color32,
    subject: String,
    message: String,
}

pub fn events_ui(ui: &mut Ui, cx: &mut Cx<'_>, state: &mut EventsState) {
    egui::Frame::new().inner_margin(egui::Margin::symmetric(16, 12)).show(ui, |ui| {
        ui.horizontal(|ui| {
            ui.checkbox(&mut state.filter.pods, "Pod events");
            ui.checkbox(&mut state.filter.signals, "Signals");
            ui.checkbox(&mut state.filter.processes, "Exits and reaps");
        });
        ui.add_space(6.0);
        let (world, filter) = (cx.world, state.filter);
        let list = state.list.get((cx.version, filter), || List::of(world, filter));
        if list.entries.is_empty() {
            return widgets::empty(ui, cx.tokens, "No events yet", "Events of the pods will be listed here.");
        }
        let area = egui::ScrollArea::vertical().auto_shrink(false);
        area.show_rows(ui, ROW_H - ui.spacing().item_spacing.y, list.entries.len(), |ui, range| {
            ui.spacing_mut().item_spacing.y = 0.0;
            for entry in &list.entries[range] {
                if let Some(line) = line(cx, list, *entry) {
                    line_ui(ui, cx, *entry, &line);
                }
            }
        });
    });
}

/// The texts of an entry. Built only for the rows on screen.
fn line(cx: &Cx<'_>, list: &List, entry: Entry) -> Option<Line> {
    let world = cx.world;
    Some(match entry.kind {
        EntryKind::Pod(at) => pod_line(cx, list.merged.get(at)?),
        EntryKind::Signal(at) => signal_line(cx, world.sent.get(at)?),
        EntryKind::SignalSent(at) => signal_sent_line(cx, world.signals.get(at)?),
        EntryKind::OomKill(at) => oom_kill_line(cx, world.oom_kills.get(at)?),
        EntryKind::Exit(id) => exit_line(cx, world.process(id)?),
    })
}

fn pod_line(cx: &Cx<'_>, merged: &Aggregated) -> Line {
    let event = &merged.event;
    let message = match event::times(merged, cx.now) {
        Some(times) => format!("{times} · {}", event.message),
        None => event.message.clone(),
    };
    Line {
        title: event.reason.to_string(),
        color: if event.kind == EventKind::Warning { cx.tokens.warn } else { cx.tokens.accent },
        subject: cx.world.pod(&event.pod).map_or("deleted pod".into(), |p| p.name.clone()),
        message,
    }
}

fn signal_line(cx: &Cx<'_>, sent: &Sent) -> Line {
    Line {
        title: sent.signal.to_string(),
        color: cx.tokens.bad,
        subject: cx.world.process(sent.target).map_or_else(|| format!("pid {}", sent.target), names::short_name),
        message: outcome::sentences(cx.world, sent).join(" "),
    }
}

fn signal_sent_line(cx: &Cx<'_>, sent: &SignalSent) -> Line {
    Line {
        title: sent.signal.to_string(),
        color: cx.tokens.bad,
        subject: cx.world.process(sent.target).map_or_else(|| sent.target_name.clone(), names::short_name),
        message: signal::sent(sent),
    }
}

fn oom_kill_line(cx: &Cx<'_>, kill: &OomKill) -> Line {
    let name = cx.world.process(kill.victim).map(names::short_name).or_else(|| kill.victim_name.clone());
    Line {
        title: "Out of memory".into(),
        color: cx.tokens.bad,
        subject: name.unwrap_or_else(|| format!("pid {}", kill.victim.pid)),
        message: signal::oom_kill(kill),
    }
}

fn exit_line(cx: &Cx<'_>, p: &Process) -> Line {
    let how = p.exit.and_then(|e| e.status).map_or("ended".into(), |s| s.to_string());
    let (title, tail) = match zombie_time(p, cx.world.now).filter(|_| p.reap.is_some()) {
        Some(time) => ("Reaped", format!("zombie for {}, {}", zombies::time(time), reaper::reaped_by(cx.world, p))),
        None => ("Zombie", "not reaped yet".to_owned()),
    };
    Line {
        title: title.into(),
        color: cx.tokens.zombie,
        subject: names::short_name(p),
        message: format!("{how}; {tail}"),
    }
}

fn line_ui(ui: &mut Ui, cx: &mut Cx<'_>, entry: Entry, line: &Line) {
    let tokens = cx.tokens;
    let process = match entry.kind {
        EntryKind::Pod(_) => None,
        EntryKind::Signal(at) => cx.world.sent.get(at).map(|s| s.target),
        EntryKind::SignalSent(at) => cx.world.signals.get(at).map(|sent| sent.target),
        EntryKind::OomKill(at) => cx.world.oom_kills.get(at).map(|kill| kill.victim),
        EntryKind::Exit(id) => Some(id),
    };
    let sense = if process.is_some() { Sense::click() } else { Sense::hover() };
    let (rect, response) = ui.allocate_exact_size(vec2(ui.available_width(), ROW_H), sense);
    if response.hovered() {
        ui.painter().rect_filled(rect, CornerRadius::same(4), tokens.inset);
    }
    let y = rect.center().y;
    let mut x = rect.left() + 6.0;
    let clock = cx.clock(entry.t);
    for (value, font, ink, width) in [
        (clock.as_str(), tokens::mono(11.5), tokens.muted, 92.0),
        (line.title.as_str(), tokens::semibold(12.0), line.color, 172.0),
        (line.subject.as_str(), tokens::mono(11.5), tokens.text, 150.0),
    ] {
        text::put(ui, pos2(x, y), Align2::LEFT_CENTER, value, font, ink, width - 8.0);
        x += width;
    }
    let room = Rect::from_min_max(pos2(x, rect.top()), rect.max).width() - 8.0;
    text::put(ui, pos2(x, y), Align2::LEFT_CENTER, &line.message, tokens::sans(12.5), tokens.text, room);
    response.widget_info(|| {
        text::labeled(Role::Row, true, format!("{clock} {} {}: {}", line.title, line.subject, line.message))
    });
    if response.clicked()
        && let Some(id) = process
    {
        cx.act(Action::SelectProcess(id));
    }
    response.hover_text(&line.message);
}

#[cfg(test)]
mod tests;
