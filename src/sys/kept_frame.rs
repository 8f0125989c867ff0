//! A copy of the window's last frame, kept by OpenGL.

use eframe::glow::{self, HasContext as _, PixelPackData, PixelUnpackData};

/// The copy. Call its methods only while the window's context is current.
#[derive(Debug, Default)]
pub struct KeptFrame {
    copy: Option<(glow::Framebuffer, glow::Texture)>,
    /// Whether OpenGL ignores `glClear` until the next frame begins.
    ignores_clear: bool,
    /// Width and height, in pixels.
    size: [i32; 2],
    /// Whether OpenGL draws without a graphics card, so that copying a whole frame takes time.
    in_software: bool,
    /// The colour of the window's lower left pixel after the last frame.
    mark: Option<[u8; 3]>,
}

/// A rectangle in pixels, from the lower left corner.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PixelRect {
    pub left: i32,
    pub bottom: i32,
    pub right: i32,
    pub top: i32,
}

impl PixelRect {
    pub const fn whole([w, h]: [i32; 2]) -> Self {
        Self { left: 0, bottom: 0, right: w, top: h }
    }
}

/// Whether OpenGL draws without a graphics card. Call it only while the context is current.
pub fn draws_in_software(gl: &glow::Context) -> bool {
    // SAFETY: the context is current, by this function's contract
    let renderer = unsafe { gl.get_parameter_string(glow::RENDERER) };
    ["llvmpipe", "softpipe", "swrast"].iter().any(|name| renderer.contains(name))
}

impl KeptFrame {
    /// Begins a frame that is drawn completely: clears the window, unless its owner could do that.
    pub fn begin(&mut self, gl: &glow::Context) {
        if !self.obey_clear(gl) {
            return;
        }
        // SAFETY: the context is current, by this type's contract
        unsafe {
            gl.disable(glow::SCISSOR_TEST);
            gl.clear(glow::COLOR_BUFFER_BIT);
            gl.enable(glow::SCISSOR_TEST);
        }
    }

    /// Begins a frame that is drawn in parts: copies the kept frame back into the window, then clears the parts `but`
    /// with the last clear colour. Returns whether there was a frame of this size.
    ///
    /// Some windows still have the last frame after it was shown; then nothing is copied.
    pub fn restore(&mut self, gl: &glow::Context, size: [i32; 2], but: &[PixelRect]) -> bool {
        self.obey_clear(gl);
        if self.size != size {
            return false;
        }
        if !self.has_last_frame(gl) && !self.copy(gl, &[PixelRect::whole(size)], Direction::Restore) {
            return false;
        }
        // SAFETY: the context is current, by this type's contract
        unsafe {
            gl.enable(glow::SCISSOR_TEST);
            for p in but {
                gl.scissor(p.left, p.bottom, p.right - p.left, p.top - p.bottom);
                gl.clear(glow::COLOR_BUFFER_BIT);
            }
        }
        true
    }

    /// Ends a frame: copies these parts of the window, which has this size. Returns whether that was possible: it needs
    /// OpenGL 3 or OpenGL ES 3, and the whole window must have been kept before a part of it.
    ///
    /// `corner` is about the colour of the window's lower left pixel. Its lowest bits are changed with each frame.
    ///
    /// If it was, OpenGL ignores that the owner clears the window for the next frame. Without a graphics card that
    /// clearing takes a third of the time of a frame that is drawn in parts.
    pub fn keep(&mut self, gl: &glow::Context, size: [i32; 2], parts: &[PixelRect], corner: [u8; 3]) -> bool {
        let whole = parts == [PixelRect::whole(size)];
        if self.size != size && (!whole || !self.resize(gl, size)) {
            return false;
        }
        if !self.copy(gl, parts, Direction::Keep) {
            return false;
        }
        self.put_mark(gl, corner);
        self.ignores_clear = true;
        // SAFETY: the context is current, by this type's contract
        unsafe { gl.enable(glow::RASTERIZER_DISCARD) };
        true
    }

    /// Makes OpenGL obey `glClear` again. Returns whether it did not.
    fn obey_clear(&mut self, gl: &glow::Context) -> bool {
        let ignored = std::mem::take(&mut self.ignores_clear);
        if ignored {
            // SAFETY: the context is current, by this type's contract
            unsafe { gl.disable(glow::RASTERIZER_DISCARD) };
        }
        ignored
    }

    /// Gives the lower left pixel a colour that no other of the last 64 frames has there. The eye cannot see the
    /// difference.
    fn put_mark(&mut self, gl: &glow::Context, corner: [u8; 3]) {
        if !self.in_software {
            return;
        }
        let last = self.mark.map_or(0, |[r, g, b]| (r & 3) << 4 | (g & 3) << 2 | b & 3);
        let number = (last + 1) % 64;
        let [r, g, b] = corner;
        let mark = [r & !3 | number >> 4, g & !3 | number >> 2 & 3, b & !3 | number & 3];
        let [r, g, b] = mark.map(|value| f32::from(value) / 255.0);
        // SAFETY: the context is current, by this type's contract
        unsafe {
            gl.enable(glow::SCISSOR_TEST);
            gl.scissor(0, 0, 1, 1);
            gl.clear_color(r, g, b, 1.0);
            gl.clear(glow::COLOR_BUFFER_BIT);
        }
        self.mark = Some(mark);
    }

    /// Whether the window still has the last frame. OpenGL does not promise that, and does not tell.
    fn has_last_frame(&self, gl: &glow::Context) -> bool {
        let Some([r, g, b]) = self.mark.filter(|_| self.in_software) else { return false };
        let mut pixel = [0; 4];
        // SAFETY: the context is current, by this type's contract; a pixel of four bytes fits
        unsafe {
            let into = PixelPackData::Slice(Some(&mut pixel));
            gl.read_pixels(0, 0, 1, 1, glow::RGBA, glow::UNSIGNED_BYTE, into);
        }
        pixel[..3] == [r, g, b]
    }

    fn resize(&mut self, gl: &glow::Context, size: [i32; 2]) -> bool {
        self.free(gl);
        let version = gl.version();
        if version.major < 3 {
            return false;
        }
        self.in_software = draws_in_software(gl);
        // the format of Mesa's windows: with the same format it copies memory, otherwise it draws
        let (inner, format) = if version.is_embedded { (glow::RGBA8, glow::RGBA) } else { (glow::RGBA, glow::BGRA) };
        // SAFETY: the context is current, by this type's contract; every object is created here
        unsafe {
            let (Ok(frame), Ok(texture)) = (gl.create_framebuffer(), gl.create_texture()) else { return false };
            gl.bind_texture(glow::TEXTURE_2D, Some(texture));
            let ([w, h], data) = (size, PixelUnpackData::Slice(None));
            gl.tex_image_2d(glow::TEXTURE_2D, 0, inner.cast_signed(), w, h, 0, format, glow::UNSIGNED_BYTE, data);
            // the default filter needs mipmaps
            gl.tex_parameter_i32(glow::TEXTURE_2D, glow::TEXTURE_MIN_FILTER, glow::NEAREST.cast_signed());
            gl.bind_texture(glow::TEXTURE_2D, None);
            gl.bind_framebuffer(glow::FRAMEBUFFER, Some(frame));
            gl.framebuffer_texture_2d(glow::FRAMEBUFFER, glow::COLOR_ATTACHMENT0, glow::TEXTURE_2D, Some(texture), 0);
            let complete = gl.check_framebuffer_status(glow::FRAMEBUFFER) == glow::FRAMEBUFFER_COMPLETE;
            gl.bind_framebuffer(glow::FRAMEBUFFER, None);
            self.copy = Some((frame, texture));
            if !complete {
                self.free(gl);
                return false;
            }
        }
        self.size = size;
        true
    }

    /// The copy is upside down: Mesa keeps a window from top to bottom in memory, and a texture from bottom to top.
    fn copy(&self, gl: &glow::Context, parts: &[PixelRect], direction: Direction) -> bool {
        let Some((frame, _)) = self.copy else { return false };
        let (from, to) = match direction {
            Direction::Keep => (None, Some(frame)),
            Direction::Restore => (Some(frame), None),
        };
        // SAFETY: the context is current, by this type's contract; the framebuffer is of this context
        unsafe {
            gl.disable(glow::SCISSOR_TEST);
            gl.bind_framebuffer(glow::READ_FRAMEBUFFER, from);
            gl.bind_framebuffer(glow::DRAW_FRAMEBUFFER, to);
            for p in parts {
                let (l, r, window) = (p.left, p.right, (p.bottom, p.top));
                let kept = (self.size[1] - p.bottom, self.size[1] - p.top);
                let (from, to) = match direction {
                    Direction::Keep => (window, kept),
                    Direction::Restore => (kept, window),
                };
                gl.blit_framebuffer(l, from.0, r, from.1, l, to.0, r, to.1, glow::COLOR_BUFFER_BIT, glow::NEAREST);
            }
            gl.bind_framebuffer(glow::FRAMEBUFFER, None);
        }
        true
    }

    fn free(&mut self, gl: &glow::Context) {
        (self.size, self.mark) = ([0; 2], None);
        let Some((frame, texture)) = self.copy.take() else { return };
        // SAFETY: the context is current, by this type's contract; both were created in it and are used nowhere else
        unsafe {
            gl.delete_framebuffer(frame);
            gl.delete_texture(texture);
        }
    }
}

#[derive(Clone, Copy, Debug)]
enum Direction {
    /// From the window to the copy.
    Keep,
    /// From the copy to the window.
    Restore,
}
