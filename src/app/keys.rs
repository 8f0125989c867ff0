//! The keyboard commands. Keys act only while no text field has the focus.
//!
//! A key that sends a signal acts only while a view that shows processes has the focus, and only on the selected
//! process. Typing elsewhere, such as in Logs and exec, never sends a signal.

use eframe::egui::{self, Event, InputState, Key, Modifiers};

use super::window::Pane;
use crate::command::Command;
use crate::layout::side_panels::SidePanel;
use crate::model::{MonoNs, ProcId, Process, Signal, World};
use crate::ui::new_pod::Page;
use crate::ui::pod_map::MapAction;
use crate::ui::process_tree::{TreeKey, TreeState, take_keys};
use crate::ui::shortcuts::Group;
use crate::ui::slow_motion::SlowMotionAction;
use crate::ui::timeline::TimelineAction;
use crate::ui::{Action, Selection, TextScaleStep, terminal, widgets};

/// How far the arrow keys move the playhead in ns, without and with Shift.
const STEP_NS: i64 = 1_000_000_000;
const SMALL_STEP_NS: i64 = 100_000_000;

const SIGNALS: [(Key, Signal); 6] = [
    (Key::K, Signal::KILL),
    (Key::Delete, Signal::KILL),
    (Key::T, Signal::TERM),
    (Key::S, Signal::STOP),
    (Key::C, Signal::CONT),
    (Key::H, Signal::HUP),
];

/// All shortcuts, for the user to read.
pub const GROUPS: [Group; 7] = [
    Group {
        title: "Everywhere",
        keys: &[
            ("Ctrl + K", "All commands"),
            ("F1", "These shortcuts"),
            ("Ctrl + N", "New pod"),
            ("Ctrl + E", "Export a snapshot"),
            ("F2, F3, F4", "Show or hide the pods, the inspector, the timeline"),
            ("Ctrl + + or −", "Larger or smaller text; Ctrl + 0 is 100 %"),
            ("Ctrl + Tab", "Go to the next view of the tabs under the pointer"),
            ("Tab", "Go to the next field, button or process"),
        ],
    },
    Group {
        title: "Time",
        keys: &[
            ("space", "Hold this moment, or go back to live"),
            ("← →", "Move a second back or forward"),
            ("Shift + ← →", "Move a tenth of a second"),
            ("L", "Go back to live"),
            ("Ctrl + ← →", "Go to the previous or next event of the timeline"),
            ("+ −, Ctrl + scroll", "Zoom the timeline"),
            ("Alt + ← →, Shift + scroll", "Move along the timeline"),
            ("Alt + ↑ ↓", "Make the timeline higher or lower"),
        ],
    },
    Group {
        title: "Pod map, process tree and timeline",
        keys: &[
            ("↑ ↓", "Select the next process of the pod, or the next row"),
            ("K or Delete", "Send KILL to the selected process"),
            ("T", "Send TERM"),
            ("S", "Send STOP"),
            ("C", "Send CONT"),
            ("H", "Send HUP"),
        ],
    },
    Group {
        title: "Process tree",
        keys: &[
            ("space", "Tag the selected process; signals go to all tagged"),
            ("U", "Untag all"),
            ("F", "Follow the selected process"),
            ("+ − *", "Unfold, fold, fold or unfold all"),
            ("/ or F4", "Filter"),
            ("F5", "Tree or list"),
            ("Shift + P M T N", "Sort by CPU, memory, CPU time, pid"),
            ("Shift + I", "Sort the other way round"),
            ("PgUp PgDn Home End", "Move by a page, or to the ends"),
        ],
    },
    Group {
        title: "List of pods",
        keys: &[
            ("Ctrl + click", "Mark a pod, or unmark it"),
            ("Shift + click", "Mark all from the last one"),
            ("Ctrl + A", "Mark all"),
            ("Delete", "Delete the marked pods, after a question"),
        ],
    },
    Group {
        title: "Pod map",
        keys: &[
            ("+ −", "Zoom in or out"),
            ("0", "Show all of the pod"),
            ("?", "Show or hide the legend"),
            ("Ctrl + scroll", "Zoom"),
            ("drag", "Move along the map"),
        ],
    },
    Group {
        title: "Slow motion",
        keys: &[
            ("space", "Pause, or play on"),
            ("← →", "Go to the last or the next step"),
            ("Home", "Go to the first step"),
            ("Esc", "End it"),
        ],
    },
];

/// What the keys for signals may act on.
#[derive(Clone, Copy)]
pub struct SignalTargets<'a> {
    pub selection: &'a Selection,
    /// Where several processes may be tagged.
    pub tree: &'a TreeState,
    /// Keys of this frame move the selection or the tags. They act when the tree is drawn, so a key for a signal beside
    /// them would hit the process before.
    pub is_moving: bool,
}

/// The keys of this frame that are for the process tree. Call it before [`actions`]: the tree has its own use for some.
pub fn tree_keys(ctx: &egui::Context, view: Option<Pane>) -> Vec<TreeKey> {
    let is_for_tree = view == Some(Pane::ProcessTree) && !has_other_focus(ctx);
    if is_for_tree && !ctx.text_edit_focused() && !terminal::has_focus(ctx) { take_keys(ctx) } else { Vec::new() }
}

/// The actions for the keys of this frame. `view` is the view with the focus.
pub fn actions(
    ctx: &egui::Context,
    world: &World,
    targets: SignalTargets<'_>,
    view: Option<Pane>,
    live: bool,
    now: MonoNs,
) -> Vec<Action> {
    let mut out = Vec::new();
    // the program in a terminal gets all keys
    if terminal::has_focus(ctx) {
        return out;
    }
    for (modifiers, key, action) in [
        (Modifiers::COMMAND, Key::E, Action::AskExport),
        (Modifiers::COMMAND, Key::K, Action::OpenPalette),
        (Modifiers::COMMAND, Key::N, Action::NewPod(Page::Presets)),
        (Modifiers::NONE, Key::F1, Action::ShowKeys),
        (Modifiers::NONE, Key::F2, Action::TogglePanel(SidePanel::Pods)),
        (Modifiers::NONE, Key::F3, Action::TogglePanel(SidePanel::Inspector)),
        (Modifiers::NONE, Key::F4, Action::TogglePanel(SidePanel::Timeline)),
    ] {
        if ctx.input_mut(|i| i.consume_key(modifiers, key)) {
            out.push(action);
        }
    }
    out.extend(text_scale_actions(ctx));
    if ctx.text_edit_focused() {
        return out;
    }
    let processes = signal_targets(ctx, world, targets, view, live);
    if !processes.is_empty() {
        let signals = ctx.input(requested_signals);
        out.extend(signals.into_iter().map(|signal| match processes.as_slice() {
            [target] => Action::Do(Command::Signal { target: *target, signal }),
            all => Action::Do(Command::SignalAll { targets: all.to_vec(), signal }),
        }));
    }
    if ctx.input_mut(|i| i.consume_key(Modifiers::NONE, Key::L)) {
        out.push(Action::Seek(None));
    }
    if view == Some(Pane::PodMap) {
        out.extend(map_actions(ctx));
    }
    // a focused button uses space, Enter and the arrows itself
    if ctx.memory(|m| m.focused().is_some()) {
        return out;
    }
    if ctx.input_mut(|i| i.consume_key(Modifiers::NONE, Key::Space)) {
        out.push(Action::Seek(live.then_some(now)));
    }
    out.extend(timeline_actions(ctx).into_iter().map(Action::Timeline));
    for (key, sign) in [(Key::ArrowLeft, -1), (Key::ArrowRight, 1)] {
        if ctx.input_mut(|i| i.consume_key(Modifiers::SHIFT, key)) {
            out.push(Action::Step(sign * SMALL_STEP_NS));
        } else if ctx.input_mut(|i| i.consume_key(Modifiers::NONE, key)) {
            out.push(Action::Step(sign * STEP_NS));
        }
    }
    for (key, step) in [(Key::ArrowDown, 1), (Key::ArrowUp, -1)] {
        if ctx.input_mut(|i| i.consume_key(Modifiers::NONE, key))
            && let Some(next) = neighbour(world, targets.selection, step)
        {
            out.push(next);
        }
    }
    out
}

/// The actions for the keys of this frame that change the size of text, as in browsers. They also act in dialogs.
pub fn text_scale_actions(ctx: &egui::Context) -> Vec<Action> {
    let mut out = Vec::new();
    for (key, step) in [
        (Key::Plus, TextScaleStep::Larger),
        // the same key without Shift on many keyboards
        (Key::Equals, TextScaleStep::Larger),
        (Key::Minus, TextScaleStep::Smaller),
        (Key::Num0, TextScaleStep::Usual),
    ] {
        if ctx.input_mut(|i| i.consume_key(Modifiers::COMMAND, key)) {
            out.push(Action::ChangeTextScale(step));
        }
    }
    out
}

/// Steps to events, zooms and moves the timeline.
fn timeline_actions(ctx: &egui::Context) -> Vec<TimelineAction> {
    const KEYS: [(Modifiers, Key, TimelineAction); 9] = [
        (Modifiers::COMMAND, Key::ArrowLeft, TimelineAction::PreviousEvent),
        (Modifiers::COMMAND, Key::ArrowRight, TimelineAction::NextEvent),
        (Modifiers::ALT, Key::ArrowLeft, TimelineAction::PanBack),
        (Modifiers::ALT, Key::ArrowRight, TimelineAction::PanForward),
        (Modifiers::ALT, Key::ArrowUp, TimelineAction::Taller),
        (Modifiers::ALT, Key::ArrowDown, TimelineAction::Lower),
        (Modifiers::NONE, Key::Plus, TimelineAction::ZoomIn),
        (Modifiers::NONE, Key::Equals, TimelineAction::ZoomIn),
        (Modifiers::NONE, Key::Minus, TimelineAction::ZoomOut),
    ];
    let pressed = |(modifiers, key, action)| ctx.input_mut(|i| i.consume_key(modifiers, key)).then_some(action);
    KEYS.into_iter().filter_map(pressed).collect()
}

/// The actions for the keys of this frame in slow motion: space plays and pauses, the arrows step, L and Esc end it.
pub fn slow_motion_actions(ctx: &egui::Context) -> Vec<Action> {
    let mut out = Vec::new();
    if ctx.text_edit_focused() {
        return out;
    }
    if ctx.input_mut(|i| i.consume_key(Modifiers::NONE, Key::Escape)) {
        out.push(Action::Seek(None));
    }
    if ctx.memory(|m| m.focused().is_some()) {
        return out;
    }
    for (key, action) in [
        (Key::Space, SlowMotionAction::Toggle),
        (Key::ArrowLeft, SlowMotionAction::Step(-1)),
        (Key::ArrowRight, SlowMotionAction::Step(1)),
        (Key::Home, SlowMotionAction::GoTo(0)),
    ] {
        if ctx.input_mut(|i| i.consume_key(Modifiers::NONE, key)) {
            out.push(Action::SlowMotion(action));
        }
    }
    out
}

/// The keys of the pod map, while it has the focus.
fn map_actions(ctx: &egui::Context) -> Vec<Action> {
    const KEYS: [(Key, MapAction); 5] = [
        (Key::Plus, MapAction::ZoomIn),
        // the key of + without Shift, on a keyboard for English
        (Key::Equals, MapAction::ZoomIn),
        (Key::Minus, MapAction::ZoomOut),
        (Key::Num0, MapAction::Fit),
        (Key::Questionmark, MapAction::ToggleLegend),
    ];
    let pressed = |(key, action)| ctx.input_mut(|i| i.consume_key(Modifiers::NONE, key)).then_some(Action::Map(action));
    KEYS.into_iter().filter_map(pressed).collect()
}

/// The processes that a signal key acts on: those that are tagged in the tree while it has the focus, otherwise the
/// selected one. The user can see that the keys act on them, and they still exist.
fn signal_targets(
    ctx: &egui::Context,
    world: &World,
    targets: SignalTargets<'_>,
    view: Option<Pane>,
    live: bool,
) -> Vec<ProcId> {
    if !live || targets.is_moving || has_other_focus(ctx) || !view.is_some_and(Pane::shows_processes) {
        return Vec::new();
    }
    if view == Some(Pane::ProcessTree) {
        let tagged: Vec<ProcId> = targets.tree.tagged(world).collect();
        if !tagged.is_empty() {
            return tagged;
        }
    }
    let selected = targets.selection.process;
    selected.filter(|id| world.process(*id).is_some_and(|p| !p.is_gone())).into_iter().collect()
}

/// Whether a widget that is no process has the keyboard focus. It uses the keys itself, or ignores them.
fn has_other_focus(ctx: &egui::Context) -> bool {
    ctx.memory(egui::Memory::focused).is_some_and(|id| !widgets::is_process_focus(ctx, id))
}

/// The signals that the keys request. A key held down counts once: its repeats could reach the process that is selected
/// next. With Shift, Ctrl or Alt a key means something else. A click or another key in the same frame may move focus
/// and selection, so the signal keys beside it are ignored.
fn requested_signals(input: &InputState) -> Vec<Signal> {
    let mut found = Vec::new();
    for event in &input.events {
        match event {
            Event::PointerButton { .. } => return Vec::new(),
            Event::Key { key, pressed: true, repeat, modifiers, .. } => {
                let signal = SIGNALS.iter().find(|(k, _)| k == key).filter(|_| modifiers.is_none());
                let Some((_, signal)) = signal else { return Vec::new() };
                if !repeat {
                    found.push(*signal);
                }
            }
            _ => {}
        }
    }
    found
}

/// The next process of the pod in the order of the map: pause, then member by member.
fn neighbour(world: &World, selection: &Selection, step: isize) -> Option<Action> {
    let uid = selection.pod.as_ref()?;
    let pod = world.pod(uid)?;
    let mut all: Vec<&Process> = world.pod_processes(uid).collect();
    all.sort_by_key(|p| {
        let member = p.member.as_ref().and_then(|m| m.container.as_deref());
        let nth = member.and_then(|name| pod.containers.iter().position(|c| c.name == name));
        (nth.map(|n| n + 1), p.born.t, p.id)
    });
    let at = selection.process.and_then(|id| all.iter().position(|p| p.id == id));
    let next = match at {
        Some(at) => (at as isize + step).rem_euclid(all.len() as isize) as usize,
        None => 0,
    };
    all.get(next).map(|p| Action::SelectProcess(p.id))
}
