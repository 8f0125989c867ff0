//! Everything that happened, newest first: pod events, signals sent, and processes' ends.

use eframe::egui::{self, Align2, Color32, CornerRadius, Rect, Role, Sense, Ui, WidgetInfo, pos2, vec2};

use super::{Cx, text, tokens, widgets};
use crate::app::Action;
use crate::model::{EventKind, MonoNs, ProcId, forecast};

const ROW_H: f32 = 24.0;

/// What is listed; kept by the window between frames.
#[derive(Clone, Copy, Debug)]
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

struct Line {
    t: MonoNs,
    what: String,
    color: Color32,
    subject: String,
    message: String,
    process: Option<ProcId>,
}

pub fn events_ui(ui: &mut Ui, cx: &mut Cx<'_>, filter: &mut EventFilter) {
    egui::Frame::new().inner_margin(egui::Margin::symmetric(16, 12)).show(ui, |ui| {
        ui.horizontal(|ui| {
            ui.checkbox(&mut filter.pods, "Pod events");
            ui.checkbox(&mut filter.signals, "Signals");
            ui.checkbox(&mut filter.processes, "Ends and reaps");
        });
        ui.add_space(6.0);
        let lines = collect(cx, *filter);
        if lines.is_empty() {
            return widgets::empty(ui, cx.tokens, "Nothing happened yet", "Events of the pods will be listed here.");
        }
        let area = egui::ScrollArea::vertical().auto_shrink(false);
        area.show_rows(ui, ROW_H - ui.spacing().item_spacing.y, lines.len(), |ui, range| {
            ui.spacing_mut().item_spacing.y = 0.0;
            for line in &lines[range] {
                line_ui(ui, cx, line);
            }
        });
    });
}

fn collect(cx: &Cx<'_>, filter: EventFilter) -> Vec<Line> {
    let (world, tokens) = (cx.world, cx.tokens);
    let mut lines = Vec::new();
    if filter.pods {
        lines.extend(world.events.iter().map(|e| Line {
            t: e.at.t,
            what: e.reason.clone(),
            color: if e.kind == EventKind::Warning { tokens.warn } else { tokens.accent },
            subject: world.pod(&e.pod).map_or("deleted pod".into(), |p| p.name.clone()),
            message: e.message.clone(),
            process: None,
        }));
    }
    if filter.signals {
        lines.extend(world.sent.iter().map(|s| Line {
            t: s.at.t,
            what: s.signal.to_string(),
            color: tokens.bad,
            subject: world.process(s.target).map_or("gone".into(), forecast::short_name),
            message: forecast::outcome(world, s).join(" "),
            process: Some(s.target),
        }));
    }
    if filter.processes {
        for p in world.processes.values().filter(|p| p.member.is_some()) {
            let Some(exit) = p.exit else { continue };
            let how = exit.status.map_or("ended".into(), |s| s.to_string());
            let (what, tail) = match p.reap {
                Some(reap) => {
                    let by = forecast::reaper_name(world, reap)
                        .map_or("reaper not seen".into(), |by| format!("reaped by {by}"));
                    ("Reaped", format!("zombie for {}, {by}", forecast::millis(reap.at.t.since(exit.at.t))))
                }
                None => ("Zombie", "not reaped yet".to_owned()),
            };
            lines.push(Line {
                t: p.reap.map_or(exit.at.t, |r| r.at.t),
                what: what.into(),
                color: tokens.zombie,
                subject: forecast::short_name(p),
                message: format!("{how}; {tail}"),
                process: Some(p.id),
            });
        }
    }
    lines.sort_by_key(|line| std::cmp::Reverse(line.t));
    lines
}

fn line_ui(ui: &mut Ui, cx: &mut Cx<'_>, line: &Line) {
    let tokens = cx.tokens;
    let sense = if line.process.is_some() { Sense::click() } else { Sense::hover() };
    let (rect, response) = ui.allocate_exact_size(vec2(ui.available_width(), ROW_H), sense);
    if response.hovered() {
        ui.painter().rect_filled(rect, CornerRadius::same(4), tokens.inset);
    }
    let y = rect.center().y;
    let mut x = rect.left() + 6.0;
    let clock = cx.clock(line.t);
    for (value, font, ink, width) in [
        (clock.as_str(), tokens::mono(11.5), tokens.muted, 92.0),
        (line.what.as_str(), tokens::semibold(12.0), line.color, 128.0),
        (line.subject.as_str(), tokens::mono(11.5), tokens.text, 150.0),
    ] {
        text::put(ui, pos2(x, y), Align2::LEFT_CENTER, value, font, ink, width - 8.0);
        x += width;
    }
    let room = Rect::from_min_max(pos2(x, rect.top()), rect.max).width() - 8.0;
    text::put(ui, pos2(x, y), Align2::LEFT_CENTER, &line.message, tokens::sans(12.5), tokens.text, room);
    response.widget_info(|| {
        WidgetInfo::labeled(Role::Row, true, format!("{clock} {} {}: {}", line.what, line.subject, line.message))
    });
    if response.clicked()
        && let Some(id) = line.process
    {
        cx.act(Action::SelectProcess(id));
    }
    response.on_hover_text(&line.message);
}
