//! Pictures of the window.

use std::path::Path;

/// Writes an image of the window as PNG, completely or not at all.
pub fn write_png(path: &Path, image: &eframe::egui::ColorImage, replace: bool) -> Result<(), String> {
    let [width, height] = image.size;
    let mut bytes = Vec::new();
    let mut encoder = png::Encoder::new(&mut bytes, width as u32, height as u32);
    encoder.set_color(png::ColorType::Rgba);
    encoder.set_depth(png::BitDepth::Eight);
    let pixels: Vec<u8> = image.pixels.iter().flat_map(eframe::egui::Color32::to_array).collect();
    let written = encoder.write_header().and_then(|mut writer| writer.write_image_data(&pixels));
    written.map_err(|e| format!("{}: {e}", path.display()))?;
    if let Some(dir) = path.parent() {
        std::fs::create_dir_all(dir).map_err(|e| format!("{}: {e}", dir.display()))?;
    }
    let write = if replace { crate::export::write_file } else { crate::export::write_new };
    write(path, &bytes).map_err(|e| e.to_string())
}
