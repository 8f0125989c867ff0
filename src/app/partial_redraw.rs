//! Draws what has changed since the last frame, and takes the rest from a copy of that frame.
//!
//! eframe draws every frame from nothing. Without a graphics card that takes 30 ms, and the clock needs a frame each
//! second. What egui wants drawn is compared with what it wanted last; where little differs, only that is drawn.

mod damage;

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use eframe::egui::epaint::{ClippedShape, Shape};
use eframe::egui::{self, FullOutput, PaintCallback, PaintCallbackInfo, Rect, ViewportId};
use eframe::egui_glow::CallbackFn;

use crate::sys::kept_frame::{KeptFrame, PixelRect};

/// Of the window; more is drawn as a whole.
const SMALL: f32 = 0.4;

#[derive(Default)]
pub struct PartialRedraw {
    last: Option<Wanted>,
    frames: u64,
    kept: Arc<Kept>,
}

/// What egui wanted drawn in a frame.
struct Wanted {
    number: u64,
    screen: Rect,
    pixels_per_point: f32,
    /// What the window is cleared with depends on it.
    dark: bool,
    shapes: Vec<ClippedShape>,
}

#[derive(Default)]
struct Kept {
    frame: Mutex<KeptFrame>,
    /// The number of the frame that the window shows and `frame` holds; a frame may be wanted and never drawn.
    drawn: AtomicU64,
}

impl egui::Plugin for PartialRedraw {
    fn debug_name(&self) -> &'static str {
        "partial redraw"
    }

    fn output_hook(&mut self, ctx: &egui::Context, output: &mut FullOutput) {
        if ctx.viewport_id() != ViewportId::ROOT {
            return;
        }
        self.frames += 1;
        let wanted = Wanted {
            number: self.frames,
            screen: ctx.viewport_rect(),
            pixels_per_point: output.pixels_per_point,
            dark: ctx.global_style().visuals.dark_mode,
            shapes: std::mem::take(&mut output.shapes),
        };
        // a texture that is new as a whole may have other places for its pictures
        let textures_stay = output.textures_delta.set.values().flatten().all(|delta| !delta.is_whole());
        let damage = if textures_stay { self.damage(&wanted) } else { None };
        output.shapes = if let Some(damage) = damage {
            self.partly(ctx, &wanted, &damage)
        } else {
            let mut all = vec![self.begin(&wanted)];
            all.extend(wanted.shapes.iter().cloned());
            all.push(self.keep(&wanted, vec![wanted.screen]));
            all
        };
        self.last = Some(wanted);
    }
}

impl PartialRedraw {
    /// Where the window differs from what is wanted; `None`: anywhere.
    fn damage(&self, wanted: &Wanted) -> Option<Vec<Rect>> {
        let last = self.last.as_ref()?;
        if last.number != self.kept.drawn.load(Ordering::Relaxed)
            || last.screen != wanted.screen
            || last.pixels_per_point != wanted.pixels_per_point
            || last.dark != wanted.dark
        {
            return None;
        }
        let damage = damage::between(&last.shapes, &wanted.shapes, wanted.pixels_per_point);
        let area: f32 = damage.iter().map(Rect::area).sum();
        (area <= wanted.screen.area() * SMALL).then_some(damage)
    }

    fn partly(&self, ctx: &egui::Context, wanted: &Wanted, damage: &[Rect]) -> Vec<ClippedShape> {
        tracing::debug!(target: "podscope::frames", number = wanted.number, ?damage, "drawn in parts");
        let mut shapes = vec![self.restore(ctx, wanted, damage.to_vec())];
        for part in damage {
            shapes.extend(wanted.shapes.iter().filter_map(|shape| {
                let clip_rect = shape.clip_rect.intersect(*part);
                damage::bounds(shape)
                    .intersect(*part)
                    .is_positive()
                    .then(|| ClippedShape { clip_rect, ..shape.clone() })
            }));
        }
        shapes.push(self.keep(wanted, damage.to_vec()));
        shapes
    }

    fn begin(&self, wanted: &Wanted) -> ClippedShape {
        let kept = Arc::clone(&self.kept);
        callback(wanted.screen, move |_, gl| {
            if let Ok(mut frame) = kept.frame.lock() {
                frame.begin(gl, true);
            }
        })
    }

    fn restore(&self, ctx: &egui::Context, wanted: &Wanted, but: Vec<Rect>) -> ClippedShape {
        let (kept, ctx) = (Arc::clone(&self.kept), ctx.clone());
        callback(wanted.screen, move |info, gl| {
            let but: Vec<PixelRect> = but.iter().map(|part| pixels(*part, info)).collect();
            let restored = kept.frame.lock().is_ok_and(|mut frame| {
                frame.begin(gl, false);
                frame.restore(gl, size(info), &but)
            });
            if !restored {
                kept.drawn.store(0, Ordering::Relaxed);
                ctx.request_repaint();
            }
        })
    }

    fn keep(&self, wanted: &Wanted, parts: Vec<Rect>) -> ClippedShape {
        let (kept, number) = (Arc::clone(&self.kept), wanted.number);
        let whole = parts == [wanted.screen];
        callback(wanted.screen, move |info, gl| {
            let size = size(info);
            let parts: Vec<PixelRect> = if whole {
                vec![PixelRect::whole(size)]
            } else if kept.drawn.load(Ordering::Relaxed) == 0 {
                return;
            } else {
                parts.iter().map(|part| pixels(*part, info)).collect()
            };
            let done = kept.frame.lock().is_ok_and(|mut frame| {
                let done = frame.keep(gl, size, &parts);
                if done {
                    frame.end(gl);
                }
                done
            });
            kept.drawn.store(if done { number } else { 0 }, Ordering::Relaxed);
        })
    }
}

fn callback(
    screen: Rect,
    draw: impl Fn(&PaintCallbackInfo, &eframe::glow::Context) + Send + Sync + 'static,
) -> ClippedShape {
    let callback = CallbackFn::new(move |info, painter| draw(&info, painter.gl()));
    ClippedShape::new(screen, Shape::Callback(PaintCallback { rect: screen, callback: Arc::new(callback) }))
}

fn size(info: &PaintCallbackInfo) -> [i32; 2] {
    info.screen_size_px.map(|n| i32::try_from(n).unwrap_or(0))
}

/// The same rounding as egui's for clip rectangles.
#[expect(clippy::cast_possible_truncation, reason = "pixels of a window")]
fn pixels(part: Rect, info: &PaintCallbackInfo) -> PixelRect {
    let [w, h] = size(info);
    let at = |points: f32, limit: i32| ((points * info.pixels_per_point).round() as i32).clamp(0, limit);
    PixelRect {
        left: at(part.left(), w),
        right: at(part.right(), w),
        bottom: h - at(part.bottom(), h),
        top: h - at(part.top(), h),
    }
}
