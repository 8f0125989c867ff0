//! Everything by keyboard. Keys act only while no text field has the focus.

use eframe::egui::{self, Key, Modifiers};

use super::{Action, Selection};
use crate::command::Command;
use crate::model::{Process, Signal, World};

/// What the keys of this frame ask for. `signal_keys`: a process of the live World is selected.
pub fn actions(
    ctx: &egui::Context,
    world: &World,
    selection: &Selection,
    live: bool,
    now: crate::model::MonoNs,
) -> Vec<Action> {
    let mut out = Vec::new();
    if ctx.input_mut(|i| i.consume_key(Modifiers::COMMAND, Key::E)) {
        out.push(Action::AskExport);
    }
    if ctx.text_edit_focused() {
        return out;
    }
    if let Some(target) = selection.process.filter(|_| live) {
        for (key, signal) in [
            (Key::K, Signal::KILL),
            (Key::Delete, Signal::KILL),
            (Key::T, Signal::TERM),
            (Key::S, Signal::STOP),
            (Key::C, Signal::CONT),
            (Key::H, Signal::HUP),
        ] {
            if ctx.input_mut(|i| i.consume_key(Modifiers::NONE, key)) {
                out.push(Action::Do(Command::Signal { target, signal }));
            }
        }
    }
    if ctx.input_mut(|i| i.consume_key(Modifiers::NONE, Key::L)) {
        out.push(Action::Look(None));
    }
    // a focused button keeps space, enter and the arrows for itself
    if ctx.memory(|m| m.focused().is_some()) {
        return out;
    }
    if ctx.input_mut(|i| i.consume_key(Modifiers::NONE, Key::Space)) {
        out.push(Action::Look(live.then_some(now)));
    }
    for (key, back) in [(Key::ArrowLeft, true), (Key::ArrowRight, false)] {
        if ctx.input_mut(|i| i.consume_key(Modifiers::SHIFT, key)) {
            let t = if back { now.minus(100_000_000) } else { now.plus(100_000_000) };
            out.push(Action::Look(Some(t)));
        } else if ctx.input_mut(|i| i.consume_key(Modifiers::NONE, key)) {
            let t = if back { now.minus(1_000_000_000) } else { now.plus(1_000_000_000) };
            if back || !live {
                out.push(Action::Look(Some(t)));
            }
        }
    }
    for (key, step) in [(Key::ArrowDown, 1), (Key::ArrowUp, -1)] {
        if ctx.input_mut(|i| i.consume_key(Modifiers::NONE, key))
            && let Some(next) = neighbour(world, selection, step)
        {
            out.push(next);
        }
    }
    out
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
