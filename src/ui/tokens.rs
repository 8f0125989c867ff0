//! Colours, type and spacing in one place, for both themes.

use eframe::egui::{self, Color32, CornerRadius, FontFamily, FontId, Margin, Stroke, Visuals};

use super::words::Severity;
use crate::model::{NsKind, State};

const fn rgb(hex: u32) -> Color32 {
    Color32::from_rgb((hex >> 16) as u8, (hex >> 8) as u8, hex as u8)
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
            muted: rgb(0x9a_a7b4),
            faint: rgb(0x78_8594),
            accent: rgb(0x4c_c2ff),
            accent_fill: rgb(0x1f_3a4d),
            on_accent: rgb(0x06_202e),
            good: rgb(0x3f_b950),
            warn: rgb(0xe3_b341),
            bad: rgb(0xf8_5149),
            on_bad: rgb(0xff_ffff),
            bad_fill: rgb(0x2a_1719),
            zombie: rgb(0xd2_a8ff),
            ns: [
                rgb(0x7f_b3b8),
                rgb(0x2e_cc9a),
                rgb(0xb3_88ff),
                rgb(0x4c_9aff),
                rgb(0xff_9f43),
                rgb(0xc4_9a6c),
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
            muted: rgb(0x51_5e6b),
            faint: rgb(0x6b_7885),
            accent: rgb(0x00_6cb0),
            accent_fill: rgb(0xdb_eefb),
            on_accent: rgb(0xff_ffff),
            good: rgb(0x1a_7f37),
            warn: rgb(0x8f_5f00),
            bad: rgb(0xcf_222e),
            on_bad: rgb(0xff_ffff),
            bad_fill: rgb(0xff_f0ef),
            zombie: rgb(0x7d_3fc8),
            ns: [
                rgb(0x2b_7a80),
                rgb(0x0b_8060),
                rgb(0x74_3fd0),
                rgb(0x0f_62c8),
                rgb(0xad_5a00),
                rgb(0x82_592c),
                rgb(0xc0_2a6d),
                rgb(0x80_6e00),
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
        color.gamma_multiply(if self.dark { 0.20 } else { 0.13 })
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
        let w = &mut v.widgets;
        w.noninteractive.bg_stroke = Stroke::new(1.0, self.line);
        w.noninteractive.fg_stroke = Stroke::new(1.0, self.muted);
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
