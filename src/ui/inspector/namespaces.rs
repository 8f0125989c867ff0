//! The namespaces of a process: with whom it shares each, and who holds it.

use std::collections::{BTreeMap, BTreeSet};

use eframe::egui::{self, Align2, CornerRadius, Role, Sense, Ui, vec2};

use crate::model::{Member, NsId, NsKind, Process, World};
use crate::ui::text::HoverText as _;
use crate::ui::{Action, Cx, text, tokens, widgets};

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

pub fn row_ui(ui: &mut Ui, cx: &mut Cx<'_>, p: &Process, kind: NsKind, sharers: &str) {
    let tokens = cx.tokens;
    let (rect, response) = ui.allocate_exact_size(vec2(ui.available_width(), 19.0), Sense::click());
    if response.hovered() {
        ui.painter().rect_filled(rect.expand2(vec2(6.0, 0.0)), CornerRadius::same(4), tokens.inset);
    }
    let left = rect.left_center();
    ui.painter().circle_filled(left + vec2(5.0, 0.0), 4.0, tokens.ns(kind));
    text::put(ui, left + vec2(18.0, 0.0), Align2::LEFT_CENTER, kind.name(), tokens::mono(12.0), tokens.text, 56.0);
    let Some(ns) = p.namespaces.get(kind) else {
        let at = left + vec2(76.0, 0.0);
        text::put(ui, at, Align2::LEFT_CENTER, "not visible", tokens::sans(12.0), tokens.faint, 120.0);
        response.widget_info(|| text::labeled(Role::Label, true, format!("{kind} namespace not visible")));
        return;
    };
    let ino = text::put(
        ui,
        left + vec2(76.0, 0.0),
        Align2::LEFT_CENTER,
        &ns.ino.to_string(),
        tokens::mono(12.0),
        tokens.muted,
        100.0,
    );
    let ink = if matches!(sharers, "host" | "private" | "released") { tokens.faint } else { tokens.text };
    let room = rect.right() - ino.right() - 10.0;
    text::put(ui, rect.right_center(), Align2::RIGHT_CENTER, sharers, tokens::sans(12.0), ink, room);
    response.widget_info(|| text::labeled(Role::Button, true, format!("{ns}, {sharers}")));
    if response.clicked() {
        cx.act(Action::SelectNamespace(ns));
    }
}

pub fn holders_ui(ui: &mut Ui, cx: &Cx<'_>, holders: &[(NsKind, String)]) {
    widgets::section(ui, cx.tokens, "Namespace holders");
    for (kind, holders) in holders {
        let row = format!("{kind:<5}{holders}");
        let label = text::rich(&row).font(tokens::mono(11.5)).color(cx.tokens.text);
        ui.add(egui::Label::new(label).truncate()).hover_text(row);
    }
}
