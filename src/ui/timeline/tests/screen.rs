//! Draws the timeline without a display, and finds what it shows by the names for screen readers.

use eframe::egui::epaint::Shape;
use eframe::egui::{self, Event, Key, Modifiers, PointerButton, Pos2, RawInput, Rect, pos2, vec2};

use super::uid;
use crate::model::{Delta, MonoNs, World};
use crate::store::Store;
use crate::ui::timeline::{TimelineAction, TimelineState, timeline_ui};
use crate::ui::tokens::Tokens;
use crate::ui::{Action, Cx, Latest, Selection, WorldVersion, fonts};

const S: u64 = 1_000_000_000;

/// A node for screen readers: its name and its place.
#[derive(Clone, Debug)]
pub struct Node {
    pub name: String,
    pub center: Pos2,
    pub has_focus: bool,
}

pub struct Shown {
    pub nodes: Vec<Node>,
    pub texts: Vec<String>,
    pub actions: Vec<Action>,
}

impl Shown {
    pub fn node(&self, begin: &str) -> &Node {
        let found = self.nodes.iter().find(|node| node.name.starts_with(begin));
        found.unwrap_or_else(|| panic!("{begin} is not in {:?}", self.names()))
    }

    pub fn has(&self, begin: &str) -> bool {
        self.nodes.iter().any(|node| node.name.starts_with(begin))
    }

    pub fn names(&self) -> Vec<&str> {
        self.nodes.iter().map(|node| node.name.as_str()).collect()
    }

    pub fn lanes(&self) -> Vec<&str> {
        self.names().into_iter().filter_map(|name| name.strip_prefix("Lane of ")).collect()
    }

    pub fn paints(&self, text: &str) -> bool {
        self.texts.iter().any(|painted| painted.contains(text))
    }
}

fn find_texts(shape: &Shape, found: &mut Vec<String>) {
    match shape {
        Shape::Text(text) => found.push(text.galley.text().to_owned()),
        Shape::Vec(all) => all.iter().for_each(|shape| find_texts(shape, found)),
        _ => {}
    }
}

/// The timeline without a display.
pub struct Screen {
    pub ctx: egui::Context,
    pub state: TimelineState,
    pub store: Store,
    pub selection: Selection,
    /// The past moment that is shown.
    pub past: Option<(MonoNs, World)>,
    pub now: MonoNs,
    pub height: f32,
    pub time: f64,
}

impl Screen {
    pub fn new(deltas: impl IntoIterator<Item = Delta>) -> Self {
        let ctx = egui::Context::default();
        ctx.enable_accesskit();
        fonts::install(&ctx);
        Tokens::dark().apply(&ctx);
        let mut screen = Self {
            ctx,
            state: TimelineState::default(),
            store: Store::default(),
            selection: Selection { pod: Some(uid()), ..Selection::default() },
            past: None,
            now: MonoNs(9 * S),
            height: 400.0,
            time: 0.0,
        };
        screen.push(deltas);
        // from 0 to 12 s
        screen.state.view.show_span(12 * S, screen.now, screen.now, MonoNs(0));
        screen
    }

    pub fn push(&mut self, deltas: impl IntoIterator<Item = Delta>) {
        deltas.into_iter().for_each(|delta| self.store.push(delta));
    }

    pub fn look_back(&mut self, ms: u64) {
        let t = MonoNs(ms * 1_000_000);
        self.past = Some((t, self.store.at(t)));
    }

    pub fn frame(&mut self, events: Vec<Event>) -> Shown {
        self.time += 0.1;
        let screen_rect = Some(Rect::from_min_size(Pos2::ZERO, vec2(1100.0, self.height)));
        let input = RawInput { screen_rect, time: Some(self.time), events, ..RawInput::default() };
        let (tokens, mut actions) = (Tokens::dark(), Vec::new());
        let version = WorldVersion::Live(self.store.revision());
        let latest = Latest { world: self.store.live(), history: self.store.history(), version, now: self.now };
        let (now, world, version) = match &self.past {
            Some((t, world)) => (*t, world, WorldVersion::Past(*t, None)),
            None => (self.now, self.store.live(), version),
        };
        let (selection, live, epoch) = (&self.selection, self.past.is_none(), MonoNs(0));
        let mut cx = Cx { world, tokens: &tokens, selection, now, epoch, live, version, out: &mut actions };
        let state = &mut self.state;
        let mut output = self.ctx.run_ui(input, |ui| timeline_ui(ui, &mut cx, latest, state));
        output.textures_delta.clear();
        let mut texts = Vec::new();
        output.shapes.iter().for_each(|shape| find_texts(&shape.shape, &mut texts));
        let update = output.platform_output.accesskit_update.expect("it is enabled");
        let focus = update.focus;
        let nodes = update.nodes.into_iter().filter_map(|(id, node)| {
            let (name, bounds) = (node.label()?.to_owned(), node.bounds()?);
            let center = pos2(f64::midpoint(bounds.x0, bounds.x1) as f32, f64::midpoint(bounds.y0, bounds.y1) as f32);
            Some(Node { name, center, has_focus: id == focus })
        });
        let nodes = nodes.collect();
        for action in &actions {
            // what the window does with it
            if let Action::Timeline(TimelineAction::Show(subject)) = action {
                self.state.subject = *subject;
            }
        }
        Shown { nodes, texts, actions }
    }

    pub fn settle(&mut self) -> Shown {
        (0..3).for_each(|_| drop(self.frame(Vec::new())));
        self.frame(Vec::new())
    }

    pub fn click(&mut self, begin: &str) -> Vec<Action> {
        let place = self.settle().node(begin).center;
        let button = |pressed| Event::PointerButton {
            pos: place,
            button: PointerButton::Primary,
            pressed,
            modifiers: Modifiers::NONE,
        };
        let mut actions = self.frame(vec![Event::PointerMoved(place)]).actions;
        actions.extend(self.frame(vec![button(true)]).actions);
        actions.extend(self.frame(vec![button(false)]).actions);
        // away from everything that reacts to the pointer
        actions.extend(self.frame(vec![Event::PointerMoved(pos2(1090.0, 2.0))]).actions);
        actions
    }

    pub fn press(&mut self, key: Key) -> Shown {
        let (modifiers, repeat) = (Modifiers::NONE, false);
        let event = |pressed| Event::Key { key, physical_key: None, pressed, repeat, modifiers };
        self.frame(vec![event(true), event(false)]);
        self.settle()
    }

    /// Goes to a widget by the tab key.
    pub fn focus(&mut self, begin: &str) {
        for _ in 0..60 {
            if self.settle().nodes.iter().any(|node| node.has_focus && node.name.starts_with(begin)) {
                return;
            }
            self.press(Key::Tab);
        }
        panic!("{begin} cannot be reached by the tab key");
    }
}
