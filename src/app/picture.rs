//! Pictures of the window as PNG, and films as animated PNG.

use std::path::Path;

use eframe::egui::{Color32, ColorImage};

/// Part of an image, in pixels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Area {
    x: usize,
    y: usize,
    width: usize,
    height: usize,
}

/// Writes an image of the window as PNG, completely or not at all.
pub fn write_png(path: &Path, image: &ColorImage, replace: bool) -> Result<(), String> {
    let mut bytes = Vec::new();
    let encoder = encoder(&mut bytes, image);
    let written = encoder.write_header().and_then(|mut writer| writer.write_image_data(&pixels(image, whole(image))));
    written.map_err(|e| format!("{}: {e}", path.display()))?;
    write(path, &bytes, replace)
}

/// Writes images of one size as an animated PNG that repeats for ever, completely or not at all. Each image stays for
/// `frame_ms`, the last one for four times as long. After the first one, only pixels that have changed are stored: the
/// others are transparent, which takes little room.
pub fn write_film(path: &Path, images: &[impl AsRef<ColorImage>], frame_ms: u16, replace: bool) -> Result<(), String> {
    let mut bytes = Vec::new();
    encode_film(&mut bytes, images, frame_ms).map_err(|e| format!("{}: {e}", path.display()))?;
    write(path, &bytes, replace)
}

fn encode_film(
    bytes: &mut Vec<u8>,
    images: &[impl AsRef<ColorImage>],
    frame_ms: u16,
) -> Result<(), png::EncodingError> {
    let Some(first) = images.first().map(AsRef::as_ref) else { return Ok(()) };
    let mut encoder = encoder(bytes, first);
    encoder.set_color(png::ColorType::Rgba);
    encoder.set_compression(png::Compression::High);
    encoder.set_blend_op(png::BlendOp::Over)?;
    encoder.set_animated(images.len() as u32, 0)?;
    encoder.set_frame_delay(frame_ms, 1000)?;
    let mut writer = encoder.write_header()?;
    let mut before = first;
    for (nth, image) in images.iter().map(AsRef::as_ref).enumerate() {
        let area = if nth == 0 { whole(image) } else { changed(before, image) };
        if nth > 0 {
            // the new size must fit at the place of the frame before
            writer.reset_frame_position()?;
            writer.set_frame_dimension(area.width as u32, area.height as u32)?;
            writer.set_frame_position(area.x as u32, area.y as u32)?;
        }
        if nth + 1 == images.len() {
            writer.set_frame_delay(frame_ms.saturating_mul(4), 1000)?;
        }
        writer.write_image_data(&changed_pixels((nth > 0).then_some(before), image, area))?;
        before = image;
    }
    writer.finish()
}

fn encoder<'a>(bytes: &'a mut Vec<u8>, image: &ColorImage) -> png::Encoder<'a, &'a mut Vec<u8>> {
    let [width, height] = image.size;
    let mut encoder = png::Encoder::new(bytes, width as u32, height as u32);
    encoder.set_color(png::ColorType::Rgb);
    encoder.set_depth(png::BitDepth::Eight);
    encoder
}

const fn whole(image: &ColorImage) -> Area {
    Area { x: 0, y: 0, width: image.size[0], height: image.size[1] }
}

/// The smallest area with all that differs, or one pixel if nothing does.
fn changed(before: &ColorImage, after: &ColorImage) -> Area {
    if before.size != after.size {
        return whole(after);
    }
    let width = after.size[0];
    let (mut left, mut right, mut top, mut bottom) = (width, 0, after.size[1], 0);
    let rows = before.pixels.chunks_exact(width).zip(after.pixels.chunks_exact(width));
    for (y, (old, new)) in rows.enumerate() {
        let differs = |x: &usize| old[*x] != new[*x];
        let Some(first) = (0..width).find(differs) else { continue };
        let last = (0..width).rev().find(differs).unwrap_or(first);
        left = left.min(first);
        right = right.max(last);
        top = top.min(y);
        bottom = y;
    }
    if left > right {
        return Area { x: 0, y: 0, width: 1, height: 1 };
    }
    Area { x: left, y: top, width: right - left + 1, height: bottom - top + 1 }
}

/// Red, green and blue of each pixel in the area. A window is opaque.
fn pixels(image: &ColorImage, area: Area) -> Vec<u8> {
    let row = |y: usize| {
        let start = y * image.size[0] + area.x;
        &image.pixels[start..start + area.width]
    };
    let rgb = |pixel: &Color32| [pixel.r(), pixel.g(), pixel.b()];
    (area.y..area.y + area.height).flat_map(row).flat_map(rgb).collect()
}

/// Red, green, blue and alpha of each pixel in the area. One that is as before is transparent.
fn changed_pixels(before: Option<&ColorImage>, image: &ColorImage, area: Area) -> Vec<u8> {
    let before = before.filter(|before| before.size == image.size);
    let place = |y: usize| (area.x..area.x + area.width).map(move |x| y * image.size[0] + x);
    let rgba = |at: usize| {
        let pixel = image.pixels[at];
        let is_old = before.is_some_and(|before| before.pixels[at] == pixel);
        if is_old { [0; 4] } else { [pixel.r(), pixel.g(), pixel.b(), 255] }
    };
    (area.y..area.y + area.height).flat_map(place).flat_map(rgba).collect()
}

fn write(path: &Path, bytes: &[u8], replace: bool) -> Result<(), String> {
    if let Some(dir) = path.parent() {
        std::fs::create_dir_all(dir).map_err(|e| format!("{}: {e}", dir.display()))?;
    }
    let write = if replace { crate::export::write_file } else { crate::export::write_new };
    write(path, bytes).map_err(|e| e.to_string())
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    fn image(dots: &[(usize, usize)]) -> Arc<ColorImage> {
        let mut image = ColorImage::filled([8, 6], Color32::BLACK);
        for (x, y) in dots {
            image.pixels[y * 8 + x] = Color32::WHITE;
        }
        Arc::new(image)
    }

    #[test]
    fn only_what_has_changed_is_stored() {
        let (before, after) = (image(&[(1, 1)]), image(&[(1, 1), (3, 2), (6, 4)]));
        assert_eq!(changed(&before, &after), Area { x: 3, y: 2, width: 4, height: 3 });
        assert_eq!(changed(&after, &after), Area { x: 0, y: 0, width: 1, height: 1 });
        assert_eq!(changed(&before, &ColorImage::filled([2, 2], Color32::BLACK)).width, 2);
    }

    #[test]
    fn a_film_has_a_frame_for_each_image() {
        let images = [image(&[]), image(&[(7, 5)]), image(&[(7, 5)]), image(&[(0, 0)])];
        let mut bytes = Vec::new();
        encode_film(&mut bytes, &images, 700).expect("encodes");
        let mut reader = png::Decoder::new(std::io::Cursor::new(bytes)).read_info().expect("a PNG");
        assert_eq!(reader.info().animation_control().map(|control| control.num_frames), Some(4));
        let mut canvas = vec![0; 8 * 6 * 3];
        let mut opaque = 0;
        for (nth, image) in images.iter().enumerate() {
            let mut part = vec![0; reader.output_buffer_size().expect("small")];
            reader.next_frame(&mut part).expect("a frame");
            let control = *reader.info().frame_control().expect("its place");
            let (width, left, top) = (control.width as usize, control.x_offset as usize, control.y_offset as usize);
            for (at, pixel) in part.chunks_exact(4).take(width * control.height as usize).enumerate() {
                if pixel[3] == 255 {
                    let start = ((top + at / width) * 8 + left + at % width) * 3;
                    canvas[start..start + 3].copy_from_slice(&pixel[..3]);
                    opaque += 1;
                }
            }
            assert_eq!(canvas, pixels(image, whole(image)), "image {nth}");
            assert_eq!(control.delay_num, if nth == 3 { 2800 } else { 700 });
        }
        // all of the first image, then one, none and two pixels
        assert_eq!(opaque, 48 + 1 + 2);
    }
}
