//! The namespaces of a process: with whom it shares each, and who holds it.

use std::collections::{BTreeMap, BTreeSet};

use eframe::egui::{Align2, Color32, CornerRadius, Pos2, Rect, Role, Sense, Ui, vec2};

use super::facts::{explain, section_ui};
use crate::model::{Member, NsId, NsKind, Process, World};
use crate::ui::text::HoverText as _;
use crate::ui::{Action, Cx, text, tokens, widgets};
use crate::wording::terms::{Term, isolates};

/// The width of the kinds in the list of holders.
const HELD_W: f32 = 44.0;

/// The kinds whose holders are listed.
const HELD: [NsKind; 5] = [NsKind::Net, NsKind::Ipc, NsKind::Uts, NsKind::Pid, NsKind::Mnt];

/// What is found by looking at all processes in the namespaces of one.
#[derive(Clone, Debug)]
pub struct Namespaces {
    /// The other members in it, in words. Of each kind in the order of `NsKind::ALL`; empty where it is not visible.
    pub sharers: Vec<String>,
    /// The processes that hold each of its namespaces, in words. Those of the host are left out.
    pub holders: Vec<(NsKind, String)>,
}

impl Namespaces {
    pub fn of(world: &World, p: &Process) -> Self {
        let sharers = |kind| p.namespaces.get(kind).map_or(String::new(), |ns| sharers(world, ns, p.member.as_ref()));
        let held = |kind| p.namespaces.get(kind).filter(|ns| !world.is_host_ns(*ns));
        Self {
            sharers: NsKind::ALL.into_iter().map(sharers).collect(),
            holders: HELD.into_iter().filter_map(|kind| Some((kind, holders(world, held(kind)?)))).collect(),
        }
    }
}

/// The other pod members in a namespace, in words.
fn sharers(world: &World, ns: NsId, except: Option<&Member>) -> String {
    if world.is_host_ns(ns) {
        return "host".into();
    }
    let inside = world.ns_members_of_pods(ns);
    let mut members: Vec<&Member> =
        inside.into_iter().filter_map(|p| p.member.as_ref()).filter(|m| Some(*m) != except).collect();
    members.sort();
    members.dedup();
    let pods: BTreeSet<_> = members.iter().map(|m| &m.pod).collect();
    if pods.len() > 1 {
        return format!("{} of {} pods", text::count(members.len(), "member", "members"), pods.len());
    }
    if world.ns_members(ns).next().is_none() {
        return "released".into();
    }
    if members.is_empty() { "private".into() } else { members.iter().map(|m| m.name()).collect::<Vec<_>>().join(", ") }
}

/// The processes in a namespace by member, pause first: `pause, nginx ×3, busybox ×2`.
pub fn holders(world: &World, ns: NsId) -> String {
    let mut counts: BTreeMap<(bool, &str), usize> = BTreeMap::new();
    for p in world.ns_members(ns) {
        let holder = match &p.member {
            Some(m) => (m.container.is_some(), m.name()),
            None => (true, p.comm.as_str()),
        };
        *counts.entry(holder).or_default() += 1;
    }
    if counts.is_empty() {
        return "no process".into();
    }
    let parts = counts.into_iter().map(|((_, name), n)| if n > 1 { format!("{name} ×{n}") } else { name.to_owned() });
    parts.collect::<Vec<_>>().join(", ")
}

/// Where the members begin in a row.
const SHARERS_X: f32 = 170.0;

pub fn row_ui(ui: &mut Ui, cx: &mut Cx<'_>, p: &Process, kind: NsKind, sharers: &str) {
    let tokens = cx.tokens;
    let Some(ns) = p.namespaces.get(kind) else { return not_visible_ui(ui, cx, kind) };
    let ink = if matches!(sharers, "host" | "private" | "released") { tokens.faint } else { tokens.text };
    let room = ui.available_width() - SHARERS_X;
    let members = text::wrapped(ui, sharers, tokens::sans(12.0), ink, room, 6);
    let height = (members.size().y + 5.0).max(19.0);
    let (rect, response) = ui.allocate_exact_size(vec2(ui.available_width(), height), Sense::click());
    if response.hovered() {
        ui.painter().rect_filled(rect.expand2(vec2(6.0, 0.0)), CornerRadius::same(4), tokens.inset);
    }
    let left = kind_ui(ui, cx, rect, kind, tokens.text);
    let ino = ns.ino.to_string();
    text::put(ui, left, Align2::LEFT_CENTER, &ino, tokens::mono(12.0), tokens.muted, SHARERS_X - 80.0);
    ui.painter().galley(rect.right_top() + vec2(-members.size().x, 2.5), members, ink);
    if response.has_focus() {
        widgets::focus_ring(ui, tokens, rect, 4);
    }
    response.widget_info(|| text::labeled(Role::Button, true, format!("{ns}, {sharers}")));
    if response.clicked() {
        cx.act(Action::SelectNamespace(ns));
    }
    explain(ui, response, &format!("{}: {}. {}", kind.name(), isolates(kind), sharers_words(sharers)));
}

fn not_visible_ui(ui: &mut Ui, cx: &Cx<'_>, kind: NsKind) {
    let tokens = cx.tokens;
    let (rect, response) = ui.allocate_exact_size(vec2(ui.available_width(), 19.0), Sense::hover());
    let left = kind_ui(ui, cx, rect, kind, tokens.text);
    text::put(ui, left, Align2::LEFT_CENTER, "not visible", tokens::sans(12.0), tokens.faint, 120.0);
    response.widget_info(|| text::labeled(Role::Label, true, format!("{kind} namespace not visible")));
    let why = "the link of the process could not be read; only root and the process's own user may read it.";
    explain(ui, response, &format!("{}: {}. not visible: {why}", kind.name(), isolates(kind)));
}

/// The sign and the name of a kind. Returns where the rest of the first line begins.
fn kind_ui(ui: &Ui, cx: &Cx<'_>, rect: Rect, kind: NsKind, ink: Color32) -> Pos2 {
    let left = rect.left_top() + vec2(0.0, 9.5);
    ui.painter().circle_filled(left + vec2(5.0, 0.0), 4.0, cx.tokens.ns(kind));
    text::put(ui, left + vec2(18.0, 0.0), Align2::LEFT_CENTER, kind.name(), tokens::mono(12.0), ink, 56.0);
    left + vec2(76.0, 0.0)
}

/// What it means who shares a namespace.
fn sharers_words(sharers: &str) -> String {
    match sharers {
        "host" => "The machine itself is in it too. Click to select it.".to_owned(),
        "private" => "No other member of the pod is in it. Click to select it.".to_owned(),
        "released" => "No process is in it any more.".to_owned(),
        members => format!("Also in it: {members}. Click to select it."),
    }
}

pub fn holders_ui(ui: &mut Ui, cx: &Cx<'_>, holders: &[(NsKind, String)]) {
    section_ui(ui, cx, Term::NamespaceHolders);
    for (kind, holders) in holders {
        let room = ui.available_width() - HELD_W;
        let words = text::wrapped(ui, holders, tokens::mono(11.5), cx.tokens.text, room, 6);
        let size = vec2(ui.available_width(), (words.size().y + 3.0).max(18.0));
        let (rect, response) = ui.allocate_exact_size(size, Sense::hover());
        let left = rect.left_top() + vec2(0.0, 8.5);
        text::put(ui, left, Align2::LEFT_CENTER, kind.name(), tokens::mono(11.5), cx.tokens.muted, HELD_W);
        ui.painter().galley(rect.left_top() + vec2(HELD_W, 1.0), words, cx.tokens.text);
        response.widget_info(|| text::labeled(Role::Label, true, format!("{kind} {holders}")));
        response.hover_text(format!("{kind} is held by {holders}"));
    }
}
