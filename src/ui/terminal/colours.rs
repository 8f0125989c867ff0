//! The colours of a terminal cell, readable in both themes.

use eframe::egui::Color32;

use crate::ui::tokens::{Tokens, contrast};

/// Colour, background, underlined, italic.
pub fn cell_style(cell: &vt100::Cell, tokens: &Tokens) -> (Color32, Color32, bool, bool) {
    let (front, back) = (color(cell.fgcolor(), tokens, cell.bold()), color(cell.bgcolor(), tokens, false));
    let (mut front, mut back) = (front.unwrap_or(tokens.text), back.unwrap_or(Color32::TRANSPARENT));
    if cell.inverse() {
        let behind = if back == Color32::TRANSPARENT { tokens.canvas } else { back };
        (front, back) = (behind, front);
    }
    if cell.dim() {
        front = front.gamma_multiply(0.7);
    }
    (readable_color(front, back, tokens), back, cell.underline(), cell.italic())
}

/// The colour, or one of the theme's own if it has too little contrast to the background.
fn readable_color(front: Color32, back: Color32, tokens: &Tokens) -> Color32 {
    // the minimum that WCAG requires for large text
    const MIN_CONTRAST: f32 = 3.0;
    if back == Color32::TRANSPARENT || contrast(front, back) >= MIN_CONTRAST {
        return front;
    }
    if contrast(tokens.text, back) >= contrast(tokens.canvas, back) { tokens.text } else { tokens.canvas }
}

/// `None` for the terminal's default colour.
fn color(color: vt100::Color, tokens: &Tokens, bold: bool) -> Option<Color32> {
    match color {
        vt100::Color::Default => None,
        vt100::Color::Rgb(r, g, b) => Some(Color32::from_rgb(r, g, b)),
        // bold makes the first eight bright, as in xterm
        vt100::Color::Idx(n @ 0..8) => Some(base(if bold { n + 8 } else { n }, tokens)),
        vt100::Color::Idx(n @ 8..16) => Some(base(n, tokens)),
        vt100::Color::Idx(n @ 16..232) => {
            let level = |n: u8| if n == 0 { 0 } else { 55 + 40 * n };
            let n = n - 16;
            Some(Color32::from_rgb(level(n / 36), level(n / 6 % 6), level(n % 6)))
        }
        vt100::Color::Idx(n) => Some(Color32::from_gray(8 + 10 * (n - 232))),
    }
}

/// The sixteen standard colours.
fn base(n: u8, tokens: &Tokens) -> Color32 {
    match (n, tokens.dark) {
        (0, _) => tokens.line_strong,
        (1 | 9, _) => tokens.bad,
        (2 | 10, _) => tokens.good,
        (3 | 11, _) => tokens.warn,
        (4, true) => Color32::from_rgb(0x4c, 0x9a, 0xff),
        (4, false) => Color32::from_rgb(0x0b, 0x57, 0xd0),
        (12, _) => tokens.accent,
        (5 | 13, _) => tokens.zombie,
        (6 | 14, true) => Color32::from_rgb(0x3f, 0xc9, 0xc9),
        (6 | 14, false) => Color32::from_rgb(0x0a, 0x75, 0x75),
        (8, _) => tokens.faint,
        (7, _) => tokens.muted,
        _ => tokens.text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blue_on_green_is_readable_in_both_themes() {
        for tokens in [Tokens::dark(), Tokens::light()] {
            let (blue, green) = (base(4, &tokens), base(2, &tokens));
            assert!(contrast(readable_color(blue, green, &tokens), green) >= 3.0);
            assert_eq!(readable_color(blue, Color32::TRANSPARENT, &tokens), blue);
        }
    }
}
