//! Inter and JetBrains Mono, bundled. egui's own fonts supply the glyphs that they lack.

use std::sync::Arc;

use eframe::egui::{Context, FontData, FontDefinitions, FontFamily};

macro_rules! font {
    ($file:literal) => {
        FontData::from_static(include_bytes!(concat!("../../assets/fonts/", $file)))
    };
}

pub fn install(ctx: &Context) {
    let mut fonts = FontDefinitions::default();
    let fallback = fonts.families.get(&FontFamily::Proportional).cloned().unwrap_or_default();
    let faces: [(&str, FontFamily, FontData); 6] = [
        ("Inter", FontFamily::Proportional, font!("Inter-Regular.otf")),
        ("Inter medium", FontFamily::Name("medium".into()), font!("Inter-Medium.otf")),
        ("Inter semibold", FontFamily::Name("semibold".into()), font!("Inter-SemiBold.otf")),
        ("Inter bold", FontFamily::Name("bold".into()), font!("Inter-Bold.otf")),
        ("JetBrains Mono", FontFamily::Monospace, font!("JetBrainsMono-Regular.ttf")),
        ("JetBrains Mono semibold", FontFamily::Name("mono-semibold".into()), font!("JetBrainsMono-SemiBold.ttf")),
    ];
    for (name, family, data) in faces {
        fonts.font_data.insert(name.to_owned(), Arc::new(data));
        let list = std::iter::once(name.to_owned()).chain(fallback.iter().cloned()).collect();
        fonts.families.insert(family, list);
    }
    ctx.set_fonts(fonts);
}
