//! Draws only what has changed since the last frame, and takes the rest from a copy of that frame.
//!
//! eframe draws every frame completely. Without a graphics card that takes 30 ms, and the clock needs a frame each
//! second. The shapes of egui are compared with those of the last frame; if little differs, only that is drawn.

mod damage;

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use eframe::egui::epaint::{ClippedShape, Shape};
use eframe::egui::{self, FullOutput, PaintCallback, PaintCallbackInfo, Rect, ViewportId};
use eframe::egui_glow::CallbackFn;

use crate::sys::kept_frame::{KeptFrame, PixelRect};

/// The largest part of the window's area that is drawn partially. If more has changed, the whole window is drawn.
const MAX_PART: f32 = 0.4;

#[derive(Default)]
pub struct PartialRedraw {
    last: Option<RequestedFrame>,
    frames: u64,
    kept: Arc<KeptCopy>,
}

/// A frame as egui requested it.
struct RequestedFrame {
    number: u64,
    screen: Rect,
    pixels_per_point: f32,
    /// The theme; it decides the colour that the window is cleared with.
    dark: bool,
    /// About the colour of the lower left corner.
    corner: [u8; 3],
    shapes: Vec<ClippedShape>,
}

#[derive(Default)]
struct KeptCopy {
    frame: Mutex<KeptFrame>,
    /// The number of the frame that the window shows and `frame` holds. A requested frame may never be drawn.
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
        let style = ctx.global_style();
        let [r, g, b, _] = style.visuals.panel_fill.to_array();
        let requested = RequestedFrame {
            number: self.frames,
            screen: ctx.viewport_rect(),
            pixels_per_point: output.pixels_per_point,
            dark: style.visuals.dark_mode,
            corner: [r, g, b],
            shapes: std::mem::take(&mut output.shapes),
        };
        // in a texture that is replaced as a whole, the glyphs may have moved
        let textures_are_kept = output.textures_delta.set.values().flatten().all(|delta| !delta.is_whole());
        let damage = if textures_are_kept { self.damage(&requested) } else { None };
        output.shapes = if let Some(damage) = damage {
            self.partial_shapes(ctx, &requested, &damage)
        } else {
            let mut all = vec![self.begin(&requested)];
            all.extend(requested.shapes.iter().cloned());
            all.push(self.keep(&requested, vec![requested.screen]));
            all
        };
        self.last = Some(requested);
    }
}

impl PartialRedraw {
    /// The parts of the window that differ from the requested frame. `None`: the whole window must be drawn.
    fn damage(&self, requested: &RequestedFrame) -> Option<Vec<Rect>> {
        let last = self.last.as_ref()?;
        if last.number != self.kept.drawn.load(Ordering::Relaxed)
            || last.screen != requested.screen
            || last.pixels_per_point != requested.pixels_per_point
            || last.dark != requested.dark
        {
            return None;
        }
        let damage = damage::between(&last.shapes, &requested.shapes, requested.pixels_per_point);
        let part = damage.iter().map(Rect::area).sum::<f32>() / requested.screen.area();
        if part > MAX_PART {
            tracing::debug!(target: "podscope::frames", number = requested.number, part, ?damage, "drawn as a whole");
            return None;
        }
        Some(damage)
    }

    /// The shapes that draw only the damaged parts.
    fn partial_shapes(&self, ctx: &egui::Context, requested: &RequestedFrame, damage: &[Rect]) -> Vec<ClippedShape> {
        tracing::debug!(target: "podscope::frames", number = requested.number, ?damage, "drawn in parts");
        let mut shapes = vec![self.restore(ctx, requested, damage.to_vec())];
        for part in damage {
            shapes.extend(requested.shapes.iter().filter_map(|shape| {
                let clip_rect = shape.clip_rect.intersect(*part);
                damage::bounds(shape)
                    .intersect(*part)
                    .is_positive()
                    .then(|| ClippedShape { clip_rect, ..shape.clone() })
            }));
        }
        shapes.push(self.keep(requested, damage.to_vec()));
        shapes
    }

    /// A shape that begins a complete frame.
    fn begin(&self, requested: &RequestedFrame) -> ClippedShape {
        let kept = Arc::clone(&self.kept);
        callback(requested.screen, move |_, gl| {
            if let Ok(mut frame) = kept.frame.lock() {
                frame.begin(gl);
            }
        })
    }

    /// A shape that begins a partial frame and restores the last one, except for the damaged parts.
    fn restore(&self, ctx: &egui::Context, requested: &RequestedFrame, except: Vec<Rect>) -> ClippedShape {
        let (kept, ctx) = (Arc::clone(&self.kept), ctx.clone());
        callback(requested.screen, move |info, gl| {
            let except: Vec<PixelRect> = except.iter().map(|part| pixels(*part, info)).collect();
            let restored = kept.frame.lock().is_ok_and(|mut frame| frame.restore(gl, size(info), &except));
            if !restored {
                kept.drawn.store(0, Ordering::Relaxed);
                ctx.request_repaint();
            }
        })
    }

    /// A shape that copies these parts of the frame, for the next one.
    fn keep(&self, requested: &RequestedFrame, parts: Vec<Rect>) -> ClippedShape {
        let (kept, number, corner) = (Arc::clone(&self.kept), requested.number, requested.corner);
        let is_whole = parts == [requested.screen];
        callback(requested.screen, move |info, gl| {
            let size = size(info);
            let parts: Vec<PixelRect> = if is_whole {
                vec![PixelRect::whole(size)]
            } else if kept.drawn.load(Ordering::Relaxed) == 0 {
                return;
            } else {
                parts.iter().map(|part| pixels(*part, info)).collect()
            };
            let done = kept.frame.lock().is_ok_and(|mut frame| frame.keep(gl, size, &parts, corner));
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

/// Converts points to pixels, with the rounding that egui uses for clip rectangles.
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
