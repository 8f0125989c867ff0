//! Two processes compared link by link.

use eframe::egui::{self, Align2, CornerRadius, Rect, Role, Sense, Ui, pos2, vec2};

use crate::layout::matrix::{KINDS, Same};
use crate::model::{Link, NsKind, ProcId, Process, World, names};
use crate::ui::memo::Memo;
use crate::ui::text::HoverText as _;
use crate::ui::{Action, Cx, WorldVersion, text, tokens, widgets};

const ROW_H: f32 = 20.0;
/// How many processes the list to choose from has.
const MAX_FOUND: usize = 100;
const POPUP_W: f32 = 360.0;

/// What the selected process is compared with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Compared {
    /// The observer's own namespaces.
    Host,
    Process(ProcId),
}

#[derive(Clone, Debug, Default)]
pub struct CompareState {
    second: Option<Compared>,
    search: String,
    found: Memo<(WorldVersion, String), Vec<ProcId>>,
}

impl CompareState {
    pub fn is_second(&self, compared: Compared) -> bool {
        self.second == Some(compared)
    }

    pub const fn set_second(&mut self, compared: Compared) {
        self.second = Some(compared);
    }
}

pub fn compare_ui(ui: &mut Ui, cx: &mut Cx<'_>, state: &mut CompareState) {
    let world = cx.world;
    let first = cx.selection.process.and_then(|id| world.process(id));
    ui.horizontal(|ui| {
        widgets::section(ui, cx.tokens, "Compare");
        ui.with_layout(egui::Layout::right_to_left(egui::Align::Center), |ui| {
            if state.second.is_some() && ui.button("Clear").clicked() {
                state.second = None;
            }
            ui.add_enabled_ui(first.is_some(), |ui| choose_ui(ui, cx, state));
        });
    });
    let Some(first) = first else {
        let hint = "Select a process, then Ctrl + click another one to compare their namespaces.";
        ui.add(egui::Label::new(text::rich(hint).color(cx.tokens.muted)).wrap());
        return;
    };
    let second = match state.second {
        None => {
            let words = format!("Compare {} with another process: Ctrl + click it.", names::member_name(first));
            ui.add(egui::Label::new(text::rich(words).color(cx.tokens.muted)).wrap());
            return;
        }
        Some(Compared::Host) => None,
        Some(Compared::Process(id)) => {
            let Some(p) = world.process(id) else {
                ui.label(text::rich("The other process is not known at this moment.").color(cx.tokens.muted));
                return;
            };
            Some(p)
        }
    };
    table_ui(ui, cx, first, second);
}

/// `second`: `None` for the host.
fn table_ui(ui: &mut Ui, cx: &mut Cx<'_>, first: &Process, second: Option<&Process>) {
    let tokens = cx.tokens;
    let name =
        |p: Option<&Process>| p.map_or("this host".into(), |p| format!("{} {}", names::member_name(p), p.id.pid));
    let pairs = KINDS.map(|kind| (kind, link(cx.world, Some(first), kind), link(cx.world, second, kind)));
    let count = |same| pairs.iter().filter(|(_, a, b)| Same::of(*a, *b) == same).count();
    let (same, unknown) = (count(Same::Yes), count(Same::NotKnown));
    let mut words = format!("{same} of 8 are the same");
    if unknown > 0 {
        words = format!("{words}, {unknown} not known");
    }
    ui.spacing_mut().item_spacing.y = 0.0;
    let heads = [String::new(), name(Some(first)), name(second), words];
    let (rect, response) = ui.allocate_exact_size(vec2(ui.available_width(), ROW_H + 4.0), Sense::hover());
    for (place, head) in cells(rect).into_iter().zip(&heads) {
        let font = tokens::semibold(11.5);
        text::put(ui, place.left_center(), Align2::LEFT_CENTER, head, font, tokens.text, place.width() - 8.0);
    }
    let whole = format!("{} and {}: {}", heads[1], heads[2], heads[3]);
    response.widget_info(|| text::labeled(Role::Label, true, &whole));
    response.hover_text(&whole);
    for (kind, a, b) in pairs {
        pair_ui(ui, cx, kind, a, b);
    }
}

fn pair_ui(ui: &mut Ui, cx: &mut Cx<'_>, kind: NsKind, a: Link, b: Link) {
    let tokens = cx.tokens;
    let (rect, response) = ui.allocate_exact_size(vec2(ui.available_width(), ROW_H), Sense::click());
    if response.hovered() {
        ui.painter().rect_filled(rect, CornerRadius::same(4), tokens.inset);
    }
    if response.has_focus() {
        widgets::focus_ring(ui, tokens, rect.shrink(2.0), 4);
    }
    let (sign, words, ink) = match Same::of(a, b) {
        Same::Yes => ("=", "same", tokens.good),
        Same::No => ("≠", "different", tokens.warn),
        Same::NotKnown => ("?", "not known", tokens.faint),
    };
    let place = cells(rect);
    let put = |nth: usize, value: &str, font, ink| {
        let at = place[nth].left_center();
        text::put(ui, at, Align2::LEFT_CENTER, value, font, ink, place[nth].width() - 8.0);
    };
    let (left, right) = (link_words(a), link_words(b));
    put(0, kind.name(), tokens::mono_bold(11.5), tokens.ns(kind));
    put(1, &left, tokens::mono(11.0), tokens.text);
    put(2, &right, tokens::mono(11.0), tokens.text);
    put(3, &format!("{sign} {words}"), tokens::semibold(11.5), ink);
    let links = if left == right { left } else { format!("{left} and {right}") };
    response.widget_info(|| text::labeled(Role::Row, true, format!("{kind}: {words}, {links}")));
    if response.clicked()
        && let Some(ns) = b.namespace().or(a.namespace())
    {
        cx.act(Action::SelectNamespace(ns));
    }
}

/// The kind, the two links, and whether they are the same.
fn cells(row: Rect) -> [Rect; 4] {
    let parts = [0.0, 0.15, 0.43, 0.71, 1.0].map(|part| row.left() + 4.0 + part * (row.width() - 4.0));
    std::array::from_fn(|nth| Rect::from_min_max(pos2(parts[nth], row.top()), pos2(parts[nth + 1], row.bottom())))
}

/// `p`: `None` for the host.
fn link(world: &World, p: Option<&Process>, kind: NsKind) -> Link {
    match p {
        Some(p) => Link::of(p, kind),
        None => world.host.namespaces.get(kind).map_or(Link::NotVisible, Link::In),
    }
}

fn link_words(link: Link) -> String {
    match link {
        Link::In(ns) => ns.ino.to_string(),
        Link::Left => "left at exit".into(),
        Link::NotVisible => "not visible".into(),
    }
}

/// The button that opens the list of all processes.
fn choose_ui(ui: &mut Ui, cx: &Cx<'_>, state: &mut CompareState) {
    let button = ui.button("Compare with…");
    let is_new = button.clicked();
    let popup = egui::Popup::menu(&button).gap(6.0).close_behavior(egui::PopupCloseBehavior::CloseOnClickOutside);
    popup.show(|ui| {
        ui.set_width(POPUP_W);
        if is_new {
            state.search.clear();
        }
        let hint = text::rich("Name, pid, pod or member").color(cx.tokens.faint);
        let edit = egui::TextEdit::singleline(&mut state.search).hint_text(hint).desired_width(POPUP_W - 12.0);
        let edit = ui.add(edit);
        edit.widget_info(|| text::labeled(Role::TextInput, true, "Search a process to compare with"));
        if is_new {
            edit.request_focus();
        }
        let CompareState { second, search, found } = state;
        let found = found.get((cx.version, search.clone()), || find(cx.world, search));
        egui::ScrollArea::vertical().max_height(280.0).show(ui, |ui| {
            ui.spacing_mut().item_spacing.y = 1.0;
            let host = ("this host".to_owned(), "its own namespaces".to_owned());
            if search.is_empty() && choice_ui(ui, cx, &host) {
                *second = Some(Compared::Host);
                ui.close();
            }
            for p in found.iter().filter_map(|id| cx.world.process(*id)) {
                let pod = p.member.as_ref().and_then(|m| cx.world.pod(&m.pod)).map_or("", |pod| pod.name.as_str());
                let words = (names::member_name(p), format!("{} {pod}", p.id.pid));
                if choice_ui(ui, cx, &words) {
                    *second = Some(Compared::Process(p.id));
                    ui.close();
                }
            }
            if found.len() == MAX_FOUND {
                ui.label(text::rich("There are more: search for a name.").color(cx.tokens.muted));
            }
            if found.is_empty() {
                ui.label(text::rich("No process matches.").color(cx.tokens.muted));
            }
        });
    });
}

fn choice_ui(ui: &mut Ui, cx: &Cx<'_>, (name, detail): &(String, String)) -> bool {
    let tokens = cx.tokens;
    let (rect, response) = ui.allocate_exact_size(vec2(ui.available_width(), 22.0), Sense::click());
    if response.hovered() || response.has_focus() {
        ui.painter().rect_filled(rect, CornerRadius::same(4), tokens.accent_fill);
    }
    let right = rect.right_center() - vec2(6.0, 0.0);
    let detail = text::put(ui, right, Align2::RIGHT_CENTER, detail, tokens::mono(11.0), tokens.muted, 150.0);
    let at = rect.left_center() + vec2(6.0, 0.0);
    text::put(ui, at, Align2::LEFT_CENTER, name, tokens::sans(12.5), tokens.text, detail.left() - at.x - 8.0);
    response.widget_info(|| text::labeled(Role::MenuItem, true, format!("Compare with {name}")));
    response.clicked()
}

/// The first processes that are not reaped and match every word, those of pods first.
fn find(world: &World, search: &str) -> Vec<ProcId> {
    let words: Vec<String> = search.to_lowercase().split_whitespace().map(str::to_owned).collect();
    let matches = |p: &&Process| {
        let pod = p.member.as_ref().and_then(|m| world.pod(&m.pod)).map_or("", |pod| pod.name.as_str());
        let hay = format!("{} {} {} {pod}", names::member_name(p), p.title(), p.id.pid).to_lowercase();
        words.iter().all(|word| hay.contains(word.as_str()))
    };
    let of_pods = world.processes_of_pods();
    let others = world.present().filter(|p| p.member.is_none());
    of_pods.into_iter().chain(others).filter(matches).take(MAX_FOUND).map(|p| p.id).collect()
}
