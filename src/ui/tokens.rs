//! Colours, type and spacing in one place, for both themes.

use eframe::egui::{self, Color32, CornerRadius, FontFamily, FontId, Margin, Stroke, Visuals};

use super::words::Severity;
use crate::model::{NsKind, State};

const fn rgb(hex: u32) -> Color32 {
    Color32::from_rgb((hex >> 16) as u8, (hex >> 8) as u8, hex as u8)
}

/// The opacity of what is disabled. The palette keeps such text readable, so it also looks different in its shape.
pub const DISABLED_ALPHA: f32 = 0.88;

/// The contrast ratio of WCAG 2 between opaque colours, from 1 to 21.
pub fn contrast(one: Color32, other: Color32) -> f32 {
    let luminance = |color: Color32| {
        let [r, g, b, _] = egui::Rgba::from(color).to_array();
        0.0722f32.mul_add(b, 0.2126f32.mul_add(r, 0.7152 * g))
    };
    let (a, b) = (luminance(one), luminance(other));
    (a.max(b) + 0.05) / (a.min(b) + 0.05)
}

/// The palette of one theme.
#[derive(Clone, Debug)]
pub struct Tokens {
    pub dark: bool,
    /// The background of the window.
    pub canvas: Color32,
    /// Side panels and bars.
    pub panel: Color32,
    pub card: Color32,
    /// A column within a card.
    pub inset: Color32,
    /// A process's pill.
    pub pill: Color32,
    pub line: Color32,
    pub line_strong: Color32,
    pub text: Color32,
    pub muted: Color32,
    pub faint: Color32,
    pub accent: Color32,
    pub accent_fill: Color32,
    pub on_accent: Color32,
    pub good: Color32,
    pub warn: Color32,
    pub bad: Color32,
    pub on_bad: Color32,
    pub bad_fill: Color32,
    pub zombie: Color32,
    ns: [Color32; 8],
}

impl Tokens {
    pub fn dark() -> Self {
        Self {
            dark: true,
            canvas: rgb(0x0f_1419),
            panel: rgb(0x15_1b22),
            card: rgb(0x17_1e26),
            inset: rgb(0x1b_232c),
            pill: rgb(0x10_161c),
            line: rgb(0x2a_343f),
            line_strong: rgb(0x3b_4754),
            text: rgb(0xe6_edf3),
            muted: rgb(0xa9_b5c1),
            faint: rgb(0x9b_a7b3),
            accent: rgb(0x4c_c2ff),
            accent_fill: rgb(0x17_303f),
            on_accent: rgb(0x06_202e),
            good: rgb(0x4a_bd5b),
            warn: rgb(0xe3_b341),
            bad: rgb(0xff_7b72),
            on_bad: rgb(0x1f_0605),
            bad_fill: rgb(0x2a_1719),
            zombie: rgb(0xd2_a8ff),
            ns: [
                rgb(0x7f_b3b8),
                rgb(0x2e_cc9a),
                rgb(0xb9_93ff),
                rgb(0x69_a9ff),
                rgb(0xff_9f43),
                rgb(0xc9_a278),
                rgb(0xff_7fb0),
                rgb(0xe8_d44d),
            ],
        }
    }

    pub fn light() -> Self {
        Self {
            dark: false,
            canvas: rgb(0xf3_f5f8),
            panel: rgb(0xfb_fcfd),
            card: rgb(0xff_ffff),
            inset: rgb(0xf6_f8fa),
            pill: rgb(0xff_ffff),
            line: rgb(0xd8_dee5),
            line_strong: rgb(0xb6_c0ca),
            text: rgb(0x1b_242d),
            muted: rgb(0x4b_5763),
            faint: rgb(0x59_646f),
            accent: rgb(0x00_67a7),
            accent_fill: rgb(0xe2_f0fa),
            on_accent: rgb(0xff_ffff),
            good: rgb(0x17_7232),
            warn: rgb(0x88_5a00),
            bad: rgb(0xbe_1f2a),
            on_bad: rgb(0xff_ffff),
            bad_fill: rgb(0xff_f0ef),
            zombie: rgb(0x7d_3fc8),
            ns: [
                rgb(0x26_6d72),
                rgb(0x0a_7154),
                rgb(0x74_3fd0),
                rgb(0x0f_60c4),
                rgb(0x9a_5000),
                rgb(0x82_592c),
                rgb(0xb4_2766),
                rgb(0x73_6300),
            ],
        }
    }

    pub const fn ns(&self, kind: NsKind) -> Color32 {
        self.ns[kind as usize]
    }

    pub const fn state(&self, state: State) -> Color32 {
        match state {
            State::Running | State::Sleeping | State::Idle => self.good,
            State::Disk | State::Stopped | State::Traced => self.warn,
            State::Zombie => self.zombie,
            State::Gone => self.faint,
        }
    }

    pub const fn severity(&self, severity: Severity) -> Color32 {
        match severity {
            Severity::Good => self.good,
            Severity::Waiting => self.warn,
            Severity::Bad => self.bad,
            Severity::Done => self.accent,
        }
    }

    /// A fill in this colour on which text of the same colour is readable.
    pub fn tint(&self, color: Color32) -> Color32 {
        color.gamma_multiply(if self.dark { 0.12 } else { 0.08 })
    }

    /// Gives egui's own widgets these colours, fonts and spacings.
    pub fn apply(&self, ctx: &egui::Context) {
        let mut v = if self.dark { Visuals::dark() } else { Visuals::light() };
        v.panel_fill = self.panel;
        v.window_fill = self.inset;
        v.window_stroke = Stroke::new(1.0, self.line_strong);
        v.extreme_bg_color = self.pill;
        v.faint_bg_color = self.inset;
        v.override_text_color = Some(self.text);
        v.weak_text_color = Some(self.muted);
        v.hyperlink_color = self.accent;
        v.warn_fg_color = self.warn;
        v.error_fg_color = self.bad;
        v.selection.bg_fill = self.accent_fill;
        v.selection.stroke = Stroke::new(1.0, self.accent);
        v.window_corner_radius = CornerRadius::same(10);
        v.menu_corner_radius = CornerRadius::same(8);
        v.disabled_alpha = DISABLED_ALPHA;
        let w = &mut v.widgets;
        w.noninteractive.bg_stroke = Stroke::new(1.0, self.line);
        w.noninteractive.fg_stroke = Stroke::new(1.0, self.muted);
        // a button that is disabled has an outline only, and readable text
        w.noninteractive.weak_bg_fill = Color32::TRANSPARENT;
        for (state, fill, line) in [
            (&mut w.inactive, self.inset, self.line),
            (&mut w.hovered, self.accent_fill, self.line_strong),
            (&mut w.active, self.accent_fill, self.accent),
            (&mut w.open, self.accent_fill, self.line_strong),
        ] {
            state.bg_fill = fill;
            state.weak_bg_fill = fill;
            state.bg_stroke = Stroke::new(1.0, line);
            state.fg_stroke = Stroke::new(1.0, self.text);
            state.corner_radius = CornerRadius::same(6);
            state.expansion = 0.0;
        }
        ctx.set_theme(if self.dark { egui::Theme::Dark } else { egui::Theme::Light });
        ctx.all_styles_mut(|style| {
            style.visuals = v.clone();
            style.spacing.item_spacing = egui::vec2(8.0, 6.0);
            style.spacing.button_padding = egui::vec2(10.0, 5.0);
            style.spacing.menu_margin = Margin::same(8);
            // a scroll bar that comes or goes would otherwise have twenty frames drawn
            style.animation_time = 0.0;
            style.scroll_animation = egui::style::ScrollAnimation::none();
            style.interaction.selectable_labels = false;
            style.interaction.tooltip_delay = 0.3;
            style.text_styles = [
                (egui::TextStyle::Small, sans(11.0)),
                (egui::TextStyle::Body, sans(13.0)),
                (egui::TextStyle::Button, medium(12.5)),
                (egui::TextStyle::Heading, bold(17.0)),
                (egui::TextStyle::Monospace, mono(12.0)),
            ]
            .into();
        });
    }
}

pub fn sans(size: f32) -> FontId {
    FontId::new(size, FontFamily::Proportional)
}

pub fn medium(size: f32) -> FontId {
    FontId::new(size, FontFamily::Name("medium".into()))
}

pub fn semibold(size: f32) -> FontId {
    FontId::new(size, FontFamily::Name("semibold".into()))
}

pub fn bold(size: f32) -> FontId {
    FontId::new(size, FontFamily::Name("bold".into()))
}

pub fn mono(size: f32) -> FontId {
    FontId::new(size, FontFamily::Monospace)
}

pub fn mono_bold(size: f32) -> FontId {
    FontId::new(size, FontFamily::Name("mono-semibold".into()))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What WCAG 2 requires of text at level AA.
    const MIN_CONTRAST: f32 = 4.5;

    /// The colours of text, with their names.
    fn inks(tokens: &Tokens) -> Vec<(String, Color32)> {
        let of_ns = NsKind::ALL.map(|kind| (kind.name().to_owned(), tokens.ns(kind)));
        let named = [
            ("text", tokens.text),
            ("muted", tokens.muted),
            ("faint", tokens.faint),
            ("accent", tokens.accent),
            ("good", tokens.good),
            ("warn", tokens.warn),
            ("bad", tokens.bad),
            ("zombie", tokens.zombie),
        ];
        named.map(|(name, color)| (name.to_owned(), color)).into_iter().chain(of_ns).collect()
    }

    /// What text is drawn on.
    const fn surfaces(tokens: &Tokens) -> [(&'static str, Color32); 7] {
        [
            ("canvas", tokens.canvas),
            ("panel", tokens.panel),
            ("card", tokens.card),
            ("inset", tokens.inset),
            ("pill", tokens.pill),
            ("accent fill", tokens.accent_fill),
            ("bad fill", tokens.bad_fill),
        ]
    }

    /// A translucent colour over an opaque one, as it is drawn.
    fn over(front: Color32, back: Color32) -> Color32 {
        let [r, g, b, a] = front.to_array();
        let left = f32::from(255 - a) / 255.0;
        let mix = |front: u8, back: u8| f32::from(back).mul_add(left, f32::from(front)).round() as u8;
        Color32::from_rgb(mix(r, back.r()), mix(g, back.g()), mix(b, back.b()))
    }

    fn assert_readable(ink: Color32, back: Color32, what: &str) {
        let ratio = contrast(ink, back);
        assert!(ratio >= MIN_CONTRAST, "{what}: {ratio:.2}");
    }

    #[test]
    fn all_text_is_readable_on_all_it_is_drawn_on() {
        for tokens in [Tokens::dark(), Tokens::light()] {
            let theme = if tokens.dark { "dark" } else { "light" };
            for (on, back) in surfaces(&tokens) {
                for (name, ink) in inks(&tokens) {
                    assert_readable(ink, back, &format!("{theme}: {name} on {on}"));
                    // a chip
                    let chip = over(tokens.tint(ink), back);
                    assert_readable(ink, chip, &format!("{theme}: {name} on its own tint on {on}"));
                    assert_readable(tokens.text, chip, &format!("{theme}: text on the tint of {name} on {on}"));
                }
            }
            assert_readable(tokens.on_accent, tokens.accent, &format!("{theme}: the main button"));
            assert_readable(tokens.on_bad, tokens.bad, &format!("{theme}: the button that ends something"));
        }
    }

    #[test]
    fn what_is_disabled_is_readable() {
        for tokens in [Tokens::dark(), Tokens::light()] {
            for (on, back) in surfaces(&tokens) {
                for (name, ink) in [("text", tokens.text), ("muted", tokens.muted)] {
                    let ink = over(ink.gamma_multiply(DISABLED_ALPHA), back);
                    assert_readable(ink, back, &format!("dark {}: disabled {name} on {on}", tokens.dark));
                }
            }
        }
    }

    #[test]
    fn the_contrast_is_that_of_wcag() {
        assert!((contrast(Color32::BLACK, Color32::WHITE) - 21.0).abs() < 0.01);
        assert!((contrast(Color32::WHITE, Color32::WHITE) - 1.0).abs() < 0.01);
        // a pair of grays that WCAG's own pages give as just enough
        assert!((contrast(Color32::from_gray(0x76), Color32::WHITE) - 4.54).abs() < 0.01);
    }
}
