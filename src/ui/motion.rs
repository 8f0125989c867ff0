//! Movements on screen. They follow what has already been drawn: the first frame after a change shows all of it, and only
//! places glide. Without motion nothing glides, and no frame is drawn for it.

use eframe::egui::{self, Id};

use crate::layout::Rect;

/// How long a place glides to another one, in seconds.
const GLIDE_S: f32 = 0.18;

/// Switches motion on or off for all views.
pub fn set(ctx: &egui::Context, is_on: bool) {
    ctx.data_mut(|data| data.insert_temp(key(), is_on));
}

pub fn is_on(ctx: &egui::Context) -> bool {
    ctx.data(|data| data.get_temp(key())).unwrap_or(false)
}

fn key() -> Id {
    Id::unique("motion")
}

/// How long a new process comes in.
const ENTRANCE_NS: u64 = 250_000_000;

/// A point on its way to `to`.
pub fn glide_point(ctx: &egui::Context, id: Id, to: (f32, f32)) -> (f32, f32) {
    let at = glide(ctx, id, Rect::new(to.0, to.1, 0.0, 0.0));
    (at.x, at.y)
}

/// How much of the way is left for what has been there for `age` ns: from 1 to 0, slower at the end. At a past moment
/// nothing moves.
pub fn entrance(ctx: &egui::Context, is_live: bool, age: u64) -> f32 {
    if age >= ENTRANCE_NS || !is_live || !is_on(ctx) {
        return 0.0;
    }
    ctx.request_repaint();
    let left = 1.0 - age as f32 / ENTRANCE_NS as f32;
    left * left
}

/// A place on its way to `to`. What is new is there at once.
pub fn glide(ctx: &egui::Context, id: Id, to: Rect) -> Rect {
    if !is_on(ctx) {
        return to;
    }
    let x = ctx.animate_value_with_time(id.with("x"), to.x, GLIDE_S);
    let y = ctx.animate_value_with_time(id.with("y"), to.y, GLIDE_S);
    Rect::new(x, y, to.w, to.h)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_motion_everything_is_where_it_belongs() {
        let ctx = egui::Context::default();
        let (id, to) = (Id::unique("pill"), Rect::new(10.0, 20.0, 30.0, 40.0));
        assert_eq!(glide(&ctx, id, to), to);
        let further = Rect::new(10.0, 200.0, 30.0, 40.0);
        assert_eq!((glide(&ctx, id, further), entrance(&ctx, true, 0)), (further, 0.0));
    }

    #[test]
    fn what_is_new_comes_in_when_live_only() {
        let ctx = egui::Context::default();
        set(&ctx, true);
        assert_eq!(entrance(&ctx, true, 0), 1.0);
        assert!(entrance(&ctx, true, ENTRANCE_NS / 2) < 0.5);
        assert_eq!((entrance(&ctx, true, ENTRANCE_NS), entrance(&ctx, false, 0)), (0.0, 0.0));
    }
}
