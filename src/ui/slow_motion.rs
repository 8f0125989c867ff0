//! Slow motion: a burst of changes, played step by step with a caption for each.
//!
//! ```text
//! SLOW MOTION  3.4 ms played over 10 s            ⏸  1×   Back to live      above the views
//!
//! What just happened                                                       in place of the inspector
//! 17 events in 3.4 ms
//!  0.000 ms ● You send KILL to pause
//!  0.041 ms ● pause ends: killed by KILL (137)
//!  …
//! ```

mod steps;

use std::time::Duration;

use eframe::egui::{self, CornerRadius, Margin, Stroke, Ui};

pub use steps::steps_ui;

use super::icons::Icon;
use super::text::HoverText as _;
use super::{Cx, text, tokens, widgets};
use crate::model::burst::Burst;
use crate::model::{MonoNs, ProcId, World};
use crate::ui::Action;
use crate::wording::burst::{Caption, captions, summary};
use crate::wording::duration;

/// How long a step stays on screen at normal speed.
const STEP_NS: u64 = 700_000_000;

/// What a user can do in slow motion.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SlowMotionAction {
    /// Play the burst that is offered.
    Play,
    /// Pause, or play on. At the end: from the beginning.
    Toggle,
    /// Move by this many steps, back if negative.
    Step(isize),
    /// Show this step.
    GoTo(usize),
    NextSpeed,
    /// Play bursts by themselves from now on, or no longer.
    ToggleByItself,
}

/// A burst that is being played.
#[derive(Debug)]
pub struct SlowMotion {
    burst: Burst,
    captions: Vec<Caption>,
    step: usize,
    /// When the next step is due; `None` while it is paused.
    next: Option<MonoNs>,
    /// A step takes this many times as long, in quarters.
    quarters: u64,
}

impl SlowMotion {
    /// Begins to play at `now`.
    pub fn new(burst: Burst, now: MonoNs) -> Self {
        let captions = captions(&burst);
        let mut new = Self { burst, captions, step: 0, next: None, quarters: 4 };
        new.play_from(0, now);
        new
    }

    pub const fn burst(&self) -> &Burst {
        &self.burst
    }

    pub const fn step(&self) -> usize {
        self.step
    }

    pub const fn is_playing(&self) -> bool {
        self.next.is_some()
    }

    /// The time of the step that is shown.
    pub fn at(&self) -> MonoNs {
        self.burst.steps.get(self.step).map_or(MonoNs(0), |step| step.at)
    }

    /// The process that the step is about.
    pub fn process(&self) -> Option<ProcId> {
        self.burst.steps.get(self.step)?.event.process()
    }

    /// The World after the step that is shown.
    pub fn world(&self) -> World {
        self.burst.world_after(self.step)
    }

    /// Shows the next step if it is due. Returns whether it has.
    pub fn tick(&mut self, now: MonoNs) -> bool {
        let is_due = self.next.is_some_and(|next| next <= now);
        if is_due {
            self.play_from(self.step + 1, now);
        }
        is_due
    }

    /// The time until the next step is due.
    pub fn until_next(&self, now: MonoNs) -> Option<Duration> {
        self.next.map(|next| Duration::from_nanos(next.since(now)))
    }

    pub fn toggle(&mut self, now: MonoNs) {
        match self.next {
            Some(_) => self.next = None,
            None if self.step + 1 == self.len() => self.play_from(0, now),
            None => self.next = Some(now.plus(self.step_ns())),
        }
    }

    /// Pauses at another step.
    pub fn move_by(&mut self, steps: isize) {
        self.go_to(self.step.saturating_add_signed(steps));
    }

    /// Pauses at this step.
    pub fn go_to(&mut self, step: usize) {
        self.step = step.min(self.len().saturating_sub(1));
        self.next = None;
    }

    /// Plays at ¼, ½, 1 or 2 times the normal speed.
    pub fn next_speed(&mut self, now: MonoNs) {
        self.quarters = match self.quarters {
            4 => 2,
            2 => 16,
            16 => 8,
            _ => 4,
        };
        if self.is_playing() {
            self.next = Some(now.plus(self.step_ns()));
        }
    }

    fn speed(&self) -> &'static str {
        match self.quarters {
            2 => "2×",
            8 => "½×",
            16 => "¼×",
            _ => "1×",
        }
    }

    fn len(&self) -> usize {
        self.burst.steps.len()
    }

    const fn step_ns(&self) -> u64 {
        STEP_NS * self.quarters / 4
    }

    /// Shows this step and plays on, unless it is the last.
    fn play_from(&mut self, step: usize, now: MonoNs) {
        self.step = step.min(self.len().saturating_sub(1));
        self.next = (self.step + 1 < self.len()).then(|| now.plus(self.step_ns()));
    }
}

/// Offers a burst to be played, in the top bar. Returns the left edge of the button.
pub fn offer_ui(ui: &mut Ui, cx: &mut Cx<'_>, burst: &Burst, has_room: bool) -> f32 {
    let tokens = cx.tokens;
    let label = if has_room { format!("Play slowly · {}", summary(burst)) } else { "Play slowly".to_owned() };
    let style = widgets::ButtonStyle::Outline(tokens.warn);
    let play = widgets::button(ui, tokens, style, Some(Icon::Play), &label, None);
    let left = play.rect.left();
    let what = format!("What just happened in {}: {}. Play it step by step", burst.pod_name, summary(burst));
    if play.hover_text(what).clicked() {
        cx.act(Action::SlowMotion(SlowMotionAction::Play));
    }
    left
}

/// The banner above the views. Takes no space while nothing is played.
pub fn banner_ui(ui: &mut Ui, cx: &mut Cx<'_>, slow: &SlowMotion) {
    let tokens = cx.tokens;
    let frame = egui::Frame::new().fill(tokens.canvas).inner_margin(Margin::symmetric(12, 8));
    egui::Panel::top("slow motion").frame(frame).resizable(false).show_separator_line(false).show(ui, |ui| {
        let card = egui::Frame::new()
            .fill(tokens.tint(tokens.warn))
            .stroke(Stroke::new(1.0, tokens.warn))
            .corner_radius(CornerRadius::same(8))
            .inner_margin(Margin::symmetric(12, 4));
        card.show(ui, |ui| {
            ui.horizontal(|ui| {
                ui.with_layout(egui::Layout::right_to_left(egui::Align::Center), |ui| {
                    controls_ui(ui, cx, slow);
                    ui.with_layout(egui::Layout::left_to_right(egui::Align::Center), |ui| {
                        ui.label(text::rich("SLOW MOTION").font(tokens::bold(12.0)).color(tokens.warn));
                        ui.add_space(4.0);
                        let over = duration::format_exact(slow.step_ns() * slow.len() as u64);
                        let took = duration::format_exact(slow.burst.length());
                        let words = text::rich(format!("{took} played over {over}")).color(tokens.text);
                        ui.add(egui::Label::new(words).truncate());
                    });
                });
            });
        });
    });
}

/// From right to left.
fn controls_ui(ui: &mut Ui, cx: &mut Cx<'_>, slow: &SlowMotion) {
    let tokens = cx.tokens;
    let live = widgets::button(ui, tokens, widgets::ButtonStyle::Plain, None, "Back to live", None);
    if live.hover_text("End slow motion (L or Esc)").clicked() {
        cx.act(Action::Seek(None));
    }
    let speed = widgets::button(ui, tokens, widgets::ButtonStyle::Plain, None, slow.speed(), Some(44.0));
    if speed.hover_text("Speed").clicked() {
        cx.act(Action::SlowMotion(SlowMotionAction::NextSpeed));
    }
    ui.spacing_mut().item_spacing.x = 2.0;
    let (icon, name) = if slow.is_playing() {
        (Icon::Pause, "Pause slow motion (space)")
    } else {
        (Icon::Play, "Play in slow motion (space)")
    };
    for (icon, name, action) in [
        (Icon::Forward, "Next step (→)", SlowMotionAction::Step(1)),
        (icon, name, SlowMotionAction::Toggle),
        (Icon::Back, "Previous step (←)", SlowMotionAction::Step(-1)),
    ] {
        if widgets::icon_button(ui, tokens, icon, name).clicked() {
            cx.act(Action::SlowMotion(action));
        }
    }
}
