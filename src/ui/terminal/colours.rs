//! A cell's colours, so that they can be read in both themes.

use eframe::egui::Color32;

use crate::ui::tokens::Tokens;

/// Colour, background, underlined, italic.
pub fn look(cell: &vt100::Cell, tokens: &Tokens) -> (Color32, Color32, bool, bool) {
    let (front, back) = (color(cell.fgcolor(), tokens, cell.bold()), color(cell.bgcolor(), tokens, false));
    let (mut front, mut back) = (front.unwrap_or(tokens.text), back.unwrap_or(Color32::TRANSPARENT));
    if cell.inverse() {
        let behind = if back == Color32::TRANSPARENT { tokens.canvas } else { back };
        (front, back) = (behind, front);
    }
    if cell.dim() {
        front = front.gamma_multiply(0.7);
    }
    (front, back, cell.underline(), cell.italic())
}

/// `None` for the terminal's own.
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

/// The sixteen colours that every program expects.
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
