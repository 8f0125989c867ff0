use std::time::{Duration, Instant};

use eframe::egui;

use super::list::{EntryKind, List};
use super::{EventFilter, EventsState, events_ui};
use crate::model::{
    Delta, EventKind, EventReason, Member, MonoNs, Parent, PodEvent, PodUid, ProcId, Signal, SignalResult,
    SignalSender, SignalSent, Source, Stamp, WaitStatus, World,
};
use crate::ui::Selection;
use crate::ui::tokens::Tokens;
use crate::ui::{Cx, WorldVersion};

/// As many ended processes as a World keeps, and as many events.
fn crowded_world() -> World {
    let mut world = World::default();
    let uid = PodUid("0c0ffee0".into());
    let at = |n: u64| Stamp::prompt(MonoNs(n * 1_000), Source::Node);
    for n in 0..World::MAX_GONE as u64 {
        let id = ProcId { pid: 100 + n as u32, start: n };
        world.apply(&Delta::Born { id, parent: Parent::Outside, at: at(4 * n) });
        world.apply(&Delta::Joined { id, member: Member::container(&uid, "busybox"), at: at(4 * n) });
        world.apply(&Delta::Exited { id, status: Some(WaitStatus(0)), at: at(4 * n + 1) });
        world.apply(&Delta::Reaped { id, by: Parent::Outside, at: at(4 * n + 2) });
        let message = format!("Back-off restarting failed container {}", n % 7);
        let event = PodEvent {
            pod: uid.clone(),
            kind: EventKind::Warning,
            reason: EventReason::BackOff,
            message,
            at: at(4 * n + 3),
        };
        world.apply(&Delta::Event { event });
    }
    world
}

/// Draws `frames` frames of the pane, without a display.
fn draw(ctx: &egui::Context, state: &mut EventsState, world: &World, revision: u64, frames: u32) -> Duration {
    let tokens = Tokens::dark();
    let began = Instant::now();
    for _ in 0..frames {
        let mut out = Vec::new();
        let mut cx = Cx {
            world,
            tokens: &tokens,
            selection: &Selection::default(),
            now: world.now,
            epoch: MonoNs(0),
            live: true,
            version: WorldVersion::Live(revision),
            out: &mut out,
        };
        let input = egui::RawInput {
            screen_rect: Some(egui::Rect::from_min_size(egui::Pos2::ZERO, egui::vec2(900.0, 700.0))),
            ..egui::RawInput::default()
        };
        let mut full = ctx.run_ui(input, |ui| events_ui(ui, &mut cx, state));
        // nothing paints the textures
        full.textures_delta.clear();
    }
    began.elapsed() / frames
}

#[test]
fn signals_of_pods_are_listed_once() {
    let mut world = World::default();
    let (of_pod, outside) = (ProcId { pid: 1, start: 1 }, ProcId { pid: 2, start: 1 });
    let at = Stamp::prompt(MonoNs(1), Source::Bpf);
    for id in [of_pod, outside] {
        world.apply(&Delta::Born { id, parent: Parent::Outside, at });
    }
    world.apply(&Delta::Joined { id: of_pod, member: Member::pause(&PodUid("x".into())), at });
    let by = |id| SignalSender::Process { id, name: "sh".into() };
    let table = [
        (by(outside), of_pod, true),
        (by(of_pod), outside, true),
        (SignalSender::Kernel, of_pod, true),
        // no pod has to do with it
        (by(outside), outside, false),
        // it is listed as a signal of the user, with its outcome
        (SignalSender::App, of_pod, false),
        // the end of the child is listed
        (SignalSender::Child, of_pod, false),
    ];
    for (nth, (sender, target, _)) in table.iter().enumerate() {
        let sent = SignalSent {
            signal: Signal::TERM,
            sender: sender.clone(),
            target: *target,
            target_name: "nginx".into(),
            result: SignalResult::Delivered,
            skipped: None,
            at: Stamp { t: MonoNs(nth as u64), ..at },
        };
        world.apply(&Delta::SignalSent { sent: Box::new(sent) });
    }
    let mut listed: Vec<_> = List::of(&world, EventFilter::default()).entries.iter().map(|entry| entry.kind).collect();
    listed.reverse();
    let expected = table.iter().enumerate().filter(|(_, (.., is_listed))| *is_listed);
    assert_eq!(listed, expected.map(|(nth, _)| EntryKind::SignalSent(nth)).collect::<Vec<_>>());
    let none = EventFilter { signals: false, ..EventFilter::default() };
    assert!(List::of(&world, none).entries.is_empty());
}

#[test]
fn sixteen_thousand_exits_are_all_listed_in_order() {
    let world = crowded_world();
    let ctx = egui::Context::default();
    crate::ui::fonts::install(&ctx);
    let mut state = EventsState::default();
    draw(&ctx, &mut state, &world, 0, 3);
    let unchanged = draw(&ctx, &mut state, &world, 0, 50);
    let mut changing = Duration::ZERO;
    for revision in 1..=20 {
        changing += draw(&ctx, &mut state, &world, revision, 1);
    }
    let entries = &state.list.get((WorldVersion::Live(20), state.filter), || panic!("it was drawn last")).entries;
    // 16,384 exits, and 4,096 pod events that are merged into 7
    assert_eq!(entries.len(), World::MAX_GONE + 7);
    assert!(entries.is_sorted_by_key(|e| std::cmp::Reverse(e.t)));
    println!(
        "{} rows: a frame {unchanged:?} while nothing changes, {:?} when something has",
        entries.len(),
        changing / 20
    );
}
