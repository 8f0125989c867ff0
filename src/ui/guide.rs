//! The steps of a preset beside its pods: a line above the views with what comes next, and on the right all steps.
//!
//! ```text
//! held-zombies  step 2 of 3  Their parent can be killed…   [Next step] [Play all] [Steps] ✕
//! ```

use eframe::egui::{self, CornerRadius, Frame, Margin, Role, Sense, Stroke, Ui, vec2};

use super::icons::Icon;
use super::text::HoverText as _;
use super::words::Severity;
use super::{Cx, text, tokens, widgets};
use crate::command::{Command, PodSource};
use crate::presets::guide::{Guide, Progress, StageState};
use crate::presets::stages::Watch;
use crate::ui::Action;

/// What the user wants of the steps of a preset.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum GuideAction {
    /// Start the pods of a preset. `plays`: play its steps when they run.
    Start { preset: &'static str, source: PodSource, plays: bool },
    /// Play the next step of a guide, or all that are left. After the last one it begins again.
    Play { id: u64, next: bool },
    /// End the steps that are being played, or that are paused.
    Stop,
    /// Show all steps on the right, or the inspector again.
    ShowSteps(bool),
    /// Forget a guide.
    Dismiss(u64),
}

/// The line above the views. `is_list_shown`: all steps are on the right.
pub fn bar_ui(ui: &mut Ui, cx: &mut Cx<'_>, guide: &Guide, is_list_shown: bool) {
    let frame = Frame::new().fill(cx.tokens.panel).inner_margin(Margin::symmetric(12, 5));
    egui::Panel::top("guide").frame(frame).resizable(false).show(ui, |ui| {
        let row = vec2(ui.available_width(), 28.0);
        ui.allocate_ui_with_layout(row, egui::Layout::right_to_left(egui::Align::Center), |ui| {
            ui.spacing_mut().item_spacing.x = 6.0;
            let close = ui.small_button("✕");
            close.widget_info(|| text::labeled(Role::Button, true, format!("Hide the steps of {}", guide.preset.name)));
            if close.clicked() {
                cx.act(Action::Guide(GuideAction::Dismiss(guide.id)));
            }
            let label = if is_list_shown { "Hide steps" } else { "Show steps" };
            if widgets::button(ui, cx.tokens, widgets::ButtonStyle::Plain, None, label, None).clicked() {
                cx.act(Action::Guide(GuideAction::ShowSteps(!is_list_shown)));
            }
            buttons_ui(ui, cx, guide);
            ui.with_layout(egui::Layout::left_to_right(egui::Align::Center), |ui| {
                ui.label(text::rich(guide.preset.name).font(tokens::semibold(12.5)));
                let (words, severity) = progress_in_words(guide);
                let color = severity.map_or(cx.tokens.muted, |severity| cx.tokens.severity(severity));
                let label = ui.add(egui::Label::new(text::rich(&words).color(color)).truncate());
                label.widget_info(|| text::labeled(Role::Label, true, &words));
                label.hover_text(&words);
            });
        });
    });
}

/// Next step, play all, stop: those that are possible now.
fn buttons_ui(ui: &mut Ui, cx: &mut Cx<'_>, guide: &Guide) {
    use widgets::ButtonStyle::{Plain, Primary};
    let id = guide.id;
    let mut button = |ui: &mut Ui, style, icon, label: &str, hover: &str, action: GuideAction| {
        let button = widgets::button(ui, cx.tokens, style, icon, label, None);
        if button.hover_text(hover).clicked() {
            cx.act(Action::Guide(action));
        }
    };
    let is_over = matches!(guide.progress(), Progress::Done | Progress::Failed(..));
    if guide.is_open() {
        button(ui, Plain, None, "Stop", "End these steps; the pods stay as they are", GuideAction::Stop);
    }
    if guide.is_playing() {
        return;
    }
    let all = if is_over { "Play again" } else { "Play all" };
    let hover = "Play the steps that are left, one after the other, and check what each claims";
    button(ui, Plain, Some(Icon::Play), all, hover, GuideAction::Play { id, next: false });
    if !is_over {
        let hover = "Play one step, check what it claims, and wait";
        button(ui, Primary, Some(Icon::Forward), "Next step", hover, GuideAction::Play { id, next: true });
    }
}

/// How far it is, and what comes next.
fn progress_in_words(guide: &Guide) -> (String, Option<Severity>) {
    let (stages, count) = (guide.stages(), guide.stages().len());
    let of = |step: usize| {
        let nth = stages.iter().position(|stage| stage.steps.contains(&step)).unwrap_or(0);
        (nth + 1, stages.get(nth).map_or("", |stage| stage.about.as_str()))
    };
    match guide.progress() {
        Progress::New => {
            let (_, about) = of(0);
            (format!("{} · first {about}", text::count(count, "step", "steps")), None)
        }
        Progress::Playing(step) => {
            let (nth, about) = of(*step);
            (format!("step {nth} of {count} plays · {about}"), Some(Severity::Waiting))
        }
        Progress::Paused(step) => {
            let (nth, about) = of(*step);
            (format!("step {nth} of {count} comes next · {about}"), None)
        }
        Progress::Done => ("All steps were played, and all that they claim was true".to_owned(), Some(Severity::Good)),
        Progress::Failed(step, why) => {
            let (nth, _) = of(*step);
            (format!("step {nth} of {count} failed · {why}"), Some(Severity::Bad))
        }
    }
}

/// All steps, in place of the inspector.
pub fn steps_ui(ui: &mut Ui, cx: &mut Cx<'_>, guide: &Guide) {
    ui.add_space(12.0);
    ui.horizontal(|ui| {
        widgets::section(ui, cx.tokens, &format!("Steps of {}", guide.preset.name));
        ui.with_layout(egui::Layout::right_to_left(egui::Align::Center), |ui| {
            if ui.small_button("Back to the inspector").clicked() {
                cx.act(Action::Guide(GuideAction::ShowSteps(false)));
            }
        });
    });
    let names: Vec<&str> = guide.pods.iter().map(|pod| pod.pod.now.as_str()).collect();
    let about = format!("{} · {}", guide.preset.about, text::count(names.len(), "pod", "pods"));
    ui.add(egui::Label::new(text::rich(format!("{about}: {}", names.join(", "))).color(cx.tokens.muted)).wrap());
    if guide.is_edited {
        let words = "The manifest was changed before the start, so what the steps claim may not hold.";
        ui.add(egui::Label::new(text::rich(words).color(cx.tokens.warn)).wrap());
    }
    ui.add_space(4.0);
    ui.horizontal_wrapped(|ui| buttons_ui(ui, cx, guide));
    ui.add_space(6.0);
    egui::ScrollArea::vertical().id_salt(("steps", guide.id)).auto_shrink([false, false]).show(ui, |ui| {
        for stage in 0..guide.stages().len() {
            stage_ui(ui, cx, guide, stage);
            ui.add_space(6.0);
        }
    });
}

fn stage_ui(ui: &mut Ui, cx: &mut Cx<'_>, guide: &Guide, nth: usize) {
    let (tokens, stage, state) = (cx.tokens, &guide.stages()[nth], guide.stage_state(nth));
    let line = match state {
        StageState::Playing | StageState::Next => tokens.accent,
        StageState::Failed => tokens.bad,
        StageState::Coming | StageState::Done => tokens.line,
    };
    let card = Frame::new().fill(tokens.card).stroke(Stroke::new(1.0, line)).corner_radius(CornerRadius::same(8));
    card.inner_margin(Margin::symmetric(10, 8)).show(ui, |ui| {
        ui.set_width(ui.available_width());
        ui.horizontal_top(|ui| {
            sign_ui(ui, cx, nth, state);
            let font = text::rich(&stage.about).font(tokens::semibold(12.5));
            let label = ui.add(egui::Label::new(font).wrap());
            label.widget_info(|| {
                text::labeled(Role::Label, true, format!("Step {}, {}: {}", nth + 1, state_word(state), stage.about))
            });
        });
        ui.spacing_mut().item_spacing.y = 3.0;
        for step in stage.steps.clone() {
            step_ui(ui, cx, guide, step);
        }
        if !stage.watch.is_empty() {
            ui.horizontal_wrapped(|ui| {
                ui.spacing_mut().item_spacing = vec2(6.0, 4.0);
                ui.label(text::rich("Watch").font(tokens::sans(11.5)).color(tokens.muted));
                for watch in &stage.watch {
                    watch_ui(ui, cx, *watch);
                }
            });
        }
    });
}

const fn state_word(state: StageState) -> &'static str {
    match state {
        StageState::Coming => "not played yet",
        StageState::Next => "comes next",
        StageState::Playing => "plays",
        StageState::Done => "done",
        StageState::Failed => "failed",
    }
}

/// The number of a step that is to come, or how it went.
fn sign_ui(ui: &mut Ui, cx: &Cx<'_>, nth: usize, state: StageState) {
    let (rect, _) = ui.allocate_exact_size(vec2(18.0, 18.0), Sense::hover());
    let severity = match state {
        StageState::Coming | StageState::Next => None,
        StageState::Playing => Some(Severity::Waiting),
        StageState::Done => Some(Severity::Done),
        StageState::Failed => Some(Severity::Bad),
    };
    if let Some(severity) = severity {
        return widgets::state_sign(ui, cx.tokens, rect.center(), severity);
    }
    let (number, font, ink) = ((nth + 1).to_string(), tokens::mono(11.5), cx.tokens.muted);
    text::put(ui, rect.center(), egui::Align2::CENTER_CENTER, &number, font, ink, 18.0);
}

/// One line of the script as a sentence, what it has written, and why it failed.
fn step_ui(ui: &mut Ui, cx: &Cx<'_>, guide: &Guide, nth: usize) {
    let Some(step) = guide.script().steps.get(nth) else { return };
    let (mark, color) = match guide.progress() {
        Progress::Failed(failed, _) if *failed == nth => ("×", cx.tokens.bad),
        Progress::Playing(now) if *now == nth => ("▸", cx.tokens.accent),
        Progress::Playing(now) | Progress::Paused(now) | Progress::Failed(now, _) if nth < *now => {
            ("✓", cx.tokens.good)
        }
        Progress::Done => ("✓", cx.tokens.good),
        _ => ("·", cx.tokens.muted),
    };
    ui.horizontal_top(|ui| {
        ui.add_sized(vec2(18.0, 15.0), egui::Label::new(text::rich(mark).font(tokens::sans(11.5)).color(color)));
        ui.vertical(|ui| {
            ui.spacing_mut().item_spacing.y = 1.0;
            let sentence = text::rich(step.kind.sentence()).font(tokens::sans(11.5)).color(cx.tokens.text);
            let label = ui.add(egui::Label::new(sentence).wrap());
            label.hover_text(&step.text);
            if let Some(output) = guide.output(nth) {
                let output = text::escaped_lines(output).into_owned();
                let output = egui::RichText::new(output).font(tokens::mono(11.0)).color(cx.tokens.muted);
                ui.add(egui::Label::new(output).wrap().selectable(true));
            }
            if let Progress::Failed(failed, why) = guide.progress()
                && *failed == nth
            {
                let why = text::rich(why).font(tokens::sans(11.5)).color(cx.tokens.bad);
                ui.add(egui::Label::new(why).wrap().selectable(true));
            }
        });
    });
}

/// A link to the view in which the effect is seen.
fn watch_ui(ui: &mut Ui, cx: &mut Cx<'_>, watch: Watch) {
    let title = watch.title();
    let link = widgets::link_chip(ui, cx.tokens, title, cx.tokens.accent);
    if link.hover_text(format!("Bring {title} to the front")).clicked() {
        cx.act(Action::Do(Command::Show(title.to_lowercase())));
    }
}

#[cfg(test)]
mod tests {
    use super::{GuideAction, bar_ui, steps_ui};
    use crate::command::{Command, Outcome};
    use crate::model::{PodUid, World};
    use crate::presets::find;
    use crate::presets::guide::{Guide, GuidePod};
    use crate::script::ScriptPod;
    use crate::ui::Action;
    use crate::ui::tests::View;

    fn guide() -> Guide {
        let preset = find("held-zombies").expect("a preset");
        let containers = vec!["zombies".to_owned(), "shell".to_owned()];
        let pod = ScriptPod { named: "held-zombies".to_owned(), now: "held-zombies-2".to_owned(), containers };
        let pods = vec![GuidePod { pod, uid: Some(PodUid("1".to_owned())) }];
        Guide::new(7, preset, pods, false).expect("a guide")
    }

    fn frame_of(guide: &Guide, click: Option<&str>) -> crate::ui::tests::Frame {
        let mut view = View::new(World::default(), |ui, cx| {
            bar_ui(ui, cx, guide, true);
            steps_ui(ui, cx, guide);
        });
        let settled = view.settle();
        click.map_or(settled, |text| view.click(text))
    }

    #[test]
    fn a_guide_offers_what_is_possible_now() {
        let mut guide = guide();
        let new = frame_of(&guide, None);
        assert!(new.shows("3 steps · first All containers of held-zombies-2 run"), "{:?}", new.texts);
        assert!(new.shows("Next step") && new.shows("Play all") && !new.shows("Stop"));
        let clicked = frame_of(&guide, Some("Next step")).actions;
        assert_eq!(clicked, [Action::Guide(GuideAction::Play { id: 7, next: true })]);
        guide.play(true);
        let playing = frame_of(&guide, None);
        assert!(playing.shows("step 1 of 3 plays") && playing.shows("Stop") && !playing.shows("Next step"));
        guide.note_paused(guide.stages()[0].steps.end);
        assert!(frame_of(&guide, None).shows("step 2 of 3 comes next"));
        guide.play(false);
        guide.note_ended(Ok(()));
        let done = frame_of(&guide, None);
        assert!(done.shows("All steps were played") && done.shows("Play again") && !done.shows("Next step"));
    }

    #[test]
    fn all_steps_say_what_they_check_what_to_watch_and_how_they_went() {
        let mut guide = guide();
        guide.play(true);
        guide.note_outcome(&Outcome::Failed("no zombie at all".to_owned()));
        guide.note_ended(Err((guide.script().steps[0].line, "it is not ready".to_owned())));
        let shown = frame_of(&guide, None);
        assert!(shown.shows("There are 5 zombies in held-zombies-2"), "{:?}", shown.texts);
        assert!(shown.shows("it is not ready") && shown.shows("step 1 of 3 failed"));
        let watch = frame_of(&guide, Some("Zombies")).actions;
        assert_eq!(watch, [Action::Do(Command::Show("zombies".to_owned()))]);
    }
}
