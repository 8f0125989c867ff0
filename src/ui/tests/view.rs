//! A view that is drawn without a display, for tests.

use eframe::egui::epaint::Shape;
use eframe::egui::{self, Event, Modifiers, PointerButton, Pos2, RawInput, Rect, Ui, pos2, vec2};

use super::{ms, uid};
use crate::model::{MonoNs, World};
use crate::ui::memo::take_computed;
use crate::ui::tokens::Tokens;
use crate::ui::{Action, Cx, Selection, WorldVersion, fonts};

/// What a frame has painted, what the user has requested in it, and how many models were computed for it.
pub struct Frame {
    pub texts: Vec<String>,
    /// Where the texts begin.
    places: Vec<Pos2>,
    pub actions: Vec<Action>,
    pub computed: u32,
}

impl Frame {
    pub fn shows(&self, text: &str) -> bool {
        self.texts.iter().any(|shown| shown.contains(text))
    }

    /// A point on the text that is painted last of those that are exactly this.
    fn place(&self, text: &str) -> Pos2 {
        let at = self.texts.iter().rposition(|shown| shown == text);
        self.places[at.unwrap_or_else(|| panic!("{text} is not in {:?}", self.texts))] + vec2(4.0, 4.0)
    }
}

pub type Draw<'a> = Box<dyn FnMut(&mut Ui, &mut Cx<'_>) + 'a>;

/// One view, drawn without a display.
pub struct View<'a> {
    ctx: egui::Context,
    draw: Draw<'a>,
    pub world: World,
    pub revision: u64,
    pub selection: Selection,
    pub now: MonoNs,
    pub width: f32,
    /// The modifiers that are held.
    pub modifiers: Modifiers,
    /// Those that egui knows.
    sent: Modifiers,
    time: f64,
}

impl<'a> View<'a> {
    pub fn new(world: World, draw: impl FnMut(&mut Ui, &mut Cx<'_>) + 'a) -> Self {
        let ctx = egui::Context::default();
        fonts::install(&ctx);
        let selection = Selection { pod: Some(uid(0)), ..Selection::default() };
        let (now, width) = (ms(20_000), 1000.0);
        let (draw, modifiers) = (Box::new(draw), Modifiers::NONE);
        Self { ctx, draw, world, revision: 1, selection, now, width, modifiers, sent: modifiers, time: 0.0 }
    }

    /// Presses a key. Returns the frame of the press.
    pub fn press(&mut self, key: egui::Key) -> Frame {
        let modifiers = self.modifiers;
        let event = |pressed| Event::Key { key, physical_key: None, pressed, repeat: false, modifiers };
        let frame = self.frame(vec![event(true)]);
        self.frame(vec![event(false)]);
        frame
    }

    /// Clicks on a text. Returns the frame of the click.
    pub fn click(&mut self, text: &str) -> Frame {
        let (at, modifiers) = (self.frame(vec![]).place(text), self.modifiers);
        let button = |pressed| Event::PointerButton { pos: at, button: PointerButton::Primary, pressed, modifiers };
        self.frame(vec![Event::PointerMoved(at)]);
        self.frame(vec![button(true)]);
        let frame = self.frame(vec![button(false)]);
        // the next click is no double click
        self.time += 5.0;
        frame
    }

    pub fn frame(&mut self, events: Vec<Event>) -> Frame {
        self.time += 0.1;
        take_computed();
        let screen_rect = Some(Rect::from_min_size(pos2(0.0, 0.0), vec2(self.width, 700.0)));
        let modifiers = Event::ModifiersChanged(self.modifiers);
        let is_changed = std::mem::replace(&mut self.sent, self.modifiers) != self.modifiers;
        let events = is_changed.then_some(modifiers).into_iter().chain(events).collect();
        let input = RawInput { screen_rect, time: Some(self.time), events, ..RawInput::default() };
        let tokens = Tokens::dark();
        let mut out = Vec::new();
        let mut cx = Cx {
            world: &self.world,
            tokens: &tokens,
            selection: &self.selection,
            now: self.now,
            epoch: MonoNs(0),
            live: true,
            version: WorldVersion::Live(self.revision),
            out: &mut out,
        };
        let mut full = self.ctx.run_ui(input, |ui| (self.draw)(ui, &mut cx));
        // nothing paints the textures
        full.textures_delta.clear();
        let mut found = Vec::new();
        full.shapes.iter().for_each(|shape| find_texts(&shape.shape, &mut found));
        let (texts, places) = found.into_iter().unzip();
        Frame { texts, places, actions: out, computed: take_computed() }
    }

    /// Draws until all sizes are known.
    pub fn settle(&mut self) -> Frame {
        for _ in 0..4 {
            self.frame(vec![]);
        }
        self.frame(vec![])
    }
}

fn find_texts(shape: &Shape, found: &mut Vec<(String, Pos2)>) {
    match shape {
        Shape::Text(text) => found.push((text.galley.text().to_owned(), text.pos)),
        Shape::Vec(all) => all.iter().for_each(|shape| find_texts(shape, found)),
        _ => {}
    }
}
