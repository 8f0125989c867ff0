//! Ten thousand zombie lives: they are counted once, and a frame makes only what is on screen.

use std::time::{Duration, Instant};

use eframe::egui;

use super::{ZombiesState, zombies_ui};
use crate::model::zombies::ZombieLife;
use crate::model::{Delta, MonoNs, Parent, ProcId, Stamp, WaitStatus, World};
use crate::ui::tokens::Tokens;
use crate::ui::{Cx, Selection, WorldVersion};

const LIVES: u32 = 10_000;

const fn id(pid: u32) -> ProcId {
    ProcId { pid, start: 1 }
}

/// A parent with many children: half of them are reaped, and the others are zombies.
fn crowded_world() -> World {
    let at = |ns: u64| Stamp::connector(MonoNs(ns));
    let parent = Parent::Process(id(1));
    let mut world = World::default();
    world.apply(&Delta::Born { id: id(1), parent: Parent::Outside, at: at(1) });
    for n in 0..LIVES {
        let (child, t) = (id(n + 2), u64::from(n) * 1_000_000);
        world.apply(&Delta::Born { id: child, parent, at: at(t + 1) });
        world.apply(&Delta::Exited { id: child, status: Some(WaitStatus(0)), at: at(t + 2) });
        if n % 2 == 0 {
            world.apply(&Delta::Reaped { id: child, by: parent, at: at(t + 2 + 1_000 * u64::from(n + 1)) });
        }
    }
    world
}

/// Draws `frames` frames of the view, without a display. Returns the time of one, and the number of shapes.
fn draw(ctx: &egui::Context, state: &mut ZombiesState, world: &World, revision: u64, frames: u32) -> (Duration, usize) {
    let tokens = Tokens::dark();
    let began = Instant::now();
    let mut shapes = 0;
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
        let mut full = ctx.run_ui(input, |ui| zombies_ui(ui, &mut cx, state));
        // nothing paints the textures
        full.textures_delta.clear();
        shapes = full.shapes.len();
    }
    (began.elapsed() / frames, shapes)
}

#[test]
fn ten_thousand_lives_are_listed_and_only_visible_rows_are_painted() {
    let world = crowded_world();
    let ctx = egui::Context::default();
    crate::ui::fonts::install(&ctx);
    let mut state = ZombiesState::default();
    draw(&ctx, &mut state, &world, 0, 3);
    let (unchanged, shapes) = draw(&ctx, &mut state, &world, 0, 50);
    let mut changing = Duration::ZERO;
    for revision in 1..=20 {
        changing += draw(&ctx, &mut state, &world, revision, 1).0;
    }
    let lives = state.lives.get(WorldVersion::Live(20), || panic!("it was drawn last"));
    assert_eq!((lives.all.len(), lives.histogram.known()), (LIVES as usize, LIVES / 2));
    let (open, over): (Vec<&ZombieLife>, Vec<&ZombieLife>) = lives.all.iter().partition(|life| !life.is_over);
    assert_eq!(open.len(), LIVES as usize / 2);
    assert!(lives.all[..open.len()].iter().all(|life| !life.is_over), "those that are not reaped come first");
    assert!(over.is_sorted_by_key(|life| std::cmp::Reverse(life.t)));
    assert!(shapes < 600, "{shapes} shapes for some 20 rows");
    println!("{LIVES} lives: a frame {unchanged:?} while nothing changes, {:?} when something has", changing / 20);
}
